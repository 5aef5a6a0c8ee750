"""Noise of sensors and transmission; pixels are floats (H, W, channels) from 0 to 1."""

from __future__ import annotations

import numpy as np

from latentviz.datasets.corruptions import constants
from latentviz.datasets.corruptions.registry import register


@register("Gaussian noise", "noise", constants.GAUSSIAN_NOISE)
def gaussian_noise(pixels: np.ndarray, random: np.random.Generator, deviation: float) -> np.ndarray:
    """Independent normal noise on every value, as in low light."""
    return pixels + random.normal(size=pixels.shape, scale=deviation)


@register("Shot noise", "noise", constants.SHOT_NOISE)
def shot_noise(pixels: np.ndarray, random: np.random.Generator, photons: float, *fewer: float) -> np.ndarray:
    """Poisson noise of counted photons, ``photons`` in a white pixel.

    A Poisson variable of which every count is kept with a probability is Poisson again. So each severity keeps
    some of the photons of the one before: the noise of an image grows instead of being another one.
    """
    counts = random.poisson(pixels * photons)
    for left in fewer:
        counts = random.binomial(counts, left / photons)
        photons = left
    return counts / photons


@register("Impulse noise", "noise", constants.IMPULSE_NOISE)
def impulse_noise(pixels: np.ndarray, random: np.random.Generator, share: float) -> np.ndarray:
    """A share of the values becomes 0 or 1, "salt and pepper", as after bit errors."""
    hit = random.random(pixels.shape) <= share
    salt = random.random(pixels.shape) <= 0.5
    return np.where(hit, salt.astype(pixels.dtype), pixels)


@register("Speckle noise", "noise", constants.SPECKLE_NOISE, held_out=True)
def speckle_noise(pixels: np.ndarray, random: np.random.Generator, deviation: float) -> np.ndarray:
    """Normal noise in proportion to the value."""
    return pixels + pixels * random.normal(size=pixels.shape, scale=deviation)
