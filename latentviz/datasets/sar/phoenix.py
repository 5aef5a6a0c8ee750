"""Original MSTAR chips: a text header, called Phoenix header, then magnitudes and phases.

The layout is that of ``mstar2raw.c``, which the Sensor Data Management System (AFRL) hands out with the data: values
are 32-bit floats, most significant byte first, row by row; all magnitudes, then all phases. A *native* header behind
the Phoenix header is a mark of full scenes, whose values have 16 bits.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentviz.errors import UnreadableImageError

#: Chips of the public releases have 54 to about 200 pixels a side.
LARGEST_SIDE = 4096

#: Bytes within which a header must end; those of the public releases have less than 3,000.
LONGEST_HEADER = 65536

_BEGIN = b"[PhoenixHeaderVer"
_END = b"[EndofPhoenixHeader]"
_BYTES = 4  # of a magnitude, and of a phase


@dataclass(frozen=True)
class PhoenixHeader:
    """What a chip's header says.

    Attributes
    ----------
    rows, columns : int
        Range and azimuth pixels.
    depression : float or None
        Degrees; measured, else the desired one.
    azimuth : float or None
        Of the target, degrees in [0, 360).
    serial, target : str
        Serial number and type of the target; "" if unknown.
    start : int
        Byte at which the magnitudes begin.
    fields : dict of str
        Every line ``key= value``; of a repeated key the first.
    """

    rows: int
    columns: int
    depression: float | None
    azimuth: float | None
    serial: str
    target: str
    start: int
    fields: dict[str, str]


def is_phoenix(path: Path) -> bool:
    """Whether a file begins as a Phoenix header does; reads 64 bytes."""
    try:
        with path.open("rb") as file:
            return _begins(file.read(64))
    except OSError:
        return False


def read_header(path: Path, name: str = "") -> PhoenixHeader:
    """The header of a chip; its magnitudes are not read.

    Parameters
    ----------
    path : Path
    name : str, optional
        Of the image in its set; by default the file's name.

    Raises
    ------
    UnreadableImageError
        If there is no such header, it breaks off or says no plausible size, or the file is a full scene.
    """
    name = name or path.name
    content = _content(path, name, LONGEST_HEADER)
    if not _begins(content):
        raise UnreadableImageError(f"{path} is not an MSTAR chip: it does not begin with [PhoenixHeaderVer….", name)
    end = content.find(_END)
    if end < 0:
        raise UnreadableImageError(
            f"{path} is damaged: the Phoenix header does not end; [EndofPhoenixHeader] is not among its first "
            f"{len(content):,} bytes. Copy the file again.",
            name,
        )
    fields = _fields(content[:end].decode("latin-1"))
    rows, columns = (_side(path, name, fields, key) for key in ("NumberOfRows", "NumberOfColumns"))
    native = _whole(path, name, fields, "native_header_length", 0)
    if native > 0:
        raise UnreadableImageError(
            f"{path} is a full scene of {rows:,} × {columns:,} pixels (its native header has {native:,} bytes), not a "
            "chip. Cut chips out of it first.",
            name,
        )
    return PhoenixHeader(
        rows,
        columns,
        _angle(fields, "MeasuredDepression", "DesiredDepression"),
        _turned(_angle(fields, "TargetAz")),
        fields.get("TargetSerNum", ""),
        fields.get("TargetType", ""),
        _start(path, name, fields, content, end + len(_END)),
        fields,
    )


def read_chip(path: Path, name: str) -> np.ndarray:
    """Magnitudes of a chip, as they are calibrated.

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
        If the header cannot be read, the file is shorter or longer than it says, or a magnitude is impossible.
    """
    header = read_header(path, name)
    pixels = header.rows * header.columns
    found, expected = path.stat().st_size - header.start, 2 * _BYTES * pixels
    if found != expected:
        what = "shorter" if found < expected else "longer"
        also = " That is the size of 16-bit values, of a full scene or clutter." if 2 * found == expected else ""
        raise UnreadableImageError(
            f"{path} is {what} than its header says: {header.rows:,} × {header.columns:,} magnitudes and phases take "
            f"{expected:,} bytes, {found:,} follow the header.{also} Copy the file again.",
            name,
        )
    data = _content(path, name, pixels * _BYTES, header.start)
    values = np.frombuffer(data, dtype=">f4").astype(np.float32).reshape(header.rows, header.columns)
    wrong = int((~np.isfinite(values)).sum() + (values < 0).sum())
    if wrong:
        raise UnreadableImageError(
            f"{path} is damaged: {wrong:,} of {pixels:,} magnitudes are negative or not finite. Copy the file again.",
            name,
        )
    return values


def _begins(content: bytes) -> bool:
    return content.lstrip(b" \t\r\n").startswith(_BEGIN)  # the public chips begin with an empty line


def _content(path: Path, name: str, most: int, start: int = 0) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(most)
    except OSError as error:
        raise UnreadableImageError(f"{path} cannot be read: {error.strerror or error}.", name) from None


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            fields.setdefault(key.strip(), value.strip())
    return fields


def _whole(path: Path, name: str, fields: dict[str, str], key: str, default: int | None = None) -> int:
    text = fields.get(key)
    if text is None and default is not None:
        return default
    if text is None or len(text) > 20 or re.fullmatch(r"[+-]?[0-9]+", text) is None:
        found = "it is missing" if text is None else f"it is {text[:40]!r}"
        raise UnreadableImageError(f"{path}: {key} of its Phoenix header must be a whole number; {found}.", name)
    return int(text)


def _side(path: Path, name: str, fields: dict[str, str], key: str) -> int:
    side = _whole(path, name, fields, key)
    if not 0 < side <= LARGEST_SIDE:
        raise UnreadableImageError(
            f"{path}: {key} of its Phoenix header is {side:,}; chips have 1 to {LARGEST_SIDE:,}. Copy the file again.",
            name,
        )
    return side


def _start(path: Path, name: str, fields: dict[str, str], content: bytes, end: int) -> int:
    """The byte that the header names; without one, that behind the line of its end."""
    behind = next((end + len(turn) for turn in (b"\r\n", b"\n") if content.startswith(turn, end)), end)
    start = _whole(path, name, fields, "PhoenixHeaderLength", behind)
    if not end <= start <= LONGEST_HEADER:
        raise UnreadableImageError(
            f"{path} is damaged: its Phoenix header says that it has {start:,} bytes, and it ends after {end:,}. Copy "
            "the file again, as binary data.",
            name,
        )
    return start


def _angle(fields: dict[str, str], *keys: str) -> float | None:
    for key in keys:
        try:
            value = float(fields.get(key, ""))
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    return None


def _turned(azimuth: float | None) -> float | None:
    return None if azimuth is None else float(np.mod(azimuth, 360)) % 360  # twice: a tiny negative one gives 360
