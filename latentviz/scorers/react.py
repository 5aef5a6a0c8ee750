"""ReAct (Sun, Guo, Li 2021, arXiv 2111.12797)."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import in_space
from latentviz.scorers.torch_ood import LIBRARY, ShapedDetector, on_maps

# Samples that say about where a percentile is.
_PROBE = 1000


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
        self.threshold_ = _percentile(latents, self.percentile)

    def _detector(self, head: Any) -> Any:
        from pytorch_ood.detector import ReAct as Detector

        return Detector(None, on_maps(head), threshold=self.threshold_)

    def notes(self) -> list[str]:
        return [f"τ = {self.threshold_:.4g}"]


def _percentile(latents: Latents, percent: float) -> float:
    """The percentile of all activations that ``np.percentile`` finds, copying only those near it."""
    probe = in_space(latents[:: -(-len(latents) // _PROBE)], "head")
    last = len(latents) * latents.width - 1
    place = percent / 100 * last
    ranks = int(place), min(int(place) + 1, last)
    around = 1.0
    while True:
        low = np.percentile(probe, percent - around) if percent > around else -np.inf
        high = np.percentile(probe, percent + around) if percent + around < 100 else np.inf
        below = up_to_low = up_to_high = 0
        parts = []
        for block in latents.blocks():
            z = in_space(block, "head")
            below += int(np.count_nonzero(z < low))
            up_to_low += int(np.count_nonzero(z <= low))
            up_to_high += int(np.count_nonzero(z <= high))
            parts.append(z[(z > low) & (z < high)])
        if below <= ranks[0] and ranks[1] < up_to_high:
            break
        around *= 10  # the probe is unlike the others
    near = np.sort(np.concatenate(parts))

    def at(rank: int) -> float:
        if rank < up_to_low:
            return float(low)
        return float(near[rank - up_to_low] if rank - up_to_low < len(near) else high)

    return at(ranks[0]) + (at(ranks[1]) - at(ranks[0])) * (place - ranks[0])
