"""`latentviz sar-experiment`, `sar-demo` and `pairs`: simulated against measured."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentviz import cli_options as options
from latentviz import cli_parsing as parse
from latentviz.cli_common import WorkspaceOption, say, show, stoppable
from latentviz.errors import DataError

if TYPE_CHECKING:
    from latentviz.evaluation.flagged_shares import FlaggedShares

app = typer.Typer()

_ENDINGS = (".csv", ".md", ".tex")


@app.command(name="sar-experiment")
def sar_experiment(
    workspace: WorkspaceOption,
    fit: Annotated[
        list[str],
        typer.Option(help="What is trained on: a folder of classes, or sample:DIR:synth. Repeat for several."),
    ],
    tests: Annotated[
        list[str],
        typer.Option(
            "--test", help="NAME=SOURCE; classes that are not trained become an out-of-distribution set. Repeat."
        ),
    ],
    held_out: Annotated[
        str, typer.Option(help="The in-distribution set: a source, or which share of --fit is held out.")
    ] = "0.1",
    mixed: Annotated[
        str | None, typer.Option(help="The other domain, a share of which is mixed into the training data.")
    ] = None,
    share: Annotated[float, typer.Option(help="Of the training data that are mixed in: K.")] = 0.0,
    rename: Annotated[list[str] | None, typer.Option(help="Class folder FOLDER=CLASS. Repeat.")] = None,
    arch: Annotated[str, typer.Option(help="Architecture; `latentviz models` lists them.")] = "resnet20-256",
    head: Annotated[str, typer.Option(help="linear, l2, or both with a comma.")] = "linear",
    family: Annotated[str | None, typer.Option(help="First part of the runs' names.")] = None,
    instances: Annotated[int, typer.Option(min=1, help="Networks, with the seeds 0, 1, …")] = 3,
    epochs: Annotated[int, typer.Option(min=1)] = 60,
    batch: Annotated[int, typer.Option(min=2)] = 128,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.1,
    weight_decay: Annotated[float, typer.Option()] = 5e-4,
    schedule: Annotated[str, typer.Option(help="steps or cosine.")] = "cosine",
    warmup: Annotated[int, typer.Option(min=0, help="Epochs in which the rate rises.")] = 1,
    preset: Annotated[str, typer.Option(help=f"{options.PRESETS}.")] = "sar",
    seed: Annotated[int, typer.Option(min=0, help="Of what is held out and mixed in.")] = 0,
    scorer: Annotated[str, typer.Option("--scorer", "-s", help="With parameters: knn:k=10.")] = "knn",
    level: Annotated[float, typer.Option(help="Percent of the in-distribution set that the threshold keeps.")] = 95.0,
    kind: Annotated[str, typer.Option(help="spearman, pearson or kendall.")] = "spearman",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Every network and set: .csv; means as .md or .tex.")
    ] = None,
) -> None:
    """Does the share of a set that is flagged tell the accuracy on it? Several networks, tried on other domains.

    Run the same command again to go on after an interruption; with another scorer nothing is trained anew.
    """
    from latentviz.evaluation.asked import Asked
    from latentviz.evaluation.coefficients import kind_named
    from latentviz.evaluation.flagged_shares import flagged_shares
    from latentviz.progress import bar
    from latentviz.training.presets import preset as preset_named
    from latentviz.training.transfer import run as run_transfer
    from latentviz.training.transfer_request import HELD_OUT, TransferRequest
    from latentviz.workspace import Workspace
    from latentviz.workspace.exporting import check_target

    if output is not None:
        check_target(output, _ENDINGS)
    if not 0 < level < 100:
        raise DataError(f"--level is {level:g}; expected percent above 0 and below 100.")
    asked, wanted, images = Asked.read(scorer), kind_named(kind), preset_named(preset)
    recipe: dict[str, Any] = {
        "architecture": arch,
        "epochs": epochs,
        "batch": batch,
        "rate": rate,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "warmup": min(warmup, epochs - 1),
        "augmentation": images.augmentation,
    }
    request = TransferRequest.model_validate(
        {
            "family": family
            or "-".join([Path(fit[0].replace(":", "/")).name, arch, *([f"k{share:g}"] if share else [])]),
            "recipe": recipe,
            "heads": parse.names(head),
            "seeds": list(range(instances)),
            "fit": [parse.source(text) for text in fit],
            "mixed": None if mixed is None else parse.source(mixed),
            "share": share,
            "held_out": _share_or_source(held_out),
            "tests": _named(tests),
            "rename": dict(parse.pair(text, "--rename") for text in rename or []),
            "preprocessing": images.preprocessing,
            "seed": seed,
        }
    )
    with stoppable(), bar() as progress:
        runs = run_transfer(Workspace(workspace), request, progress)
        found = flagged_shares(runs, asked, HELD_OUT, level / 100, wanted, progress=progress)
    table = found.text()
    count = f"{len(runs)} network{'s' if len(runs) > 1 else ''}"
    show(f"{count}, {asked.info.title}: mean (least – largest)", table.headings, table.rows)
    for sentence in found.sentences:
        say(sentence)
    if output is not None:
        _write(output, found)
    say(f"See them with latentviz app -w {workspace}, page Simulated against measured.")


@app.command(name="sar-demo")
def sar_demo(
    folder: Annotated[Path, typer.Argument(help="Where the images and the workspace go.")] = Path("sar-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic chips and the network.")] = 0,
    step: Annotated[float, typer.Option(help="Mean distance of two azimuths in degrees; larger is quicker.")] = 1.0,
    epochs: Annotated[int, typer.Option(min=1)] = 40,
) -> None:
    """Synthetic radar chips in registered pairs, and one small network trained on the simulated half."""
    from latentviz.progress import bar
    from latentviz.sar_demo import WORKSPACE, prepare

    with stoppable(), bar() as progress:
        run = prepare(folder, seed, step, epochs, progress)
    say(f"{run.name} is ready: latentviz app -w {folder / WORKSPACE}, page Simulated against measured.")


@app.command()
def pairs(
    workspace: WorkspaceOption,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    one: Annotated[str, typer.Option(help="Set, e.g. of simulated chips.")],
    other: Annotated[str, typer.Option(help="Set, e.g. of measured chips.")],
    by: Annotated[str, typer.Option(help="name, pose (class, elevation, azimuth), or a table (.csv).")] = "name",
    azimuth: Annotated[float, typer.Option(min=0, help="Tolerance in degrees, for pose.")] = 1.0,
    elevation: Annotated[float, typer.Option(min=0, help="Tolerance in degrees, for pose.")] = 0.5,
    same_serial: Annotated[bool, typer.Option("--same-serial", help="For pose: only chips of one vehicle.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The pairs with their distances: .csv.")] = None,
) -> None:
    """Find the pairs of two sets, and say how far apart their features are."""
    from latentviz.datasets.pairing import find
    from latentviz.evaluation.domains import Domains, distances_by_class, pair_table
    from latentviz.workspace import Workspace
    from latentviz.workspace.exporting import check_target, replacing_file

    if output is not None:
        check_target(output, (".csv",))
    opened = Workspace(workspace, create=False)[run]
    found = find(opened[one].index, opened[other].index, by, azimuth, elevation, same_serial)
    say(found.described(one, other))
    if found.pairs.empty:
        if output is not None:
            say(f"Without pairs nothing is written to {output}.")
        return
    table = pair_table(Domains(opened, one, other, found.pairs))
    listed = distances_by_class(table)
    rows = [
        (name, f"{n:,}", f"{mean:.3f}" + ("" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]"))
        for name, n, mean, low, high in listed[["class", "n", "mean", "low", "high"]].itertuples(index=False)
    ]
    show("Distance of the features of a pair: mean, 95 % interval", ("Class", "Pairs", "Distance"), rows)
    if output is not None:
        with replacing_file(output) as partial:
            table.to_csv(partial, index=False)
        say(f"Written: {output}")


def _named(texts: list[str]) -> dict[str, str]:
    pairs = [parse.pair(text, "--test") for text in texts]
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"Two tests are called {', '.join(twice)}; give every --test a name of its own.")
    return {name: parse.source(text) for name, text in pairs}


def _share_or_source(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return parse.source(text)


def _write(path: Path, found: FlaggedShares) -> None:
    from latentviz.workspace.exporting import replacing_file

    with replacing_file(path) as partial:
        if path.suffix == ".csv":
            found.rows.to_csv(partial, index=False)
        else:
            partial.write_bytes(found.text().file(path.suffix, " ".join(found.sentences)))
    say(f"Written: {path}")
