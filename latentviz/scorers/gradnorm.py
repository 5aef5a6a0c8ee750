"""GradNorm in closed form (Huang, Geng, Li 2021, arXiv 2110.00218)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import in_space, probabilities


@register
class GradNorm(Scorer):
    r"""Samples that hardly pull at the last layer's weights are out-of-distribution.

    .. math:: s(x) = -\lVert z(x) \rVert_1 \sum_c \lvert C p_c(x) - 1 \rvert

    The gradient of ``KL(u ‖ p)`` with respect to the last weights is the outer product of ``z`` and ``p − 1/C``, so
    its L1 norm needs no backward pass; C times the norm that pytorch-ood finds sample by sample. With an L2 head
    ``z`` is what the head sees, ``z̄``.
    """

    info = ScorerInfo(
        name="gradnorm",
        title="GradNorm",
        family=Family.FEATURES,
        formula=r"-\lVert z \rVert_1 \sum_c \lvert C p_c - 1 \rvert",
        needs=Needs.FEATURES | Needs.LOGITS,
        paper=Paper(
            "On the Importance of Gradients for Detecting Distributional Shifts in the Wild",
            "NeurIPS",
            2021,
            "https://arxiv.org/abs/2110.00218",
        ),
        rectified=True,
    )

    def _score(self, latents: Latents) -> np.ndarray:
        length = np.abs(in_space(latents, "head")).sum(axis=1, dtype=np.float64)
        return -length * np.abs(latents.classes * probabilities(latents) - 1).sum(axis=1)
