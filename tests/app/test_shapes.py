"""The browser selects the same points as Python."""

import numpy as np
import pytest

from latentviz.projection.selection import inside


def test_a_polygon_encloses_the_same_points(javascript):
    """Polygons that cross themselves, points on their edges and vertices, and points that are nowhere."""
    random = np.random.default_rng(0)
    points = np.concatenate([random.integers(-8, 9, (300, 2)), random.normal(size=(300, 2)), [[np.nan, 0]]])
    points = points.astype(np.float32)
    polygons = [random.integers(-8, 9, (n, 2)).astype(float) for n in (3, 4, 5, 9, 40)]
    polygons += [random.normal(size=(n, 2)) for n in (3, 30, 300)]
    code = """
        const values = Float32Array.from(points, (v) => v ?? NaN);
        return polygons.map((polygon) => [...m.inside(values, polygon)]);
    """
    flat = [None if np.isnan(v) else float(v) for v in points.ravel()]
    found = javascript("shapes.js", code, points=flat, polygons=[p.tolist() for p in polygons])
    for polygon, hit in zip(polygons, found, strict=True):
        np.testing.assert_array_equal(np.array(hit, dtype=bool), inside(points, polygon))


def test_hidden_points_are_not_hit(javascript):
    code = "return [...m.inside(new Float32Array([1, 1, 1, 1]), m.box([0, 0], [2, 2]), new Uint8Array([1, 0]))];"
    assert javascript("shapes.js", code) == [1, 0]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("replace", [0, 1, 1, 0]), ("add", [1, 1, 1, 0]), ("subtract", [1, 0, 0, 0]), ("intersect", [0, 1, 0, 0])],
)
def test_modes_are_operations_on_sets(javascript, mode, expected):
    code = "return [...m.combine(new Uint8Array([1, 1, 0, 0]), new Uint8Array([0, 1, 1, 0]), mode)];"
    assert javascript("shapes.js", code, mode=mode) == expected


def test_a_simpler_path_stays_near_the_drawn_one(javascript):
    angles = np.linspace(0, 2 * np.pi, 2000)
    path = np.column_stack([200 * np.cos(angles), 150 * np.sin(3 * angles)])
    found = np.array(javascript("shapes.js", "return m.simplified(path, 0.75);", path=path.tolist()))
    assert 10 < len(found) <= 130
    starts, steps = found[:-1], np.diff(found, axis=0)
    along = np.clip(((path[:, None] - starts) * steps).sum(axis=2) / (steps**2).sum(axis=1), 0, 1)
    nearest = np.linalg.norm(path[:, None] - starts - along[..., None] * steps, axis=2).min(axis=1)
    assert nearest.max() <= 0.75 + 1e-9


def test_a_path_of_any_length_has_few_vertices(javascript):
    path = np.random.default_rng(0).uniform(0, 1000, (5000, 2))
    found = javascript("shapes.js", "return m.simplified(path);", path=path.tolist())
    assert 3 <= len(found) <= 130


def test_what_is_sent_is_short_and_off_by_less_than_a_tenth_of_a_pixel(javascript):
    values = np.random.default_rng(0).normal(scale=20, size=50).tolist()
    for scale in (0.001, 1, 37.5, 1e5):
        found = np.array(
            javascript("shapes.js", "return values.map((v) => m.short(v, scale));", values=values, scale=scale)
        )
        assert np.abs(found - values).max() * scale <= 0.1
        assert max(len(repr(v)) for v in found.tolist()) <= 12
