"""A folder that holds runs and everything derived from them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd

from latentviz.errors import WorkspaceError
from latentviz.latents import Head
from latentviz.workspace import manifest
from latentviz.workspace.files import check_name, disk_errors, write_array, writing_lock
from latentviz.workspace.manifest import Manifest, Mark
from latentviz.workspace.run import Run

_MARK = "latentviz.json"


class Workspace:
    """A folder that holds runs and everything derived from them.

    ``workspace["name"]`` opens a run; iterating gives all that can be opened.

    Parameters
    ----------
    path : Path or str
        Made if it does not exist.
    create : bool
        If false, a folder that is not a workspace is an error.

    Raises
    ------
    WorkspaceError
        If the folder holds something else, or was written by a newer version.
    """

    def __init__(self, path: Path | str, *, create: bool = True) -> None:
        self.path = Path(path).expanduser().absolute()
        mark = self.path / _MARK
        if mark.exists():
            manifest.read(mark, Mark)
            return
        if self.path.is_file():
            raise WorkspaceError(f"{self.path} is a file; a workspace is a folder.")
        if not create:
            raise WorkspaceError(f"{self.path} is not a workspace. `latentviz extract --workspace …` makes one.")
        if self.path.exists() and any(self.path.iterdir()):
            raise WorkspaceError(f"{self.path} holds other files; choose an empty or new folder for a workspace.")
        with disk_errors(f"The workspace {self.path}"):
            self.path.mkdir(parents=True, exist_ok=True)
            manifest.write(mark, Mark())

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r}, runs={self.names()})"

    def names(self) -> list[str]:
        """Names of the runs, in alphabetical order."""
        found = (path.parent.name for path in (self.path / "runs").glob("*/manifest.json"))
        return sorted(name for name in found if not name.startswith("."))

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> Run:
        return Run(self.folder(name))

    def folder(self, name: str) -> Path:
        """Folder of a run, which may be damaged.

        Raises
        ------
        WorkspaceError
            If there is no run of that name; lists those there are.
        """
        if name not in self:
            listed = ", ".join(self.names()) or "none yet"
            raise WorkspaceError(f'{self.path} has no run "{name}"; it has: {listed}.')
        return self.path / "runs" / name

    def __iter__(self) -> Iterator[Run]:
        for name in self.names():
            with suppress(WorkspaceError):
                yield self[name]

    def __len__(self) -> int:
        return len(self.names())

    def create_run(self, description: Manifest, head: Head | None) -> Run:
        """Make an empty run; the manifest is written last, so that a run exists whole or not at all.

        Raises
        ------
        WorkspaceError
            If there is a run of that name.
        """
        check_name(description.name, "a run")
        folder = self.path / "runs" / description.name
        with disk_errors(f'Run "{description.name}"'):
            folder.mkdir(parents=True, exist_ok=True)
            with writing_lock(folder, f'Run "{description.name}"'):
                if description.name in self:
                    raise WorkspaceError(f'{self.path} already has a run "{description.name}"; choose another name.')
                for leftover in ("head", "sets", "derived"):  # of a creation that was interrupted
                    shutil.rmtree(folder / leftover, ignore_errors=True)
                if head is not None:
                    write_array(folder / "head" / "weight", head.weight)
                    write_array(folder / "head" / "bias", head.bias)
                manifest.write(folder / "manifest.json", description)
        return Run(folder)

    def delete(self, name: str) -> None:
        """Delete a run and everything derived from it; it may be damaged.

        Raises
        ------
        RunLockedError
            If a process is writing it.
        """
        folder = self.folder(name)
        # Under another name before the lock is given back: a new run of this name must not be deleted with it.
        with writing_lock(folder, f'Run "{name}"'), disk_errors(f'Run "{name}"'):
            folder.rename(folder.with_name(f".{name}.{uuid.uuid4().hex[:8]}.deleted"))
        for hidden in folder.parent.glob(".*.deleted"):  # this one, and those of deletions that were interrupted
            shutil.rmtree(hidden, ignore_errors=True)

    def table(self) -> pd.DataFrame:
        """One row a run.

        Returns
        -------
        DataFrame
            ``run``, ``model``, ``head``, ``classes``, ``width``, ``sets``, ``samples``, ``state``, ``created``.
        """
        rows = []
        for name in self.names():
            try:
                rows.append(_row(self[name]))
            except WorkspaceError:
                rows.append(_DAMAGED | {"run": name})
        columns = ["run", "model", "head", "classes", "width", "sets", "samples", "state", "created"]
        return pd.DataFrame(rows, columns=columns)


_DAMAGED: dict[str, str | int] = {
    "model": "",
    "head": "unknown",
    "classes": 0,
    "width": 0,
    "sets": 0,
    "samples": 0,
    "state": "damaged",
    "created": "",
}


def _row(run: Run) -> dict[str, str | int]:
    done, total = run.progress
    state = "complete" if run.complete else "being written" if run.busy else "unfinished"
    return {
        "run": run.name,
        "model": run.manifest.title,
        "head": run.manifest.head or "unknown",
        "classes": len(run.classes),
        "width": run.manifest.width,
        "sets": len(run.sets),
        "samples": done,
        "state": state if run.complete else f"{state}, {done / max(total, 1):.0%}",
        "created": run.manifest.created,
    }
