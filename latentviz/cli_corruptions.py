"""`latentviz corrupt`: corrupted versions of a run's sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentviz import cli_parsing as parse
from latentviz.cli_common import WorkspaceOption, say, show, stoppable

if TYPE_CHECKING:
    from latentviz.workspace import Run

app = typer.Typer()


@app.command()
def corrupt(
    workspace: WorkspaceOption,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    set_name: Annotated[str, typer.Option("--set", help="The clean set.")] = "test",
    corruptions: Annotated[
        str, typer.Option(help="Names, families, common, sar or all, with commas; `latentviz corruptions` lists them.")
    ] = "common",
    severities: Annotated[str, typer.Option(help="From 1 to 5: 1-5 or 1,3,5.")] = "1-5",
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    folder: Annotated[
        Path | None, typer.Option("--from", help="Corrupted images as CIFAR-10-C has them: NAME.npy and labels.npy.")
    ] = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave images out that cannot be corrupted.")
    ] = False,
) -> None:
    """Put corrupted versions of a set through the run's network and keep their features.

    Run the same command again to go on after an interruption.
    """
    from latentviz.extraction import CorruptionRequest, corrupt_request
    from latentviz.progress import bar
    from latentviz.workspace import Workspace

    request = CorruptionRequest(
        run=run,
        set_name=set_name,
        corruptions=parse.names(corruptions),
        severities=parse.severities(severities),
        seed=seed,
        folder=None if folder is None else str(folder),
        skip_unreadable=skip_unreadable,
    )
    with stoppable(), bar() as progress:
        made = corrupt_request(Workspace(workspace, create=False), request, progress)
    _show_accuracies(made, set_name)


@app.command(name="corruptions")
def list_corruptions() -> None:
    """List the corruptions."""
    from latentviz.datasets.corruptions import corruptions

    rows = [(c.name, c.title, c.kind, c.family, f"{c.min_side} px") for c in corruptions().values()]
    show("Corruptions", ("name", "title", "kind", "family", "smallest"), rows)


def _show_accuracies(run: Run, set_name: str) -> None:
    from latentviz.evaluation.accuracy import sets_table
    from latentviz.evaluation.corrupted import corrupted_sets, in_grid

    grid = in_grid(corrupted_sets(run, set_name), "accuracy")
    rows = [
        (name.replace("_", " "), *("–" if value != value else f"{value:.3f}" for value in row))
        for name, row in zip(grid.index, grid.to_numpy(), strict=True)
    ]
    show(f"Accuracy on corrupted versions of {set_name} by severity", ("", *map(str, grid.columns)), rows)
    clean = sets_table(run).set_index("set").loc[set_name]
    say(f"Clean: {clean['accuracy']:.3f} of {clean['labelled']:,} samples.")
