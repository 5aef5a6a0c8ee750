"""How much of every set several networks flag as out-of-distribution, beside their accuracy there, set by set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation import against_accuracy, set_statistics
from latentviz.evaluation.accuracy import judged, sets_table
from latentviz.evaluation.against_accuracy import Relation
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coefficients import Kind
from latentviz.evaluation.detection import LEVEL
from latentviz.evaluation.fitting import EVERYTHING, FitOn
from latentviz.evaluation.scores import scores
from latentviz.evaluation.selective import error_auroc
from latentviz.evaluation.tables import TextTable
from latentviz.progress import Progress, silent, titled
from latentviz.workspace import Run


@dataclass(frozen=True, eq=False)
class FlaggedShares:
    """One row a network and set.

    Attributes
    ----------
    rows : DataFrame
        ``run``, ``seed``, ``set``, ``role``, ``n``, ``accuracy``, ``low``, ``high`` (missing without labels of the
        task), ``flagged``, ``flagged_low``, ``flagged_high``, ``auroc`` (against the in-distribution set), and
        ``errors_auroc``, ``errors_low``, ``errors_high``: of the score for errors within the set, missing where all or
        none are right.
    relation : Relation
        Of flagged share and accuracy over networks and shifted sets; the in-distribution set, whose flagged share the
        threshold decides, is none of them.
    sentences : list of str
        The verdict.
    """

    rows: pd.DataFrame
    relation: Relation
    sentences: list[str]

    @property
    def dots(self) -> pd.DataFrame:
        """The shifted sets as :func:`latentviz.evaluation.against_accuracy.relation` has them."""
        return _as_dots(self.rows[(self.rows["role"] == "shifted") & self.rows["accuracy"].notna()])

    def clean(self, ind: str) -> pd.DataFrame:
        """The same columns of the in-distribution set."""
        return _as_dots(self.rows[self.rows["set"] == ind])

    def means(self) -> pd.DataFrame:
        """Over the networks: one row a set, ``set``, ``role``, ``n``, ``networks``, then means, least and largest."""
        found = self.rows.groupby("set", sort=False)
        table = found[["role", "n"]].first().assign(networks=found.size())
        for column in ("accuracy", "flagged", "auroc", "errors_auroc"):
            table[column] = found[column].mean()
            table[f"{column}_least"], table[f"{column}_most"] = found[column].min(), found[column].max()
        return table.reset_index()

    def text(self) -> TextTable:
        """The means over networks as a table for people."""
        rows = list[tuple[str, ...]]()
        for row in self.means().itertuples(index=False):
            said = [
                _mean(getattr(row, name), getattr(row, f"{name}_least"), getattr(row, f"{name}_most"), share)
                for name, share in (("accuracy", True), ("flagged", True), ("errors_auroc", False), ("auroc", False))
            ]
            rows.append((str(row.set), str(row.role), f"{row.n:,}", *said))
        heads = ("Accuracy", "Flagged", "AUROC for errors", "AUROC against InD")
        return TextTable(("Set", "Role", "n", *heads), rows)


def flagged_shares(
    runs: Sequence[Run],
    asked: Asked,
    ind: str,
    level: float = LEVEL,
    kind: Kind = "spearman",
    fit_on: FitOn = EVERYTHING,
    progress: Progress = silent,
) -> FlaggedShares:
    """Score every set with every network, flag what is above the threshold, and hold it against the accuracy.

    Parameters
    ----------
    runs : sequence of Run
        Networks of one task with the same sets.
    asked : Asked
        The scorer.
    ind : str
        Set whose share ``level`` the threshold keeps.
    level : float
    kind : {"spearman", "pearson", "kendall"}
    fit_on : FitOn, optional
    progress : Progress, optional

    Returns
    -------
    FlaggedShares

    Raises
    ------
    DataError
        If there are no networks, one cannot be scored, or there is no labelled shifted set.
    """
    if not runs:
        raise DataError("There are no networks to compare.")
    parts = [_of_run(run, asked, ind, level, fit_on, titled(progress, run.name)) for run in runs]
    rows = pd.concat(parts, ignore_index=True)
    dots = _as_dots(rows[(rows["role"] == "shifted") & rows["accuracy"].notna()])
    if dots.empty:
        raise DataError("There is no shifted set with labels, whose accuracy could be held against the flagged share.")
    found = against_accuracy.relation(dots, kind)
    words = f"share flagged at {level:.1%} ({asked.info.title})"
    sentences = against_accuracy.conclusion(found, dots, words)
    return FlaggedShares(rows, found, [*sentences, _within(rows)])


def _as_dots(rows: pd.DataFrame) -> pd.DataFrame:
    names = {"flagged": "value", "flagged_low": "value_low", "flagged_high": "value_high", "n": "labelled"}
    return rows.rename(columns=names).assign(of="", corruption="", version="", family="", severity=0)


def _of_run(run: Run, asked: Asked, ind: str, level: float, fit_on: FitOn, progress: Progress) -> pd.DataFrame:
    names = [s.name for s in run.uncorrupted.values() if s.role != "fit" and s.complete and len(s)]
    if ind not in names:
        raise DataError(
            f'{run.name} has no samples of "{ind}", which would set the threshold; it has {", ".join(names)}.'
        )
    found = scores(run, [asked], names, fit_on, progress)
    if asked.label in found.problems:
        raise DataError(f"{run.name}: {found.problems[asked.label]}")
    by_set = found.by_scorer[asked.label]
    statistics = set_statistics.of_scores(by_set[ind], by_set, level)
    wide = statistics.pivot_table(index="set", columns="statistic", values="value").reindex(names)
    ends = statistics[statistics["statistic"] == "flagged"].set_index("set").reindex(names)
    table = sets_table(run, names)[["set", "role", "samples", "accuracy", "low", "high"]].rename(
        columns={"samples": "n"}
    )
    errors = [_errors(run, name, by_set[name]) for name in names]
    return table.assign(
        run=run.name,
        seed=run.manifest.attributes.get("seed", np.nan),
        flagged=wide["flagged"].to_numpy(),
        flagged_low=ends["value_low"].to_numpy(),
        flagged_high=ends["value_high"].to_numpy(),
        auroc=[np.nan if name == ind else value for name, value in wide["auroc"].items()],
        **{column: [of[n] for of in errors] for n, column in enumerate(("errors_auroc", "errors_low", "errors_high"))},
    )


def _errors(run: Run, name: str, values: np.ndarray) -> tuple[float, float, float]:
    image_set = run[name]
    if image_set.role == "ood" or not image_set.labelled:
        return (np.nan, np.nan, np.nan)
    found = error_auroc(*judged(image_set, values))
    return found.value, found.low, found.high


def _within(rows: pd.DataFrame) -> str:
    """What the score says of single samples, which may be another thing than what it says of sets."""
    known = rows[rows["errors_auroc"].notna() & (rows["role"] == "shifted")]
    if known.empty:
        return "Within no shifted set are there both right and wrong predictions that the score could tell apart."
    values = known["errors_auroc"]
    sure = int((known["errors_low"] > 0.5).sum())
    return (
        f"Within a shifted set, the AUROC of the score for errors is {values.mean():.2f} on average over {len(known)} "
        f"dots ({values.min():.2f} to {values.max():.2f}); the interval lies above 0.5 for {sure} of them."
    )


def _mean(value: float, least: float, most: float, is_share: bool) -> str:
    """With the ends, if they differ."""
    if np.isnan(value):
        return "–"
    text = f"{value:.1%}" if is_share else f"{value:.3f}"
    if least == most:
        return text
    return f"{text} ({100 * least:.1f} – {100 * most:.1f})" if is_share else f"{text} ({least:.3f} – {most:.3f})"
