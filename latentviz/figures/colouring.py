"""What the colour of a point says: a category or a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from plotly.colors import sample_colorscale

from latentviz.errors import DataError
from latentviz.figures.style import CATEGORY_COLOURS, CORRECT_COLOURS, OTHER_COLOUR, RAMP, ROLE_COLOURS, look

#: Categories with a colour of their own; the rarer ones share that of "other".
CATEGORY_LIMIT = 20

OTHER = "other"

TITLES = {
    "set": "Set",
    "role": "Role",
    "label": "Class",
    "prediction": "Predicted class",
    "correct": "Correctness",
    "confidence": "Confidence (largest softmax probability)",
    "feature_norm": "Feature norm ‖z‖₂",
}


class Entry(NamedTuple):
    """A line of a legend: its name and colour, the categories it stands for, and how many points they have."""

    name: str
    colour: str
    categories: tuple[str, ...]
    points: int


@dataclass(frozen=True)
class Colour:
    """What the colour of a point says.

    Attributes
    ----------
    title : str
    values : ndarray of shape (N,), float32 or uint16
        Numbers, or the position of each point's category.
    categories : tuple of str
        Empty for numbers.
    colours : tuple of str
        One a category, "#rrggbb".
    limits : (low, high)
        Numbers at the ends of the ramp: percentiles, so that a few outliers do not take all of its colours.
    rare : frozenset of str
        Categories that share the colour of "other".
    """

    title: str
    values: np.ndarray
    categories: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    limits: tuple[float, float] = (0.0, 1.0)
    rare: frozenset[str] = frozenset()

    def at(self, rows: np.ndarray) -> Colour:
        """The colour of some of the points: theirs do not change when others are hidden."""
        return self.of(self.values[rows])

    def of(self, values: np.ndarray) -> Colour:
        """The same meaning of other values."""
        return replace(self, values=values)

    def spread(self, at: np.ndarray, rows: np.ndarray, count: int) -> Colour:
        """Colour of ``count`` points: those ``at`` some positions are ``rows`` of these, the others have none."""
        if not self.categories:
            values = np.full(count, np.nan, dtype=np.float32)
            values[at] = self.values[rows]
            return self.of(values)
        values = np.full(count, len(self.categories), dtype=np.uint16)
        values[at] = self.values[rows]
        if len(at) == count:
            return self.of(values)
        names, colours = (*self.categories, "not there"), (*self.colours, OTHER_COLOUR)
        return replace(self, values=values, categories=names, colours=colours)

    def folded(self) -> Colour:
        """Categories without a colour of their own as one, the last."""
        if not self.rare:
            return self
        kept = [name not in self.rare for name in self.categories]
        position = np.where(kept, np.cumsum(kept) - 1, sum(kept)).astype(np.uint16)
        return replace(
            self,
            values=position[self.values],
            categories=(*(name for name in self.categories if name not in self.rare), OTHER),
            colours=(*(fill for fill, own in zip(self.colours, kept, strict=True) if own), OTHER_COLOUR),
            rare=frozenset(),
        )

    def legend(self) -> list[Entry]:
        """What a legend lists."""
        folded = self.folded()
        counts = np.bincount(folded.values, minlength=len(folded.categories)) if folded.categories else np.empty(0)
        names: list[tuple[str, ...]] = [(name,) for name in folded.categories]
        if self.rare:
            names[-1] = tuple(name for name in self.categories if name in self.rare)
        return [
            Entry(name, fill, tuple(these), int(count))
            for name, fill, these, count in zip(folded.categories, folded.colours, names, counts, strict=True)
        ]


def colour(points: pd.DataFrame, by: str, sets: Iterable[str] = ()) -> Colour:
    """How to colour points by a column.

    Parameters
    ----------
    points : DataFrame
        Of :meth:`latentviz.Run.table`; all of them, so that a filter does not change the colours.
    by : str
        ``set``, ``role``, ``label``, ``prediction``, ``correct``, or a column of metadata; where a number is missing,
        the point is grey.
    sets : iterable of str, optional
        All of the run's, so that a set has the same colour here as in every other figure, and in every layout;
        by default those of the points.
    """
    values = points[by]
    if by == "correct":
        names = values.map({True: "correct", False: "wrong"}).astype(object).where(values.notna(), "no label")
        return _categories("Prediction", pd.Series(names), list(CORRECT_COLOURS), CORRECT_COLOURS)
    if by == "role":
        return _categories("Role", values, list(ROLE_COLOURS), ROLE_COLOURS)
    if values.dtype.kind in "fiu":
        return numbers(_title(by), values.to_numpy())
    values = values.where(values.notna(), "")  # of sets that do not have the column
    if by == "set":
        palette = {name: look(number).colour for number, name in enumerate(dict.fromkeys([*sets, *values.unique()]))}
        return _categories(TITLES[by], values, list(palette), palette)
    frequent = set(values.value_counts().index[:CATEGORY_LIMIT])
    order = sorted(values.unique())
    palette = dict(zip([name for name in order if name in frequent], CATEGORY_COLOURS, strict=False))
    return _categories(_title(by), values, order, palette)


def _title(column: str) -> str:
    return TITLES.get(column, column.capitalize().replace("_", " "))


def numbers(title: str, values: np.ndarray) -> Colour:
    """Colour by numbers (N,); those that are missing are NaN."""
    known = values.astype(np.float32)
    return Colour(title, known, limits=_limits(known))


def categories(title: str, values: np.ndarray, palette: dict[str, str]) -> Colour:
    """Colour by names (N,), in the order in which they come."""
    return _categories(title, pd.Series(values), list(dict.fromkeys(values.tolist())), palette)


def _categories(title: str, values: pd.Series, names: list[str], palette: dict[str, str]) -> Colour:
    codes, present = pd.factorize(values)
    there = set(present)
    kept = [name for name in names if name in there]
    if len(kept) >= 2**16 - 1:
        raise DataError(f"{title} has {len(kept):,} categories; a map can tell up to 65,534 apart.")
    position = {name: number for number, name in enumerate(kept)}
    table = np.array([position[name] for name in present], dtype=np.uint16)
    colours = tuple(palette.get(name, OTHER_COLOUR) for name in kept)
    rare = frozenset(str(name) for name in kept if name not in palette)
    return Colour(title, table[codes], tuple(str(name) for name in kept), colours, rare=rare)


def _limits(numbers: np.ndarray) -> tuple[float, float]:
    finite = numbers[np.isfinite(numbers)]
    low, high = np.percentile(finite, [1, 99]) if len(finite) else (0, 1)
    return float(low), max(float(high), float(low) + 1e-9)


def ramp(steps: int = 64) -> list[str]:
    """Colours of the perceptually uniform ramp from low to high, "#rrggbb"."""
    shares = sample_colorscale(RAMP, steps, colortype="tuple")
    return ["#" + "".join(f"{round(255 * share):02x}" for share in rgb) for rgb in shares]
