"""Background jobs as real processes: done, cancelled, killed, failed."""

import os
import signal
from pathlib import Path

import psutil
import pytest

import latentviz as lv
from latentviz.errors import JobError
from latentviz.jobs import Job, JobRecord, JobState, StateWriter, jobs, submit, work
from latentviz.progress import silent
from latentviz.workspace import manifest

ROWS = 2500

pytestmark = [pytest.mark.skipif(os.name == "nt", reason="process groups"), pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def images(tmp_path_factory, make_folder) -> Path:
    return make_folder(tmp_path_factory.mktemp("images"), {"cat": 1000, "dog": 800, "emu": 700})


@pytest.fixture
def parameters(images, checkpoint):
    def make(name: str = "run", batch: int = 4, **changes) -> dict:
        return {
            "model": {"architecture": "resnet20", "checkpoint": str(checkpoint)},
            "sets": [{"name": "train", "role": "fit", "source": str(images)}],
            "name": name,
            "preprocessing": {"mean": [0.5], "std": [0.25]},
            "batch": batch,
            **changes,
        }

    return make


@pytest.fixture
def start(workspace):
    """Submit jobs that are killed at the end of the test."""
    submitted: list[Job] = []

    def run(kind: str, given: dict) -> Job:
        submitted.append(submit(workspace.path, kind, f"Job {len(submitted)}", given))
        return submitted[-1]

    yield run
    for job in submitted:
        if job.folder.exists() and job.active:
            kill(job)


def kill(job: Job) -> None:
    """End a job's processes as the system does when the memory is full."""
    os.killpg(pid(job), signal.SIGKILL)


def pid(job: Job) -> int:
    return int((job.folder / "pid").read_text())


def group(number: int) -> list[psutil.Process]:
    """Living processes of a process group."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getpgid(process.pid) == number and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        except ProcessLookupError:
            pass
    return found


def under_way(job: Job) -> bool:
    state = job.state
    assert state.status in ("waiting", "running"), (state, job.log)
    return state.stage == "train" and 0 < state.done < ROWS


def test_a_job_is_done_while_it_is_watched(workspace, start, parameters, wait_until):
    given = parameters(batch=64)
    job = start("extract", given)
    assert job.active
    assert start("extract", given).id == job.id  # asked for twice, done once
    seen: list[JobState] = []

    def ended() -> bool:
        seen.append(job.state)
        return not job.active

    wait_until(ended)
    final = job.state
    assert (final.status, final.message) == ("done", "run"), job.log
    assert workspace["run"].complete
    assert len(workspace["run"]["train"]) == ROWS
    for state in seen:
        assert state.status in ("waiting", "running", "done")
        assert state.rate >= 0
        assert state.share is None or 0 <= state.share <= 1
        assert state.seconds_left is None or state.seconds_left >= 0
    counted = [state.done for state in seen if state.stage == "train"]
    assert counted == sorted(counted)
    assert (final.done, final.total, final.unit, final.share) == (ROWS, ROWS, "images", 1)
    wait_until(lambda: not group(pid(job)))
    with pytest.raises(JobError, match='no kind of job "cook"; there are extract'):
        start("cook", {})


def test_a_cancelled_job_goes_on_later_bit_for_bit(workspace, start, parameters, wait_until, images, checkpoint):
    job = start("extract", parameters())
    wait_until(lambda: under_way(job) and workspace["run"].progress[0] > 0)
    with pytest.raises(JobError, match="running already"):
        job.start()
    with pytest.raises(JobError, match="cancel it first"):
        job.forget()
    job.cancel()
    assert job.state.status == "cancelled"
    assert "what was finished is kept" in job.state.message
    wait_until(lambda: not group(pid(job)))  # its decoding processes have ended too
    kept = workspace["run"]
    assert not kept.busy
    assert kept.progress[0] >= 1024
    features = kept["train"].features
    job.start()
    wait_until(lambda: not job.active)
    assert job.state.status == "done", job.log
    run = workspace["run"]
    assert run["train"].features[: len(features)].tobytes() == features.tobytes()
    whole = lv.extract(
        lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint),
        {"train": lv.folder(images, "fit")},
        workspace=workspace,
        name="whole",
        preprocessing=lv.Preprocessing(mean=(0.5,), std=(0.25,)),
        batch=4,
        progress=silent,
    )
    assert run.fingerprint == whole.fingerprint
    assert run["train"].state == whole["train"].state
    job.forget()
    assert jobs(workspace.path) == []


def test_a_killed_job_was_interrupted_and_can_be_finished(workspace, start, parameters, wait_until):
    job = start("extract", parameters())
    wait_until(lambda: under_way(job))
    kill(job)
    wait_until(lambda: not job.active)
    assert job.state.status == "interrupted"
    assert job.state.message == "The process ended unexpectedly."
    wait_until(lambda: not group(pid(job)))
    assert not workspace["run"].busy
    again = start("extract", parameters(batch=64))  # the same run, asked for anew
    assert again.id != job.id
    wait_until(lambda: not again.active)
    assert again.state.status == "done", again.log
    assert workspace["run"].complete
    assert {j.id for j in jobs(workspace.path)} == {again.id, job.id}


def test_cancelling_before_the_worker_has_begun(start, parameters, wait_until):
    job = start("extract", parameters())
    job.cancel()
    assert job.state.status == "cancelled"
    wait_until(lambda: not group(pid(job)))
    assert job.state.status == "cancelled"


# --- in this process: what a worker writes about its end ---


def record(workspace: lv.Workspace, kind: str, given: dict) -> Job:
    folder = workspace.path / "jobs" / "20250101-000000-abcdef"
    folder.mkdir(parents=True)
    written = {"kind": kind, "title": "A job", "parameters": given, "created": ""}
    manifest.write(folder / "job.json", JobRecord(**written))
    return Job(folder)


@pytest.fixture
def _handlers_kept():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_handlers_kept")
def test_a_failed_job_says_why(workspace, parameters):
    missing = {"name": "train", "role": "fit", "source": "/nowhere"}
    job = record(workspace, "extract", parameters(sets=[missing]))
    assert work(workspace.path, job.id) == 1
    assert (job.state.status, job.state.message) == ("failed", "The folder /nowhere does not exist.")


@pytest.mark.usefixtures("_handlers_kept")
def test_an_error_in_the_work_itself_is_logged(workspace, capfd):
    job = record(workspace, "project", {})
    assert work(workspace.path, job.id) == 1
    assert job.state.status == "failed"
    assert job.state.message == "Unexpected KeyError: 'run'. The log has details."
    assert "Traceback" in capfd.readouterr().err


def test_a_job_without_a_living_worker_was_interrupted(workspace):
    job = record(workspace, "extract", {})
    assert job.state.status == "interrupted"
    manifest.write(job.folder / "state.json", JobState(status="running", stage="train", done=3, total=4))
    assert not job.active
    assert (job.state.status, job.state.done) == ("interrupted", 3)
    job.cancel()  # nothing to end
    job.forget()
    assert not job.folder.exists()


def test_progress_is_counted_per_stage(tmp_path):
    write = StateWriter(tmp_path)

    def read() -> JobState:
        return manifest.read(tmp_path / "state.json", JobState)

    assert (read().status, read().stage) == ("running", "Starting")
    assert read().share is None
    write("train", 0, 10, "images")
    assert (read().done, read().share, read().rate, read().seconds_left) == (0, 0, 0, None)
    write("train", 10, 10, "images")
    assert read().share == 1
    assert read().rate > 0
    assert read().seconds_left == 0
    write("test", 4, 8, "images")  # a set that was begun before
    assert (read().share, read().rate) == (0.5, 0)
    write("Compiling", 0, 0)
    assert read().share is None


def test_jobs_of_one_second_are_listed_in_the_order_they_were_asked_for(workspace):
    asked = [submit(workspace.path, "project", f"job {n}", {"number": n}) for n in range(3)]
    assert [job.id for job in jobs(workspace.path)] == [job.id for job in reversed(asked)]
    for job in asked:
        job.cancel()
