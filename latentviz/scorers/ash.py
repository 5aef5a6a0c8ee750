"""ASH (Djurisic, Bozanic, Ashok, Liu 2023, arXiv 2209.09858)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, ShapedDetector, on_maps, share_below

_PAPER = Paper(
    "Extremely Simple Activation Shaping for Out-of-Distribution Detection",
    "ICLR",
    2023,
    "https://arxiv.org/abs/2209.09858",
)
_PERCENTILE = Number("percentile", 90.0, 5, 99, help="Activations below this percentile of the sample become 0.")
_NEEDS = Needs.FEATURES | Needs.HEAD


class _Ash(ShapedDetector):
    variant: ClassVar[str]

    def __init__(self, percentile: float = 90.0) -> None:
        self.percentile = percentile

    def _detector(self, head: Any) -> Any:
        from pytorch_ood.detector import ASH as Detector

        return Detector(None, on_maps(head), variant=self.variant, percentile=share_below(self.percentile, head))


@register
class AshS(_Ash):
    r"""Energy after setting a sample's small activations to 0 and scaling the others.

    .. math:: s(x) = -\log \sum_c \exp (W z' + b)_c, \quad
        z' = e^{\sum z / \sum_{top} z} \cdot z \odot [z \ge q]

    Parameters
    ----------
    percentile : float, default 90
        q is this percentile of the sample's activations.
    """

    variant = "ash-s"
    precision = np.float64  # of the exponential
    info = ScorerInfo(
        name="ash-s",
        title="ASH-S",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}(W z' + b),\; z' = e^{\Sigma z / \Sigma_{top} z}\, z\,[z \ge q]",
        needs=_NEEDS,
        paper=_PAPER,
        parameters=(_PERCENTILE,),
        rectified=True,
        library=LIBRARY,
        version=2,
    )


@register
class AshB(_Ash):
    r"""Energy after setting a sample's small activations to 0 and all others to one value of the same sum.

    .. math:: s(x) = -\log \sum_c \exp (W z' + b)_c, \quad z'_i = [z_i \ge q] \cdot \sum z / n_{top}

    Parameters
    ----------
    percentile : float, default 90
        q is this percentile of the sample's activations.
    """

    variant = "ash-b"
    info = ScorerInfo(
        name="ash-b",
        title="ASH-B",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}(W z' + b),\; z'_i = [z_i \ge q]\, \Sigma z / n_{top}",
        needs=_NEEDS,
        paper=_PAPER,
        parameters=(_PERCENTILE,),
        rectified=True,
        library=LIBRARY,
    )


@register
class AshP(_Ash):
    r"""Energy after setting a sample's small activations to 0.

    .. math:: s(x) = -\log \sum_c \exp (W (z \odot [z \ge q]) + b)_c

    Parameters
    ----------
    percentile : float, default 90
        q is this percentile of the sample's activations.
    """

    variant = "ash-p"
    info = ScorerInfo(
        name="ash-p",
        title="ASH-P",
        family=Family.SHAPING,
        formula=r"-\mathrm{LSE}(W (z\,[z \ge q]) + b)",
        needs=_NEEDS,
        paper=_PAPER,
        parameters=(_PERCENTILE,),
        rectified=True,
        library=LIBRARY,
    )
