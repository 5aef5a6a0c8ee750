"""A real full and a real read-only disk."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from latentviz import Run, Workspace
from latentviz.errors import WorkspaceError
from latentviz.jobs import KINDS, Job, JobRecord, submit, work
from latentviz.workspace import Manifest, SetEntry, manifest
from latentviz.workspace.exporting import export_table
from latentviz.workspace.run import listing_fingerprint, listing_of

ROWS, WIDTH, CHUNK = 4000, 64, 500  # 1 MB of features
FEATURES = np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)
LISTING = listing_of([str(i) for i in range(ROWS)], [""] * ROWS, None)
ENTRY = SetEntry(name="test", role="ind", listed=ROWS, listing=listing_fingerprint(LISTING))


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of 1.5 MB."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return ballast


def new_run(disk: Path) -> Run:
    description = Manifest(name="run", created="", classes=["a", "b"], width=WIDTH, chunk=CHUNK)
    return Workspace(disk / "workspace").create_run(description, None)


def append_rest(writer) -> None:
    for start in range(writer.state.rows, ROWS, CHUNK):
        z = FEATURES[start : start + CHUNK]
        writer.append(z, z[:, :2])
    writer.finish()


def test_what_was_written_before_the_disk_was_full_stays_and_is_continued(disk):
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * 900_000)
    run = new_run(disk)
    with pytest.raises(WorkspaceError, match=r'of "test" could not be written: the disk is full\. What was finished'):
        append_rest(run.add_set(ENTRY, LISTING, 0))
    part = run.reopened()["test"]
    assert 0 < len(part) < ROWS
    assert len(part) % CHUNK == 0
    np.testing.assert_array_equal(part.features, FEATURES[: len(part)])
    ballast.unlink()
    append_rest(run.reopened().add_set(ENTRY, LISTING, 0))
    done = run.reopened()["test"]
    assert done.complete
    np.testing.assert_array_equal(done.features, FEATURES)


def test_the_same_writer_can_go_on_after_space_was_made(disk):
    run = new_run(disk)
    writer = run.add_set(ENTRY, LISTING, 0)
    z = FEATURES[:CHUNK]
    writer.append(z, z[:, :2])
    ballast = fill(disk)
    nothing = np.zeros((0, WIDTH), np.float32)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        writer.append(nothing, nothing[:, :2], skipped={CHUNK: "not an image"})
    assert writer.state.skipped == {}
    ballast.unlink()
    append_rest(writer)
    np.testing.assert_array_equal(run.reopened()["test"].features, FEATURES)


def test_a_set_that_could_not_be_noted_is_noted_later(disk):
    run = new_run(disk)
    ballast = fill(disk)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        run.add_set(ENTRY, LISTING, 0)
    assert len(Workspace(disk / "workspace")["run"].sets) == 0
    ballast.unlink()
    append_rest(run.add_set(ENTRY, LISTING, 0))
    assert len(run.reopened()["test"]) == ROWS


def test_a_workspace_that_could_not_be_made_can_be_made_later(disk):
    ballast = fill(disk)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        Workspace(disk / "workspace")
    ballast.unlink()
    assert Workspace(disk / "workspace").names() == []


def test_arrays_that_do_not_fit_leave_no_run(disk):
    workspace = Workspace(disk / "workspace")
    (disk / "ballast").write_bytes(b"x" * 1_000_000)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        Run.from_arrays({"test": FEATURES}, {"test": FEATURES[:, :2]}, workspace=workspace)
    assert workspace.names() == []


def test_a_result_that_does_not_fit_leaves_nothing(disk):
    run = new_run(disk)
    key = run.derived.key("umap", {}, [])
    with pytest.raises(WorkspaceError, match=r"The result umap/.* could not be written: the disk is full"):
        run.derived.save(key, {"layout": np.ones(1_000_000)}, {})
    assert key not in run.derived
    assert list((run.folder / "derived" / "umap").iterdir()) == []


def test_an_export_that_does_not_fit_leaves_the_last_one(disk, workspace):
    run = Run.from_arrays({"test": FEATURES}, {"test": FEATURES[:, :2]}, workspace=workspace)
    for name in ("table.csv", "table.parquet"):
        export_table(run, disk / name)
        before = (disk / name).read_bytes()
        ballast = fill(disk)
        with pytest.raises(WorkspaceError, match=rf"{name} could not be written: the disk is full"):
            export_table(run, disk / name, features=True)
        ballast.unlink()
        assert [path.name for path in disk.iterdir()] == [name]
        assert (disk / name).read_bytes() == before
        (disk / name).unlink()


FILLING = """
import errno, os
def run_job(workspace, parameters, progress):
    progress("Filling", 0, 0)
    ballast = open(parameters["ballast"], "ab", buffering=0)
    for size in (65536, 4096, 1):
        try:
            while ballast.write(b"x" * size):
                pass
        except OSError:
            continue
    progress("Going on", 1, 2)
    if parameters["raises"]:
        raise OSError(errno.ENOSPC, "No space left on device")
    return "done all the same"
"""


@pytest.mark.parametrize(
    ("raises", "status", "message"),
    [(True, "failed", "The result could not be written: the disk is full"), (False, "done", "done all the same")],
)
def test_a_job_tells_its_end_on_a_full_disk(disk, tmp_path, monkeypatch, raises, status, message):
    (tmp_path / "filling.py").write_text(FILLING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(KINDS, "fill", "filling:run_job")
    folder = disk / "workspace" / "jobs" / "one"
    folder.mkdir(parents=True)
    parameters = {"ballast": str(disk / "ballast"), "raises": raises}
    manifest.write(folder / "job.json", JobRecord(kind="fill", title="Fill", parameters=parameters, created=""))
    before = signal.getsignal(signal.SIGTERM)
    try:
        work(disk / "workspace", "one")
    finally:
        signal.signal(signal.SIGTERM, before)
    state = Job(folder).state
    assert state.status == status
    assert state.message.startswith(message)
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".json") == ["job.json", "state.json"]
    assert not (folder / "reserve").exists()


def test_a_job_that_cannot_be_noted_is_a_sentence(disk):
    workspace = Workspace(disk / "workspace")
    fill(disk)
    with pytest.raises(WorkspaceError, match='Job "Map" could not be written: the disk is full'):
        submit(workspace.path, "project", "Map", {})


def test_a_read_only_disk_can_be_read(disk):
    run = new_run(disk)
    writer = run.add_set(ENTRY, LISTING, 0)
    writer.append(FEATURES[:CHUNK], FEATURES[:CHUNK, :2])
    with run.writing():
        pass
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    workspace = Workspace(disk / "workspace")
    assert workspace.table()["state"].tolist() == ["unfinished, 12%"]
    assert len(workspace["run"]["test"].table()) == CHUNK
    with pytest.raises(WorkspaceError, match="the disk is read-only"):
        writer.append(FEATURES[CHUNK : 2 * CHUNK], FEATURES[CHUNK : 2 * CHUNK, :2])
    with pytest.raises(WorkspaceError, match="the disk is read-only"), workspace["run"].writing():
        pass


def test_a_training_keeps_the_epochs_that_were_finished(disk):
    """And goes on once there is room."""
    torch = pytest.importorskip("torch")
    from latentviz.training import Recipe
    from latentviz.training.images import Images
    from latentviz.training.loop import fit
    from latentviz.training.state import state_of

    images = Images(torch.rand(8, 1, 8, 8), torch.arange(8) % 2)
    recipe = Recipe(architecture="cnn3", epochs=2, batch=8, augmentation="none")

    def full(epoch: int, _network: object) -> None:
        if epoch == 2:
            fill(disk)

    with pytest.raises(WorkspaceError, match="The training could not be written: the disk is full"):
        fit(recipe, images, None, 2, disk / "training", full)
    assert len(state_of(disk / "training").history) == 1
    (disk / "ballast").unlink()
    _, state = fit(recipe, images, None, 2, disk / "training")
    assert len(state.history) == 2
