"""Networks with an L2 head against the same without: accuracy and detection, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from latentviz.evaluation.accuracy import share_right
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.checkpoints import COLUMNS, detection_over, epoch_of, head_of, seed_of
from latentviz.evaluation.collapse import METRICS, collapse
from latentviz.evaluation.fitting import EVERYTHING, FitOn
from latentviz.evaluation.tables import TextTable
from latentviz.progress import Progress, silent
from latentviz.workspace import Run

#: What is compared besides scorers.
ACCURACY = "accuracy"
#: The scorer that the claim is about.
_NORM = "feature-norm"


def by_seed(
    runs: Sequence[Run],
    asked: Sequence[Asked],
    ind: str,
    sets: Sequence[str],
    fit_on: FitOn = EVERYTHING,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Accuracy on sets with labels, and AUROC of scorers, of every network.

    Parameters
    ----------
    runs : sequence of Run
        One checkpoint a training, of both heads.
    asked : sequence of Asked
    ind : str
    sets : sequence of str
        That are told from it. Accuracy is of the in-distribution set, and of those of them that have labels.
    fit_on : FitOn, optional
    progress : Progress, optional

    Returns
    -------
    DataFrame
        ``run``, ``head``, ``seed``, ``epoch``, ``what`` ("accuracy" or a scorer's label), ``set``, ``value``.
    """
    parts = []
    for one in asked:
        found = detection_over(runs, one, ind, sets, fit_on, progress)
        parts.append(found.assign(what=one.label).rename(columns={"auroc": "value"}))
    rows = [
        (run.name, head_of(run), seed_of(run), epoch_of(run), ACCURACY, name, share_right(run[name]))
        for run in runs
        for name in dict.fromkeys([ind, *sets])
        if name in run.sets and run[name].labelled
    ]
    columns = [*COLUMNS, "what", "set", "value"]
    return pd.concat([pd.DataFrame(rows, columns=columns), *(part[columns] for part in parts)], ignore_index=True)


def compared(values: pd.DataFrame) -> pd.DataFrame:
    """With L2 head against without, over seeds.

    The interval is Student's for the mean of the differences between networks of the same seed: another training is
    another draw, so that what is counted is trainings, not images. Of one seed there is none.

    Parameters
    ----------
    values : DataFrame
        As :func:`by_seed` returns.

    Returns
    -------
    DataFrame
        One row a comparison: ``what``, ``set``, ``plain``, ``plain_worst``, ``l2``, ``l2_worst`` (mean and least over
        seeds), ``seeds`` (that both have), ``difference`` (L2 minus plain), ``low``, ``high``.

    Examples
    --------
    >>> values = pd.DataFrame(
    ...     [("linear", 0, 0.8), ("linear", 1, 0.7), ("l2", 0, 0.9), ("l2", 1, 0.82)],
    ...     columns=["head", "seed", "value"],
    ... ).assign(what="accuracy", set="test")
    >>> compared(values)[["plain", "l2", "l2_worst", "difference", "low", "high"]].round(3).iloc[0].tolist()
    [0.75, 0.86, 0.82, 0.11, -0.017, 0.237]
    """
    rows = []
    for (what, name), part in values.groupby(["what", "set"], sort=False):
        wide = part.pivot_table(index="seed", columns="head", values="value")
        plain, l2 = (wide[h].dropna() if h in wide else pd.Series(dtype=float) for h in ("linear", "l2"))
        differences = (l2 - plain).dropna().to_numpy()
        rows.append(
            (
                what,
                name,
                *(x for of in (plain, l2) for x in (of.mean(), of.min())),
                len(differences),
                differences.mean() if len(differences) else math.nan,
                *_student(differences),
            )
        )
    columns = ["what", "set", "plain", "plain_worst", "l2", "l2_worst", "seeds", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _student(differences: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean."""
    n = len(differences)
    if n < 2:
        return math.nan, math.nan
    half = float(stdtrit(n - 1, 0.975) * differences.std(ddof=1) / math.sqrt(n))
    return float(differences.mean()) - half, float(differences.mean()) + half


def text_table(table: pd.DataFrame, titles: Mapping[str, str]) -> TextTable:
    """The comparison as people read it.

    Parameters
    ----------
    table : DataFrame
        As :func:`compared` returns.
    titles : dict of str
        What every ``what`` is called.
    """
    rows = []
    for row in table.to_dict("records"):
        difference = f"{row['difference']:+.3f}" if row["seeds"] else "–"
        if not math.isnan(row["low"]):
            difference += f" ({row['low']:+.3f} – {row['high']:+.3f})"
        cells = (row[column] for column in ("plain", "plain_worst", "l2", "l2_worst"))
        numbers = ["–" if math.isnan(cell) else f"{cell:.3f}" for cell in cells]
        rows.append([titles[row["what"]], row["set"], *numbers, difference.replace("-", "−"), str(row["seeds"])])
    headings = ["What", "Set", "Plain", "Plain, worst", "L2", "L2, worst", "L2 − plain (95 % interval)", "Pairs"]
    return TextTable(headings, rows)


def about(values: pd.DataFrame) -> str:
    """What a comparison was made of, in words."""
    runs = ", ".join(dict.fromkeys(values["run"]))
    return (
        f"Networks with and without an L2 head ({runs}): means and least over seeds; the difference is that of "
        "networks of one seed, with Student's 95 % interval over seeds."
    )


def collapse_by_head(runs: Sequence[Run], progress: Progress = silent) -> pd.DataFrame:
    """Neural collapse of every network's training data, of the features that its head sees.

    Parameters
    ----------
    runs : sequence of Run
        One checkpoint a training; those without a labelled set of role fit are left out.
    progress : Progress, optional

    Returns
    -------
    DataFrame
        ``head``, ``seed``, ``metric``, ``value``.
    """
    rows = []
    for run in runs:
        fitted = next((s.name for s in run if s.role == "fit" and s.labelled), None)
        if fitted is None:
            continue
        found = collapse(run, fitted, progress=progress)
        rows += [(head_of(run), seed_of(run), metric, value) for metric, value in found.metrics.items()]
    return pd.DataFrame(rows, columns=["head", "seed", "metric", "value"])


def collapse_table(metrics: pd.DataFrame) -> TextTable:
    """:func:`collapse_by_head` as people read it: the mean, and from the least to the largest over seeds."""
    rows = []
    for metric, part in metrics.groupby("metric", sort=False):
        cells = []
        for head in ("linear", "l2"):
            of = part.loc[part["head"] == head, "value"]
            cells.append(f"{of.mean():.3g} ({of.min():.3g} – {of.max():.3g})" if len(of) else "–")
        rows.append([METRICS[str(metric)][0], *cells])
    return TextTable(["Metric", "Plain (z)", "L2 (z / ‖z‖)"], rows)


def conclusion(table: pd.DataFrame) -> str:
    """Whether the feature norm detects better with L2 on these data, and what that costs in accuracy.

    Parameters
    ----------
    table : DataFrame
        As :func:`compared` returns.
    """
    of_norm = table[table["what"].str.partition("(")[0] == _NORM]
    if of_norm.empty:
        return "The feature norm is not among the scorers, or there is no set to tell apart: nothing is said of it."
    if not (of_norm["seeds"] > 1).any():
        return "At least two seeds with both heads are needed to say whether L2 normalisation helps."
    better, worse = (of_norm.loc[of_norm[column] * sign > 0, "set"] for column, sign in (("low", 1), ("high", -1)))
    parts = []
    if len(better):
        parts.append(f"tells {_listed(better)} apart better with L2 normalisation")
    if len(worse):
        parts.append(f"tells {_listed(worse)} apart worse with L2 normalisation")
    unsure = [name for name in of_norm["set"] if name not in {*better, *worse}]
    if unsure:
        parts.append(f"shows no difference that {int(of_norm['seeds'].max())} pairs could tell on {_listed(unsure)}")
    return f"On these data the feature norm {', and '.join(parts)}."


def _listed(names: Sequence[str] | pd.Series) -> str:
    *first, last = [str(name) for name in names]
    return f"{', '.join(first)} and {last}" if first else last
