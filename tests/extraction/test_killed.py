"""Extraction as a real process that is killed, and two of them at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import latentviz as lv
from latentviz import Run, Workspace
from latentviz.errors import RunLockedError
from latentviz.progress import silent

ARRAYS = ("features", "logits", "prediction", "confidence", "norm", "thumbnails")
TRAIN, TEST = 2100, 900

pytestmark = [pytest.mark.skipif(os.name == "nt", reason="process groups"), pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def images(tmp_path_factory, make_folder) -> Path:
    path = tmp_path_factory.mktemp("images")
    make_folder(path / "train", {"cat": 700, "dog": 800, "emu": 600}, seed=1)
    make_folder(path / "test", {"cat": 450, "emu": 450}, seed=2)
    return path


def extract(workspace: Workspace, images: Path, checkpoint: Path) -> Run:
    """The same extraction in this process."""
    return lv.extract(
        lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint),
        {"train": lv.folder(images / "train", "fit"), "test": lv.folder(images / "test", "ind")},
        workspace=workspace,
        name="run",
        preprocessing=lv.Preprocessing(mean=(0.5,), std=(0.25,)),
        batch=4,
        progress=silent,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory, images, checkpoint) -> Run:
    """The run that nobody interrupted."""
    return extract(Workspace(tmp_path_factory.mktemp("whole")), images, checkpoint)


@pytest.fixture
def start(images, checkpoint):
    """Start the command, or a program that ends in it; its process group is killed at the end."""
    started: list[subprocess.Popen] = []

    def run(workspace: Path, *program: str, images: Path = images) -> subprocess.Popen:
        command = [sys.executable, *(program or ("-m", "latentviz.cli"))]
        command += ["extract", "-w", workspace, "--name", "run", "--batch", "4", "--skip-unreadable"]
        command += ["--model", "resnet20", "--checkpoint", checkpoint, "--resize", "none"]
        command += ["--mean", "0.5", "--std", "0.25"]
        command += ["--set", f"train={images}/train:fit", "--set", f"test={images}/test:ind"]
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def progress(workspace: Path) -> tuple[int, int]:
    """How many rows both sets have on disk, and are to have."""
    try:
        return Workspace(workspace, create=False)["run"].progress
    except lv.LatentvizError:
        return 0, 0


def kill(process: subprocess.Popen) -> None:
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def assert_same(run: Run, other: Run) -> None:
    assert list(run.sets) == list(other.sets)
    assert run.fingerprint == other.fingerprint
    for s, o in zip(run, other, strict=True):
        assert s.state == o.state
        assert s.complete
        assert s.fingerprint == o.fingerprint
        assert s.index.equals(o.index)
        for name in ARRAYS:
            assert s.array(name).shape == o.array(name).shape
            assert s.read(name).tobytes() == o.read(name).tobytes(), name


def test_killed_twice_and_continued_bit_for_bit(tmp_path, start, wait_until, whole):
    for wanted in (1024, TRAIN):  # within the first set, and within the second
        process = start(tmp_path)
        wait_until(lambda wanted=wanted: progress(tmp_path)[0] >= wanted)
        kill(process)
        run = Workspace(tmp_path)["run"]
        done, total = run.progress
        assert wanted <= done < total == TRAIN + TEST
        assert not run.complete
        assert not run.busy
        assert sum(len(s.features) for s in run) == done
        assert run["train"].read("logits").tobytes() == whole["train"].read("logits")[: len(run["train"])].tobytes()
    last = start(tmp_path)
    _, complaint = last.communicate()
    assert last.returncode == 0, complaint
    assert_same(Workspace(tmp_path)["run"], whole)


def test_killed_before_the_first_chunk(tmp_path, start, wait_until, whole, images, checkpoint):
    process = start(tmp_path)
    wait_until(lambda: progress(tmp_path)[1] == TRAIN + TEST)  # both sets are named, the last step before the first row
    kill(process)
    assert progress(tmp_path) == (0, TRAIN + TEST)
    assert_same(extract(Workspace(tmp_path), images, checkpoint), whole)


KILLED = """
import os, signal, sys
from latentviz import cli

def look(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)) and {file!r} in str(arguments[0]):
        os.killpg(0, signal.SIGKILL)

sys.addaudithook(look)
cli.main()
"""


@pytest.mark.parametrize(
    ("file", "sets"),
    [
        ("sets/train/logits", []),
        ("sets/train/.state.json", []),
        ("sets/test/features", ["train"]),
        ("sets/test/.state.json", ["train"]),
    ],
)
def test_killed_while_the_sets_are_opened(tmp_path, start, whole, images, checkpoint, file, sets):
    process = start(tmp_path, "-c", KILLED.format(file=file))
    _, told = process.communicate()
    assert process.returncode == -signal.SIGKILL, told
    run = Workspace(tmp_path)["run"]
    assert list(run.sets) == sets
    assert not run.complete
    assert not run.busy
    assert run.progress == (0, TRAIN * len(sets))
    assert Workspace(tmp_path).table()["state"].tolist() == ["unfinished, 0%"]
    assert len(run.table()) == 0
    assert_same(extract(Workspace(tmp_path), images, checkpoint), whole)


def test_killed_where_images_were_skipped(tmp_path, start, wait_until, make_folder, checkpoint):
    images = make_folder(tmp_path / "images" / "train", {"cat": 700, "dog": 800, "emu": 600}, seed=1).parent
    make_folder(images / "test", {"cat": 2, "emu": 2})
    for number in (3, 4, 500):
        (images / "train" / "cat" / f"{number:04d}.png").write_bytes(b"")
    (images / "train" / "emu" / "0599.png").write_bytes(b"")
    process = start(tmp_path / "killed", images=images)
    wait_until(lambda: progress(tmp_path / "killed")[0] >= 1024)
    kill(process)
    part = Workspace(tmp_path / "killed")["run"]["train"]
    assert not part.complete
    assert len(part) == len(part.features) == part.state.consumed - 3
    assert len(part) % 1024 != 0
    runs = []
    for name in ("killed", "whole"):
        again = start(tmp_path / name, images=images)
        _, complaint = again.communicate()
        assert again.returncode == 0, complaint
        runs.append(Workspace(tmp_path / name)["run"])
    assert_same(*runs)
    assert len(runs[0]["train"].skipped) == 4


def test_the_second_process_is_told_about_the_first(tmp_path, start, wait_until, images, checkpoint):
    process = start(tmp_path)
    wait_until(lambda: (tmp_path / "runs" / "run" / "sets" / "test" / "state.json").exists())
    assert Workspace(tmp_path)["run"].busy
    with pytest.raises(RunLockedError, match=rf'Run "run" is being written by process {process.pid} on'):
        extract(Workspace(tmp_path), images, checkpoint)
    assert process.poll() is None  # the first goes on


def test_ctrl_c_is_no_crash(tmp_path, start, wait_until):
    process = start(tmp_path)
    wait_until(lambda: (tmp_path / "runs" / "run" / "sets" / "test" / "state.json").exists())
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped. What was finished is kept" in told
    assert "Traceback" not in told
