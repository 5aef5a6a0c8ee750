"""What may differ between two radar images of one target; magnitudes are floats (H, W), rows range, columns azimuth.

No constants are published for these: the five severities are ours. So is what they take for granted, that the values
are proportional to magnitude. On chips that were stored with another contrast the decibels are those of the picture,
not of the radar.
"""

from __future__ import annotations

import numpy as np

from latentviz.datasets.corruptions import constants
from latentviz.datasets.corruptions.registry import register

OURS = "latentviz; no published severities"


@register("SAR speckle", "noise", constants.SAR_LOOKS, kind="sar", source=OURS)
def sar_speckle(magnitudes: np.ndarray, random: np.random.Generator, looks: float) -> np.ndarray:
    """Speckle of 16, 8, 4, 2 and 1 looks, on top of what the image has.

    The intensity is multiplied by a gamma variable of mean 1 and variance 1 / looks. Its severities average the
    first looks of the same sixteen, so that the speckle of an image grows instead of being another one.
    """
    intensities = random.exponential(size=(int(looks), *magnitudes.shape))  # look by look, so fewer are the first ones
    return magnitudes * np.sqrt(intensities.mean(axis=0))


@register("Thermal noise", "noise", constants.SAR_SNR, kind="sar", source=OURS)
def sar_thermal(magnitudes: np.ndarray, random: np.random.Generator, snr: float) -> np.ndarray:
    """Complex normal noise of the receiver, 20, 15, 10, 5 and 0 dB below the mean intensity.

    The noise has no preferred phase, so the signal's does not matter and is left at 0.
    """
    power = np.mean(magnitudes**2) / 10 ** (snr / 10)
    real, imaginary = random.normal(size=(2, *magnitudes.shape)) * np.sqrt(power / 2)
    return np.hypot(magnitudes + real, imaginary)


@register("SAR defocus", "blur", constants.SAR_PHASE, kind="sar", min_side=32, source=OURS)
def sar_defocus(magnitudes: np.ndarray, random: np.random.Generator, peak: float) -> np.ndarray:
    """A quadratic phase error in azimuth of π/4, π/2, π, 2π and 4π at the band's edge: uncompensated motion.

    Magnitudes lack the phase that focusing works on. Every pixel gets one at random, as on a rough surface; with
    equal phases nearly all energy would lie in the middle of the band, where the error is 0, and clutter would
    hardly notice. The mean intensity stays. Energy moves by up to two pixels for each π, eight in severity 5; what
    leaves at one edge enters at the other.
    """
    image = magnitudes * np.exp(2j * np.pi * random.random(magnitudes.shape))
    frequency = np.fft.fftfreq(magnitudes.shape[1])  # cycles a pixel; the band's edge is 1/2
    error = np.exp(1j * np.pi * peak * (2 * frequency) ** 2)
    return np.abs(np.fft.ifft(np.fft.fft(image, axis=1) * error, axis=1))


@register("Shift", "scene", constants.SAR_SHIFT, kind="sar", min_side=32, source=OURS)
def sar_shift(magnitudes: np.ndarray, random: np.random.Generator, share: float) -> np.ndarray:
    """Moved by 1, 2, 4, 6 and 8 % of the shorter side, in one direction of all: a chip cut out elsewhere.

    By whole pixels, at least one, because interpolation would blur the speckle; chips of 32 pixels have
    1, 1, 1, 2 and 3. What enters is drawn from the values along the border: right in their distribution, not in
    how neighbours resemble each other.
    """
    angle = random.uniform(0, 2 * np.pi)
    border = np.concatenate([magnitudes[:2].ravel(), magnitudes[-2:].ravel(), magnitudes[2:-2, [0, 1, -2, -1]].ravel()])
    filling = random.choice(border, magnitudes.shape)
    distance = max(share * min(magnitudes.shape), 1.0)
    rows, columns = (round(distance * part) for part in (np.sin(angle), np.cos(angle)))

    def cut(axis: int, by: int) -> tuple[slice, slice]:
        """From where to where the picture moves along an axis."""
        length = magnitudes.shape[axis] - abs(by)
        return slice(max(-by, 0), max(-by, 0) + length), slice(max(by, 0), max(by, 0) + length)

    (top, new_top), (left, new_left) = cut(0, rows), cut(1, columns)
    filling[new_top, new_left] = magnitudes[top, left]
    return filling


@register("Clutter level", "scene", constants.SAR_CLUTTER, kind="sar", min_side=32, seeded=False, source=OURS)
def sar_clutter(magnitudes: np.ndarray, random: np.random.Generator, decibels: float) -> np.ndarray:
    """Everything but the bright target brighter by 1.5, 2, 3, 4 and 6 dB: rougher ground.

    The target is where the magnitude, averaged over a few pixels against speckle, is farther above the median
    than five times the robust deviation (1.4826 times the median distance from the median).
    """
    return np.where(target(magnitudes), magnitudes, magnitudes * 10 ** (decibels / 20))


def target(magnitudes: np.ndarray) -> np.ndarray:
    """Where the bright target is; (H, W) bool."""
    from scipy.ndimage import gaussian_filter

    mean = gaussian_filter(magnitudes, 1.5, mode="nearest")
    middle = np.median(mean)
    result: np.ndarray = mean > middle + 5 * 1.4826 * np.median(np.abs(mean - middle))
    return result
