"""The demo workspace: two small networks, with and without an L2 head, on real digits; and smaller ones in training."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latentviz import sar_demo
from latentviz.datasets import Preprocessing, folder
from latentviz.datasets.demo import KNOWN_DIGITS, ROLES, demo_sets, write_folders
from latentviz.errors import DataError
from latentviz.extraction.request import SetRequest
from latentviz.jobs import Job, jobs, submit
from latentviz.latents import HeadKind
from latentviz.launch import home
from latentviz.progress import Progress, silent
from latentviz.training import Recipe, TrainingRequest
from latentviz.workspace import Run, Workspace

#: What the demo networks were trained with (``scripts/train_demo_models.py``).
PREPROCESSING = Preprocessing(channels="grey", mean=(0.1307,), std=(0.3081,))

#: Sets whose features are kept of every checkpoint of the demo's trainings.
_SERIES_SETS = ("train", "test", "other-writers", "unseen-digits", "photographs")

_HEADS: tuple[HeadKind, ...] = ("linear", "l2")

#: What the trainings' last checkpoints are tried on, so that networks can be compared: of every family some.
_CORRUPTIONS = (
    "gaussian_noise",
    "impulse_noise",
    "defocus_blur",
    "motion_blur",
    "fog",
    "brightness",
    "contrast",
    "pixelate",
)


def prepare(target: Path, progress: Progress = silent) -> Workspace:
    """Write the demo's images to ``target/images`` and its runs to ``target/workspace``.

    What is there already is kept, so that the second call is quick.

    Raises
    ------
    DataError
        If the trained weights are missing from the installation.
    MissingDependencyError
        If the package with the digits is not installed.
    """
    images = target / "images"
    workspace = Workspace(target / "workspace")
    if all(name in workspace and workspace[name].complete for name in map(run_name, _HEADS)):
        return workspace
    progress("Writing the images", 0, 0, "")
    write_folders(demo_sets(), images)
    # Torch takes seconds to import; a prepared demo must not wait for it.
    from latentviz.extraction import extract
    from latentviz.models import ModelSpec

    sets = {name: folder(images / name, role) for name, role in ROLES.items()}
    for head in _HEADS:
        extract(
            ModelSpec(architecture="resnet20", checkpoint=weights(head), head=head),
            sets,
            workspace=workspace,
            name=run_name(head),
            preprocessing=PREPROCESSING,
            classes=[str(digit) for digit in KNOWN_DIGITS],
            attributes={"family": "digits", "head": head, "seed": 0},
            progress=lambda stage, done, total, unit="", head=head: progress(
                f"{run_name(head)}: {stage}", done, total, unit
            ),
        )
    return workspace


def in_background(workspace: Workspace, folder: Path) -> bool:
    """Have the rest of the demo made while the app is open already; whether anything was started.

    First the radar chips and their network, half a minute; only then what takes minutes, which would share its cores.

    Parameters
    ----------
    workspace : Workspace
        Of :func:`prepare`.
    folder : Path
        Of the demo.
    """
    digits = folder / "images"
    if sar_demo.prepare_in_background(workspace, folder / "radar", digits=str(digits.absolute())):
        return True
    if any(job.active for job in jobs(workspace.path) if job.record.kind == "sar-demo"):
        return False  # which starts the others
    return bool(corrupt_in_background(workspace)) | bool(train_in_background(workspace, digits))


def run_radar(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``sar-demo``: the radar chips in the folder ``images``; then, if ``digits`` names the folder of
    the digits, the jobs of the demo that take longer are started, however this one ended."""
    opened = Workspace(workspace)
    try:
        return sar_demo.prepare_in(opened, Path(parameters["images"]), progress).name
    finally:
        if "digits" in parameters:
            corrupt_in_background(opened)
            train_in_background(opened, Path(parameters["digits"]))


def corrupt_in_background(workspace: Workspace) -> list[Job]:
    """Have corrupted versions of the test sets made while the app is open already, unless that was done before.

    Parameters
    ----------
    workspace : Workspace
        Of :func:`prepare`.

    Returns
    -------
    list of Job
        Those that were started: none if the packages for it are not installed.
    """
    if find_spec("imagecorruptions") is None:
        return []
    asked = {job.record.parameters["run"] for job in jobs(workspace.path) if job.record.kind == "corrupt"}
    names = [name for name in map(run_name, _HEADS) if name not in asked and not _has_corrupted(workspace[name])]
    return [
        submit(workspace.path, "corrupt", f"Corrupt test of {name}", {"run": name, "set_name": "test"})
        for name in names
    ]


def train_in_background(workspace: Workspace, images: Path) -> Job | None:
    """Have small networks trained with both heads and two seeds while the app is open already, unless that was asked.

    Two minutes on two cores that do nothing else; their checkpoints become runs one after the other.

    Parameters
    ----------
    workspace : Workspace
        Of :func:`prepare`.
    images : Path
        Folder of the demo's images.

    Returns
    -------
    Job or None
    """
    wanted = series(images)
    if any(job.record.kind == "train" for job in jobs(workspace.path)) or all(n in workspace for n in wanted.run_names):
        return None
    return submit(workspace.path, "train", f"Train {wanted.family}", wanted.model_dump(mode="json"))


def series(images: Path) -> TrainingRequest:
    """The trainings of the demo, on images in a folder."""
    return TrainingRequest(
        family="digits-cnn3",
        recipe=Recipe(architecture="cnn3", epochs=30, batch=64, schedule="cosine", augmentation="crop"),
        seeds=[0, 1],
        checkpoints=8,
        sets=[
            SetRequest.model_validate({"name": name, "role": ROLES[name], "source": str((images / name).absolute())})
            for name in _SERIES_SETS
        ],
        preprocessing=PREPROCESSING,
        classes=[str(digit) for digit in KNOWN_DIGITS],
        corruptions=[] if find_spec("imagecorruptions") is None else list(_CORRUPTIONS),
    )


def _has_corrupted(run: Run) -> bool:
    return any(image_set.entry.corruption is not None for image_set in run)


def run_name(head: HeadKind) -> str:
    """Name of a demo run."""
    return {"linear": "digits", "l2": "digits-l2"}[head]


def weights(head: HeadKind) -> Path:
    """The trained weights that come with the project."""
    path = home() / "assets" / "models" / f"digits-resnet20-{head}.safetensors"
    if not path.exists():
        raise DataError(f"{path} is missing; install latentviz again, or run scripts/train_demo_models.py.")
    return path
