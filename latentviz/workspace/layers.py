"""States of other layers than the last, beside a set's features: two matrices a layer, never its maps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import zarr
from pydantic import BaseModel, ConfigDict

from latentviz.errors import WorkspaceError
from latentviz.workspace import manifest
from latentviz.workspace.files import check_name, damage_told, disk_errors
from latentviz.workspace.imageset import ImageSet

#: The two matrices: activations, and ``∂D_KL(u ‖ p)/∂z``, each summed over positions or tokens.
ARRAYS = ("sum", "gradient")

#: Rows of a chunk.
CHUNK = 1024

_FOLDER = "layers"


class LayerState(BaseModel):
    """How far a layer is written; the only file that says so, replaced in one step.

    Attributes
    ----------
    of : str
        Fingerprint of the set whose samples these are.
    rows : int
        Whole rows in both arrays.
    digests : list of str
        Fingerprint of every written chunk.
    """

    model_config = ConfigDict(extra="forbid")

    of: str
    rows: int = 0
    digests: list[str] = []


class StoredLayer:
    """States of one layer on one set, read from disk whenever they are asked for.

    Attributes
    ----------
    name : str
    state : LayerState
    """

    def __init__(self, folder: Path, image_set: ImageSet) -> None:
        self.folder, self.name, self._set = folder, folder.name, image_set
        self.state = manifest.read(folder / "state.json", LayerState)

    def __repr__(self) -> str:
        return f"StoredLayer({self.name!r}, width={self.width})"

    @property
    def complete(self) -> bool:
        """Whether there are states of every sample that the set has now."""
        return self.state.rows == len(self._set) and self.state.of == self._set.fingerprint

    @property
    def fingerprint(self) -> str:
        """Changes with the content."""
        return manifest.fingerprint(self.name, self.state.of, self.state.digests)

    @property
    def width(self) -> int:
        """Number of neurons K."""
        return self._array("sum").shape[1]

    def read(self, rows: slice | np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Sums of activations and of their gradients, each (n, K), float32.

        Raises
        ------
        WorkspaceError
            If something is missing on disk or damaged.
        """
        total, gradient = (self._read(name, slice(None) if rows is None else rows) for name in ARRAYS)
        return total, gradient

    def _array(self, name: str) -> zarr.Array:
        with damage_told(self.folder / name):
            return zarr.open_array(self.folder / name, mode="r")

    def _read(self, name: str, rows: slice | np.ndarray) -> np.ndarray:
        array, count = self._array(name), self.state.rows
        with damage_told(self.folder / name):
            if isinstance(rows, slice):
                values = np.asarray(array[slice(*rows.indices(count))])
            else:
                values = np.asarray(array.oindex[np.asarray(rows)])
            if np.isnan(values[:, :1]).any():
                raise ValueError("no chunk")
        return values


def stored_layers(image_set: ImageSet, unfinished: bool = False) -> dict[str, StoredLayer]:
    """Layers whose states are stored for every sample of a set, by name.

    Parameters
    ----------
    image_set : ImageSet
    unfinished : bool
        Also those that are stored for some samples only.
    """
    found = {}
    for path in sorted((image_set.folder / _FOLDER).glob("*/state.json")):
        layer = StoredLayer(path.parent, image_set)
        if unfinished or layer.complete:
            found[layer.name] = layer
    return found


class LayerWriter:
    """Appends a layer's rows; a process that ends at any moment loses at most the chunk under way.

    Parameters
    ----------
    image_set : ImageSet
        Complete.
    name : str
        Of the layer.
    """

    def __init__(self, image_set: ImageSet, name: str) -> None:
        self.folder = image_set.folder / _FOLDER / check_name(name, "a layer")
        self.name, self._set = name, image_set
        path, content = self.folder / "state.json", image_set.fingerprint
        known = manifest.read(path, LayerState) if path.exists() else None
        # Of another version of the set: begun anew.
        self.state = known if known is not None and known.of == content else LayerState(of=content)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.state.rows == len(self._set) and (self.folder / "state.json").exists()

    def append(self, total: np.ndarray, gradient: np.ndarray) -> None:
        """Write the next rows (n, K) of both matrices and count them.

        Raises
        ------
        WorkspaceError
            If values are not finite, or the disk is full.
        """
        start, stop = self.state.rows, self.state.rows + len(total)
        digest = hashlib.blake2b(digest_size=16)
        with disk_errors(f'Rows {start:,}–{stop:,} of the layer "{self.name}" of "{self._set.name}"'):
            for name, values in zip(ARRAYS, (total, gradient), strict=True):
                if not np.isfinite(values).all():
                    raise WorkspaceError(
                        f'States of the layer "{self.name}" on "{self._set.name}" are NaN or infinite (rows {start:,}–'
                        f"{stop:,}). Check the network and its preprocessing."
                    )
                digest.update(np.ascontiguousarray(values, dtype=np.float32).data)
                self._array(name, values.shape[1], start)[start:stop] = values
            state = LayerState(of=self.state.of, rows=stop, digests=[*self.state.digests, digest.hexdigest()])
            manifest.write(self.folder / "state.json", state)
        self.state = state

    def _array(self, name: str, width: int, start: int) -> zarr.Array:
        if start:
            return zarr.open_array(self.folder / name, mode="r+")
        self.folder.mkdir(parents=True, exist_ok=True)
        return zarr.create_array(
            self.folder / name,
            shape=(len(self._set), width),
            dtype=np.float32,
            chunks=(CHUNK, width),
            compressors=None,
            fill_value=np.nan,
            overwrite=True,
        )
