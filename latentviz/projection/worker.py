"""A process that computes layouts, one after the other, and sends every frame on the way.

scranpy holds the interpreter's lock while it computes, so that in the app's own process every page would stand still.
:mod:`latentviz.projection.live` starts this one and speaks with it through its stdin and stdout; see
:mod:`latentviz.projection.pipes`. It ends when its stdin is closed.

To the worker: ``{"run": folder, "spec": {…}, "start": null}``, or with ``"start"`` the spec of the layout to go on
from, followed by its coordinates. From the worker: ``{"say": "ready"}`` once; then for every request any number of
``{"say": "stage", "stage": [name, done, total, unit]}`` and ``{"say": "frame", "epoch": n, "epochs": m}`` with
coordinates, and last ``{"say": "done"}`` (the layout is stored then) or ``{"say": "failed", "error": sentence}``.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from latentviz.errors import LatentvizError
from latentviz.projection import fast
from latentviz.projection.layout import compute
from latentviz.projection.pipes import UNEXPECTED, receive, send
from latentviz.projection.spec import LayoutSpec
from latentviz.projection.store import Layout
from latentviz.workspace import Run


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    send(answers, {"say": "ready"})
    while True:
        try:
            request, coordinates = receive(requests)
        except EOFError:
            return
        try:
            _lay_out(request, coordinates, answers)
        except LatentvizError as error:
            send(answers, {"say": "failed", "error": str(error)})
        except BrokenPipeError:  # whoever asked is gone
            return
        except Exception as error:
            traceback.print_exc()
            send(answers, {"say": "failed", "error": f"{UNEXPECTED}{type(error).__name__}: {error}"})
        else:
            send(answers, {"say": "done"})


def _lay_out(request: dict[str, Any], coordinates: np.ndarray | None, answers: BinaryIO) -> None:
    def progress(stage: str, done: int, total: int, unit: str = "") -> None:
        send(answers, {"say": "stage", "stage": [stage, done, total, unit]})

    def on_frame(frame: fast.Frame) -> None:
        send(answers, {"say": "frame", "epoch": frame.epoch, "epochs": frame.epochs}, frame.coordinates)

    start = None
    if coordinates is not None:
        start = Layout(LayoutSpec.model_validate(request["start"]), coordinates)
    compute(Run(Path(request["run"])), LayoutSpec.model_validate(request["spec"]), progress, start, on_frame)


def _private_stdout() -> BinaryIO:
    """The real stdout; what libraries print goes to stderr from now on, also from C."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "wb")


def main() -> None:
    answers = _private_stdout()
    if fast.available():
        fast.load()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
