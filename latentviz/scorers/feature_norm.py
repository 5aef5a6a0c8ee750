"""Feature norm (Haas, Yolland, Rabus 2024, arXiv 2306.04072)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents, lengths
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Choice, Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register


@register
class FeatureNorm(Scorer):
    r"""Short features are out-of-distribution.

    .. math:: s(x) = -\lVert z(x) \rVert_p

    Cross-entropy on an L2-normalised head sends no gradient along ``z``, which leaves the length free to
    carry familiarity. Without that head the effect is weak: compare with the plain network before you trust it.

    Parameters
    ----------
    order : {1, 2, inf}, default 2
    """

    info = ScorerInfo(
        name="feature-norm",
        title="Feature norm",
        family=Family.FEATURES,
        formula=r"-\lVert z \rVert_p",
        needs=Needs.FEATURES,
        paper=Paper(
            "Exploring Simple, High Quality Out-of-Distribution Detection with L2 Normalization",
            "TMLR",
            2024,
            "https://arxiv.org/abs/2306.04072",
        ),
        parameters=(Choice("order", 2, (1, 2, np.inf), help="Of the norm."),),
        warnings=("Weak without an L2 head: compare with the plain network before you trust it.",),
    )

    def __init__(self, order: float = 2) -> None:
        self.order = order

    def _score(self, latents: Latents) -> np.ndarray:
        return -lengths(latents.features, self.order)
