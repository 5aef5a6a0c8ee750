"""Scorers side by side: how well each detects each set, which is best, and which agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.intervals import Estimate, Resamples, bootstrap_difference, delong_difference, replicate
from latentviz.evaluation.ranking import Ranking, checked
from latentviz.progress import Progress, silent

#: Scorer → set → OOD scores (N,) of its samples.
Scores = Mapping[str, Mapping[str, npt.ArrayLike]]

#: OOD scores of the in-distribution set and of another.
Pair = tuple[npt.ArrayLike, npt.ArrayLike]

_COLUMNS = ["scorer", "set", "metric", "value", "low", "high", "n_ind", "n_ood"]


def detection_table(
    scores: Scores,
    *,
    ind: str,
    sets: Sequence[str],
    near: Sequence[str] = (),
    replicates: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Every measure of every scorer on every set, with 95 % bootstrap intervals, and averages over sets.

    Averages are plain means over sets, whatever their sizes. Their intervals come from the means of the sets'
    replicates: a replicate draws the InD samples once for all sets, and each set's samples on their own.

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
    replicates : int, default 1000
    seed : int, default 0
    progress : Progress, optional
        May raise ``Cancelled``.

    Returns
    -------
    DataFrame
        ``scorer``, ``set``, ``metric``, ``value``, ``low``, ``high``, ``n_ind``, ``n_ood``. After a scorer's sets
        follow the sets "near average" and "far average" if there are both kinds, or only the one kind but of it
        at least two sets; without ``near`` it is "average", if there are at least two sets. ``n_ood`` of an
        average is the sum.

    Raises
    ------
    DataError
        If scores are missing, not finite, or not of the same samples for all scorers.

    Examples
    --------
    >>> scores = {"norm": {"test": [0, 1, 2], "noise": [2, 3]}}
    >>> table = detection_table(scores, ind="test", sets=["noise"])
    >>> table[["scorer", "set", "metric", "value", "n_ood"]].head(2)
      scorer    set    metric     value  n_ood
    0   norm  noise     auroc  0.916667      2
    1   norm  noise  aupr_out  0.833333      2
    """
    sizes = _sizes(scores, [ind, *sets])
    groups = _averaged(sets, near)
    values: dict[tuple[str, str, str], float] = {}
    drawn: dict[tuple[str, str, str], np.ndarray] = {}
    done = 0
    for name in sets if scores else ():
        resamples = Resamples(sizes[ind], sizes[name], replicates, seed, name)
        for scorer, of in scores.items():
            tally = Ranking.of(of[ind], of[name]).tally()
            for metric, found in replicate(of[ind], of[name], resamples).items():
                values[scorer, name, metric] = float(METRICS[metric].of(tally)[0])
                drawn[scorer, name, metric] = found
            done += 1
            progress("Detection metrics", done, len(scores) * len(sets), "pairs")
    rows = []
    for scorer in scores:
        for title, members in {**{name: [name] for name in sets}, **groups}.items():
            for metric in METRICS:
                estimate = Estimate.of(
                    float(np.mean([values[scorer, name, metric] for name in members])),
                    np.mean([drawn[scorer, name, metric] for name in members], axis=0),
                )
                n_ood = sum(sizes[name] for name in members)
                rows.append((scorer, title, metric, *estimate, sizes[ind], n_ood))
    return pd.DataFrame(rows, columns=_COLUMNS)


def best(
    table: pd.DataFrame,
    scores: Scores,
    metric: str = "auroc",
    *,
    ind: str,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """The best scorer on every set, and whether the samples are enough to tell it from the second best.

    The two are compared on the same samples: AUROC with :func:`delong_difference`, the other measures with
    :func:`bootstrap_difference` on the table's own resamples. Both scorers were picked by the same samples,
    which makes the interval of their difference a little too confident.

    Parameters
    ----------
    table : DataFrame
        From :func:`detection_table`; its averages are left out.
    scores : dict of dict of array_like of shape (N,)
        That the table was made of.
    metric : str, default "auroc"
        A name of :data:`~latentviz.evaluation.detection.METRICS`.
    ind : str
        The in-distribution set.
    replicates, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``set``, ``scorer``, ``value``, ``runner_up``, ``difference`` (value of the best minus that of the
        runner-up, negative where smaller is better), ``low``, ``high``, ``sure`` (whether low to high leaves
        out 0). With a single scorer ``runner_up`` is "" and the difference missing.

    Examples
    --------
    >>> scores = {"a": {"test": range(50), "noise": range(40, 90)}, "b": {"test": range(50), "noise": range(50)}}
    >>> table = detection_table(scores, ind="test", sets=["noise"])
    >>> best(table, scores, ind="test")[["set", "scorer", "runner_up", "difference", "sure"]]
         set scorer runner_up  difference  sure
    0  noise      a         b        0.48  True
    """
    if metric not in METRICS:
        raise DataError(f'There is no measure "{metric}"; choose {", ".join(METRICS)}.')
    known = {name for of in scores.values() for name in of}
    wanted = table[(table["metric"] == metric) & table["set"].isin(known)]
    rows = []
    for name in wanted["set"].unique():
        ordered = wanted[wanted["set"] == name].sort_values(
            "value", ascending=not METRICS[metric].larger_is_better, kind="stable"
        )
        first, second = [*ordered["scorer"], ""][:2]
        difference = Estimate(np.nan, np.nan, np.nan)
        if second:
            a, b = ((scores[scorer][ind], scores[scorer][name]) for scorer in (first, second))
            difference = _difference(a, b, metric, Resamples(np.size(a[0]), np.size(a[1]), replicates, seed, name))
        sure = difference.low > 0 or difference.high < 0
        rows.append((name, first, ordered["value"].iloc[0], second, *difference, sure))
    columns = ["set", "scorer", "value", "runner_up", "difference", "low", "high", "sure"]
    return pd.DataFrame(rows, columns=columns)


def compared(
    scores: Scores,
    a: str,
    b: str,
    metric: str = "auroc",
    *,
    ind: str,
    sets: Sequence[str],
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Two scorers on the same samples: whether one detects a set better than the other.

    Parameters
    ----------
    scores : dict of dict of array_like of shape (N,)
    a, b : str
        Scorers.
    metric : str, default "auroc"
    ind : str
        The in-distribution set.
    sets : sequence of str
        The sets to be told apart from it.
    replicates, seed : int
        Of the bootstrap; AUROC is compared with :func:`delong_difference`.

    Returns
    -------
    DataFrame
        ``set``, ``difference`` (of a's value to b's), ``low``, ``high`` (95 % interval), ``better`` (the name of the
        better scorer, "" if the interval holds 0).

    Examples
    --------
    >>> scores = {"a": {"test": range(50), "noise": range(40, 90)}, "b": {"test": range(50), "noise": range(50)}}
    >>> compared(scores, "a", "b", ind="test", sets=["noise"])[["set", "difference", "better"]]
         set  difference better
    0  noise        0.48      a
    """
    rows = []
    for name in sets:
        first, second = ((scores[scorer][ind], scores[scorer][name]) for scorer in (a, b))
        found = _difference(
            first, second, metric, Resamples(np.size(first[0]), np.size(first[1]), replicates, seed, name)
        )
        sign = 1 if METRICS[metric].larger_is_better else -1
        low, high = sorted((sign * found.low, sign * found.high))
        better = a if low > 0 else b if high < 0 else ""
        rows.append((name, *found, better))
    return pd.DataFrame(rows, columns=["set", "difference", "low", "high", "better"])


def _difference(a: Pair, b: Pair, metric: str, resamples: Resamples) -> Estimate:
    """Of two scorers' values on the same samples."""
    if metric == "auroc":
        return delong_difference(*a, *b)
    return bootstrap_difference(a, b, metric, resamples=resamples)


def rank_agreement(scores_by_scorer: Mapping[str, npt.ArrayLike]) -> pd.DataFrame:
    """Spearman's rank correlation between scorers on the same samples.

    Parameters
    ----------
    scores_by_scorer : dict of array_like of shape (N,)

    Returns
    -------
    DataFrame of float
        A row and a column a scorer, symmetric; missing for scorers that give all samples the same score.

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


def _sizes(scores: Scores, names: Sequence[str]) -> dict[str, int]:
    """Samples of every set, once it is sure that all scorers have usable scores of all of them."""
    sizes: dict[str, int] = {}
    for scorer, of in scores.items():
        for name in names:
            if name not in of:
                raise DataError(f'"{scorer}" has no scores of the set "{name}"; score that set, or leave it out.')
            size = len(checked(of[name], f'"{scorer}" on "{name}"'))
            if sizes.setdefault(name, size) != size:
                raise DataError(
                    f'"{scorer}" has {size:,} scores of "{name}", but {next(iter(scores))} has {sizes[name]:,}.'
                )
    return sizes


def _averaged(sets: Sequence[str], near: Sequence[str]) -> dict[str, list[str]]:
    """Title of every average and the sets it is over."""
    unknown = [name for name in near if name not in sets]
    if unknown:
        raise DataError(f'The near set "{unknown[0]}" is not among the sets {", ".join(sets)}.')
    if not near:
        return {"average": list(sets)} if len(sets) > 1 else {}
    kinds = {
        "near average": [name for name in sets if name in near],
        "far average": [name for name in sets if name not in near],
    }
    both = all(kinds.values())
    return {title: members for title, members in kinds.items() if both or len(members) > 1}
