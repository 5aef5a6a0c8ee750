"""How long features are."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from latentviz.errors import DataError
from latentviz.latents import L2_EPSILON, lengths

Order = Literal["L1", "L2", "L∞"]

#: The norms, by how people write them.
ORDERS: tuple[Order, ...] = get_args(Order)

_ORD = {"L1": 1, "L2": 2, "L∞": np.inf}


def norms(features: np.ndarray, order: Order = "L2", normalise: bool = False) -> np.ndarray:
    """Length of every feature.

    Parameters
    ----------
    features : ndarray of shape (N, D)
    order : {"L1", "L2", "L∞"}
    normalise : bool
        Of ``z / ‖z‖₂``, what an L2 head sees: its L2 norm is 1, the others say how spread it is over features.

    Returns
    -------
    ndarray of shape (N,), float64

    Raises
    ------
    DataError
        If the norm is unknown.

    Examples
    --------
    >>> norms(np.array([[3.0, -4.0]]), "L1")
    array([7.])
    >>> norms(np.array([[3.0, -4.0]]), "L∞", normalise=True)
    array([0.8])
    """
    if order not in _ORD:
        raise DataError(f'There is no norm "{order}"; choose {", ".join(ORDERS)}.')
    found = lengths(features, _ORD[order])
    return found / np.maximum(lengths(features), L2_EPSILON) if normalise else found
