"""A series of trainings as data: what the command line and the app send to a job; imports no torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.extraction.request import SetRequest, named_apart
from latentviz.latents import HeadKind
from latentviz.training.recipe import Recipe, kept_epochs
from latentviz.workspace.files import check_name


class TrainingRequest(BaseModel):
    """Arguments of :func:`latentviz.training.train` that can be written down.

    Attributes
    ----------
    family : str
        What the runs have in common; the first part of their names.
    recipe : Recipe
        Of the first head and seed; ``heads`` and ``seeds`` replace its own.
    heads : list of {"linear", "l2"}
    seeds : list of int
    checkpoints : int
        How many are kept of each training.
    sets : list of SetRequest
        The one of role ``fit`` is trained on; features are extracted of all.
    preprocessing : Preprocessing, optional
        By default the architecture's.
    classes : list of str, optional
        By default the class folders of the ``fit`` set in alphabetical order.
    corruptions : list of str
        Corrupted versions of the held-out set that are made for the last checkpoint of every training; see
        :func:`latentviz.corrupt`.
    severities : list of int
        Of these.
    attributes : dict
        What else groups the runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    recipe: Recipe
    heads: list[HeadKind] = ["linear", "l2"]
    seeds: list[int] = [0]
    checkpoints: int = Field(default=15, ge=1)
    sets: list[SetRequest]
    preprocessing: Preprocessing | None = None
    classes: list[str] | None = None
    corruptions: list[str] = []
    severities: list[int] = [1, 3, 5]
    attributes: dict[str, str | int | float] = {}

    @field_validator("family")
    @classmethod
    def _can_be_a_folder(cls, family: str) -> str:
        return check_name(family, "a family")

    @model_validator(mode="after")
    def _can_be_trained(self) -> TrainingRequest:
        if not self.heads or not self.seeds:
            raise ValueError("choose at least one head and one seed")
        named_apart(self.sets)
        if sum(entry.role == "fit" for entry in self.sets) != 1:
            raise ValueError("give exactly one set of role fit, which is trained on")
        if self.corruptions and (not self.severities or not set(self.severities) <= {1, 2, 3, 4, 5}):
            raise ValueError("severities are whole numbers from 1 to 5, at least one of them")
        if self.corruptions and not any(entry.role == "ind" for entry in self.sets):
            raise ValueError("corrupted versions are made of a held-out set; give one of role ind")
        return self

    @property
    def kept(self) -> list[int]:
        """After which epochs a checkpoint is kept."""
        return kept_epochs(self.recipe.epochs, self.checkpoints)

    @property
    def recipes(self) -> list[Recipe]:
        """One a seed and head, seed by seed, so that a series that is stopped early has pairs."""
        return [
            self.recipe.model_copy(update={"head": head, "seed": seed})
            for seed in dict.fromkeys(self.seeds)
            for head in dict.fromkeys(self.heads)
        ]

    @property
    def run_names(self) -> list[str]:
        """Of all checkpoints."""
        return [self.run_name(recipe, epoch) for recipe in self.recipes for epoch in self.kept]

    def run_name(self, recipe: Recipe, epoch: int) -> str:
        """Name of the run of one checkpoint."""
        return f"{self.training_name(recipe)}-e{epoch:0{len(str(self.recipe.epochs))}d}"

    def training_name(self, recipe: Recipe) -> str:
        """Name of one training's folder."""
        return f"{self.family}-{recipe.head}-s{recipe.seed}"
