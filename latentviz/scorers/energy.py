"""Energy (Liu, Wang, Owens, Li 2020, arXiv 2010.03759)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import energy, log_sum_exp


@register
class Energy(Scorer):
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
    )

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = temperature

    def _score(self, latents: Latents) -> np.ndarray:
        if self.temperature == 1:
            return -log_sum_exp(latents)
        return self.temperature * energy(latents.logits.astype(np.float64) / self.temperature)
