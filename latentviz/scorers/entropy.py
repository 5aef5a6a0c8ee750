"""Entropy of the softmax (Chan, Rottmann, Gottschalk 2021, arXiv 2012.06575)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import entropy


@register
class Entropy(Scorer):
    r"""Predictions that are spread over many classes are out-of-distribution.

    .. math:: s(x) = -\sum_c p_c(x) \log p_c(x)

    pytorch-ood raises probabilities below 1e-7 to that, so that all predictions that are surer than this have about
    the same entropy; here they keep theirs.
    """

    info = ScorerInfo(
        name="entropy",
        title="Entropy",
        family=Family.LOGITS,
        formula=r"-\sum_c p_c \log p_c",
        needs=Needs.LOGITS,
        paper=Paper(
            "Entropy Maximization and Meta Classification for Out-of-Distribution Detection in Semantic Segmentation",
            "ICCV",
            2021,
            "https://arxiv.org/abs/2012.06575",
        ),
        version=2,
    )

    def _score(self, latents: Latents) -> np.ndarray:
        return entropy(latents)
