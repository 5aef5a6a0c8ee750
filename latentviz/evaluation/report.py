"""How well scorers detect a run's sets, as a table for pages and papers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from latentviz.errors import DataError, WorkspaceError
from latentviz.evaluation.comparison import best, detection_table
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.scores import EVERYTHING, Asked, FitOn, Scores, scores
from latentviz.progress import Progress, silent
from latentviz.workspace import Run
from latentviz.workspace.files import disk_errors

#: Bootstrap replicates behind an interval.
REPLICATES = 1000

#: What the last stage of a report is called.
STAGE = "Detection metrics"

#: Endings of the files that a report can be written to.
ENDINGS = (".csv", ".parquet", ".md", ".tex")


@dataclass(frozen=True)
class Split:
    """Which sets are told apart.

    Attributes
    ----------
    ind : str
        The in-distribution set.
    others : tuple of str
        The sets that are to be told apart from it.
    near : tuple of str
        Those of them that are near OOD.
    """

    ind: str
    others: tuple[str, ...]
    near: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, run: Run, ind: str | None = None, others: Sequence[str] | None = None, near: Sequence[str] = ()
    ) -> Split:
        """The usual sets of a run: the first ``ind`` one against all ``ood`` ones, or against the shifted ones.

        Raises
        ------
        DataError
            If there is no in-distribution set, nothing to tell apart from it, or an empty set; says what to add.
        WorkspaceError
            If the run has no set of a name.
        """
        filled = {s.name: s.role for s in run if len(s)}
        if ind is None:
            ind = next((name for name, role in filled.items() if role == "ind"), None)
        if ind is None:
            raise DataError(
                f'Run "{run.name}" has no held-out in-distribution samples; add a set with the role "ind", to have '
                "something that other sets are told apart from."
            )
        if others is None:
            kinds = {role: [n for n, r in filled.items() if r == role and n != ind] for role in ("ood", "shifted")}
            others = kinds["ood"] or kinds["shifted"]
        if not others:
            raise DataError(
                f'Run "{run.name}" has no out-of-distribution set; add one with the role "ood", to see how well a '
                "scorer tells it apart."
            )
        for name in (ind, *others):
            if not len(run[name]):
                raise DataError(f'"{name}" holds no samples.')
        if unknown := [name for name in near if name not in others]:
            raise DataError(f'The near set "{unknown[0]}" is not among the sets {", ".join(others)}.')
        if ind in others:
            raise DataError(f'"{ind}" cannot be told apart from itself; choose other sets.')
        return cls(ind, tuple(others), tuple(near))


def detection(
    run: Run,
    asked: Sequence[Asked],
    split: Split,
    fit_on: FitOn = EVERYTHING,
    replicates: int = REPLICATES,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[pd.DataFrame, Scores]:
    """Every measure of every scorer on every set, stored or computed and stored scorer by scorer.

    Parameters
    ----------
    run : Run
    asked : sequence of Asked
    split : Split
    fit_on : FitOn, optional
    replicates, seed : int
        Of the bootstrap.
    progress : Progress, optional

    Returns
    -------
    table : DataFrame
        As :func:`~latentviz.evaluation.comparison.detection_table`.
    found : Scores
        Of the split's sets; with the scorers that cannot be used among its problems.
    """
    found = scores(run, asked, [split.ind, *split.others], fit_on, progress)
    labels = {a.label: a for a in asked if a.label in found.by_scorer}
    tables = []
    for number, label in enumerate(labels):
        key = _key(run, label, split, fit_on, replicates, seed)
        if key not in run.derived:
            table = detection_table(
                {label: found.by_scorer[label]},
                ind=split.ind,
                sets=split.others,
                near=split.near,
                replicates=replicates,
                seed=seed,
            )
            run.derived.save(key, {}, {"scorer": label, "split": vars(split), "rows": table.to_dict("list")})
        tables.append(pd.DataFrame(run.derived.meta(key)["rows"]))
        progress(STAGE, number + 1, len(labels), "scorers")
    return pd.concat(tables, ignore_index=True) if tables else _no_rows(), found


def measured(run: Run, asked: Sequence[Asked], split: Split, fit_on: FitOn = EVERYTHING) -> bool:
    """Whether :func:`detection` has all of it stored."""
    return all(_key(run, a.label, split, fit_on, REPLICATES, 0) in run.derived for a in asked)


def _key(run: Run, label: str, split: Split, fit_on: FitOn, replicates: int, seed: int) -> str:
    parameters = {
        "scorer": label,
        "split": vars(split),
        "replicates": replicates,
        "seed": seed,
        "fit": vars(fit_on),
    }
    inputs = [run[name].fingerprint for name in (split.ind, *split.others)]
    return run.derived.key("detection", parameters, inputs + [s.fingerprint for s in run if s.role == "fit"])


def _no_rows() -> pd.DataFrame:
    return detection_table({}, ind="", sets=[])


def wide(table: pd.DataFrame, metric: str = "auroc") -> pd.DataFrame:
    """One measure with a row a scorer and a column a set, averages last; in the table's order."""
    rows = table[table["metric"] == metric]
    table = rows.pivot_table(index="scorer", columns="set", values="value")
    return table.reindex(index=rows["scorer"].unique(), columns=rows["set"].unique())


def written(table: pd.DataFrame, metric: str, winners: pd.DataFrame | None = None) -> pd.DataFrame:
    """As :func:`wide`, as text: ``0.907 (0.889–0.924)``, the best of a column marked if it is surely the best.

    Parameters
    ----------
    table : DataFrame
        Of :func:`detection`.
    metric : str
    winners : DataFrame, optional
        Of :func:`~latentviz.evaluation.comparison.best`.
    """
    rows = table[table["metric"] == metric].copy()
    rows["text"] = [
        f"{v:.3f} ({low:.3f}–{high:.3f})" for v, low, high in zip(rows["value"], rows["low"], rows["high"], strict=True)
    ]
    values = wide(table, metric)
    text = rows.pivot_table(index="scorer", columns="set", values="text", aggfunc="first")
    text = text.reindex(index=values.index, columns=values.columns)
    if winners is not None:
        sure = winners[winners["sure"].astype(bool)]
        for scorer, name in zip(sure["scorer"], sure["set"], strict=True):
            text.loc[scorer, name] = f"★ {text.loc[scorer, name]}"
    return text


def rendered(table: pd.DataFrame, found: Scores, split: Split, ending: str) -> bytes:
    """A report as a file: all rows for other programs (CSV, Parquet), a table a measure for people (Markdown, LaTeX).

    Parameters
    ----------
    table : DataFrame
    found : Scores
        That it was made of; tells whether the best scorer of a column is surely the best.
    split : Split
    ending : {".csv", ".parquet", ".md", ".tex"}

    Raises
    ------
    DataError
        If the ending is another one.
    """
    if ending not in ENDINGS:
        raise DataError(f'A report cannot be written as "{ending}"; choose {", ".join(ENDINGS)}.')
    if ending == ".csv":
        return table.to_csv(index=False).encode()
    if ending == ".parquet":
        content = io.BytesIO()
        table.to_parquet(content, index=False)
        return content.getvalue()
    form = _latex if ending == ".tex" else _markdown
    parts = [form(marked(table, found, split, metric), metric) for metric in METRICS]
    return ("\n\n".join(parts) + "\n").encode()


def write_report(table: pd.DataFrame, found: Scores, split: Split, path: Path) -> None:
    """Write :func:`rendered` to a file whose ending says how.

    Raises
    ------
    DataError
        If the ending is another one.
    WorkspaceError
        If the file cannot be written.
    """
    content = rendered(table, found, split, path.suffix)
    try:
        with disk_errors(str(path)):
            path.write_bytes(content)
    except OSError as error:
        missing = f"there is no folder {path.parent}" if not path.parent.is_dir() else error.strerror
        raise WorkspaceError(f"{path} could not be written: {missing}.") from error


def marked(table: pd.DataFrame, found: Scores, split: Split, metric: str) -> pd.DataFrame:
    """:func:`written` with the best scorer of every set marked."""
    return written(table, metric, best(table, found.by_scorer, metric, ind=split.ind))


def _markdown(text: pd.DataFrame, metric: str) -> str:
    lines = [["Scorer", *text.columns], ["---"] * (len(text.columns) + 1)]
    lines += [[label, *row] for label, row in zip(text.index, text.to_numpy().tolist(), strict=True)]
    title = METRICS[metric]
    body = "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
    return f"**{title.title}**, with 95 % interval. {title.definition} ★: surely the best of its set.\n\n{body}"


#: What LaTeX would take for a command, and what its fonts may not have.
_ESCAPED = str.maketrans(
    {c: rf"\{c}" for c in "_%&#${}"} | {"–": "--", "\\": r"\textbackslash{}"} | {c: rf"\{c}{{}}" for c in "~^"}
)


def _latex(text: pd.DataFrame, metric: str) -> str:
    def cell(value: object) -> str:
        escaped = str(value).translate(_ESCAPED)
        return rf"\textbf{{{escaped.removeprefix('★ ')}}}" if escaped.startswith("★ ") else escaped

    rows = [[label, *row] for label, row in zip(text.index, text.to_numpy().tolist(), strict=True)]
    head, *body = [" & ".join(map(cell, row)) + r" \\" for row in [["Scorer", *text.columns], *rows]]
    columns = "l" * (len(text.columns) + 1)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", head, r"\hline", *body, r"\hline", r"\end{tabular}"]
    comment = f"% {METRICS[metric].title}, with 95 % interval; bold: surely the best of its set"
    return "\n".join([comment, *lines])
