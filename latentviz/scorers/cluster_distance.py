"""Distance to the nearest cluster of training features; a definition of this project, after arXiv 2106.12303."""

from __future__ import annotations

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.cores import alone
from latentviz.scorers.info import Family, Needs, Number, ScorerInfo
from latentviz.scorers.mahalanobis import SPACE
from latentviz.scorers.moments import nearest_squared
from latentviz.scorers.registry import register
from latentviz.scorers.shared import Space, in_space

#: More training samples than this are clustered in mini-batches.
WHOLE = 20_000


@register
class ClusterDistance(Scorer):
    r"""Features far from every cluster of the training features are out-of-distribution; needs no classes.

    .. math:: s(x) = \min_j \lVert z - m_j \rVert_2

    with the centres of k-means, from 20,001 training samples on in mini-batches: much faster, and the centres are a
    little worse. This score is this project's own; the paper that suggests it (Ho, Pfreundt, Keuper,
    Keuper 2021, arXiv 2106.12303) clusters latents to estimate robustness.

    Parameters
    ----------
    clusters : int, optional
        As many as classes by default.
    space : {"raw", "head", "unit"}
    seed : int, default 0

    Attributes
    ----------
    centres_ : ndarray of shape (clusters, D), float64
    samples_ : int
        Training samples.
    """

    info = ScorerInfo(
        name="cluster-distance",
        title="Cluster distance",
        family=Family.NEIGHBOURS,
        formula=r"\min_j \lVert z - m_j \rVert_2",
        needs=Needs.FEATURES | Needs.FIT,
        parameters=(
            Number(
                "clusters",
                None,
                1,
                1000,
                whole=True,
                optional=True,
                logarithmic=True,
                help="Of k-means; as many as classes if left open.",
            ),
            SPACE,
            Number("seed", 0, 0, 2**31 - 1, whole=True, help="Of k-means."),
        ),
        warnings=(
            "Depends on the seed: k-means finds one of many clusterings.",
            f"More than {WHOLE:,} training samples are clustered in mini-batches, which is a little worse.",
        ),
        version=2,
    )

    def __init__(self, clusters: int | None = None, space: Space = "raw", seed: int = 0) -> None:
        self.clusters, self.space, self.seed = clusters, space, seed

    def _refuses(self, fit: Latents) -> str:
        wanted = self.clusters or fit.classes
        if wanted > len(fit):
            return f"{self.info.title} with {wanted:,} clusters needs as many training samples; there are {len(fit):,}."
        return ""

    def _fit(self, latents: Latents) -> None:
        from sklearn.cluster import KMeans, MiniBatchKMeans

        self.samples_ = len(latents)
        kind = KMeans if self.samples_ <= WHOLE else MiniBatchKMeans
        found = kind(self.clusters or latents.classes, n_init=3, random_state=self.seed)
        with alone:  # scikit-learn takes BLAS's threads meanwhile
            self.centres_ = found.fit(in_space(latents, self.space)).cluster_centers_.astype(np.float64)

    def _score(self, latents: Latents) -> np.ndarray:
        return np.sqrt(nearest_squared(in_space(latents, self.space).astype(np.float64), self.centres_))

    def notes(self) -> list[str]:
        return [f"{self.samples_:,} training samples were clustered in mini-batches"] if self.samples_ > WHOLE else []
