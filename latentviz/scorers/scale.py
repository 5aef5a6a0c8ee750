"""SCALE (Xu, Chen, Franchi, Yao 2024, arXiv 2310.00227)."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, ShapedDetector, on_maps, share_below


@register
class Scale(ShapedDetector):
    r"""Energy after scaling a sample by how its activation is spread; nothing is cut off.

    .. math:: s(x) = -\log \sum_c \exp (W z' + b)_c, \quad z' = e^{\sum z / \sum_{top} z} \cdot z

    Parameters
    ----------
    percentile : float, default 85
        The activations above it are the top.
    """

    info = ScorerInfo(
        name="scale",
        title="SCALE",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}(W z e^{\Sigma z / \Sigma_{top} z} + b)",
        needs=Needs.FEATURES | Needs.HEAD,
        paper=Paper(
            "Scaling for Training Time and Post-hoc Out-of-distribution Detection Enhancement",
            "ICLR",
            2024,
            "https://arxiv.org/abs/2310.00227",
        ),
        parameters=(Number("percentile", 85.0, 5, 99, help="Of the sample's activations; those above are the top."),),
        rectified=True,
        library=LIBRARY,
        version=2,
    )

    precision = np.float64  # of the exponential

    def __init__(self, percentile: float = 85.0) -> None:
        self.percentile = percentile

    def _detector(self, head: Any) -> Any:
        from pytorch_ood.detector import SCALE as Detector

        return Detector(None, on_maps(head), percentile=share_below(self.percentile, head))
