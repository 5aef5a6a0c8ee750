"""The picture of many points has their colours where they are, and hides neither small sets nor single points."""

import base64
import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image, ImageColor

from latentviz.figures.colouring import Colour, ramp
from latentviz.figures.density import Pixels, density
from latentviz.figures.style import OTHER_COLOUR

BLUE, RED, GREEN = (0, 0, 255), (255, 0, 0), (0, 255, 0)


def categories(values) -> Colour:
    return Colour(
        "Set", np.asarray(values, dtype=np.uint16), ("blue", "red", "green"), ("#0000ff", "#ff0000", "#00ff00")
    )


def numbers(values) -> Colour:
    return Colour("Feature norm", np.asarray(values, dtype=np.float32), limits=(0.0, 10.0))


def places(*rows: tuple[float, float, int]) -> pd.DataFrame:
    """Points at x, y, each as often as its last number says."""
    x, y, often = np.array(rows).T
    return pd.DataFrame({"x": np.repeat(x, often.astype(int)), "y": np.repeat(y, often.astype(int))})


def pixel(figure: go.Figure, x: float, y: float) -> np.ndarray:
    """Red, green, blue and opacity of the picture at a place of the map."""
    (drawn,) = figure.layout.images
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn.source.split(",")[1]))))
    height, width, _ = shown.shape
    column = int((x - drawn.x) / drawn.sizex * width)
    row = int((drawn.y - y) / drawn.sizey * height)
    return shown[min(row, height - 1), min(column, width - 1)]


def test_every_point_is_counted_where_it_is():
    x, y = np.random.default_rng(0).normal(size=(2, 5000)) * [[3], [1]]
    pixels = Pixels.around(x, y, side=32)
    edges = [np.linspace(pixels.low[axis], pixels.high[axis], 33) for axis in (0, 1)]
    expected, *_ = np.histogram2d(x, y, bins=edges)
    assert expected.sum() == pixels.counts().sum() == 5000
    np.testing.assert_array_equal(pixels.counts().reshape(32, 32), expected.T[::-1])


def test_points_have_their_colours_at_their_places():
    random = np.random.default_rng(0)
    points, codes = pd.DataFrame(random.normal(size=(40, 2)) * (1, 5), columns=["x", "y"]), random.integers(3, size=40)
    figure = density(points, categories(codes), dark=False)
    for (x, y), code in zip(points.to_numpy(), codes, strict=True):
        assert tuple(pixel(figure, x, y)[:3]) == (BLUE, RED, GREEN)[code]


def test_up_is_up_and_both_axes_have_one_scale():
    figure = density(places((-4, 0, 1), (4, 0, 1), (0, 1, 1)), categories([0, 0, 1]), dark=False)
    assert tuple(pixel(figure, 0, 1)[:3]) == RED
    assert pixel(figure, 0, -1)[3] == 0
    (drawn,) = figure.layout.images
    assert drawn.sizex == drawn.sizey == 8
    assert figure.layout.yaxis.scaleanchor == "x"


def test_axes_reach_over_the_picture():
    """They are scaled to traces, not to pictures."""
    figure = density(places((-4, 0, 1), (4, 1, 1)), categories([0, 1]), dark=False)
    (drawn,) = figure.layout.images
    np.testing.assert_allclose(figure.data[0].x, [drawn.x, drawn.x + drawn.sizex])
    np.testing.assert_allclose(figure.data[0].y, [drawn.y - drawn.sizey, drawn.y])


def test_a_few_points_among_many_are_seen():
    figure = density(
        places((0, 0, 10_000), (0, 0, 100), (1, 1, 1)), categories([0] * 10_000 + [1] * 100 + [2]), dark=False
    )
    expected = (100 * np.array(BLUE) + 10 * np.array(RED)) / 110
    np.testing.assert_allclose(pixel(figure, 0, 0)[:3], expected, atol=1)


@pytest.mark.parametrize("dark", [False, True])
def test_strength_rises_with_the_logarithm_and_single_points_are_seen(dark):
    figure = density(places((0, 0, 1), (1, 0, 9), (2, 0, 999)), categories([0] * 1009), dark)
    one, some, most = (int(pixel(figure, x, 0)[3]) for x in (0, 1, 2))
    assert 100 < one < some < most == 255
    logs = np.log([2, 10, 1000])
    assert (some - one) / (most - one) == pytest.approx((logs[1] - logs[0]) / (logs[2] - logs[0]), abs=0.02)
    assert pixel(figure, 0.5, 0)[3] == 0


def test_numbers_have_the_colour_of_their_mean_and_are_grey_where_there_is_none():
    points = places((0, 0, 2), (1, 0, 2), (2, 0, 2), (3, 0, 1))
    figure = density(points, numbers([0, 10, 10, np.nan, np.inf, 1e9, np.nan]), dark=False)
    middle, end = (ImageColor.getrgb(ramp(101)[step]) for step in (50, 100))
    np.testing.assert_allclose(pixel(figure, 0, 0)[:3], middle, atol=3)
    np.testing.assert_array_equal(pixel(figure, 1, 0)[:3], end)
    np.testing.assert_array_equal(pixel(figure, 2, 0)[:3], end)
    np.testing.assert_array_equal(pixel(figure, 3, 0)[:3], ImageColor.getrgb(OTHER_COLOUR))


def test_the_legend_names_the_categories_that_are_drawn():
    points = places((0, 0, 1), (1, 1, 1), (np.nan, 0, 1))
    figure = density(points, categories([0, 2, 1]), dark=False)
    legend = {trace.name: trace.marker.color for trace in figure.data if trace.showlegend is not False}
    assert legend == {"blue": "#0000ff", "green": "#00ff00"}


def test_rare_categories_are_drawn_as_other():
    coloured = Colour("Class", np.array([0, 1]), ("a", "b"), ("#0000ff", OTHER_COLOUR), rare=frozenset({"b"}))
    figure = density(places((0, 0, 1), (1, 1, 1)), coloured, dark=False)
    assert [trace.name for trace in figure.data[1:]] == ["a", "other"]
    np.testing.assert_array_equal(pixel(figure, 1, 1)[:3], ImageColor.getrgb(OTHER_COLOUR))


def test_a_bar_explains_numbers():
    figure = density(places((0, 0, 1), (1, 1, 1)), numbers([1, np.nan]), dark=False)
    bar, unknown = figure.data
    assert (bar.marker.cmin, bar.marker.cmax) == (0, 10)
    assert bar.marker.colorbar.title.text == "Feature norm"
    assert (unknown.name, unknown.marker.color) == ("no value", OTHER_COLOUR)


@pytest.mark.parametrize("often", [1, 500])
@pytest.mark.parametrize("place", [(0, 0), (-3e30, 2e-30), (1e9, 1e9)])
def test_one_place_is_in_the_middle(often, place):
    figure = density(places((*place, often)), categories([1] * often), dark=False)
    (drawn,) = figure.layout.images
    assert tuple(pixel(figure, drawn.x + drawn.sizex / 2, drawn.y - drawn.sizey / 2)) == (*RED, 255)


def test_points_without_coordinates_are_left_out_and_depth_is_ignored():
    known = places((0, 0, 3), (2, 2, 2))
    others = pd.DataFrame({"x": [np.nan, 1, np.inf], "y": [1, np.nan, 0]})
    points = pd.concat([known, others]).assign(z=np.nan)
    found = density(points, categories([0] * 5 + [1] * 3), dark=False)
    assert found == density(known, categories([0] * 5), dark=False)


def test_nothing_to_show_says_why():
    nothing = places((0, 0, 1)).iloc[:0]
    figure = density(nothing, categories([]), dark=False)
    assert figure.layout.annotations[0].text == "No sample matches the filter."
    figure = density(places((np.nan, 0, 2)), categories([0, 1]), dark=True)
    assert figure.layout.annotations[0].text == "These samples have no place on the map."
