"""What is selected on a map, told by what was drawn: small, repeatable, and bound to the map it was drawn on."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from latentviz.errors import DataError

#: What a drawn shape does to what was selected before.
Mode = Literal["replace", "add", "subtract", "intersect"]

Point = tuple[float, float]

#: Vertices that a shape may have; the map draws simpler ones.
MOST_VERTICES = 4096

# Characters of a selection's JSON: what claims to be more is not unpacked.
_LONGEST = 4_000_000


class Between(NamedTuple):
    """Two layouts of the same samples (N, d), between which a map is shown."""

    first: np.ndarray
    second: np.ndarray

    def at(self, share: float) -> np.ndarray:
        """Where samples are, from 0, the first layout, to 1, the second; float32 as in the browser."""
        first = self.first.astype(np.float64)
        return (first + share * (self.second.astype(np.float64) - first)).astype(np.float32)


class Shape(BaseModel):
    """A polygon around points, points one by one, or, without both, all points.

    Attributes
    ----------
    mode : {"replace", "add", "subtract", "intersect"}
    on : str
        :func:`fingerprint` of the map a polygon was drawn on.
    polygon : tuple of (x, y), or None
        In the map's coordinates; in three dimensions in those of ``view``. The last vertex is joined to the first;
        what is enclosed twice is outside (even-odd rule).
    view : tuple of 16 float, or None
        In three dimensions the matrix, row by row, that takes ``(x, y, z, 1)`` to the screen, where x and y are
        divided by the fourth.
    share : float, or None
        How far between two layouts the map was.
    rows : tuple of int, or None
        Positions of samples that were clicked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = "replace"
    on: Annotated[str, Field(max_length=100)] = ""
    polygon: Annotated[tuple[Point, ...], Field(min_length=3, max_length=MOST_VERTICES)] | None = None
    view: Annotated[tuple[float, ...], Field(min_length=16, max_length=16)] | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    rows: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=MOST_VERTICES)] | None = None

    @model_validator(mode="after")
    def _is_finite(self) -> Shape:
        if not np.isfinite([*np.ravel(self.polygon or ()), *(self.view or ())]).all():
            raise ValueError("a polygon and its view consist of finite numbers")
        return self

    def hits(self, maps: Mapping[str, np.ndarray | Between], count: int) -> np.ndarray:
        """Which of ``count`` samples it encloses: ndarray of shape (N,), bool.

        Raises
        ------
        DataError
            If it was drawn on none of the maps.
        """
        if self.rows is not None:
            found = np.zeros(count, dtype=bool)
            found[[row for row in self.rows if row < count]] = True
            return found
        if self.polygon is None:
            return np.ones(count, dtype=bool)
        where = maps.get(self.on)
        if where is None:
            raise DataError("The selection was drawn on a map that is no longer there; draw it again.")
        coordinates = where.at(self.share or 0.0) if isinstance(where, Between) else where
        return inside(_on_screen(coordinates, self.view), np.array(self.polygon))


class Selection(BaseModel):
    """Shapes drawn one after the other.

    Attributes
    ----------
    shapes : tuple of Shape
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shapes: tuple[Shape, ...] = ()

    def with_shape(self, shape: Shape) -> Selection:
        """This one with another shape; nothing before a shape that replaces matters."""
        before = () if shape.mode == "replace" else self.shapes
        return Selection(shapes=(*before, shape))

    def resolve(
        self, maps: Mapping[str, np.ndarray | Between], count: int, shown: np.ndarray | None = None
    ) -> np.ndarray:
        """Which samples are selected.

        Parameters
        ----------
        maps : mapping of str to ndarray of shape (N, 2) or (N, 3), float32
            Maps of the same samples by their :func:`fingerprint`; among them those that were drawn on.
        count : int
            Samples.
        shown : ndarray of shape (N,), bool, optional
            Samples that are drawn; the others are never selected.

        Returns
        -------
        ndarray of shape (N,), bool

        Raises
        ------
        DataError
            If a shape was drawn on another map.
        """
        selected = np.zeros(count, dtype=bool)
        for shape in self.shapes:
            hit = shape.hits(maps, count)
            if shape.mode == "add":
                selected |= hit
            elif shape.mode == "subtract":
                selected &= ~hit
            elif shape.mode == "intersect":
                selected &= hit
            else:
                selected = hit
        return selected if shown is None else selected & shown

    def to_text(self) -> str:
        """Short text for an address; :meth:`from_text` reads it."""
        packed = zlib.compress(self.model_dump_json(exclude_defaults=True).encode(), 9)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str) -> Selection:
        """What :meth:`to_text` wrote.

        Raises
        ------
        DataError
            If it was not written so.
        """
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return cls.model_validate_json(zlib.decompressobj().decompress(packed, _LONGEST))
        except (ValueError, zlib.error, ValidationError) as error:
            raise DataError("The address holds a selection that cannot be read; draw it again.") from error


def fingerprint(coordinates: np.ndarray) -> str:
    """Short name of a map's coordinates (N, d): the same for the same numbers only."""
    contiguous = np.ascontiguousarray(coordinates, dtype=np.float32)
    return hashlib.blake2b(contiguous.tobytes(), digest_size=8, person=str(contiguous.shape).encode()[:16]).hexdigest()


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which points a polygon encloses, by the even-odd rule.

    Parameters
    ----------
    points : ndarray of shape (N, 2)
        NaN is nowhere.
    polygon : ndarray of shape (V, 2)

    Returns
    -------
    ndarray of shape (N,), bool
        Of polygons that share an edge but nothing else, a point on the edge is in exactly one.

    Examples
    --------
    >>> inside(np.array([[0.5, 0.5], [2, 0.5]]), np.array([[0, 0], [1, 0], [1, 1], [0, 1]])).tolist()
    [True, False]
    """
    polygon = np.asarray(polygon, dtype=np.float64)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    x, y = points[:, 0], points[:, 1]
    rows = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
    # In the order of y the points at the height of an edge are one slice: few edges look at any one point.
    rows = rows[np.argsort(y[rows], kind="stable")]
    x, y = x[rows].astype(np.float64), y[rows].astype(np.float64)
    odd = np.zeros(len(rows), dtype=bool)
    for one, other in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = sorted([tuple(one), tuple(other)], key=lambda vertex: vertex[1])
        start, end = np.searchsorted(y, [y0, y1])
        if start < end:
            odd[start:end] ^= x[start:end] < x0 + (y[start:end] - y0) * ((x1 - x0) / (y1 - y0))
    found = np.zeros(len(points), dtype=bool)
    found[rows[odd]] = True
    return found


def _on_screen(coordinates: np.ndarray, view: tuple[float, ...] | None) -> np.ndarray:
    if view is None:
        return coordinates[:, :2]
    matrix = np.array(view).reshape(4, 4)
    seen = coordinates @ matrix[:, :3].T + matrix[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(seen[:, 3:] > 0, seen[:, :2] / seen[:, 3:], np.nan)  # not what is behind the eye
