"""Distance to the decision boundaries (Liu, Qin 2024, arXiv 2312.11536)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents, lengths
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.shared import in_space

# Least distance from the mean that is divided by, as in pytorch-ood.
_NEAREST = 1e-8


@register
class FDBD(Scorer):
    r"""Features close to the decision boundaries, for their distance from the mean, are out-of-distribution.

    .. math:: s(x) = -\frac{1}{\lVert z - \mu \rVert (C-1)} \sum_{c \ne \hat y}
        \frac{l_{\hat y} - l_c}{\lVert w_{\hat y} - w_c \rVert}

    As pytorch-ood's fDBD, but classes with the same weights as ŷ, from which no boundary divides it, are left out of
    the mean (there they make it infinite or NaN); a sample without any boundary scores 0.

    Attributes
    ----------
    mean_ : ndarray of shape (D,), float32
        μ, the mean of the training features.
    gaps_ : ndarray of shape (C, C), float64
        Distances between the weights of two classes.
    """

    info = ScorerInfo(
        name="fdbd",
        title="fDBD",
        family=Family.FEATURES,
        formula=r"-\mathrm{mean}_c \frac{l_{\hat y} - l_c}{\lVert w_{\hat y} - w_c \rVert}"
        r" \,/\, \lVert z - \mu \rVert",
        needs=Needs.FEATURES | Needs.LOGITS | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "Fast Decision Boundary based Out-of-Distribution Detector",
            "ICML",
            2024,
            "https://arxiv.org/abs/2312.11536",
        ),
        version=2,
    )

    def _fit(self, latents: Latents) -> None:
        from scipy.spatial.distance import pdist, squareform

        assert latents.head is not None
        self.mean_ = moments(latents, "head").mean.astype(np.float32)
        self.gaps_ = squareform(pdist(latents.head.weight))

    def _score(self, latents: Latents) -> np.ndarray:
        logits = latents.logits.astype(np.float64)
        gaps = self.gaps_[logits.argmax(axis=1)]
        divided = gaps > 0
        away = np.divide(logits.max(axis=1, keepdims=True) - logits, gaps, out=np.zeros_like(gaps), where=divided)
        mean = away.sum(axis=1) / np.maximum(divided.sum(axis=1), 1)
        return -mean / np.maximum(lengths(in_space(latents, "head") - self.mean_), _NEAREST)
