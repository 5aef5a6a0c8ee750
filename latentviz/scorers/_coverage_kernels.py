"""The loops over samples and neurons of neuron coverage, compiled: a few nanoseconds a state.

Numba takes a moment to load and to compile, so that this module is imported where it is used first.
"""

from __future__ import annotations

import numpy as np

from latentviz.compiling import compiled


@compiled
def _bins_of(z, g, alpha, factor, summand, cells, limits, place, found):  # type: ignore[no-untyped-def]
    """Bins ``found`` (D,), int16, of the states of one sample; ``place`` (D,), uint32, is memory to work in.

    Two loops without a branch, so that several neurons are looked up at once. A cell with an edge inside has −1: of the
    few states there the bin is found by comparison.
    """
    last, near = np.float64(len(cells) - 1), 0
    for i in range(len(z)):
        place[i] = np.uint32(min(max(np.float64(z[i]) * g[i] * alpha * factor + summand, 0.0), last))
    for i in range(len(z)):
        found[i] = cells[place[i]]
        near += found[i] < 0
    if near:
        for i in range(len(z)):
            if found[i] < 0:
                x = np.float64(z[i]) * g[i] * alpha
                low, high = 0, len(limits)
                while low < high:
                    middle = (low + high) // 2
                    if x < limits[middle]:
                        high = middle
                    else:
                        low = middle + 1
                found[i] = low - 1


@compiled
def binned(z, g, alpha, factor, summand, cells, limits, into):  # type: ignore[no-untyped-def]
    """Bins (N, D), int16, of the states of samples with z and g (N, D)."""
    place = np.empty(z.shape[1], np.uint32)
    for row in range(z.shape[0]):
        _bins_of(z[row], g[row], alpha, factor, summand, cells, limits, place, into[row])


@compiled
def counted(z, g, alpha, factor, summand, cells, limits, into):  # type: ignore[no-untyped-def]
    """Add to counts (D, M), int64, how many samples have each neuron's state in each bin."""
    width = z.shape[1]
    place, found = np.empty(width, np.uint32), np.empty(width, np.int16)
    for row in range(z.shape[0]):
        _bins_of(z[row], g[row], alpha, factor, summand, cells, limits, place, found)
        for i in range(width):
            into[i, found[i]] += 1


@compiled
def covered(z, g, alpha, factor, summand, cells, limits, phi, into):  # type: ignore[no-untyped-def]
    """Mean (N,), float64, over neurons of a table Φ (D · M,) where the states of samples fall."""
    width = z.shape[1]
    bins = len(phi) // width
    place, found = np.empty(width, np.uint32), np.empty(width, np.int16)
    for row in range(z.shape[0]):
        _bins_of(z[row], g[row], alpha, factor, summand, cells, limits, place, found)
        total = 0.0
        for i in range(width):
            total += phi[np.uint32(i * bins + found[i])]
        into[row] = total / width
