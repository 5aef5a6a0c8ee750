"""Long work in worker processes that belong to the workspace, not to a browser tab.

A job is a folder ``workspace/jobs/<id>`` with ``job.json`` (what was asked), ``state.json`` (how it
stands) and ``log.txt``. Its process holds the folder's lock while it lives, so that a job whose lock
is free and whose state says "running" was interrupted: by a kill, a crash or a power cut.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from pydantic import BaseModel

from latentviz.errors import Cancelled, JobError, LatentvizError, RunLockedError, WorkspaceError
from latentviz.workspace import manifest
from latentviz.workspace.files import disk_errors, is_locked, write_atomically, writing_lock
from latentviz.workspace.manifest import fingerprint
from latentviz.workspace.run import now

Status = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]

#: What a job can do: ``function(workspace, parameters, progress) -> str`` in a module that is imported by
#: the worker only. A job's record names a kind, never a function, so that it cannot run anything else.
KINDS = {
    "extract": "latentviz.extraction.job:run_job",
    "corrupt": "latentviz.extraction.job:run_corruption",
    "versions": "latentviz.extraction.several:run_job",
    "layers": "latentviz.extraction.job:run_layers",
    "train": "latentviz.training.series:run_job",
    "sar-demo": "latentviz.demo:run_radar",
    "transfer": "latentviz.training.transfer:run_job",
    "project": "latentviz.projection.job:run_job",
    "align": "latentviz.projection.job:run_aligned",
    "trajectory": "latentviz.projection.trajectory:run_job",
    "score": "latentviz.evaluation.job:run_job",
    "statistic": "latentviz.evaluation.feature_statistics:run_job",
    "cluster": "latentviz.evaluation.clustered:run_job",
    "clusters-over": "latentviz.evaluation.cluster_stability:run_job",
    "domains": "latentviz.evaluation.domain_statistics:run_job",
    "indicators": "latentviz.evaluation.indicators:run_job",
}

#: Seconds that a cancelled worker gets to finish its sentence before it is killed.
GRACE = 5.0
#: Progress is written at most this often.
_INTERVAL = 0.2
#: Bytes that a job keeps free on the disk, to tell how it ended when there is no room for anything else.
_RESERVE = 64 * 1024


class JobRecord(BaseModel):
    """What was asked for."""

    kind: str
    title: str
    parameters: dict[str, Any]
    created: str


class JobState(BaseModel):
    """How it stands.

    Attributes
    ----------
    status : str
    stage, unit : str
        What is being done, and what is counted.
    done, total : int
        Total 0: not known.
    rate : float
        Units a second over the last seconds.
    message : str
        Result, or why it failed.
    started, updated : float
        Unix time.
    """

    status: Status = "waiting"
    stage: str = ""
    unit: str = ""
    done: int = 0
    total: int = 0
    rate: float = 0.0
    message: str = ""
    started: float = 0.0
    updated: float = 0.0

    @property
    def share(self) -> float | None:
        """Part of the stage that is done, 0 to 1; None if not known."""
        return min(self.done / self.total, 1.0) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """Estimate for the stage under way."""
        return (self.total - self.done) / self.rate if self.rate and self.total else None


class Job:
    """One piece of background work.

    Attributes
    ----------
    id : str
    folder : Path
    record : JobRecord
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.id = folder, folder.name
        self.record = manifest.read(folder / "job.json", JobRecord)

    @property
    def state(self) -> JobState:
        """How it stands now; a dead worker's job is ``interrupted``."""
        state = self._written()
        if state.status in ("waiting", "running") and not self._alive(state):
            state = self._written()  # it may have ended between the two looks
            if state.status in ("waiting", "running"):
                return state.model_copy(update={"status": "interrupted", "message": "The process ended unexpectedly."})
        return state

    @property
    def active(self) -> bool:
        """Whether its process is alive."""
        return self.state.status in ("waiting", "running")

    @property
    def log(self) -> str:
        """What the worker printed."""
        path = self.folder / "log.txt"
        return path.read_text(errors="replace")[-20_000:] if path.exists() else ""

    def start(self) -> None:
        """Start the worker, or start it again: finished parts are not done twice.

        Raises
        ------
        JobError
            If it is running already.
        WorkspaceError
            If the disk is full.
        """
        if self.active:
            raise JobError(f'"{self.record.title}" is running already.')
        workspace = self.folder.parent.parent
        (self.folder / "pid").unlink(missing_ok=True)
        with disk_errors(f'Job "{self.record.title}"'):
            manifest.write(self.folder / "state.json", JobState(started=time.time(), updated=time.time()))
        with (self.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "latentviz.jobs", str(workspace), self.id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        write_atomically(self.folder / "pid", str(process.pid).encode())
        _children.append(process)

    def cancel(self) -> None:
        """End the worker; what it finished is kept."""
        state = self.state
        if state.status not in ("waiting", "running"):
            return
        _signal(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while self._alive(state) and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._alive(state):
            _signal(self._pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        ended = self._written()
        if ended.status in ("waiting", "running"):
            manifest.write(
                self.folder / "state.json",
                ended.model_copy(update={"status": "cancelled", "message": "Cancelled; what was finished is kept."}),
            )

    def forget(self) -> None:
        """Delete the record of a job that has ended."""
        if self.active:
            raise JobError(f'"{self.record.title}" is running; cancel it first.')
        shutil.rmtree(self.folder)

    @property
    def _pid(self) -> int:
        path = self.folder / "pid"
        return int(path.read_text()) if path.exists() else 0

    def _written(self) -> JobState:
        path = self.folder / "state.json"
        return manifest.read(path, JobState) if path.exists() else JobState()

    def _alive(self, state: JobState) -> bool:
        if is_locked(self.folder):
            return True
        if state.status != "waiting":
            return False
        # A worker that is still starting has not taken the lock yet, or not even been noted.
        return _exists(self._pid) if self._pid else time.time() - state.started < GRACE


_children: list[subprocess.Popen] = []


def _exists(pid: int) -> bool:
    for child in list(_children):
        if child.poll() is not None:  # collects it, so that it does not stay as a zombie
            _children.remove(child)
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, number: int) -> None:
    """Send a signal to a worker and all its own workers."""
    if not pid:
        return
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def submit(workspace: Path, kind: str, title: str, parameters: Mapping[str, Any]) -> Job:
    """Start a job, or return the one that does the same already.

    Parameters
    ----------
    workspace : Path
    kind : str
        A key of :data:`KINDS`.
    title : str
        What it does, for people.
    parameters : dict
        JSON-like arguments.

    Raises
    ------
    JobError
        If the kind is unknown.
    WorkspaceError
        If the disk is full.
    """
    if kind not in KINDS:
        raise JobError(f'There is no kind of job "{kind}"; there are {", ".join(KINDS)}.')
    same = fingerprint(kind, dict(parameters))
    for job in jobs(workspace):
        if job.active and fingerprint(job.record.kind, job.record.parameters) == same:
            return job
    folder = workspace / "jobs" / _new_id()
    record = JobRecord(kind=kind, title=title, parameters=dict(parameters), created=now())
    with disk_errors(f'Job "{title}"'):
        folder.mkdir(parents=True)
        manifest.write(folder / "job.json", record)
    job = Job(folder)
    job.start()
    return job


def _new_id() -> str:
    """A name that sorts by the moment it was made, also within a second."""
    moment = time.time_ns()
    second = time.strftime("%Y%m%d-%H%M%S", time.localtime(moment // 10**9))
    return f"{second}-{moment % 10**9:09d}-{uuid.uuid4().hex[:6]}"


def jobs(workspace: Path) -> list[Job]:
    """All jobs of a workspace, the newest first."""
    folders = sorted((workspace / "jobs").glob("*/job.json"), reverse=True)
    found = []
    for path in folders:
        with suppress(WorkspaceError):  # another session may forget a job in this moment
            found.append(Job(path.parent))
    return found


class StateWriter:
    """A :class:`latentviz.progress.Progress` that writes to the job's folder a few times a second.

    A full disk ends no work by itself: what cannot be written of the progress is left out, and there is room for
    the end.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.reserve = folder / "state.json", folder / "reserve"
        with suppress(OSError):
            self.reserve.write_bytes(os.urandom(_RESERVE))  # zeros might take no room on the disk
        started = time.time()
        self.state = JobState(status="running", started=started)
        self._recent: deque[tuple[float, int]] = deque(maxlen=50)
        self._written = 0.0
        with suppress(OSError):
            self.write(stage="Starting")

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        moment = time.monotonic()
        if stage != self.state.stage:
            self._recent.clear()
            self._written = 0.0
        if moment - self._written < _INTERVAL and done != total:
            return
        self._recent.append((moment, done))
        first, first_done = self._recent[0]
        rate = (done - first_done) / (moment - first) if moment > first else 0.0
        self._written = moment
        with suppress(OSError):
            self.write(stage=stage, done=done, total=total, unit=unit, rate=max(rate, 0.0))

    def end(self, status: Status, message: str) -> None:
        """Tell how the work ended."""
        self.reserve.unlink(missing_ok=True)
        self.write(status=status, message=message)

    def write(self, **changes: Any) -> None:
        """Replace the state on disk."""
        self.state = self.state.model_copy(update={**changes, "updated": time.time()})
        manifest.write(self.path, self.state)


def work(workspace: Path, job_id: str) -> int:
    """Do a job in this process; returns the exit code."""
    job = Job(workspace / "jobs" / job_id)
    with writing_lock(job.folder, f'Job "{job.record.title}"'):
        signal.signal(signal.SIGTERM, _cancel)
        progress = StateWriter(job.folder)
        module, _, function = KINDS[job.record.kind].partition(":")
        try:
            with disk_errors("The result"):
                message = getattr(import_module(module), function)(workspace, job.record.parameters, progress)
        except Cancelled:
            progress.end("cancelled", "Cancelled; what was finished is kept.")
            return 1
        except LatentvizError as error:
            progress.end("failed", str(error))
            return 1
        except Exception as error:
            progress.end("failed", f"Unexpected {type(error).__name__}: {error}. The log has details.")
            traceback.print_exc()
            return 1
        progress.end("done", str(message))
    return 0


def _cancel(_number: int, _frame: FrameType | None) -> None:
    # A second signal must not interrupt the cleaning up after the first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Cancelled("Cancelled.")


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)  # somebody is using the app meanwhile
    try:
        code = work(Path(sys.argv[1]), sys.argv[2])
    except RunLockedError:
        code = 1
    with suppress(OSError):  # the log lies on the same disk
        sys.stdout.flush()
    # Worker threads of native libraries must not keep a finished job alive.
    os._exit(code)
