"""`latentviz scorers`, `score` and `report`: what scorers say of a run, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from latentviz.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from latentviz.evaluation.scores import Asked, Scores
    from latentviz.workspace import Run

app = typer.Typer()

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="Folder that holds the runs.")]
RunOption = Annotated[str, typer.Option(help="Name of the run.")]
ScorerOption = Annotated[
    str,
    typer.Option(
        "--scorer", "-s", help="NAME[:PARAMETER=VALUE…], separated by commas, or all: knn:k=10,energy. See `scorers`."
    ),
]
PerClassOption = Annotated[
    int | None, typer.Option(min=1, help="Fit on at most so many samples of each class, drawn at random.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of the draw.")]


@app.command()
def scorers() -> None:
    """List the OOD scorers with their parameters."""
    from latentviz.scorers import scorers as known
    from latentviz.scorers.catalogue import needs

    table = Table(title="OOD scorers", title_justify="left")
    for heading in ("name", "title", "family", "needs", "parameters"):
        table.add_column(heading, overflow="fold")
    for name, kind in known().items():
        parameters = ", ".join(f"{key}={value}" for key, value in kind.info.defaults.items())
        table.add_row(name, kind.info.title, kind.info.family.value, needs(kind.info), parameters)
    Console().print(table)


@app.command()
def score(
    workspace: WorkspaceOption,
    run: RunOption,
    scorer: ScorerOption,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Only these sets. Repeat.")] = None,
    per_class: PerClassOption = None,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write every sample's scores: .parquet or .csv.")
    ] = None,
) -> None:
    """Compute OOD scores of a run's sets and store them; the app shows them at once."""
    from latentviz.evaluation.scores import FitOn, scores
    from latentviz.evaluation.tables import score_table, summary
    from latentviz.progress import bar
    from latentviz.workspace.exporting import check_target, write_table

    if output is not None:
        check_target(output, (".parquet", ".csv"))
    opened, asked = _run(workspace, run), _asked(scorer)
    with bar() as progress:
        found = scores(opened, asked, sets or None, FitOn(per_class, seed), progress)
    _say_problems(found)
    _show(summary(opened, found), f"{run}: median OOD score")
    if output is not None:
        table = score_table(opened, found)
        write_table(table, output)
        Console(stderr=True).print(f"{len(table):,} rows written to {escape(str(output))}")


@app.command()
def report(
    workspace: WorkspaceOption,
    run: RunOption,
    scorer: ScorerOption = "all",
    ind: Annotated[str | None, typer.Option(help="The in-distribution set; the first of that role by default.")] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="Told apart from it; all of role ood by default. Repeat.")
    ] = None,
    near: Annotated[str, typer.Option(help="Which of them are near OOD, separated by commas.")] = "",
    metric: Annotated[
        str, typer.Option(help="What is shown: auroc, aupr_out, aupr_in, fpr95, fpr95_openood.")
    ] = "auroc",
    per_class: PerClassOption = None,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write all measures: .csv, .parquet, .md or .tex.")
    ] = None,
) -> None:
    """How well scorers tell a run's sets apart, with 95 % intervals."""
    from latentviz.evaluation.detection import METRICS
    from latentviz.evaluation.report import ENDINGS, Split, detection, marked, write_report
    from latentviz.evaluation.scores import FitOn
    from latentviz.progress import bar
    from latentviz.workspace.exporting import check_target

    if metric not in METRICS:
        raise DataError(f'There is no measure "{metric}"; choose {", ".join(METRICS)}.')
    if output is not None:
        check_target(output, ENDINGS)
    opened, asked = _run(workspace, run), _asked(scorer)
    split = Split.of(opened, ind, sets or None, [name.strip() for name in near.split(",") if name.strip()])
    with bar() as progress:
        table, found = detection(opened, asked, split, FitOn(per_class, seed), progress=progress)
    _say_problems(found)
    shown = marked(table, found, split, metric)
    _show(shown.reset_index(names="scorer"), f"{run}: {METRICS[metric].title} against {split.ind} (★: surely the best)")
    if output is not None:
        write_report(table, found, split, output)
        Console(stderr=True).print(f"Written to {escape(str(output))}")


def _run(workspace: Path, name: str) -> Run:
    from latentviz.workspace import Workspace

    return Workspace(workspace, create=False)[name]


def _asked(text: str) -> list[Asked]:
    from latentviz.evaluation.scores import Asked
    from latentviz.scorers import scorers as known

    if text == "all":
        return [Asked.of(name) for name in known()]
    asked = [Asked.read(part.strip()) for part in text.split(",") if part.strip()]
    return list(dict.fromkeys(asked))


def _say_problems(found: Scores) -> None:
    for sentence in found.problems.values():
        Console(stderr=True, soft_wrap=True).print(sentence, style="yellow", markup=False, highlight=False)


def _show(frame: pd.DataFrame, title: str) -> None:
    table = Table(title=escape(title), title_justify="left")
    for column in frame:
        table.add_column(str(column), overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(str(value)) for value in row))
    Console().print(table)
