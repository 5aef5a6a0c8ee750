"""On the latent map, where one image goes as it is corrupted more and more."""

from itertools import pairwise

import numpy as np
import pytest

from latentviz import Run, Workspace
from latentviz.app import cached
from latentviz.figures.style import look
from latentviz.projection import LayoutSpec, compute, quality_of
from tests.browser._map import Map, alone
from tests.browser.conftest import choose, errors, settled
from tests.versions import corrupted_run

SETS = ("train", "test", "test-fog-1", "test-fog-3", "test-fog-5", "far")


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory) -> Run:
    """A run whose map of the clean sets is stored."""
    run = corrupted_run(Workspace(tmp_path_factory.mktemp("paths")), rows=30)
    quality_of(run, compute(run, LayoutSpec(method="umap", sets=tuple(run.uncorrupted))))
    return run


def test_the_selected_image_is_followed_through_its_versions(corrupted, serve, open_page):
    on_map = Map.opened(open_page, f"{serve(corrupted.folder.parents[1])}/latent_map?run=run")
    page = on_map.page
    on_map.show("PCA")
    assert on_map.evaluate("view.state.count") == sum(map(len, corrupted.uncorrupted.values()))
    page.get_by_role("button", name="Parameters").click()
    choose(page, "Corrupted versions", "fog")
    page.get_by_role("button", name="Apply", exact=True).click()
    on_map.until(f"view.state.count === {sum(len(corrupted[name]) for name in SETS)}")
    page.keyboard.press("Escape")
    on_map.ready()
    assert on_map.evaluate("view.state.paths") == []
    before = on_map.picture()  # which scrolls to the map
    points, places = cached.points(corrupted, SETS), on_map.places()
    followed = ("test", "test-fog-1", "test-fog-3", "test-fog-5")
    versions = [np.flatnonzero(points["set"] == name) for name in followed]
    clean, strong = versions[0], versions[-1]
    chosen = alone(places, np.isin(np.arange(len(places)), clean))
    row = int(points["row"][chosen])
    expected = [rows[row] for rows in versions]
    on_map.click(places[chosen])
    on_map.ready()
    np.testing.assert_array_equal(np.flatnonzero(on_map.selected), [chosen])
    assert on_map.evaluate("view.state.paths") == [
        {"rows": list(map(int, expected)), "colour": look(0).colour, "thin": False}
    ]
    # Drawn: along the way there is its colour, where it was not before.
    way = along(on_map.places()[expected]) - corner(on_map)
    assert np.mean(has(on_map.picture(), way, look(0).colour)) > 0.9
    assert np.mean(has(before, way, look(0).colour)) < 0.5
    # A corrupted image has the same path; two images have none.
    other = alone(places, np.isin(np.arange(len(places)), strong))
    row = int(points["row"][other])
    on_map.click(on_map.places()[other])
    on_map.ready()
    assert on_map.evaluate("view.state.paths[0].rows") == [int(rows[row]) for rows in versions]
    on_map.click(on_map.places()[chosen], "Shift")
    on_map.ready()
    assert on_map.selected.sum() == 2
    assert on_map.evaluate("view.state.paths") == []


def test_from_one_image_to_its_path_on_the_map(corrupted, serve, open_page):
    page = open_page(f"{serve(corrupted.folder.parents[1])}/detection_against_accuracy?run=run")
    page.get_by_role("tab", name="One image").click()
    settled(page)
    box = page.get_by_role("textbox", name="or by its id")
    box.fill("000007")
    box.press("Enter")
    page.get_by_text("000007", exact=True).wait_for()
    choose(page, "Path of", "fog")
    page.get_by_role("button", name="Show it on the latent map").click()
    page.get_by_role("heading", name="000007").wait_for()
    on_map = Map(page)
    on_map.ready()
    points = cached.points(corrupted, SETS)
    rows = [
        int(points.index[(points["set"] == name) & (points["id"] == "000007")][0])
        for name in ("test", "test-fog-1", "test-fog-3", "test-fog-5")
    ]
    on_map.until("view.state.paths.length === 1")
    assert on_map.evaluate("view.state.paths[0].rows") == rows
    np.testing.assert_array_equal(np.flatnonzero(on_map.selected), rows[:1])
    page.get_by_text("Paths of the selected image by severity:").wait_for()
    assert errors(page) == []


def corner(on_map: Map) -> np.ndarray:
    """Upper left of the picture on the page."""
    box = on_map.page.locator(".stage").bounding_box()
    return np.array([box["x"], box["y"]])


def along(places: np.ndarray) -> np.ndarray:
    """Points of a line through places, away from its corners, where rings are."""
    parts = np.linspace(0.25, 0.75, 21)[:, None]
    return np.concatenate([(1 - parts) * a + parts * b for a, b in pairwise(places)])


def has(picture: np.ndarray, places: np.ndarray, colour: str) -> np.ndarray:
    """Whether about this colour is within two pixels of each place."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    near = [picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3) for x, y in places.round().astype(int)]
    return np.array([(np.abs(pixels - wanted).max(axis=1) < 48).any() for pixels in near])
