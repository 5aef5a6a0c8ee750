"""ReAct (Sun, Guo, Li 2021, arXiv 2111.12797)."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import in_space
from latentviz.scorers.torch_ood import LIBRARY, ShapedDetector, on_maps


@register
class ReAct(ShapedDetector):
    r"""Energy after cutting off the largest activations, which out-of-distribution samples often have.

    .. math:: s(x) = -\log \sum_c \exp (W \min(z(x), \tau) + b)_c

    Parameters
    ----------
    percentile : float, default 90
        Of all activations of the training samples; its value is τ.

    Attributes
    ----------
    threshold_ : float
        τ.
    """

    info = ScorerInfo(
        name="react",
        title="ReAct",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}(W \min(z, \tau) + b)",
        needs=Needs.FEATURES | Needs.HEAD | Needs.FIT,
        paper=Paper(
            "ReAct: Out-of-distribution Detection With Rectified Activations",
            "NeurIPS",
            2021,
            "https://arxiv.org/abs/2111.12797",
        ),
        parameters=(Number("percentile", 90.0, 50, 100, help="Activations above this percentile are cut off."),),
        rectified=True,
        library=LIBRARY,
    )

    def __init__(self, percentile: float = 90.0) -> None:
        self.percentile = percentile

    def _fit(self, latents: Latents) -> None:
        self.threshold_ = float(np.percentile(in_space(latents, "head"), self.percentile))

    def _detector(self, head: Any) -> Any:
        from pytorch_ood.detector import ReAct as Detector

        return Detector(None, on_maps(head), threshold=self.threshold_)

    def notes(self) -> list[str]:
        return [f"τ = {self.threshold_:.4g}"]
