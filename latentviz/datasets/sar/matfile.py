"""SAMPLE's chips as MATLAB files: a complex image ``complex_img`` with its pose beside it."""

from __future__ import annotations

import math
import warnings
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np

from latentviz.errors import UnreadableImageError

#: The variable of SAMPLE's files; they hold the image before its alignment, too.
IMAGE = "complex_img"

#: Larger arrays are no chips, and would fill the memory.
LARGEST_SIDE = 4096

_NUMBERS = ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")

#: What the variables may be called, in lower case without underscores; SAMPLE writes the first, and no serial number.
_SPELLINGS = {
    "azimuth": ("azimuth", "az", "azcenter", "azimuthdeg", "targetaz"),
    "elevation": ("elevation", "elev", "el", "elevdeg", "elevationdeg", "depression"),
    "serial": ("serial", "serialnumber", "sernum", "targetserial", "targetsernum"),
}

# MATLAB's numbers of data types (with their bytes a value) and of classes.
_MATRIX, _COMPRESSED, _TEXT = 14, 15, 4
_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
_CHECKED = (_TEXT, *range(6, 16))

#: Of an unpacked variable: two parts of the largest chip and its header.
_MOST_BYTES = 16 * LARGEST_SIDE**2 + 4096

#: A variable's name, shape and MATLAB class.
_Variable = tuple[str, tuple[int, ...], str]


def read_chip(path: Path, name: str) -> np.ndarray:
    """Magnitude of the complex image, or of the file's only matrix of numbers.

    Parameters
    ----------
    path : Path
    name : str
        Of the image in its set.

    Returns
    -------
    ndarray of shape (rows, columns), float32

    Raises
    ------
    UnreadableImageError
        If the file is missing, damaged or of MATLAB 7.3, no variable or several could be the image, or a value is not
        finite, or negative without being complex.
    """
    image = _image(path, name, _variables(path, name))
    values = _load(path, name, [image])[image]
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "iufc":
        raise UnreadableImageError(f"{path} is damaged: its variable {image!r} is not a matrix of numbers.", name)
    # Integers have no magnitude of their most negative value.
    values = values if values.dtype.kind in "fc" else values.astype(np.float64)
    if values.dtype.kind == "f" and (values < 0).any():
        raise UnreadableImageError(
            f"{path}: the variable {image!r} is real and has negative values (least: {np.nanmin(values):.4g}); a "
            "complex image or magnitudes are needed, not decibels.",
            name,
        )
    with np.errstate(over="ignore"):
        magnitude = np.abs(values).astype(np.float32)
    if not np.isfinite(magnitude).all():
        wrong = int((~np.isfinite(magnitude)).sum())
        raise UnreadableImageError(
            f"{path}: {wrong:,} of {magnitude.size:,} values of {image!r} are not finite.",
            name,
        )
    return magnitude


def read_metadata(path: Path, name: str = "") -> dict[str, float | str]:
    """Those of ``azimuth`` and ``elevation`` (degrees) and ``serial`` that the file knows.

    Parameters
    ----------
    path : Path
    name : str, optional
        Of the image in its set; by default the file's name.

    Raises
    ------
    UnreadableImageError
        If the file is missing, damaged or of MATLAB 7.3.
    """
    name = name or path.name
    wanted: dict[str, str] = {}
    for variable, shape, kind in _variables(path, name):
        spelled = variable.lower().replace("_", "")
        short = math.prod(shape) <= (64 if kind == "char" else 1 if kind in _NUMBERS else -1)
        what = next((key for key, spellings in _SPELLINGS.items() if short and spelled in spellings), None)
        if what is not None:
            wanted.setdefault(what, variable)
    if not wanted:
        return {}
    loaded = _load(path, name, list(wanted.values()))
    known: dict[str, float | str] = {}
    for what, variable in wanted.items():
        value = np.asarray(loaded.get(variable))
        if value.size != 1 or value.dtype.kind not in "iufU":
            continue
        if what == "serial":
            text = str(value.item()).strip() if value.dtype.kind == "U" else f"{value.item():g}"
            known |= {what: text} if text else {}
        elif (degrees := _degrees(value.item())) is not None:
            known[what] = degrees % 360 % 360 if what == "azimuth" else degrees  # twice: a tiny negative one gives 360
    return known


def _image(path: Path, name: str, variables: list[_Variable]) -> str:
    """The variable that holds the image."""
    matrices = [v for v in variables if v[2] in _NUMBERS and len(v[1]) == 2 and min(v[1]) > 1]
    named = [v for v in matrices if v[0] == IMAGE]
    if any(v[0] == IMAGE for v in variables) and not named:
        raise UnreadableImageError(f"{path}: its variable {IMAGE!r} is not a matrix of numbers.", name)
    candidates = named or matrices
    if len(candidates) != 1:
        listed = ", ".join(f"{v} ({' × '.join(map(str, shape))} {kind})" for v, shape, kind in variables[:12])
        what = "no matrix of numbers" if not candidates else f"{len(candidates)} matrices that could be the image"
        raise UnreadableImageError(
            f"{path} has no variable {IMAGE!r}, and {what}. It has {listed or 'no variables'}. Name the "
            f"image {IMAGE!r}.",
            name,
        )
    variable, shape, _ = candidates[0]
    if max(shape) > LARGEST_SIDE:
        raise UnreadableImageError(
            f"{path}: its variable {variable!r} has {shape[0]:,} × {shape[1]:,} values; chips have at most "
            f"{LARGEST_SIDE:,} a side. Cut chips out of it first.",
            name,
        )
    return variable


def _variables(path: Path, name: str) -> list[_Variable]:
    """Of the file, without their content."""
    try:
        with path.open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise UnreadableImageError(f"{path} cannot be read: {error.strerror or error}.", name) from None
    if start.startswith(b"MATLAB 7.3") or b"\x89HDF\r\n\x1a\n" in (start[:8], start[512:520]):
        raise UnreadableImageError(
            f"{path} is a file of MATLAB 7.3 (HDF5), which is not read. Load it in MATLAB and save with -v7.", name
        )
    from scipy.io import whosmat

    try:
        if start[126:128] in (b"IM", b"MI"):  # other files are of MATLAB 4, whose reader is Python throughout
            _check(path.read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of number formats of the past, which then fail anyway
            found = whosmat(path, appendmat=False)
    except Exception as error:  # scipy, struct and zlib each raise types of their own
        raise UnreadableImageError(_damaged(path, error), name) from None
    return [(str(v), tuple(int(n) for n in shape), str(kind)) for v, shape, kind in found]


def _check(content: bytes) -> None:
    """Refuse what is not laid out as MATLAB 5 to 7 do it: scipy's reader ends the whole process on some damage."""
    order: Literal["little", "big"] = "little" if content[126:128] == b"IM" else "big"
    place = 128
    while place < len(content):
        kind, data, place = _element(content, place, order)
        if kind == _COMPRESSED:
            unpacked = zlib.decompressobj().decompress(data, _MOST_BYTES)
            kind, data, _ = _element(unpacked, 0, order)
        if kind != _MATRIX:
            raise ValueError(f"a variable begins with {kind}")
        _check_matrix(data, order)


def _check_matrix(content: bytes, order: Literal["little", "big"]) -> None:
    parts, place = [], 0
    while place < len(content):
        kind, data, place = _element(content, place, order)
        parts.append((kind, data))
        matlab_class = int.from_bytes(parts[0][1][:4], order) & 0xFF
        if len(parts) == 3 and matlab_class not in _CHECKED:
            return  # cells, structures and the like, of which nothing is loaded
    if [kind for kind, _ in parts[:3]] != [6, 5, 1] or len(parts[0][1]) != 8:
        raise ValueError("a variable has no flags, shape or name")
    sizes = np.frombuffer(parts[1][1], dtype="<i4" if order == "little" else ">i4")
    if len(sizes) < 2 or (sizes < 0).any():
        raise ValueError("a variable has no shape")
    is_complex = bool(int.from_bytes(parts[0][1][:4], order) & 0x800)
    if len(parts) != 4 + is_complex or any(kind not in _BYTES for kind, _ in parts[3:]):
        raise ValueError("a variable's values are missing or of no known type")
    text = matlab_class == _TEXT  # whose characters may have several bytes
    if not text and any(len(data) != math.prod(sizes.tolist()) * _BYTES[kind] for kind, data in parts[3:]):
        raise ValueError("a variable has more or fewer values than its shape")


def _element(content: bytes, place: int, order: Literal["little", "big"]) -> tuple[int, bytes, int]:
    """Type and bytes of a data element, and where the next begins."""
    kind, size = (int.from_bytes(content[place + n : place + n + 4], order) for n in (0, 4))
    start = place + 8
    if kind >> 16:  # up to four bytes stand in the tag itself
        kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
        following = place + 8
    else:
        following = start + size + (-size % 8 if kind != _COMPRESSED else 0)
    if len(content) < place + 8 or start + size > len(content) or (start == place + 4 and size > 4):
        raise ValueError("it breaks off")
    return kind, content[start : start + size], following


def _load(path: Path, name: str, variables: list[str]) -> dict[str, Any]:
    """Some variables; nothing else of the file is decoded."""
    from scipy.io import loadmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a variable that is there twice the last counts
            loaded = loadmat(path, appendmat=False, variable_names=variables, verify_compressed_data_integrity=True)
    except Exception as error:  # as above
        raise UnreadableImageError(_damaged(path, error), name) from None
    if missing := [variable for variable in variables if variable not in loaded]:
        raise UnreadableImageError(f"{path} is damaged: its variable {missing[0]!r} breaks off.", name)
    return loaded


def _damaged(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return f"{path} is empty (0 bytes)."
    return f"{path} is not a MATLAB file, or a damaged one ({str(error).splitlines()[0] if str(error) else error!r})."


def _degrees(value: float | str) -> float | None:
    try:
        degrees = float(value)
    except ValueError:
        return None
    return degrees if math.isfinite(degrees) else None
