"""Writing files so that a crash, a full disk or a second process cannot leave half a truth."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from filelock import FileLock, Timeout

from latentviz.errors import RunLockedError, WorkspaceError

_NAME = re.compile(r"\w[\w .+\-]{0,99}")
#: File systems count bytes, mostly up to 255; the rest is for what a folder is called while it is deleted.
_BYTES = 200


def check_name(name: str, what: str) -> str:
    """A run's or set's name, which is also a folder's name.

    Raises
    ------
    WorkspaceError
        If it is empty, too long, or has characters that are not safe in a folder's name.
    """
    if not _NAME.fullmatch(name) or name.endswith((" ", ".")) or len(name.encode()) > _BYTES:
        raise WorkspaceError(
            f'"{name}" cannot be the name of {what}: use up to 100 letters (fewer of other scripts), digits, spaces '
            "and . + - _, starting with a letter or digit."
        )
    return name


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content in one step: after a crash or power cut it is the old content or the new."""
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Path of a file to write, which takes the place of ``path`` once it is whole."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_atomically(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises
    ------
    WorkspaceError
        If it is missing or damaged; names the file.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise WorkspaceError(f"{path} is missing.") from None
    except ValueError as error:
        raise WorkspaceError(f"{path} is damaged: {error}.") from None


def write_array(path: Path, values: np.ndarray) -> None:
    """Write an array that is read as a whole: one chunk, not compressed."""
    kind = values.dtype.kind
    array = zarr.create_array(
        path,
        shape=values.shape,
        dtype=values.dtype,
        chunks=values.shape,
        compressors=None,
        # Not zero, and the chunk is written whatever is in it: one that is gone must not pass for zeros.
        fill_value=np.nan if kind == "f" else np.iinfo(values.dtype).max if kind in "iu" else None,
        config={"write_empty_chunks": True},
    )
    array[...] = values


def read_array(path: Path) -> np.ndarray:
    """An array that :func:`write_array` wrote.

    Raises
    ------
    WorkspaceError
        If it is missing or damaged; names its folder.
    """
    with damage_told(path):
        array = zarr.open_array(path, mode="r")
        if array.fill_value != 0 and array.nchunks_initialized < array.nchunks:
            raise ValueError("no chunk")
        return np.asarray(array[...])


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Say which array cannot be opened or read."""
    try:
        yield
    except FileNotFoundError:
        raise WorkspaceError(f"{path} is missing.") from None
    except (ValueError, KeyError, TypeError, AttributeError, NotADirectoryError):  # zarr checks little of its JSON
        raise WorkspaceError(f"{path} is damaged.") from None


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full or read-only disk into a sentence."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EROFS: "the disk is read-only",
            errno.EACCES: "writing there is not allowed",
            errno.EPERM: "writing there is not allowed",
        }
        reason = reasons.get(error.errno or 0)
        if reason is None:
            raise
        raise WorkspaceError(
            f"{what} could not be written: {reason}. What was finished before is kept; "
            "make room (or choose another folder) and start again to go on from there."
        ) from error


@contextmanager
def writing_lock(folder: Path, what: str) -> Iterator[None]:
    """Hold the right to write in a folder; the operating system gives it back when the process ends.

    Raises
    ------
    RunLockedError
        If another process holds it; says which one and since when.
    """
    holder = folder / ".lock.json"
    lock = FileLock(folder / ".lock")
    try:
        with disk_errors(what):
            lock.acquire(timeout=0.5, poll_interval=0.01)  # is_locked() holds it for an instant
    except Timeout:
        raise RunLockedError(f"{what} is being written by {_holder(holder)}. Wait for it, or stop it.") from None
    try:
        with disk_errors(what):
            write_json(holder, {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%H:%M:%S")})
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a living process holds the folder's writing lock."""
    holder = folder / ".lock.json"
    if not holder.exists():
        return False
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # a read-only disk
        return False
    try:
        holder.unlink(missing_ok=True)  # left by a process that was killed
    finally:
        lock.release()
    return False


def _holder(path: Path) -> str:
    try:
        held = read_json(path)
        return f"process {held['pid']} on {held['host']} (since {held['since']})"
    except (WorkspaceError, KeyError):
        return "another process"
