"""Two image sets of a run as two domains, such as simulated and measured chips: what they share, class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import class_of, in_order, wilson_interval
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.fitting import EVERYTHING, FitOn, fit_latents
from latentviz.evaluation.intervals import Estimate
from latentviz.geometry.common_shift import Removed, removed
from latentviz.geometry.domain_shift import ShiftVectors, pair_distances, shift_vectors
from latentviz.latents import Latents, directions, lengths
from latentviz.scorers import Needs
from latentviz.workspace import ImageSet, Run

#: Row of a table that is about all classes.
ALL = "all classes"


@dataclass(frozen=True, eq=False)
class Domains:
    """Two sets of a run; the features of one of them may be moved onto those of the other.

    Attributes
    ----------
    run : Run
    one, other : str
        Names of the sets: simulated and measured, say.
    pairs : DataFrame
        Row numbers ``one`` and ``other`` of samples that show the same; may be empty.
    without : {"nothing", "mean", "coral"}
        What is taken away of the shift that all samples of a domain share, see
        :func:`latentviz.geometry.common_shift.removed`.
    home : {"one", "other"}
        The domain that stays where it is: the one that the network knows.
    """

    run: Run
    one: str
    other: str
    pairs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"one": [], "other": []}, dtype=np.int64))
    without: Removed = "nothing"
    home: Literal["one", "other"] = "one"

    def __post_init__(self) -> None:
        if self.one == self.other:
            raise DataError(f'Both domains are "{self.one}"; choose two image sets.')
        for name in (self.one, self.other):
            if not len(self.run[name]):
                raise DataError(f'"{name}" holds no samples.')

    @property
    def sets(self) -> tuple[ImageSet, ImageSet]:
        """Both."""
        return self.run[self.one], self.run[self.other]

    @property
    def key(self) -> tuple:
        """All that results depend on."""
        pairs = self.pairs[["one", "other"]].to_numpy(np.int64).tobytes()
        return (str(self.run.folder), self.run.fingerprint, self.one, self.other, pairs, self.without, self.home)

    @property
    def moved(self) -> int:
        """Which of the two is moved: 0 or 1."""
        return int(self.home == "one")

    @cached_property
    def latents(self) -> tuple[Latents, Latents]:
        """Both sets' arrays, one of them moved."""
        found = [image_set.latents() for image_set in self.sets]
        if self.without != "nothing":
            if self.run.head is None:
                raise DataError(f"{self.run.name} was imported without its head: moved features have no logits.")
            away, home = found[self.moved], found[1 - self.moved]
            if self.run.head.kind == "l2":  # which sees directions: those are moved, and lengths stay
                moved = removed(directions(away.features), directions(home.features), self.without)
                features = moved * lengths(away.features).astype(np.float32)[:, None]
            else:
                features = removed(away.features, home.features, self.without)
            found[self.moved] = Latents(features, self.run.head.logits(features), away.labels, self.run.head)
        return found[0], found[1]

    @cached_property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """As the last layer sees them: of length 1 with an L2 head."""
        unit = self.run.manifest.head == "l2"
        one, other = (directions(of.features) if unit else of.features for of in self.latents)
        return one, other

    @cached_property
    def class_names(self) -> tuple[np.ndarray, np.ndarray]:
        """Of every sample of both; "" where there is none."""
        one, other = (class_of(image_set).to_numpy(object) for image_set in self.sets)
        return one, other

    @cached_property
    def classes(self) -> list[str]:
        """Those that occur, the model's first, in its order."""
        return in_order({*self.class_names[0], *self.class_names[1]} - {""}, self.run.classes)

    @cached_property
    def common(self) -> list[str]:
        """Those that both have."""
        both = {*self.class_names[0]} & {*self.class_names[1]}
        return [name for name in self.classes if name in both]

    @property
    def sentences(self) -> list[str]:
        """What a reader must know: classes that only one domain has."""
        said = []
        for name, mine, others in ((self.one, *self.class_names), (self.other, *self.class_names[::-1])):
            alone = [c for c in self.classes if c in set(mine) - set(others)]
            if alone:
                said.append(f"Only {name} has the class{'es' if len(alone) > 1 else ''} {', '.join(alone)}.")
        if not self.common:
            said.append(f"{self.one} and {self.other} have no class in common.")
        return said

    @cached_property
    def prediction(self) -> tuple[np.ndarray, np.ndarray]:
        """Class indices of both."""
        one, other = (of.logits.argmax(axis=1) for of in self.latents)
        return one, other

    @cached_property
    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """The model's class indices of both; −1 where a class is not the model's."""
        return self.sets[0].labels, self.sets[1].labels

    def shift(self) -> ShiftVectors:
        """See :func:`latentviz.geometry.domain_shift.shift_vectors`; classes are numbered as in :attr:`classes`.

        Raises
        ------
        DataError
            If no class is in both.
        """
        number = {name: n for n, name in enumerate(self.classes)} | {"": -1}
        codes = [np.array([number[c] for c in names], dtype=np.int64) for names in self.class_names]
        return shift_vectors(self.features[0], codes[0], self.features[1], codes[1])

    def scores(self, asked: Asked, sets: Sequence[np.ndarray], fit_on: FitOn = EVERYTHING) -> list[np.ndarray]:
        """OOD scores of both; those of the moved domain are computed anew.

        Parameters
        ----------
        asked : Asked
        sets : sequence of two ndarray
            Scores of both sets as they are, which are stored.
        fit_on : FitOn, optional

        Returns
        -------
        list of ndarray of shape (N,), float64
        """
        if self.without == "nothing":
            return list(sets)
        scorer = asked.make()
        if asked.layers:
            raise DataError(
                f"{asked.info.title} looks at other layers, in which no shift is removed; choose another scorer, or "
                "keep the shift."
            )
        if Needs.FIT in scorer.info.needs:
            fitted = fit_latents(self.run, fit_on, asked.layers)
            if fitted is None:
                raise DataError(f"{asked.info.title} learns from training samples, of which the run has none.")
            scorer.fit(fitted)
        found = list(sets)
        found[self.moved] = np.asarray(scorer.score(self.latents[self.moved]), dtype=np.float64)
        return found


def predicted(domains: Domains, side: int) -> pd.DataFrame:
    """What the network says of one of the sets, moved if it is: ``prediction`` (class), ``correct``, ``confidence``.

    ``correct`` is missing without a label.
    """
    prediction, labels = domains.prediction[side], domains.labels[side]
    correct = pd.array(prediction == labels, dtype="boolean")
    correct[labels < 0] = pd.NA
    names = np.array(domains.run.classes, dtype=object)
    confidence = _confidence(domains.latents[side].logits)
    return pd.DataFrame({"prediction": names[prediction], "correct": correct, "confidence": confidence})


def degrees(index: pd.DataFrame, angle: str) -> np.ndarray:
    """An angle of every sample (N,), float64; NaN where it is not known."""
    if angle not in index:
        return np.full(len(index), np.nan)
    return pd.to_numeric(index[angle], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def shares(domains: Domains, scores: Sequence[np.ndarray], threshold: float) -> pd.DataFrame:
    """How many of each class are right, and how many are flagged, in both domains.

    Parameters
    ----------
    domains : Domains
    scores : sequence of two ndarray of shape (N,)
        OOD scores of both.
    threshold : float
        Samples with a larger score are flagged.

    Returns
    -------
    DataFrame
        One row a class, the first of all classes: ``class``, and for both domains (``_one``, ``_other``) ``n``,
        ``labelled`` (of the model's classes), ``accuracy`` and ``flagged`` with 95 % intervals of Wilson in ``_low``,
        ``_high``; NaN where there is nothing.
    """
    rows = []
    for name in [ALL, *domains.classes]:
        row: dict[str, object] = {"class": name}
        for side, suffix in enumerate(("one", "other")):
            names, labels = domains.class_names[side], domains.labels[side]
            inside = np.full(len(names), True) if name == ALL else names == name
            known = inside & (labels >= 0)
            right = domains.prediction[side][known] == labels[known]
            row |= {f"n_{suffix}": int(inside.sum()), f"labelled_{suffix}": int(known.sum())}
            row |= _share(f"accuracy_{suffix}", right)
            row |= _share(f"flagged_{suffix}", np.asarray(scores[side])[inside] > threshold)
        rows.append(row)
    return pd.DataFrame(rows)


def pair_table(domains: Domains, metric: str = "euclidean", scores: Sequence[np.ndarray] | None = None) -> pd.DataFrame:
    """Everything known of every pair.

    Parameters
    ----------
    domains : Domains
    metric : {"euclidean", "cosine"}
        Of the distance of a pair's features, as the last layer sees them.
    scores : sequence of two ndarray of shape (N,), optional
        OOD scores of both sets.

    Returns
    -------
    DataFrame
        One row a pair: ``one``, ``other`` (row numbers), ``id_one``, ``id_other``, ``class``, ``azimuth``,
        ``elevation`` (degrees, of the other set where it is known, else of the one; NaN otherwise), ``distance``, and
        for both sides ``prediction``, ``correct`` (missing without a label), ``confidence``, and ``score`` if there are
        scores.
    """
    pairs = domains.pairs[["one", "other"]].to_numpy(np.int64)
    tables = [s.index for s in domains.sets]
    found = pd.DataFrame({"one": pairs[:, 0], "other": pairs[:, 1]})
    found["class"] = domains.class_names[1][pairs[:, 1]]
    for angle in ("azimuth", "elevation"):
        known = [degrees(t, angle)[pairs[:, n]] for n, t in enumerate(tables) if angle in t]
        found[angle] = np.full(len(pairs), np.nan) if not known else known[-1]
        for values in known:
            found[angle] = found[angle].fillna(pd.Series(values))
    first, second = domains.features
    found["distance"] = pair_distances(first[pairs[:, 0]], second[pairs[:, 1]], metric)
    for side, suffix in enumerate(("one", "other")):
        rows = pairs[:, side]
        found[f"id_{suffix}"] = tables[side]["id"].to_numpy()[rows]
        said = predicted(domains, side).iloc[rows].reset_index(drop=True)
        for column in ("prediction", "correct", "confidence"):
            found[f"{column}_{suffix}"] = said[column]
        if scores is not None:
            found[f"score_{suffix}"] = np.asarray(scores[side])[rows]
    return found


def mean_plane(domains: Domains) -> tuple[pd.DataFrame, float]:
    """The class means of both domains in the plane of their first two principal components.

    Returns
    -------
    table : DataFrame
        One row a class that both have: ``class``, ``x_one``, ``y_one``, ``x_other``, ``y_other``.
    explained : float
        Share of the variance of the means that lies in the plane.

    Raises
    ------
    DataError
        If no class is in both.
    """
    names = domains.common
    if not names:
        raise DataError(f"{domains.one} and {domains.other} have no class in common.")
    means = np.stack(
        [
            z[classes == name].mean(axis=0, dtype=np.float64)
            for z, classes in zip(domains.features, domains.class_names, strict=True)
            for name in names
        ]
    )
    left, values, _ = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    plane = np.zeros((len(means), 2))
    plane[:, : min(2, len(values))] = (left * values)[:, :2]
    total = float((values**2).sum())
    columns = {"x_one": plane[: len(names), 0], "y_one": plane[: len(names), 1]}
    columns |= {"x_other": plane[len(names) :, 0], "y_other": plane[len(names) :, 1]}
    return pd.DataFrame({"class": names, **columns}), float((values[:2] ** 2).sum()) / total if total else 1.0


def mean_with_interval(values: np.ndarray, replicates: int = 2000, seed: int = 0) -> Estimate:
    """Mean with the bootstrap's 95 % percentile interval; NaN of fewer than two values."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return Estimate(float(values.mean()) if len(values) else np.nan, np.nan, np.nan)
    random = np.random.default_rng(seed)
    means = np.array([values[random.integers(0, len(values), len(values))].mean() for _ in range(replicates)])
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high))


def distances_by_class(pairs: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Mean distance of the pairs of every class and of all: ``class``, ``n``, ``mean``, ``low``, ``high``.

    Intervals are of a bootstrap of the pairs; missing for a single one.
    """
    groups = [(ALL, pairs["distance"]), *pairs.groupby("class", sort=False)["distance"]]
    rows = [(name, len(of), *mean_with_interval(of.to_numpy(), seed=seed)) for name, of in groups]
    return pd.DataFrame(rows, columns=["class", "n", "mean", "low", "high"])


def _share(name: str, flags: np.ndarray) -> dict[str, float]:
    if not len(flags):
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    low, high = wilson_interval(int(flags.sum()), len(flags))
    return {name: float(flags.mean()), f"{name}_low": low, f"{name}_high": high}


def _confidence(logits: np.ndarray) -> np.ndarray:
    away = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return 1 / np.exp(away).sum(axis=1)
