"""Two maps of the same samples: two colours, another run beside, and a slider from run to run."""

import numpy as np

from latentviz.projection import LayoutSpec, aligned, stored
from latentviz.projection.selection import Between
from tests.browser._map import alone, around, cluster, is_selected


def test_two_colours_share_canvas_selection_hover_and_view(on_map, points):
    on_map.page.get_by_text("Two colours", exact=True).click()
    on_map.ready()
    assert on_map.page.locator(".slot").count() == 2
    assert on_map.evaluate("view.panels.map((p) => p.colouring.title)") == ["Set", "Class"]
    assert on_map.page.locator(".stage > canvas.canvas").count() == 1
    expected = cluster(points, "1")
    on_map.press("Lasso")
    on_map.draw(around(on_map.places(1)[expected]))
    is_selected(on_map, expected)
    on_map.draw(around(on_map.places(0)[cluster(points, "far")]), "Shift")
    is_selected(on_map, expected | cluster(points, "far"))
    # Zooming one zooms the other, and the sample under the pointer is ringed on both.
    target = alone(on_map.places(0))
    on_map.page.mouse.move(*on_map.places(0)[target])
    on_map.page.mouse.wheel(0, -300)
    on_map.until("panel.camera.zoom > 1")
    assert on_map.evaluate("view.panels[0].camera.state") == on_map.evaluate("view.panels[1].camera.state")
    on_map.page.mouse.move(*on_map.places(0)[target] + [2, 0])
    on_map.until(f"view.hover === {target} && !view.frames.frame")
    rings = "given.map(([x, y]) => view.over.getContext('2d').getImageData(x - 12, y - 12, 24, 24).data.some((v) => v))"
    stage = on_map.page.locator(".stage").bounding_box()
    there = [(on_map.places(n)[target] - [stage["x"], stage["y"]]).round().tolist() for n in (0, 1)]
    assert on_map.evaluate(rings, there) == [True, True]


def pair(run, others) -> tuple[np.ndarray, np.ndarray]:
    """The map of one run, and that of the other on the samples of the first."""
    layout = stored(run, LayoutSpec(sets=tuple(run.sets)))
    found = aligned(run, others, layout.spec, layout)
    assert found.matched["row_a"].equals(found.matched["row_b"])
    return layout.coordinates, found.coordinates_b


def test_another_run_beside_shares_the_selection(on_map, clusters, run, points):
    on_map.page.get_by_text("Another run", exact=True).click()
    on_map.ready()
    on_map.until("view.panels.length === 2")
    here, there = pair(run, clusters["others"])
    np.testing.assert_array_equal(on_map.positions(0), here)
    np.testing.assert_array_equal(on_map.positions(1), there)
    expected = cluster(points, "0")
    on_map.press("Lasso")
    on_map.draw(around(on_map.places(1)[expected]))
    is_selected(on_map, expected)
    np.testing.assert_array_equal(on_map.in_address(here, there, count=len(points)), expected)


def test_a_slider_moves_samples_from_run_to_run(on_map, clusters, run, points):
    on_map.page.get_by_text("Another run", exact=True).click()
    on_map.ready()
    on_map.page.get_by_text("Slider", exact=True).click()
    on_map.ready()
    slider = on_map.page.get_by_label("Between clusters and others")
    here, there = pair(run, clusters["others"])
    between = Between(here, there)
    at = "Array.from(panel.current(performance.now()))"
    for share in (0, 1, 0.5):
        slider.fill(str(share))
        found = np.array(on_map.evaluate(at), dtype=np.float32).reshape(-1, 2)
        np.testing.assert_allclose(found, between.at(share), rtol=1e-6, atol=1e-6)
    on_map.press("Lasso")
    places = on_map.places()
    on_map.draw(around(places[cluster(points, "1")], -10))
    found = on_map.selected
    assert 0 < found.sum() < len(points)
    np.testing.assert_array_equal(found, on_map.in_address(between, count=len(points)))
    is_selected(on_map, found)
