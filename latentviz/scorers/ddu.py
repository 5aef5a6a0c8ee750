"""Density of features under one Gaussian a class (Mukhoti et al. 2023, arXiv 2102.11582)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Choice, Family, Needs, Paper, ScorerInfo
from latentviz.scorers.mahalanobis import SPACE
from latentviz.scorers.moments import moments
from latentviz.scorers.registry import register
from latentviz.scorers.shared import Space, in_space

#: What is added to the diagonals, the first with which every covariance is positive definite.
JITTER = (0.0, *(10.0**exponent for exponent in range(-20, 0)))

#: Factors of all classes that are kept at most, in bytes.
_LIMIT = 4 * 2**30


@register
class DDU(Scorer):
    r"""Features that are improbable under the training features' classes are out-of-distribution.

    .. math:: s(x) = -\log \sum_c \mathcal N(z; \mu_c, \Sigma_c + \varepsilon 1)

    without class priors, in float64; Σ_c divided by n_c − 1. As the authors' code, ε is the smallest of 0, 1e-20 …
    1e-1 with which every class factorises. With fewer samples in a class than features ε decides the score:
    compare with a shared or a shrunk covariance.

    Parameters
    ----------
    covariance : {"class", "shared", "ledoit-wolf"}
        Each class's own, one for all, or each class's own shrunk towards a sphere (Ledoit, Wolf 2004).
    space : {"raw", "head", "unit"}
        S2 fits the density on normalised features; raw ones keep the norm.

    Attributes
    ----------
    epsilon_ : float
    means_ : ndarray of shape (c, D), float64
    factors_ : ndarray of shape (c or 1, D, D), float64
        Lower triangular Cholesky factors.
    smallest_ : int
        Samples of the smallest class.
    """

    info = ScorerInfo(
        name="ddu",
        title="DDU density",
        family=Family.DENSITY,
        formula=r"-\log \sum_c \mathcal{N}(z; \mu_c, \Sigma_c + \varepsilon I)",
        needs=Needs.FEATURES | Needs.FIT | Needs.LABELS,
        paper=Paper(
            "Deep Deterministic Uncertainty: A New Simple Baseline", "CVPR", 2023, "https://arxiv.org/abs/2102.11582"
        ),
        parameters=(
            Choice(
                "covariance",
                "class",
                ("class", "shared", "ledoit-wolf"),
                help="Shared and Ledoit–Wolf hold with few samples a class.",
            ),
            SPACE,
        ),
    )

    def __init__(self, covariance: str = "class", space: Space = "raw") -> None:
        self.covariance, self.space = covariance, space

    def _fit(self, latents: Latents) -> None:
        found = moments(latents, self.space)
        self.means_ = found.means[found.present]
        self.smallest_ = int(found.counts[found.present].min())
        needed = (1 if self.covariance == "shared" else len(self.means_)) * latents.width**2 * 8
        if needed > _LIMIT:
            raise ScorerError(
                f"{self.info.title} would keep {needed / 2**30:.0f} GB of covariances for {len(self.means_)} classes "
                f'of {latents.width} features; choose covariance "shared".'
            )
        if self.covariance == "shared":
            covariances = [found.within / max(len(latents) - len(self.means_), 1)]
        else:
            covariances = list(self._of_classes(latents, found.present))
        self.factors_, self.epsilon_ = _factorised(np.stack(covariances), self.info.title)

    def _of_classes(self, latents: Latents, classes: np.ndarray) -> Iterator[np.ndarray]:
        from sklearn.covariance import ledoit_wolf

        assert latents.labels is not None
        for label in classes:
            own = in_space(latents[np.flatnonzero(latents.labels == label)], self.space).astype(np.float64)
            if self.covariance == "ledoit-wolf":
                yield ledoit_wolf(own)[0]
            else:
                centred = own - own.mean(axis=0)
                yield centred.T @ centred / max(len(own) - 1, 1)

    def _score(self, latents: Latents) -> np.ndarray:
        from scipy.linalg import solve_triangular
        from scipy.special import logsumexp

        points = in_space(latents, self.space).astype(np.float64)
        shared = len(self.factors_) == 1
        logs = np.empty((len(points), len(self.means_)))
        for c, mean in enumerate(self.means_):
            factor = self.factors_[0 if shared else c]
            solved = solve_triangular(factor, (points - mean).T, lower=True, check_finite=False, overwrite_b=True)
            logs[:, c] = -0.5 * (solved**2).sum(axis=0) - np.log(np.diagonal(factor)).sum()
        return -logsumexp(logs, axis=1) + 0.5 * points.shape[1] * np.log(2 * np.pi)

    def notes(self) -> list[str]:
        said = [f"ε = {self.epsilon_:g}"]
        if self.covariance == "class" and self.smallest_ <= self.width_:
            said.append(
                f"The smallest class has {self.smallest_:,} samples for {self.width_:,} features: ε decides the score."
            )
        return said


def _factorised(covariances: np.ndarray, title: str) -> tuple[np.ndarray, float]:
    """Cholesky factors, and what had to be added to the diagonals."""
    eye = np.eye(covariances.shape[1])
    for epsilon in JITTER:
        try:
            return np.linalg.cholesky(covariances + epsilon * eye), epsilon
        except np.linalg.LinAlgError:
            continue
    raise ScorerError(f"{title}: a class's covariance cannot be factorised even with ε = {JITTER[-1]:g}.")
