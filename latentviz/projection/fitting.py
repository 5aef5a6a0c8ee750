"""On which samples a map is fitted, and which are placed on it afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError
from latentviz.projection.rows import Rows
from latentviz.projection.spec import LayoutSpec
from latentviz.workspace import Run

#: Roles of the sets that a map is fitted on if not on all.
IND = ("fit", "ind")


@dataclass(frozen=True)
class Split:
    """Samples that a map is fitted on and the others.

    Attributes
    ----------
    rows : Rows
        All of them, N.
    fitted : Rows
    placed : Rows or None
        None if the map is fitted on all.
    """

    rows: Rows
    fitted: Rows
    placed: Rows | None

    @classmethod
    def of(cls, run: Run, spec: LayoutSpec) -> Split:
        """The samples of a spec's sets.

        Raises
        ------
        DataError
            If the map is to be fitted on in-distribution data and all or none of the sets are; also as
            :meth:`Rows.of`.
        WorkspaceError
            If the run has no set of a name.
        """
        rows = Rows.of(run, spec.sets, spec.normalise)
        if spec.fit == "all":
            return cls(rows, rows, None)
        known = [name for name in spec.sets if run[name].role in IND]
        others = [name for name in spec.sets if run[name].role not in IND]
        if not known:
            raise DataError(
                f"None of {', '.join(spec.sets)} is in-distribution data (role fit or ind) that the map could be "
                "fitted on. Choose such a set too, or fit on all."
            )
        if not others:
            raise DataError(
                f"All of {', '.join(spec.sets)} is in-distribution data (role fit or ind): nothing is left to place. "
                "Choose another set too, or fit on all."
            )
        return cls(rows, Rows.of(run, known, spec.normalise), Rows.of(run, others, spec.normalise))

    @property
    def is_fitted(self) -> np.ndarray:
        """Which of all rows (N,), bool, the map is fitted on."""
        run = self.rows.run
        return np.concatenate([np.full(len(run[name]), name in self.fitted.sets) for name in self.rows.sets])

    def merged(self, fitted: np.ndarray, placed: np.ndarray) -> np.ndarray:
        """Coordinates of all rows (N, d), float32, from those of either part."""
        merged = np.empty((len(self.rows), fitted.shape[1]), dtype=np.float32)
        is_fitted = self.is_fitted
        merged[is_fitted], merged[~is_fitted] = fitted, placed
        return merged
