"""One image set of a run: lazily read arrays, its index, and the writer that fills it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr

from latentviz.errors import DataError, WorkspaceError
from latentviz.latents import Head, Latents
from latentviz.workspace import manifest
from latentviz.workspace.files import damage_told, disk_errors
from latentviz.workspace.manifest import SetEntry, SetState

#: Label of a sample whose class is not one of the model's.
NO_LABEL = -1

#: Columns of :meth:`ImageSet.table`, before the index's metadata.
TABLE = {
    "set": "object",
    "role": "object",
    "id": "object",
    "label": "object",
    "prediction": "object",
    "correct": "boolean",
    "confidence": "float32",
    "feature_norm": "float32",
}

_THUMBNAIL_ROWS = 256
#: What a row that is not on disk reads as, where it must not pass for numbers. Black thumbnails do no harm.
_NO_NUMBER = {"f": np.nan, "i": -1}


class ImageSet:
    """A named set of samples as one network sees them.

    Arrays are read from disk whenever they are asked for; only the index and the state stay in memory.

    Attributes
    ----------
    name : str
    role : {"fit", "ind", "shifted", "ood"}
    classes : tuple of str
        Names of the logits.
    head : Head or None
    """

    def __init__(self, folder: Path, entry: SetEntry, classes: tuple[str, ...], head: Head | None) -> None:
        self.folder, self.entry, self.classes, self.head = folder, entry, classes, head
        self.name, self.role = entry.name, entry.role

    def __repr__(self) -> str:
        return f"ImageSet({self.name!r}, role={self.role!r}, samples={len(self):,})"

    def __len__(self) -> int:
        """Number of whole rows on disk."""
        return self.state.rows

    @cached_property
    def state(self) -> SetState:
        """How far the set is written, as of the moment it was opened."""
        path = self.folder / "state.json"
        return manifest.read(path, SetState) if path.exists() else SetState()

    @property
    def complete(self) -> bool:
        """Whether every sample of the source was worked on."""
        return self.state.complete

    @property
    def fingerprint(self) -> str:
        """Name of the content: changes with the features, logits, ids, labels, and the chunks they were written in."""
        return manifest.fingerprint(self.entry.listing, sorted(self.state.skipped), self.state.digests)

    @property
    def labelled(self) -> bool:
        """Whether accuracy exists: every role but ``ood``, if a sample has a label."""
        return self.role != "ood" and bool((self.labels >= 0).any())

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row a sample: ``id``, ``class_name`` (its own), ``label`` (the model's, −1 if none), metadata."""
        listing = self.listing()
        return listing.drop(index=list(self.state.skipped)).iloc[: len(self)].reset_index(drop=True)

    @property
    def skipped(self) -> pd.DataFrame:
        """Unreadable images that were left out: ``id`` and ``reason``."""
        ids = self.listing(["id"])["id"]
        positions = list(self.state.skipped)
        return pd.DataFrame(
            {"id": ids.iloc[positions].to_numpy(), "reason": [self.state.skipped[p] for p in positions]}
        )

    def listing(self, columns: list[str] | None = None) -> pd.DataFrame:
        """One row a sample of the source, those that could not be read among them: the index as it was listed."""
        path = self.folder / "index.parquet"
        try:
            return pd.read_parquet(path, columns=columns)
        except (OSError, ValueError):
            raise WorkspaceError(f"{path} is missing or damaged.") from None

    @property
    def labels(self) -> np.ndarray:
        """Class indices (N,), int64; −1 where the class is not one of the model's."""
        return self.index["label"].to_numpy()

    def array(self, name: str) -> zarr.Array:
        """An array on disk, at least :func:`len` rows long; slicing reads only the chunks it needs."""
        with damage_told(self.folder / name):
            return zarr.open_array(self.folder / name, mode="r")

    def read(self, name: str, rows: slice | np.ndarray | None = None) -> np.ndarray:
        """Rows of an array; all of them by default.

        Raises
        ------
        WorkspaceError
            If the array is missing, or a chunk of it is gone or not as long as it was written.
        """
        if rows is None:
            rows = slice(0, len(self))
        array = self.array(name)
        with damage_told(self.folder / name):
            if isinstance(rows, slice):
                values = np.asarray(array[slice(*rows.indices(len(self)))])
            else:
                values = np.asarray(array.oindex[np.asarray(rows)])
            first = values.reshape(-1, math.prod(values.shape[1:]))[:, 0]  # chunks are whole rows
            if (np.isnan(first) if first.dtype.kind == "f" else first < 0).any():
                raise ValueError("no chunk")
        return values

    def chunks(self, name: str, rows: int = 4096) -> Iterator[np.ndarray]:
        """The array piece by piece, in order, for work that must not hold all of it."""
        for start in range(0, len(self), rows):
            yield self.read(name, slice(start, start + rows))

    @property
    def features(self) -> np.ndarray:
        """Penultimate features (N, D), float32; read anew at every access."""
        return self.read("features")

    @property
    def logits(self) -> np.ndarray:
        """Logits (N, C), float32; read anew at every access."""
        return self.read("logits")

    @property
    def has_thumbnails(self) -> bool:
        """Whether small images were stored."""
        return (self.folder / "thumbnails").exists()

    def thumbnails(self, rows: slice | np.ndarray | None = None) -> np.ndarray:
        """Small images (n, side, side, 3), uint8."""
        return self.read("thumbnails", rows)

    def latents(self) -> Latents:
        """Everything scorers and geometry need, in memory."""
        labels = self.labels
        return Latents(self.features, self.logits, None if (labels < 0).any() else labels, self.head)

    def table(self) -> pd.DataFrame:
        """One row a sample, for people.

        Returns
        -------
        DataFrame
            ``set``, ``role``, ``id``, ``label`` (class name; the source's own for ``ood``), ``prediction``,
            ``correct`` (missing where there is no label), ``confidence`` (largest softmax
            probability), ``feature_norm`` (‖z‖₂), then the index's metadata.
        """
        index, names = self.index, np.array([*self.classes, ""], dtype=object)
        prediction, labels = self.read("prediction"), self.labels
        correct = pd.array(prediction == labels, dtype="boolean")
        correct[labels < 0] = pd.NA
        columns = {
            "set": self.name,
            "role": self.role,
            "id": index["id"],
            "label": np.where(labels >= 0, names[labels], index["class_name"]),
            "prediction": names[prediction],
            "correct": correct,
            "confidence": self.read("confidence"),
            "feature_norm": self.read("norm"),
        }
        rest = index.drop(columns=["id", "class_name", "label"])
        return pd.concat([pd.DataFrame(columns, index=index.index), rest], axis=1)


class SetWriter:
    """Appends whole chunks to a set; a process that ends at any moment loses at most the chunk under way.

    The arrays are written first and ``state.json`` is replaced last, in one step: rows that it does not
    count do not exist, and are overwritten by the next writer. Only ``state.json`` is forced to the disk: after
    a power cut, chunks of the last seconds may be gone although they are counted. Reading them says so; delete
    the run then and extract it again.

    Parameters
    ----------
    folder : Path
        The set's folder; made if it is missing.
    width, classes : int
    chunk : int
        Rows of an array's chunk.
    thumbnail : int
        Side of the thumbnails in pixels; 0 for none.
    head : Head, optional
        Checked against every chunk.
    """

    def __init__(
        self, folder: Path, name: str, width: int, classes: int, chunk: int, thumbnail: int, head: Head | None
    ) -> None:
        self.folder, self.name, self.chunk, self.head = folder, name, chunk, head
        self._shapes: dict[str, tuple[tuple[int, ...], Any]] = {
            "features": ((width,), np.float32),
            "logits": ((classes,), np.float32),
            "prediction": ((), np.int64),
            "confidence": ((), np.float32),
            "norm": ((), np.float32),
        }
        if thumbnail:
            self._shapes["thumbnails"] = ((thumbnail, thumbnail, 3), np.uint8)
        path = folder / "state.json"
        self.state = manifest.read(path, SetState) if path.exists() else SetState()

    def begin(self, listing: pd.DataFrame) -> None:
        """Make the arrays and write the index, unless an earlier writer did."""
        if (self.folder / "state.json").exists():
            return
        with disk_errors(f'The index of "{self.name}"'):
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, (shape, dtype) in self._shapes.items():
                small = name == "thumbnails"
                zarr.create_array(
                    self.folder / name,
                    shape=(len(listing), *shape),
                    dtype=dtype,
                    chunks=(min(_THUMBNAIL_ROWS, self.chunk) if small else self.chunk, *shape),
                    compressors="auto" if small else None,
                    fill_value=_NO_NUMBER.get(np.dtype(dtype).kind, 0),
                    overwrite=True,
                )
            listing.to_parquet(self.folder / "index.parquet", index=False)
            manifest.write(self.folder / "state.json", self.state)

    def append(
        self,
        features: np.ndarray,
        logits: np.ndarray,
        thumbnails: np.ndarray | None = None,
        skipped: Mapping[int, str] | None = None,
    ) -> None:
        """Write the next rows and count them.

        Parameters
        ----------
        features : ndarray of shape (n, D)
        logits : ndarray of shape (n, C)
        thumbnails : ndarray of shape (n, side, side, 3), uint8, optional
        skipped : dict of int to str, optional
            Position in the source and reason of the samples left out of these rows.

        Raises
        ------
        DataError
            If values are not finite, or the logits are not the head's.
        WorkspaceError
            If the disk is full.
        """
        skipped = dict(skipped or {})
        _check_finite(self.name, "features", features, self.state.rows)
        _check_finite(self.name, "logits", logits, self.state.rows)
        if self.head is not None and not self.head.disagreement(features, logits) <= 1e-2:  # NaN is no agreement
            raise DataError(
                f'In "{self.name}" the logits and W·z+b disagree by up to '
                f"{np.abs(self.head.logits(features) - logits).max():.3g}. The features are not the input of this "
                f'head, or its kind is not "{self.head.kind}".'
            )
        confidence, prediction = _softmax_peak(logits)
        arrays = {
            "features": features,
            "logits": logits,
            "prediction": prediction,
            "confidence": confidence,
            "norm": np.linalg.norm(features, axis=1),
        }
        if thumbnails is not None:
            arrays["thumbnails"] = thumbnails
        start, stop = self.state.rows, self.state.rows + len(features)
        with disk_errors(f'Rows {start:,}–{stop:,} of "{self.name}"'):
            if len(features):
                for name, values in arrays.items():
                    zarr.open_array(self.folder / name, mode="r+")[start:stop] = values
            digest = hashlib.blake2b(digest_size=16)
            for values in (features, logits):
                digest.update(np.ascontiguousarray(values, dtype=np.float32).data)
            self._commit(
                rows=stop,
                consumed=self.state.consumed + len(features) + len(skipped),
                skipped={**self.state.skipped, **skipped},
                digests=[*self.state.digests, digest.hexdigest()],
            )

    def finish(self) -> None:
        """Cut the arrays to the rows there are and mark the set as complete."""
        with disk_errors(f'The end of "{self.name}"'):
            if self.state.skipped:
                for name in self._shapes:
                    array = zarr.open_array(self.folder / name, mode="r+")
                    array.resize((self.state.rows, *array.shape[1:]))
            self._commit(complete=True)

    def _commit(self, **changes: Any) -> None:
        state = self.state.model_copy(update=changes)
        manifest.write(self.folder / "state.json", state)
        self.state = state


def _softmax_peak(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest softmax probability and its index."""
    prediction = logits.argmax(axis=1)
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return (1 / np.exp(shifted).sum(axis=1)).astype(np.float32), prediction


def _check_finite(set_name: str, what: str, values: np.ndarray, start: int) -> None:
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise DataError(
            f'{bad.sum():,} of {len(bad):,} {what} of "{set_name}" are NaN or infinite '
            f"(first: row {start + int(bad.argmax())}). Check the network and its preprocessing."
        )
