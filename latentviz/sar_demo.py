"""The radar demo: synthetic chips in registered pairs, and a small network that has seen their simulated half."""

from __future__ import annotations

from pathlib import Path

from latentviz.datasets.sar.demo_set import PAIRED, ROLES, write_demo_set
from latentviz.extraction.request import SetRequest
from latentviz.jobs import Job, jobs, submit
from latentviz.progress import Progress, silent
from latentviz.training import Recipe, TrainingRequest
from latentviz.training.presets import preset
from latentviz.workspace import Run, Workspace

#: Folders of the images and the workspace inside the demo's folder.
IMAGES, WORKSPACE = "images", "workspace"

#: First part of the run's name.
FAMILY = "synthetic-radar"

#: Of the training: about a minute on two cores.
EPOCHS = 40


def prepare(target: Path, seed: int = 0, step: float = 1.0, epochs: int = EPOCHS, progress: Progress = silent) -> Run:
    """Write the images to ``target/images``, train, and extract to ``target/workspace``; what is there is kept.

    Parameters
    ----------
    target : Path
    seed : int
        Of chips and network.
    step : float
        Mean distance of two azimuths in degrees.
    epochs : int
    progress : Progress, optional

    Returns
    -------
    Run

    Raises
    ------
    DataError
        If the folder holds the chips of another seed or step.
    """
    return _prepared(Workspace(target / WORKSPACE), target / IMAGES, seed, step, epochs, progress)


def prepare_in_background(workspace: Workspace, images: Path, **more: str) -> Job | None:
    """The same as a job of another workspace, unless that was asked before.

    Parameters
    ----------
    workspace : Workspace
    images : Path
        Where the chips go.
    more : str
        Other parameters of :func:`latentviz.demo.run_radar`.
    """
    is_asked = any(job.record.kind == "sar-demo" for job in jobs(workspace.path))
    if is_asked or _request(images).run_names[0] in workspace:
        return None
    return submit(workspace.path, "sar-demo", "Synthetic radar demo", {"images": str(images.absolute()), **more})


def prepare_in(workspace: Workspace, images: Path, progress: Progress = silent) -> Run:
    """As :func:`prepare`, of another workspace."""
    return _prepared(workspace, images, progress=progress)


def _prepared(
    workspace: Workspace,
    images: Path,
    seed: int = 0,
    step: float = 1.0,
    epochs: int = EPOCHS,
    progress: Progress = silent,
) -> Run:
    # Torch takes seconds to import.
    from latentviz.datasets.pairing import by_name
    from latentviz.evaluation.asked import Asked
    from latentviz.evaluation.domain_statistics import statistics
    from latentviz.evaluation.domains import Domains
    from latentviz.evaluation.scores import compute
    from latentviz.training import train

    write_demo_set(images, step=step, seed=seed, progress=progress)
    run = train(workspace, _request(images, seed, epochs), progress=progress)[-1]
    # What the page shows first.
    one, other = PAIRED
    pairs = by_name(run[one].index, run[other].index).pairs
    statistics(Domains(run, one, other, pairs), progress=progress)
    compute(run, [Asked.of("knn")], progress=progress)
    return run


def _request(images: Path, seed: int = 0, epochs: int = EPOCHS) -> TrainingRequest:
    """What is trained, and on what the network is tried."""
    return TrainingRequest(
        family=FAMILY if epochs == EPOCHS else f"{FAMILY}-{epochs}",  # one training is of one length
        recipe=Recipe(
            architecture="cnn4",
            epochs=epochs,
            batch=64,
            schedule="cosine",
            warmup=min(1, epochs - 1),
            augmentation="crop",
        ),
        heads=["linear"],
        seeds=[seed],
        checkpoints=1,
        sets=[
            SetRequest.model_validate({"name": name, "role": role, "source": str((images / name).absolute())})
            for name, role in ROLES.items()
        ],
        preprocessing=preset("sar-rendered").preprocessing,
    )
