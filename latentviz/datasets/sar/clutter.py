"""The ground around a target: complex Gaussian clutter with a gamma texture, which is K-distributed."""

from __future__ import annotations

from functools import cache

import numpy as np

#: Standard deviation of the Gaussian that correlates the texture, in pixels.
CORRELATION = 2.0


def circular(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Independent circular complex Gaussian numbers with a mean intensity of 1."""
    real, imaginary = random.normal(scale=np.sqrt(0.5), size=(2, *shape))
    result: np.ndarray = real + 1j * imaginary
    return result


def texture(random: np.random.Generator, size: int, shape: float, correlation: float = CORRELATION) -> np.ndarray:
    r"""Local mean intensity of the clutter: gamma variables with mean 1 and variance 1 / shape.

    A smooth normal field gives the ranks, the gamma distribution the values (Gaussian copula), so that neighbours
    resemble each other while the distribution is exact. Speckle times its root is K-distributed; of one look

    .. math:: \langle I^2 \rangle / \langle I \rangle^2 = 2 (1 + 1 / \nu)

    Parameters
    ----------
    random : numpy.random.Generator
    size : int
    shape : float
        ν; infinite: a homogeneous field of ones.
    correlation : float
        Standard deviation of the Gaussian that smooths the normal field, in pixels; 0: independent pixels.

    Returns
    -------
    ndarray of shape (size, size)
        The grid is periodic.

    References
    ----------
    E. Jakeman, P. N. Pusey, A model for non-Rayleigh sea echo, IEEE Trans. Antennas and Propagation 24 (1976).
    """
    if np.isinf(shape):
        return np.ones((size, size))
    white = np.fft.rfft2(random.normal(size=(size, size)))
    down, right = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    transfer = np.exp(-2 * (np.pi * correlation) ** 2 * (down**2 + right**2))
    impulse = np.fft.irfft2(transfer, s=(size, size))
    normal = np.fft.irfft2(white * transfer, s=(size, size)) / np.sqrt((impulse**2).sum())
    grid, values = _gamma_of_normal(shape)
    return np.interp(normal, grid, values)


@cache
def _gamma_of_normal(shape: float) -> tuple[np.ndarray, np.ndarray]:
    """Normal values and the gamma values of the same rank; a table, because the inverse takes long."""
    from scipy.special import gammaincinv, ndtr

    normal = np.linspace(-6, 6, 2401)
    return normal, gammaincinv(shape, ndtr(normal)) / shape
