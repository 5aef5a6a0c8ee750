"""Largest softmax probability (Hendrycks, Gimpel 2017, arXiv 1610.02136)."""

from __future__ import annotations

from typing import Any

from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, LogitsDetector


@register
class MaxSoftmax(LogitsDetector):
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
        library=LIBRARY,
    )

    def _detector(self) -> Any:
        from pytorch_ood.detector import MaxSoftmax as Detector

        return Detector(None)
