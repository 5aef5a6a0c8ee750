"""The latent map on other screens and without a mouse: fine pixels, another width, fingers."""

import numpy as np
import pytest

from tests.browser._map import Map, alone, around, cluster, is_selected
from tests.browser.conftest import settled


@pytest.mark.parametrize("ratio", [1.25, 2])
def test_fine_pixels_are_all_used_and_places_stay_right(clusters_app, open_page, points, ratio):
    on_map = Map.opened(open_page, clusters_app, ratio=ratio)
    size, drawn = on_map.evaluate(
        "[[view.stage.clientWidth, view.stage.clientHeight], [view.canvas.width, view.canvas.height]]"
    )
    np.testing.assert_allclose(drawn, np.array(size) * ratio, atol=1)
    expected = cluster(points, "2")
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[expected]))
    is_selected(on_map, expected)


def test_another_width_keeps_all_points_in_view_and_shapes_exact(on_map, points):
    wide = on_map.box()
    on_map.page.set_viewport_size({"width": 700, "height": 900})
    on_map.until(f"panel.part.width !== {wide['width']} && !view.frames.frame")
    settled(on_map.page)
    box, places = on_map.box(), on_map.places()
    assert (places >= [box["x"], box["y"]]).all()
    assert (places <= [box["x"] + box["width"], box["y"] + box["height"]]).all()
    expected = cluster(points, "0")
    on_map.page.locator(".slot").scroll_into_view_if_needed()
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[expected]))
    is_selected(on_map, expected)


class Fingers:
    """One or two fingers on a page."""

    def __init__(self, on_map: Map) -> None:
        self.page = on_map.page
        self.cdp = on_map.page.context.new_cdp_session(on_map.page)

    def put(self, *places: np.ndarray) -> None:
        self._tell("touchStart", places)

    def move(self, *places: np.ndarray) -> None:
        self._tell("touchMove", places)

    def lift(self) -> None:
        self._tell("touchEnd", ())

    def _tell(self, kind: str, places: tuple[np.ndarray, ...]) -> None:
        fingers = [{"x": float(x), "y": float(y), "id": number} for number, (x, y) in enumerate(places)]
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


@pytest.fixture
def touched(clusters_app, open_page):
    """The map on a screen that is touched."""
    on_map = Map.opened(open_page, clusters_app, touch=True)
    return on_map, Fingers(on_map)


def test_one_finger_pans_and_two_zoom_about_their_middle(touched):
    on_map, fingers = touched
    box, before = on_map.box(), on_map.places()
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    fingers.put(middle)
    for share in (0.25, 0.5, 0.75, 1):
        fingers.move(middle + share * np.array([40, 24]))
    fingers.lift()
    np.testing.assert_allclose(on_map.places(), before + np.array([40, 24]), atol=1.5)

    before, apart = on_map.places(), np.array([30, 0])
    fingers.put(middle - apart, middle + apart)
    for factor in (1.25, 1.5, 1.75, 2):
        fingers.move(middle - factor * apart, middle + factor * apart)
    fingers.lift()
    np.testing.assert_allclose(on_map.places(), middle + 2 * (before - middle), atol=4)
    assert not on_map.selected.any()


def test_a_tap_selects_and_a_finger_draws_a_lasso(touched, points):
    on_map, _ = touched
    places = on_map.places()
    row = alone(places)
    on_map.page.touchscreen.tap(*places[row])
    on_map.page.get_by_role("heading", name=points["id"][row], exact=True).wait_for()
    assert np.flatnonzero(on_map.selected).tolist() == [row]

    expected = cluster(points, "1")
    on_map.press("Lasso")
    path, fingers = around(on_map.places()[expected]), touched[1]
    fingers.put(path[0])
    for place in path[1:]:
        fingers.move(place)
    fingers.lift()
    settled(on_map.page)
    is_selected(on_map, expected)
