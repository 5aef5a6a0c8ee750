"""Loops that array operations cannot express, compiled by numba; imported where they are used first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Runs beside other threads, and is kept for the next process where there is a place for it."""
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # no folder that can be written
        return njit(nogil=True, error_model="numpy")(function)
