"""Corruptions of image batches; labels stay valid, so the result is a ``shifted`` set."""

from __future__ import annotations

import numpy as np


def gaussian_noise(images: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Add independent normal noise to every pixel.

    Parameters
    ----------
    images : ndarray of shape (N, H, W) or (N, H, W, channels), uint8
    sigma : float
        Standard deviation on the 0–1 scale.
    seed : int

    Returns
    -------
    ndarray of the same shape, uint8

    References
    ----------
    Hendrycks and Dietterich, 2019, arXiv 1903.12261 (``gaussian_noise``).
    """
    noise = np.random.default_rng(seed).normal(0, 255 * sigma, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


def gaussian_blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """Blur every image with a normal kernel.

    Parameters
    ----------
    images : ndarray of shape (N, H, W) or (N, H, W, channels), uint8
    sigma : float
        Standard deviation of the kernel in pixels.

    Returns
    -------
    ndarray of the same shape, uint8

    References
    ----------
    Hendrycks and Dietterich, 2019, arXiv 1903.12261 (``gaussian_blur``).
    """
    from scipy.ndimage import gaussian_filter

    width = (0, sigma, sigma) + (0,) * (images.ndim - 3)
    blurred = gaussian_filter(images.astype(np.float32), width, mode="nearest")
    return np.clip(np.rint(blurred), 0, 255).astype(np.uint8)
