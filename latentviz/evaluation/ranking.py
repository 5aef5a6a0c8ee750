"""InD and OOD samples in the order of their scores, which is all that measures of detection look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from latentviz.errors import DataError


class Tally(NamedTuple):
    """Number of samples at or below every distinct score, in R resamples.

    Attributes
    ----------
    ind, ood : ndarray of shape (R, G + 1), float64
        Columns ascend with the G distinct scores; the first is 0, the last the number of samples.
    """

    ind: np.ndarray
    ood: np.ndarray


@dataclass(frozen=True)
class Ranking:
    """InD and OOD samples in the order of their scores: sorted once, then counted as often as wanted.

    Attributes
    ----------
    values : ndarray of shape (G,), float64
        The distinct scores, ascending.
    ind_order, ood_order : ndarray of shape (n,) and (m,), int64
        Samples by ascending score.
    ind_below, ood_below : ndarray of shape (G + 1,), int64
        0, then the number of samples at or below every value.
    """

    values: np.ndarray
    ind_order: np.ndarray
    ood_order: np.ndarray
    ind_below: np.ndarray
    ood_below: np.ndarray

    @classmethod
    def of(cls, ind: npt.ArrayLike, ood: npt.ArrayLike) -> Ranking:
        """Sort the scores.

        Parameters
        ----------
        ind, ood : array_like of shape (n,) and (m,)

        Returns
        -------
        Ranking

        Raises
        ------
        DataError
            If a side is empty or has scores that are not finite.
        """
        ind, ood = checked(ind, "ind"), checked(ood, "ood")
        values = np.unique(np.concatenate([ind, ood]))
        ind_order, ood_order = np.argsort(ind, kind="stable"), np.argsort(ood, kind="stable")
        ind_below, ood_below = (
            np.concatenate([[0], np.searchsorted(ordered, values, side="right")])
            for ordered in (ind[ind_order], ood[ood_order])
        )
        return cls(values, ind_order, ood_order, ind_below, ood_below)

    def tally(self) -> Tally:
        """Every sample once: R = 1."""
        return Tally(self.ind_below[None].astype(np.float64), self.ood_below[None].astype(np.float64))

    def resampled(self, ind_counts: np.ndarray, ood_counts: np.ndarray) -> Tally:
        """Every sample as often as the R rows of ``ind_counts`` (R, n) and ``ood_counts`` (R, m) say."""
        return Tally(
            _cumulated(ind_counts, self.ind_order, self.ind_below),
            _cumulated(ood_counts, self.ood_order, self.ood_below),
        )


def _cumulated(counts: np.ndarray, order: np.ndarray, below: np.ndarray) -> np.ndarray:
    # Whole numbers add up several times faster than floats, and take() is faster than indexing two axes.
    total = np.zeros((len(counts), len(order) + 1), dtype=np.int32)
    np.cumsum(counts.take(order, axis=1), axis=1, out=total[:, 1:])
    return total.take(below, axis=1).astype(np.float64)


def checked(scores: npt.ArrayLike, name: str) -> np.ndarray:
    """Scores that can be ranked.

    Parameters
    ----------
    scores : array_like of shape (N,)
    name : str
        What the error calls them.

    Returns
    -------
    ndarray of shape (N,), float64

    Raises
    ------
    DataError
        If they have another shape, there are none, or one is not finite.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1:
        raise DataError(f"{name} has the shape {values.shape}; expected one score a sample, (N,).")
    if not len(values):
        raise DataError(f"{name} is empty; at least one sample is needed.")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise DataError(
            f"{name} has {len(wrong):,} of {len(values):,} scores that are NaN or infinite "
            f"(the first is sample {wrong[0]:,}). Leave these samples out, or choose another scorer."
        )
    return values
