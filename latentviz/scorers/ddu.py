"""Density of features under one Gaussian a class (Mukhoti et al. 2023, arXiv 2102.11582)."""

from __future__ import annotations

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import BLOCK, Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Choice, Family, Needs, Paper, ScorerInfo
from latentviz.scorers.mahalanobis import SPACE
from latentviz.scorers.moments import class_means, moments
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

    without class priors, in float64; Σ_c divided by n_c − 1. ε is the smallest of 0, 1e-20, 1e-19 … 1e-1 with which
    every class factorises. Public copies of the authors' code begin at 0 or at 1e-308; this ladder is cut at 1e-20,
    because less is lost in rounding beside a variance of usual size. With fewer samples in a class than features ε
    decides the score: compare with a shared or a shrunk covariance.

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
        warnings=(
            "With fewer samples in a class than features ε decides the score: choose the shared covariance or "
            "Ledoit–Wolf's.",
            "The covariances of all classes are kept: C · D² numbers.",
        ),
    )

    def __init__(self, covariance: str = "class", space: Space = "raw") -> None:
        self.covariance, self.space = covariance, space

    def _fit(self, latents: Latents) -> None:
        found = class_means(latents, self.space)
        self.means_ = found.means[found.present]
        self.smallest_ = int(found.counts[found.present].min())
        needed = (1 if self.covariance == "shared" else len(self.means_)) * latents.width**2 * 8
        if needed > _LIMIT:
            raise ScorerError(
                f"{self.info.title} would keep {needed / 2**30:.0f} GB of covariances for {len(self.means_)} classes "
                f'of {latents.width} features; choose covariance "shared".'
            )
        if self.covariance == "shared":
            within = moments(latents, self.space).within
            self.factors_ = (within / max(len(latents) - len(self.means_), 1))[None]
        else:
            self.factors_ = np.zeros((len(self.means_), latents.width, latents.width))
            for covariance, mean, label in zip(self.factors_, self.means_, found.present, strict=True):
                self._add_covariance(covariance, latents, label, mean)
        self.epsilon_ = _factorise(self.factors_, self.info.title)

    def _add_covariance(self, covariance: np.ndarray, latents: Latents, label: int, mean: np.ndarray) -> None:
        """Add a class's covariance to zeros (D, D)."""
        rows = np.flatnonzero(latents.labels == label)
        fourth = 0.0
        for start in range(0, len(rows), BLOCK):
            centred = in_space(latents[rows[start : start + BLOCK]], self.space).astype(np.float64)
            centred -= mean
            covariance += centred.T @ centred
            fourth += float((np.einsum("nd,nd->n", centred, centred) ** 2).sum())
        if self.covariance == "ledoit-wolf":
            covariance /= len(rows)
            _shrink(covariance, fourth / len(rows), len(rows))
        else:
            covariance /= max(len(rows) - 1, 1)

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
        decides = "ε decides" if self.epsilon_ else "rounding decides"
        if self.covariance == "class" and self.smallest_ <= self.width_:
            said.append(
                f"The smallest class has {self.smallest_:,} samples for {self.width_:,} features: {decides} the score."
            )
        elif self.epsilon_:
            said.append("The features do not vary in all directions: ε decides how much the others count.")
        return said


def _shrink(covariance: np.ndarray, fourth: float, samples: int) -> None:
    """Move a covariance (D, D), divided by n, towards a sphere (Ledoit, Wolf 2004), in place.

    ``fourth`` is the mean of ‖z − μ‖⁴.
    """
    width = len(covariance)
    sphere = np.trace(covariance) / width
    square = float((covariance**2).sum())
    apart = square - width * sphere**2
    share = min((fourth - square) / samples / apart, 1.0) if apart > 0 else 0.0
    covariance *= 1 - share
    covariance.flat[:: width + 1] += share * sphere


def _factorise(covariances: np.ndarray, title: str) -> float:
    """Put lower Cholesky factors in the place of covariances (c, D, D); what had to be added to the diagonals."""
    for epsilon in JITTER:
        if all(_factor(covariance, epsilon) is not None for covariance in covariances):
            for covariance in covariances:  # one by one: a second array of them may not fit into memory
                covariance[:] = _factor(covariance, epsilon)
            return epsilon
    raise ScorerError(f"{title}: a class's covariance cannot be factorised even with ε = {JITTER[-1]:g}.")


def _factor(covariance: np.ndarray, epsilon: float) -> np.ndarray | None:
    jittered = covariance.copy()
    jittered.flat[:: len(jittered) + 1] += epsilon
    try:
        return np.linalg.cholesky(jittered)
    except np.linalg.LinAlgError:
        return None
