"""Logit scaling (Djurisic, Liu, Nikolic 2025, arXiv 2409.01175)."""

from __future__ import annotations

from typing import Any

from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, ShapedDetector


@register
class LogitScaling(ShapedDetector):
    r"""Energy of logits scaled by how a sample's activation is spread.

    .. math:: s(x) = -\log \sum_c e^{S\, l_c(x)}, \quad S = (\sum z^+ / \sum_{top} z^+)^2, \quad z^+ = \max(z, 0)

    with S = 1 where no feature is positive.

    Parameters
    ----------
    top : float, default 5
        Per cent of the activations that are the top.
    """

    info = ScorerInfo(
        name="lts",
        title="LTS",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}(l \cdot (\Sigma z^+ / \Sigma_{top} z^+)^2)",
        needs=Needs.FEATURES | Needs.HEAD,
        paper=Paper(
            "Logit Scaling for Out-of-Distribution Detection",
            "Machine Vision and Applications",
            2025,
            "https://arxiv.org/abs/2409.01175",
        ),
        parameters=(Number("top", 5.0, 1, 95, help="Per cent of the activations that are the top."),),
        rectified=True,
        library=LIBRARY,
        version=2,
    )

    predict = "predict_features"

    def __init__(self, top: float = 5.0) -> None:
        self.top = top

    def _detector(self, head: Any) -> Any:
        from pytorch_ood.detector import LTS as Detector

        return Detector(None, head, p=self.top / 100)
