"""One corruption on one image: what is checked, whose code runs, and how the result gets back its type."""

from __future__ import annotations

import numpy as np

from latentviz.datasets.corruptions.constants import LARGE_SIDE, SEVERITIES
from latentviz.datasets.corruptions.library import published
from latentviz.datasets.corruptions.registry import Corruption, Registered, find
from latentviz.datasets.corruptions.seeding import generator
from latentviz.errors import DataError

_TYPES = {"common": (np.uint8,), "sar": (np.uint8, np.uint16)}


def corrupt(image: np.ndarray, name: str, severity: int, *, seed: int = 0, key: str = "") -> np.ndarray:
    """A corrupted copy of an image.

    It depends on nothing but the arguments: not on the order of calls, the process or NumPy's global state. One
    ``key`` has the same random numbers at every severity.

    Common corruptions have CIFAR-10-C's constants up to 32 pixels on the shorter side and ImageNet-C's from 64 on,
    where colour images go through the library imagecorruptions itself. Grey ones do not: its ``motion_blur`` fails
    on one channel, and its ``gaussian_blur`` and ``glass_blur`` take columns for channels. Like both published
    benchmarks they drop what is behind the decimal point; those of radars round.

    Parameters
    ----------
    image : ndarray of shape (H, W), (H, W, 1) or (H, W, 3), uint8
        Those of kind "sar" take magnitudes, uint8 or uint16: one channel, or three that are equal.
    name : str
        One of :func:`corruptions`.
    severity : {1, 2, 3, 4, 5}
    seed : int, default 0
    key : str, default ""
        The image's id, so that every image gets random numbers of its own.

    Returns
    -------
    ndarray of the same shape and type

    Raises
    ------
    DataError
        If there is no such corruption or severity, or the image is too small, without pixels or of another type.
    MissingDependencyError
        If it needs the extra ``corruptions`` and that is not installed.

    Examples
    --------
    >>> corrupt(np.full((2, 2), 100, dtype=np.uint8), "brightness", 5)
    array([[176, 176],
           [176, 176]], dtype=uint8)
    """
    known = find(name)
    image = np.asarray(image)
    _check(image, known.record, severity, f'sample "{key}"' if key else "the image")
    random = generator(seed, name, key)
    channels = image.reshape(*image.shape[:2], -1)
    run = _magnitudes if known.record.kind == "sar" else _common
    return run(channels, known, int(severity), random).reshape(image.shape)


def _common(image: np.ndarray, known: Registered, severity: int, random: np.random.Generator) -> np.ndarray:
    """A common corruption of (H, W, channels) uint8."""
    side = min(image.shape[:2])
    if side >= LARGE_SIDE and image.shape[2] == 3:
        return published(image, known.record, severity, random)
    result = known.function(image / 255.0, random, *known.strengths.at(severity, side))
    return (np.clip(result, 0, 1) * 255).astype(np.uint8)


def _magnitudes(image: np.ndarray, known: Registered, severity: int, random: np.random.Generator) -> np.ndarray:
    """A radar's corruption of (H, W, channels); equal channels stay equal."""
    result = known.function(image[..., 0].astype(np.float64), random, *known.strengths.at(severity, 0))
    whole = np.clip(np.rint(result), 0, np.iinfo(image.dtype).max).astype(image.dtype)
    return np.repeat(whole[..., None], image.shape[2], axis=2)


def _check(image: np.ndarray, record: Corruption, severity: int, who: str) -> None:
    """Raise :class:`DataError` with a sentence about what does not fit."""
    if severity not in SEVERITIES:
        raise DataError(f"{record.title} has the severities 1 to 5, not {severity!r}.")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise DataError(
            f"{record.title}: {who} has shape {image.shape}; expected (height, width), or also 1 or 3 channels. "
            "Convert it to grey or RGB."
        )
    height, width = image.shape[:2]
    if not height or not width:
        raise DataError(f"{record.title}: {who} is {height}×{width}, without a pixel. Leave it out.")
    if image.dtype not in _TYPES[record.kind]:
        expected = " or ".join(np.dtype(kind).name for kind in _TYPES[record.kind])
        raise DataError(f"{record.title}: {who} is {image.dtype}; convert it to {expected}.")
    if min(height, width) < record.min_side:
        raise DataError(
            f"{record.title} needs at least {record.min_side}×{record.min_side} pixels; {who} is {height}×{width}. "
            "Leave it out, or enlarge the images."
        )
    if record.kind == "sar" and image.ndim == 3 and not (image == image[..., :1]).all():
        raise DataError(f"{record.title}: {who} is in colour; it needs magnitudes, in one channel or three equal ones.")
