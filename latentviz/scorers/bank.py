"""Exact neighbours among the training features, for all scorers that want them in one pass."""

from __future__ import annotations

from abc import abstractmethod
from itertools import count
from typing import Any, Self

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import L2_EPSILON, Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.shared import lengths, log_sum_exp, once, unit

# Rows of the database compared at a time: the products of one block of queries with them stay in memory.
_TILE = 8192

# Queries outlive banks, whose id() may then be that of the next bank; these numbers are never given twice.
_numbers = count()


class Bank:
    """Training features, searched by their inner products with queries.

    What is wanted is noted while scorers are fitted, so that one matrix product serves all of them:

    ``"direction"``
        the nearest of z / ‖z‖
    ``"position"``
        the nearest of z
    ``"guidance"``
        the largest ⟨z̃, z̃_j⟩ LSE(l_j) with z̃ = z / ‖z‖

    Parameters
    ----------
    latents : Latents
        Training samples.
    """

    def __init__(self, latents: Latents) -> None:
        self.latents = latents
        self._wanted: dict[str, int] = {}
        self._number = next(_numbers)

    def want(self, kind: str, k: int) -> None:
        """Note that up to k samples of a kind will be asked for."""
        self._wanted[kind] = max(self._wanted.get(kind, 0), k)

    def largest(self, queries: Latents, kind: str, k: int) -> np.ndarray:
        """The k largest values (n, k) for every query, in descending order."""
        return self._found(queries, kind, k)[0][:, :k]

    def distance(self, queries: Latents, kind: str, k: int) -> np.ndarray:
        """Distance (n,) of every query to its k-th nearest training sample."""
        rows = self._found(queries, kind, k)[1][:, k - 1]
        # From differences, because √(‖a‖² + ‖b‖² − 2ab) has no digits left where it is small.
        if kind == "direction":
            return np.linalg.norm(unit(queries) - unit(self.latents)[rows], axis=1)
        return np.linalg.norm(queries.features - self.latents.features[rows], axis=1)

    def _found(self, queries: Latents, kind: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        self.want(kind, k)
        key = ("bank", self._number, tuple(self._wanted.items()))
        if key not in queries.shared:
            queries.shared[key] = self._search(queries)
        return queries.shared[key][kind]

    def _search(self, queries: Latents) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        import torch

        with torch.inference_mode():
            asked = torch.from_numpy(unit(queries).astype(np.float32, copy=False))
            best: dict[str, Any] = {}
            for start in range(0, len(self.latents), _TILE):
                rows = slice(start, start + _TILE)
                # Of the training features as they are: no second copy of them is needed.
                products = asked @ torch.from_numpy(self.latents.features[rows].astype(np.float32, copy=False)).T
                for kind, k in self._wanted.items():
                    best[kind] = _merged(best.get(kind), self._values(products, kind, queries, rows), k, start)
            return {kind: (values.numpy(), indices.numpy()) for kind, (values, indices) in best.items()}

    def _values(self, products: Any, kind: str, queries: Latents, rows: slice) -> Any:
        """What is largest for the samples of a kind that are looked for, from z̃·z_j."""
        import torch

        length = np.maximum(lengths(self.latents)[rows], L2_EPSILON).astype(np.float32)
        if kind == "position":  # ‖q‖² is the same for all: the nearest has the largest 2 q·z_j − ‖z_j‖²
            own = torch.from_numpy(2 * lengths(queries)[:, None].astype(np.float32))
            return products * own - torch.from_numpy(length**2)
        if kind == "guidance":
            return products * torch.from_numpy((log_sum_exp(self.latents)[rows] / length).astype(np.float32))
        found = products / torch.from_numpy(length)
        if (zero := length <= L2_EPSILON).any():  # ‖q̃ − z̃_j‖² is 2 − 2 q̃·z̃_j, but 1 if z_j = 0
            found[:, torch.from_numpy(zero)] = 0.5
        return found


def _merged(best: Any, values: Any, k: int, start: int) -> Any:
    """The k largest of those found before and of the values of one tile."""
    import torch

    found = values.topk(min(k, values.shape[1]), dim=1)
    if best is None:
        return found.values, found.indices + start
    both = torch.cat([best[0], found.values], dim=1)
    indices = torch.cat([best[1], found.indices + start], dim=1)
    top, order = both.topk(min(k, both.shape[1]), dim=1)
    return top, indices.gather(1, order)


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
        self._fit(latents)
        return super().restore(fitted)

    @abstractmethod
    def _learn(self) -> None:
        """Note in the bank what will be asked for."""

    def _refuses(self, fit: Latents) -> str:
        k = self.parameters["k"]
        if k > len(fit):
            return f"{self.info.title} with k = {k:,} needs as many training samples; there are {len(fit):,}."
        return ""
