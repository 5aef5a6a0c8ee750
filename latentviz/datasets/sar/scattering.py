"""From scatterers to a complex image: what is seen from an aspect, where, how bright and in which phase.

A target is a set of scattering centres (Gerry, Potter, Gupta, van der Merwe, A parametric model for synthetic
aperture radar measurements, IEEE Trans. Antennas and Propagation 47, 1999). Left out of that model: the dependence on
frequency, ``(jf / f_c)^α``, which over a band of 5 % changes an amplitude by some percent at most. Left out of the
radar: polarisation, several bounces between parts of the target, the curvature of range over the aperture, and the
change of aspect within the aperture, 3 degrees here, other than that long dihedrals are seen in pieces.

A scatterer is seen if it looks towards the radar and no box of the target is on the way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latentviz.datasets.sar.point_spread import RESOLUTION, SPACING, point_spread
from latentviz.datasets.sar.shadow import directions, hidden
from latentviz.datasets.sar.targets import Kind, Scatterers

#: Metres; X band, 9.6 GHz.
WAVELENGTH = 0.031

#: Best elevation of a trihedral, and the angle across its lobe at half the power, in degrees.
_TRIHEDRAL_ELEVATION, _TRIHEDRAL_WIDTH = 35.26, 40.0

#: So many metres below a box's surface hide nothing, at most a quarter of its side: scatterers sit on the surface,
#: and errors of their position must not bury them.
_SKIN = 0.12


def response(seen: Scatterers, azimuth: float, elevation: float) -> np.ndarray:
    r"""Amplitudes (K,) from an aspect, each as if nothing stood in front of it; angles in degrees.

    A point answers the same to all aspects, a trihedral in a lobe of 40° at half the power around its facing and
    35° of elevation, and a dihedral of length L as in the attributed model,

    .. math:: A \, \mathrm{sinc}\left(\tfrac{2 L}{\lambda} \cos \phi \, \sin(\theta - \bar\theta)\right),
              \quad \mathrm{sinc}\,x = \sin(\pi x) / (\pi x),

    where the model's angle is that in the slant plane: the cosine of the elevation φ projects the length on it.
    Nothing answers from behind, at 90° from its facing or more.
    """
    away = np.deg2rad(np.where(np.isnan(seen.facing), 0.0, azimuth - seen.facing))
    result = np.where(np.isnan(seen.facing) | (np.cos(away) > 1e-9), seen.amplitude, 0.0)
    dihedral, trihedral = seen.kind == Kind.DIHEDRAL, seen.kind == Kind.TRIHEDRAL
    along = 2 * seen.length / WAVELENGTH * np.cos(np.deg2rad(elevation)) * np.sin(away)
    result = np.where(dihedral, result * np.sinc(along), result)
    degrees = np.rad2deg(np.angle(np.exp(1j * away)))
    off = (degrees**2 + (elevation - _TRIHEDRAL_ELEVATION) ** 2) / (_TRIHEDRAL_WIDTH / 2) ** 2
    return np.where(trihedral, result * 2 ** (-off / 2), result)


def target_image(
    seen: Scatterers,
    boxes: np.ndarray,
    azimuth: float,
    elevation: float,
    size: int,
    *,
    window: str = "taylor",
    defocus: float = 0.0,
) -> np.ndarray:
    """Complex image (size, size) of the scatterers alone, without ground and noise.

    Range is ``-p · u`` with u to the radar, so what is high lies nearer (layover); the phase is that of the way
    there and back, ``exp(-4πj range / λ)``.
    """
    towards, across = directions(azimuth, elevation)
    pieces = _pieces(seen)
    amplitude = response(pieces, azimuth, elevation)
    shown = amplitude != 0
    pieces, amplitude = pieces[shown], amplitude[shown]
    skin = np.minimum(_SKIN, (boxes[:, 1] - boxes[:, 0]) / 4)
    solid = np.stack([boxes[:, 0] + skin, boxes[:, 1] - skin], axis=1)
    distance, offset = -pieces.position @ towards, pieces.position @ across
    rows, columns = size / 2 + distance / SPACING, size / 2 + offset / SPACING
    inside = (np.minimum(rows, columns) > -0.5) & (np.maximum(rows, columns) < size - 0.5)
    inside &= ~hidden(pieces.position, towards, solid)
    wave = amplitude * np.exp(-4j * np.pi / WAVELENGTH * distance)
    down = point_spread(rows[inside], size, window)
    right = point_spread(columns[inside], size, window, defocus)
    result: np.ndarray = (down * wave[inside]) @ right.T
    return result


def _pieces(whole: Scatterers) -> Scatterers:
    """Dihedrals cut to half the resolution at most.

    A long one fills many pixels. Its pieces have parts of its amplitude and a sinc of their own length each; in the
    middle of the band their sum is the sinc of the whole.
    """
    count = np.maximum(np.ceil(whole.length / (RESOLUTION / 2)), 1).astype(np.int64)
    of = np.repeat(np.arange(len(whole)), count)
    number = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    cut = whole[of]
    length = cut.length / count[of]
    along = np.deg2rad(np.where(np.isnan(cut.facing), 0.0, cut.facing))
    direction = np.column_stack([-np.sin(along), np.cos(along), np.zeros(len(of))])
    offset = (number - (count[of] - 1) / 2) * length
    position = cut.position + offset[:, None] * direction
    return replace(cut, position=position, amplitude=cut.amplitude / count[of], length=length)
