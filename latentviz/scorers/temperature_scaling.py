"""Max softmax at the temperature that calibrates it (Guo, Pleiss, Sun, Weinberger 2017, arXiv 1706.04599)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register

# ln T is looked for within these; at the ends the logits say nothing, or the labels everything.
_LOWEST, _HIGHEST = -5.0, 7.0


@register
class TemperatureScaling(Scorer):
    r"""Unsure predictions are out-of-distribution, after calibration.

    .. math:: s(x) = -\max_c \mathrm{softmax}(l(x) / T^*)_c

    T* minimises the negative log-likelihood of the ``fit`` set's classes. The paper takes validation data: on
    training data, which the network knows by heart, T* comes out lower. pytorch-ood stops after 50 small steps
    of L-BFGS; here the minimum is found to 1e-6.

    Attributes
    ----------
    temperature_ : float
    """

    info = ScorerInfo(
        name="temperature-scaling",
        title="Temperature scaling",
        family=Family.LOGITS,
        formula=r"-\max_c \mathrm{softmax}(l/T^*)_c",
        needs=Needs.LOGITS | Needs.FIT | Needs.LABELS,
        paper=Paper("On Calibration of Modern Neural Networks", "ICML", 2017, "https://arxiv.org/abs/1706.04599"),
    )

    def _fit(self, latents: Latents) -> None:
        from scipy.optimize import minimize_scalar

        logits = latents.logits.astype(np.float64)
        # Of the margins to the right class: log p_y = −log Σ_c exp((l_c − l_y) / T).
        margins = logits - logits[np.arange(len(logits)), latents.labels][:, None]

        def loss(log_temperature: float) -> float:
            scaled = margins * np.exp(-log_temperature)
            top = scaled.max(axis=1)
            return float((top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))).mean())

        found = minimize_scalar(loss, bounds=(_LOWEST, _HIGHEST), method="bounded", options={"xatol": 1e-6})
        self.temperature_ = float(np.exp(found.x))

    def _score(self, latents: Latents) -> np.ndarray:
        scaled = latents.logits.astype(np.float64) / self.temperature_
        return -1 / np.exp(scaled - scaled.max(axis=1, keepdims=True)).sum(axis=1)

    def notes(self) -> list[str]:
        return [f"T* = {self.temperature_:.3g}"]
