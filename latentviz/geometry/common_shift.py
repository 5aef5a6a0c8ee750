"""What is left of one domain's features once the shift that all of its samples share is taken away."""

from __future__ import annotations

from typing import Literal

import numpy as np

from latentviz.errors import DataError
from latentviz.geometry.two_sample import checked

#: What is taken away: nothing, the difference of the means, or that of means and covariances.
Removed = Literal["nothing", "mean", "coral"]

#: In words.
REMOVED: dict[Removed, str] = {"nothing": "nothing", "mean": "mean shift", "coral": "mean and covariance (CORAL)"}


def removed(features: np.ndarray, towards: np.ndarray, what: Removed, ridge: float = 1.0) -> np.ndarray:
    r"""Move the features of a domain onto those of another, without labels.

    "mean": :math:`z - \mu + \mu_0`. "coral": :math:`(z - \mu)\,(C + \lambda I)^{-1/2} (C_0 + \lambda I)^{1/2} + \mu_0`
    with the means and covariances of both domains; index 0 is the one that is moved onto.

    Parameters
    ----------
    features : ndarray of shape (N, D)
        Of the domain that is moved.
    towards : ndarray of shape (M, D)
    what : {"nothing", "mean", "coral"}
    ridge : float
        :math:`\lambda` as a share of the mean variance of all features of both domains. At 1 it is the identity that
        the paper's code adds to the covariances of standardised features.

    Returns
    -------
    ndarray of shape (N, D), float32

    Raises
    ------
    DataError
        If there is no such alignment, a domain has fewer than two samples, or features are not finite.

    References
    ----------
    B. Sun, J. Feng, K. Saenko, Return of frustratingly easy domain adaptation, AAAI 2016, algorithm 1. There the
    training domain is moved, and a classifier trained anew; here the other one, under the classifier that there is,
    and the means are aligned, too.

    Examples
    --------
    >>> removed(np.array([[5.0, 0], [7, 2]]), np.array([[0.0, 0], [2, 2]]), "mean").tolist()
    [[0.0, 0.0], [2.0, 2.0]]
    """
    if what not in REMOVED:
        raise DataError(f'There is no alignment "{what}"; choose {", ".join(REMOVED)}.')
    if what == "nothing":
        return np.asarray(features, dtype=np.float32)
    z, base = checked(features, towards, fewest=2)
    mean, target = z.mean(axis=0), base.mean(axis=0)
    if what == "mean":
        return (z - mean + target).astype(np.float32)
    own, wanted = _covariance(z), _covariance(base)
    added = ridge * (np.trace(own) + np.trace(wanted)) / (2 * len(own))
    if not added > 0:
        raise DataError("CORAL needs a ridge above 0 and features that vary.")
    return ((z - mean) @ _power(own, added, -0.5) @ _power(wanted, added, 0.5) + target).astype(np.float32)


def _covariance(z: np.ndarray) -> np.ndarray:
    centred = z - z.mean(axis=0)
    return centred.T @ centred / (len(z) - 1)


def _power(covariance: np.ndarray, added: float, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * (np.maximum(values, 0) + added) ** exponent) @ vectors.T
