"""Neuron states, their bins, and how far these are covered (Liu, Tian, Li, Ma, Wang 2024, arXiv 2306.02879).

What the scorer NAC-UE, the statistic NAC-ME and the page *Neuron coverage* share. Definitions are those of the authors'
code: a neuron's state is ``ẑ = σ(α · z ⊙ g)`` with ``g = ∂D_KL(u ‖ p)/∂z`` and u the uniform distribution over classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from latentviz.latents import L2_EPSILON, Latents
from latentviz.scorers.shared import lengths, once

#: What the penultimate features are called among the layers.
LAST = "last"

#: Spread of ``α · z ⊙ g`` on the profile with the automatic α: most states are told apart, few are 0 or 1 (ours).
SPREAD = 2.0

#: Least number of geometric bins: with two there is no edge between 0 and 1.
FEWEST_BINS = 4

#: From here on ``1/(1 + exp(−x))`` is 1 in float64.
_ROUNDS_TO_ONE = 53 * np.log(2)

#: ``z`` and ``g`` of one layer, both (N, D).
Factors = tuple[np.ndarray, np.ndarray]

#: Cells in which bins are looked up: so many that few states are in one with a limit inside.
_CELLS = 1 << 14


@once
def kl_gradient(latents: Latents) -> np.ndarray:
    """``∂D_KL(u ‖ p)/∂z`` of the penultimate features, in closed form.

    Parameters
    ----------
    latents : Latents
        Of N samples, with a head.

    Returns
    -------
    ndarray of shape (N, D), float64
        ``(p − 1/C) W``; with an L2 head ``(I − z̄z̄ᵀ) Wᵀ(p − u) / ‖z‖``.
    """
    assert latents.head is not None
    pull = latents.logits - latents.logits.max(axis=1, keepdims=True).astype(np.float64)
    np.exp(pull, out=pull)
    pull /= pull.sum(axis=1, keepdims=True)
    pull -= 1 / latents.classes
    back = pull @ latents.head.weight.astype(np.float64)
    if latents.head.kind != "l2":
        return back
    length = np.maximum(lengths(latents), L2_EPSILON)[:, None]
    along = latents.features / length
    # Below ε the head divides by ε, which no longer depends on z.
    share = np.where(length > L2_EPSILON, np.einsum("nd,nd->n", along, back)[:, None], 0)
    return (back - along * share) / length


def factors(latents: Latents, layer: str = LAST) -> Factors:
    """``z`` and ``g``, both (N, D), of the last layer or of another whose sums were stored.

    Of a convolution's maps ``z`` and ``g`` are each summed over height and width, then multiplied, as in the authors'
    code; of a transformer's block over the tokens.
    """
    return (latents.features, kl_gradient(latents)) if layer == LAST else latents.layers[layer]


def products(latents: Latents, layer: str = LAST) -> np.ndarray:
    """``z ⊙ g`` (N, D), float64."""
    z, g = factors(latents, layer)
    return np.multiply(z, g, dtype=np.float64)


def usual_alpha(values: np.ndarray) -> float:
    """The automatic α of products (N, D): their spread times it is :data:`SPREAD`; 1 if all are equal (ours)."""
    spread = float(np.std(values)) if values.size else 0.0
    return SPREAD / spread if spread > 0 and np.isfinite(SPREAD / spread) else 1.0


def squashed(values: np.ndarray, alpha: float) -> np.ndarray:
    """States ``σ(α · values)``, in the values' shape, float64.

    Examples
    --------
    >>> squashed(np.array([-np.inf, 0.0, 1e300]), 100.0)
    array([0. , 0.5, 1. ])
    """
    with np.errstate(over="ignore"):  # exp(∞) = ∞ gives the state 0
        found = np.multiply(values, -alpha)
        np.exp(found, out=found)
    found += 1
    return np.reciprocal(found, out=found)


def geometric_edges(bins: int) -> np.ndarray:
    """Edges of NAC-UE's bins, dense around 0.5.

    With ``n = M/2`` and ``a_j = log_1000(linspace(1, √1000, n))`` they are
    ``a_1 … a_{n−1}, 1 − a_n, …, 1 − a_1 + 0.01, 1.2``, as in the authors' code.

    Parameters
    ----------
    bins : int
        M, even and at least :data:`FEWEST_BINS`.

    Returns
    -------
    ndarray of shape (M,), float64

    Raises
    ------
    ValueError
        On another number.

    Examples
    --------
    >>> geometric_edges(6).round(3)
    array([0.   , 0.404, 0.5  , 0.596, 1.01 , 1.2  ])
    """
    if bins % 2 or bins < FEWEST_BINS:
        raise ValueError(f"is {bins}; expected an even number of at least {FEWEST_BINS}")
    a = np.log(np.linspace(1, np.sqrt(1000), bins // 2)) / np.log(1000)
    a[-1] = 0.5  # exactly: it is the state of neurons that are off, which must not fall beside their bin
    upper = 1 - a[::-1]
    upper[-1] += 0.01
    return np.concatenate([a[:-1], upper, [1.2]])


@lru_cache
def geometric_bins(bins: int) -> Bins:
    """:class:`Bins` of :func:`geometric_edges`, made once."""
    return Bins(geometric_edges(bins))


def uniform_edges(bins: int) -> np.ndarray:
    """Edges of NAC-ME's bins: ``linspace(0, 1, M)``."""
    return np.linspace(0, 1, bins)


@dataclass(frozen=True, eq=False)
class Bins:
    """Intervals of states: ``lower ≤ ẑ < upper``, the last one without end.

    They are looked for among ``α · z ⊙ g``, which σ leaves in order, so that no exponential is needed.

    Attributes
    ----------
    edges : ndarray of shape (M,), float64
        Of the states, ascending from 0.
    """

    edges: np.ndarray

    def __len__(self) -> int:
        return len(self.edges)

    @cached_property
    def search(self) -> tuple[float, float, np.ndarray, np.ndarray]:
        """How the bin of a state σ(x) is found: narrow cells of equal width, most of which lie in one bin.

        Returns
        -------
        factor, summand : float
            They take x to its cell.
        cells : ndarray of int16
            The bin of each; −1 if it has an edge inside.
        limits : ndarray of shape (M,), float64
            Where σ(x) reaches the edges: −∞ for 0, and for 1 where it rounds to that.
        """
        inner = np.clip(self.edges, 0, 1)
        with np.errstate(divide="ignore"):
            limits = np.log(inner) - np.log1p(-inner)
        limits[self.edges == 1] = _ROUNDS_TO_ONE
        finite = limits[np.isfinite(limits)]
        factor = _CELLS / (float(finite[-1] - finite[0]) or 1.0)
        # A whole number: 0, of neurons that are off, is where a cell begins, and not inside of it.
        summand = 1 - float(np.floor(finite[0] * factor))
        places = finite * factor + summand
        numbers = np.arange(int(places[-1]) + 3)
        before = np.searchsorted(places, numbers, side="right")
        inside = np.searchsorted(places, numbers + 1, side="left") > before
        below = int(np.isneginf(limits).sum()) - 1
        return factor, summand, np.where(inside, -1, before + below).astype(np.int16), limits


def _searched(factors: Factors, alpha: float, bins: Bins) -> tuple:
    """Arguments of all compiled loops. They run on one core: it takes less time than to divide the work.

    The arrays are of one layout and writable: code is compiled for each kind of array.
    """
    z, g = (np.require(values, requirements=["C", "W"]) for values in factors)
    return z, g, float(alpha), *bins.search


def binned(factors: Factors, alpha: float, bins: Bins) -> np.ndarray:
    """Which bin every neuron's state falls into: ``searchsorted(edges, σ(α · z ⊙ g), side="right") − 1``.

    Parameters
    ----------
    factors : (ndarray of shape (N, D), ndarray of shape (N, D))
        ``z`` and ``g``.
    alpha : float
    bins : Bins

    Returns
    -------
    ndarray of shape (N, D), int16
    """
    from latentviz.scorers import _coverage_kernels as kernels

    found = np.empty(factors[0].shape, np.int16)
    kernels.binned(*_searched(factors, alpha, bins), found)
    return found


def counted(factors: Factors, alpha: float, bins: Bins) -> np.ndarray:
    """How many samples have each neuron's state in each bin.

    Parameters
    ----------
    factors : (ndarray of shape (N, D), ndarray of shape (N, D))
        ``z`` and ``g``.
    alpha : float
    bins : Bins
        M of them.

    Returns
    -------
    ndarray of shape (M, D), int64
    """
    from latentviz.scorers import _coverage_kernels as kernels

    counts = np.zeros((factors[0].shape[1], len(bins)), np.int64)
    kernels.counted(*_searched(factors, alpha, bins), counts)
    return counts.T


def coverage(counts: np.ndarray, enough: float) -> np.ndarray:
    """``Φ = min(count / O, 1)``, float64, of counts (M, D)."""
    return np.minimum(counts / enough, 1.0)


def covered(factors: Factors, alpha: float, bins: Bins, phi: np.ndarray) -> np.ndarray:
    """Mean over neurons of Φ where the states fall.

    Parameters
    ----------
    factors : (ndarray of shape (N, D), ndarray of shape (N, D))
        ``z`` and ``g``.
    alpha : float
    bins : Bins
        M of them.
    phi : ndarray of shape (M, D)

    Returns
    -------
    ndarray of shape (N,), float64
    """
    from latentviz.scorers import _coverage_kernels as kernels

    # A neuron's bins lie together in memory, and those of the next one beside them.
    table, found = np.ascontiguousarray(phi.T, dtype=np.float64).reshape(-1), np.empty(len(factors[0]))
    kernels.covered(*_searched(factors, alpha, bins), table, found)
    return found


def enough_for(enough: float, samples: int, of: int) -> float:
    """O for a profile of another size, in proportion."""
    return enough * samples / of


def balanced(labels: np.ndarray, classes: int, samples: int, seed: int) -> np.ndarray:
    """Rows of a class-balanced part.

    Parameters
    ----------
    labels : ndarray of shape (N,), int
    classes : int
    samples : int
        How many; all if there are no more. A class that has too few gives all it has, the others share the rest.
    seed : int

    Returns
    -------
    ndarray of int
        Ascending.
    """
    random = np.random.default_rng(seed)
    members = [random.permutation(np.flatnonzero(labels == c)) for c in range(classes)]
    have = np.array([len(rows) for rows in members])
    take, left = np.zeros(classes, np.int64), min(samples, int(have.sum()))
    while left:
        room = np.flatnonzero(have > take)
        each, over = divmod(left, len(room))
        share = np.full(len(room), each)
        share[random.permutation(len(room))[:over]] += 1
        share = np.minimum(share, (have - take)[room])
        take[room] += share
        left -= int(share.sum())
    return np.sort(np.concatenate([rows[:n] for rows, n in zip(members, take, strict=True)]))
