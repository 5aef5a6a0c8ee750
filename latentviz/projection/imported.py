"""Coordinates that were computed elsewhere, shown as a map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.projection.rows import Rows
from latentviz.projection.spec import LayoutSpec
from latentviz.workspace import Run

_KIND = "imported"
_AXES = ("x", "y", "z")

# Ids that an error lists.
_NAMED = 3


def import_coordinates(run: Run, name: str, source: Path | str | np.ndarray, sets: Sequence[str]) -> LayoutSpec:
    """Store coordinates of all samples of some sets.

    Parameters
    ----------
    run : Run
    name : str
        What the map is to be called. A name stands for one map: other coordinates need another.
    source : path or ndarray of shape (N, 2) or (N, 3)
        An array, or a ``.npy`` file, has the rows of the sets in order. A ``.csv`` or ``.parquet`` file has the
        columns ``id``, ``x``, ``y``, if the map is three-dimensional ``z``, and ``set`` unless every id occurs in one
        set only; other columns and samples of other sets are ignored.
    sets : sequence of str

    Returns
    -------
    LayoutSpec
        By which :func:`latentviz.projection.stored` finds the map. It also finds that of some of the sets, in any
        order, and the first two of three dimensions.

    Raises
    ------
    DataError
        If the file or a column cannot be read, samples are missing or there twice, or coordinates are not finite
        numbers; names the file, the column, how many and the first of them. Also if the name stands for another map.
    WorkspaceError
        If the run has no set of a name, or the disk is full.
    """
    rows = Rows.of(run, sets)
    if not name.strip():
        raise DataError("Imported coordinates need a name.")
    if isinstance(source, np.ndarray):
        coordinates = _of_array("The array", source, rows)
    elif Path(source).suffix.lower() == ".npy":
        coordinates = _of_array(Path(source).name, _read_npy(Path(source)), rows)
    else:
        coordinates = _of_table(Path(source).name, _read_table(Path(source)), rows)
    spec = LayoutSpec.model_validate(
        {"method": "imported", "name": name, "dimensions": coordinates.shape[1], "sets": tuple(rows.sets)}
    )
    key = run.derived.key(_KIND, {**spec.parameters, "sets": list(rows.sets)}, rows.inputs)
    for other, meta in run.derived.list(_KIND).items():
        both = ", ".join(sorted(set(rows.sets) & set(meta["sets"])))
        known = other == key and np.array_equal(run.derived.array(key, "coordinates"), coordinates)
        if meta["name"] == name and both and not known:
            raise DataError(f'"{name}" is the name of other coordinates of {both}; choose another.')
    sizes = [len(run[set_name]) for set_name in rows.sets]
    meta = {"name": name, "sets": list(rows.sets), "sizes": sizes, "inputs": rows.inputs}
    run.derived.save(key, {"coordinates": coordinates}, meta)
    return spec


def imported_names(run: Run, sets: Sequence[str] | None = None) -> list[str]:
    """Names of the imported maps, the newest first; only those that have all of some sets, if these are given."""
    wanted = set(sets or ())
    return list(
        dict.fromkeys(meta["name"] for meta in run.derived.list(_KIND).values() if wanted <= _present(run, meta))
    )


def find(rows: Rows, spec: LayoutSpec) -> np.ndarray | None:
    """Imported coordinates (N, dimensions), float32, or None if there are none of that name with all sets.

    Raises
    ------
    DataError
        If they have fewer dimensions.
    """
    run = rows.run
    for key, meta in run.derived.list(_KIND).items():
        if meta["name"] != spec.name or not set(rows.sets) <= _present(run, meta):
            continue
        parts = np.split(run.derived.array(key, "coordinates"), np.cumsum(meta["sizes"])[:-1])
        coordinates = np.concatenate([parts[meta["sets"].index(name)] for name in rows.sets])
        if coordinates.shape[1] < spec.dimensions:
            raise DataError(f'The coordinates "{spec.name}" are two-dimensional; choose 2 dimensions.')
        return coordinates[:, : spec.dimensions]
    return None


def imported_dimensions(run: Run, name: str, sets: Sequence[str]) -> Literal[2, 3]:
    """2 or 3: how many coordinates an imported map has; 2 if there is none of that name with all sets."""
    for key, meta in run.derived.list(_KIND).items():
        if meta["name"] == name and set(sets) <= _present(run, meta):
            return 3 if run.derived.array(key, "coordinates").shape[1] == 3 else 2
    return 2


def _present(run: Run, meta: dict) -> set[str]:
    """Sets of an import whose content is still what it was."""
    kept = zip(meta["sets"], meta["inputs"], strict=True)
    return {name for name, content in kept if name in run.sets and run[name].fingerprint == content}


def _read_npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path.name} cannot be read as an array: {error}.") from None


def _read_table(path: Path) -> pd.DataFrame:
    """The columns that matter; ids and sets as text, so that "007" stays what it is."""
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise DataError(f"{path.name} is not a .csv, .parquet or .npy file.")
    try:
        if kind == ".csv":  # a sample may be called "NA"
            table = pd.read_csv(path, dtype={"id": str, "set": str}, keep_default_na=False)
        else:
            table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read: {error}.") from None
    missing = [column for column in ("id", "x", "y") if column not in table]
    if missing:
        raise DataError(
            f"{path.name} has no column {', '.join(missing)}; it needs id, x, y, and may have set and z. "
            f"It has {', '.join(map(str, table.columns)) or 'none'}."
        )
    table = table[[column for column in ("id", "set", *_AXES) if column in table]].copy()
    for column in table.columns.intersection(["id", "set"]):
        table[column] = table[column].astype(str)
    return table


def _of_array(what: str, values: np.ndarray, rows: Rows) -> np.ndarray:
    if values.ndim != 2 or values.shape[1] not in (2, 3) or len(values) != len(rows):
        raise DataError(
            f"{what} has the shape {values.shape}; {', '.join(rows.sets)} with {len(rows):,} samples "
            f"need ({len(rows)}, 2) or ({len(rows)}, 3)."
        )
    if values.dtype.kind not in "fiu":
        raise DataError(f"{what} holds {values.dtype}, not numbers.")
    with np.errstate(over="ignore"):
        coordinates = values.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(coordinates).all(axis=1))
    if len(bad):
        raise DataError(f"{what} is not finite in {len(bad):,} of its rows; the first is row {bad[0]:,}.")
    return coordinates


def _of_table(what: str, table: pd.DataFrame, rows: Rows) -> np.ndarray:
    axes = [axis for axis in _AXES if axis in table]
    wanted = pd.concat(
        [pd.DataFrame({"set": name, "id": rows.run[name].index["id"].astype(str)}) for name in rows.sets],
        ignore_index=True,
    )
    by = ["set", "id"] if "set" in table else ["id"]
    if twice := _named(wanted["id"][wanted.duplicated(by)]):
        raise DataError(f'{what} needs a column "set": {twice} in more than one set.')
    table = table.merge(wanted[by], on=by)  # without samples of other sets
    if twice := _named(table["id"][table.duplicated(by)]):
        raise DataError(f'{what} has in column "id" {twice} more than once.')
    found = wanted.merge(table, on=by, how="left", indicator=True)
    if lost := _named(found["id"][found["_merge"] == "left_only"]):
        raise DataError(f'{what} lacks in column "id" {lost}.')
    for axis in axes:
        with np.errstate(over="ignore"):
            found[axis] = pd.to_numeric(found[axis], errors="coerce").astype(np.float32)
        if bad := _named(found["id"][~np.isfinite(found[axis])]):
            raise DataError(f'{what} has in column "{axis}" no finite number for {bad}.')
    return found[axes].to_numpy(np.float32)


def _named(ids: pd.Series) -> str:
    """How many samples, and the first of them; empty if there is none."""
    if ids.empty:
        return ""
    first = ", ".join(ids.head(_NAMED))
    more = ", …" if len(ids) > _NAMED else ""
    return f"{len(ids):,} {'sample' if len(ids) == 1 else 'samples'} ({first}{more})"
