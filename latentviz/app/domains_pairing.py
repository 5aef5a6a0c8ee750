"""Which two sets of a run are most likely compared, and how the pairs of two sets are found."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import streamlit as st

from latentviz.app import show
from latentviz.datasets.pairing import Pairing, find
from latentviz.errors import DataError
from latentviz.workspace import ImageSet, Run

#: How pairs are found, in words.
_BY = {"name": "by name", "pose": "by class and pose", "table": "by a table", "none": "no pairs"}

#: What a set of simulated chips may be called.
_SIMULATED = re.compile(r"sim|synth", re.IGNORECASE)

#: And one of measured ones.
_MEASURED = re.compile(r"meas|real|pseudo", re.IGNORECASE)


def usual(run: Run, names: list[str]) -> tuple[str, str]:
    """The two sets that a user most likely wants to compare: with pairs, not trained on, simulated first."""
    return _usual_of(run, tuple(names), str(run.folder), run.fingerprint)


@st.cache_resource(max_entries=32, show_spinner=False)
def _usual_of(_run: Run, names: tuple[str, ...], folder: str, fingerprint: str) -> tuple[str, str]:
    simulated = [name for name in names if _SIMULATED.search(name)]
    ranked = []
    for one in simulated:
        for other in (name for name in names if name not in simulated):
            named, seen = bool(_MEASURED.search(other)), "fit" in (_run[one].role, _run[other].role)
            count = len(find(_run[one].index, _run[other].index).pairs)
            ranked.append(((named, count > 0, not seen, count), one, other))
    if ranked and any(max(ranked)[0][:2]):
        return max(ranked)[1:]
    ind = next((name for name in names if _run[name].role == "ind"), names[0])
    rest = [name for name in names if name != ind]
    shifted = [name for name in rest if _run[name].role == "shifted"]
    chips = next((name for name in shifted if name in simulated), None)
    return (chips, ind) if chips is not None else (ind, next(iter(shifted), rest[0]))


def pairing(one: ImageSet, other: ImageSet) -> Pairing | None:
    """Picker: how pairs are found; None if there are to be none, or the table of them is missing or of no use."""
    has_pose = all("azimuth" in s.index and "elevation" in s.index for s in (one, other))
    options = [kind for kind in _BY if kind != "pose" or has_pose]
    chips = has_pose or bool(_SIMULATED.search(one.name + other.name))
    kind = f"domains-pairs-{len(options)}-{chips}"
    chosen = st.session_state.get(kind, "name" if chips else "none")
    with st.popover(f"Pairs {_BY[chosen]}" if chosen != "none" else "No pairs", icon=":material/link:"):
        by = st.segmented_control(
            "Pairs", options, format_func=_BY.__getitem__, default="name" if chips else "none", required=True, key=kind,
            persist_state="session",
        )  # fmt: skip
        azimuth, elevation, serial, table = 1.0, 0.5, False, b""
        if by == "name":
            st.caption("One class and one file name, but for the words that name a domain (synth, real …).")
        elif by == "pose":
            azimuth = st.number_input(
                "Azimuth within (°)", 0.0, 180.0, 1.0, key="domains-azimuth", persist_state="session"
            )
            elevation = st.number_input(
                "Elevation within (°)", 0.0, 90.0, 0.5, key="domains-elevation", persist_state="session"
            )
            if all("serial" in s.index for s in (one, other)):
                serial = st.checkbox("Same serial number", key="domains-serial", persist_state="session")
        elif by == "table":
            file = st.file_uploader(
                "A row a pair, two columns of ids or file names (CSV)", ["csv"], key=f"domains-table-{one.folder}"
            )
            table = b"" if file is None else file.getvalue()
    if by == "table" and not table:
        st.caption("Upload a table of pairs.")
    if by == "none" or (by == "table" and not table):
        return None
    sets = (str(one.folder), one.fingerprint, str(other.folder), other.fingerprint)
    with show.sentences():
        return _found(one, other, by, azimuth, elevation, serial, table, sets)
    return None


@st.cache_resource(max_entries=32, show_spinner="Looking for pairs …")
def _found(
    _one: ImageSet,
    _other: ImageSet,
    by: str,
    azimuth: float,
    elevation: float,
    serial: bool,
    table: bytes,
    sets: tuple,
) -> Pairing:
    if by != "table":
        return find(_one.index, _other.index, by, azimuth, elevation, serial)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pairs.csv")
        path.write_bytes(table)
        try:
            return find(_one.index, _other.index, str(path))
        except DataError as error:
            raise DataError(str(error).replace(str(path), "The table")) from None
