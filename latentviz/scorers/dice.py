"""DICE (Sun, Li 2022, arXiv 2111.09805)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.shared import energy, in_space


@register
class DICE(Scorer):
    r"""Energy from the weights that usually contribute most.

    .. math:: s(x) = -\log \sum_c \exp ((W \odot M) z(x) + b)_c

    with M = 1 where ``W · mean z`` of the training samples is among the largest. As pytorch-ood's DICE, which
    multiplies every feature with every weight before it sums.

    Parameters
    ----------
    percentile : float, default 90
        Weights whose contribution is below this percentile are left out.

    Attributes
    ----------
    weight_ : ndarray of shape (C, D), float32
        ``W ⊙ M``.
    """

    info = ScorerInfo(
        name="dice",
        title="DICE",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}((W \odot M) z + b)",
        needs=Needs.FEATURES | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "DICE: Leveraging Sparsification for Out-of-Distribution Detection",
            "ECCV",
            2022,
            "https://arxiv.org/abs/2111.09805",
        ),
        parameters=(Number("percentile", 90.0, 0, 99, help="Weights that contribute less are left out."),),
        rectified=True,
        version=2,
    )

    def __init__(self, percentile: float = 90.0) -> None:
        self.percentile = percentile

    def _fit(self, latents: Latents) -> None:
        assert latents.head is not None
        contribution = latents.head.weight * moments(latents, "head").mean
        least = np.percentile(contribution, self.percentile)
        self.weight_ = np.where(contribution > least, latents.head.weight, 0)

    def _score(self, latents: Latents) -> np.ndarray:
        assert latents.head is not None
        return energy(in_space(latents, "head") @ self.weight_.T + latents.head.bias)
