"""What the commands of `latentviz` share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Number
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="Folder that holds the runs.")]


@contextmanager
def stoppable() -> Iterator[None]:
    """Say what Ctrl-C means for work that can be continued; Typer would end without a word."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Stopped. What was finished is kept; the same command goes on from there.", err=True)
        raise typer.Exit(130) from None


def show(title: str, headings: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns of numbers are aligned to the right."""
    rows = [list(row) for row in rows]
    table = Table(title=escape(title), title_justify="left")
    for position, heading in enumerate(headings):
        numbers = bool(rows) and all(isinstance(row[position], Number) for row in rows)
        table.add_column(escape(str(heading)), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else escape(str(value)) for value in row))
    Console().print(table)


def say(sentence: str, style: str | None = None) -> None:
    """Print a sentence beside the results; brackets in it are not markup."""
    Console(stderr=True, soft_wrap=True).print(sentence, style=style, markup=False, highlight=False)
