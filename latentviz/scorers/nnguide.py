"""Nearest-neighbour guidance (Park, Jung, Teoh 2023, arXiv 2309.14888)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.bank import NeighbourScorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import log_sum_exp


@register
class NNGuide(NeighbourScorer):
    r"""Energy, trusted as far as confident training samples point the same way.

    .. math:: s(x) = -\mathrm{LSE}(l) \cdot \operatorname{mean}_k \langle \tilde z, \tilde z_j \mathrm{LSE}(l_j) \rangle

    over the k largest of all training samples j.

    Parameters
    ----------
    k : int, default 100
    """

    info = ScorerInfo(
        name="nnguide",
        title="NNGuide",
        family=Family.NEIGHBOURS,
        formula=r"-\mathrm{LSE}(l) \cdot \mathrm{mean}_k \langle \tilde z, \tilde z_j \mathrm{LSE}(l_j) \rangle",
        needs=Needs.FEATURES | Needs.LOGITS | Needs.FIT,
        paper=Paper(
            "Nearest Neighbor Guidance for Out-of-Distribution Detection",
            "ICCV",
            2023,
            "https://arxiv.org/abs/2309.14888",
        ),
        parameters=(Number("k", 100, 1, 2000, whole=True, logarithmic=True, help="How many neighbours guide."),),
        warnings=("Assumes energies above 0: where all logits are negative, close neighbours count against a sample.",),
    )

    def __init__(self, k: int = 100) -> None:
        self.k = k

    def _learn(self) -> None:
        self._bank.want("guidance", self.k)

    def _score(self, latents: Latents) -> np.ndarray:
        guidance = self._bank.guidance(latents, self.k).astype(np.float64)
        return -log_sum_exp(latents) * guidance.mean(axis=1)
