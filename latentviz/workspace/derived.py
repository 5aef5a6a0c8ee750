"""Results computed once and shared by every session, the command line and notebooks."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentviz.workspace.files import disk_errors, read_array, read_json, write_array, write_json
from latentviz.workspace.manifest import fingerprint


class Derived:
    """Named arrays under a key made of content fingerprints and parameters.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, kind: str, parameters: Mapping[str, Any], inputs: list[str]) -> str:
        """Key of a result: equal parameters on equal content have equal keys.

        Parameters
        ----------
        kind : str
            What it is, e.g. ``"umap"``; a folder's name.
        parameters : dict
            JSON-like, with the seed.
        inputs : list of str
            Fingerprints of the content it is computed from.
        """
        return f"{kind}/{fingerprint(dict(parameters), inputs)}"

    def __contains__(self, key: str) -> bool:
        return (self.folder / key / "meta.json").exists()

    def meta(self, key: str) -> dict[str, Any]:
        """What was stored beside the arrays: the parameters and what describes the result."""
        return read_json(self.folder / key / "meta.json")

    def array(self, key: str, name: str) -> np.ndarray:
        """One array of a result."""
        return read_array(self.folder / key / name)

    def save(self, key: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Store a result in one step; one that is there already stays."""
        final = self.folder / key
        partial = final.with_name(f".{uuid.uuid4().hex[:8]}.partial")
        with disk_errors(f"The result {key}"):
            try:
                partial.mkdir(parents=True)
                for name, values in arrays.items():
                    write_array(partial / name, values)
                write_json(partial / "meta.json", dict(meta))
                try:
                    partial.rename(final)
                except OSError:  # another process was faster
                    if key not in self:
                        raise
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def list(self, kind: str) -> dict[str, dict[str, Any]]:
        """Key and meta of every stored result of a kind, the newest first."""
        found = sorted((self.folder / kind).glob("*/meta.json"), key=lambda p: p.stat().st_mtime, reverse=True)
        return {f"{kind}/{path.parent.name}": read_json(path) for path in found if path.parent.name[0] != "."}
