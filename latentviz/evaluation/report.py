"""How well scorers detect a run's sets, as a table for pages and papers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.comparison import Comparison, averages
from latentviz.evaluation.detection import METRICS, metric_named
from latentviz.evaluation.fitting import EVERYTHING, FitOn, Fitted
from latentviz.evaluation.intervals import REPLICATES
from latentviz.evaluation.pairs import Pairs
from latentviz.evaluation.scores import Scores, scores
from latentviz.evaluation.split import Split
from latentviz.evaluation.tables import STAR, TextTable, escaped_markdown
from latentviz.evaluation.work import Work
from latentviz.progress import Progress, silent
from latentviz.workspace import Run
from latentviz.workspace.exporting import check_target, replacing_file

#: Endings of the files that a report can be written to.
ENDINGS = (".csv", ".parquet", ".md", ".tex")


@dataclass(frozen=True, eq=False)
class Detection(Comparison):
    """How well scorers detect a run's sets, and what that was found from.

    Attributes
    ----------
    run : str
        Its name.
    split : Split
    asked : tuple of Asked
        The scorers, without those that cannot be used.
    fit : Fitted
        What those of them that learn are fitted on.
    replicates, seed : int
        Of the bootstrap.
    scores : Scores
        Of the split's sets.
    """

    run: str
    split: Split
    asked: tuple[Asked, ...]
    fit: Fitted
    replicates: int
    seed: int
    scores: Scores

    @property
    def problems(self) -> dict[str, str]:
        """Why the other scorers cannot be used."""
        return self.scores.problems

    @property
    def notes(self) -> dict[str, list[str]]:
        """What fitting decided."""
        return self.scores.notes

    @property
    def about(self) -> str:
        """What it was found from, in words."""
        n_ind = next((len(of[self.split.ind]) for of in self.scores.by_scorer.values()), 0)
        fitted = f", scorers that learn fitted on {self.fit}" if any(a.learns for a in self.asked) else ""
        return (
            f'Run "{self.run}": told apart from {self.split.ind} (n = {n_ind:,}){fitted}; 95 % intervals of '
            f"{self.replicates:,} stratified bootstrap replicates with seed {self.seed}."
        )


def detection(
    run: Run,
    asked: Sequence[Asked],
    split: Split,
    fit_on: FitOn = EVERYTHING,
    replicates: int = REPLICATES,
    seed: int = 0,
    progress: Progress = silent,
    again: bool = False,
) -> Detection:
    """Every measure of every scorer on every set, stored or computed and stored pair by pair.

    Averages are over the split's sets with the role ``ood``: a shifted set is neither near nor far OOD.

    Parameters
    ----------
    run : Run
    asked : sequence of Asked
    split : Split
    fit_on : FitOn, optional
    replicates, seed : int
        Of the bootstrap.
    progress : Progress, optional
        May raise ``Cancelled``; what was finished is kept.
    again : bool
        Try scorers once more that could not be used before.

    Returns
    -------
    Detection
        With the scorers that cannot be used among its problems.

    Raises
    ------
    DataError, WorkspaceError
        If there are no replicates, the run has no set of a name, something of it is missing on disk, or the disk is
        full.
    """
    asked = list(dict.fromkeys(asked))
    found = scores(run, asked, split.sets, fit_on, progress, again)
    usable = tuple(a for a in asked if a.label in found.by_scorer)
    work = Work(run, fit_on)
    pairs = Pairs(work, split.ind, replicates, seed).measure(usable, split.others, found, progress)
    ood = [name for name in split.others if run[name].role == "ood"]
    return Detection(pairs, averages(ood, split.near), run.name, split, usable, work.fitted_on, replicates, seed, found)


def measured(
    run: Run,
    asked: Sequence[Asked],
    split: Split,
    fit_on: FitOn = EVERYTHING,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> bool:
    """Whether :func:`detection` has nothing to compute; reads no features.

    Parameters
    ----------
    run, asked, split, fit_on, replicates, seed
        As of :func:`detection`.

    Returns
    -------
    bool
        Also if it is known why the scorers that lack measures cannot be used.

    Raises
    ------
    WorkspaceError
        If the run has no set of a name.
    """
    work = Work(run, fit_on)
    pairs = Pairs(work, split.ind, replicates, seed)

    def is_there(a: Asked) -> bool:
        return not work.absent(a, split.sets) and all((a, name) in pairs for name in split.others)

    return all(is_there(a) or work.problem(a, split.sets) for a in asked)


def wide(found: Comparison, metric: str = "auroc") -> pd.DataFrame:
    """One measure with a row a scorer and a column a set, averages last.

    Parameters
    ----------
    found : Comparison
    metric : str

    Returns
    -------
    DataFrame of float
        Its columns are the headings in ``found.columns``.

    Raises
    ------
    DataError
        If there is no such measure.
    """
    metric_named(metric)
    columns = {
        heading: [of[column].estimate(metric).value for of in found.measured.values()]
        for column, heading in found.columns.items()
    }
    return pd.DataFrame(columns, index=found.labels)


def written(found: Comparison, metric: str = "auroc") -> pd.DataFrame:
    """As :func:`wide`, as text: ``0.907 (0.889–0.924)``, after a star what is surely the best of its column.

    Parameters
    ----------
    found : Comparison
    metric : str

    Returns
    -------
    DataFrame of str

    Raises
    ------
    DataError
        If there is no such measure.
    """
    best = found.best(metric)
    sure = {(row.scorer, (row.kind, row.set)) for row in best.itertuples() if row.sure}
    columns = {
        heading: [
            (STAR if (scorer, column) in sure else "") + "{:.3f} ({:.3f}–{:.3f})".format(*of[column].estimate(metric))
            for scorer, of in found.measured.items()
        ]
        for column, heading in found.columns.items()
    }
    return pd.DataFrame(columns, index=found.labels)


def text_table(found: Comparison, metric: str = "auroc") -> TextTable:
    """:func:`written` with the number of samples of every column in the first row.

    Parameters
    ----------
    found : Comparison
    metric : str

    Returns
    -------
    TextTable

    Raises
    ------
    DataError
        If there is no such measure.
    """
    text = written(found, metric)
    counts = [f"{of.n_ood:,}" for of in next(iter(found.measured.values()), {}).values()]
    rows = [[label, *cells] for label, cells in zip(text.index, text.to_numpy().tolist(), strict=True)]
    return TextTable(["Scorer", *text.columns], [["n", *counts], *rows])


def exported(found: Detection) -> pd.DataFrame:
    """The table for other programs; every row says what it was found from.

    Parameters
    ----------
    found : Detection

    Returns
    -------
    DataFrame
        The columns of :attr:`Comparison.table`, then ``run``, ``ind``, ``fitted_on`` (sets, joined by commas; "" for
        scorers that do not learn), ``n_fit``, ``per_class`` (missing for all), ``fit_seed``, ``replicates``, ``seed``.
    """
    fit, learns = found.fit, {a.label: a.learns for a in found.asked}
    learnt = found.table["scorer"].map(learns).astype(bool)
    per_class = pd.Series(fit.on.per_class, found.table.index, dtype="Int64").where(learnt)
    return found.table.assign(
        run=found.run,
        ind=found.split.ind,
        fitted_on=learnt.map({True: ",".join(fit.sets), False: ""}),
        n_fit=learnt * fit.samples,
        per_class=per_class,
        fit_seed=pd.Series(fit.on.seed, found.table.index, dtype="Int64").where(per_class.notna()),
        replicates=found.replicates,
        seed=found.seed,
    )


def rendered(found: Detection, ending: str) -> bytes:
    """A report as a file: all rows for other programs (CSV, Parquet), a table a measure for people (Markdown, LaTeX).

    Parameters
    ----------
    found : Detection
    ending : {".csv", ".parquet", ".md", ".tex"}

    Returns
    -------
    bytes

    Raises
    ------
    DataError
        If the ending is another one.
    """
    if ending not in ENDINGS:
        raise DataError(f'A report cannot be written as "{ending}"; choose {", ".join(ENDINGS)}.')
    if ending == ".csv":
        return exported(found).to_csv(index=False).encode()
    if ending == ".parquet":
        content = io.BytesIO()
        exported(found).to_parquet(content, index=False)
        return content.getvalue()
    parts = _latex(found) if ending == ".tex" else _markdown(found)
    return ("\n\n".join(parts) + "\n").encode()


def write_report(found: Detection, path: Path) -> None:
    """Write :func:`rendered` to a file whose ending says how, whole or not at all.

    Parameters
    ----------
    found : Detection
    path : Path

    Raises
    ------
    DataError
        If the ending is another one, or there is no such folder.
    WorkspaceError
        If the file cannot be written.
    """
    check_target(path, ENDINGS)
    with replacing_file(path) as partial:
        partial.write_bytes(rendered(found, path.suffix))


def _markdown(found: Detection) -> list[str]:
    said = f"with 95 % interval; n: samples of the set. {STAR}surely the best of its column."
    tables = [
        f"**{metric.title}**, {said} {metric.definition}\n\n{text_table(found, name).markdown()}"
        for name, metric in METRICS.items()
    ]
    return [escaped_markdown(found.about), *tables]


def _latex(found: Detection) -> list[str]:
    said = "with 95 % interval; n: samples of the set; bold: surely the best of its column"
    tables = [f"% {metric.title}, {said}\n{text_table(found, name).latex()}" for name, metric in METRICS.items()]
    return [f"% {found.about}", *tables]
