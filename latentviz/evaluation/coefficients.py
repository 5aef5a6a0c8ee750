"""Correlation coefficients of many resamples at once; a resample is how often it holds every dot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np

from latentviz.errors import DataError
from latentviz.evaluation.intervals import Resamples

Kind = Literal["spearman", "pearson", "kendall"]

#: The coefficients.
KINDS: tuple[Kind, ...] = get_args(Kind)

#: What people call them.
TITLES: dict[str, str] = {"spearman": "Spearman", "pearson": "Pearson", "kendall": "Kendall τ_b"}

# Entries of the largest array that is made at a time: 16 MB in float64.
_ENTRIES = 2_000_000


def kind_named(kind: str) -> Kind:
    """The coefficient of a name.

    Raises
    ------
    DataError
        If there is none; lists those there are.
    """
    if kind not in KINDS:
        raise DataError(f'There is no correlation "{kind}"; choose {", ".join(KINDS)}.')
    return kind


def coefficients(x: np.ndarray, y: np.ndarray, weights: np.ndarray, kind: Kind) -> np.ndarray:
    """Correlation of the dots in every resample.

    Equal values have the mean of their ranks (Spearman) and are no pair in either order (Kendall's τ_b), also those
    that are equal because a resample holds a dot twice.

    Parameters
    ----------
    x, y : ndarray of shape (n,), float64
        Finite.
    weights : ndarray of shape (R, n)
        How often every resample holds every dot; ones for the dots themselves.
    kind : {"spearman", "pearson", "kendall"}

    Returns
    -------
    ndarray of shape (R,), float64
        NaN where all dots of a resample have the same ``x`` or the same ``y``, or there are none.

    References
    ----------
    M. G. Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945).

    Examples
    --------
    >>> x, y = np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])
    >>> coefficients(x, y, np.array([[1, 1, 1, 1], [2, 0, 0, 2], [4, 0, 0, 0]]), "spearman")
    array([0.8, 1. , nan])
    """
    of = {"spearman": _spearman, "pearson": _pearson, "kendall": _kendall}[kind]
    rows = max(1, _ENTRIES // max(len(x), 1))
    blocks = [of(x, y, weights[start : start + rows]) for start in range(0, len(weights), rows)]
    return np.concatenate(blocks) if blocks else np.empty(0)


def drawn(units: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Bootstrap of independent units: how often every replicate draws each, in blocks (r, units) of whole numbers.

    Raises
    ------
    DataError
        If there are no replicates.
    """
    # The other side of a stratified bootstrap has one sample, which is always drawn once.
    return (counts for counts, _ in Resamples(units, 1, replicates, seed))


def replicated(units: np.ndarray, replicates: int, seed: int, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A number of every replicate, in which all dots of a unit are drawn together.

    Parameters
    ----------
    units : ndarray of shape (n,), int
        The unit of every dot, from 0; with one dot each it is the plain bootstrap.
    replicates, seed : int
    of : callable
        Weights (r, n) → numbers (r,).

    Returns
    -------
    ndarray of shape (replicates,), float64

    Raises
    ------
    DataError
        If there are no replicates.
    """
    rows = max(1, _ENTRIES // len(units))
    return np.concatenate(
        [
            of(counts[start : start + rows].take(units, axis=1))
            for counts in drawn(int(units.max()) + 1, replicates, seed)
            for start in range(0, len(counts), rows)
        ]
    )


def _pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    weights = weights.astype(np.float64)
    constant = _constant(x, weights) | _constant(y, weights)
    return _product_moment(_scaled(x)[None], _scaled(y)[None], weights, constant)


def _spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    constant = _constant(x, weights) | _constant(y, weights)
    return _product_moment(_ranks(x, weights), _ranks(y, weights), weights.astype(np.float64), constant)


def _kendall(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # Single precision is twice as fast, and exact for whole numbers below 2^24, which no sum of a row of pairs passes.
    counts = weights.astype(np.float32)
    total = np.zeros(len(weights))
    (_, x_rank), (_, y_rank) = np.unique(x, return_inverse=True), np.unique(y, return_inverse=True)
    rows = max(1, _ENTRIES // len(x))
    for start in range(0, len(x), rows):
        some = slice(start, start + rows)
        order = np.sign(x_rank[some, None] - x_rank) * np.sign(y_rank[some, None] - y_rank)
        total += np.einsum("rn,rn->r", counts @ order.T.astype(np.float32), counts[:, some], dtype=np.float64)
    n = weights.sum(axis=1, dtype=np.float64)
    return _quotient(total, np.sqrt(n**2 - _tied(x, weights)) * np.sqrt(n**2 - _tied(y, weights)))


def _product_moment(x: np.ndarray, y: np.ndarray, weights: np.ndarray, constant: np.ndarray) -> np.ndarray:
    n = np.maximum(weights.sum(axis=1), 1)
    away_x, away_y = (
        v - (np.einsum("rn,rn->r", weights, np.broadcast_to(v, weights.shape)) / n)[:, None] for v in (x, y)
    )
    both, of_x, of_y = (
        np.einsum("rn,rn,rn->r", weights, a, b) for a, b in ((away_x, away_y), (away_x, away_x), (away_y, away_y))
    )
    product = np.sqrt(of_x) * np.sqrt(of_y)
    return _quotient(both, np.where(constant, 0, product))


def _quotient(both: np.ndarray, product: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.full(len(both), np.nan)
    np.divide(both, product, out=found, where=product > 0)
    # Rounding leaves 1 + 1e-16, or 1 - 1e-16 in some resamples of a perfect order: an interval with a width of 1e-16.
    perfect = np.abs(found) > 1 - 1e-12
    found[perfect] = np.sign(found[perfect])
    return found


def _scaled(values: np.ndarray) -> np.ndarray:
    """With 1 as the largest; neither squares nor sums of them overflow."""
    return values / (float(np.abs(values).max(initial=0)) or 1.0)


def _constant(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Whether (R,) a resample holds no two different values."""
    there = weights > 0
    low: np.ndarray = np.where(there, values, np.inf).min(axis=1, initial=np.inf)
    high: np.ndarray = np.where(there, values, -np.inf).max(axis=1, initial=-np.inf)
    return low >= high


def _by_value(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number (n,) of every dot's distinct value, and the dots of a resample (R, G + 1) up to each, from 0."""
    distinct, number = np.unique(values, return_inverse=True)
    order = np.argsort(number, kind="stable")
    ends = np.searchsorted(number[order], np.arange(len(distinct)), side="right")
    total = np.zeros((len(weights), len(values) + 1))
    np.cumsum(weights.take(order, axis=1), axis=1, out=total[:, 1:])
    return number, total.take(np.concatenate([[0], ends]), axis=1)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean ranks (R, n) of every dot's value in every resample."""
    number, below = _by_value(values, weights)
    ranks: np.ndarray = (below[:, 1:] + below[:, :-1] + 1) / 2
    return ranks.take(number, axis=1)


def _tied(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ordered pairs (R,) with equal values, a dot with itself among them."""
    sizes = np.diff(_by_value(values, weights)[1], axis=1)
    pairs: np.ndarray = np.einsum("rg,rg->r", sizes, sizes)
    return pairs
