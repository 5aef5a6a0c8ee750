"""Neural-collapse-inspired detector (Liu, Qin 2025, arXiv 2311.01479)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import L2_EPSILON, Latents, lengths
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.shared import in_space


@register
class NCI(Scorer):
    r"""Features that do not point along the predicted class's weights, or are short, are out-of-distribution.

    .. math:: s(x) = -\frac{\langle w_{\hat y}, z - \mu \rangle}{\lVert z - \mu \rVert} - \alpha \lVert z \rVert_1

    As pytorch-ood's NCI, but a sample at the mean, which points nowhere (NaN there), has a first term of 0.

    Parameters
    ----------
    alpha : float, default 1e-4

    Attributes
    ----------
    mean_ : ndarray of shape (D,), float32
        μ, the mean of the training features.
    """

    info = ScorerInfo(
        name="nci",
        title="NCI",
        family=Family.FEATURES,
        formula=r"-\langle w_{\hat y}, z-\mu \rangle / \lVert z-\mu \rVert - \alpha \lVert z \rVert_1",
        needs=Needs.FEATURES | Needs.LOGITS | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "Detecting Out-of-Distribution through the Lens of Neural Collapse",
            "CVPR",
            2025,
            "https://arxiv.org/abs/2311.01479",
        ),
        parameters=(Number("alpha", 1e-4, 1e-6, 1, logarithmic=True, help="Weight of the feature's length."),),
        rectified=True,
        version=2,
    )

    def __init__(self, alpha: float = 1e-4) -> None:
        self.alpha = alpha

    def _fit(self, latents: Latents) -> None:
        self.mean_ = moments(latents, "head").mean.astype(np.float32)

    def _score(self, latents: Latents) -> np.ndarray:
        assert latents.head is not None
        features = in_space(latents, "head")
        centred = features - self.mean_
        along = (centred * latents.head.weight[latents.logits.argmax(axis=1)]).sum(axis=1)
        return -along / np.maximum(lengths(centred), L2_EPSILON) - self.alpha * lengths(features, 1)
