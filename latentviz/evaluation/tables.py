"""Tables for people and other programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentviz.evaluation.scores import Scores
from latentviz.workspace import Run

#: What a cell begins with that is to stand out.
STAR = "★ "

#: What Markdown would take for a command; an underscore is none within a word.
_MARKDOWN = re.compile(r"[\\|*`<\[]|(?<!\w)_|_(?!\w)")

#: What LaTeX would take for a command (the last two at the beginning of a row), and what its fonts may not have.
_LATEX = str.maketrans(
    {c: rf"\{c}" for c in "_%&#${}"}
    | {c: rf"\{c}{{}}" for c in "~^"}
    | {"\\": r"\textbackslash{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "–": "--"}
    | {c: f"{{{c}}}" for c in "[*"}
)


@dataclass(frozen=True)
class TextTable:
    """Headings and cells as text; headings may occur twice.

    Attributes
    ----------
    headings : sequence of str
    rows : sequence of sequence of str
        As long as the headings.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As a table of GitHub-flavoured Markdown."""
        head, *body = [list(map(escaped_markdown, row)) for row in [self.headings, *self.rows]]
        return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body])

    def file(self, ending: str, about: str) -> bytes:
        """Content of a file, with a sentence before the table.

        Parameters
        ----------
        ending : {".md", ".tex"}
        about : str

        Returns
        -------
        bytes
        """
        parts = [f"% {about}", self.latex()] if ending == ".tex" else [escaped_markdown(about), self.markdown()]
        return ("\n\n".join(parts) + "\n").encode()

    def latex(self) -> str:
        """As a ``tabular``; cells with a star are bold."""
        head, *body = [" & ".join(map(_latex, row)) + r" \\" for row in [self.headings, *self.rows]]
        columns = "l" * len(self.headings)
        lines = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", head, r"\hline", *body, r"\hline", r"\end{tabular}"]
        return "\n".join(lines)


def escaped_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def _latex(cell: str) -> str:
    escaped = cell.removeprefix(STAR).translate(_LATEX)
    return rf"\textbf{{{escaped}}}" if cell.startswith(STAR) else escaped


def score_table(run: Run, found: Scores) -> pd.DataFrame:
    """Every sample with its scores.

    Parameters
    ----------
    run : Run
    found : Scores

    Returns
    -------
    DataFrame
        As :meth:`latentviz.Run.table` of the scored sets, with a column a scorer; one whose name is a column's
        already has "score:" before it.

    Raises
    ------
    WorkspaceError
        If something of a set is missing on disk.
    """
    if not found.by_scorer:
        return run.table([])
    sets = list(next(iter(found.by_scorer.values())))
    table, columns = run.table(sets), {}
    for label, of in found.by_scorer.items():
        heading = label
        while heading in table or heading in columns:
            heading = f"score:{heading}"
        columns[heading] = np.concatenate([of[name] for name in sets])
    return pd.concat([table, pd.DataFrame(columns)], axis=1)


def summary(found: Scores) -> TextTable:
    """Median score of every set, a row a scorer.

    Parameters
    ----------
    found : Scores

    Returns
    -------
    TextTable
    """
    sets = list(next(iter(found.by_scorer.values()), {}))
    rows = [
        [label, *(f"{np.median(of[name]):.4g}" if len(of[name]) else "–" for name in sets)]
        for label, of in found.by_scorer.items()
    ]
    return TextTable(["Scorer", *sets], rows)
