"""Small pictures of samples."""

from __future__ import annotations

import numpy as np
from PIL import Image

#: Longest side of a stored thumbnail in pixels.
THUMBNAIL_LIMIT = 64


def thumbnail(pixels: np.ndarray, side: int) -> np.ndarray:
    """A small square picture: the image scaled into ``side`` × ``side``, black at the edges, RGB.

    Parameters
    ----------
    pixels : ndarray of shape (H, W), (H, W, 1) or (H, W, 3)
        uint8 as it is; uint16 keeps its high byte; floats are taken from 0–1.
    side : int

    Returns
    -------
    ndarray of shape (side, side, 3), uint8
    """
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        pixels = (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    deep = pixels if pixels.ndim == 3 else pixels[:, :, None]
    height, width = deep.shape[:2]
    if max(height, width) != side:
        scale = side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shown = Image.fromarray(deep[:, :, 0] if deep.shape[2] == 1 else deep)
        small = np.asarray(shown.resize(size, Image.Resampling.BILINEAR))
        deep = small if small.ndim == 3 else small[:, :, None]
    top, left = (side - deep.shape[0]) // 2, (side - deep.shape[1]) // 2
    square = np.zeros((side, side, 3), dtype=np.uint8)
    square[top : top + deep.shape[0], left : left + deep.shape[1]] = deep
    return square
