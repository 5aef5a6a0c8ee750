"""Entropy of the softmax (Chan, Rottmann, Gottschalk 2021, arXiv 2012.06575)."""

from __future__ import annotations

from typing import Any

from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, LogitsDetector


@register
class Entropy(LogitsDetector):
    r"""Predictions that are spread over many classes are out-of-distribution.

    .. math:: s(x) = -\sum_c p_c(x) \log p_c(x)
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
        library=LIBRARY,
    )

    def _detector(self) -> Any:
        from pytorch_ood.detector import Entropy as Detector

        return Detector(None)
