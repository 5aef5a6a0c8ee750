"""Minimum spanning tree of points, compiled: numba takes a moment to load, so import it where it is used."""

from __future__ import annotations

import numpy as np

from latentviz.compiling import compiled


@compiled
def spanning_tree(points):  # type: ignore[no-untyped-def]
    """Edges (N − 1, 2), int64, of a tree over points (N, D) with the least sum of Euclidean lengths (Prim 1957).

    Points that coincide are joined by edges of length 0. Memory grows with N, time with N² · D.
    """
    count = len(points)
    edges = np.empty((max(count - 1, 0), 2), np.int64)
    nearest, away = np.zeros(count, np.int64), np.full(count, np.inf)
    inside = np.zeros(count, np.bool_)
    last = 0
    for step in range(count - 1):
        inside[last] = True
        best, least = -1, np.inf
        for i in range(count):
            if inside[i]:
                continue
            total = 0.0
            for d in range(points.shape[1]):
                apart = np.float64(points[i, d]) - np.float64(points[last, d])
                total += apart * apart
            if total < away[i]:
                away[i], nearest[i] = total, last
            if away[i] < least or best < 0:
                best, least = i, away[i]
        edges[step, 0], edges[step, 1] = nearest[best], best
        last = best
    return edges
