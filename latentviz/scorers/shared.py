"""What several scorers need of the same samples, computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Literal, ParamSpec, TypeVar

import numpy as np

from latentviz.latents import L2_EPSILON, Latents

#: Which features a scorer looks at: as the last layer sees them, as they are, or divided by their length.
Space = Literal["head", "raw", "unit"]

P = ParamSpec("P")
R = TypeVar("R")


def once(function: Callable[Concatenate[Latents, P], R]) -> Callable[Concatenate[Latents, P], R]:
    """Keep a function's result with the samples it was computed for."""

    @wraps(function)
    def kept(latents: Latents, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (function.__qualname__, args, tuple(sorted(kwargs.items())))
        if key not in latents.shared:
            latents.shared[key] = function(latents, *args, **kwargs)
        return latents.shared[key]

    return kept


@once
def log_sum_exp(latents: Latents) -> np.ndarray:
    """``log Σ_c exp l_c`` (N,), float64."""
    logits = latents.logits.astype(np.float64)
    top = logits.max(axis=1)
    return top + np.log(np.exp(logits - top[:, None]).sum(axis=1))


@once
def probabilities(latents: Latents) -> np.ndarray:
    """Softmax of the logits (N, C), float64."""
    return np.exp(latents.logits.astype(np.float64) - log_sum_exp(latents)[:, None])


@once
def lengths(latents: Latents) -> np.ndarray:
    """``‖z‖₂`` (N,), float32."""
    return np.linalg.norm(latents.features, axis=1)


@once
def unit(latents: Latents) -> np.ndarray:
    """``z / ‖z‖₂`` (N, D), float32."""
    return latents.features / np.maximum(lengths(latents), L2_EPSILON)[:, None]


def in_space(latents: Latents, space: Space) -> np.ndarray:
    """Features (N, D), float32, as a scorer wants them."""
    through_head = latents.head is not None and latents.head.kind == "l2"
    if space == "unit" or (space == "head" and through_head):
        return unit(latents)
    return latents.features
