"""Tables for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from latentviz.errors import DataError, WorkspaceError
from latentviz.workspace.files import disk_errors, replacing
from latentviz.workspace.run import Run


def export_table(run: Run, path: Path, sets: Sequence[str] | None = None, features: bool = False) -> int:
    """Write :meth:`Run.table` as Parquet or CSV; returns the number of rows.

    Parameters
    ----------
    run : Run
    path : Path
        Ends in ``.parquet`` or ``.csv``.
    sets : sequence of str, optional
        All by default.
    features : bool
        Add the columns ``z0`` … of the penultimate features.

    Raises
    ------
    DataError
        If the ending is another one, the folder does not exist, or the run has no image set yet.
    """
    check_target(path, (".parquet", ".csv"))
    if not run.sets:
        raise DataError(no_sets(run))
    table = run.table(sets)
    if features:
        names = sets if sets is not None else list(run.sets)
        z = np.concatenate([run[name].features for name in names])
        columns = pd.DataFrame(z, columns=[f"z{i}" for i in range(z.shape[1])])
        table = pd.concat([table, columns], axis=1)
    write_table(table, path)
    return len(table)


def check_target(path: Path, endings: Sequence[str]) -> None:
    """Refuse a file that cannot be written, before anything long is computed for it.

    Raises
    ------
    DataError
        If its ending is another one, its folder does not exist, or it is a folder.
    """
    if path.suffix not in endings:
        raise DataError(f'"{path.name}" must end in {", ".join(endings[:-1])} or {endings[-1]}.')
    if not path.parent.is_dir():
        raise DataError(f"The folder {path.parent} does not exist; make it, or choose another.")
    if path.is_dir():
        raise DataError(f"{path} is a folder; choose the name of a file.")


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Path of a file to write, which takes the place of ``path`` once it is whole.

    Raises
    ------
    WorkspaceError
        If it cannot be written; says why.
    """
    try:
        with disk_errors(str(path)), replacing(path) as partial:
            yield partial
    except OSError as error:
        raise WorkspaceError(f"{path} could not be written: {error.strerror or error}.") from error


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet or CSV, whole or not at all.

    Raises
    ------
    DataError
        If the ending is another one, or there is no such folder.
    WorkspaceError
        If the file cannot be written.
    """
    check_target(path, (".parquet", ".csv"))
    with replacing_file(path) as partial:
        if path.suffix == ".csv":
            table.to_csv(partial, index=False)
        else:
            table.to_parquet(partial, index=False)


def no_sets(run: Run) -> str:
    """What there is to say about a run without image sets."""
    return f'Run "{run.name}" has no image sets yet; the command that made it adds them.'
