"""The point under the pointer is the nearest of all."""

import numpy as np
import pytest

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("count", [0, 1, 7, 900])
def test_the_grid_finds_the_nearest(javascript, count):
    points = RANDOM.normal(size=(count, 2)).astype(np.float32)
    asked = np.concatenate([RANDOM.normal(scale=1.5, size=(60, 2)), points[:20]])
    distances = RANDOM.uniform(0.001, 1, len(asked))
    code = """
        const values = Float32Array.from(points.flat());
        const grid = new m.Grid(values, points.length ? ends : null);
        return asked.map((place, n) => grid.nearest(place, distances[n]));
    """
    ends = [points.min(axis=0).tolist(), points.max(axis=0).tolist()] if count else None
    given = {"points": points.tolist(), "ends": ends, "asked": asked.tolist(), "distances": distances.tolist()}
    found = javascript("pick.js", code, **given)
    for row, place, distance in zip(found, asked, distances, strict=True):
        away = np.linalg.norm(points - place, axis=1)
        expected = int(away.argmin()) if count and away.min() <= distance else -1
        assert row == expected


def test_what_is_hidden_or_nowhere_cannot_be_picked(javascript):
    code = """
        const grid = new m.Grid(new Float32Array([0, 0, 1, 1, NaN, 0, 1.1, 1]), [[0, 0], [1.1, 1]]);
        const [notOne, none] = [(row) => row !== 1, () => false];
        return [grid.nearest([1, 1], 0.5), grid.nearest([1, 1], 0.5, notOne), grid.nearest([0, 0], 0.1, none)];
    """
    assert javascript("pick.js", code) == [1, 3, -1]


def test_points_in_one_place_can_be_picked(javascript):
    code = "return new m.Grid(new Float32Array([2, 2, 2, 2]), [[2, 2], [2, 2]]).nearest([2, 2.01], 0.1);"
    assert javascript("pick.js", code) in (0, 1)


def test_of_a_solid_map_the_front_point_is_picked(javascript):
    """Straight behind each other, seen from where z grows."""
    code = """
        const camera = {
            size: [100, 100],
            matrix: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -0.1, 0, 0, 0, -0.1, 1],
        };
        const points = new Float32Array([0, 0, -2, 0, 0, 2, 0.5, 0.5, 0, NaN, 0, 0]);
        return [
            m.nearestOnScreen(points, camera, [50, 50], 5),
            m.nearestOnScreen(points, camera, [50, 50], 5, (row) => row !== 1),
            m.nearestOnScreen(points, camera, [76, 25], 5),
            m.nearestOnScreen(points, camera, [10, 90], 5),
        ];
    """
    assert javascript("pick.js", code) == [1, 0, 2, -1]
