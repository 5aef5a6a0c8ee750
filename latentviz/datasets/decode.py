"""Decoding in worker processes, a few batches ahead of the network.

The workers import this module: nothing here may import torch.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImagePart, ImageSource
from latentviz.errors import DataError, UnreadableImageError
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


def decode(
    part: ImagePart, names: tuple[str, ...], preprocessing: Preprocessing, side: int, skip_unreadable: bool
) -> Batch:
    """Decode, resize and crop the images of a part.

    Raises
    ------
    UnreadableImageError
        At the first unreadable image, unless they are skipped.
    DataError
        If the images end up with different sizes.
    """
    pixels: list[np.ndarray] = []
    unreadable: dict[int, str] = {}
    for offset, image in enumerate(part):
        if isinstance(image, UnreadableImageError):
            if not skip_unreadable:
                raise image
            unreadable[offset] = str(image)
            continue
        pixels.append(preprocessing.pixels(image))
        if pixels[-1].shape != pixels[0].shape or pixels[-1].dtype != pixels[0].dtype:
            raise DataError(_mixed(names[offset], pixels[-1], pixels[0]))
    if not pixels:
        return Batch(np.empty((0, 1, 1, preprocessing.depth), np.uint8), None, unreadable)
    small = None
    if pixels[0].shape != (side, side, 3) or pixels[0].dtype != np.uint8:
        small = np.stack([thumbnail(p, side) for p in pixels])
    return Batch(np.stack(pixels), small, unreadable)


def _mixed(name: str, found: np.ndarray, first: np.ndarray) -> str:
    if found.dtype != first.dtype:
        return f"{name} has values of {found.dtype}, the images before it {first.dtype}; convert them to one bit depth."
    return (
        f"{name} is {found.shape[0]}×{found.shape[1]} after the preprocessing, the images before it "
        f"{first.shape[0]}×{first.shape[1]}. Add a resize or a centre crop."
    )


def thumbnail_side(source: ImageSource, preprocessing: Preprocessing) -> int:
    """Side of the set's thumbnails: the longer side of what the network sees, at most 64 pixels."""
    return min(THUMBNAIL_LIMIT, max(first_pixels(source, preprocessing).shape[:2]))


def first_pixels(source: ImageSource, preprocessing: Preprocessing) -> np.ndarray:
    """Pixels of the first readable image; its size is the set's.

    Raises
    ------
    DataError
        If no image can be read.
    """
    reasons = []
    for image in source.part(0, len(source)):
        if not isinstance(image, UnreadableImageError):
            return preprocessing.pixels(image)
        reasons.append(str(image))
    raise DataError(f"None of the {len(source):,} images of {source.title} can be read. The first: {reasons[0]}")


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
        self, source: ImageSource, preprocessing: Preprocessing, start: int, batch: int, side: int
    ) -> Iterator[Batch]:
        """Decoded batches from sample ``start`` on, never more than a few ahead of the one in use."""
        if len(source) == start:
            return
        tasks = (
            (source.part(a, min(a + batch, len(source))), tuple(source.ids[a : a + batch]))
            for a in range(start, len(source), batch)
        )
        options = (preprocessing, side, self.skip_unreadable)
        if source.part(start, start + 1).in_memory:
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
    """Runs first in a worker: the network's threads wait for each other, so one that must yield holds up all."""
    if hasattr(os, "nice"):
        os.nice(5)


def _warm_up() -> None:
    """Runs in a worker; unpickling it has imported everything that decoding needs."""
