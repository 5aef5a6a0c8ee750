"""Clusterings of features that know no classes, with scikit-learn; see also :mod:`latentviz.geometry.multicut`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from latentviz.errors import DataError

Method = Literal["k-means", "gaussian-mixture", "agglomerative", "hdbscan"]
METHODS: tuple[Method, ...] = ("k-means", "gaussian-mixture", "agglomerative", "hdbscan")

Linkage = Literal["ward", "average", "complete", "single"]
Covariance = Literal["full", "tied", "diag", "spherical"]

#: Label of samples that HDBSCAN leaves out of every cluster.
NOISE = -1

#: From more samples on k-means works in mini-batches: much faster, and the centres are a little worse.
BATCHED_FROM = 20_000

#: Agglomerative clustering keeps the distances of all pairs.
_MOST_PAIRED = 20_000


@dataclass(frozen=True)
class Clustering:
    """Which clusters are looked for.

    Attributes
    ----------
    method : str
        One of :data:`METHODS`.
    clusters : int
        K; HDBSCAN finds its own number.
    linkage : str
        Of agglomerative clustering.
    min_cluster_size : int
        Of HDBSCAN.
    covariance : str
        Of the Gaussian mixture; full ones of wide features need very many samples.
    components : int or None
        The features are first reduced to so many principal components; None for all.
    seed : int
    """

    method: Method = "k-means"
    clusters: int = 10
    linkage: Linkage = "ward"
    min_cluster_size: int = 25
    covariance: Covariance = "diag"
    components: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise DataError(f'There is no clustering "{self.method}"; choose {", ".join(METHODS)}.')
        for name, low in (("clusters", 1), ("min_cluster_size", 2), ("seed", 0)):
            if getattr(self, name) < low:
                raise DataError(f"{name} is {getattr(self, name)}; expected at least {low}.")
        if self.components is not None and self.components < 1:
            raise DataError(f"components is {self.components}; expected at least 1, or None for all features.")


def cluster(features: np.ndarray, how: Clustering) -> np.ndarray:
    """Clusters of features.

    Parameters
    ----------
    features : ndarray of shape (N, D)
    how : Clustering

    Returns
    -------
    ndarray of shape (N,), int64
        Numbers from 0 on; :data:`NOISE` where HDBSCAN finds none.

    Raises
    ------
    DataError
        If there are fewer samples than clusters or principal components, too many for all of their pairs, or
        scikit-learn cannot cluster them.
    """
    count, width = features.shape
    if how.method == "hdbscan":
        if count < how.min_cluster_size:
            raise DataError(f"There are {count:,} samples; the smallest cluster is to have {how.min_cluster_size:,}.")
    elif count < how.clusters:
        raise DataError(f"There are {count:,} samples for {how.clusters:,} clusters; choose at most {count:,}.")
    if how.method == "agglomerative" and count > _MOST_PAIRED:
        raise DataError(
            f"Agglomerative clustering compares all pairs of {count:,} samples; choose at most {_MOST_PAIRED:,}, or "
            "another method."
        )
    if how.components is not None and how.components > min(count, width):
        raise DataError(
            f"{how.components:,} principal components of {count:,} samples with {width:,} features were asked for; "
            f"choose at most {min(count, width):,}."
        )
    values = features if how.components is None else _reduced(features, how.components, how.seed)
    try:
        return np.asarray(_labels(values, how), dtype=np.int64)
    except ValueError as error:  # covariances that cannot be inverted, a single sample
        raise DataError(f"{how.method} found no clusters of these {count:,} samples: {error}") from None


def _reduced(features: np.ndarray, components: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    return PCA(components, random_state=seed).fit_transform(features)


def _labels(values: np.ndarray, how: Clustering) -> np.ndarray:
    if how.method == "k-means":
        from sklearn.cluster import KMeans, MiniBatchKMeans

        if len(values) > BATCHED_FROM:
            batched = MiniBatchKMeans(how.clusters, batch_size=4096, n_init=3, random_state=how.seed)
            return batched.fit_predict(values)
        return KMeans(how.clusters, n_init=1, random_state=how.seed).fit_predict(values)
    if how.method == "gaussian-mixture":
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(
            how.clusters, covariance_type=how.covariance, reg_covar=1e-6 * _spread(values), random_state=how.seed
        )
        return mixture.fit_predict(values.astype(np.float64))
    if how.method == "agglomerative":
        from sklearn.cluster import AgglomerativeClustering

        return AgglomerativeClustering(how.clusters, linkage=how.linkage).fit_predict(values)
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=how.min_cluster_size, copy=True).fit_predict(values)


def _spread(values: np.ndarray) -> float:
    """Mean variance of a feature, the unit of what keeps covariances invertible; 1 if there is none."""
    return float(np.var(values, axis=0, dtype=np.float64).mean()) or 1.0
