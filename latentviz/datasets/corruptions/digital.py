"""What processing and storage do; pixels are floats (H, W, channels) from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from latentviz.datasets.corruptions import constants
from latentviz.datasets.corruptions.library import library
from latentviz.datasets.corruptions.registry import register
from latentviz.datasets.corruptions.weather import in_hsv


@register("Contrast", "digital", constants.CONTRAST, seeded=False)
def contrast(pixels: np.ndarray, random: np.random.Generator, factor: float) -> np.ndarray:
    """Closer to the mean of each channel."""
    means = pixels.mean(axis=(0, 1), keepdims=True)
    return (pixels - means) * factor + means


@register("Elastic transform", "digital", constants.ELASTIC_TRANSFORM, min_side=8)
def elastic_transform(
    pixels: np.ndarray, random: np.random.Generator, amplitude: float, smoothing: float, affine: float
) -> np.ndarray:
    """A random affine map, then smooth random displacements; lengths in shares of the shorter side."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    height, width = pixels.shape[:2]
    side = min(height, width)
    if affine:
        pixels = _affine(pixels, random, affine * side)
    if not amplitude:
        return pixels
    dx, dy = (
        gaussian_filter(random.uniform(-1, 1, (height, width)), smoothing * side, mode="reflect", truncate=3)
        * (amplitude * side)
        for _ in range(2)
    )
    rows, columns = np.mgrid[:height, :width]
    channels = [
        map_coordinates(channel, (rows + dy, columns + dx), order=1, mode="reflect")
        for channel in np.moveaxis(pixels, 2, 0)
    ]
    return np.stack(channels, axis=2)


def _affine(pixels: np.ndarray, random: np.random.Generator, reach: float) -> np.ndarray:
    """Three points around the middle, each moved by up to ``reach`` pixels a direction, take the picture along."""
    cv2 = library("cv2")
    height, width = pixels.shape[:2]
    arm = min(height, width) // 3
    before = np.array([width // 2, height // 2]) + np.array([[arm, arm], [arm, -arm], [-arm, -arm]])
    after = before + random.uniform(-reach, reach, before.shape)
    matrix = cv2.getAffineTransform(before.astype(np.float32), after.astype(np.float32))
    moved: np.ndarray = cv2.warpAffine(
        pixels.astype(np.float32), matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101
    )
    return moved.reshape(pixels.shape)


@register("Pixelate", "digital", constants.PIXELATE, min_side=2, seeded=False)
def pixelate(pixels: np.ndarray, random: np.random.Generator, factor: float) -> np.ndarray:
    """Fewer pixels, enlarged again."""
    height, width = pixels.shape[:2]

    def coarse(image: Image.Image) -> Image.Image:
        small = image.resize((int(width * factor), int(height * factor)), Image.Resampling.BOX)
        return small.resize((width, height), Image.Resampling.BOX)

    return _with_pillow(pixels, coarse)


@register("JPEG compression", "digital", constants.JPEG_COMPRESSION, seeded=False)
def jpeg_compression(pixels: np.ndarray, random: np.random.Generator, quality: float) -> np.ndarray:
    """Written as JPEG and read again."""

    def stored(image: Image.Image) -> Image.Image:
        file = BytesIO()
        image.save(file, "JPEG", quality=round(quality))
        return Image.open(file)

    return _with_pillow(pixels, stored)


@register("Saturate", "digital", constants.SATURATE, seeded=False, held_out=True)
def saturate(pixels: np.ndarray, random: np.random.Generator, factor: float, summand: float) -> np.ndarray:
    """Paler colours in severities 1 and 2, stronger ones from 3 on; a grey picture stays as it is."""
    return pixels if pixels.shape[2] == 1 else in_hsv(pixels, channel=1, factor=factor, summand=summand)


def _with_pillow(pixels: np.ndarray, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """What Pillow makes of the picture; 8 bits are there and back without loss."""
    whole = np.rint(pixels * 255).astype(np.uint8)
    image = Image.fromarray(whole if pixels.shape[2] == 3 else whole[..., 0])
    return (np.asarray(change(image)) / 255.0).reshape(pixels.shape)
