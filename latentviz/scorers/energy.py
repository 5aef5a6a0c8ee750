"""Energy (Liu, Wang, Owens, Li 2020, arXiv 2010.03759)."""

from __future__ import annotations

from typing import Any

from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, LogitsDetector


@register
class Energy(LogitsDetector):
    r"""High free energy is out-of-distribution.

    .. math:: s(x) = -T \log \sum_c e^{l_c(x) / T}

    Parameters
    ----------
    temperature : float, default 1
    """

    info = ScorerInfo(
        name="energy",
        title="Energy",
        family=Family.LOGITS,
        formula=r"-T \log \sum_c e^{l_c/T}",
        needs=Needs.LOGITS,
        paper=Paper("Energy-based Out-of-distribution Detection", "NeurIPS", 2020, "https://arxiv.org/abs/2010.03759"),
        parameters=(Number("temperature", 1.0, 0.1, 1000, logarithmic=True, help="Large: close to the mean logit."),),
        library=LIBRARY,
    )

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = temperature

    def _detector(self) -> Any:
        from pytorch_ood.detector import EnergyBased

        return EnergyBased(None, t=self.temperature)
