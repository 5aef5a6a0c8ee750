"""What several scorers need of the same samples, computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Concatenate, Literal, ParamSpec, TypeVar

import numpy as np

from latentviz.latents import BLOCK, Latents, directions
from latentviz.latents import lengths as lengths_of

#: Which features a scorer looks at: as the last layer sees them, as they are, or divided by their length.
Space = Literal["head", "raw", "unit"]

P = ParamSpec("P")
R = TypeVar("R")


def once(function: Callable[Concatenate[Latents, P], R]) -> Callable[Concatenate[Latents, P], R]:
    """Keep a function's result with the samples it was computed for."""

    @wraps(function)
    def kept(latents: Latents, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (function.__module__, function.__qualname__, args, tuple(sorted(kwargs.items())))
        if key not in latents.shared:
            latents.shared[key] = function(latents, *args, **kwargs)
        return latents.shared[key]

    return kept


@once
def log_sum_exp(latents: Latents) -> np.ndarray:
    """``log Σ_c exp l_c`` (N,), float64."""
    return -energy(latents.logits)


@once
def probabilities(latents: Latents) -> np.ndarray:
    """Softmax of the logits (N, C), float64."""
    return np.exp(latents.logits.astype(np.float64) - log_sum_exp(latents)[:, None])


@once
def lengths(latents: Latents) -> np.ndarray:
    """``‖z‖₂`` (N,), float64."""
    return lengths_of(latents.features)


@once
def unit(latents: Latents) -> np.ndarray:
    """``z / ‖z‖₂`` (N, D), in the features' precision."""
    return directions(latents.features)


def resolved(latents: Latents, space: Space) -> Literal["raw", "unit"]:
    """Which features those are that the last layer sees."""
    through_head = latents.head is not None and latents.head.kind == "l2"
    return "unit" if space == "unit" or (space == "head" and through_head) else "raw"


#: What a scorer is given: features as its definition has them, or others in their place.
Given = Literal["usual", "raw", "unit"]


@once
def _given(latents: Latents, features: Given) -> Latents:
    if features == "raw":
        head = None if latents.head is None else replace(latents.head, kind="linear")
        return latents.seen(latents.features, head)
    return latents.seen(unit(latents), latents.head)


def given(latents: Latents, features: Given) -> Latents:
    """The same samples with other features: z where the last layer sees z / ‖z‖, or z / ‖z‖.

    The logits stay: with an L2 head one can classify with normalised features and score raw ones.
    """
    return latents if features == "usual" else _given(latents, features)


def in_space(latents: Latents, space: Space) -> np.ndarray:
    """Features (N, D), in their precision, as a scorer wants them."""
    return unit(latents) if resolved(latents, space) == "unit" else latents.features


def energy(logits: np.ndarray) -> np.ndarray:
    """``−log Σ_c exp l_c`` (N,), float64, of any logits (N, C)."""
    found = np.empty(len(logits))
    for start in range(0, len(logits), BLOCK):  # all of them in float64 may not fit into memory
        part = logits[start : start + BLOCK]
        top = part.max(axis=1, keepdims=True).astype(np.float64)
        found[start : start + BLOCK] = -(top[:, 0] + np.log(np.exp(part - top).sum(axis=1)))
    return found


@once
def log_probabilities(latents: Latents) -> np.ndarray:
    """Logarithm of the softmax (N, C), float64; finite where the probability is too small for a number."""
    return latents.logits - log_sum_exp(latents)[:, None]


@once
def doubt(latents: Latents) -> np.ndarray:
    """``1 − max_c p_c`` (N,), float64: the others' sum, which has its digits where the largest rounds to 1."""
    others = probabilities(latents).copy()
    others[np.arange(len(latents)), latents.logits.argmax(axis=1)] = 0
    return others.sum(axis=1)


@once
def entropy(latents: Latents) -> np.ndarray:
    """``−Σ_c p_c log p_c`` (N,), float64; the largest probability's part from :func:`doubt`."""
    logs, rows, top = log_probabilities(latents), np.arange(len(latents)), latents.logits.argmax(axis=1)
    parts = probabilities(latents) * logs
    parts[rows, top] = (1 - doubt(latents)) * np.log1p(-doubt(latents))
    return -parts.sum(axis=1)


def class_sums(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Sums (C, K), float64, of each class's rows of the values (N, K)."""
    from scipy.sparse import csr_array

    sums = np.zeros((classes, values.shape[1]))
    for start in range(0, len(values), BLOCK):
        part, rows = labels[start : start + BLOCK], values[start : start + BLOCK]
        belongs = csr_array((np.ones(len(part)), part, np.arange(len(part) + 1)), shape=(len(part), classes))
        sums += belongs.T @ rows
    return sums
