"""Variational rectified activation (Xu, Lian, Liu, Tao 2023, arXiv 2302.11716)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import L2_EPSILON, Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import energy, in_space, lengths, resolved

# Features sorted at a time: percentiles of all of them at once would copy them.
_COLUMNS = 32


@register
class VRA(Scorer):
    r"""Energy after clipping every feature to the range it usually has.

    .. math:: s(x) = -\log \sum_c \exp (W \min(\max(z(x), a), b) + \beta)_c

    with the percentiles a and b of each feature among the training samples. As pytorch-ood's VRA, whose fitting
    copies the features several times.

    Parameters
    ----------
    low, high : float, default 1 and 99
        Percentiles.

    Attributes
    ----------
    low_, high_ : ndarray of shape (D,), float32
        a and b.
    """

    info = ScorerInfo(
        name="vra",
        title="VRA",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}(W \min(\max(z, a), b) + \beta)",
        needs=Needs.FEATURES | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "VRA: Variational Rectified Activation for Out-of-distribution Detection",
            "NeurIPS",
            2023,
            "https://arxiv.org/abs/2302.11716",
        ),
        parameters=(
            Number("low", 1.0, 0, 49, help="Percentile below which a feature is raised."),
            Number("high", 99.0, 51, 100, help="Percentile above which a feature is lowered."),
        ),
    )

    def __init__(self, low: float = 1.0, high: float = 99.0) -> None:
        self.low, self.high = low, high

    def _fit(self, latents: Latents) -> None:
        parts = []
        for start in range(0, latents.width, _COLUMNS):
            columns = latents.features[:, start : start + _COLUMNS]
            if resolved(latents, "head") == "unit":
                columns = columns / np.maximum(lengths(latents), L2_EPSILON).astype(columns.dtype)[:, None]
            parts.append(np.percentile(columns, [self.low, self.high], axis=0))
        self.low_, self.high_ = np.hstack(parts).astype(np.float32)

    def _score(self, latents: Latents) -> np.ndarray:
        assert latents.head is not None
        clipped = np.clip(in_space(latents, "head"), self.low_, self.high_)
        return energy(clipped @ latents.head.weight.T + latents.head.bias)
