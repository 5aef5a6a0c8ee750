"""Largest softmax probability (Hendrycks, Gimpel 2017, arXiv 1610.02136)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import doubt


@register
class MaxSoftmax(Scorer):
    r"""Unsure predictions are out-of-distribution.

    .. math:: s(x) = -\max_c p_c(x)
    """

    info = ScorerInfo(
        name="msp",
        title="Max softmax",
        family=Family.LOGITS,
        formula=r"-\max_c p_c",
        needs=Needs.LOGITS,
        paper=Paper(
            "A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks",
            "ICLR",
            2017,
            "https://arxiv.org/abs/1610.02136",
        ),
    )

    def _score(self, latents: Latents) -> np.ndarray:
        return doubt(latents) - 1
