"""What the app's process and a worker say to each other: lines of JSON, some followed by an array's bytes."""

from __future__ import annotations

import json
from typing import IO, Any

import numpy as np

#: How the error of a worker begins that nobody expected.
UNEXPECTED = "The projection's worker stopped unexpectedly: "


def send(pipe: IO[bytes], message: dict[str, Any], array: np.ndarray | None = None) -> None:
    """Write a message.

    Parameters
    ----------
    pipe : binary file
    message : dict
        JSON-like.
    array : ndarray of shape (n, d), float32, optional
        Its bytes follow the line, which says the shape.
    """
    shape = None if array is None else list(array.shape)
    pipe.write(json.dumps({**message, "shape": shape}).encode() + b"\n")
    if array is not None:
        pipe.write(memoryview(np.ascontiguousarray(array, dtype="<f4")).cast("B"))
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], np.ndarray | None]:
    """Read a message that :func:`send` wrote.

    Raises
    ------
    EOFError
        If the other side is gone.
    """
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    message = json.loads(line)
    shape = message.pop("shape")
    if shape is None:
        return message, None
    size = 4 * shape[0] * shape[1]
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return message, np.frombuffer(content, dtype="<f4").reshape(shape)
