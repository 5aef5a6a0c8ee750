r"""Minimum-cost multicut: a partition of a graph that decides itself how many clusters there are.

.. math:: \min_{\text{partition}} \sum_{ij \in E,\; i \not\sim j} c_{ij}

An edge with a positive cost wants its ends together, one with a negative cost wants them apart. The problem is NP-hard;
greedy additive edge contraction (Keuper, Levinkov, Bonneel, Lavoue, Brox, Andres, ICCV 2015) finds a good partition,
Kernighan–Lin with joins (same paper) improves it by moving nodes between two clusters, splitting and joining them.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heapify, heappop, heappush

import numpy as np

from latentviz.errors import DataError

#: Gains below this are rounding.
_EPSILON = 1e-9

#: Rounds over all pairs of clusters, at most; they end when nothing gets better.
_ROUNDS = 50


def multicut(count: int, edges: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """A partition of small cost.

    Parameters
    ----------
    count : int
        Nodes N.
    edges : ndarray of shape (E, 2), int
        Pairs of different nodes. One that is given twice has the sum of its costs.
    costs : ndarray of shape (E,)
        Positive: together; negative: apart.

    Returns
    -------
    ndarray of shape (N,), int64
        Number of the cluster of every node, the largest cluster first. Nodes without edges are alone.

    Raises
    ------
    DataError
        If an edge names a node that does not exist or ends where it begins, or a cost is not finite.

    Examples
    --------
    >>> edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    >>> multicut(5, edges, np.array([2.0, -1.0, 1.0, 3.0])).tolist()
    [1, 1, 0, 0, 0]
    """
    edges, costs = _checked(count, edges, costs)
    return _by_size(_improved(count, edges, costs, contracted(count, edges, costs)))


def cost(edges: np.ndarray, costs: np.ndarray, labels: np.ndarray) -> float:
    """Sum of the costs of the edges that a partition cuts; see :func:`multicut`."""
    return float(costs[labels[edges[:, 0]] != labels[edges[:, 1]]].sum())


def mutual_edges(neighbours: np.ndarray) -> np.ndarray:
    """Edges of the mutual nearest-neighbour graph.

    Parameters
    ----------
    neighbours : ndarray of shape (N, k), int
        The nearest other nodes of every node.

    Returns
    -------
    ndarray of shape (E, 2), int64
        Pairs each of which has the other among its neighbours, the smaller number first, without repeats.

    Examples
    --------
    >>> mutual_edges(np.array([[1], [0], [1]])).tolist()
    [[0, 1]]
    """
    count, k = neighbours.shape
    one, other = np.repeat(np.arange(count), k), neighbours.reshape(-1).astype(np.int64)
    pairs = np.unique(one * count + other)
    there = np.isin((pairs % count) * count + pairs // count, pairs)
    found = np.column_stack([pairs // count, pairs % count])[there]
    return found[found[:, 0] < found[:, 1]]


def contracted(count: int, edges: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Greedy additive edge contraction: join the two clusters that want it most, until none do.

    Parameters
    ----------
    count, edges, costs
        As of :func:`multicut`.

    Returns
    -------
    ndarray of shape (N,), int64
        Cluster of every node.
    """
    between: list[dict[int, float]] = [defaultdict(float) for _ in range(count)]
    for (a, b), value in zip(edges.tolist(), costs.tolist(), strict=True):
        between[a][b] += value
        between[b][a] += value
    heap = [(-value, a, b) for a in range(count) for b, value in between[a].items() if a < b and value > 0]
    heapify(heap)
    into = list(range(count))
    while heap:
        value, a, b = heappop(heap)
        if between[a].get(b) != -value:  # one of them is gone, or has joined others meanwhile
            continue
        if len(between[a]) < len(between[b]):
            a, b = b, a
        into[b] = a
        del between[a][b]
        for c, more in between[b].items():
            if c == a:
                continue
            del between[c][b]
            between[a][c] += more
            between[c][a] = total = between[a][c]
            if total > 0:
                heappush(heap, (-total, a, c) if a < c else (-total, c, a))
        between[b] = {}
    labels = np.array(into)
    while (further := labels[labels] != labels).any():  # to the end of every chain
        labels[further] = labels[labels[further]]
    return labels


def _improved(count: int, edges: np.ndarray, costs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Kernighan–Lin with joins."""
    from scipy.sparse import coo_array

    from latentviz.geometry import _multicut_moves as moves

    both = np.concatenate([edges, edges[:, ::-1]])
    graph = coo_array((np.tile(costs, 2), (both[:, 0], both[:, 1])), shape=(count, count)).tocsr()
    graph.sum_duplicates()
    arrays = graph.indptr.astype(np.int64), graph.indices.astype(np.int64), graph.data.astype(np.float64)
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    fresh = np.ones(count + 1, dtype=bool)  # clusters that changed since they were last looked at
    memory = np.zeros(count), np.zeros(count, np.int8), np.zeros(count, np.int64), np.zeros(count, np.int64)
    for _ in range(_ROUNDS):
        changed = np.zeros(count + 1, dtype=bool)
        # Clusters that nothing draws to each other gain nothing: what would leave one of them is better off alone.
        ends = labels[edges[costs > 0]]
        ends = np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1)
        for a, b in np.unique(ends, axis=0):
            if fresh[a] or fresh[b]:
                members = np.flatnonzero((labels == a) | (labels == b))
                if moves.improve(*arrays, labels, members, a, b, _EPSILON, *memory):
                    changed[a] = changed[b] = True
        for a in np.unique(labels):
            if not fresh[a] and not changed[a]:
                continue
            free = int(np.bincount(labels, minlength=count + 1).argmin())
            members = np.flatnonzero(labels == a)
            if len(members) > 1 and moves.improve(*arrays, labels, members, a, free, _EPSILON, *memory):
                changed[a] = changed[free] = True
        if not changed.any():
            break
        fresh = changed
    return labels


def _checked(count: int, edges: np.ndarray, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges, costs = np.asarray(edges), np.asarray(costs, dtype=np.float64)
    if count < 1:
        raise DataError("A graph without nodes has no partition.")
    if edges.size == 0:
        edges = np.zeros((0, 2), np.int64)
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu" or costs.shape != (len(edges),):
        raise DataError(
            f"The edges are {edges.dtype} of shape {edges.shape} and the costs have shape {costs.shape}; expected "
            "integers (E, 2) and numbers (E,)."
        )
    if len(edges) and (edges.min() < 0 or edges.max() >= count):
        raise DataError(f"An edge names node {edges.max() if edges.max() >= count else edges.min()} of {count:,}.")
    if (edges[:, 0] == edges[:, 1]).any():
        raise DataError(f"Edge {int((edges[:, 0] == edges[:, 1]).argmax()):,} ends where it begins.")
    if not np.isfinite(costs).all():
        raise DataError(f"Cost {int((~np.isfinite(costs)).argmax()):,} is NaN or infinite.")
    return edges.astype(np.int64), costs


def _by_size(labels: np.ndarray) -> np.ndarray:
    """The same clusters numbered from the largest; of equal ones the one with the first node first."""
    _, first, numbers, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[numbers]
