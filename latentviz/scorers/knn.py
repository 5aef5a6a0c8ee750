"""Deep nearest neighbours (Sun, Ming, Zhu, Li 2022, arXiv 2204.06507)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.bank import Kind, NeighbourScorer
from latentviz.scorers.info import Choice, Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register


@register
class KNearestNeighbours(NeighbourScorer):
    r"""Features whose k-th neighbour among the training features is far are out-of-distribution.

    .. math:: s(x) = \lVert \tilde z - \tilde z_{(k)} \rVert_2, \quad \tilde z = z / \lVert z \rVert_2

    over all training features, exactly: which is the k-th is decided in float64 wherever float32
    leaves it open.

    Parameters
    ----------
    k : int, default 50
        The paper's for CIFAR-10; 1,000 for ImageNet.
    normalise : bool, default True
        Divide features by their length, as the paper.
    """

    info = ScorerInfo(
        name="knn",
        title="k-NN",
        family=Family.NEIGHBOURS,
        formula=r"\lVert \tilde z - \tilde z_{(k)} \rVert_2",
        needs=Needs.FEATURES | Needs.FIT,
        paper=Paper(
            "Out-of-Distribution Detection with Deep Nearest Neighbors",
            "ICML",
            2022,
            "https://arxiv.org/abs/2204.06507",
        ),
        parameters=(
            Number("k", 50, 1, 2000, whole=True, logarithmic=True, help="Which neighbour's distance."),
            Choice("normalise", True, (True, False), help="Divide the features by their length first."),
        ),
        warnings=(
            "k belongs to a number of training samples: the paper takes 50 for CIFAR-10's 50,000 and 1,000 for "
            "ImageNet's 1.3 million. Fit on a part of them and the same k reaches farther.",
        ),
        version=2,
    )

    def __init__(self, k: int = 50, normalise: bool = True) -> None:
        self.k, self.normalise = k, normalise

    def _learn(self) -> None:
        self._bank.want(self._kind, self.k)

    @property
    def _kind(self) -> Kind:
        return "direction" if self.normalise else "position"

    def _score(self, latents: Latents) -> np.ndarray:
        return self._bank.distance(latents, self._kind, self.k)
