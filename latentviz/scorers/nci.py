"""Neural-collapse-inspired detector (Liu, Qin 2025, arXiv 2311.01479)."""

from __future__ import annotations

from typing import Any

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, FeaturesDetector


@register
class NCI(FeaturesDetector):
    r"""Features that do not point along the predicted class's weights, or are short, are out-of-distribution.

    .. math:: s(x) = -\frac{\langle w_{\hat y}, z - \mu \rangle}{\lVert z - \mu \rVert} - \alpha \lVert z \rVert_1

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
        needs=Needs.FEATURES | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "Detecting Out-of-Distribution through the Lens of Neural Collapse",
            "CVPR",
            2025,
            "https://arxiv.org/abs/2311.01479",
        ),
        parameters=(Number("alpha", 1e-4, 0, 1, help="Weight of the feature's length."),),
        rectified=True,
        library=LIBRARY,
    )

    def __init__(self, alpha: float = 1e-4) -> None:
        self.alpha = alpha

    def _fit(self, latents: Latents) -> None:
        self.mean_ = moments(latents, "head").mean.astype("float32")

    def _detector(self, head: Any) -> Any:
        import torch
        from pytorch_ood.detector import NCI as Detector

        # It needs the mean of the training features only: one sample that is the mean gives the same.
        return Detector(None, head, alpha=self.alpha).fit_features(torch.from_numpy(self.mean_)[None])
