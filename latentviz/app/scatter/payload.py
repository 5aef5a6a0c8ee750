"""What the map's browser side is sent: arrays as they are in memory, each under a hash of its content.

A payload begins with a table, so that the browser uploads only what it does not have:

======  ======  =====================================================
offset  type    meaning
======  ======  =====================================================
0       4 char  ``LVMP``
4       u16     version, 1
6       u16     number of sections S
8       S × 32  the table
…       bytes   the sections, each from a multiple of 8 bytes on
======  ======  =====================================================

A row of the table:

======  ======  =====================================================
offset  type    meaning
======  ======  =====================================================
0       8 char  name, filled up with zeros
8       u64     hash of type, shape and content
16      u32     rows
20      u16     columns
22      u16     type: 0 float32, 1 uint16, 2 uint8
24      u32     where it begins, from the beginning of the payload
28      u32     bytes
======  ======  =====================================================

All numbers are little-endian. ``static/payload.js`` reads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

MAGIC, VERSION = b"LVMP", 1

TYPES = (np.dtype("<f4"), np.dtype("<u2"), np.dtype("u1"))

_HEAD = np.dtype([("magic", "S4"), ("version", "<u2"), ("sections", "<u2")])
_ROW = np.dtype(
    [
        ("name", "S8"),
        ("hash", "<u8"),
        ("rows", "<u4"),
        ("columns", "<u2"),
        ("type", "<u2"),
        ("start", "<u4"),
        ("bytes", "<u4"),
    ]
)


def encode(sections: Mapping[str, np.ndarray], hashes: Mapping[str, str] | None = None) -> bytes:
    """Put arrays into one payload.

    Parameters
    ----------
    sections : dict of ndarray of shape (N,) or (N, C); float32, uint16 or uint8
        Names have at most 8 ASCII characters.
    hashes : dict of str, optional
        :func:`hash_of` of sections for which it is known.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If a name, a type or a shape cannot be told.

    Examples
    --------
    >>> len(encode({"xy": np.zeros((3, 2), dtype=np.float32)}))
    64
    """
    rows, parts, end = [], [], _HEAD.itemsize + len(sections) * _ROW.itemsize
    for name, values in sections.items():
        content = np.ascontiguousarray(values)
        if content.dtype not in TYPES or content.ndim not in (1, 2) or not (name.isascii() and 0 < len(name) <= 8):
            raise ValueError(f'"{name}": {content.dtype} of shape {content.shape} cannot be put into a payload')
        columns, kind = 1 if content.ndim == 1 else content.shape[1], TYPES.index(content.dtype)
        known = (hashes or {}).get(name)
        number = _hash(content, columns, kind) if known is None else int(known, 16)
        rows.append((name, number, len(content), columns, kind, end, content.nbytes))
        parts += [content.data if content.size else b"", b"\0" * (-content.nbytes % 8)]
        end += content.nbytes + -content.nbytes % 8
        if end >= 2**32:
            raise ValueError(f'"{name}": a payload holds less than 4 GB')
    head = np.array([(MAGIC, VERSION, len(sections))], dtype=_HEAD)
    return b"".join([head.tobytes(), np.array(rows, dtype=_ROW).tobytes(), *parts])


def decode(payload: bytes) -> dict[str, np.ndarray]:
    """The arrays of a payload, without copies; those of one column have shape (N,).

    Raises
    ------
    ValueError
        If this is no payload.
    """
    if len(payload) < _HEAD.itemsize or payload[:4] != MAGIC:
        raise ValueError("these bytes are no payload")
    head = np.frombuffer(payload, _HEAD, count=1)[0]
    if head["version"] != VERSION:
        raise ValueError(f"a payload of version {head['version']}; expected {VERSION}")
    table = np.frombuffer(payload, _ROW, count=int(head["sections"]), offset=_HEAD.itemsize)
    found = {}
    for row in table:
        kind, shape = TYPES[row["type"]], (int(row["rows"]), int(row["columns"]))
        values = np.frombuffer(payload, kind, count=shape[0] * shape[1], offset=int(row["start"]))
        found[row["name"].decode("ascii")] = values if shape[1] == 1 else values.reshape(shape)
    return found


def hash_of(values: np.ndarray) -> str:
    """Hash of an array's type, shape and content, as the table has it: 16 hexadecimal digits."""
    content = np.ascontiguousarray(values)
    columns = 1 if content.ndim == 1 else content.shape[1]
    return f"{_hash(content, columns, TYPES.index(content.dtype)):016x}"


def _hash(content: np.ndarray, columns: int, kind: int) -> int:
    state = hashlib.blake2b(digest_size=8, person=f"{len(content)},{columns},{kind}".encode()[:16])
    state.update(content.data if content.size else b"")
    return int.from_bytes(state.digest(), "little")
