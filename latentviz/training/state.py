"""How far trainings are, as it stands on disk; imports no torch."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from latentviz.errors import WorkspaceError
from latentviz.training.recipe import Recipe
from latentviz.workspace.manifest import read

#: Files of a network that is being trained: its weights with the optimiser's momentum, and how far it is.
WEIGHTS, STATE = "state.safetensors", "state.json"

#: Folder of the workspace in which trainings keep their state and checkpoints.
FOLDER = "training"


class Epoch(BaseModel):
    """What an epoch of training came to.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    rate : float
    loss, accuracy : float
        Means over the training images, as they were seen.
    test_accuracy : float or None
        Of the held-out images, if there are any.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int
    rate: float
    loss: float
    accuracy: float
    test_accuracy: float | None = None


class State(BaseModel):
    """How far a network is.

    Attributes
    ----------
    recipe : Recipe
    classes : int
    images : str
        Fingerprint of the training images as the network gets them, and of their classes.
    history : list of Epoch
        Those that are done.
    """

    recipe: Recipe
    classes: int
    images: str = ""
    history: list[Epoch] = []


def state_of(folder: Path) -> State | None:
    """How far a training is; None if it has not begun.

    Raises
    ------
    WorkspaceError
        If the file is damaged.
    """
    path = folder / STATE
    return read(path, State) if path.exists() else None


def trainings(workspace: Path) -> dict[str, State]:
    """Every training of a workspace with at least one epoch, by name; those whose file is damaged are left out."""
    found = {}
    for path in sorted((workspace / FOLDER).glob(f"*/{STATE}")):
        with suppress(WorkspaceError):
            found[path.parent.name] = read(path, State)
    return found
