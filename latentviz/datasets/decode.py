"""Decoding in worker processes, a few batches ahead of the network.

The workers import this module: nothing here may import torch.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.reading import Decoded
from latentviz.datasets.source import Corrupted, ImagePart, ImageSource
from latentviz.errors import DataError, MissingDependencyError, UnreadableImageError
from latentviz.thumbnails import THUMBNAIL_LIMIT, thumbnail

if TYPE_CHECKING:
    from concurrent.futures import Future


@dataclass
class Batch:
    """Decoded images of consecutive samples.

    Attributes
    ----------
    pixels : ndarray of shape (n, height, width, channels)
    thumbnails : ndarray of shape (n, side, side, 3), uint8, or None
        None if they are the pixels themselves.
    unreadable : dict of int to str
        Offset within the batch and reason; these samples are not among the pixels.
    """

    pixels: np.ndarray
    thumbnails: np.ndarray | None
    unreadable: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What all images of a set have in common once they are prepared."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @classmethod
    def of(cls, pixels: np.ndarray) -> Look:
        """Shape (height, width, channels) and dtype of an image."""
        return cls(pixels.shape, pixels.dtype)

    @property
    def thumbnail_side(self) -> int:
        """Side of the set's thumbnails: the longer side of what the network sees, at most 64 pixels."""
        return min(THUMBNAIL_LIMIT, max(self.shape[:2]))


def prepare(image: Decoded | UnreadableImageError, name: str, preprocessing: Preprocessing) -> np.ndarray:
    """Resize and crop an image.

    Raises
    ------
    UnreadableImageError
        If it could not be decoded, or cannot be prepared; names it.
    """
    if isinstance(image, UnreadableImageError):
        raise image
    try:
        return preprocessing.pixels(image)
    except (DataError, OSError, ValueError) as error:  # PIL's own, of images that are decoded when they are used
        raise UnreadableImageError(f"{name} cannot be used: {error}", name) from None


def decode(
    part: ImagePart,
    names: tuple[str, ...],
    preprocessing: Preprocessing,
    side: int,
    skip_unreadable: bool,
    look: Look | None = None,
    corrupted: Corrupted | None = None,
) -> Batch:
    """Decode, resize and crop the images of a part.

    Parameters
    ----------
    part : ImagePart
    names : tuple of str
        Of its images.
    preprocessing : Preprocessing
    side : int
        Of the thumbnails.
    skip_unreadable : bool
    look : Look, optional
        The set's; that of the part's first image if left out.
    corrupted : Corrupted, optional
        What is done to the images then.

    Raises
    ------
    UnreadableImageError
        At the first unreadable image, unless they are skipped.
    DataError
        If an image ends up with another size or bit depth than the set's.
    """
    pixels: list[np.ndarray] = []
    unreadable: dict[int, str] = {}
    for offset, (image, name) in enumerate(zip(part, names, strict=True)):
        try:
            made = prepare(image, name, preprocessing)
            if corrupted is not None:
                made = _corrupted(made, name, corrupted)
        except UnreadableImageError as error:
            if not skip_unreadable:
                raise
            unreadable[offset] = str(error)
            continue
        look = look or Look.of(made)
        if Look.of(made) != look:
            raise DataError(_mixed(name, made, look))
        pixels.append(made)
    if not pixels:
        return Batch(np.empty((0, 1, 1, preprocessing.depth), np.uint8), None, unreadable)
    small = None
    if pixels[0].shape != (side, side, 3) or pixels[0].dtype != np.uint8:
        small = np.stack([thumbnail(preprocessing.picture(p), side) for p in pixels])
    return Batch(np.stack(pixels), small, unreadable)


def _corrupted(pixels: np.ndarray, name: str, how: Corrupted) -> np.ndarray:
    try:
        return how.apply(pixels, name)
    except MissingDependencyError:
        raise  # it would be missing for the other images, too
    except Exception as error:  # of any of the libraries that corrupt
        raise UnreadableImageError(f"{name} cannot be corrupted by {how.name} {how.severity}: {error}", name) from None


def _mixed(name: str, found: np.ndarray, look: Look) -> str:
    if found.dtype != look.dtype:
        return f"{name} has values of {found.dtype}, the set's first image {look.dtype}; convert them to one bit depth."
    return (
        f"{name} is {found.shape[0]}×{found.shape[1]} after the preprocessing, the set's first image "
        f"{look.shape[0]}×{look.shape[1]}. Add a resize or a centre crop."
    )


def look_of(source: ImageSource, preprocessing: Preprocessing) -> Look:
    """The look of a set: that of its first readable image.

    Raises
    ------
    DataError
        If no image can be read.
    """
    return Look.of(first_of(source, preprocessing)[0])


def first_of(source: ImageSource, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
    """The first image of a set that can be read, as the network sees it (H, W, channels), and its name.

    Raises
    ------
    DataError
        If no image can be read.
    """
    reason = ""
    for image, name in zip(source.part(0, len(source)), source.ids, strict=True):
        try:
            return prepare(image, name, preprocessing), name
        except UnreadableImageError as error:
            reason = reason or str(error)
    raise DataError(f"None of the {len(source):,} images of {source.title} can be read. The first: {reason}")


def thumbnail_side(source: ImageSource, preprocessing: Preprocessing) -> int:
    """:attr:`Look.thumbnail_side` of a set."""
    return look_of(source, preprocessing).thumbnail_side


def needs_workers(source: ImageSource) -> bool:
    """Whether its images are to be decoded or corrupted; others would only be sent to and fro."""
    made_here = source.corrupted is not None and source.corrupted.seed is not None
    return made_here or not source.part(0, 1).in_memory


#: Batches that are decoded ahead of the one in use, a worker.
_AHEAD = 6


class Decoder:
    """Batches of one source in order, decoded ahead by worker processes.

    Parameters
    ----------
    skip_unreadable : bool
    workers : int, optional
        By default one process less than there are cores, at least 1 and at most 8.
    """

    def __init__(self, skip_unreadable: bool, workers: int | None = None) -> None:
        self.skip_unreadable = skip_unreadable
        self.workers = workers or min(8, max(1, (os.cpu_count() or 2) - 1))
        self._pool: Any = None

    def start(self) -> None:
        """Start the workers, so that they are there when the first batch is wanted."""
        from loky import get_reusable_executor

        # loky starts its workers without importing the caller's main module: a script needs no guard.
        self._pool = get_reusable_executor(max_workers=self.workers, timeout=30, initializer=_step_back)
        for _ in range(self.workers):
            self._pool.submit(_warm_up)

    def stop(self) -> None:
        """End the workers at once."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None

    def batches(
        self, source: ImageSource, preprocessing: Preprocessing, start: int, batch: int, look: Look
    ) -> Iterator[Batch]:
        """Decoded batches from sample ``start`` on, never more than a few ahead of the one in use."""
        if len(source) == start:
            return
        tasks = (
            (source.part(a, min(a + batch, len(source))), tuple(source.ids[a : a + batch]))
            for a in range(start, len(source), batch)
        )
        options = (preprocessing, look.thumbnail_side, self.skip_unreadable, look, source.corrupted)
        if not needs_workers(source):
            for part, names in tasks:
                yield decode(part, names, *options)
            return
        if self._pool is None:
            self.start()
        ahead: deque[Future[Batch]] = deque()
        try:
            for part, names in tasks:
                ahead.append(self._pool.submit(decode, part, names, *options))
                if len(ahead) > _AHEAD * self.workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        except BrokenExecutor:  # of a result, or of the next submission
            raise DataError(
                "A process that decodes images was ended from outside, perhaps because the memory was full. "
                "What was finished is kept; start again to go on from there."
            ) from None


def _step_back() -> None:
    """Runs first in a worker: decoding is far quicker than the network, which must not wait for a core."""
    if hasattr(os, "nice"):
        os.nice(5)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; the first one ends the others


def _warm_up() -> None:
    """Runs in a worker; unpickling it has imported everything that decoding needs."""
