"""The samples of several image sets, one set below the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.progress import Progress
from latentviz.projection.metrics import unit_rows
from latentviz.workspace import Run


@dataclass(frozen=True)
class Rows:
    """Features of the samples of several sets, in order; sets that are still being written end where they do.

    Attributes
    ----------
    run : Run
    sets : tuple of str
    normalise : bool
        Divide every row by its Euclidean length.
    """

    run: Run
    sets: tuple[str, ...]
    normalise: bool = False

    @classmethod
    def of(cls, run: Run, sets: Sequence[str], normalise: bool = False) -> Rows:
        """Rows of sets that exist and hold samples.

        Raises
        ------
        DataError
            If no set is named, one is named twice, or none holds a sample.
        WorkspaceError
            If the run has no set of a name.
        """
        names = tuple(sets)
        if not names:
            raise DataError("No image set is chosen; choose at least one.")
        if twice := [name for name in names if names.count(name) > 1]:
            raise DataError(f'The set "{twice[0]}" is chosen twice; choose it once.')
        rows = cls(run, names, normalise)
        if len(rows) == 0:
            raise DataError(f"There are no features yet in {', '.join(names)}; extract them first.")
        return rows

    def __len__(self) -> int:
        return sum(len(self.run[name]) for name in self.sets)

    @property
    def inputs(self) -> list[str]:
        """Fingerprints of the sets' content."""
        return [self.run[name].fingerprint for name in self.sets]

    def chunks(self) -> Iterator[np.ndarray]:
        """The features (n, D), float32, piece by piece."""
        for name in self.sets:
            for chunk in self.run[name].chunks("features"):
                yield unit_rows(chunk) if self.normalise else chunk

    def features(self, progress: Progress) -> np.ndarray:
        """All features (N, D), float32, in memory."""
        read = np.empty((len(self), self.run.manifest.width), dtype=np.float32)
        start = 0
        for chunk in self.chunks():
            read[start : start + len(chunk)] = chunk
            start += len(chunk)
            progress("Reading features", start, len(read), "samples")
        return read

    def position(self, set_name: str, row: int) -> int:
        """Where a set's row is among all rows.

        Raises
        ------
        DataError
            If the set is not one of the sets, or has no such row.
        """
        if set_name not in self.sets:
            raise DataError(f'"{set_name}" is not among the chosen sets {", ".join(self.sets)}.')
        if not 0 <= row < len(self.run[set_name]):
            raise DataError(f'"{set_name}" has no row {row:,}; it has {len(self.run[set_name]):,} samples.')
        before = self.sets[: self.sets.index(set_name)]
        return sum(len(self.run[name]) for name in before) + row

    def one(self, set_name: str, row: int) -> np.ndarray:
        """Features (D,) of one sample."""
        feature = self.run[set_name].read("features", slice(row, row + 1))
        return (unit_rows(feature) if self.normalise else feature)[0]

    def table(self, positions: np.ndarray) -> pd.DataFrame:
        """Columns ``set`` and ``row`` of positions among all rows."""
        ends = np.cumsum([len(self.run[name]) for name in self.sets])
        which = np.searchsorted(ends, positions, side="right")
        before = np.concatenate([[0], ends[:-1]])
        return pd.DataFrame(
            {
                "set": np.array(self.sets, dtype=object)[which],
                "row": np.asarray(positions, np.int64) - before[which],
            }
        )
