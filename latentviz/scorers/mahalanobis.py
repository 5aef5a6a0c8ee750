"""Mahalanobis distance (Lee, Lee, Lee, Shin 2018, arXiv 1807.03888)."""

from __future__ import annotations

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Choice, Family, Needs, Paper, ScorerInfo
from latentviz.scorers.moments import moments, nearest_squared, whitening
from latentviz.scorers.registry import register
from latentviz.scorers.shared import Space, in_space

#: Which features a scorer of the density family looks at.
SPACE = Choice(
    "space",
    "raw",
    ("raw", "head", "unit"),
    help="raw: features as they are; head: as the last layer sees them; unit: divided by their length.",
)

LEFT_OUT = (
    "Directions in which the training features do not vary are left out: what differs from them in these alone is "
    "not noticed. With fewer samples than features there are many."
)


@register
class Mahalanobis(Scorer):
    r"""Features far from every class's mean, in units of their usual spread, are out-of-distribution.

    .. math:: s(x) = \min_c (z - \mu_c)^\top \Sigma^+ (z - \mu_c)

    with the covariance within classes, shared by them and divided by N. Directions in which the training features
    do not vary within classes, or no more than rounding makes them, are left out (pseudo-inverse). pytorch-ood
    returns half of the distance under the scatter matrix, ``s / 2N``, in float32 and with a ridge of 1e-6.

    Parameters
    ----------
    space : {"raw", "head", "unit"}

    Attributes
    ----------
    whitening_ : ndarray of shape (D, r), float64
    centres_ : ndarray of shape (c, r), float64
        Class means, whitened.
    """

    info = ScorerInfo(
        name="mahalanobis",
        title="Mahalanobis",
        family=Family.DENSITY,
        formula=r"\min_c (z-\mu_c)^\top \Sigma^{+} (z-\mu_c)",
        needs=Needs.FEATURES | Needs.FIT | Needs.LABELS,
        paper=Paper(
            "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks",
            "NeurIPS",
            2018,
            "https://arxiv.org/abs/1807.03888",
        ),
        parameters=(SPACE,),
        warnings=(LEFT_OUT,),
        version=2,
    )

    def __init__(self, space: Space = "raw") -> None:
        self.space = space

    def _fit(self, latents: Latents) -> None:
        found = moments(latents, self.space)
        self.whitening_ = whitening(found.within / len(latents), found.rounding)
        if self.whitening_.shape[1] == 0:
            raise ScorerError(
                f"{self.info.title} needs training features that differ within classes; these do not. "
                "Add samples to the classes."
            )
        self.centres_ = found.means[found.present] @ self.whitening_

    def _score(self, latents: Latents) -> np.ndarray:
        points = in_space(latents, self.space).astype(np.float64) @ self.whitening_
        return nearest_squared(points, self.centres_)
