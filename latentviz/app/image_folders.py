"""Pickers: image folders, each with a name and a role."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from latentviz.app import roots
from latentviz.workspace import Role
from latentviz.workspace.arrays import USUAL_ROLES
from latentviz.workspace.manifest import ROLES


def chosen() -> list[tuple[str, str, Role]]:
    """Folder, name and role of every set; none as long as nothing is chosen."""
    folders = roots.image_folders()
    if not folders:
        st.info("No folder with images (class/image) lies in the allowed folders.")
        return []
    picked = st.multiselect(
        "Image folders",
        folders,
        format_func=roots.labels(folders),
        key="folders",
        placeholder="Folders with one subfolder a class",
    )
    return _edited(picked) if picked else []


def _edited(folders: list[str]) -> list[tuple[str, str, Role]]:
    """Folder, name and role of every set, to be edited."""
    # The editor keeps its changes by row, and forgets them when rows come or go; a folder keeps its name and role.
    given = st.session_state.setdefault("names-and-roles", {})
    key = f"sets-{hash(tuple(folders))}"
    first = st.session_state.get("sets-at-first")
    if key not in st.session_state or first["folder"].tolist() != folders:
        rows = [(folder, *given.get(folder, _usual(folder))) for folder in folders]
        first = pd.DataFrame(rows, columns=["folder", "name", "role"], dtype=str)
        st.session_state["sets-at-first"] = first
    table = st.data_editor(
        first,
        key=key,
        hide_index=True,
        disabled=["folder"],
        alt="The chosen image sets",
        column_config={
            "folder": "Folder",
            "name": st.column_config.TextColumn("Name", required=True, max_chars=100),
            "role": st.column_config.SelectboxColumn(
                "Role", options=list(ROLES), required=True, help="; ".join(f"{r}: {what}" for r, what in ROLES.items())
            ),
        },
    )
    given.update({folder: (name, role) for folder, name, role in table.to_numpy()})
    return [(folder, *given[folder]) for folder in folders]


def _usual(folder: str) -> tuple[str, str]:
    """Name and role of a folder that nobody has changed."""
    name = Path(folder).name
    return name, _usual_role(name)


def _usual_role(name: str) -> str:
    words = name.lower().replace("-", "_").split("_")
    return next((USUAL_ROLES[word] for word in words if word in USUAL_ROLES), "ood")
