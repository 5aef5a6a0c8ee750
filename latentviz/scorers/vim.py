"""Residual and virtual-logit matching (Wang, Li, Feng, Zhang 2022, arXiv 2203.10807)."""

from __future__ import annotations

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.shared import in_space, log_sum_exp, once

_PAPER = Paper("ViM: Out-Of-Distribution with Virtual-logit Matching", "CVPR", 2022, "https://arxiv.org/abs/2203.10807")
_NEEDS = Needs.FEATURES | Needs.HEAD | Needs.FIT
_DIMENSION = Number(
    "dimension",
    None,
    1,
    4096,
    whole=True,
    optional=True,
    logarithmic=True,
    help="Of the principal subspace; half of the features if left open. It must be smaller than their number.",
)
_WARNINGS = ("Says nothing with a dimension as large as the number of features, or of training samples.",)

# The training features lie in the principal subspace if no more of them than this is outside: float32 leaves 1e-7.
_NOTHING = 1e-6


@once
def _axes(latents: Latents) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin (D,) at which all logits are as equal as they can be, and the principal axes.

    Mean squares (D,) along the axes, and the axes (D, D), smallest first.
    """
    assert latents.head is not None
    weight, bias = latents.head.weight.astype(np.float64), latents.head.bias.astype(np.float64)
    # Weights of classes often add up to 0, in float32 up to rounding: that direction is none of theirs.
    origin = -np.linalg.pinv(weight, rcond=max(weight.shape) * np.finfo(np.float32).eps) @ bias
    squares, axes = np.linalg.eigh(moments(latents, "head").about(origin) / len(latents))
    return origin, squares, axes


@register
class Residual(Scorer):
    r"""Features outside the training features' principal subspace are out-of-distribution.

    .. math:: s(x) = \lVert P^\perp (z - u) \rVert_2, \quad u = -W^+ b

    Parameters
    ----------
    dimension : int, optional
        Of the principal subspace; D/2 by default, because its complement is empty from D on. It must be smaller
        than the number of training samples, too: they have no axes beyond.

    Attributes
    ----------
    origin_ : ndarray of shape (D,), float64
    complement_ : ndarray of shape (D, D − dimension), float64
    """

    info = ScorerInfo(
        name="residual",
        title="Residual",
        family=Family.DENSITY,
        formula=r"\lVert P^{\perp} (z-u) \rVert_2",
        needs=_NEEDS,
        paper=_PAPER,
        parameters=(_DIMENSION,),
        warnings=_WARNINGS,
    )

    def __init__(self, dimension: int | None = None) -> None:
        self.dimension = dimension

    def _refuses(self, fit: Latents) -> str:
        if min(fit.width, len(fit)) < 2:
            return f"{self.info.title} needs at least two features and two training samples."
        dimension = self._principal(fit.width)
        limit, what = min((fit.width, "features"), (len(fit), "training samples"))
        if dimension >= limit:
            return (
                f"{self.info.title} with dimension {dimension:,} leaves no room: there are {limit:,} {what}. "
                f"Choose 1 to {limit - 1:,}."
            )
        return ""

    def _principal(self, width: int) -> int:
        return self.dimension or width // 2

    def _fit(self, latents: Latents) -> None:
        self.origin_, _, axes = _axes(latents)
        self.complement_ = axes[:, : latents.width - self._principal(latents.width)]

    def _score(self, latents: Latents) -> np.ndarray:
        return np.linalg.norm((in_space(latents, "head") - self.origin_) @ self.complement_, axis=1)

    def notes(self) -> list[str]:
        return [f"{self.width_ - self.complement_.shape[1]} of {self.width_} dimensions are principal"]


@register
class ViM(Residual):
    r"""The residual as one more logit, against the energy of the others.

    .. math:: s(x) = \alpha \lVert P^\perp (z - u) \rVert_2 - \log \sum_c e^{l_c}

    with α such that the residual of the training samples is on average as large as their largest logit.

    Parameters
    ----------
    dimension : int, optional
        Of the principal subspace; D/2 by default, because its complement is empty from D on.

    Attributes
    ----------
    alpha_ : float
    """

    info = ScorerInfo(
        name="vim",
        title="ViM",
        family=Family.DENSITY,
        formula=r"\alpha \lVert P^{\perp} (z-u) \rVert_2 - \mathrm{LSE}(l)",
        needs=_NEEDS | Needs.LOGITS,
        paper=_PAPER,
        parameters=(_DIMENSION,),
        warnings=_WARNINGS,
    )

    def _fit(self, latents: Latents) -> None:
        _, squares, _ = _axes(latents)
        outside = np.sqrt(np.cumsum(np.maximum(squares, 0)))  # of the 1, 2 … D smallest axes
        filled = int((outside > _NOTHING * outside[-1]).sum())
        dimension = self._principal(latents.width)
        if dimension >= filled:
            raise ScorerError(
                f"{self.info.title} with dimension {dimension:,} leaves nothing of the training features outside: "
                f"they fill only {filled:,} dimensions. "
                + (f"Choose 1 to {filled - 1:,}." if filled > 1 else "It cannot be used with them.")
            )
        super()._fit(latents)
        residual = sum(float(super(ViM, self)._score(block).sum()) for block in latents.blocks())
        self.alpha_ = float(latents.logits.max(axis=1).sum(dtype=np.float64)) / residual

    def _score(self, latents: Latents) -> np.ndarray:
        return self.alpha_ * super()._score(latents) - log_sum_exp(latents)

    def notes(self) -> list[str]:
        return [*super().notes(), f"α = {self.alpha_:.4g}"]
