"""`latentviz map` and `import-map`: maps of a run, computed or brought along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentviz.cli_common import WorkspaceOption, say, show, stoppable
from latentviz.errors import DataError

if TYPE_CHECKING:
    from latentviz.workspace import Run

app = typer.Typer()

RunOption = Annotated[str, typer.Option(help="Name of the run.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Only these sets. Repeat.")]


@app.command(name="map")
def map_(
    workspace: WorkspaceOption,
    run: RunOption,
    sets: SetOption = None,
    method: Annotated[str, typer.Option(help="umap or pca.")] = "umap",
    engine: Annotated[str | None, typer.Option(help="fast or umap-learn; fast where it is installed.")] = None,
    dimensions: Annotated[int, typer.Option(help="2 or 3.")] = 2,
    neighbors: Annotated[int, typer.Option(help="n_neighbors, 2 to 200.")] = 15,
    min_dist: Annotated[float, typer.Option(help="0 to 0.99.")] = 0.1,
    spread: Annotated[float, typer.Option(help="At least min_dist.")] = 1.0,
    metric: Annotated[str, typer.Option(help="euclidean, cosine, correlation or manhattan.")] = "euclidean",
    fit: Annotated[str, typer.Option(help="all, or ind: fitted on in-distribution, the rest is placed.")] = "all",
    normalise: Annotated[bool, typer.Option("--normalise", help="Divide the features by their length.")] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write ids and coordinates: .parquet, .csv.")
    ] = None,
) -> None:
    """Compute a map and store it; the app shows it at once."""
    from latentviz.progress import bar
    from latentviz.projection import compute, quality_of
    from latentviz.workspace.exporting import check_target, write_table

    if output is not None:
        check_target(output, (".parquet", ".csv"))
    opened = _run(workspace, run)
    spec = _spec(
        {
            "method": method,
            **({} if engine is None else {"engine": engine}),
            "dimensions": dimensions,
            "n_neighbors": neighbors,
            "min_dist": min_dist,
            "spread": spread,
            "metric": metric,
            "fit": fit,
            "normalise": normalise,
            "seed": seed,
            "sets": tuple(sets or opened.uncorrupted),
        }
    )
    with stoppable(), bar() as progress:
        layout = compute(opened, spec, progress)
        found = quality_of(opened, layout, progress)
    show(
        f"{method.upper()} of {run}",
        ["samples", "trustworthiness", "continuity", "neighbours kept"],
        [
            [
                len(layout.coordinates),
                f"{found.trustworthiness:.4f}",
                f"{found.continuity:.4f}",
                f"{found.neighbour_preservation:.4f}",
            ]
        ],
    )
    if output is not None:
        table = opened.table(spec.sets)[["set", "id"]]
        for axis, values in zip("xyz", layout.coordinates.T, strict=False):
            table[axis] = values
        write_table(table, output)
        say(f"{len(table):,} rows written to {output}")


@app.command(name="import-map")
def import_map(
    workspace: WorkspaceOption,
    run: RunOption,
    file: Annotated[Path, typer.Argument(help=".csv or .parquet with id, x, y (z, set), or .npy in the rows' order.")],
    name: Annotated[str, typer.Option(help="What the map is called.")],
    sets: SetOption = None,
) -> None:
    """Store coordinates that were computed elsewhere; the app lists them as a projection."""
    from latentviz.projection import import_coordinates

    opened = _run(workspace, run)
    spec = import_coordinates(opened, name, file, sets or list(opened.uncorrupted))
    say(f"{name}: a {spec.dimensions}D map of {', '.join(spec.sets)}.")


def _run(workspace: Path, run: str) -> Run:
    from latentviz.workspace import Workspace

    return Workspace(workspace, create=False)[run]


def _spec(fields: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from latentviz.projection import LayoutSpec

    try:
        return LayoutSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"--{part}: " for part in first["loc"]).replace("_", "-").replace("n-neighbors", "neighbors")
        raise DataError(f"{where}{first['msg'].removeprefix('Value error, ')}.") from None
