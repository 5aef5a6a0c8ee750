"""Distance to the decision boundaries (Liu, Qin 2024, arXiv 2312.11536)."""

from __future__ import annotations

from typing import Any

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, FeaturesDetector


@register
class FDBD(FeaturesDetector):
    r"""Features close to the decision boundaries, for their distance from the mean, are out-of-distribution.

    .. math:: s(x) = -\frac{1}{\lVert z - \mu \rVert (C-1)} \sum_{c \ne \hat y}
        \frac{l_{\hat y} - l_c}{\lVert w_{\hat y} - w_c \rVert}

    Attributes
    ----------
    mean_ : ndarray of shape (D,), float32
        μ, the mean of the training features.
    """

    info = ScorerInfo(
        name="fdbd",
        title="fDBD",
        family=Family.FEATURES,
        formula=r"-\mathrm{mean}_c \frac{l_{\hat y} - l_c}{\lVert w_{\hat y} - w_c \rVert}"
        r" \,/\, \lVert z - \mu \rVert",
        needs=Needs.FEATURES | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "Fast Decision Boundary based Out-of-Distribution Detector",
            "ICML",
            2024,
            "https://arxiv.org/abs/2312.11536",
        ),
        library=LIBRARY,
    )

    def _fit(self, latents: Latents) -> None:
        self.mean_ = moments(latents, "head").mean.astype("float32")

    def _detector(self, head: Any) -> Any:
        import torch
        from pytorch_ood.detector import fDBD as Detector

        # It needs the mean of the training features only: one sample that is the mean gives the same.
        return Detector(None, head).fit_features(torch.from_numpy(self.mean_)[None])
