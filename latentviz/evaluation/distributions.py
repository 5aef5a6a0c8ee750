"""Distributions of one number over image sets, small enough to draw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

#: Bins of a histogram, points of a density, points of a cumulative curve.
BINS, POINTS, STEPS = 80, 256, 400


def span(values: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """The range in which nearly all values of every set lie: a few extreme ones must not squeeze the others.

    Parameters
    ----------
    values : dict of ndarray of shape (N,)
        By set.

    Examples
    --------
    >>> span({"a": np.r_[np.arange(1000.0), 1e9]})
    (0.0, 999.0)
    """
    filled = [v for v in values.values() if len(v)]
    if not filled:
        return 0.0, 1.0
    low = min(float(np.quantile(v, 0.001, method="lower")) for v in filled)
    high = max(float(np.quantile(v, 0.999, method="lower")) for v in filled)
    if high <= low:
        margin = max(abs(low) * 1e-3, 1e-6)
        return low - margin, high + margin
    return low, high


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
    margin = 0.06 * (high - low)
    edges = np.linspace(low - margin, high + margin, points + 1)
    step = edges[1] - edges[0]
    frames = []
    for name, v in values.items():
        counts, _ = np.histogram(v, edges)
        quartiles = np.subtract(*np.percentile(v, [75, 25])) / 1.349 if len(v) else 0.0
        spread = min(float(v.std()), quartiles or np.inf) if len(v) else 0.0
        width = 0.9 * spread * max(len(v), 1) ** -0.2
        smooth = gaussian_filter1d(counts.astype(float), max(width / step, 0.5), mode="constant")
        frames.append(
            pd.DataFrame(
                {"set": name, "value": (edges[:-1] + edges[1:]) / 2, "density": smooth / (max(len(v), 1) * step)}
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["set", "value", "density"])


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
        at = np.unique(np.linspace(0, len(v) - 1, min(steps, len(v))).round().astype(int)) if len(v) else []
        frames.append(pd.DataFrame({"set": name, "value": ordered[at], "share": (np.asarray(at) + 1) / max(len(v), 1)}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["set", "value", "share"])
