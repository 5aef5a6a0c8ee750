"""One step of Kernighan–Lin with joins, compiled: numba takes a moment to load, so import it where it is used."""

from __future__ import annotations

from latentviz.compiling import compiled

#: A sequence of moves between two clusters ends after so many that gain nothing, and six times the smaller one's size.
_PATIENCE = 100


@compiled
def improve(starts, ends, costs, labels, members, a, b, least, gain, side, order, near):  # type: ignore[no-untyped-def]
    """Move nodes between the clusters a and b, or join them, if that lowers the cost by more than ``least``.

    Only nodes with an edge to the other cluster are moved, and those beside a node that was: any other is better off in
    a cluster of its own, which is tried by splitting (b without nodes, where every node may move).

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
    gain, side, order, near : ndarray of shape (N,), float64, int8, int64 and int64
        Memory; ``side`` is 0 for all nodes before and after.

    Returns
    -------
    bool
        Whether anything changed.
    """
    count, join, candidates, of_a = len(members), 0.0, 0, 0
    for i in members:
        # 1 and 2: a candidate of a and b; 3 and 4: not yet one; negative: moved.
        side[i] = 3 if labels[i] == a else 4
        of_a += labels[i] == a
    splits = of_a == count
    patience = count if splits else _PATIENCE + 6 * min(of_a, count - of_a)
    for i in members:
        gain[i], touches = 0.0, splits
        for e in range(starts[i], starts[i + 1]):
            j = ends[e]
            if side[j] == 0:
                continue
            if labels[j] == labels[i]:
                gain[i] -= costs[e]
            else:
                gain[i] += costs[e]
                join += costs[e]
                touches = True
        if touches:
            side[i] -= 2
            near[candidates] = i
            candidates += 1
    join /= 2  # every edge was seen from both ends
    total, best, steps, done = 0.0, 0.0, 0, 0
    while candidates and done - steps < patience:
        place = 0
        for k in range(1, candidates):
            if gain[near[k]] > gain[near[place]]:
                place = k
        chosen = near[place]
        candidates -= 1
        near[place] = near[candidates]
        total += gain[chosen]
        order[done] = chosen
        done += 1
        for e in range(starts[chosen], starts[chosen + 1]):
            j = ends[e]
            if side[j] > 0:
                gain[j] += 2 * costs[e] if labels[j] == labels[chosen] else -2 * costs[e]
                if side[j] > 2:
                    side[j] -= 2
                    near[candidates] = j
                    candidates += 1
        side[chosen] = -1
        if total > best + least and done < count:  # all of them moved is what there was
            best, steps = total, done
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
