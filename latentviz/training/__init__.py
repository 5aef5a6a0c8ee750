"""Training networks with and without L2-normalised features; checkpoints on the way become runs."""

from typing import TYPE_CHECKING

from latentviz import lazy
from latentviz.training.recipe import Recipe, kept_epochs
from latentviz.training.request import TrainingRequest

if TYPE_CHECKING:
    from latentviz.training.series import train

__getattr__ = lazy.attributes(__name__, {"train": "series"})

__all__ = ["Recipe", "TrainingRequest", "kept_epochs", "train"]
