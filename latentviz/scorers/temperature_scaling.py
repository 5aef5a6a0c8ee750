"""Max softmax at the temperature that calibrates it (Guo, Pleiss, Sun, Weinberger 2017, arXiv 1706.04599)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register

# ln T is looked for in steps of this, and up to the largest; it lies there if the logits say nothing about the classes.
_STEP, _LARGEST = 2.0, 14.0


@register
class TemperatureScaling(Scorer):
    r"""Unsure predictions are out-of-distribution, after calibration.

    .. math:: s(x) = -\max_c \mathrm{softmax}(l(x) / T^*)_c

    T* minimises the negative log-likelihood of the ``fit`` set's classes. The paper takes validation data: on
    training data, which the network knows by heart, T* comes out lower. Where it classifies all of them correctly there
    is no T*, because the likelihood grows until T is 0 and every softmax 1; then T = 1, which is max softmax.
    pytorch-ood stops after 50 small steps of L-BFGS; here the minimum is found to 1e-9.

    Attributes
    ----------
    temperature_ : float
    calibrated_ : bool
        Whether there is a T*.
    """

    info = ScorerInfo(
        name="temperature-scaling",
        title="Temperature scaling",
        family=Family.LOGITS,
        formula=r"-\max_c \mathrm{softmax}(l/T^*)_c",
        needs=Needs.LOGITS | Needs.FIT | Needs.LABELS,
        paper=Paper("On Calibration of Modern Neural Networks", "ICML", 2017, "https://arxiv.org/abs/1706.04599"),
        version=2,
    )

    def _fit(self, latents: Latents) -> None:
        self.calibrated_ = any(bool((_margins(block) > 0).any()) for block in latents.blocks())
        self.temperature_ = float(np.exp(_most_likely(latents))) if self.calibrated_ else 1.0

    def _score(self, latents: Latents) -> np.ndarray:
        scaled = latents.logits.astype(np.float64) / self.temperature_
        return -1 / np.exp(scaled - scaled.max(axis=1, keepdims=True)).sum(axis=1)

    def notes(self) -> list[str]:
        if self.calibrated_:
            return [f"T* = {self.temperature_:.3g}"]
        return ["T = 1: the training samples are classified correctly, so that no temperature is the most likely one"]


def _most_likely(latents: Latents) -> float:
    """ln T* of samples of which some are classified wrongly."""
    from scipy.optimize import brentq

    def slope(log_temperature: float) -> float:
        """Of the loss over 1 / T, in which it is convex: −log p_y = log Σ_c exp((l_c − l_y) / T)."""
        total = 0.0
        for block in latents.blocks():
            margins = _margins(block)
            powers = np.exp((margins - margins.max(axis=1, keepdims=True)) * np.exp(-log_temperature))
            total += float(((margins * powers).sum(axis=1) / powers.sum(axis=1)).sum())
        return total

    low = high = 0.0
    while slope(low) <= 0:
        low -= _STEP
    while slope(high) >= 0:
        high += _STEP
        if high > _LARGEST:
            return _LARGEST
    return float(brentq(slope, low, high, xtol=1e-9))


def _margins(latents: Latents) -> np.ndarray:
    """``l_c − l_y`` (N, C), float64."""
    own = latents.logits[np.arange(len(latents)), latents.labels]
    return latents.logits - own[:, None].astype(np.float64)
