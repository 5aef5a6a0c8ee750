"""Generalised entropy (Liu, Lochman, Zach 2023)."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, LogitsDetector


@register
class GEN(LogitsDetector):
    r"""An entropy that looks at small deviations from a sure prediction.

    .. math:: s(x) = \sum_{m \le M} p_{(m)}^\gamma (1 - p_{(m)})^\gamma

    over the M largest probabilities, kept within 1e-7 of 0 and 1. pytorch-ood takes their mean; the sum is the paper's,
    in the same order.

    Parameters
    ----------
    gamma : float, default 0.1
    top : int, default 100
        How many probabilities M; all of them if there are fewer classes.
    """

    info = ScorerInfo(
        name="gen",
        title="GEN",
        family=Family.LOGITS,
        formula=r"\sum_{m \le M} p_{(m)}^\gamma (1-p_{(m)})^\gamma",
        needs=Needs.LOGITS,
        paper=Paper(
            "GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection",
            "CVPR",
            2023,
            "https://openaccess.thecvf.com/content/CVPR2023/html/Liu_GEN_Pushing_the_Limits_of_Softmax-Based_Out-of-Distribution_Detection_CVPR_2023_paper.html",
        ),
        parameters=(
            Number("gamma", 0.1, 0.01, 1.0, logarithmic=True, help="Small: small deviations count more."),
            Number("top", 100, 1, 1000, whole=True, logarithmic=True, help="How many of the largest probabilities."),
        ),
        library=LIBRARY,
    )

    def __init__(self, gamma: float = 0.1, top: int = 100) -> None:
        self.gamma, self.top = gamma, top

    def _detector(self) -> Any:
        from pytorch_ood.detector import GEN as Detector

        return Detector(None, gamma=self.gamma, M=self.top)

    def _score(self, latents: Latents) -> np.ndarray:
        return super()._score(latents) * min(self.top, latents.classes)
