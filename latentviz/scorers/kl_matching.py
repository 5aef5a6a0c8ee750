"""KL-Matching (Hendrycks et al. 2022, arXiv 1911.11132)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import class_sums, entropy, probabilities


@register
class KLMatching(Scorer):
    r"""Predictions unlike every class's typical one are out-of-distribution.

    .. math:: s(x) = \min_c \mathrm{KL}(p(x) \,\|\, \bar p_c)

    with the mean prediction of the samples that are predicted as c. The paper takes them from validation data;
    here they come from the ``fit`` set, whose predictions are surer. As pytorch-ood's KLMatching, except where a
    typical probability is too small for float64: here it is the smallest number, there its logarithm is.

    Attributes
    ----------
    typical_ : ndarray of shape (K, C), float64
        p̄ of the K classes that training samples are predicted as.
    """

    info = ScorerInfo(
        name="kl-matching",
        title="KL-Matching",
        family=Family.LOGITS,
        formula=r"\min_c \mathrm{KL}(p \,\|\, \bar p_c)",
        needs=Needs.LOGITS | Needs.FIT,
        paper=Paper(
            "Scaling Out-of-Distribution Detection for Real-World Settings",
            "ICML",
            2022,
            "https://arxiv.org/abs/1911.11132",
        ),
        version=2,
    )

    def _fit(self, latents: Latents) -> None:
        sums, counts = np.zeros((latents.classes, latents.classes)), np.zeros(latents.classes)
        for block in latents.blocks():
            predicted = block.logits.argmax(axis=1)
            sums += class_sums(probabilities(block), predicted, latents.classes)
            counts += np.bincount(predicted, minlength=latents.classes)
        self.typical_ = sums[counts > 0] / counts[counts > 0, None]

    def _score(self, latents: Latents) -> np.ndarray:
        logs = np.log(np.maximum(self.typical_, np.finfo(np.float64).tiny))
        return -entropy(latents) - (probabilities(latents) @ logs.T).max(axis=1)
