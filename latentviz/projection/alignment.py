"""The same samples under two runs, laid out so that what moves from one map to the other has moved in the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.progress import Progress, silent
from latentviz.projection import engines, fast
from latentviz.projection.fitting import Split
from latentviz.projection.layout import compute
from latentviz.projection.neighbours import nearest
from latentviz.projection.placing import means, memberships
from latentviz.projection.rows import Rows
from latentviz.projection.spec import LayoutSpec
from latentviz.projection.store import Layout
from latentviz.workspace import Run

# Neighbours that say where a sample starts that only the second run has.
_NEIGHBOURS = 15


@dataclass(frozen=True)
class Aligned:
    """Two maps of n samples, the second moved, turned, mirrored and scaled onto the first.

    Attributes
    ----------
    matched : DataFrame
        ``set``, ``row_a``, ``row_b``: where each sample is in either run.
    coordinates_a, coordinates_b : ndarray of shape (n, d), float32
    moved : ndarray of shape (n,), float32
        Distance from a to b, in radii of the first map (root mean square distance of its points from their centre).
    at_a, at_b : ndarray of shape (n,), int
        Positions of the samples among all of the first run's map, and of those of its sets that the second has.
    """

    matched: pd.DataFrame
    coordinates_a: np.ndarray
    coordinates_b: np.ndarray
    moved: np.ndarray
    at_a: np.ndarray
    at_b: np.ndarray

    @property
    def disparity(self) -> float:
        """Share of the first map that the second does not tell: 0 alike, 1 nothing alike; as scipy's ``procrustes``."""
        return float(np.mean(self.moved.astype(np.float64) ** 2))


def aligned(
    run_a: Run, run_b: Run, spec: LayoutSpec, layout: Layout | None = None, progress: Progress = silent
) -> Aligned:
    """Maps of the same samples under two runs, stored or computed and stored with the first run.

    The second run's map starts where the same samples lie on the first run's, with as many epochs as a map from
    principal components but half the learning rate: it becomes as trustworthy as a map of its own, and stays where
    the features allow it. What is left of turns, mirrorings and scale is then taken out (orthogonal Procrustes fit;
    Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966).

    Parameters
    ----------
    run_a, run_b : Run
    spec : LayoutSpec
        A UMAP by the fast engine. Sets that the second run lacks are on the first map only.
    layout : Layout, optional
        A stored map of the first run to start from; by default that of the spec.
    progress : Progress, optional
        May raise ``Cancelled``; then the pair is not stored.

    Returns
    -------
    Aligned
        Of the samples with the same set and id in both runs.

    Raises
    ------
    DataError
        If the runs share no samples, or the spec is not of a UMAP by the fast engine; also as
        :func:`latentviz.projection.compute`.
    """
    pair = _Pair.of(run_a, run_b, spec, layout if layout is not None else compute(run_a, spec, progress))
    if pair.key not in run_a.derived:
        pair.compute(progress)
    return pair.read()


def stored_pair(run_a: Run, run_b: Run, layout: Layout) -> Aligned | None:
    """What :func:`aligned` has stored for a map of the first run, if it has; raises as it does."""
    pair = _Pair.of(run_a, run_b, layout.spec, layout)
    return pair.read() if pair.key in run_a.derived else None


def has_pair(run_a: Run, run_b: Run, layout: Layout) -> bool:
    """Whether :func:`stored_pair` has something; reads no coordinates."""
    return _Pair.of(run_a, run_b, layout.spec, layout).key in run_a.derived


@dataclass(frozen=True)
class _Pair:
    """Two runs, the first one's map, and where the result is stored."""

    run_a: Run
    run_b: Run
    first: Layout
    rows: Rows
    split: Split
    key: str
    parameters: dict[str, Any]

    @classmethod
    def of(cls, run_a: Run, run_b: Run, spec: LayoutSpec, first: Layout) -> _Pair:
        if spec.method != "umap" or spec.engine != "fast":
            raise DataError("Only UMAPs by the fast engine are aligned; choose method umap and engine fast.")
        sets = tuple(name for name in spec.sets if name in run_b.sets and len(run_b[name]))
        if not sets:
            raise DataError(
                f'Run "{run_b.name}" has samples of none of {", ".join(spec.sets)}; choose a set of both runs.'
            )
        rows = Rows.of(run_a, first.spec.sets, spec.normalise)
        if first.coordinates.shape != (len(rows), spec.dimensions):
            raise DataError("The given map is not one of the first run's samples in as many dimensions; leave it out.")
        split = Split.of(run_b, spec.model_copy(update={"sets": sets}))
        parameters = {**spec.parameters, "layout": first.fingerprint, "sets": list(sets)}
        key = run_a.derived.key("aligned", parameters, [*rows.inputs, *split.rows.inputs])
        return cls(run_a, run_b, first, rows, split, key, parameters)

    def compute(self, progress: Progress) -> None:
        at_a, at_b = matched(self.rows, self.split.rows)
        begin = _beginning(self.first.coordinates[at_a], at_b, self.split.rows, progress)
        spec = self.first.spec.model_copy(update={"sets": self.split.rows.sets})
        start = engines.Start(begin, fast.cold_epochs(len(self.split.fitted)), fast.WARM_RATE)
        second = engines.lay_out(self.split, spec, start, progress)
        arrays = {"at_a": at_a, "at_b": at_b, "b": fitted_onto(second[at_b], self.first.coordinates[at_a])}
        self.run_a.derived.save(self.key, arrays, {**self.parameters, "other": self.run_b.name, "samples": len(at_a)})

    def read(self) -> Aligned:
        at_a, at_b, b = (self.run_a.derived.array(self.key, name) for name in ("at_a", "at_b", "b"))
        a = self.first.coordinates[at_a]
        matched = self.rows.table(at_a).rename(columns={"row": "row_a"})
        moved = (np.linalg.norm(a - b, axis=1) / _radius(a)).astype(np.float32)
        return Aligned(matched.assign(row_b=self.split.rows.table(at_b)["row"]), a, b, moved, at_a, at_b)


def fitted_onto(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Points moved, turned, mirrored and scaled so that the squared distances to others are smallest.

    Parameters
    ----------
    moving, fixed : ndarray of shape (n, d)

    Returns
    -------
    ndarray of shape (n, d), float32

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    >>> mirrored = 3 * square[:, ::-1] + 7
    >>> np.abs(fitted_onto(mirrored, square) - square).max() < 1e-6
    np.True_
    """
    from scipy.linalg import orthogonal_procrustes

    centre = fixed.mean(axis=0, dtype=np.float64)
    wide = moving - moving.mean(axis=0, dtype=np.float64)
    turn, overlap = orthogonal_procrustes(wide, fixed - centre)
    size = np.square(wide).sum()
    return (wide @ turn * (overlap / size if size > 0 else 1.0) + centre).astype(np.float32)


def _radius(points: np.ndarray) -> float:
    centred = points - points.mean(axis=0, dtype=np.float64)
    return float(np.sqrt(np.square(centred).sum(axis=1).mean())) or 1.0


def matched(rows_a: Rows, rows_b: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n,), int64, of the samples with the same set and id in either's rows, in the order of the first's."""
    both = _ids(rows_a).merge(_ids(rows_b), on=["set", "id", "time"], suffixes=("_a", "_b"))
    if both.empty:
        raise DataError(
            f'"{rows_a.run.name}" and "{rows_b.run.name}" have no sample with the same set and id; '
            "extract both from the same images."
        )
    return both["position_a"].to_numpy(), both["position_b"].to_numpy()


def _ids(rows: Rows) -> pd.DataFrame:
    """``set``, ``id``, ``time`` (of samples with one id the how manieth) and ``position`` of all rows."""
    parts = [pd.DataFrame({"set": name, "id": rows.run[name].index["id"]}) for name in rows.sets]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(time=table.groupby(["set", "id"]).cumcount(), position=np.arange(len(table)))


def _beginning(coordinates: np.ndarray, at: np.ndarray, rows: Rows, progress: Progress) -> np.ndarray:
    """Where all rows (N, d) start of which some (n,) are on the first map; the others among their neighbours."""
    begin = np.empty((len(rows), coordinates.shape[1]), dtype=np.float32)
    begin[at] = coordinates
    others = np.setdiff1d(np.arange(len(rows)), at)
    if len(others):
        features = rows.features(progress)
        indices, distances = nearest(features[at], features[others], min(_NEIGHBOURS, len(at)))
        begin[others] = means(coordinates, indices, memberships(distances))
    return begin
