"""Selections: the even-odd rule, sets of points, and never on another map."""

import base64
import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from latentviz.errors import DataError
from latentviz.projection.selection import Between, Selection, Shape, fingerprint, inside

#: Numbers whose sums and products are exact, so that edges are hit often and no rounding blurs who does.
GRID = st.integers(-8, 8).map(float)
SQUARE = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))


def crossings(point: np.ndarray, polygon: np.ndarray) -> int:
    """Edges above a point, which :func:`inside` looks for to its right; -1 on or below a vertex."""
    x, y = point
    count = 0
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if x in (x0, x1):
            return -1
        if min(x0, x1) < x < max(x0, x1):
            across = y0 + (x - x0) * (y1 - y0) / (x1 - x0)
            if across == y:
                return -1
            count += across > y
    return count


@given(arrays(float, (20, 2), elements=GRID), arrays(float, st.tuples(st.integers(3, 9), st.just(2)), elements=GRID))
def test_a_point_is_inside_if_it_crosses_an_odd_number_of_edges(points, polygon):
    points = np.add(points, [0.25, 0.125])
    found = inside(points, polygon)
    for point, is_in in zip(points, found, strict=True):
        count = crossings(point, polygon)
        if count >= 0:
            assert is_in == (count % 2 == 1)


@given(arrays(float, (30, 2), elements=GRID), arrays(float, (5, 2), elements=GRID), st.integers(0, 4))
def test_where_it_begins_and_which_way_it_goes_does_not_matter(points, polygon, first):
    points = np.add(points, [0.3, 0.7])
    found = inside(points, polygon)
    np.testing.assert_array_equal(inside(points, np.roll(polygon, first, axis=0)), found)
    np.testing.assert_array_equal(inside(points, polygon[::-1]), found)


@given(arrays(float, (50, 2), elements=GRID))
def test_a_point_on_a_common_edge_is_in_one_of_two(points):
    left = inside(points, np.array([[-8, -8], [0, -8], [0, 9], [-8, 9]]))
    right = inside(points, np.array([[0, -8], [9, -8], [9, 9], [0, 9]]))
    np.testing.assert_array_equal(left ^ right, np.ones(50, dtype=bool))


def test_what_is_enclosed_twice_is_outside():
    star = np.array([[np.cos(a), np.sin(a)] for a in np.pi / 2 + 4 * np.pi / 5 * np.arange(5)])
    assert inside(np.array([[0.0, 0.0], [0.0, 0.7]]), star).tolist() == [False, True]


def test_nowhere_is_not_inside():
    points = np.array([[np.nan, 1], [1, np.nan], [1, 1]], dtype=np.float32)
    assert inside(points, np.array(SQUARE)).tolist() == [False, False, True]


def test_a_polygon_without_an_area_holds_nothing():
    assert not inside(np.array([[1.0, 1.0], [0.5, 0.5]]), np.array([[0, 0], [2, 2], [1, 1]])).any()


POINTS = np.array([[0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [9, 9]], dtype=np.float32)
LEFT, RIGHT = SQUARE, tuple((x + 1, y) for x, y in SQUARE)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("replace", [False, True, True, False]),
        ("add", [True, True, True, False]),
        ("subtract", [True, False, False, False]),
        ("intersect", [False, True, False, False]),
    ],
)
def test_modes_are_operations_on_sets(mode, expected):
    selection = Selection().with_shape(Shape(on="a", polygon=LEFT))
    selection = selection.with_shape(Shape(on="a", mode=mode, polygon=RIGHT))
    assert selection.resolve({"a": POINTS}, 4).tolist() == expected
    assert len(selection.shapes) == (1 if mode == "replace" else 2)


def test_what_is_hidden_is_not_selected():
    selection = Selection(shapes=(Shape(on="a", polygon=LEFT),))
    shown = np.array([False, True, True, True])
    assert selection.resolve({"a": POINTS}, 4, shown).tolist() == [False, True, False, False]


def test_a_shape_counts_on_the_map_it_was_drawn_on_only():
    moved = POINTS + np.float32(0.01)
    maps = {fingerprint(POINTS): POINTS}
    selection = Selection(shapes=(Shape(on=fingerprint(moved), polygon=LEFT),))
    with pytest.raises(DataError, match="no longer there"):
        selection.resolve(maps, 4)
    other = Selection(shapes=(Shape(on=fingerprint(POINTS), polygon=LEFT),))
    assert other.resolve({**maps, fingerprint(moved): moved[::-1]}, 4).tolist() == [True, True, False, False]


def test_a_fingerprint_is_of_numbers_and_shape():
    moved = POINTS + np.float32(0.01)
    assert fingerprint(POINTS) == fingerprint(POINTS.copy(order="F"))
    assert len({fingerprint(p) for p in (POINTS, moved, POINTS.reshape(2, 4), POINTS[:3])}) == 4


def test_samples_can_be_selected_one_by_one_and_all_together():
    one = Selection(shapes=(Shape(rows=(2, 9)),))
    assert one.resolve({}, 4).tolist() == [False, False, True, False]
    assert one.with_shape(Shape(mode="add", rows=(0,))).resolve({}, 4).tolist() == [True, False, True, False]
    assert Selection(shapes=(Shape(),)).resolve({}, 4).all()
    assert not Selection().resolve({}, 4).any()


def test_between_two_layouts_points_are_where_they_were_seen():
    apart = Between(POINTS, POINTS + np.float32(2))
    assert Selection(shapes=(Shape(on="a", polygon=LEFT, share=0),)).resolve({"a": apart}, 4).sum() == 2
    assert Selection(shapes=(Shape(on="a", polygon=LEFT, share=1),)).resolve({"a": apart}, 4).sum() == 0
    half = tuple((x + 1, y + 1) for x, y in LEFT)
    assert Selection(shapes=(Shape(on="a", polygon=half, share=0.5),)).resolve({"a": apart}, 4).sum() == 2


@given(
    st.lists(
        st.builds(
            Shape,
            mode=st.sampled_from(["replace", "add", "subtract", "intersect"]),
            on=st.text(max_size=20),
            polygon=st.none() | st.lists(st.tuples(GRID, GRID), min_size=3, max_size=9).map(tuple),
            rows=st.none() | st.lists(st.integers(0, 10**6), max_size=5).map(tuple),
            share=st.none() | st.floats(0, 1),
        ),
        max_size=4,
    )
)
def test_it_survives_an_address(shapes):
    selection = Selection(shapes=tuple(shapes))
    text = selection.to_text()
    assert re.fullmatch(r"[\w-]*", text)
    assert Selection.from_text(text) == selection


@pytest.mark.parametrize(
    "text", ["", "!", "abc", "eJwDAAAAAAE", base64.urlsafe_b64encode(zlib.compress(b"[]")).decode()]
)
def test_what_is_no_selection_is_refused(text):
    with pytest.raises(DataError, match="cannot be read"):
        Selection.from_text(text)


def test_an_address_that_unpacks_to_too_much_is_refused():
    bomb = zlib.compress(b'{"shapes":[' + b" " * 100_000_000 + b"]}", 9)
    with pytest.raises(DataError, match="cannot be read"):
        Selection.from_text(base64.urlsafe_b64encode(bomb).decode())


@pytest.mark.parametrize(
    "given",
    [
        {"polygon": LEFT[:2]},
        {"polygon": ((0, 0), (1, float("nan")), (1, 1))},
        {"polygon": LEFT, "mode": "xor"},
        {"polygon": LEFT, "view": (1.0,) * 15},
        {"polygon": ((0.0, 0.0),) * 5000},
        {"rows": (-1,)},
        {"polygon": LEFT, "share": 1.5},
    ],
)
def test_shapes_that_make_no_sense_are_refused(given):
    with pytest.raises(ValidationError):
        Shape(**given)


def test_in_three_dimensions_the_view_decides():
    """From the front, half as large at twice the distance; what is behind the eye is not seen."""
    view = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0)
    points = np.array([[1, 1, 1], [3, 3, 1], [3, 3, 2], [1, 1, -1], [1, 1, 0]], dtype=np.float32)
    selection = Selection(shapes=(Shape(on="a", polygon=SQUARE, view=view),))
    assert selection.resolve({"a": points}, 5).tolist() == [True, False, True, False, False]
