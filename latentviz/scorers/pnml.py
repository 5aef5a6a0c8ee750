"""Single-layer predictive normalised maximum likelihood (Bibas, Feder, Hassner 2021, arXiv 2110.09246)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.moments import moments, whitening
from latentviz.scorers.registry import register
from latentviz.scorers.shared import unit

# Smallest probability, as in pytorch-ood.
_SMALLEST = 1e-12


@register
class PNML(Scorer):
    r"""Samples on which a learner could have changed its mind most are out-of-distribution.

    .. math:: s(x) = \log_C \sum_c \frac{p_c}{p_c + (1 - p_c)\, p_c^{\kappa}}, \quad
        \kappa = \frac{g}{1 + g}, \quad g = \tilde z^\top (\tilde X^\top \tilde X)^+ \tilde z

    on features divided by their length, ``p`` from the last layer on them (whatever its kind). As pytorch-ood's PNML,
    in float64 and without a copy of the training features.

    Attributes
    ----------
    whitening_ : ndarray of shape (D, r), float64
        Its square is the inverse, on the r directions that the training features have.
    """

    info = ScorerInfo(
        name="pnml",
        title="pNML",
        family=Family.DENSITY,
        formula=r"\log_C \sum_c p_c / (p_c + (1-p_c)\, p_c^{\kappa})",
        needs=Needs.FEATURES | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "Single Layer Predictive Normalized Maximum Likelihood for Out-of-Distribution Detection",
            "NeurIPS",
            2021,
            "https://arxiv.org/abs/2110.09246",
        ),
        warnings=(
            "Looks at directions only: how long a feature is does not count.",
            "Puts the last layer on normalised features also where the network does not; its predictions are less "
            "sure than the network's.",
        ),
        version=2,
    )

    def _fit(self, latents: Latents) -> None:
        found = moments(latents, "unit")
        self.whitening_ = whitening(found.about(0.0) / len(latents), found.rounding) / np.sqrt(len(latents))

    def _score(self, latents: Latents) -> np.ndarray:
        from scipy.special import softmax

        assert latents.head is not None
        features = unit(latents).astype(np.float64)
        p = softmax(features @ latents.head.weight.T + latents.head.bias, axis=1)
        p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
        gain = ((features @ self.whitening_) ** 2).sum(axis=1, keepdims=True)
        regret = p / (p + (1 - p) * p ** (gain / (1 + gain)))
        return np.log(regret.sum(axis=1)) / np.log(max(latents.classes, 2))
