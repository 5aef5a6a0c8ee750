"""An extraction as data: what the command line and the app send to a job; imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, field_validator

from latentviz.datasets.opening import open_source
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.models.spec import ModelSpec
from latentviz.workspace import Role


class SetRequest(BaseModel):
    """One image set: its name, role, source (see :func:`latentviz.datasets.open_source`) and renamed classes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    source: str
    rename: dict[str, str] = {}


class Request(BaseModel):
    """Arguments of :func:`latentviz.extract` that can be written down; then layers whose states are stored as well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelSpec
    sets: list[SetRequest]
    name: str | None = None
    preprocessing: Preprocessing | None = None
    classes: list[str] | None = None
    skip_unreadable: bool = False
    download: bool = False
    batch: int | None = None
    attributes: dict[str, str | int | float] = {}
    layers: list[str] = []

    @field_validator("sets")
    @classmethod
    def _names_differ(cls, sets: list[SetRequest]) -> list[SetRequest]:
        return named_apart(sets)

    def sources(self) -> dict[str, ImageSource]:
        """The sets, opened and listed."""
        return sources_of(self.sets, download=self.download)


def sources_of(sets: Sequence[SetRequest], *, download: bool = False) -> dict[str, ImageSource]:
    """Sets by name, opened and listed."""
    return {e.name: open_source(e.source, e.role, e.rename, download=download) for e in sets}


def named_apart(sets: list[SetRequest]) -> list[SetRequest]:
    """The sets, if no two have one name; a ``ValueError`` for pydantic otherwise."""
    names = [entry.name for entry in sets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two sets are called {', '.join(twice)}; every set needs a name of its own")
    return sets


class CorruptionRequest(BaseModel):
    """Arguments of :func:`latentviz.corrupt` that can be written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    set_name: str
    corruptions: list[str] = ["common"]
    severities: list[int] = [1, 2, 3, 4, 5]
    seed: int = 0
    folder: str | None = None
    skip_unreadable: bool = False


class VersionsRequest(BaseModel):
    """The same corrupted versions of a set for several runs, asked for on the page of one of them (``run``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    runs: list[str]
    clean: str
    corruptions: list[str]
    severities: list[int]


class LayersRequest(BaseModel):
    """Arguments of :func:`latentviz.extraction.layer_states` that can be written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    layers: list[str]
    sets: list[str] | None = None
