"""Synthetic aperture radar chips of synthetic targets, idealised or with what a real radar adds.

All magnitudes are on one absolute scale: a point of 1 m² in the middle of a pixel has the magnitude 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from latentviz.datasets.corruptions.seeding import generator
from latentviz.datasets.sar.clutter import circular, texture
from latentviz.datasets.sar.point_spread import WINDOWS, point_spread
from latentviz.datasets.sar.scattering import target_image
from latentviz.datasets.sar.shadow import shadow
from latentviz.datasets.sar.targets import Scatterers, Target
from latentviz.errors import DataError

#: Magnitude that :func:`to_bytes` shows as white: a scatterer of 25 m².
FULL_SCALE = 5.0


@dataclass(frozen=True)
class Conditions:
    """How an image comes about.

    Attributes
    ----------
    window : {"taylor", "hamming", "none"}
        Of the band.
    looks : int
        Independent intensities that are averaged. The target is the same in all of them and resolution is not
        traded for looks, other than in a real radar.
    clutter_db : float
        Mean intensity of the ground in a pixel, relative to the peak of 1 m².
    clutter_shape : float
        ν of the texture; infinite: homogeneous ground.
    speckle : bool
        False: the ground has its expected intensity, as of infinitely many looks.
    noise_db : float or None
        Mean intensity of the receiver's noise, relative to the clutter's mean; None: no noise.
    gain_db : float
        Standard deviation of the calibration error of a chip.
    defocus : float
        Quadratic phase error in cross-range at the edge of the band, in radians.
    jitter : float
        Standard deviation of the scatterers' positions, per axis, in metres.
    amplitude_db : float
        Standard deviation of the scatterers' amplitudes. Like the jitter this is an error of the model, so it
        depends on the seed and the target and is the same in all its chips.
    """

    window: str = "taylor"
    looks: int = 1
    clutter_db: float = -20.0
    clutter_shape: float = np.inf
    speckle: bool = False
    noise_db: float | None = None
    gain_db: float = 0.0
    defocus: float = 0.0
    jitter: float = 0.0
    amplitude_db: float = 0.0

    def __post_init__(self) -> None:
        if self.window not in WINDOWS:
            raise DataError(f"There is no window {self.window!r}; choose one of {', '.join(WINDOWS)}.")
        if not self.looks >= 1 or self.looks % 1 != 0:
            raise DataError(f"There are {self.looks} looks; expected a whole number from 1.")
        if not self.clutter_shape > 0:
            raise DataError(f"The clutter's shape is {self.clutter_shape}; expected a positive number or infinity.")
        for name in ("gain_db", "jitter", "amplitude_db"):
            if not (0 <= getattr(self, name) < np.inf):
                raise DataError(f"{name} is {getattr(self, name)}; a standard deviation is 0 or more.")
        for name in ("clutter_db", "noise_db", "defocus"):
            value = getattr(self, name)
            if value is not None and not np.isfinite(value):
                raise DataError(f"{name} is {value}; expected a finite number.")


#: The target as it is drawn, its shadow, and even ground with the speckle of three looks; no noise, no errors. (A
#: network that has seen no speckle at all is right by chance on speckled chips.)
SIMULATED = Conditions(speckle=True, looks=3)

#: Everything switched on. The ground is rougher by 2 dB than :data:`SIMULATED` takes it to be. Chosen such that simple
#: classifiers which have seen simulated chips only are right on some 60 to 95 % of these.
PSEUDO_MEASURED = Conditions(
    clutter_db=-18.0,
    clutter_shape=4.0,
    speckle=True,
    noise_db=-7.5,
    gain_db=1.0,
    defocus=1.2,
    jitter=0.07,
    amplitude_db=4.0,
)


def simulate(
    target: Target, azimuth: float, elevation: float, conditions: Conditions, *, seed: int, size: int = 64
) -> np.ndarray:
    """A chip in the slant plane: rows are range, far is down; columns are cross-range.

    Pixel (size / 2, size / 2) shows the target's origin. What is farther away than the chip's edge is not seen.

    Parameters
    ----------
    target : Target
    azimuth : float
        Of the radar from the target's heading, in degrees; at 90 it sees the left side.
    elevation : float
        Of the radar above the ground, in degrees, more than 0 and less than 90.
    conditions : Conditions
        :data:`SIMULATED`, :data:`PSEUDO_MEASURED` or others. They are no part of the seed: with other conditions the
        same numbers are drawn, so that two chips differ by what the conditions say only.
    seed : int
        With the target's name and serial number and the angles it determines all that is random.
    size : int

    Returns
    -------
    ndarray of shape (size, size), float32
        Root of the intensity, averaged over the looks, on an absolute scale.

    Raises
    ------
    DataError
        If an argument is out of its range.
    """
    _check(azimuth, elevation, seed, size)

    def random(purpose: str, chip: bool = True) -> np.random.Generator:
        angles = f"{azimuth % 360:.4f}/{elevation:.4f}" if chip else "all"
        return generator(seed, f"sar {purpose}", f"{target.name}/{target.serial}/{angles}")

    seen = _mismatched(target.scatterers, conditions, random("mismatch", chip=False))
    signal = target_image(
        seen, target.boxes, azimuth, elevation, size, window=conditions.window, defocus=conditions.defocus
    )
    lit = ~shadow(target.boxes, azimuth, elevation, size)
    ground = lit * 10 ** (conditions.clutter_db / 10)
    ground = ground * texture(random("texture"), size, conditions.clutter_shape)
    speckle, noise = random("speckle"), random("noise")
    intensity = np.zeros((size, size))
    looks = conditions.looks if conditions.speckle or conditions.noise_db is not None else 1
    for _ in range(looks):
        look = signal
        if conditions.speckle:
            look = look + _band_limited(circular(speckle, (size, size)) * np.sqrt(ground), conditions)
        if conditions.noise_db is not None:
            level = 10 ** ((conditions.clutter_db + conditions.noise_db) / 20)
            # The receiver's noise has no phase history to be blurred, only the band.
            focused = replace(conditions, defocus=0.0)
            look = look + level * _band_limited(circular(noise, (size, size)), focused)
        intensity += look.real**2 + look.imag**2
    intensity /= looks
    if not conditions.speckle:
        intensity += _expected(ground, conditions)
    gain = 10 ** (conditions.gain_db * random("gain").normal() / 20)
    return (gain * np.sqrt(intensity)).astype(np.float32)


def to_bytes(magnitude: np.ndarray) -> np.ndarray:
    """Quarter-power magnitude ("QPM"): the fourth root, 255 at :data:`FULL_SCALE`; what is brighter stays 255.

    The scale is the same for all chips, so that their levels can be compared.

    Parameters
    ----------
    magnitude : ndarray

    Returns
    -------
    ndarray of the same shape, uint8

    Raises
    ------
    DataError
        If a magnitude is negative or not a number.
    """
    values = np.asarray(magnitude, dtype=np.float64)
    if not (values >= 0).all():
        raise DataError("A magnitude is negative or not a number; give absolute values.")
    return np.rint(255 * np.minimum(values / FULL_SCALE, 1) ** 0.25).astype(np.uint8)


def _check(azimuth: float, elevation: float, seed: int, size: int) -> None:
    if not np.isfinite(azimuth):
        raise DataError(f"The azimuth is {azimuth}; expected degrees.")
    if not 0 < elevation < 90:
        raise DataError(f"The elevation is {elevation} degrees; expected more than 0 and less than 90.")
    if not seed >= 0:
        raise DataError(f"The seed is {seed}; expected 0 or more.")
    if not size >= 16 or size % 1 != 0:
        raise DataError(f"The chip's size is {size} pixels; expected a whole number from 16.")


def _mismatched(exact: Scatterers, conditions: Conditions, random: np.random.Generator) -> Scatterers:
    """The scatterers as they are, where the model is wrong by the conditions' errors."""
    moved = conditions.jitter * random.normal(size=exact.position.shape)
    louder = 10 ** (conditions.amplitude_db * random.normal(size=len(exact)) / 20)
    return replace(exact, position=exact.position + moved, amplitude=exact.amplitude * louder)


def _band_limited(field: np.ndarray, conditions: Conditions) -> np.ndarray:
    """A complex field (size, size) as the radar sees it; the mean intensity of a white field stays."""
    down = _grid(len(field), conditions.window, 0.0)
    right = _grid(len(field), conditions.window, conditions.defocus)
    result: np.ndarray = down @ field @ right.T
    return result


def _expected(ground: np.ndarray, conditions: Conditions) -> np.ndarray:
    """Mean intensity of what :func:`_band_limited` makes of speckled ground (size, size)."""
    down = np.abs(_grid(len(ground), conditions.window, 0.0)) ** 2
    right = np.abs(_grid(len(ground), conditions.window, conditions.defocus)) ** 2
    result: np.ndarray = down @ ground @ right.T
    return result


@lru_cache(maxsize=16)
def _grid(size: int, window: str, defocus: float) -> np.ndarray:
    """Responses (size, size) to points on all pixels, with the energy 1."""
    spread = point_spread(np.arange(size), size, window, defocus)
    return spread / np.sqrt((np.abs(spread[:, 0]) ** 2).sum())
