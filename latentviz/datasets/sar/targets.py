"""What the simulator shows: twelve made-up vehicles and objects as boxes and scatterers. None is a real vehicle.

A target's frame has x forward, y to the left and z up, in metres, with the origin on the ground under its middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from latentviz.datasets.corruptions.seeding import generator
from latentviz.errors import DataError

#: A box as it is listed: rear and front x, width, bottom and top z, and y of its middle, in metres.
Listed = tuple[float, float, float, float, float, float]


class Kind(IntEnum):
    """How a scatterer answers from different aspects; see :func:`latentviz.datasets.sar.simulator.response`."""

    POINT = 0
    TRIHEDRAL = 1
    DIHEDRAL = 2


@dataclass(frozen=True, eq=False)
class Scatterers:
    """K places that reflect.

    Attributes
    ----------
    position : ndarray of shape (K, 3)
        Metres; of a dihedral its middle.
    amplitude : ndarray of shape (K,)
        At the best aspect: root of the radar cross-section, in metres.
    kind : ndarray of shape (K,), int
        A :class:`Kind`.
    facing : ndarray of shape (K,)
        Azimuth towards which it looks, in degrees, from x to y; NaN: to all sides.
    length : ndarray of shape (K,)
        Of a dihedral, in metres, horizontal and across its facing; 0 of the others.
    """

    position: np.ndarray
    amplitude: np.ndarray
    kind: np.ndarray
    facing: np.ndarray
    length: np.ndarray

    def __post_init__(self) -> None:
        if self.position.ndim != 2 or self.position.shape[1] != 3:
            raise DataError(f"The scatterers' positions have the shape {self.position.shape}; expected (K, 3).")
        for name in ("amplitude", "kind", "facing", "length"):
            if getattr(self, name).shape != (len(self),):
                raise DataError(
                    f"The scatterers' {name} has the shape {getattr(self, name).shape}; "
                    f"there are {len(self)} positions, give it as many values."
                )
        if not np.isfinite(np.column_stack([self.position, self.amplitude, self.length])).all():
            raise DataError("A scatterer's position, amplitude or length is not finite; only a facing may be NaN.")
        if np.isnan(self.facing[self.kind != Kind.POINT]).any():
            raise DataError("A dihedral or trihedral has no facing; only points look to all sides.")

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, rows: np.ndarray) -> Scatterers:
        """Those of a mask or of indices."""
        return Scatterers(
            self.position[rows], self.amplitude[rows], self.kind[rows], self.facing[rows], self.length[rows]
        )

    def __add__(self, other: Scatterers) -> Scatterers:
        return Scatterers(
            np.concatenate([self.position, other.position]),
            np.concatenate([self.amplitude, other.amplitude]),
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.facing, other.facing]),
            np.concatenate([self.length, other.length]),
        )


@dataclass(frozen=True, eq=False)
class Target:
    """A synthetic vehicle.

    Attributes
    ----------
    name : str
    boxes : ndarray of shape (B, 2, 3)
        Lower and upper corner of each, in metres; they cast the shadow and hide scatterers.
    scatterers : Scatterers
    serial : str
        Which one of its type.
    """

    name: str
    boxes: np.ndarray
    scatterers: Scatterers
    serial: str = "b01"

    def __post_init__(self) -> None:
        if self.boxes.ndim != 3 or self.boxes.shape[1:] != (2, 3):
            raise DataError(f"The boxes of {self.name} have the shape {self.boxes.shape}; expected (B, 2, 3).")
        if not (self.boxes[:, 0] < self.boxes[:, 1]).all():
            raise DataError(f"A box of {self.name} is empty: give its lower corner first, then its upper one.")


def scatterers(
    kind: Kind,
    position: Sequence[Sequence[float] | np.ndarray] | np.ndarray,
    amplitude: float | Sequence[float] | np.ndarray,
    facing: float | Sequence[float] | np.ndarray = np.nan,
    length: float | Sequence[float] | np.ndarray = 0.0,
) -> Scatterers:
    """Scatterers of one kind; a single amplitude, facing or length is that of all positions (K, 3)."""
    places = np.asarray(position, dtype=np.float64).reshape(-1, 3)
    values = [np.broadcast_to(np.asarray(v, dtype=np.float64), len(places)) for v in (amplitude, facing, length)]
    return Scatterers(places, values[0], np.full(len(places), int(kind)), values[1], values[2])


#: Sides of a box: the azimuth it faces, its axis, and which of the two corners it goes through.
_SIDES = ((0.0, 0, 1), (90.0, 1, 1), (180.0, 0, 0), (270.0, 1, 0))

#: Sides that are shorter or lower, in metres, reflect from single points only.
_LONG, _HIGH = 1.0, 0.35

#: A fitting (wheel, hook, hatch, lamp) every so many metres of a side.
_FITTINGS = 0.45


def build(name: str, listed: Iterable[Listed], *, rough: float = 1.0) -> Target:
    """A target from a list of boxes; what is random about it depends on its name alone.

    Long sides make dihedrals with what they stand on, the ground or the deck below. Vertical edges carry trihedrals
    that look outwards diagonally: a real corner that is hollow is made by the fittings there. Every side has points
    and short plates that are not quite parallel to it, and every roof has points.

    Parameters
    ----------
    name : str
    listed : sequence of tuples
        Rear and front x, width, bottom and top z, and y of the middle of every box, in metres.
    rough : float
        How many fittings, of the usual.

    Returns
    -------
    Target
    """
    random = generator(0, "sar target", name)
    boxes = np.array([[[x0, y - w / 2, z0], [x1, y + w / 2, z1]] for x0, x1, w, z0, z1, y in listed])
    parts: list[Scatterers] = []
    for low, high in boxes:
        size = high - low
        for facing, axis, end in _SIDES:
            across, along = 1 - axis, float(size[1 - axis])
            middle = (low + high) / 2
            middle[axis] = (low, high)[end][axis]
            foot = np.array([*middle[:2], low[2] if low[2] > 1 else 0.0])  # below 1 m it stands on wheels or tracks
            if along >= _LONG and size[2] >= _HIGH:
                parts.append(scatterers(Kind.DIHEDRAL, [foot], 3.0 * along * np.sqrt(size[2]), facing, 0.95 * along))
            count = int(random.poisson(rough * along / _FITTINGS))
            places = np.repeat(middle[None], count, axis=0)
            places[:, across] += random.uniform(-0.5, 0.5, count) * along
            places[:, 2] = random.uniform(low[2] + 0.1 * size[2], high[2], count)
            parts.append(scatterers(Kind.POINT, places, _decibels(random.normal(-7, 5, count)), facing))
            plates = int(random.poisson(rough * along / 1.5))
            where = np.repeat(foot[None], plates, axis=0)
            where[:, across] += random.uniform(-0.45, 0.45, plates) * along
            where[:, 2] += random.uniform(0, 0.6, plates) * size[2]
            turned = facing + random.normal(0, 30, plates)
            lengths = random.uniform(0.05, 0.25, plates)
            parts.append(scatterers(Kind.DIHEDRAL, where, _decibels(random.normal(4, 4, plates)), turned, lengths))
        if min(size[0], size[1]) > 0.3:
            for x, facing_x in ((low[0], -1), (high[0], 1)):
                for y, facing_y in ((low[1], -1), (high[1], 1)):
                    diagonal = np.rad2deg(np.arctan2(facing_y, facing_x))
                    level = float(_decibels(random.normal(0, 4)))
                    parts.append(scatterers(Kind.TRIHEDRAL, [[x, y, low[2] + 0.2 * size[2]]], level, diagonal))
        count = int(random.poisson(rough * size[0] * size[1] * 0.5))
        top = random.uniform([*low[:2], high[2]], [*high[:2], high[2] + 0.05], (count, 3))
        parts.append(scatterers(Kind.POINT, top, _decibels(random.normal(-10, 4, count))))
    every = parts[0]
    for part in parts[1:]:
        every = every + part
    return Target(name, boxes, every)


def variant(target: Target, serial: str, seed: int) -> Target:
    """The same vehicle with another serial number: other stowage, dents and repairs.

    A third of the scatterers is moved by a decimetre or so, a tenth is missing, as many points are new, and all
    amplitudes differ by a few decibels. The boxes, and so the shadow, stay.

    Parameters
    ----------
    target : Target
    serial : str
        Of the new one; another serial has other changes.
    seed : int

    Returns
    -------
    Target

    Raises
    ------
    DataError
        If the serial number is the target's own, or the seed is negative.
    """
    if serial == target.serial:
        raise DataError(f"{target.name} has the serial number {serial} already; give its variant another.")
    if seed < 0:
        raise DataError(f"The seed is {seed}; expected 0 or more.")
    random = generator(seed, "sar variant", f"{target.name}/{serial}")
    old = target.scatterers
    missing = random.random(len(old)) < 0.1
    moved = random.normal(0, 0.1, old.position.shape) * (random.random((len(old), 1)) < 1 / 3)
    louder = _decibels(random.normal(0, 2, len(old)))
    kept = replace(old, position=old.position + moved, amplitude=old.amplitude * louder)[~missing]
    box = target.boxes[random.integers(len(target.boxes), size=int(missing.sum()))]
    low, high = box[:, 0], box[:, 1]
    stowed = low + random.random((len(box), 3)) * (high - low)
    stowed[:, 2] = high[:, 2] + random.uniform(0, 0.2, len(box))
    new = scatterers(Kind.POINT, stowed, _decibels(random.normal(-5, 4, len(box))))
    return replace(target, scatterers=kept + new, serial=serial)


def _decibels(level: np.ndarray | float) -> np.ndarray:
    """Amplitudes of cross-sections in decibels relative to 1 m²."""
    return np.asarray(10 ** (np.asarray(level) / 20))


#: The boxes of every type; x from the rear to the front.
_LISTED: dict[str, tuple[Listed, ...]] = {
    "tank": ((-3.1, 3.1, 3.1, 0, 1.3, 0), (-1.2, 1.2, 2.2, 1.3, 2.2, 0), (1.2, 4.4, 0.2, 1.6, 1.8, 0)),
    "light-tank": ((-2.8, 2.8, 2.8, 0, 1.2, 0), (-1.6, 0.3, 1.8, 1.2, 2.0, 0), (0.3, 2.6, 0.2, 1.4, 1.6, 0)),
    "carrier": ((-2.8, 2.8, 2.8, 0, 1.8, 0), (0.2, 1.0, 0.8, 1.8, 2.2, 0.5)),
    "truck": ((-3.1, 1.4, 2.5, 0.6, 1.6, 0), (1.5, 3.1, 2.4, 0.3, 2.4, 0)),
    "tanker": ((-3.2, 1.4, 2.4, 0.6, 2.2, 0), (1.6, 3.2, 2.4, 0.3, 2.3, 0)),
    "launcher": ((-3.3, 3.3, 2.7, 0.3, 1.3, 0), (2.0, 3.3, 2.6, 1.3, 2.2, 0), (-3.1, 0.8, 1.8, 1.3, 2.4, 0)),
    "dozer": ((-2.5, 2.0, 2.6, 0, 1.3, 0), (-1.6, 0.0, 1.6, 1.3, 2.4, 0), (2.5, 2.75, 3.2, 0.1, 1.2, 0)),
    "crane": ((-3.2, 3.2, 2.6, 0.3, 1.3, 0), (-2.6, -0.6, 2.2, 1.3, 2.3, 0), (-0.6, 4.2, 0.5, 2.0, 2.4, 0.4)),
    "van": ((-2.9, 1.6, 2.4, 0.2, 2.2, 0), (1.6, 2.9, 2.3, 0.2, 1.3, 0)),
    "howitzer": ((-3.1, 3.1, 3.0, 0, 1.3, 0), (-2.6, 0.2, 2.6, 1.3, 2.4, 0), (0.2, 3.6, 0.25, 1.7, 2.0, 0)),
}

#: The ten known types, by name.
TARGETS: dict[str, Target] = {name: build(name, listed) for name, listed in _LISTED.items()}


def _reflectors() -> Target:
    """Bare geometric reflectors on a plinth, each with a single strong answer; in the manner of SLICY."""
    plain = build("reflectors", ((-1.4, 1.4, 2.4, 0, 0.7, 0), (0.3, 0.9, 0.6, 0.7, 1.6, 0.6)), rough=0.3)
    corners = [[-0.9, 0.7, 0.8], [0.9, -0.8, 0.8], [-0.2, -0.9, 0.8], [-1.0, -0.4, 0.8]]
    hollow = scatterers(Kind.TRIHEDRAL, corners, [4.0, 4.0, 3.0, 3.0], [45.0, 45.0, 20.0, 70.0])
    upright = scatterers(Kind.POINT, [[0.6, 0.6, 0.7], [-0.5, 0.1, 0.8]], [2.0, 2.5])
    plates = scatterers(Kind.DIHEDRAL, [[1.4, 0.0, 0.1], [0.0, 1.2, 0.1]], 3.0, [30.0, 60.0], 0.2)
    return replace(plain, scatterers=plain.scatterers + hollow + upright + plates)


#: Objects that no classifier of the ten types knows, by name.
CONFUSERS: dict[str, Target] = {
    "reflectors": _reflectors(),
    "shed": build("shed", ((-2.4, 2.4, 3.8, 0, 2.3, 0), (-1.0, 1.0, 3.8, 2.3, 2.8, 0)), rough=0.4),
}
