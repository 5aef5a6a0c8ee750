"""One step of Kernighan–Lin with joins, compiled: numba takes a moment to load, so import it where it is used."""

from __future__ import annotations

import numpy as np

from latentviz.compiling import compiled


@compiled
def improve(starts, ends, costs, labels, members, a, b, least, gain, side, order):  # type: ignore[no-untyped-def]
    """Move nodes between the clusters a and b, or join them, if that lowers the cost by more than ``least``.

    Parameters
    ----------
    starts, ends, costs : ndarray
        The graph in rows: ``ends[starts[i]:starts[i + 1]]`` are the neighbours of node i.
    labels : ndarray of shape (N,), int64
        Changed in place.
    members : ndarray of int64
        Nodes of a and b; b may have none: then a is split.
    a, b : int
    least : float
    gain, side, order : ndarray of shape (N,), float64, int8 and int64
        Memory; ``side`` is 0 for all nodes before and after.

    Returns
    -------
    bool
        Whether anything changed.
    """
    count, join = len(members), 0.0
    for i in members:
        side[i] = 1 if labels[i] == a else 2
    for i in members:
        gain[i] = 0.0
        for e in range(starts[i], starts[i + 1]):
            j = ends[e]
            if side[j] == 0:
                continue
            if side[j] == side[i]:
                gain[i] -= costs[e]
            else:
                gain[i] += costs[e]
                join += costs[e]
    join /= 2  # every edge was seen from both ends
    total, best, steps = 0.0, 0.0, 0
    for k in range(count):
        chosen, most = -1, -np.inf
        for i in members:  # those that have moved are negative
            if side[i] > 0 and gain[i] > most:
                chosen, most = i, gain[i]
        total += most
        order[k] = chosen
        for e in range(starts[chosen], starts[chosen + 1]):
            j = ends[e]
            if side[j] > 0:
                gain[j] += 2 * costs[e] if side[j] == side[chosen] else -2 * costs[e]
        side[chosen] = -side[chosen]
        if total > best + least and k + 1 < count:  # all of them moved is what there was
            best, steps = total, k + 1
    for i in members:
        side[i] = 0
    if join > least and join >= best:
        for i in members:
            labels[i] = a
        return True
    for k in range(steps):
        i = order[k]
        labels[i] = b if labels[i] == a else a
    return steps > 0
