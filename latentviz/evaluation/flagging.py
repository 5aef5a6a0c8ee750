"""What a threshold on a score does to a set whose labels are known: the flagged and the kept samples side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.intervals import Estimate
from latentviz.evaluation.selective import samples


@dataclass(frozen=True, eq=False)
class Half:
    """The samples on one side of a threshold.

    Attributes
    ----------
    n : int
    share : float
        Of all samples.
    labelled, right : int
        Samples with a label, and those of them that are predicted rightly.
    accuracy : Estimate
        With Wilson's interval; NaN if no sample has a label.
    confusion : ndarray of shape (C, C), int64
        Counts; rows are the true classes, columns the predicted ones.
    """

    n: int
    share: float
    labelled: int
    right: int
    accuracy: Estimate
    confusion: np.ndarray


@dataclass(frozen=True, eq=False)
class Halves:
    """Both sides of a threshold.

    Attributes
    ----------
    threshold : float
    kept, flagged : Half
        Samples with score ≤ threshold and > threshold.
    difference : Estimate
        Accuracy of the kept minus that of the flagged samples, with Newcombe's interval; NaN if there is a problem.
    problem : str
        Why there is no difference; "" if there is one.
    """

    threshold: float
    kept: Half
    flagged: Half
    difference: Estimate
    problem: str


def split_at(
    score: npt.ArrayLike,
    correct: npt.ArrayLike,
    labels: npt.ArrayLike,
    prediction: npt.ArrayLike,
    classes: int,
    threshold: float,
) -> Halves:
    """Flag the samples whose score is above the threshold.

    Parameters
    ----------
    score : array_like of shape (N,)
        Larger is farther out.
    correct : array_like of shape (N,), bool
    labels, prediction : array_like of shape (N,), int
        Classes; a negative label is none, and its sample counts for neither accuracy nor confusion.
    classes : int
        Their number C.
    threshold : float

    Returns
    -------
    Halves

    Raises
    ------
    DataError
        If there are no samples, scores that are not finite, lengths or class numbers that do not fit, or ``correct``
        contradicts the labels.

    Examples
    --------
    >>> found = split_at([1, 2, 3, 4], [1, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 1], classes=2, threshold=2)
    >>> found.kept.accuracy.value, found.flagged.accuracy.value, found.flagged.confusion.tolist()
    (1.0, 0.5, [[0, 0], [1, 1]])
    >>> [round(x, 2) for x in found.difference]
    [0.5, -0.27, 0.91]
    """
    score, correct = samples(score, correct)
    labels, prediction = np.asarray(labels), np.asarray(prediction)
    if not score.shape == labels.shape == prediction.shape:
        raise DataError(f"There are {len(score):,} scores, {labels.size:,} labels and {prediction.size:,} predictions.")
    known = labels >= 0
    if max(labels.max(), prediction.max()) >= classes or prediction.min() < 0:
        raise DataError(f"A label or prediction is none of the {classes:,} classes, which count from 0.")
    if wrong := int(np.sum(correct[known] != (labels == prediction)[known])):
        raise DataError(f"{wrong:,} samples are called right although label and prediction differ, or the reverse.")
    flagged = score > threshold

    def half(side: np.ndarray) -> Half:
        counted = side & known
        n, labelled, right = int(side.sum()), int(counted.sum()), int(correct[counted].sum())
        accuracy = _share(right, labelled)
        pairs = labels[counted].astype(np.int64) * classes + prediction[counted]
        matrix = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        return Half(n, n / len(score), labelled, right, accuracy, matrix)

    kept, above = half(~flagged), half(flagged)
    empty = [name for name, side in (("kept", kept), ("flagged", above)) if not side.labelled]
    problem = f"No sample with a label is {empty[0]}; there is nothing to compare." if empty else ""
    return Halves(float(threshold), kept, above, newcombe(kept.accuracy, above.accuracy), problem)


def newcombe(one: Estimate, other: Estimate) -> Estimate:
    """Difference of two independent shares with Newcombe's hybrid score interval.

    Parameters
    ----------
    one, other : Estimate
        Shares with Wilson's intervals.

    Returns
    -------
    Estimate
        ``one`` minus ``other``; NaN if one of them is.

    References
    ----------
    R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven
    methods, Statistics in Medicine 17 (1998), method 10.

    Examples
    --------
    >>> one, other = (Estimate(k / n, *wilson_interval(k, n)) for k, n in ((56, 70), (48, 80)))
    >>> [round(x, 4) for x in newcombe(one, other)]
    [0.2, 0.0524, 0.3339]
    """
    value = one.value - other.value
    below = math.hypot(one.value - one.low, other.high - other.value)
    above = math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, value - below, value + above)


def _share(right: int, total: int) -> Estimate:
    if not total:
        return Estimate(math.nan, math.nan, math.nan)
    return Estimate(right / total, *wilson_interval(right, total))
