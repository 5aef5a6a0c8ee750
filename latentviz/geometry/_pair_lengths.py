"""Distances of drawn pairs, compiled: numba takes a moment to load, so import it where it is used."""

from __future__ import annotations

import numpy as np

from latentviz.compiling import compiled


@compiled
def pair_lengths(features, first, second):  # type: ignore[no-untyped-def]
    """Euclidean distance (n,) of the rows ``first`` (n,) and ``second`` (n,) of features (N, D), summed in float64."""
    found = np.empty(len(first))
    for pair in range(len(first)):
        a, b, total = features[first[pair]], features[second[pair]], 0.0
        for d in range(len(a)):
            apart = np.float64(a[d]) - np.float64(b[d])
            total += apart * apart
        found[pair] = np.sqrt(total)
    return found
