"""Largest logit (Hendrycks et al. 2022, arXiv 1911.11132)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register


@register
class MaxLogit(Scorer):
    r"""Small logits are out-of-distribution; unlike the softmax, their common level counts.

    .. math:: s(x) = -\max_c l_c(x)
    """

    info = ScorerInfo(
        name="max-logit",
        title="Max logit",
        family=Family.LOGITS,
        formula=r"-\max_c l_c",
        needs=Needs.LOGITS,
        paper=Paper(
            "Scaling Out-of-Distribution Detection for Real-World Settings",
            "ICML",
            2022,
            "https://arxiv.org/abs/1911.11132",
        ),
    )

    def _score(self, latents: Latents) -> np.ndarray:
        return -latents.logits.max(axis=1)
