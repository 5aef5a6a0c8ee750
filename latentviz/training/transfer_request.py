"""A transfer experiment as data: what is trained on, and what the networks are tried on; imports no torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.latents import HeadKind
from latentviz.training.recipe import Recipe
from latentviz.workspace.files import check_name

#: Ends the name of the samples of a test whose classes the networks do not know.
OUT_OF_TASK = "-out-of-task"

#: Names of the sets that are trained on and held out.
FIT, HELD_OUT = "train", "held-out"


class TransferRequest(BaseModel):
    """Arguments of :func:`latentviz.training.transfer.run` that can be written down.

    Attributes
    ----------
    family : str
        What the networks have in common; the first part of their names.
    recipe : Recipe
        ``seeds`` replace its own.
    heads : list of {"linear", "l2"}
    seeds : list of int
        One network each.
    fit : list of str
        Sources of the domain that is trained on, see :func:`latentviz.datasets.open_source`.
    mixed : str, optional
        Source of another domain of which some is mixed in.
    share : float
        How much of the training data that is: K in the literature on simulated radar images.
    held_out : str or float
        Source of the in-distribution set, or which share of ``fit`` it is.
    tests : dict of str
        Sources by name. Samples of classes that are trained are a shifted set of that name; those of others an
        out-of-distribution set whose name ends in "-out-of-task", or of that name if all are.
    rename : dict of str
        Class folders that mean another of the classes.
    preprocessing : Preprocessing, optional
        By default the architecture's.
    seed : int
        Of what is held out and mixed in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    recipe: Recipe
    heads: list[HeadKind] = ["linear"]
    seeds: list[int] = [0, 1, 2]
    fit: list[str] = Field(min_length=1)
    mixed: str | None = None
    share: float = Field(default=0, ge=0, le=1)
    held_out: str | float = 0.1
    tests: dict[str, str] = {}
    rename: dict[str, str] = {}
    preprocessing: Preprocessing | None = None
    seed: int = 0

    @field_validator("family")
    @classmethod
    def _can_be_a_folder(cls, family: str) -> str:
        return check_name(family, "a family")

    @model_validator(mode="after")
    def _fits_together(self) -> TransferRequest:
        if self.share and self.mixed is None:
            raise ValueError("a share is mixed in, but of nothing; name the other domain (mixed)")
        for name in self.tests:
            check_name(name, "a set")
            if name in (FIT, HELD_OUT):
                raise ValueError(f'a test cannot be called "{name}"; choose another name')
        return self
