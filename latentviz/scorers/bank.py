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

# Queries and training samples that are compared at a time: their products take 32 MB.
_QUERIES, _TILE = 128, 65_536

# Values whose largest is looked at first: selecting among all of them takes as long as computing them.
_GROUP = 32

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

        found: dict[str, list[Any]] = {kind: [] for kind in self._wanted}
        with torch.inference_mode():
            for start in range(0, len(queries), _QUERIES):
                for kind, top in self._search_block(queries, slice(start, start + _QUERIES)).items():
                    found[kind].append(top)
            return {
                kind: (torch.cat([top[0] for top in tops]).numpy(), torch.cat([top[1] for top in tops]).numpy())
                for kind, tops in found.items()
            }

    def _search_block(self, queries: Latents, block: slice) -> dict[str, Any]:
        import torch

        asked = torch.from_numpy(unit(queries)[block].astype(np.float32, copy=False))
        own = torch.from_numpy(lengths(queries)[block, None].astype(np.float32))
        best: dict[str, Any] = {}
        for start in range(0, len(self.latents), _TILE):
            rows = slice(start, start + _TILE)
            # Of the training features as they are: no second copy of them is needed.
            products = asked @ torch.from_numpy(self.latents.features[rows].astype(np.float32, copy=False)).T
            length = torch.from_numpy(np.maximum(lengths(self.latents)[rows], L2_EPSILON).astype(np.float32))
            for kind, k in self._wanted.items():
                if kind == "position":  # ‖q‖² is the same for all: the nearest has the largest 2 q·z_j − ‖z_j‖²
                    values = products * (2 * own) - length**2
                elif kind == "guidance":
                    energy = torch.from_numpy(log_sum_exp(self.latents)[rows].astype(np.float32))
                    values = products * (energy / length)
                else:
                    values = products / length
                    values[:, length <= L2_EPSILON] = 0.5  # ‖q̃ − z̃_j‖² is 2 − 2 q̃·z̃_j, but 1 if z_j = 0
                top, indices = _largest(values, k)
                best[kind] = _merged(best.get(kind), (top, indices + start), k)
        return best


def _largest(values: Any, k: int) -> tuple[Any, Any]:
    """The k largest values of every row (n, k) and their columns; they lie in the k groups of largest maximum."""
    import torch

    rows, columns = values.shape
    whole = columns - columns % _GROUP
    if whole < 4 * k * _GROUP:
        return tuple(values.topk(min(k, columns), dim=1))
    groups = values[:, :whole].reshape(rows, -1, _GROUP)
    kept = groups.amax(dim=2).topk(k, dim=1).indices
    candidates = groups.gather(1, kept[:, :, None].expand(-1, -1, _GROUP)).reshape(rows, -1)
    positions = (kept[:, :, None] * _GROUP + torch.arange(_GROUP)).reshape(rows, -1)
    if whole < columns:
        rest = torch.arange(whole, columns).expand(rows, -1)
        candidates, positions = torch.cat([candidates, values[:, whole:]], 1), torch.cat([positions, rest], 1)
    top, order = candidates.topk(k, dim=1)
    return top, positions.gather(1, order)


def _merged(best: tuple[Any, Any] | None, found: tuple[Any, Any], k: int) -> tuple[Any, Any]:
    """The k largest of those found before and of those of one tile."""
    import torch

    if best is None:
        return found
    both, indices = (torch.cat(pair, dim=1) for pair in zip(best, found, strict=True))
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
