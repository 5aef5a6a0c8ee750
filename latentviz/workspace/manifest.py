"""What the store writes about itself, validated when it is read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from latentviz.errors import DataError, WorkspaceError
from latentviz.latents import HeadKind
from latentviz.workspace.files import read_json, write_json

#: Version of the on-disk format; raised when an older reader would misread a newer store.
FORMAT = 1

Role = Literal["fit", "ind", "shifted", "ood"]

#: Roles in the order in which tables and figures list them, with what they mean.
ROLES: dict[Role, str] = {
    "fit": "training data, which scorers are fitted on",
    "ind": "held-out in-distribution data",
    "shifted": "the same classes under shift (corrupted, measured, another source); labels are valid",
    "ood": "other classes; accuracy does not exist",
}


def check_role(role: str) -> Role:
    """The role, if there is one of that name.

    Raises
    ------
    DataError
        If there is none; lists those there are.
    """
    if role not in ROLES:
        raise DataError(f'"{role}" is not a role; choose {", ".join(ROLES)}.')
    return role


class Mark(BaseModel):
    """The file that makes a folder a workspace."""

    format: int = FORMAT


class CorruptionRecord(BaseModel):
    """How a set came of a clean one: its sample i is the clean sample of the same id, corrupted.

    Attributes
    ----------
    of : str
        The clean set, of the same run.
    name, family : str
        Of the corruption; see :func:`latentviz.datasets.corruptions.corruptions`. The family of one that is not known
        there is "".
    severity : int
        From 1 to 5.
    seed : int or None
        None where the images were corrupted elsewhere.
    content : str
        Then a fingerprint of some of them, to tell other files of the same name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: str
    name: str
    family: str = ""
    severity: int = Field(ge=1, le=5)
    seed: int | None = None
    content: str = ""

    @property
    def label(self) -> str:
        """Name, and where the noise is not the usual one, or the images come from elsewhere, also that."""
        made = {None: " (files)", 0: ""}.get(self.seed, f" (seed {self.seed})")
        return self.name + made


class SetEntry(BaseModel):
    """One image set of a run.

    Attributes
    ----------
    name : str
    role : {"fit", "ind", "shifted", "ood"}
    source : str
        Where the images came from, for people.
    listed : int
        Samples in the source; unreadable ones are among them.
    listing : str
        Fingerprint of the samples' ids and labels.
    reopen : str
        What :func:`latentviz.datasets.open_source` opens them with again; "" if it cannot.
    corruption : CorruptionRecord or None
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    role: Role
    source: str = ""
    listed: int = Field(ge=0)
    listing: str = ""
    reopen: str = ""
    corruption: CorruptionRecord | None = None


class Manifest(BaseModel):
    """What a run is.

    Attributes
    ----------
    format : int
    name, created : str
    model : dict
        Title, source and fingerprint of the network; ``{}`` for imported arrays.
    classes : list of str
        Names of the logits.
    width : int
        Number of features D.
    head : {"linear", "l2"} or None
    preprocessing : dict or None
    batch, chunk : int
        Images a forward pass, and rows written together.
    attributes : dict
        Family, seed, epoch …: what groups runs.
    versions : dict
        Versions of the libraries that made the run.
    sets : list of SetEntry
    """

    model_config = ConfigDict(extra="forbid")

    format: int = FORMAT
    name: str
    created: str
    model: dict[str, Any] = {}
    classes: list[str]
    width: int = Field(ge=1)
    head: HeadKind | None = None
    preprocessing: dict[str, Any] | None = None
    batch: int = Field(default=1024, ge=1)
    chunk: int = Field(default=1024, ge=1)
    attributes: dict[str, str | int | float] = {}
    versions: dict[str, str] = {}
    sets: list[SetEntry] = []

    @model_validator(mode="after")
    def _names_differ(self) -> Manifest:
        names = [entry.name for entry in self.sets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sets are called {', '.join(twice)}; every set needs a name of its own")
        return self

    @property
    def title(self) -> str:
        """The network in words."""
        return str(self.model.get("title") or "imported arrays")


class SetState(BaseModel):
    """How far a set is written; the only file that says so, replaced in one step.

    Attributes
    ----------
    rows : int
        Whole rows in the arrays.
    consumed : int
        Samples of the source that were worked on: rows and skipped ones.
    skipped : dict of int to str
        Position in the source and reason of every unreadable image.
    digests : list of str
        Fingerprint of every written chunk.
    complete : bool
    """

    model_config = ConfigDict(extra="forbid")

    rows: int = 0
    consumed: int = 0
    skipped: dict[int, str] = {}
    digests: list[str] = []
    complete: bool = False


Model = TypeVar("Model", bound=BaseModel)


def read(path: Path, model: type[Model]) -> Model:
    """Read and validate a JSON file of the store.

    Raises
    ------
    WorkspaceError
        If it is missing, damaged, or written by a newer version.
    """
    content = read_json(path)
    version = content.get("format", FORMAT) if isinstance(content, dict) else FORMAT
    if isinstance(version, int) and version > FORMAT:
        raise WorkspaceError(
            f"{path} was written by a newer latentviz (format {version}; this one reads up to {FORMAT}). "
            "Upgrade latentviz to open it."
        )
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "content"
        raise WorkspaceError(f"{path} is damaged at {field}: {first['msg']}.") from None


def write(path: Path, value: BaseModel) -> None:
    """Write a JSON file of the store in one step."""
    write_json(path, value.model_dump(mode="json"))


def fingerprint(*parts: Any) -> str:
    """Short stable name of JSON-like values: equal values, equal name, in every process."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
