"""Density of a map: the same as computed with scipy, and contours that are what they say of shapes that are known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

RANDOM = np.random.default_rng(0)

DENSITY = """
    const values = Float32Array.from(points, (v) => v ?? NaN);
    return [...m.density(values, counts && Uint8Array.from(counts), ends, side, blur)];
"""


def density(javascript, points, ends, counts=None, side=24, blur=2.5) -> np.ndarray:
    flat = [float(v) if np.isfinite(v) else None for v in np.float32(points).ravel()]
    kept = None if counts is None else [int(c) for c in counts]
    grid = javascript("density.js", DENSITY, points=flat, counts=kept, ends=ends, side=side, blur=blur)
    return np.reshape(grid, (side, side))


def contours(javascript, grid: np.ndarray, level: float) -> np.ndarray:
    """Segments, (N, beginning or end, x or y)."""
    code = "return [...m.contours(Float32Array.from(grid), side, level)];"
    found = javascript("density.js", code, grid=grid.ravel().tolist(), side=len(grid), level=level)
    return np.reshape(found, (-1, 2, 2))


def area(segments: np.ndarray) -> float:
    """Enclosed by curves whose inside is on the left."""
    (x0, y0), (x1, y1) = segments[:, 0].T, segments[:, 1].T
    return float((x0 * y1 - x1 * y0).sum() / 2)


def curves(segments: np.ndarray) -> list[int]:
    """Segments of each closed curve, if no two curves touch."""
    joined = {tuple(begin): tuple(end) for begin, end in segments}
    assert len(joined) == len(segments)
    lengths = []
    while joined:
        place = first = next(iter(joined))
        lengths.append(0)
        while place in joined:
            place = joined.pop(place)
            lengths[-1] += 1
        assert place == first
    return lengths


def windings(segments: np.ndarray, side: int) -> np.ndarray:
    """How many times the curves go around the middle of each cell, against the clock."""
    (x0, y0), (x1, y1) = segments[:, 0].T, segments[:, 1].T
    found = np.zeros((side, side))
    for row, column in np.ndindex(side, side):
        crossed = (np.minimum(y0, y1) <= row) & (row < np.maximum(y0, y1))
        x = x0[crossed] + (row - y0[crossed]) * (x1 - x0)[crossed] / (y1 - y0)[crossed]
        found[row, column] = np.sign((y1 - y0)[crossed])[x > column].sum()
    return found


@pytest.mark.parametrize("blur", [0, 0.7, 2.5, 9])
def test_it_is_what_scipy_says(javascript, blur):
    """Also where the blur reaches farther than the grid, and a width that is not the height."""
    side, points = 24, np.float32(RANDOM.normal(size=(500, 2)) * (1, 30))
    low, high = points.min(axis=0), points.max(axis=0)
    places = ((points - low) / (high - low) * side - 0.5).clip(0, side - 1)
    expected = np.zeros((side, side))
    for step in np.ndindex(2, 2):
        corner = np.minimum(np.floor(places), side - 2) + np.array(step)
        weight = (1 - np.abs(places - corner)).prod(axis=1)
        np.add.at(expected, (corner[:, 1].astype(int), corner[:, 0].astype(int)), weight)
    if blur:
        expected = gaussian_filter(expected, blur, mode="reflect", truncate=4)
    found = density(javascript, points, [low.tolist(), high.tolist()], side=side, blur=blur)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_points_that_are_inside_and_count_are_the_sum(javascript):
    points = np.concatenate([RANDOM.uniform(0, 1, (200, 2)), [[0, 0], [1, 1], [0, 1], [1, 0]]])
    elsewhere = [[np.nan, 0.5], [0.5, np.nan], [-0.1, 0.5], [0.5, 1.1]]
    counts = RANDOM.integers(2, size=208)
    everything = np.concatenate([points, elsewhere])
    ends = [[0, 0], [1, 1]]
    assert density(javascript, everything, ends).sum() == pytest.approx(204)
    assert density(javascript, everything, ends, counts).sum() == pytest.approx(counts[:204].sum())


def test_a_point_is_shared_by_the_cells_around_it(javascript):
    found = density(javascript, [[0.75, 2]], [[0, 0], [3, 3]], side=3, blur=0)
    np.testing.assert_allclose(found, [[0, 0, 0], [0.375, 0.125, 0], [0.375, 0.125, 0]])


def test_points_in_one_place_are_in_the_middle(javascript):
    found = density(javascript, [[3, 4], [3, 4]], [[3, 4], [3, 4]], side=25)
    assert found.sum() == pytest.approx(2)
    assert np.unravel_index(found.argmax(), found.shape) == (12, 12)


def test_no_points_have_no_density_no_contours_and_no_picture(javascript):
    code = """
        const grid = m.density(new Float32Array(0), null, null, 8);
        const outlines = m.levels(grid).flatMap((level) => [...m.contours(grid, 8, level)]);
        return [grid.some((v) => v), outlines.length, m.shade(grid, 8, [1, 0, 0]).some((v, i) => i % 4 === 3 && v)];
    """
    assert javascript("density.js", code) == [False, 0, False]


def test_regions_of_a_normal_distribution_are_the_known_ones(javascript):
    """Their thresholds are (1 - share) of the top, and their squared radius is -2 log(1 - share)."""
    side, spread, shares = 128, 12.0, np.array([0.5, 0.8, 0.95])
    y, x = np.mgrid[:side, :side] - 63.7
    grid = np.exp(-(x**2 + y**2) / (2 * spread**2))
    code = "return m.levels(Float32Array.from(grid), shares);"
    found = javascript("density.js", code, grid=grid.ravel().tolist(), shares=shares.tolist())
    np.testing.assert_allclose(found, 1 - shares, rtol=0.02)
    for level, share in zip(found, shares, strict=True):
        assert grid[grid > level].sum() >= share * grid.sum()
        expected = -2 * np.log(1 - share) * np.pi * spread**2
        assert area(contours(javascript, grid, level)) == pytest.approx(expected, rel=0.02)


def test_equal_cells_are_in_a_region_together(javascript):
    code = "return m.levels(Float32Array.from([0, 2, 2, 2, 2, 1, 1, 0, 0]), [0.1, 0.8, 0.85, 1]);"
    assert javascript("density.js", code) == [1.5, 1.5, 0.5, 0.5]


def test_the_outline_of_a_disk_is_a_closed_circle(javascript):
    y, x = np.mgrid[:60, :60]
    grid = 1 - np.hypot(x - 30.3, y - 28.8) / 25
    segments = contours(javascript, grid, 0.2)
    assert curves(segments) == [len(segments)]
    np.testing.assert_allclose(np.linalg.norm(segments - (30.3, 28.8), axis=2), 20, atol=0.02)
    assert area(segments) == pytest.approx(np.pi * 20**2, rel=0.005)


@pytest.mark.parametrize("value", [0, 3])
@pytest.mark.parametrize("level", [0, 1, 3, 4])
def test_a_constant_has_no_outline(javascript, value, level):
    assert len(contours(javascript, np.full((5, 5), value), level)) == 0


@pytest.mark.parametrize("kinds", [2, 3, 1000])
def test_outlines_are_closed_and_hold_the_cells_that_reach_the_level(javascript, kinds):
    """Of noise, which has saddles everywhere, and of few values, where cells are as high as the level."""
    grid = np.pad(RANDOM.integers(kinds, size=(22, 22)) / (kinds - 1), 1)
    segments = contours(javascript, grid, 0.5)
    begins, ends = (sorted(map(tuple, segments[:, end])) for end in (0, 1))
    assert begins == ends
    away = grid != 0.5  # the outline goes through those
    np.testing.assert_array_equal(windings(segments, 24)[away], (grid > 0.5)[away])
    assert away.all() == (kinds != 3)


def test_outlines_are_where_the_level_is_between_two_cells(javascript):
    grid = np.pad(np.float32(RANDOM.random((12, 12))), 1)
    expected = []
    for row, column in np.ndindex(13, 13):
        for up, right in ((0, 1), (1, 0)):
            one, other = grid[row, column], grid[row + up, column + right]
            if (one >= 0.5) != (other >= 0.5):
                share = (0.5 - one) / (other - one)
                expected.append((column + share * right, row + share * up))
    found = contours(javascript, grid, 0.5)[:, 0].tolist()
    np.testing.assert_allclose(sorted(found), sorted(expected), atol=1e-5)


@pytest.mark.parametrize(("level", "pieces"), [(0.4, 1), (0.6, 2)])
@pytest.mark.parametrize("corners", [[[1, 0], [0, 1]], [[0, 1], [1, 0]]])
def test_the_mean_of_a_saddle_says_whether_its_hills_are_connected(javascript, level, pieces, corners):
    assert len(curves(contours(javascript, np.pad(corners, 1), level))) == pieces


def test_a_picture_is_most_opaque_where_points_are_densest(javascript):
    code = "return [...m.shade(Float32Array.from([0, 1, 4, 16]), 2, [1, 0.5, 0])];"
    pixels = np.reshape(javascript("density.js", code), (2, 2, 4))
    np.testing.assert_allclose(pixels[..., 3], [[128, 255], [0, 64]], atol=1)  # the upper row, then the lower one
    assert (pixels[..., :3] == (255, 128, 0)).all()
