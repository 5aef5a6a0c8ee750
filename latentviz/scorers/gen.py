"""Generalised entropy (Liu, Lochman, Zach 2023)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import doubt, log_probabilities


@register
class GEN(Scorer):
    r"""An entropy that looks at small deviations from a sure prediction.

    .. math:: s(x) = \sum_{m \le M} p_{(m)}^\gamma (1 - p_{(m)})^\gamma

    over the M largest probabilities. pytorch-ood takes the mean of the terms, which puts samples in the same order, and
    keeps probabilities 1e-7 away from 0 and 1, which makes predictions that are surer than this equal; the sum without
    such a limit is the paper's.

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
        version=2,
    )

    def __init__(self, gamma: float = 0.1, top: int = 100) -> None:
        self.gamma, self.top = gamma, top

    def _score(self, latents: Latents) -> np.ndarray:
        logs = log_probabilities(latents)
        if self.top < latents.classes:
            logs = np.partition(logs, -self.top, axis=1)[:, -self.top :]
        others = -np.expm1(logs)
        others[np.arange(len(logs)), logs.argmax(axis=1)] = doubt(latents)  # 1 − p has no digits where p is almost 1
        return (np.exp(self.gamma * logs) * others**self.gamma).sum(axis=1)
