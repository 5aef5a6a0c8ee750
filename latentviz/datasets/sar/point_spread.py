"""What the radar makes of a point: the transform of its windowed band."""

from __future__ import annotations

from functools import cache

import numpy as np

from latentviz.errors import DataError

#: Distance of two pixels, in range and in cross-range, in metres.
SPACING = 0.2

#: c / (2 bandwidth), in metres, and as much in cross-range; windows widen what is seen of it.
RESOLUTION = 0.3

WINDOWS = ("taylor", "hamming", "none")


def point_spread(positions: np.ndarray, size: int, window: str = "taylor", defocus: float = 0.0) -> np.ndarray:
    r"""Responses to points along one axis of the image, exact between the pixels.

    .. math:: h_n(s) = \frac{1}{\sum_k w_k} \sum_{k=-m}^{m} w_k \, e^{j \psi (k / m)^2} e^{2 \pi j k (n - s) / N}

    with the band's edge m at half the spacing over the resolution. A focused point has the peak 1, wherever it
    lies; the grid is periodic, and by Parseval the energy is the same for all points.

    Parameters
    ----------
    positions : ndarray of shape (K,)
        s, in pixels.
    size : int
        N.
    window : {"taylor", "hamming", "none"}
        Taylor's is that of MSTAR: sidelobes at -35 dB, nbar 4.
    defocus : float
        ψ: quadratic phase error at the edge of the band, in radians.

    Returns
    -------
    ndarray of shape (N, K), complex
    """
    bins, weights = _band(size, window)
    phase = weights * np.exp(1j * defocus * (bins / bins[-1]) ** 2)
    towards = np.exp(-2j * np.pi / size * np.outer(bins, positions))
    result: np.ndarray = (_waves(size, window) * phase) @ towards
    return result


@cache
def _band(size: int, window: str) -> tuple[np.ndarray, np.ndarray]:
    """Bins k and weights w of the band, with the sum 1."""
    edge = int(size * SPACING / RESOLUTION / 2)
    bins = np.arange(-edge, edge + 1)
    if window == "none":
        weights = np.ones(len(bins))
    elif window == "hamming":
        weights = np.hamming(len(bins))
    elif window == "taylor":
        from scipy.signal.windows import taylor

        weights = taylor(len(bins), nbar=4, sll=35, norm=False)
    else:
        raise DataError(f"There is no window {window!r}; choose one of {', '.join(WINDOWS)}.")
    return bins, weights / weights.sum()


@cache
def _waves(size: int, window: str) -> np.ndarray:
    bins, _ = _band(size, window)
    return np.exp(2j * np.pi / size * np.outer(np.arange(size), bins))
