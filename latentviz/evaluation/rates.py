"""What one threshold does to out-of-distribution and in-distribution samples, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.ranking import checked


@dataclass(frozen=True)
class Rates:
    """What a threshold does; every rate has a 95 % interval.

    Attributes
    ----------
    threshold : float
    true_positives, false_positives : int
        OOD and InD samples with score > threshold.
    n_ind, n_ood : int
        Samples of the two kinds.
    """

    threshold: float
    true_positives: int
    false_positives: int
    n_ind: int
    n_ood: int

    @property
    def true_positive_rate(self) -> float:
        """Share of the OOD samples with score > threshold."""
        return self.true_positives / self.n_ood

    @property
    def true_positive_interval(self) -> tuple[float, float]:
        """Wilson's interval of :attr:`true_positive_rate`."""
        return wilson_interval(self.true_positives, self.n_ood)

    @property
    def false_positive_rate(self) -> float:
        """Share of the InD samples with score > threshold."""
        return self.false_positives / self.n_ind

    @property
    def false_positive_interval(self) -> tuple[float, float]:
        """Wilson's interval of :attr:`false_positive_rate`."""
        return wilson_interval(self.false_positives, self.n_ind)

    @property
    def accuracy(self) -> float:
        """Share of all samples on the right side; depends on how many there are of each kind."""
        return self._right / (self.n_ind + self.n_ood)

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Wilson's interval of :attr:`accuracy`."""
        return wilson_interval(self._right, self.n_ind + self.n_ood)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the two kinds' shares on the right side."""
        return (1 - self.false_positive_rate + self.true_positive_rate) / 2

    @property
    def balanced_accuracy_interval(self) -> tuple[float, float]:
        """Interval of :attr:`balanced_accuracy`, from Wilson's of the two rates.

        References
        ----------
        G. Y. Zou, A. Donner, Construction of confidence limits about effect measures: a general approach,
        Statistics in Medicine 27 (2008).
        """
        (true_low, true_high), true = self.true_positive_interval, self.true_positive_rate
        (false_low, false_high), false = self.false_positive_interval, self.false_positive_rate
        below = math.hypot(true - true_low, false_high - false) / 2
        above = math.hypot(true_high - true, false - false_low) / 2
        return max(0.0, self.balanced_accuracy - below), min(1.0, self.balanced_accuracy + above)

    @property
    def _right(self) -> int:
        return self.n_ind - self.false_positives + self.true_positives


def rates_at(ind: npt.ArrayLike, ood: npt.ArrayLike, threshold: float) -> Rates:
    """Rates of calling samples OOD whose score is above the threshold.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
    threshold : float

    Returns
    -------
    Rates

    Raises
    ------
    DataError
        As :func:`auroc`.

    Examples
    --------
    >>> rates = rates_at([0, 1, 2, 3], [2, 3, 4, 5], threshold=2)
    >>> rates.true_positive_rate, rates.false_positive_rate, rates.accuracy
    (0.75, 0.25, 0.75)
    >>> [round(x, 2) for x in rates.true_positive_interval]
    [0.3, 0.95]
    """
    ind, ood = checked(ind, "ind"), checked(ood, "ood")
    return Rates(float(threshold), int(np.sum(ood > threshold)), int(np.sum(ind > threshold)), len(ind), len(ood))
