"""Blur of lenses, glass and movement; pixels are floats (H, W, channels) from 0 to 1."""

from __future__ import annotations

import numpy as np

from latentviz.datasets.corruptions import constants
from latentviz.datasets.corruptions.library import library
from latentviz.datasets.corruptions.registry import register


def smoothed(pixels: np.ndarray, deviation: float) -> np.ndarray:
    """Height and width convolved with a normal kernel of so many pixels."""
    from scipy.ndimage import gaussian_filter

    result: np.ndarray = gaussian_filter(pixels, (deviation, deviation, 0)[: pixels.ndim], mode="nearest")
    return result


@register("Defocus blur", "blur", constants.DEFOCUS_BLUR, seeded=False)
def defocus_blur(pixels: np.ndarray, random: np.random.Generator, radius: float, softness: float) -> np.ndarray:
    """Convolution with a disk, as out of focus."""
    kernel = library().disk(radius=radius, alias_blur=softness)
    result: np.ndarray = library("cv2").filter2D(pixels, -1, kernel)
    return result.reshape(pixels.shape)  # OpenCV drops a single channel


@register("Glass blur", "blur", constants.GLASS_BLUR, min_side=4)
def glass_blur(
    pixels: np.ndarray, random: np.random.Generator, deviation: float, step: float, rounds: float
) -> np.ndarray:
    """Pixels shuffled with near ones, as through frosted glass.

    One after the other, from the lower right, takes the colour of a pixel at most ``step`` away. The published code
    means to swap the two, but copies, because NumPy's right-hand side is a view; so does this.
    """
    reach = max(1, round(step))
    coarse = (smoothed(pixels, deviation) * 255).astype(np.uint8) / 255.0
    height, width = pixels.shape[:2]
    rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
    taken = list(range(height * width))  # where each pixel's colour is from; lists are faster than arrays here
    for _ in range(round(rounds)):
        moves = random.integers(-reach, reach, (len(rows) * len(columns), 2))
        places = (np.array(rows)[:, None] * width + np.array(columns)).ravel()
        nearby = places + moves[:, 1] * width + moves[:, 0]
        for place, near in zip(places.tolist(), nearby.tolist(), strict=True):
            taken[place] = taken[near]
    return smoothed(coarse.reshape(height * width, -1)[taken].reshape(pixels.shape), deviation)


@register("Motion blur", "blur", constants.MOTION_BLUR, min_side=16)
def motion_blur(pixels: np.ndarray, random: np.random.Generator, radius: float, deviation: float) -> np.ndarray:
    """A streak of half a normal kernel, at most 45° from the horizontal.

    CIFAR-10-C was made with ImageMagick; this is the library's imitation of it, with CIFAR-10-C's constants.
    """
    return streaked(pixels, radius, deviation, random.uniform(-45, 45))


def streaked(pixels: np.ndarray, radius: float, deviation: float, angle: float) -> np.ndarray:
    """Every pixel smeared along ``angle`` degrees; (H, W) or (H, W, channels)."""
    result: np.ndarray = library()._motion_blur(pixels, radius=round(radius), sigma=deviation, angle=angle)
    return result


@register("Zoom blur", "blur", constants.ZOOM_BLUR, min_side=4, seeded=False)
def zoom_blur(pixels: np.ndarray, random: np.random.Generator, end: float, step: float) -> np.ndarray:
    """Mean of the picture and its enlargements, as moving towards it."""
    factors = np.arange(1, end, step)
    pixels = pixels.astype(np.float32)
    total = pixels.copy()
    for factor in factors:
        total += zoomed(pixels, factor)
    return total / (len(factors) + 1)


def zoomed(pixels: np.ndarray, factor: float) -> np.ndarray:
    """The middle of the picture enlarged to its size."""
    result: np.ndarray = library().clipped_zoom(pixels, factor)
    return result[: pixels.shape[0], : pixels.shape[1]]


@register("Gaussian blur", "blur", constants.GAUSSIAN_BLUR, seeded=False, held_out=True)
def gaussian_blur(pixels: np.ndarray, random: np.random.Generator, deviation: float) -> np.ndarray:
    """Convolution with a normal kernel of so many pixels, cut at four deviations."""
    return smoothed(pixels, deviation)
