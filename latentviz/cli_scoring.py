"""`latentviz scorers`, `score` and `report`: what scorers say of a run, in the foreground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentviz.cli_common import WorkspaceOption, say, show, stoppable
from latentviz.errors import DataError, ScorerError

if TYPE_CHECKING:
    from latentviz.evaluation.asked import Asked
    from latentviz.evaluation.scores import Scores
    from latentviz.workspace import Run

app = typer.Typer()

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

    rows = []
    for name, kind in known().items():
        parameters = ", ".join(f"{key}={value}" for key, value in kind.info.defaults.items())
        rows.append([name, kind.info.title, kind.info.family.value, needs(kind.info), parameters])
    show("OOD scorers", ["name", "title", "family", "needs", "parameters"], rows)


@app.command()
def score(
    workspace: WorkspaceOption,
    run: RunOption,
    scorer: ScorerOption,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="Only these sets; by default all but corrupted versions. Repeat.")
    ] = None,
    per_class: PerClassOption = None,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write every sample's scores (.parquet, .csv) or the sets' medians (.md, .tex)."
        ),
    ] = None,
) -> None:
    """Compute OOD scores of a run's sets and store them; the app shows them at once.

    Scorers that could not be used before are tried again.
    """
    from latentviz.evaluation.fitting import FitOn, Fitted
    from latentviz.evaluation.scores import scores
    from latentviz.evaluation.tables import score_table, summary
    from latentviz.progress import bar
    from latentviz.workspace.exporting import check_target, replacing_file, write_table

    if output is not None:
        check_target(output, (".parquet", ".csv", ".md", ".tex"))
    opened, asked = _run(workspace, run), _asked(scorer)
    fit_on = FitOn(per_class, seed)
    with stoppable():
        with bar() as progress:
            found = scores(opened, asked, sets or None, fit_on, progress, again=True)
        _tell(opened, asked, found)
    medians = summary(found)
    about = f'Median OOD scores, run "{run}"'
    if any(a.learns for a in asked if a.label in found.by_scorer):
        about += f"; scorers that learn fitted on {Fitted.of(opened, fit_on)}"
    show(about, medians.headings, medians.rows)
    if output is None:
        return
    if output.suffix in (".parquet", ".csv"):
        table = score_table(opened, found)
        write_table(table, output)
        say(f"{len(table):,} rows written to {output}")
    else:
        with replacing_file(output) as partial:
            partial.write_bytes(medians.file(output.suffix, f"{about}."))
        say(f"Written to {output}")


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
    metric: Annotated[str, typer.Option(help="What is shown; any other word lists the measures.")] = "auroc",
    per_class: PerClassOption = None,
    seed: SeedOption = 0,
    replicates: Annotated[int | None, typer.Option(min=1, help="Of the bootstrap; 1,000 by default.")] = None,
    bootstrap_seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write all measures: .csv, .parquet, .md or .tex.")
    ] = None,
) -> None:
    """How well scorers tell a run's sets apart, with 95 % intervals."""
    from latentviz.evaluation.detection import metric_named
    from latentviz.evaluation.fitting import FitOn
    from latentviz.evaluation.intervals import REPLICATES
    from latentviz.evaluation.report import ENDINGS, Split, detection, text_table, write_report
    from latentviz.progress import bar
    from latentviz.workspace.exporting import check_target

    measure = metric_named(metric)
    if output is not None:
        check_target(output, ENDINGS)
    opened, asked = _run(workspace, run), _asked(scorer)
    split = Split.of(opened, ind, sets or None, [name.strip() for name in near.split(",") if name.strip()])
    with stoppable():
        with bar() as progress:
            drawn = replicates or REPLICATES, bootstrap_seed
            found = detection(opened, asked, split, FitOn(per_class, seed), *drawn, progress, again=True)
        _tell(opened, asked, found.scores)
    shown = text_table(found, metric)
    show(f"{run}: {measure.title} against {split.ind} (★: surely the best)", shown.headings, shown.rows)
    say(found.about)
    if output is not None:
        write_report(found, output)
        say(f"Written to {output}")


def _run(workspace: Path, name: str) -> Run:
    from latentviz.workspace import Workspace

    return Workspace(workspace, create=False)[name]


def _asked(text: str) -> list[Asked]:
    from latentviz.evaluation.asked import Asked
    from latentviz.scorers import scorers as known

    if text == "all":
        return [Asked.of(name) for name in known()]
    asked = [Asked.read(part.strip()) for part in text.split(",") if part.strip()]
    if not asked:
        raise DataError(f'--scorer "{text}" names no scorer; write all, or names separated by commas.')
    return list(dict.fromkeys(asked))


def _tell(run: Run, asked: Sequence[Asked], found: Scores) -> None:
    """Why scorers are left out, what fitting decided, and what to know before one trusts the scores.

    Raises
    ------
    ScorerError
        If none of them can be used.
    """
    from latentviz.evaluation.scores import warnings_of

    for sentence in dict.fromkeys(found.problems.values()):
        say(sentence, "yellow")
    if not found.by_scorer:
        raise ScorerError(f'None of the scorers can be used with run "{run.name}".')
    for sentence in warnings_of(run, [a for a in asked if a.label in found.by_scorer]):
        say(sentence, "yellow")
    for label, notes in found.notes.items():
        for note in notes:
            say(f"{label}: {note}")
