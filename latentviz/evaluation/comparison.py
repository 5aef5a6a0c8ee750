"""Scorers side by side: how well each detects each set, which is best, and which agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.detection import METRICS, metric_named
from latentviz.evaluation.intervals import REPLICATES, Measured, Resamples
from latentviz.evaluation.ranking import checked
from latentviz.progress import Progress, silent

#: Scorer → set → OOD scores (N,) of its samples.
ScoresBySet = Mapping[str, Mapping[str, npt.ArrayLike]]

#: A set, or an average over sets.
Kind = Literal["set", "average"]

#: What the progress of measuring is called.
STAGE = "Detection metrics"

#: How often "surely the best" may be wrong.
_ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class Comparison:
    """How well scorers tell sets from the in-distribution one; all of it follows from the pairs' replicates.

    Attributes
    ----------
    pairs : dict of dict of Measured
        Scorer → set → its measures; every scorer has the same sets.
    averages : dict of tuple of str
        Title of every average and the sets it is over.
    """

    pairs: Mapping[str, Mapping[str, Measured]]
    averages: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(
        cls,
        scores: ScoresBySet,
        *,
        ind: str,
        sets: Sequence[str],
        near: Sequence[str] = (),
        replicates: int = REPLICATES,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Comparison:
        """Measure scores.

        Parameters
        ----------
        scores : dict of dict of array_like of shape (N,)
            Scorer → set → OOD scores, larger is farther out.
        ind : str
            The in-distribution set.
        sets : sequence of str
            The sets to be told apart from it.
        near : sequence of str, optional
            Those of them that are near OOD; the others are far.
        replicates, seed : int
            Of the bootstrap. A replicate draws the InD samples once for all sets and scorers, and each set's samples
            once for all scorers.
        progress : Progress, optional
            May raise ``Cancelled``.

        Returns
        -------
        Comparison

        Raises
        ------
        DataError
            If scores are missing, not finite, or not of the same samples for all scorers.

        Examples
        --------
        >>> scores = {"norm": {"test": [0, 1, 2], "noise": [2, 3]}}
        >>> found = Comparison.of(scores, ind="test", sets=["noise"])
        >>> found.table[["scorer", "set", "metric", "value", "n_ood"]].head(2)
          scorer    set    metric     value  n_ood
        0   norm  noise     auroc  0.916667      2
        1   norm  noise  aupr_out  0.833333      2
        """
        sizes, groups = _sizes(scores, [ind, *sets]), averages(sets, near)
        pairs: dict[str, dict[str, Measured]] = {scorer: {} for scorer in scores}
        for number, name in enumerate(sets if scores else ()):
            resamples = Resamples(sizes[ind], sizes[name], replicates, seed, name)
            for done, (scorer, of) in enumerate(scores.items(), number * len(scores) + 1):
                try:
                    pairs[scorer][name] = Measured.of(of[ind], of[name], resamples)
                except DataError as error:
                    raise DataError(f'"{scorer}" on "{ind}" (ind) and "{name}" (ood): {error}') from None
                progress(STAGE, done, len(scores) * len(sets), "pairs")
        return cls(pairs, groups)

    @property
    def labels(self) -> list[str]:
        """The scorers."""
        return list(self.pairs)

    @cached_property
    def columns(self) -> dict[tuple[Kind, str], str]:
        """Heading of every set and every average; no two are equal, whatever the sets are called."""
        found: dict[tuple[Kind, str], str] = {("set", name): name for name in next(iter(self.pairs.values()), {})}
        for title in self.averages if self.pairs else ():
            heading = title
            while heading in found.values():
                heading += " of sets"
            found["average", title] = heading
        return found

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every measure of every scorer on every set and average.

        Averages are plain means over sets, whatever their sizes; their intervals come from the means of the sets'
        replicates.

        Returns
        -------
        DataFrame
            ``scorer``, ``set``, ``kind`` ("set" or "average"), ``metric``, ``value``, ``low``, ``high`` (95 %
            interval), ``n_ind``, ``n_ood`` (of an average the sum).
        """
        rows = [
            (scorer, name, kind, metric, *measured.estimate(metric), measured.n_ind, measured.n_ood)
            for scorer, of in self.measured.items()
            for (kind, name), measured in of.items()
            for metric in METRICS
        ]
        columns = ["scorer", "set", "kind", "metric", "value", "low", "high", "n_ind", "n_ood"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def measured(self) -> dict[str, dict[tuple[Kind, str], Measured]]:
        """Of every scorer: its sets, then the averages."""
        return {
            scorer: {
                (kind, name): of[name] if kind == "set" else Measured.mean([of[n] for n in self.averages[name]])
                for kind, name in self.columns
            }
            for scorer, of in self.pairs.items()
        }

    def best(self, metric: str = "auroc") -> pd.DataFrame:
        """The best scorer of every set and average, and whether the samples are enough to say so.

        It is surely the best if it beats **every** other scorer on the same samples: each paired interval of its
        difference to another one leaves out 0, made wider (Bonferroni) so that with any number of scorers a wrong one
        is called surely the best in no more than 5 % of the cases.

        Parameters
        ----------
        metric : str, default "auroc"
            A name of :data:`~latentviz.evaluation.detection.METRICS`.

        Returns
        -------
        DataFrame
            ``set``, ``kind``, ``scorer``, ``value``, ``runner_up``, ``difference`` (value of the best minus that of
            the runner-up, negative where smaller is better), ``low``, ``high`` (its 95 % interval), ``sure``. With a
            single scorer ``runner_up`` is "", the difference missing and nothing sure.

        Raises
        ------
        DataError
            If there is no such measure.

        Examples
        --------
        >>> scores = {"a": {"test": range(50), "noise": range(40, 90)}, "b": {"test": range(50), "noise": range(50)}}
        >>> Comparison.of(scores, ind="test", sets=["noise"]).best()[["set", "scorer", "runner_up", "sure"]]
             set scorer runner_up  sure
        0  noise      a         b  True
        """
        sign = 1 if metric_named(metric).larger_is_better else -1
        row = list(METRICS).index(metric)
        rows = []
        for kind, name in self.columns:
            of = {scorer: self.measured[scorer][kind, name] for scorer in self.pairs}
            first, *others = sorted(of, key=lambda scorer: -sign * of[scorer].values[row])
            difference = of[first].minus(of[others[0]], metric) if others else (np.nan, np.nan, np.nan)
            sure = bool(others) and all(
                min(sign * end for end in of[first].minus(of[other], metric, _ALPHA / len(others))[1:]) > 0
                for other in others
            )
            rows.append((name, kind, first, of[first].values[row], others[0] if others else "", *difference, sure))
        columns = ["set", "kind", "scorer", "value", "runner_up", "difference", "low", "high", "sure"]
        return pd.DataFrame(rows, columns=columns)

    def compared(self, a: str, b: str, metric: str = "auroc") -> pd.DataFrame:
        """Two scorers on the same samples: whether one detects a set better than the other.

        Parameters
        ----------
        a, b : str
            Scorers.
        metric : str, default "auroc"
            A name of :data:`~latentviz.evaluation.detection.METRICS`.

        Returns
        -------
        DataFrame
            For every set and average: ``set``, ``kind``, ``difference`` (value of a minus that of b), ``low``, ``high``
            (paired 95 % interval), ``better`` (the better scorer, "" if the interval holds 0).

        Raises
        ------
        DataError
            If there is no such measure or scorer.

        Examples
        --------
        >>> scores = {"a": {"test": range(50), "noise": range(40, 90)}, "b": {"test": range(50), "noise": range(50)}}
        >>> found = Comparison.of(scores, ind="test", sets=["noise"])
        >>> found.compared("a", "b")[["set", "difference", "better"]]
             set  difference better
        0  noise        0.48      a
        """
        larger_is_better = metric_named(metric).larger_is_better
        for scorer in (a, b):
            if scorer not in self.pairs:
                raise DataError(f'"{scorer}" was not measured; choose {", ".join(self.pairs) or "other scorers"}.')
        rows = []
        for kind, name in self.columns:
            found = self.measured[a][kind, name].minus(self.measured[b][kind, name], metric)
            above, below = (a, b) if larger_is_better else (b, a)
            better = above if found.low > 0 else below if found.high < 0 else ""
            rows.append((name, kind, *found, better))
        return pd.DataFrame(rows, columns=["set", "kind", "difference", "low", "high", "better"])


def averages(sets: Sequence[str], near: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Title of every average over OOD sets, and the sets it is over.

    Parameters
    ----------
    sets : sequence of str
    near : sequence of str, optional
        Those of them that are near OOD; the others are far.

    Returns
    -------
    dict of tuple of str
        "near average" and "far average" if there are both kinds, or only the one kind but of it at least two sets;
        without ``near`` it is "average", if there are at least two sets.

    Raises
    ------
    DataError
        If a near set is not among the sets.

    Examples
    --------
    >>> averages(["svhn", "noise", "digits"], near=["svhn"])
    {'near average': ('svhn',), 'far average': ('noise', 'digits')}
    """
    if unknown := [name for name in near if name not in sets]:
        raise DataError(f'The near set "{unknown[0]}" is not among the sets {", ".join(sets)}.')
    if not near:
        return {"average": tuple(sets)} if len(sets) > 1 else {}
    kinds = {
        "near average": tuple(name for name in sets if name in near),
        "far average": tuple(name for name in sets if name not in near),
    }
    both = all(kinds.values())
    return {title: members for title, members in kinds.items() if both or len(members) > 1}


def rank_agreement(scores_by_scorer: Mapping[str, npt.ArrayLike]) -> pd.DataFrame:
    """Spearman's rank correlation between scorers on the same samples.

    Parameters
    ----------
    scores_by_scorer : dict of array_like of shape (N,)

    Returns
    -------
    DataFrame of float
        A row and a column a scorer, symmetric; missing for scorers that give all samples the same score.

    Raises
    ------
    DataError
        If scores are not finite, there are none, or not as many of every scorer.

    Examples
    --------
    >>> rank_agreement({"a": [1, 2, 3], "b": [1, 4, 9], "c": [3, 2, 2.5]})
         a    b    c
    a  1.0  1.0 -0.5
    b  1.0  1.0 -0.5
    c -0.5 -0.5  1.0
    """
    columns = {scorer: checked(values, f'"{scorer}"') for scorer, values in scores_by_scorer.items()}
    sizes = {scorer: len(values) for scorer, values in columns.items()}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f'"{scorer}" {size:,}' for scorer, size in sizes.items())
        raise DataError(f"The scorers have scores of different numbers of samples: {said}.")
    return pd.DataFrame(columns).rank().corr()


def _sizes(scores: ScoresBySet, names: Sequence[str]) -> dict[str, int]:
    """Samples of every set, once it is sure that all scorers have scores of all of them."""
    sizes: dict[str, int] = {}
    for scorer, of in scores.items():
        for name in names:
            if name not in of:
                raise DataError(f'"{scorer}" has no scores of the set "{name}"; score that set, or leave it out.')
            size = np.size(of[name])
            if sizes.setdefault(name, size) != size:
                first = next(iter(scores))
                raise DataError(f'"{scorer}" has {size:,} scores of "{name}", but "{first}" has {sizes[name]:,}.')
    return sizes
