"""`latentviz train`: networks with and without an L2 head, whose checkpoints become runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from latentviz import cli_options as options
from latentviz import cli_parsing as parse
from latentviz.cli_common import WorkspaceOption, say, show, stoppable
from latentviz.errors import DataError

app = typer.Typer()

#: Endings of the files that a comparison can be written to.
_ENDINGS = (".csv", ".md", ".tex")

#: Subfolders of --data that are held out, the first that is there.
_HELD_OUT = ("test", "val", "validation")


@app.command()
def train(
    workspace: WorkspaceOption,
    arch: Annotated[str, typer.Option(help="Architecture; `latentviz models` lists them.")] = "resnet20",
    data: Annotated[
        Path | None, typer.Option(help="Folder with the subfolders train and test, and in them one a class.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=SOURCE:ROLE; fit is trained on, features are of all. Repeat."),
    ] = None,
    head: Annotated[str, typer.Option(help="linear, l2, or both with a comma.")] = "linear,l2",
    family: Annotated[
        str | None, typer.Option(help="First part of the runs' names; by default the architecture.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 60,
    seeds: Annotated[str, typer.Option(help="How many, or which with commas.")] = "1",
    checkpoints: Annotated[int, typer.Option(min=1, help="How many to keep of each, on a log scale.")] = 15,
    preset: Annotated[str, typer.Option(help=f"{options.PRESETS}.")] = "colour",
    batch: Annotated[int, typer.Option(min=2)] = 128,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.1,
    momentum: Annotated[float, typer.Option()] = 0.9,
    weight_decay: Annotated[float, typer.Option()] = 5e-4,
    schedule: Annotated[str, typer.Option(help="steps or cosine.")] = "steps",
    warmup: Annotated[int, typer.Option(min=0, help="Epochs in which the rate rises.")] = 0,
    augmentation: Annotated[
        str | None, typer.Option(help="crop-flip, crop or none; by default what suits the images.")
    ] = None,
    corruptions: Annotated[
        str, typer.Option(help="Corrupted versions of the held-out set for the last checkpoints: names with commas.")
    ] = "",
    severities: Annotated[str, typer.Option(help="Of these, from 1 to 5: 1-5 or 1,3,5.")] = "1,3,5",
    classes: options.Classes = None,
    channels: options.Channels = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    clip: options.Clip = None,
    compress: options.Compress = None,
    floor: options.Floor = None,
    standardise: options.Standardise = None,
    mean: options.Mean = None,
    std: options.Std = None,
) -> None:
    """Train a network with every head and seed, and keep checkpoints as runs.

    Run the same command again to go on after an interruption: it ends in the same weights.
    """
    from latentviz.models.registry import architecture
    from latentviz.progress import bar
    from latentviz.training import TrainingRequest
    from latentviz.training.presets import preset as preset_named
    from latentviz.training.series import train as train_all
    from latentviz.workspace import Workspace

    kind = preset_named(preset)
    changes = parse.preprocessing_changes(
        resize,
        crop,
        mean,
        std,
        channels=channels,
        clip=clip,
        compress=compress,
        floor=floor,
        standardise=standardise,
    )
    usual = kind.preprocessing or architecture(arch).preprocessing
    recipe: dict[str, Any] = {
        "architecture": arch,
        "epochs": epochs,
        "batch": batch,
        "rate": rate,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "warmup": warmup,
        "augmentation": augmentation or kind.augmentation,
    }
    request = TrainingRequest.model_validate(
        {
            "family": family or arch,
            "recipe": recipe,
            "heads": [part.strip() for part in head.split(",") if part.strip()],
            "seeds": _seeds(seeds),
            "checkpoints": checkpoints,
            "sets": [*_sets_of(data), *map(parse.set_request, sets or [])],
            "preprocessing": usual.changed(**changes),
            "classes": parse.class_names(classes),
            "corruptions": parse.names(corruptions),
            "severities": parse.severities(severities),
        }
    )
    with stoppable(), bar() as progress:
        runs = train_all(Workspace(workspace), request, progress=progress)
    rows = [
        (run.name, *(str(run.manifest.attributes[key]) for key in ("head", "seed", "epoch")))
        for run in runs
        if run.manifest.attributes["epoch"] == epochs
    ]
    show(f"Trained in {workspace}", ("run", "head", "seed", "epoch"), rows)
    say(f"{len(runs)} checkpoints are runs now; see them with latentviz app -w {workspace}.")


@app.command()
def heads(
    workspace: WorkspaceOption,
    family: Annotated[str, typer.Option(help="Family of the trainings.")],
    scorers: Annotated[
        str, typer.Option("--scorer", "-s", help="With commas; parameters as ddu:space=unit.")
    ] = "feature-norm,ddu,energy,msp,knn",
    epoch: Annotated[
        int | None, typer.Option(help="Of the checkpoints; by default the last that both heads have.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also a file: .csv, .md or .tex.")] = None,
) -> None:
    """L2 head against plain: accuracy, AUROC of every scorer, seed by seed, and neural collapse at the end."""
    from latentviz.evaluation import heads as evaluation
    from latentviz.evaluation.asked import Asked
    from latentviz.evaluation.checkpoints import Family, family_of
    from latentviz.evaluation.split import Split
    from latentviz.figures.scores import scorer_title
    from latentviz.progress import bar
    from latentviz.workspace import Workspace
    from latentviz.workspace.exporting import check_target, replacing_file

    if output is not None:
        check_target(output, _ENDINGS)
    opened = list(Workspace(workspace, create=False))
    first = next((run for run in opened if family_of(run) == family), None)
    if first is None:
        known = ", ".join(sorted({name for run in opened if (name := family_of(run))})) or "none"
        raise DataError(f'{workspace} has no checkpoints of a family "{family}"; it has {known}.')
    found = Family.of(first, opened)
    if not found.shared_epochs:
        raise DataError(f'"{family}" has no two networks of one seed and epoch, with and without an L2 head.')
    epoch = found.shared_epochs[-1] if epoch is None else epoch
    if epoch not in found.shared_epochs:
        raise DataError(f"No epoch {epoch} of both heads is there; choose {', '.join(map(str, found.shared_epochs))}.")
    runs, split = found.at(epoch), Split.of(first)
    others = [s.name for s in first.uncorrupted.values() if s.role in ("ood", "shifted") and len(s)]
    asked = [Asked.read(text.strip()) for text in scorers.split(",") if text.strip()]
    with stoppable(), bar() as progress:
        values = evaluation.by_seed(runs, asked, split.ind, others, progress=progress)
        metrics = evaluation.collapse_by_head(runs, progress)
    table = evaluation.compared(values)
    titles = {a.label: f"AUROC, {scorer_title(a.label)}" for a in asked}
    text = evaluation.text_table(table, {evaluation.ACCURACY: "Accuracy", **titles})
    show(f"{family}, epoch {epoch}", text.headings, text.rows)
    collapse = evaluation.collapse_table(metrics)
    show("Neural collapse of the training data: mean (least – largest) over seeds", collapse.headings, collapse.rows)
    for sentence in [*found.sentences, evaluation.conclusion(table)]:
        say(sentence)
    if output is not None:
        with replacing_file(output) as partial:
            if output.suffix == ".csv":
                table.to_csv(partial, index=False)
            else:
                partial.write_bytes(
                    text.file(output.suffix, evaluation.about(values))
                    + b"\n"
                    + collapse.file(output.suffix, "Neural collapse")
                )


def _sets_of(data: Path | None) -> list[dict[str, str]]:
    """The sets that a folder holds by convention."""
    if data is None:
        return []
    root = data.expanduser().absolute()
    if not (root / "train").is_dir():
        raise DataError(f"{root} has no folder train; name the sets yourself: --set train=DIR:fit --set test=DIR:ind.")
    found = [{"name": "train", "role": "fit", "source": str(root / "train")}]
    held_out = next((name for name in _HELD_OUT if (root / name).is_dir()), None)
    return found + ([{"name": held_out, "role": "ind", "source": str(root / held_out)}] if held_out else [])


def _seeds(text: str) -> list[int]:
    """``5`` is 0 to 4; ``5,`` and ``0,7`` are these."""
    try:
        given = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise DataError(f'--seeds "{text}" is neither a number nor a list such as 0,1,2.') from None
    return given if "," in text else list(range(given[0] if given else 0))
