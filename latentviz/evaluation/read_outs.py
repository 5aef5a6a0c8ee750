"""What is right in another domain, by read-outs that learnt at home, with and without the common shift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.domains import Domains
from latentviz.evaluation.set_statistics import mean_interval
from latentviz.geometry.common_shift import REMOVED, Removed
from latentviz.progress import Progress, silent
from latentviz.workspace import Run

#: What predicts classes from features, in words.
READ_OUTS = {"network": "the network's head", "means": "nearest class mean", "linear": "linear read-out"}

#: Folds of the accuracy within the one domain.
_FOLDS = 5


def read_outs(domains: Domains, seed: int = 0, progress: Progress = silent) -> pd.DataFrame:
    """Accuracy away from home with nothing, the mean shift, or mean and covariance removed.

    The nearest class mean and the linear read-out (logistic regression on standardised features) learn from features
    and labels of :attr:`Domains.home`; their accuracy there is cross-validated. The shift is estimated from the
    features of both domains without labels, among them those that are judged: as in domain adaptation, where all of
    them are at hand.

    Parameters
    ----------
    domains : Domains
    seed : int
        Of the folds.
    progress : Progress, optional

    Returns
    -------
    DataFrame
        One row a read-out and what is removed: ``read_out``, ``without``, ``n``, ``accuracy``, ``accuracy_low``,
        ``accuracy_high`` on samples of the domain that is moved whose class the read-out knows; ``gain`` over nothing
        removed on the same samples, with ``gain_low`` and ``gain_high`` (95 %, normal, of the paired differences);
        ``accuracy_home``.

    Raises
    ------
    DataError
        If the domains have no class in common.
    """
    if not domains.common:
        raise DataError(f"{domains.one} and {domains.other} have no class in common.")
    rows = []
    before: dict[str, np.ndarray] = {}
    for number, kind in enumerate(kinds := removable(domains.run)):
        progress("Reading classes out of features", number, len(kinds), "")
        for name, right, inside in _judged(replace(domains, without=kind), seed):
            low, high = wilson_interval(int(right.sum()), len(right)) if len(right) else (np.nan, np.nan)
            accuracy = float(right.mean()) if len(right) else np.nan
            gain = right.astype(float) - before.setdefault(name, right)
            gained = mean_interval(gain) if len(gain) else (np.nan, np.nan, np.nan)
            rows.append((name, kind, len(right), accuracy, low, high, *gained, inside))
    columns = ["read_out", "without", "n", "accuracy", "accuracy_low", "accuracy_high", "gain", "gain_low", "gain_high"]
    return pd.DataFrame(rows, columns=[*columns, "accuracy_home"])


def removable(run: Run) -> list[Removed]:
    """What can be taken away: nothing without the head, as moved features have no logits then."""
    return [kind for kind in REMOVED if kind == "nothing" or run.head is not None]


def flagged_without(scores: Mapping[Removed, np.ndarray], threshold: float) -> pd.DataFrame:
    """Share of a domain's samples above a threshold, by what is removed.

    Parameters
    ----------
    scores : dict of ndarray of shape (N,)
        OOD scores with each removed.
    threshold : float

    Returns
    -------
    DataFrame
        ``without``, ``flagged`` with Wilson's 95 % interval in ``flagged_low`` and ``flagged_high``.
    """
    rows = []
    for kind, values in scores.items():
        above = int((values > threshold).sum())
        rows.append((kind, above / len(values), *wilson_interval(above, len(values))))
    return pd.DataFrame(rows, columns=["without", "flagged", "flagged_low", "flagged_high"])


def nearest_mean(features: np.ndarray, classes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Class of the nearest class mean.

    Parameters
    ----------
    features, others : ndarray of shape (N, D) and (M, D)
    classes : ndarray of shape (N,)

    Returns
    -------
    ndarray of shape (M,)
    """
    from scipy.spatial.distance import cdist

    names = np.unique(classes)
    means = np.stack([features[classes == c].mean(axis=0, dtype=np.float64) for c in names])
    return names[cdist(others, means).argmin(axis=1)]


def linear(features: np.ndarray, classes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Class by logistic regression on standardised features; parameters as of :func:`nearest_mean`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(features, classes).predict(others)


def _judged(domains: Domains, seed: int) -> list[tuple[str, np.ndarray, float]]:
    """Of every read-out: which of the samples away from home are right, and the accuracy at home."""
    step = 2 * domains.moved - 1  # home first
    (one, other), (names, others) = domains.features[::step], domains.class_names[::step]
    known = names != ""
    codes = {name: n for n, name in enumerate(domains.classes)}
    here = np.array([codes[name] for name in names[known]])
    there = np.array([codes.get(name, -1) for name in others])
    shared = np.isin(there, here)
    found = [_of_network(domains)]
    if len(np.unique(here)) < 2:
        return found
    for name, predict in (("means", nearest_mean), ("linear", linear)):
        right = predict(one[known], here, other[shared]) == there[shared]
        found.append((name, right, _within(predict, one[known], here, seed)))
    return found


def _of_network(domains: Domains) -> tuple[str, np.ndarray, float]:
    step = 2 * domains.moved - 1
    labels, predictions = domains.labels[::step], domains.prediction[::step]
    right = [p[of >= 0] == of[of >= 0] for p, of in zip(predictions, labels, strict=True)]
    return "network", right[1], float(right[0].mean()) if len(right[0]) else np.nan


def _within(
    predict: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    features: np.ndarray,
    classes: np.ndarray,
    seed: int,
) -> float:
    from sklearn.model_selection import StratifiedKFold

    if np.unique(classes, return_counts=True)[1].min() < _FOLDS:
        return np.nan
    right = np.zeros(len(classes), bool)
    for fit, held in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(features, classes):
        right[held] = predict(features[fit], classes[fit], features[held]) == classes[held]
    return float(right.mean())
