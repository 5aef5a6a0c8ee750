"""OpenMax (Bendale, Boult 2016, arXiv 1511.06233)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents, lengths
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import class_sums

# The original library fits distances shifted by this much.
_SHIFT = 10_000.0


@register
class OpenMax(Scorer):
    r"""Logits far from the predicted classes' means, by the standards of their farthest training samples.

    .. math:: s(x) = \frac{e^{v_0}}{e^{v_0} + \sum_c e^{v_c}}, \quad v_c = l_c (1 - \omega_c), \quad
        v_0 = \sum_c l_c\, \omega_c, \quad \omega_c = \tfrac{\alpha + 1 - r_c}{\alpha} F_c(\lVert l - \mu_c \rVert)

    for the α classes of largest logit (rank r), ω = 0 for the others; F is the Weibull distribution of the ``tail``
    largest distances of the class's training samples. As pytorch-ood's OpenMax, for all samples at once, with the
    exact maximum of the likelihood where scipy's search stops near it, and for logits of any size.

    Parameters
    ----------
    alpha : int, default 3
        How many classes are revised; all of them if there are fewer.
    tail : int, default 20

    Attributes
    ----------
    centres_ : ndarray of shape (C, C), float64
    shapes_, scales_, offsets_ : ndarray of shape (C,), float64
        Of the Weibull distributions, and what their distances are shifted by; NaN for a class without samples.
    """

    info = ScorerInfo(
        name="openmax",
        title="OpenMax",
        family=Family.LOGITS,
        formula=r"P(\mathrm{unknown})",
        needs=Needs.LOGITS | Needs.FIT | Needs.LABELS,
        paper=Paper("Towards Open Set Deep Networks", "CVPR", 2016, "https://arxiv.org/abs/1511.06233"),
        parameters=(
            Number("alpha", 3, 1, 100, whole=True, logarithmic=True, help="How many of the largest logits change."),
            Number("tail", 20, 2, 500, whole=True, logarithmic=True, help="Farthest samples of a class that count."),
        ),
        version=2,
    )

    def __init__(self, alpha: int = 3, tail: int = 20) -> None:
        self.alpha, self.tail = alpha, tail

    def _fit(self, latents: Latents) -> None:
        assert latents.labels is not None
        labels, classes = latents.labels, latents.classes
        counts = np.bincount(labels, minlength=classes)
        self.centres_ = class_sums(latents.logits, labels, classes) / np.maximum(counts, 1)[:, None]
        distances = np.concatenate([lengths(b.logits - self.centres_[b.labels]) for b in latents.blocks()])
        self.shapes_, self.scales_, self.offsets_ = np.full((3, classes), np.nan)
        for c in np.flatnonzero(counts):
            far = np.sort(distances[labels == c])[-self.tail :]
            self.offsets_[c] = _SHIFT - far[0]
            self.shapes_[c], self.scales_[c] = _weibull(far + self.offsets_[c])

    def _score(self, latents: Latents) -> np.ndarray:
        logits = latents.logits.astype(np.float64)
        alpha, rows = min(self.alpha, latents.classes), np.arange(len(logits))
        largest = np.argsort(logits, axis=1)[:, ::-1][:, :alpha]
        weights = np.zeros_like(logits)
        for rank, c in enumerate(largest.T):
            shifted = np.maximum(lengths(logits - self.centres_[c]) + self.offsets_[c], 0)
            with np.errstate(over="ignore", divide="ignore"):  # far beyond the tail the power is infinite, F is 1
                outlying = -np.expm1(-((shifted / self.scales_[c]) ** self.shapes_[c]))
            weights[rows, c] = np.where(np.isnan(outlying), 1.0, outlying) * (alpha - rank) / alpha
        revised = np.column_stack([(logits * weights).sum(axis=1), logits * (1 - weights)])
        powers = np.exp(revised - revised.max(axis=1, keepdims=True))
        return powers[:, 0] / powers.sum(axis=1)


def _weibull(values: np.ndarray) -> tuple[float, float]:
    """Shape and scale of the most likely Weibull distribution of positive values."""
    from scipy.optimize import brentq

    logs = np.log(values / values.max())
    if logs.min() > -1e-12:  # all equal: a step
        return 1e12, float(values.max())

    def slope(shape: float) -> float:
        powers = np.exp(shape * logs)
        return float((powers * logs).sum() / powers.sum() - 1 / shape - logs.mean())

    # The likelihood has one maximum; its shape is about the inverse of the logs' spread.
    guess = 1 / logs.std()
    low, high = guess, guess
    while slope(low) > 0:
        low /= 2
    while slope(high) < 0:
        high *= 2
    shape = brentq(slope, low, high, rtol=1e-12)
    return shape, float(values.max() * np.exp(shape * logs).mean() ** (1 / shape))
