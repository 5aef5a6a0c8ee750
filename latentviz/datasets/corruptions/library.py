"""The package imagecorruptions, which brings ImageNet-C's code, and what it needs; imported on first use."""

from __future__ import annotations

from contextlib import nullcontext
from functools import lru_cache
from importlib import import_module
from importlib.resources import as_file, files
from types import ModuleType

import numpy as np
from PIL import Image

from latentviz.datasets.corruptions.registry import Corruption
from latentviz.datasets.corruptions.seeding import global_state, number
from latentviz.errors import MissingDependencyError

#: Functions with a generator of their own beside NumPy's global state.
_WITH_SEED = ("impulse_noise", "glass_blur")


def library(module: str = "imagecorruptions.corruptions") -> ModuleType:
    """The library, or another package that comes with it.

    Raises
    ------
    MissingDependencyError
        If it is not installed, or cannot be loaded.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise MissingDependencyError(
            "This corruption needs the package imagecorruptions-imaug: pip install 'latentviz[corruptions]'."
        ) from None
    except ImportError as error:  # OpenCV without libGL or GLib, on machines without a display
        raise MissingDependencyError(
            f"The packages of pip install 'latentviz[corruptions]' are there, but one cannot be loaded ({error}). "
            "On a machine without a display replace opencv-python by opencv-python-headless."
        ) from None


def published(image: np.ndarray, record: Corruption, severity: int, random: np.random.Generator) -> np.ndarray:
    """ImageNet-C's own code on a colour image.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        Both sides from 64 pixels on.
    record : Corruption
    severity : int
    random : Generator
        Its next number seeds NumPy's global state, and the functions that take a seed.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8

    Raises
    ------
    MissingDependencyError
    """
    function = getattr(library(), record.name)
    seed = number(random)
    options = {"seed": seed} if record.name in _WITH_SEED else {}
    with global_state(seed) if record.seeded else nullcontext(), np.errstate(invalid="ignore", divide="ignore"):
        result = np.asarray(function(Image.fromarray(image), severity, **options))
    if result.dtype != np.uint8:
        # Where no drop forms, ``spatter`` divides 0 by 0 and paints the picture black; it should stay as it is.
        result = np.where(np.isnan(result), image, result).astype(np.uint8)
    return result


@lru_cache(maxsize=6)
def frost_photograph(index: int) -> np.ndarray:
    """One of the library's six photographs of frost, (h, w, 3) uint8 in the order red, green, blue."""
    library()
    name = f"frost{index + 1}.{'png' if index < 3 else 'jpg'}"
    with as_file(files("imagecorruptions") / "frost" / name) as path:
        bgr: np.ndarray = library("cv2").imread(str(path))
    return np.ascontiguousarray(bgr[..., ::-1])
