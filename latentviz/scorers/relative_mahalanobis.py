"""Relative Mahalanobis distance (Ren et al. 2021, arXiv 2106.09022)."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.mahalanobis import LEFT_OUT, SPACE, Mahalanobis
from latentviz.scorers.moments import moments, nearest_squared, whitening
from latentviz.scorers.registry import register
from latentviz.scorers.shared import in_space


@register
class RelativeMahalanobis(Mahalanobis):
    r"""Mahalanobis distance to the nearest class, less that to all training samples taken as one class.

    .. math:: s(x) = \min_c (z - \mu_c)^\top \Sigma^+ (z - \mu_c) - (z - \mu_0)^\top \Sigma_0^+ (z - \mu_0)

    Both covariances divided by N; pytorch-ood uses the scatter matrices, which gives ``s / N``.

    Parameters
    ----------
    space : {"raw", "head", "unit"}

    Attributes
    ----------
    background_whitening_ : ndarray of shape (D, r), float64
    background_centre_ : ndarray of shape (1, r), float64
    """

    info = ScorerInfo(
        name="relative-mahalanobis",
        title="Relative Mahalanobis",
        family=Family.DENSITY,
        formula=r"\min_c (z-\mu_c)^\top \Sigma^{+} (z-\mu_c) - (z-\mu_0)^\top \Sigma_0^{+} (z-\mu_0)",
        needs=Needs.FEATURES | Needs.FIT | Needs.LABELS,
        paper=Paper(
            "A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection",
            "ICML workshop",
            2021,
            "https://arxiv.org/abs/2106.09022",
        ),
        parameters=(SPACE,),
        warnings=(LEFT_OUT,),
        version=2,
    )

    def _fit(self, latents: Latents) -> None:
        super()._fit(latents)
        found = moments(latents, self.space)
        self.background_whitening_ = whitening(found.total / len(latents), found.rounding)
        self.background_centre_ = found.mean[None] @ self.background_whitening_

    def _score(self, latents: Latents) -> np.ndarray:
        points = in_space(latents, self.space).astype(np.float64) @ self.background_whitening_
        return super()._score(latents) - nearest_squared(points, self.background_centre_)
