"""The latent map as one picture, where points are too many to be drawn one by one."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image, ImageColor

from latentviz.figures.colouring import Colour, ramp
from latentviz.figures.latent_map import HEIGHT, explain, numbers
from latentviz.figures.style import OTHER_COLOUR, empty, tidy

#: Opacity of a pixel with one point, on a light and on a dark page: single points are seen on both, and crowds still
#: stand out. Small spots are harder to see on dark ground.
_FAINTEST = {False: 0.5, True: 0.6}


@dataclass(frozen=True)
class Pixels:
    """Which pixel of a square picture each point falls into; all points are inside, and both axes have one scale.

    Attributes
    ----------
    low, high : (x, y)
        Corners of the picture in the map's coordinates.
    side : int
        Pixels along an edge.
    of : ndarray of shape (N,), int
        Pixel of each point: row by row, the highest y first, as pictures have them.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    side: int
    of: np.ndarray

    @classmethod
    def around(cls, x: np.ndarray, y: np.ndarray, side: int) -> Pixels:
        """The smallest picture of at least one point; coordinates are finite."""
        middle = (x.min() / 2 + x.max() / 2, y.min() / 2 + y.max() / 2)
        # All in one place are in the middle of a picture whose size does not matter, if only it can be told from 0.
        half = max(np.ptp(x), np.ptp(y)) / 2 or max(1.0, abs(middle[0]), abs(middle[1]))
        left, top = middle[0] - half, middle[1] + half
        columns = ((x - left) * (side / (2 * half))).astype(np.int64).clip(0, side - 1)
        rows = ((top - y) * (side / (2 * half))).astype(np.int64).clip(0, side - 1)
        low, high = (float(left), float(middle[1] - half)), (float(middle[0] + half), float(top))
        return cls(low, high, side, rows * side + columns)

    def counts(self) -> np.ndarray:
        """Points in every pixel, (side * side,)."""
        return np.bincount(self.of, minlength=self.side**2)

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Sum over the points in every pixel, (side * side,)."""
        return np.bincount(self.of, weights, minlength=self.side**2)


def density(points: pd.DataFrame, coloured: Colour, dark: bool, side: int = 512) -> go.Figure:
    """The map of many points.

    The more points a pixel has, the more opaque it is, by the logarithm. Its colour is a mixture of those of its
    categories, each weighted by the square root of its points, so that a few among many are seen. If points have
    numbers, it is that of their mean, and grey where none has one; a number beyond the ramp counts as its end.

    Parameters
    ----------
    points : DataFrame
        ``x`` and ``y``; of a three-dimensional map, ``z`` is ignored. Points without finite coordinates are left out.
    coloured : Colour
        Of the same rows.
    dark : bool
        Whether the page is dark.
    side : int
        Pixels along an edge of the picture.
    """
    if points.empty:
        return empty("No sample matches the filter.", HEIGHT)
    x, y = (points[axis].to_numpy(dtype=np.float64) for axis in ("x", "y"))
    somewhere = np.isfinite(x) & np.isfinite(y)
    if not somewhere.any():
        return empty("These samples have no place on the map.", HEIGHT)
    pixels = Pixels.around(x[somewhere], y[somewhere], side)
    drawn = coloured.folded().at(somewhere)
    figure = go.Figure(_ends(pixels, drawn))
    figure.add_layout_image(
        source=_uri(picture(pixels, drawn, dark)),
        x=pixels.low[0],
        y=pixels.high[1],
        sizex=pixels.high[0] - pixels.low[0],
        sizey=pixels.high[1] - pixels.low[1],
        xref="x",
        yref="y",
        sizing="stretch",
        layer="above",
    )
    explain(figure, drawn)
    figure.update_layout(dragmode="pan", uirevision="map")
    # Without ticks, as in the map of few points: coordinates have no unit.
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return tidy(figure, HEIGHT)


def picture(pixels: Pixels, coloured: Colour, dark: bool) -> np.ndarray:
    """The pixels' red, green, blue and opacity, (side, side, 4) from 0 to 255.

    Parameters
    ----------
    pixels : Pixels
    coloured : Colour
        Of the same points.
    dark : bool
        Whether the page is dark.
    """
    counts = pixels.counts()
    strength = np.log1p(counts) / np.log1p(counts.max())
    opacity = np.where(counts, _FAINTEST[dark] + (1 - _FAINTEST[dark]) * strength, 0)
    fills = _mixtures(pixels, coloured) if coloured.categories else _means(pixels, coloured)
    found = np.column_stack([fills, 255 * opacity])
    return found.round().astype(np.uint8).reshape(pixels.side, pixels.side, 4)


def _mixtures(pixels: Pixels, coloured: Colour) -> np.ndarray:
    """Mixture of the colours of each pixel's categories, (side * side, 3)."""
    palette = _rgb(coloured.colours)
    # Only pairs of a pixel and a category that occur: there may be many sets.
    pairs, counts = np.unique(pixels.of * len(palette) + coloured.values, return_counts=True)
    where, category = np.divmod(pairs, len(palette))
    weights, size = np.sqrt(counts), pixels.side**2
    total = np.bincount(where, weights, size)
    mixed = [np.bincount(where, weights * palette[category, channel], size) for channel in range(3)]
    return np.column_stack(mixed) / np.maximum(total, 1)[:, None]


def _means(pixels: Pixels, coloured: Colour) -> np.ndarray:
    """Colour of the mean number of each pixel, (side * side, 3)."""
    low, high = coloured.limits
    known = ~np.isnan(coloured.values)
    shares = ((coloured.values.astype(np.float64) - low) / max(high - low, 1e-30)).clip(0, 1)
    counts = pixels.sums(known)
    means = pixels.sums(np.where(known, shares, 0)) / np.maximum(counts, 1)
    palette = _rgb(ramp(256))
    fills = palette[(means * (len(palette) - 1)).round().astype(np.int64)]
    return np.where((counts > 0)[:, None], fills, _rgb([OTHER_COLOUR]))


def _rgb(colours: Iterable[str]) -> np.ndarray:
    return np.array([ImageColor.getrgb(name)[:3] for name in colours])


def _ends(pixels: Pixels, coloured: Colour) -> go.Scatter:
    """The corners of the picture, unseen: axes are scaled to traces, not to pictures. Carries the bar of numbers."""
    (left, low), (right, high) = pixels.low, pixels.high
    bar = {} if coloured.categories else {"color": coloured.limits, "showscale": True, **numbers(coloured)}
    return go.Scatter(
        x=[left, right],
        y=[low, high],
        mode="markers",
        marker={"opacity": 0, **bar},
        hoverinfo="skip",
        showlegend=False,
    )


def _uri(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
