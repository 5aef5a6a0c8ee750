"""The map's camera: there and back again, what is under the pointer stays there, turning keeps distances."""

import numpy as np
import pytest

from latentviz.projection.selection import Selection, Shape

SET_UP = """
    const camera = new m.Camera(dimensions);
    camera.resize(800, 500);
    camera.around(m.extent(Float32Array.from(points.flat()), dimensions));
    camera.reset();
"""
RANDOM = np.random.default_rng(0)
FLAT = RANDOM.normal([5, -3], [2, 9], (50, 2)).round(3).tolist()
SOLID = RANDOM.normal([5, -3, 1], [2, 9, 4], (50, 3)).round(3).tolist()


@pytest.mark.parametrize(("dimensions", "points"), [(2, FLAT), (3, SOLID)])
def test_at_first_all_points_are_on_the_canvas_and_fill_it(javascript, dimensions, points):
    code = SET_UP + "return points.map((p) => camera.toScreen(p));"
    found = np.array(javascript("camera.js", code, dimensions=dimensions, points=points))
    assert (found >= 0).all()
    assert (found <= [800, 500]).all()
    if dimensions == 2:  # the higher than wide map reaches from margin to margin
        np.testing.assert_allclose([found[:, 1].min(), found[:, 1].max()], [25, 475], atol=1e-3)
        np.testing.assert_allclose(found[:, 0].min() + found[:, 0].max(), 800, atol=1e-3)


def test_up_is_up_and_units_are_square(javascript):
    code = SET_UP + "return [[0, 0], [1, 0], [0, 1]].map((p) => camera.toScreen(p));"
    origin, right, up = np.array(javascript("camera.js", code, dimensions=2, points=FLAT))
    assert right[0] - origin[0] == pytest.approx(origin[1] - up[1])
    assert right[1] == pytest.approx(origin[1])


def test_there_and_back_again(javascript):
    code = (
        SET_UP
        + """
        camera.zoomAt(3, [100, 50]); camera.pan(37, -11);
        return points.map((p) => camera.fromScreen(camera.toScreen(p)));
    """
    )
    np.testing.assert_allclose(javascript("camera.js", code, dimensions=2, points=FLAT), FLAT, atol=1e-9)


def test_what_is_under_the_pointer_stays_there(javascript):
    code = (
        SET_UP
        + """
        const place = [613, 77];
        return [0.5, 7, 40, 0.01].map((factor) => {
            const before = camera.fromScreen(place);
            camera.zoomAt(factor, place);
            return [before, camera.fromScreen(place), camera.zoom];
        });
    """
    )
    found = javascript("camera.js", code, dimensions=2, points=FLAT)
    for before, after, _ in found:
        np.testing.assert_allclose(after, before, rtol=1e-9)
    np.testing.assert_allclose([zoom for *_, zoom in found], [0.5, 3.5, 140, 1.4])


@pytest.mark.parametrize(("dimensions", "points"), [(2, FLAT), (3, SOLID)])
def test_dragging_moves_the_middle_with_the_pointer(javascript, dimensions, points):
    code = (
        SET_UP
        + """
        if (dimensions === 3) camera.orbit(50, 20);
        const middle = camera.home.centre;
        const before = camera.toScreen(middle);
        camera.pan(31, -17);
        const after = camera.toScreen(middle);
        return [after[0] - before[0], after[1] - before[1]];
    """
    )
    np.testing.assert_allclose(javascript("camera.js", code, dimensions=dimensions, points=points), [31, -17])


def test_turning_is_a_rotation(javascript):
    code = SET_UP + "for (let n = 0; n < 200; n++) camera.orbit(13, -7); return camera.turn;"
    turn = np.reshape(javascript("camera.js", code, dimensions=3, points=SOLID), (3, 3))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_a_shape_on_a_turned_map_selects_what_is_seen_in_it(javascript):
    """With the camera's matrix as its view, in Python."""
    code = (
        SET_UP
        + """
        camera.orbit(80, 33); camera.zoomAt(1.5, [0, 0]);
        const polygon = [[300, 100], [700, 150], [500, 450]];
        return [camera.matrix, polygon.map((p) => camera.fromScreen(p)), points.map((p) => camera.toScreen(p))];
    """
    )
    matrix, polygon, screen = javascript("camera.js", code, dimensions=3, points=SOLID)
    points = np.array(SOLID, dtype=np.float32)
    shape = Shape(on="here", polygon=polygon, view=matrix)
    found = Selection(shapes=(shape,)).resolve({"here": points}, len(points))
    drawn = np.array([[300, 100], [700, 150], [500, 450]])
    edges = np.roll(drawn, -1, axis=0) - drawn
    away = np.array(screen)[:, None] - drawn
    sides = edges[:, 0] * away[..., 1] - edges[:, 1] * away[..., 0]
    np.testing.assert_array_equal(found, (sides > 0).all(axis=1))
    assert 0 < found.sum() < len(points)


def test_showing_a_part_fills_the_canvas_with_it(javascript):
    code = SET_UP + "camera.show([[1, 1], [3, 2]]); return [camera.toScreen([1, 2]), camera.toScreen([3, 1])];"
    (left, top), (right, bottom) = javascript("camera.js", code, dimensions=2, points=FLAT)
    assert (left, right) == pytest.approx((0, 800))
    assert top + bottom == pytest.approx(500)


@pytest.mark.parametrize("points", [[], [[2, 3]], [[2, 3], [2, 3]], [[None, 1], [2, 3]]])
def test_few_points_can_be_seen(javascript, points):
    code = SET_UP.replace("points.flat()", "points.flat().map((v) => v ?? NaN)") + "return camera.toScreen([2, 3]);"
    found = javascript("camera.js", code, dimensions=2, points=points)
    assert np.isfinite(found).all()
    if points:
        np.testing.assert_allclose(found, [400, 250])


def test_a_view_can_be_kept_and_restored(javascript):
    code = (
        SET_UP
        + """
        camera.orbit(5, 9); camera.pan(3, 4); camera.zoomAt(2, [1, 1]);
        const [kept, before] = [camera.state, camera.matrix];
        camera.reset(); camera.orbit(50, 9);
        camera.state = kept;
        return [before, camera.matrix];
    """
    )
    before, after = javascript("camera.js", code, dimensions=3, points=SOLID)
    assert before == after
