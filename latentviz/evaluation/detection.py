"""How well a score tells out-of-distribution samples from in-distribution ones.

A score is larger for samples that are farther out. ``ind`` (n,) and ``ood`` (m,) are the scores of the two
sides; a sample is called OOD when its score is **above** the threshold. All measures are exact, and equal
scores are treated as equal: neither order of them is preferred.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentviz.errors import DataError
from latentviz.evaluation.ranking import Ranking, Tally, checked

#: Share of the InD samples that a threshold keeps, unless another is asked for.
LEVEL = 0.95


def _enough(size: int, level: float) -> int:
    """The smallest number of samples that is at least ``level`` of ``size``."""
    if not 0 < level <= 1:
        raise DataError(f"The level is {level:g}; expected a share above 0 and at most 1.")
    count = math.ceil(level * size)
    # 0.55 * 100 is 55.00000000000001 in floating point, although 55 / 100 is 0.55.
    return count - 1 if (count - 1) / size >= level else count


# The measures on counts: one value a row.


def _auroc(tally: Tally) -> np.ndarray:
    twice_below = tally.ind[:, 1:] + tally.ind[:, :-1]
    area = np.einsum("rg,rg->r", np.diff(tally.ood), twice_below)
    return area / (2 * tally.ind[:, -1] * tally.ood[:, -1])


def _aupr_out(tally: Tally) -> np.ndarray:
    found = tally.ood[:, -1:] - tally.ood[:, :-1]
    called = found + tally.ind[:, -1:] - tally.ind[:, :-1]
    precision = found / np.maximum(called, 1)  # none are called at scores that a resample does not contain
    return np.einsum("rg,rg->r", np.diff(tally.ood), precision) / tally.ood[:, -1]


def _aupr_in(tally: Tally) -> np.ndarray:
    found = tally.ind[:, 1:]
    precision = found / np.maximum(found + tally.ood[:, 1:], 1)
    return np.einsum("rg,rg->r", np.diff(tally.ind), precision) / tally.ind[:, -1]


def _kept(tally: Tally, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares of InD and of OOD samples up to the smallest threshold that keeps at least ``level`` of InD."""
    enough = _enough(int(tally.ind[0, -1]), level)
    threshold = np.argmax(tally.ind >= enough, axis=1)
    rows = np.arange(len(threshold))
    return tally.ind[rows, threshold] / tally.ind[:, -1], tally.ood[rows, threshold] / tally.ood[:, -1]


def _fpr(tally: Tally, level: float = LEVEL) -> np.ndarray:
    return _kept(tally, level)[1]


def _accuracy(tally: Tally, level: float = LEVEL) -> np.ndarray:
    ind, ood = _kept(tally, level)
    return (1 + ind - ood) / 2


def _fpr_openood(tally: Tally, level: float = LEVEL) -> np.ndarray:
    missed = tally.ood[0, -1] - _enough(int(tally.ood[0, -1]), level)
    below = np.count_nonzero(tally.ood <= missed, axis=1) - 1
    return (tally.ind[:, -1] - tally.ind[np.arange(len(below)), below]) / tally.ind[:, -1]


@dataclass(frozen=True)
class Metric:
    """What tables, the command line and the app need to know about a measure of detection.

    Attributes
    ----------
    name : str
    title : str
    larger_is_better : bool
    definition : str
        One sentence.
    of : callable
        ``Tally`` of R rows → ndarray of shape (R,).
    share_of : {"ind", "ood", ""}
        The kind of samples that it is a share of; "" if of none alone.
    """

    name: str
    title: str
    larger_is_better: bool
    definition: str
    of: Callable[[Tally], np.ndarray]
    share_of: str = ""


#: Every measure by its name.
METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "auroc",
            "AUROC",
            True,
            "Probability that an OOD sample has a larger score than an InD sample; equal scores count half.",
            _auroc,
        ),
        Metric(
            "aupr_out",
            "AUPR-out",
            True,
            "Average precision of finding OOD samples; grows with the share of OOD samples.",
            _aupr_out,
        ),
        Metric(
            "aupr_in",
            "AUPR-in",
            True,
            "Average precision of finding InD samples; grows with the share of InD samples.",
            _aupr_in,
        ),
        Metric(
            "fpr95", "FPR95", False, "Share of OOD samples accepted when at least 95 % of InD samples are.", _fpr, "ood"
        ),
        Metric(
            "fpr95_openood",
            "FPR95 (OpenOOD)",
            False,
            "Share of InD samples rejected when at least 95 % of OOD samples are.",
            _fpr_openood,
            "ind",
        ),
        Metric(
            "accuracy95",
            "Detection accuracy",
            True,
            "Balanced accuracy at the threshold that keeps at least 95 % of InD samples: the mean of the shares of InD "
            "samples kept and of OOD samples flagged, whatever their numbers.",
            _accuracy,
        ),
    )
}


def metric_named(name: str) -> Metric:
    """The measure of a name.

    Raises
    ------
    DataError
        If there is none; lists those there are.
    """
    if name not in METRICS:
        raise DataError(f'There is no measure "{name}"; choose {", ".join(METRICS)}.')
    return METRICS[name]


def auroc(ind: npt.ArrayLike, ood: npt.ArrayLike) -> float:
    """Area under the receiver operating characteristic.

    The probability that an OOD sample has a larger score than an InD sample, where equal scores count half.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)

    Returns
    -------
    float

    Raises
    ------
    DataError
        If a side is empty or has scores that are not finite.

    Examples
    --------
    >>> auroc([0, 1, 2], [2, 3])
    0.9166666666666666
    """
    return float(_auroc(Ranking.of(ind, ood).tally())[0])


def aupr_out(ind: npt.ArrayLike, ood: npt.ArrayLike) -> float:
    """Average precision of finding OOD samples: Σ (R_k − R_{k−1}) P_k over the distinct scores.

    P_k and R_k are precision and recall of calling all samples OOD that score at least the k-th largest value;
    there is no interpolation. Without any skill it is the share m / (n + m) of OOD samples.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)

    Returns
    -------
    float

    Raises
    ------
    DataError
        As :func:`auroc`.

    Examples
    --------
    >>> aupr_out([0, 1, 2], [2, 3])
    0.8333333333333333
    """
    return float(_aupr_out(Ranking.of(ind, ood).tally())[0])


def aupr_in(ind: npt.ArrayLike, ood: npt.ArrayLike) -> float:
    """Average precision of finding InD samples, by ascending score; otherwise as :func:`aupr_out`.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)

    Returns
    -------
    float

    Raises
    ------
    DataError
        As :func:`auroc`.

    Examples
    --------
    >>> aupr_in([0, 1, 2], [2, 3])
    0.9166666666666666
    """
    return float(_aupr_in(Ranking.of(ind, ood).tally())[0])


def fpr95(ind: npt.ArrayLike, ood: npt.ArrayLike, level: float = LEVEL) -> float:
    """Share of OOD samples accepted at the threshold that keeps at least ``level`` of the InD samples.

    With t = ``threshold_at(ind, level)``, the share of ``ood`` with score ≤ t. This is FPR95 of most papers,
    where InD is the positive class.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
    level : float, default 0.95

    Returns
    -------
    float

    Raises
    ------
    DataError
        As :func:`auroc`, or if the level is no share.

    See Also
    --------
    fpr95_openood : the other convention.

    Examples
    --------
    >>> fpr95(range(100), [94, 95, 200, 300])
    0.25
    """
    return float(_fpr(Ranking.of(ind, ood).tally(), level)[0])


def fpr95_openood(ind: npt.ArrayLike, ood: npt.ArrayLike, level: float = LEVEL) -> float:
    """Share of InD samples rejected when at least ``level`` of the OOD samples are.

    With t the largest score such that at least ``level`` of ``ood`` have score ≥ t, the share of ``ind`` with
    score ≥ t. This is FPR95 of the OpenOOD benchmark, where OOD is the positive class; it is
    ``fpr95(-ood, -ind)``.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
    level : float, default 0.95

    Returns
    -------
    float

    Raises
    ------
    DataError
        As :func:`auroc`, or if the level is no share.

    References
    ----------
    J. Yang et al., OpenOOD: Benchmarking generalized out-of-distribution detection, NeurIPS 2022.

    Examples
    --------
    >>> fpr95_openood([1, 5, 6, 7], range(100))
    0.75
    """
    return float(_fpr_openood(Ranking.of(ind, ood).tally(), level)[0])


def accuracy95(ind: npt.ArrayLike, ood: npt.ArrayLike, level: float = LEVEL) -> float:
    """Balanced accuracy of detection at the threshold that keeps at least ``level`` of the InD samples.

    With t = ``threshold_at(ind, level)``, the mean of the share of ``ind`` with score ≤ t and the share of ``ood``
    with score > t. Unlike the share of all samples on the right side it does not depend on how many there are of
    each kind; without any skill it is about 1/2.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
    level : float, default 0.95

    Returns
    -------
    float

    Raises
    ------
    DataError
        As :func:`auroc`, or if the level is no share.

    Examples
    --------
    >>> accuracy95(range(100), [94, 95, 200, 300])
    0.85
    """
    return float(_accuracy(Ranking.of(ind, ood).tally(), level)[0])


def threshold_at(ind: npt.ArrayLike, level: float = LEVEL) -> float:
    """The smallest InD score t such that at least ``level`` of the InD samples have score ≤ t.

    Parameters
    ----------
    ind : array_like of shape (n,)
    level : float, default 0.95

    Returns
    -------
    float

    Raises
    ------
    DataError
        If there is no score, one is not finite, or the level is no share.

    Examples
    --------
    >>> threshold_at(range(100))
    94.0
    """
    values = checked(ind, "ind")
    rank = _enough(len(values), level) - 1
    return float(np.partition(values, rank)[rank])
