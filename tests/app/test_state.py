"""What is shown and selected in the browser, from what the app and the user said."""

import numpy as np
import pytest

from latentviz.projection.selection import Selection, fingerprint

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("count", [0, 1, 8, 13, 1000])
def test_bits_are_unpacked_as_python_packs_them(javascript, count):
    flags = RANDOM.integers(0, 2, count)
    bits = np.packbits(flags, bitorder="little")
    code = "return [...m.unpacked(Uint8Array.from(bits), count)];"
    assert javascript("state.js", code, bits=bits.tolist(), count=count) == flags.tolist()


def test_visible_is_what_neither_filter_nor_legend_hides(javascript):
    code = """
        const panels = [null, [0, 1, 0, 1], [0, 0, 0, 1]].map((hidden) => ({ hidden }));
        return [
            [...m.visible(4, null, panels)],
            [...m.visible(4, new Uint8Array([0b0111]), panels)],
            [...m.visible(4, new Uint8Array([0b0110]), [])],
        ];
    """
    assert javascript("state.js", code) == [[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0]]


def test_totals_count_flags_that_both_have(javascript):
    code = "return [m.total([1, 1, 0, 1]), m.total([1, 1, 0, 1], [1, 0, 1, 1])];"
    assert javascript("state.js", code) == [3, 2]


def shapes_on(layout: str) -> list[dict]:
    """Of every kind and mode, one after the other."""
    triangle = [[-1.0, -1.0], [2.0, -0.5], [0.0, 1.5]]
    square = [[-0.3, -0.3], [0.9, -0.3], [0.9, 0.8], [-0.3, 0.8]]
    return [
        {"mode": "replace", "on": layout, "polygon": triangle},
        {"mode": "add", "rows": [0, 5, 7]},
        {"mode": "subtract", "on": layout, "polygon": square},
        {"mode": "add", "on": layout, "polygon": [[x + 1, y] for x, y in square]},
        {"mode": "intersect", "on": layout, "polygon": [[-2, -2], [2, -2], [2, 0.5], [-2, 0.5]]},
    ]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_shapes_select_what_python_selects(javascript, count):
    points = RANDOM.normal(size=(200, 2)).astype(np.float32)
    layout = fingerprint(points)
    shapes = shapes_on(layout)[:count]
    code = """
        const panel = { enclosed: ({ rows, polygon }) => {
            if (polygon) return shapes_js.inside(Float32Array.from(points.flat()), polygon);
            const found = new Uint8Array(points.length);
            for (const row of rows) found[row] = 1;
            return found;
        } };
        return [...m.resolved(points.length, shapes, [{ enclosed: () => null }, panel])];
    """
    found = javascript("state.js", code, also={"shapes_js": "shapes.js"}, points=points.tolist(), shapes=shapes)
    expected = Selection(shapes=shapes).resolve({layout: points}, len(points))
    np.testing.assert_array_equal(np.array(found, dtype=bool), expected)
    assert 0 < expected.sum() < len(points)


def test_a_shape_of_a_map_that_is_not_here_cannot_be_resolved(javascript):
    code = "return m.resolved(3, [{ mode: 'replace', on: 'elsewhere' }], [{ enclosed: () => null }]);"
    assert javascript("state.js", code) is None
