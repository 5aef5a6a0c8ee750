"""Exact neighbours among the training features, for all scorers that want them in one pass.

The queries are multiplied with one tile of training features after the other, and faiss's heaps keep the best. A faiss
index would hold a second copy of the features, divided by their lengths, and multiply once for each scorer: for k-NN
and NNGuide together that takes 1.7 times as long (50,000 × 512 features), for k-NN alone as long as this.

float32 products err where features are close beside their length, as in networks near neural collapse. Which sample
is the k-th nearest is therefore decided from differences in float64 among all samples that float32 cannot tell apart,
and where these are too many the query is compared with all samples in float64.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, repeat
from typing import Any, Literal, Self

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Latents, directions
from latentviz.latents import lengths as lengths_of
from latentviz.scorers.base import Scorer
from latentviz.scorers.cores import alone
from latentviz.scorers.shared import given, lengths, log_sum_exp, once

#: By what neighbours are told: distance of z / ‖z‖, distance of z, or ⟨z̃, z̃_j⟩ LSE(l_j) with z̃ = z / ‖z‖.
Kind = Literal["direction", "position", "guidance"]

# Training samples that are compared at a time: their products with a block of queries take 16 MB.
_TILE = 2048

# The same in float64, with so many queries at a time.
_HARD_QUERIES, _HARD_TILE = 512, 8192

# Samples that are found beyond the k-th, so that it is seldom in doubt.
_MARGIN = 16

# Pairs of features whose difference is computed at a time.
_PAIRS = 2048

# Queries outlive banks, whose id() may then be that of the next bank; these numbers are never given twice.
_numbers = count()


class Bank:
    """Training features that are searched for the nearest of queries.

    What is wanted is noted while scorers are fitted, so that one search serves all of them.

    Parameters
    ----------
    latents : Latents
        Training samples.
    """

    def __init__(self, latents: Latents) -> None:
        self.latents = latents
        self._wanted: dict[Kind, int] = {}
        self._number = next(_numbers)

    def want(self, kind: Kind, k: int) -> None:
        """Note that up to k samples of a kind will be asked for."""
        self._wanted[kind] = max(self._wanted.get(kind, 0), k)

    def guidance(self, queries: Latents, k: int) -> np.ndarray:
        """The k largest values (n, k) of the kind "guidance" for every query, in descending order, float32."""
        return self._found(queries, "guidance", k)[0][:, :k]

    def distance(self, queries: Latents, kind: Kind, k: int) -> np.ndarray:
        """Distance (n,) of every query to its k-th nearest training sample, float64; "direction" or "position"."""
        values, rows = self._found(queries, kind, k)
        kth = values[:, k - 1]
        alike = np.abs(values - kth[:, None]) <= self._doubt(queries, kind, kth)[:, None]
        hard = alike[:, -1] & (values.shape[1] < len(self.latents))  # others may be alike that were not found
        alike[hard] = False
        distances = np.where(values > kth[:, None], -np.inf, np.inf)  # beyond doubt nearer, or farther
        query, column = np.nonzero(alike)
        distances[query, column] = self._apart(queries, query, rows[query, column], kind)
        found = np.partition(distances, k - 1, axis=1)[:, k - 1]
        for part in _parts(np.flatnonzero(hard), _HARD_QUERIES):
            found[part] = self._apart(queries, part, self._kth_in_double(queries.features[part], kind, k), kind)
        return found

    def _doubt(self, queries: Latents, kind: Kind, kth: np.ndarray) -> np.ndarray:
        """How far apart (n,) two values in float32 must be to tell which is larger."""
        own = np.ones(len(queries)) if kind == "direction" else lengths(queries)
        # A sample at least as near is no longer than this; the squared distance is ‖q‖² − 2 value, or 2 − 2 value.
        longest = own + np.sqrt(np.maximum((2 if kind == "direction" else own**2) - 2 * kth, 0))
        # Rounding errors of a sum of D products grow with √D; three times the largest among millions of pairs.
        relative = (4 + np.sqrt(self.latents.width) / 4) * np.finfo(np.float32).eps
        return relative * (own + longest) ** 2

    def _apart(self, queries: Latents, query: np.ndarray, rows: np.ndarray, kind: Kind) -> np.ndarray:
        """Distances (m,) between m pairs of a query and a training sample, float64."""
        found = np.empty(len(query))
        for part in _parts(np.arange(len(query)), _PAIRS):
            asked = _of_kind(queries.features[query[part]], kind, np.float64)
            found[part] = lengths_of(asked - _of_kind(self.latents.features[rows[part]], kind, np.float64))
        return found

    def _found(self, queries: Latents, kind: Kind, k: int) -> tuple[np.ndarray, np.ndarray]:
        """At least the k largest values (n, k) for every query, in descending order, and whose they are."""
        self.want(kind, k)
        wanted = dict(self._wanted)  # another scorer may be fitted meanwhile
        key = ("bank", self._number, tuple(wanted.items()))
        if key not in queries.shared:
            queries.shared[key] = self._search(queries, wanted)
        return queries.shared[key][kind]

    def _search(self, queries: Latents, wanted: dict[Kind, int]) -> dict[Kind, tuple[np.ndarray, np.ndarray]]:
        import faiss  # takes a moment, and on macOS must not be loaded before torch without need
        from threadpoolctl import threadpool_limits

        lengths(self.latents)  # before threads ask for them
        if "guidance" in wanted:
            log_sum_exp(self.latents)
        shares = np.array_split(queries.features, min(faiss.omp_get_max_threads(), len(queries)))
        with alone, threadpool_limits(1, "blas"), ThreadPoolExecutor(len(shares)) as threads:
            found = list(threads.map(self._search_share, shares, repeat(wanted)))
        return {
            kind: (np.concatenate([one[kind][0] for one in found]), np.concatenate([one[kind][1] for one in found]))
            for kind in wanted
        }

    def _search_share(self, queries: np.ndarray, wanted: dict[Kind, int]) -> dict[Kind, tuple[np.ndarray, np.ndarray]]:
        """The same for the queries (n, D) of one core, on that core alone.

        Were every product and every heap divided among all cores, the threads of the one would wait, spinning, while
        those of the other work: a quarter more time.
        """
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread only
        heaps = {}
        for kind, k in wanted.items():
            kept = min(k if kind == "guidance" else k + _MARGIN, len(self.latents))
            heaps[kind] = faiss.ResultHeap(len(queries), kept, keep_max=True)
        seen: set[Kind] = {"direction" if kind == "guidance" else kind for kind in wanted}
        asked = {kind: _of_kind(queries, kind, np.float32) for kind in seen}
        memory = np.empty(len(queries) * min(_TILE, len(self.latents)), dtype=np.float32)
        for start in range(0, len(self.latents), _TILE):
            for kind, values in self._values(asked, wanted, slice(start, start + _TILE), memory):
                heaps[kind].heaps.addn(values.shape[1], faiss.swig_ptr(values), start)
        for heap in heaps.values():
            heap.finalize()
        return {kind: (heap.D, heap.I) for kind, heap in heaps.items()}

    def _values(
        self, asked: dict[Kind, np.ndarray], wanted: dict[Kind, int], rows: slice, memory: np.ndarray
    ) -> Iterator[tuple[Kind, np.ndarray]]:
        """Every wanted kind's values (n, tile), all in the same memory: the larger, the nearer."""
        features, length = self.latents.features[rows], lengths(self.latents)[rows]
        if "position" in asked:  # ‖q − z_j‖² is ‖q‖² − 2 (q·z_j − ‖z_j‖² / 2)
            values = _products(asked["position"], _of_kind(features, "position", np.float32), memory)
            values -= (length**2 / 2).astype(np.float32)
            yield "position", values
        if "direction" in asked:
            values = _products(asked["direction"], _of_kind(features, "direction", np.float32), memory)
            zero = length == 0
            if "direction" in wanted:
                values[:, zero] = 0.5  # ‖q̃ − z̃_j‖² is 2 − 2 q̃·z̃_j, but 1 if z_j = 0
                yield "direction", values
            if "guidance" in wanted:
                values[:, zero] = 0
                values *= log_sum_exp(self.latents)[rows].astype(np.float32)
                yield "guidance", values

    def _kth_in_double(self, queries: np.ndarray, kind: Kind, k: int) -> np.ndarray:
        """Which training samples (n,) are the k-th nearest."""
        asked = _of_kind(queries, kind, np.float64)
        squared, rows = np.empty((len(asked), 0)), np.empty((len(asked), 0), dtype=np.int64)
        for start in range(0, len(self.latents), _HARD_TILE):
            tile = _of_kind(self.latents.features[start : start + _HARD_TILE], kind, np.float64)
            # Without ‖q‖², which is the same for all.
            squared = np.hstack([squared, np.einsum("nd,nd->n", tile, tile) - 2 * (asked @ tile.T)])
            rows = np.hstack([rows, np.broadcast_to(np.arange(start, start + len(tile)), (len(asked), len(tile)))])
            kept = min(k, squared.shape[1])
            order = np.argpartition(squared, kept - 1, axis=1)[:, :kept]
            squared, rows = np.take_along_axis(squared, order, axis=1), np.take_along_axis(rows, order, axis=1)
        return rows[:, k - 1]


def _products(asked: np.ndarray, features: np.ndarray, memory: np.ndarray) -> np.ndarray:
    values = memory[: len(asked) * len(features)].reshape(len(asked), len(features))
    return np.matmul(asked, features.T, out=values)


def _of_kind(features: np.ndarray, kind: Kind, precision: type[np.floating]) -> np.ndarray:
    z = np.ascontiguousarray(features, dtype=precision)
    return z if kind == "position" else directions(z)


def _parts(indices: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


@once
def bank(latents: Latents) -> Bank:
    """The bank of these training samples."""
    return Bank(latents)


class NeighbourScorer(Scorer):
    """A scorer that learns nothing but the training features themselves."""

    keeps_samples = True
    _bank: Bank

    def _fit(self, latents: Latents) -> None:
        self._bank = bank(latents)
        self._learn()

    def restore(self, fitted: dict[str, Any], latents: Latents | None = None) -> Self:
        if latents is None:
            raise ScorerError(f"{self.info.title} needs the training samples again; give them to restore().")
        self._fit(given(latents, self.features))
        return super().restore(fitted)

    @abstractmethod
    def _learn(self) -> None:
        """Note in the bank what will be asked for."""

    def _refuses(self, fit: Latents) -> str:
        k = self.parameters["k"]
        if k > len(fit):
            return f"{self.info.title} with k = {k:,} needs as many training samples; there are {len(fit):,}."
        return ""
