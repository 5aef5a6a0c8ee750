"""Layouts that can be watched while they are computed, in processes beside the app's."""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import Any, Literal

from latentviz.errors import LatentvizError, WorkspaceError
from latentviz.projection.fast import Frame
from latentviz.projection.pipes import UNEXPECTED, receive, send
from latentviz.projection.spec import LayoutSpec
from latentviz.projection.store import Layout, origin, stored
from latentviz.workspace import Run

Status = Literal["running", "done", "cancelled", "failed"]

#: Seconds that a worker gets to end by itself.
_GRACE = 5.0


class Worker:
    """A process that computes layouts; see :mod:`latentviz.projection.worker`."""

    def __init__(self) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        # Not multiprocessing, whose child would run the app's main script again; and a session of its own, so that
        # Ctrl-C in the terminal ends the app, and the app its workers.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "latentviz.projection.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.process.poll() is None

    def end(self) -> None:
        """Let it end by itself, and see to it that it does."""
        with suppress(OSError):
            self.requests.close()
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.answers.close()
        self._complaints.close()

    def last_words(self) -> str:
        """Why a process that ended did so."""
        try:
            code = self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:  # it closed its pipe, but lives
            self.process.kill()
            code = self.process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"{how} ({lines[-1].strip()})" if lines else how


class _Workers:
    """The workers of this process: one waits, any number work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: Worker | None = None

    def warm(self) -> None:
        """Start a worker, unless one waits."""
        with self._lock:
            if self._idle is None or not self._idle.alive:
                self._idle = Worker()

    def take(self) -> Worker:
        """The one that waits, or a new one."""
        with self._lock:
            waiting, self._idle = self._idle, None
        if waiting is not None and not waiting.alive:
            waiting.end()
            waiting = None
        return waiting or Worker()

    def give_back(self, worker: Worker) -> None:
        """Keep a worker for the next layout, if none is kept."""
        with self._lock:
            if self._idle is None and worker.alive:
                self._idle = worker
                return
        worker.end()

    def end(self) -> None:
        """End the one that waits."""
        with self._lock:
            waiting, self._idle = self._idle, None
        if waiting is not None:
            waiting.end()


class Live:
    """A layout on its way. What is told here is of one moment; all of it may be read in any thread.

    Attributes
    ----------
    spec : LayoutSpec
    frame : Frame or None
        The latest.
    version : int
        How many frames there were.
    stage : tuple of (str, int, int, str), or None
        The latest progress: what is done, how much of it, of how much (0: unknown), and what is counted.
    status : {"running", "done", "cancelled", "failed"}
    error : str or None
        A sentence, if it failed.
    layout : Layout or None
        The stored layout, once it is done. One that was stored before has no frames.
    """

    def __init__(self, run: Run, spec: LayoutSpec, start: Layout | None) -> None:
        self.spec = spec
        self.frame: Frame | None = None
        self.version = 0
        self.stage: tuple[str, int, int, str] | None = None
        self.status: Status = "running"
        self.error: str | None = None
        self.layout: Layout | None = None
        self.holders = 0
        self._run, self._start = run, start
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._worker: Worker | None = None
        self._began, self._took = time.monotonic(), 0.0
        self.thread = threading.Thread(target=self._follow, name="latentviz-live", daemon=True)

    @property
    def seconds(self) -> float:
        """Since its start; once it has ended, how long it took."""
        return self._took if self.status != "running" else time.monotonic() - self._began

    def cancel(self) -> None:
        """End it at once; the last frame stays, nothing is stored. Does nothing once it has ended."""
        if self._stop():
            with suppress(OSError):
                _workers.warm()  # whoever cancels is about to ask for another layout

    def _stop(self) -> bool:
        """End it and its worker; whether it was running."""
        with self._lock:
            running = self.status == "running"
            if running:
                self._end("cancelled")
                if self._worker is not None:
                    self._worker.process.kill()
            return running

    def release(self) -> None:
        """Whoever has started it no longer needs it; when nobody does, it is cancelled."""
        self.holders -= 1
        if self.holders <= 0:
            self.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, or for so many seconds; whether it has ended."""
        return self._ended.wait(timeout)

    def _follow(self) -> None:
        try:
            worker = _workers.take()
        except OSError as error:
            self._finish("failed", error=f"{UNEXPECTED}{error}")
            return
        with self._lock:
            if self.status == "running":
                self._worker = worker
        try:
            if self._worker is not None:
                self._listen(worker)
        except (EOFError, BrokenPipeError):
            self._finish("failed", error=f"{UNEXPECTED}{worker.last_words()}.")
        except LatentvizError as error:
            self._finish("failed", error=str(error))
        except Exception as error:
            self._finish("failed", error=f"{UNEXPECTED}{type(error).__name__}: {error}")
            worker.process.kill()  # who knows what it would say next
        _workers.give_back(worker)

    def _listen(self, worker: Worker) -> None:
        """Take what the worker says until it has finished."""
        request = {"run": str(self._run.folder.resolve()), "spec": self.spec.model_dump(mode="json"), "start": None}
        if self._start is not None:
            request["start"] = self._start.spec.model_dump(mode="json")
        send(worker.requests, request, None if self._start is None else self._start.coordinates)
        while True:
            answer, coordinates = receive(worker.answers)
            said = answer["say"]
            if said == "stage":
                self.stage = tuple(answer["stage"])
            elif said == "frame" and coordinates is not None:
                self._show(Frame(coordinates, answer["epoch"], answer["epochs"]))
            elif said == "failed":
                self._finish("failed", error=answer["error"])
                return
            elif said == "done":
                found = stored(self._run, self.spec, self._start)
                if found is None:
                    raise WorkspaceError("The run's sets changed while the map was computed; open the run again.")
                self._finish("done", layout=found)
                return

    def _show(self, frame: Frame) -> None:
        with self._lock:
            if self.status == "running":
                self.frame = frame
                self.version += 1

    def _finish(self, status: Status, error: str | None = None, layout: Layout | None = None) -> None:
        with self._lock:
            if self.status == "running":  # else it was cancelled
                self.error, self.layout = error, layout
                self._end(status)

    def _end(self, status: Status) -> None:
        self._took = time.monotonic() - self._began
        self.status = status
        self._ended.set()


_workers = _Workers()
_started: dict[tuple[Any, ...], Live] = {}
_starting = threading.Lock()


def start(run: Run, spec: LayoutSpec, start: Layout | None = None) -> Live:
    """Compute and store a layout in another process; returns at once.

    Whoever asks for a layout that is being computed gets the same :class:`Live`. ``cancel`` ends it for all,
    ``release`` when nobody needs it.

    Parameters
    ----------
    run : Run
    spec : LayoutSpec
    start : Layout, optional
        As for :func:`latentviz.projection.compute`.
    """
    start = origin(spec, start)
    key = (run.folder.resolve(), run.fingerprint, spec, None if start is None else start.fingerprint)
    with _starting:
        for other in [other for other, live in _started.items() if live.status != "running"]:
            del _started[other]
        if key not in _started:
            _started[key] = Live(run, spec, start)
            _started[key].thread.start()
        _started[key].holders += 1
        return _started[key]


def warm() -> None:
    """Start a worker ahead of time, so that the first layout does not wait for its imports."""
    _workers.warm()


@atexit.register
def _end_all() -> None:
    for live in list(_started.values()):
        live._stop()
        live.thread.join(_GRACE)
    _workers.end()
