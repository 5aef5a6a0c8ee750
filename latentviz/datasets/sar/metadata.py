"""What is known of radar chips beside their class: angles, serial number, and what a table says of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from latentviz.datasets.sar import matfile, names, phoenix
from latentviz.errors import DataError, UnreadableImageError

#: Tables beside images: in the folder itself, or beside it where it is one side of pairs.
TABLES = ("metadata.csv", "../metadata.csv", "../pairs.csv")

#: Column that says that pairs were matched by how alike their images are.
SIMILARITY = "similarity"

#: Columns that say which image a row is about.
_KEYS = ("id", "file", "filename", "name", "pair_id", "image")

#: Other spellings of the columns that pages look for.
_SPELLINGS = {
    "az": "azimuth",
    "sim_az": "azimuth",
    "target_az": "azimuth",
    "elev": "elevation",
    "sim_elev": "elevation",
    "depression": "elevation",
    "ncc": SIMILARITY,
    "ssim": SIMILARITY,
}

#: Columns that a table of samples has already.
_TAKEN = {"class", "class_name", "label", "set", "role", "prediction", "correct", "confidence", "feature_norm", "row"}

#: Columns that are numbers whatever is written in them, and one that never is.
_ANGLES, _TEXT = ("azimuth", "elevation"), "serial"


def metadata_of(root: Path, ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Metadata of the images of a folder.

    From SAMPLE's file names, the headers of MSTAR chips, the variables of .mat files, and a table: ``metadata.csv`` in
    the folder or beside it, or ``pairs.csv`` beside it, with a row an image in a column ``id``, ``file``, ``name`` or
    ``pair_id`` (path, file name, or that without its ending); columns are separated by commas, semicolons or tabs. A
    table that names none of the images is of something else.

    Parameters
    ----------
    root : Path
    ids : sequence of N str
        Paths below it.

    Returns
    -------
    dict of ndarray of shape (N,)
        ``elevation`` and ``azimuth`` in degrees, ``serial``, ``similarity`` of pairs that were matched by it, and a
        table's other columns, where they are known: numbers (NaN) or text ("").

    Raises
    ------
    DataError
        If a table cannot be read, or says two things of one image.
    """
    found = dict(names.metadata(ids))
    found.pop("domain", None)  # the set's, which its user knows: one side of pairs may carry the other's names
    _fill(found, [_of_file(root / name) for name in ids])
    for place in TABLES:
        path = Path(root, place)
        if path.is_file() and any(rows := _of_table(path.resolve(), ids)):
            _fill(found, rows)
            break
    return found


def _of_file(path: Path) -> dict[str, str]:
    """What a file says of itself; nothing of images, and nothing of a damaged one, which is told when it is read."""
    ending = path.suffix.lower()
    try:
        if ending == ".mat":
            return {key: str(value) for key, value in matfile.read_metadata(path).items() if value is not None}
        if ending[1:].isdigit():
            header = phoenix.read_header(path)
            known = {"elevation": header.depression, "azimuth": header.azimuth, "serial": header.serial}
            return {key: str(value) for key, value in known.items() if value not in (None, "")}
    except UnreadableImageError:
        pass
    return {}


def _of_table(path: Path, ids: Sequence[str]) -> list[dict[str, str]]:
    """What a table says of every image; all empty if it is of something else."""
    header, rows = _read(path)
    wanted = {name for one in ids for name in _names(one)}
    named = {
        k: sum(row[header.index(k)].strip() in wanted for row in rows if len(row) == len(header))
        for k in _KEYS
        if k in header
    }
    key = max(named, key=named.__getitem__, default="")
    if not named.get(key):
        return [{} for _ in ids]
    columns = {n: _called(name, header) for n, name in enumerate(header) if name not in {*_TAKEN, *_KEYS, ""}}
    table: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        cells = [cell.strip() for cell in row]
        if len(cells) > header.index(key) and (name := cells[header.index(key)]):
            said = {column: cells[n] for n, column in columns.items() if n < len(cells) and cells[n]}
            table.setdefault(name, []).append(said)
    nothing: list[dict[str, str]] = [{}]
    found = [next((table[name] for name in _names(one) if name in table), nothing) for one in ids]
    for one, told in zip(ids, found, strict=True):
        if len(told) > 1:
            raise DataError(f'{path} has {len(told)} rows of "{one}"; keep one.')
    return [told[0] for told in found]


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Columns in lower case, and the rows."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a table (CSV, UTF-8): {error}.") from None
    lines = text.splitlines()
    separator = max(",;\t", key=lines[0].count) if lines else ","
    rows = list(csv.reader(lines, delimiter=separator))
    return ([name.strip().lower() for name in rows[0]], rows[1:]) if rows else ([], [])


def _called(name: str, header: Sequence[str]) -> str:
    """What a column is called here; another spelling stays as it is where the usual one is there, too."""
    usual = _SPELLINGS.get(name, name)
    earlier = header[: header.index(name)]
    is_taken = usual in header or any(_SPELLINGS.get(other) == usual for other in earlier)
    return name if is_taken else usual


def _names(id_: str) -> tuple[str, ...]:
    path = PurePosixPath(id_)
    return id_, path.name, str(path.with_suffix("")) if path.suffix else id_, path.stem


def _fill(found: dict[str, np.ndarray], rows: list[dict[str, str]]) -> None:
    """Add what the rows say; what is known already stays."""
    for column in dict.fromkeys(key for row in rows for key in row):
        new = _values(column, [row.get(column, "") for row in rows])
        there = found.get(column)
        if there is None:
            found[column] = new
        elif there.dtype == new.dtype:
            unknown = np.isnan(there) if there.dtype.kind == "f" else there == ""
            found[column] = np.where(unknown, new, there)


def _values(column: str, texts: list[str]) -> np.ndarray:
    """Numbers if all are, else text; an angle that is none is unknown."""
    numbers = [_number(text) for text in texts]
    if column in _ANGLES:
        angles = np.array([n if math.isfinite(n) else np.nan for n in numbers])
        return angles % 360 if column == "azimuth" else angles
    if column == _TEXT or any(text and not math.isfinite(n) for text, n in zip(texts, numbers, strict=True)):
        return np.array(texts, dtype=object)
    return np.array(numbers)


def _number(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
