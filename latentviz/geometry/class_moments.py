"""Class means and the scatter within classes, of features that come in blocks, in one pass and bounded memory."""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import dsyrk

from latentviz.errors import DataError

# Rows that are worked on together: enough for the processor, few enough that their copy is small.
_ROWS = 1024


class ClassMoments:
    """Counts, class means and within-class scatter of C classes; the same whatever the blocks, but for rounding.

    Every feature is taken relative to an origin of its class, the mean of the first block that has samples of it.
    ``Σ z zᵀ − n μ μᵀ`` would have no digits left where the spread within classes is small beside their distance, and
    that is what neural collapse is.

    Parameters
    ----------
    classes, width : int
        C and D.

    Attributes
    ----------
    counts : ndarray of shape (C,), int64

    Examples
    --------
    >>> found = ClassMoments(2, 2).update(np.array([[0.0, 0], [2, 0], [5, 5]]), np.array([0, 0, 1]))
    >>> found.counts.tolist(), found.means.tolist(), found.within.tolist()
    ([2, 1], [[1.0, 0.0], [5.0, 5.0]], [[2.0, 0.0], [0.0, 0.0]])
    """

    def __init__(self, classes: int, width: int) -> None:
        self.counts = np.zeros(classes, dtype=np.int64)
        self._origins = np.zeros((classes, width))
        self._sums = np.zeros((classes, width))  # about the origins
        self._scatter = np.zeros((width, width), order="F")  # about the origins, the upper half
        self._in_rows = np.empty((_ROWS, width))

    def update(self, features: np.ndarray, labels: np.ndarray) -> ClassMoments:
        """Add samples.

        Parameters
        ----------
        features : ndarray of shape (n, D)
        labels : ndarray of shape (n,), int
            Samples with −1 are left out.

        Returns
        -------
        ClassMoments
            Itself.

        Raises
        ------
        DataError
            If the shapes do not fit, a label is no class, or a feature is not finite; nothing is added then.
        """
        classes, width = self._sums.shape
        if features.ndim != 2 or features.shape[1] != width or labels.shape != (len(features),):
            raise DataError(
                f"Features {features.shape} and labels {labels.shape} do not fit; expected (n, {width}) and (n,)."
            )
        if len(labels) and not (labels.min() >= -1 and labels.max() < classes):
            raise DataError(f"The labels go from {labels.min()} to {labels.max()}; there are {classes} classes.")
        pieces = [slice(start, start + _ROWS) for start in range(0, len(features), _ROWS)]
        if not all(np.isfinite(features[piece]).all() for piece in pieces):
            wrong = sum(int(np.sum(~np.isfinite(features[piece]).all(axis=1))) for piece in pieces)
            raise DataError(f"{wrong:,} of {len(features):,} samples have features that are NaN or infinite.")
        # Class by class: sums of neighbouring rows are much faster than of scattered ones.
        order = np.argsort(labels, kind="stable")
        order = order[np.searchsorted(labels, 0, sorter=order) :]
        for start in range(0, len(order), _ROWS):
            part = order[start : start + _ROWS]
            self._add(features[part], labels[part])
        return self

    def _add(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Some rows, which are ordered by class."""
        rows = self._in_rows[: len(labels)]
        rows[...] = features
        starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
        present, sizes = labels[starts], np.diff(np.r_[starts, len(labels)])
        for number, start, size in zip(present, starts, sizes, strict=True):
            own = rows[start : start + size]
            if self.counts[number] == 0:
                self._origins[number] = own.mean(axis=0)
            own -= self._origins[number]
            self._sums[number] += own.sum(axis=0)
        # Half of the products, straight into what is there: ``rows.T @ rows`` would need a second D × D.
        self._scatter = dsyrk(1.0, rows.T, beta=1.0, c=self._scatter, overwrite_c=True)
        self.counts[present] += sizes

    @property
    def present(self) -> np.ndarray:
        """Classes that have samples."""
        return np.flatnonzero(self.counts)

    @property
    def samples(self) -> int:
        """N."""
        return int(self.counts.sum())

    @property
    def means(self) -> np.ndarray:
        """Class means (C, D); zeros of a class without samples."""
        return self._origins + self._sums / np.maximum(self.counts, 1)[:, None]

    @property
    def within(self) -> np.ndarray:
        """``Σ_i (z_i − μ_{y_i})(z_i − μ_{y_i})ᵀ`` (D, D)."""
        roots = self._sums / np.sqrt(np.maximum(self.counts, 1))[:, None]
        within: np.ndarray = dsyrk(-1.0, roots.T, beta=1.0, c=self._scatter.copy("F"), overwrite_c=True)
        for row in range(len(within)):  # the lower half, without another D × D
            within[row + 1 :, row] = within[row, row + 1 :]
        return within
