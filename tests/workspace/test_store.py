"""Workspaces, manifests and locks on disk."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import zarr

from latentviz import Run, Workspace
from latentviz.errors import RunLockedError, WorkspaceError
from latentviz.latents import Head
from latentviz.workspace import Manifest

HEAD = Head(np.eye(3), np.zeros(3))
Z = np.eye(3, dtype=np.float32)


def add(workspace: Workspace, name: str = "run", scale: float = 1) -> Run:
    return Run.from_arrays({"test": scale * Z}, head=HEAD, workspace=workspace, name=name)


# --- names and folders ---


@pytest.mark.parametrize(
    "name", ["../x", "", "a/b", ".hidden", "a\\b", "a:b", "x" * 101, "end ", "end.", "a\nb", "-x", "影" * 80]
)
def test_names_that_are_no_folder_names(workspace, name):
    with pytest.raises(WorkspaceError, match="cannot be the name of a run"):
        add(workspace, name)
    assert list(workspace.path.rglob("manifest.json")) == []


@pytest.mark.parametrize(
    "name", ["ResNet-20 (no)".replace("(no)", "v1.2"), "Übung 3", "x" * 100, "a+b", "7", "_", "影" * 60]
)
def test_names_that_people_use(workspace, name):
    assert add(workspace, name).name == name
    assert name in workspace
    assert Workspace(workspace.path).names() == [name]


def test_an_unknown_run_or_set_lists_the_others(workspace):
    with pytest.raises(WorkspaceError, match=r'has no run "none"; it has: none yet'):
        workspace["none"]
    add(workspace, "b")
    add(workspace, "a")
    with pytest.raises(WorkspaceError, match=r'has no run "c"; it has: a, b'):
        workspace["c"]
    with pytest.raises(WorkspaceError, match=r'Run "a" has no set "train"; it has test'):
        workspace["a"]["train"]


def test_runs_outside_the_workspace_cannot_be_reached(workspace, tmp_path):
    other = add(Workspace(tmp_path / "other"), "secret")
    for name in ("../../other/runs/secret", str(other.folder), "../../../x", ".", ""):
        assert name not in workspace
        with pytest.raises(WorkspaceError, match="has no run"):
            workspace[name]
        with pytest.raises(WorkspaceError, match="has no run"):
            workspace.delete(name)
    assert other.folder.exists()


def test_folders_that_are_no_workspace(tmp_path):
    with pytest.raises(WorkspaceError, match="is not a workspace"):
        Workspace(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "photo.png").touch()
    with pytest.raises(WorkspaceError, match="holds other files"):
        Workspace(tmp_path)
    with pytest.raises(WorkspaceError, match="is a file; a workspace is a folder"):
        Workspace(tmp_path / "photo.png")


def test_workspace_opens_again(workspace):
    add(workspace)
    again = Workspace(workspace.path, create=False)
    assert (len(again), again.names(), [run.name for run in again]) == (1, ["run"], ["run"])
    np.testing.assert_array_equal(again["run"]["test"].features, Z)


def test_table_of_runs(workspace):
    assert workspace.table().empty
    add(workspace)
    row = workspace.table().iloc[0].to_dict()
    assert {k: row[k] for k in ("run", "model", "head", "classes", "width", "sets", "samples", "state")} == {
        "run": "run", "model": "imported arrays", "head": "linear", "classes": 3, "width": 3, "sets": 1,
        "samples": 3, "state": "complete",
    }  # fmt: skip


def test_deleted_runs_are_gone(workspace):
    run = add(workspace)
    add(workspace, "other")
    workspace.delete("run")
    assert workspace.names() == ["other"]
    assert not run.folder.exists()
    with pytest.raises(WorkspaceError, match='has no run "run"'):
        workspace.delete("run")


def test_what_an_interrupted_deletion_left_is_no_run_and_goes_with_the_next(workspace):
    add(workspace)
    add(workspace, "other")
    folder = workspace.path / "runs"
    (folder / "run").rename(folder / ".run.1234abcd.deleted")  # the first step of delete()
    assert workspace.names() == ["other"]
    assert workspace.table()["run"].tolist() == ["other"]
    workspace.delete("other")
    assert list(folder.iterdir()) == []


def test_what_an_interrupted_creation_left_does_not_come_back(workspace):
    run = add(workspace)
    run.derived.save(run.derived.key("umap", {}, []), {"layout": Z}, {})
    (run.folder / "manifest.json").unlink()  # the last that is written
    assert workspace.names() == []
    again = add(workspace, "run", scale=5)
    np.testing.assert_array_equal(again["test"].features, 5 * Z)
    assert again.derived.list("umap") == {}


def test_a_run_deleted_while_another_of_its_name_is_made_takes_nothing_with_it(workspace, monkeypatch):
    add(workspace)
    remove = shutil.rmtree

    def late(path, **options):
        monkeypatch.undo()
        add(workspace, scale=5)  # between the deletion's two steps
        remove(path, **options)

    monkeypatch.setattr("shutil.rmtree", late)
    workspace.delete("run")
    np.testing.assert_array_equal(workspace["run"]["test"].features, 5 * Z)


def test_a_run_without_sets_is_neither_complete_nor_an_error(workspace):
    run = workspace.create_run(Manifest(name="run", created="", classes=["a"], width=2), None)
    assert not run.complete
    assert workspace.table()["state"].tolist() == ["unfinished, 0%"]
    with_sets = add(workspace, "other").table()
    assert run.table().columns.tolist() == with_sets.columns.tolist()
    assert len(run.table()) == 0


# --- damage and versions ---


@pytest.mark.parametrize("name", ["weight", "bias"])
@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda folder: shutil.rmtree(folder), "missing"),
        (lambda folder: (folder / "zarr.json").write_text("null"), "damaged"),
        (lambda folder: shutil.rmtree(folder / "c"), "damaged"),
        (lambda folder: next(p for p in (folder / "c").rglob("*") if p.is_file()).write_bytes(b"half"), "damaged"),
    ],
    ids=["gone", "no description", "no chunk", "half a chunk"],
)
def test_a_damaged_head_is_named_and_leaves_the_other_runs_usable(workspace, name, harm, word):
    add(workspace, "good")
    harm(add(workspace, "bad").folder / "head" / name)
    with pytest.raises(WorkspaceError, match=rf"bad.head.{name} is {word}\."):
        _ = workspace["bad"].head
    assert dict(workspace.table()[["run", "state"]].to_numpy()) == {"bad": "damaged", "good": "complete"}


def test_a_head_of_nan_is_damaged(workspace):
    folder = add(workspace).folder / "head"
    zarr.open_array(folder / "bias", mode="r+")[0] = np.nan
    with pytest.raises(WorkspaceError, match="head is damaged: The head's bias has NaN"):
        _ = workspace["run"].head


def edit(path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "null", '{"format": "new"}'])
def test_damaged_workspace_files_are_named(workspace, content):
    (workspace.path / "latentviz.json").write_text(content)
    with pytest.raises(WorkspaceError, match=r"latentviz\.json is damaged"):
        Workspace(workspace.path)


def test_newer_formats_ask_for_an_upgrade(workspace):
    edit(add(workspace).folder / "manifest.json", format=2)
    with pytest.raises(WorkspaceError, match=r"manifest.json was written by a newer latentviz \(format 2.*Upgrade"):
        workspace["run"]
    edit(workspace.path / "latentviz.json", format=3)
    with pytest.raises(WorkspaceError, match=r"newer latentviz \(format 3.*Upgrade"):
        Workspace(workspace.path)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"width": 0}, "width"),
        ({"classes": "abc"}, "classes"),
        ({"head": "cosine"}, "head"),
        ({"colour": "red"}, "colour"),
        ({"sets": [{"name": "a", "role": "near", "listed": 3}]}, "sets.0.role"),
        ({"sets": [{"name": "a", "role": "ind", "listed": 3}] * 2}, "two sets are called a"),
    ],
)
def test_wrong_fields_of_a_manifest_are_named(workspace, changes, field):
    edit(add(workspace).folder / "manifest.json", **changes)
    with pytest.raises(WorkspaceError, match=rf"manifest\.json is damaged at .*{field}"):
        workspace["run"]


@pytest.mark.parametrize("content", [b"", b'{"name": "run"', b"\xff\xfe\x00", b"[1]", b"null"])
def test_damaged_manifests_are_named_and_leave_the_other_runs_usable(workspace, content):
    add(workspace, "good")
    (add(workspace, "bad").folder / "manifest.json").write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"bad.manifest\.json is damaged"):
        workspace["bad"]
    assert [run.name for run in workspace] == ["good"]
    assert dict(workspace.table()[["run", "state"]].to_numpy()) == {"bad": "damaged", "good": "complete"}


# --- locks ---

HOLD = """
import sys
from latentviz import Workspace
with Workspace(sys.argv[1])["run"].writing():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(workspace):
    """Another process that writes the run."""
    add(workspace)
    command = [sys.executable, "-c", HOLD, str(workspace.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_writer_is_told_who_writes(workspace, holder):
    run = workspace["run"]
    assert run.busy
    with pytest.raises(RunLockedError, match=rf'Run "run" is being written by process {holder.pid} on .*\. Wait'):
        run.writing().__enter__()
    with pytest.raises(RunLockedError, match=str(holder.pid)):
        workspace.delete("run")
    np.testing.assert_array_equal(run["test"].features, Z)  # reading goes on


def test_a_killed_writer_gives_the_lock_back(workspace, holder):
    run = workspace["run"]
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not run.busy
    with run.writing():
        assert run.busy
    assert not run.busy


def test_one_process_does_not_write_a_run_twice(workspace):
    add(workspace)
    with (
        workspace["run"].writing(),
        pytest.raises(RunLockedError, match=rf"process {os.getpid()} "),
        workspace["run"].writing(),
    ):
        pass


def test_asking_whether_a_run_is_busy_does_not_get_in_a_writers_way(workspace):
    run = add(workspace)
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            _ = run.busy

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for _ in range(200):
            with workspace["run"].writing():
                pass
    finally:
        stop.set()
        asker.join()


def test_the_lock_is_given_back_after_an_error(workspace):
    run = add(workspace)
    with pytest.raises(RuntimeError, match="in between"), run.writing():
        raise RuntimeError("in between")
    assert not run.busy
    assert not re.search("lock.json", " ".join(os.listdir(run.folder)))
