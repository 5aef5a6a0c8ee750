"""Distributions of one number over image sets, small enough to draw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

#: Bins of a histogram, points of a density, points of a cumulative curve.
BINS, POINTS, STEPS = 80, 256, 400


def span(values: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """The range in which nearly all values of every set lie: a few extreme ones must not squeeze the others.

    From each end of a set 0.1 % are left out; one sample if that is less than one, none of fewer than 100.

    Parameters
    ----------
    values : dict of ndarray of shape (N,)
        By set.

    Returns
    -------
    (low, high) : tuple of float
        Never of no width; 0 and 1 if there are no values.

    Examples
    --------
    >>> span({"a": np.r_[np.arange(1000.0), 1e9]})
    (1.0, 999.0)
    """
    filled = [_inner(v) for v in values.values() if len(v)]
    if not filled:
        return 0.0, 1.0
    low, high = min(ends[0] for ends in filled), max(ends[1] for ends in filled)
    if high - low <= max(1e-12 * max(abs(low), abs(high)), 1e-300):  # bins must be wider than rounding
        margin = max(abs(low) * 1e-3, 1e-6)
        return low - margin, high + margin
    return low, high


def _inner(values: np.ndarray) -> tuple[float, float]:
    """Ends of one set's values without the outermost ones."""
    out = max(len(values) // 1000, int(len(values) >= 100))
    ordered = np.partition(values, [out, len(values) - 1 - out])
    return float(ordered[out]), float(ordered[len(values) - 1 - out])


def histogram(values: Mapping[str, np.ndarray], bins: int = BINS) -> pd.DataFrame:
    """Shares of every set's samples in common bins; what lies outside the span counts in the outermost bins.

    Parameters
    ----------
    values : dict of ndarray of shape (N,)
        By set.
    bins : int

    Returns
    -------
    DataFrame
        ``set``, ``value`` (middle of the bin), ``share`` (of the set), ``samples``.
    """
    low, high = span(values)
    edges = np.linspace(low, high, bins + 1)
    frames = []
    for name, v in values.items():
        counts, _ = np.histogram(np.clip(v, low, high), edges)
        middles = (edges[:-1] + edges[1:]) / 2
        shares = counts / max(len(v), 1)
        frames.append(pd.DataFrame({"set": name, "value": middles, "share": shares, "samples": counts}))
    return (
        pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["set", "value", "share", "samples"])
    )


def density(values: Mapping[str, np.ndarray], points: int = POINTS) -> pd.DataFrame:
    """Smoothed densities, Gaussian kernel of Silverman's width, on a grid that all sets share.

    Parameters
    ----------
    values : dict of ndarray of shape (N,)
        By set.
    points : int

    Returns
    -------
    DataFrame
        ``set``, ``value``, ``density`` (integrates to the share of the set within the span).
    """
    from scipy.ndimage import gaussian_filter1d

    low, high = span(values)
    widths = {name: _kernel(v, low, high) for name, v in values.items()}
    # Room for the kernels' tails, which are wide if there are few samples.
    margin = min(max(0.06 * (high - low), 3 * max(widths.values(), default=0.0)), high - low)
    edges = np.linspace(low - margin, high + margin, points + 1)
    step = edges[1] - edges[0]
    frames = []
    for name, v in values.items():
        counts, _ = np.histogram(v, edges)
        smooth = gaussian_filter1d(counts.astype(float), max(widths[name] / step, 0.5), mode="constant")
        frames.append(
            pd.DataFrame(
                {"set": name, "value": (edges[:-1] + edges[1:]) / 2, "density": smooth / (max(len(v), 1) * step)}
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["set", "value", "density"])


def _kernel(values: np.ndarray, low: float, high: float) -> float:
    """Silverman's width of the Gaussian kernel for the values within a range; extreme ones must not widen it."""
    inside = values[(values >= low) & (values <= high)].astype(np.float64)
    if len(inside) == 0:
        return 0.0
    quartiles = np.subtract(*np.percentile(inside, [75, 25])) / 1.349
    return 0.9 * float(min(inside.std(), quartiles or np.inf)) * len(inside) ** -0.2


def cumulative(values: Mapping[str, np.ndarray], steps: int = STEPS) -> pd.DataFrame:
    """Share of every set's samples up to a value.

    Parameters
    ----------
    values : dict of ndarray of shape (N,)
        By set.
    steps : int
        Points a set at most.

    Returns
    -------
    DataFrame
        ``set``, ``value``, ``share``.
    """
    frames = []
    for name, v in values.items():
        ordered = np.sort(v)
        at = np.unique(np.linspace(0, max(len(v) - 1, 0), min(steps, len(v))).round().astype(int))
        frames.append(pd.DataFrame({"set": name, "value": ordered[at], "share": (at + 1) / max(len(v), 1)}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["set", "value", "share"])
