"""`latentviz …`: the same calls as the pages, in the foreground."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from latentviz import (
    cli_comparing,
    cli_corruptions,
    cli_coverage,
    cli_maps,
    cli_scoring,
    cli_training,
    cli_transfer,
)
from latentviz import cli_options as options
from latentviz import cli_parsing as parse
from latentviz.cli_common import WorkspaceOption, say, show, stoppable
from latentviz.errors import LatentvizError

if TYPE_CHECKING:
    import pandas as pd

    from latentviz.workspace import Run

app = typer.Typer(
    help="Look inside a trained image classifier's latent space.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(cli_scoring.app)  # without a name: its commands stand beside these
app.add_typer(cli_maps.app)
app.add_typer(cli_corruptions.app)
app.add_typer(cli_coverage.app)
app.add_typer(cli_comparing.app)
app.add_typer(cli_training.app)
app.add_typer(cli_transfer.app)


@app.command()
def extract(
    workspace: WorkspaceOption,
    sets: Annotated[
        list[str],
        typer.Option("--set", help="NAME=SOURCE:ROLE with the role fit, ind, shifted or ood. Repeat."),
    ],
    model: Annotated[str | None, typer.Option(help="Architecture; `latentviz models` lists them.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights: .pt .pth .th .safetensors.")] = None,
    weights: Annotated[str | None, typer.Option(help="Published torchvision weights, e.g. DEFAULT.")] = None,
    onnx: Annotated[Path | None, typer.Option(help="ONNX file instead of an architecture.")] = None,
    factory: Annotated[str | None, typer.Option(help="package.module:function returning an nn.Module.")] = None,
    head: Annotated[str, typer.Option(help="Last layer: linear or l2.")] = "linear",
    layer: Annotated[str | None, typer.Option(help="Name of the last linear layer.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    classes: options.Classes = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"{options.PRESETS}; by default what the model's published weights expect."),
    ] = None,
    rename: Annotated[list[str] | None, typer.Option(help="Class folder FOLDER=CLASS. Repeat.")] = None,
    channels: options.Channels = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    interpolation: Annotated[str | None, typer.Option(help="nearest, bilinear, bicubic, lanczos.")] = None,
    scale: Annotated[float | None, typer.Option(help="Divisor of the raw values.")] = None,
    clip: options.Clip = None,
    compress: options.Compress = None,
    floor: options.Floor = None,
    standardise: options.Standardise = None,
    mean: options.Mean = None,
    std: options.Std = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Images a forward pass; only for a new run.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE that groups runs (seed, epoch). Repeat.")
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="Also the states of these layers, with commas, for neuron coverage.")
    ] = None,
    skip_unreadable: Annotated[bool, typer.Option("--skip-unreadable", help="Leave damaged images out.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch torchvision collections not on disk.")] = False,
) -> None:
    """Put image sets through a trained model and store the features as a run.

    Run the same command again to go on after an interruption, or with more --set options to add sets.
    """
    from latentviz.extraction import Request, run_request
    from latentviz.models import ModelSpec, default_preprocessing
    from latentviz.progress import bar
    from latentviz.training.presets import preset as preset_named
    from latentviz.workspace import Workspace

    renamed = dict(parse.pair(text, "--rename") for text in rename or [])
    spec = ModelSpec.model_validate(
        {
            "architecture": model,
            "checkpoint": parse.absolute(checkpoint),
            "weights": weights,
            "onnx": parse.absolute(onnx),
            "factory": factory,
            "head": head,
            "layer": layer,
        }
    )
    changes = parse.preprocessing_changes(
        resize,
        crop,
        mean,
        std,
        channels=channels,
        interpolation=interpolation,
        scale=scale,
        clip=clip,
        compress=compress,
        floor=floor,
        standardise=standardise,
    )
    prepared = None if preset is None else preset_named(preset).preprocessing
    request = Request.model_validate(
        {
            "model": spec,
            "sets": [{**parse.set_request(text), "rename": renamed} for text in sets],
            "name": name,
            "preprocessing": (prepared or default_preprocessing(spec)).changed(**changes)
            if changes or prepared
            else None,
            "classes": parse.class_names(classes),
            "skip_unreadable": skip_unreadable,
            "download": download,
            "batch": batch,
            "layers": [part.strip() for part in (layers or "").split(",") if part.strip()],
            "attributes": {
                key: parse.value(value) for key, value in (parse.pair(t, "--attribute") for t in attribute or [])
            },
        }
    )
    with stoppable(), bar() as progress:
        run = run_request(Workspace(workspace), request, progress)
    _show_sets(run)


@app.command(name="import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="npz files with features, logits, labels, ids; one set a file, or keys as SET/features."),
    ],
    workspace: WorkspaceOption,
    name: Annotated[str, typer.Option(help="Name of the run.")] = "arrays",
    role: Annotated[list[str] | None, typer.Option(help="SET=ROLE with fit, ind, shifted or ood. Repeat.")] = None,
    classes: Annotated[str | None, typer.Option(help="Class names in order: a,b,c or a text file.")] = None,
    head: Annotated[str, typer.Option(help="Kind of the head (keys weight, bias): linear or l2.")] = "linear",
) -> None:
    """Store features that were made elsewhere as a run."""
    from latentviz.importing import import_files
    from latentviz.workspace import Workspace

    roles = dict(parse.pair(text, "--role") for text in role or [])
    run = import_files(
        files, Workspace(workspace), name=name, roles=roles, classes=parse.class_names(classes), head=head
    )
    _show_sets(run)


@app.command()
def ls(
    workspace: WorkspaceOption,
    run: Annotated[str | None, typer.Argument(help="Show this run's sets.")] = None,
) -> None:
    """List the runs of a workspace, or the sets of one run."""
    from latentviz.workspace import Workspace

    opened = Workspace(workspace, create=False)
    if run is not None:
        _show_sets(opened[run])
        return
    _show(opened.table().drop(columns=["width", "created"]), f"{opened.path}")


@app.command()
def export(
    workspace: WorkspaceOption,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .parquet or .csv.")],
    sets: Annotated[list[str] | None, typer.Option("--set", help="Only these sets. Repeat.")] = None,
    features: Annotated[bool, typer.Option("--features", help="Add the columns z0, z1, …")] = False,
) -> None:
    """Write ids, labels, predictions, confidence and feature norm as a table."""
    from latentviz.workspace import Workspace
    from latentviz.workspace.exporting import export_table

    rows = export_table(Workspace(workspace, create=False)[run], output, sets or None, features)
    say(f"{rows:,} rows written to {output}")


@app.command()
def rm(
    workspace: WorkspaceOption,
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a run and everything computed from it."""
    from latentviz.workspace import Workspace

    opened = Workspace(workspace, create=False)
    folder = opened.folder(run)
    if not yes:
        typer.confirm(f"Delete {folder}?", abort=True)
    opened.delete(run)
    say(f"{run} is deleted.")


@app.command()
def models() -> None:
    """List the architectures that can be named with --model."""
    from latentviz.models import names

    for known in names():
        typer.echo(known)


@app.command(name="app")
def app_(
    workspace: Annotated[list[Path], typer.Option("--workspace", "-w", help="Workspace to show. Repeat for several.")],
    data_root: Annotated[
        list[Path] | None,
        typer.Option(help="Folder whose images and weights may be used on the page 'Add a run'. Repeat."),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page.")] = None,
    address: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "localhost",
    headless: Annotated[bool, typer.Option(help="Do not open a browser.")] = False,
) -> None:
    """Open the app in the browser."""
    from latentviz.launch import serve

    raise typer.Exit(serve(workspace, data_root or [], address=address, port=port, headless=headless))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo's images and workspace go.")] = Path("demo"),
) -> None:
    """Prepare the demo workspace: real digits, two trained networks, synthetic radar chips, no downloads."""
    from latentviz.demo import in_background, prepare
    from latentviz.progress import bar

    with stoppable(), bar() as progress:
        workspace = prepare(folder, progress)
    _show(workspace.table().drop(columns=["width", "created"]), f"{workspace.path}")
    if in_background(workspace, folder):
        say(
            "In the background synthetic radar chips are made for a network that knows their simulated half, then "
            "corrupted versions of the test images, and small networks are trained with and without an L2 head: a few "
            "minutes; the app shows how far it is."
        )


def _show_sets(run: Run) -> None:
    from latentviz.evaluation.accuracy import sets_table, warnings
    from latentviz.workspace.exporting import no_sets

    if not run.sets:
        typer.echo(no_sets(run))
        return
    table = sets_table(run)
    table["accuracy"] = [
        "–" if a != a else f"{a:.1%} ({low:.1%} – {high:.1%})"
        for a, low, high in zip(table["accuracy"], table["low"], table["high"], strict=True)
    ]
    corrupted = len(run.sets) - len(run.uncorrupted)
    columns = ["set", "role", "samples", "skipped", "classes", "accuracy"]
    _show(
        table[columns].rename(columns={"accuracy": "accuracy (95 % interval)"}),
        f"{run.name}: {run.manifest.title}",
    )
    if corrupted:
        typer.echo(f"And {corrupted} corrupted versions of these.")
    for sentence in warnings(run):
        say(sentence, "yellow")


def _show(frame: pd.DataFrame, title: str) -> None:
    show(title, list(frame.columns), frame.itertuples(index=False))


def main() -> None:
    """Entry point: errors are sentences, not tracebacks."""
    try:
        app()
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        say(f"{field + ': ' if field else ''}{first['msg'].removeprefix('Value error, ')}", "red")
        sys.exit(1)
    except LatentvizError as error:
        say(str(error), "red")
        sys.exit(1)


if __name__ == "__main__":
    main()
