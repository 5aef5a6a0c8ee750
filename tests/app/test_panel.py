"""One map in the browser: where points are on the way, what shapes enclose, and in which order points are drawn."""

import numpy as np
import pytest

from latentviz.projection.selection import Between, Selection, fingerprint

RANDOM = np.random.default_rng(0)

# A panel whose points are on no graphics card.
SET_UP = """
    const panel = new m.Panel(null);
    panel.part = { left: 0, top: 0, width: 600, height: 400 };
    panel.camera.resize(600, 400);
    const cloud = { setPositions() {}, setFlags() {}, drop() {} };
    panel.cloud = cloud;
    panel.upload = () => {};
    const flat = (points) => Float32Array.from(points.flat(), (v) => v ?? NaN);
    const put = (name, points, from = null, isStill = false) => {
        if (!panel.positions) panel.positions = flat(points), panel.dimensions = points[0].length;
        panel.place(name, flat(points), points[0].length, from && { positions: flat(from), share: 0 }, isStill);
    };
"""


def test_points_go_from_where_they_were_to_where_they_are(javascript):
    old, new = (RANDOM.normal(size=(9, 2)).round(3) for _ in range(2))
    code = (
        SET_UP
        + """
        put("old", old); panel.began = null;
        put("new", later);
        const at = (now) => [panel.moved(now), ...panel.current(now)];
        const { began } = panel;
        const found = [0, 150, 300, 450, 600, 9000].map((t) => at(began + t));
        panel.tick(began + 599); const still = panel.isMoving;
        panel.tick(began + 600);
        return [found, still, panel.isMoving, [...panel.current(performance.now())]];
    """
    )
    found, still, after, end = javascript("panel.js", code, old=old.tolist(), later=new.tolist())
    shares = [row[0] for row in found]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[2] == 0.5
    assert shares[-2:] == [1, 1]
    for share, *places in found:
        np.testing.assert_allclose(np.reshape(places, (-1, 2)), old + share * (new - old), atol=1e-6)
    assert (still, after) == (True, False)
    np.testing.assert_array_equal(np.float32(end), np.float32(new).ravel())


def test_who_wants_little_motion_sees_none(javascript):
    code = SET_UP + 'put("old", [[0, 0], [1, 1]]); panel.began = null; put("new", [[2, 2], [3, 3]], null, true);'
    assert javascript("panel.js", code + "return [panel.isMoving, panel.moved(performance.now())];") == [False, 1]


def test_a_view_follows_all_points_until_somebody_moves_it(javascript):
    code = (
        SET_UP
        + """
        const views = [];
        put("a", [[0, 0], [1, 1]]); views.push(panel.camera.centre);
        put("b", [[10, 10], [12, 12]]); views.push([...panel.camera.centre]);
        panel.fitted = false;
        put("c", [[20, 20], [30, 30]]); views.push([...panel.camera.centre]);
        return views;
    """
    )
    assert javascript("panel.js", code)[1:] == [[11, 11, 0], [11, 11, 0]]


def test_a_shape_between_two_layouts_encloses_what_python_says(javascript):
    first, second = (RANDOM.normal(size=(120, 2)).astype(np.float32) for _ in range(2))
    name = f"{fingerprint(first)}-{fingerprint(second)}"
    code = (
        SET_UP
        + """
        put(name, second, first);
        panel.slide(0.37);
        const shape = panel.shape([[200, 100], [420, 140], [300, 330]], "lasso", "replace");
        return [shape, [...panel.enclosed(shape)], panel.enclosed({ ...shape, on: "elsewhere" })];
    """
    )
    shape, hit, elsewhere = javascript("panel.js", code, first=first.tolist(), second=second.tolist(), name=name)
    assert shape["share"] == 0.37
    expected = Selection(shapes=[shape]).resolve({name: Between(first, second)}, 120)
    np.testing.assert_array_equal(np.array(hit, dtype=bool), expected)
    assert 0 < expected.sum() < 120
    assert elsewhere is None


def test_a_shape_on_a_turned_map_encloses_what_python_says(javascript):
    points = RANDOM.normal(size=(150, 3)).astype(np.float32)
    code = (
        SET_UP
        + """
        put(name, points);
        panel.camera.orbit(90, 40);
        const shape = panel.shape([[250, 150], [400, 250]], "box", "replace");
        return [shape, [...panel.enclosed(shape)]];
    """
    )
    shape, hit = javascript("panel.js", code, points=points.tolist(), name=fingerprint(points))
    expected = Selection(shapes=[shape]).resolve({fingerprint(points): points}, 150)
    np.testing.assert_array_equal(np.array(hit, dtype=bool), expected)
    assert 0 < expected.sum() < 150


def test_a_click_is_no_shape(javascript):
    code = SET_UP + 'put("a", [[0, 0], [1, 1]]); return panel.shape([[5, 5], [5, 5]], "lasso", "add");'
    assert javascript("panel.js", code) is None


def test_points_without_a_position_are_counted(javascript):
    code = SET_UP + 'put("a", [[0, 0], [null, 1], [1, null], [1, 1]]); return [panel.unplaced, panel.seen(1)];'
    assert javascript("panel.js", code) == [2, None]


SIZES = [9000, 900, 100]


def fair_order(javascript, groups: np.ndarray, seed: int = 1) -> np.ndarray:
    code = "return [...m.fairOrder(Uint16Array.from(groups), seed)];"
    return np.array(javascript("points.js", code, groups=groups.tolist(), seed=seed), dtype=int)


def test_every_point_is_drawn_once_and_in_the_same_order_again(javascript):
    groups = RANDOM.permutation(np.repeat(np.arange(3), SIZES))
    order = fair_order(javascript, groups)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(groups)))
    np.testing.assert_array_equal(order, fair_order(javascript, groups))
    assert (order != fair_order(javascript, groups, seed=2)).any()


def test_a_minority_is_drawn_late_and_no_group_in_one_block(javascript):
    groups = RANDOM.permutation(np.repeat(np.arange(3), SIZES))
    order = groups[fair_order(javascript, groups)]
    middle = [np.flatnonzero(order == group).mean() for group in range(3)]
    assert middle == sorted(middle)
    # The last hundred points, which nothing covers, are of all groups and mostly not of the largest.
    last = np.bincount(order[-100:], minlength=3)
    assert last[0] < 50 < last.sum() - last[0]
    assert last[2] > 0
    assert np.bincount(order[:500], minlength=3)[0] > 450


@pytest.mark.parametrize("groups", [[], [4], [2, 2, 2]])
def test_few_points_have_an_order(javascript, groups):
    order = fair_order(javascript, np.array(groups, dtype=int))
    np.testing.assert_array_equal(np.sort(order), np.arange(len(groups)))
