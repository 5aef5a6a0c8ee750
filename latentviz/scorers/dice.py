"""DICE (Sun, Li 2022, arXiv 2111.09805)."""

from __future__ import annotations

from typing import Any

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, FeaturesDetector


@register
class DICE(FeaturesDetector):
    r"""Energy from the weights that usually contribute most.

    .. math:: s(x) = -\log \sum_c \exp ((W \odot M) z(x) + b)_c

    with M = 1 where ``W · mean z`` of the training samples is among the largest.

    Parameters
    ----------
    percentile : float, default 90
        Weights whose contribution is below this percentile are left out.

    Attributes
    ----------
    mean_ : ndarray of shape (D,), float32
        Mean of the training features.
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
        library=LIBRARY,
    )

    def __init__(self, percentile: float = 90.0) -> None:
        self.percentile = percentile

    def _fit(self, latents: Latents) -> None:
        self.mean_ = moments(latents, "head").mean.astype("float32")

    def _detector(self, head: Any) -> Any:
        import torch
        from pytorch_ood.detector import DICE as Detector

        detector = Detector(None, head.weight, head.bias, p=self.percentile / 100)
        # It needs the mean of the training features only: one sample that is the mean gives the same.
        return detector.fit_features(torch.from_numpy(self.mean_)[None], torch.zeros(1, dtype=torch.int64))
