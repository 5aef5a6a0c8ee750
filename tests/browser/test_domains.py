"""Simulated against measured in a browser: a line a pair, both chips under the pointer, a click shows them large."""

import numpy as np
import pytest
from playwright.sync_api import expect

from latentviz import Run, Workspace
from latentviz.app import cached
from tests.browser._map import Map, alone
from tests.browser.conftest import errors, settled
from tests.browser.test_map_paths import along, corner, has
from tests.paired import ROWS, paired_run

TABS = (
    "Pairs",
    "Shift vectors",
    "Pose",
    "Distance and correctness",
    "By class",
    "Without the shift",
    "Flagged share",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return paired_run(Workspace(tmp_path_factory.mktemp("domains")), extra=2)


@pytest.fixture(scope="module")
def address(run, serve) -> str:
    return f"{serve(run.folder.parents[1])}/simulated_against_measured?run=run"


@pytest.fixture
def on_map(address, open_page) -> Map:
    found = Map.opened(open_page, address)
    found.page.get_by_text("PCA", exact=True).first.click()  # the same everywhere, and at once
    return found.ready()


def test_a_line_a_pair_is_drawn(on_map):
    paths = on_map.evaluate("view.state.paths.map((p) => p.rows)")
    assert paths == [[n, ROWS + n] for n in range(ROWS)]
    on_map.page.get_by_text("Longest", exact=True).click()
    on_map.until("view.state.paths.length === 20")
    on_map.ready()
    picture, places = on_map.picture(), on_map.places()
    shown = on_map.evaluate("view.state.paths")
    long = max(shown, key=lambda path: np.linalg.norm(np.subtract(*places[path["rows"]])))
    way = along(places[long["rows"]]) - corner(on_map)
    # Thin and faint: nearer to the line's colour than to the ground, on most of the way.
    ground = picture[2, 2]
    near = [picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3) for x, y in way.round().astype(int)]
    assert np.mean([(np.abs(pixels - ground).max(axis=1) > 30).any() for pixels in near]) > 0.9
    on_map.page.get_by_text("None", exact=True).click()
    on_map.until("view.state.paths.length === 0")
    on_map.ready()
    assert not has(on_map.picture(), way[8:12], long["colour"]).all()


def test_both_chips_are_under_the_pointer_and_then_side_by_side(on_map, run):
    page, points = on_map.page, cached.points(run, ("simulated", "measured"))
    on_map.picture()  # scrolls to the map
    places = on_map.places()
    chosen = alone(places, (points["set"] == "measured").to_numpy() & (points["row"] < ROWS).to_numpy())
    row = int(points["row"][chosen])
    page.mouse.move(*places[chosen])
    card = page.locator(".card")
    expect(card.get_by_text("Partner predicted")).to_be_visible()
    expect(card.get_by_text(run["simulated"].table()["prediction"][row]).first).to_be_visible()
    wide, high = card.locator("img").evaluate("e => [e.naturalWidth, e.naturalHeight]")
    assert wide > 2 * high  # two pictures
    inside, stage = card.bounding_box(), page.locator(".stage").bounding_box()
    assert inside["y"] + inside["height"] <= stage["y"] + stage["height"] + 1  # all of it is seen
    on_map.click(places[chosen])
    name = points["id"][chosen]
    page.get_by_text("Euclidean distance of the features").wait_for()
    expect(page.locator("code").get_by_text(name, exact=True)).to_be_visible()
    apart = float(np.linalg.norm(run["simulated"].features[row] - run["measured"].features[row]))
    expect(page.get_by_text(f"Euclidean distance of the features {apart:.4g}")).to_be_visible()
    assert page.get_by_test_id("stImage").locator("img").count() == 3
    assert errors(page) == []


def test_the_shift_is_taken_away(address, open_page):
    page = open_page(address)
    accuracy = page.get_by_test_id("stMetric").filter(has_text="Accuracy, measured").get_by_test_id("stMetricValue")
    accuracy.wait_for()
    settled(page)
    before = accuracy.inner_text()
    page.get_by_role("radio", name="mean", exact=True).or_(page.get_by_role("button", name="mean", exact=True)).click()
    settled(page)
    expect(accuracy).not_to_have_text(before)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (400, True)])
def test_every_tab_shows_and_nothing_overflows(address, open_page, width, dark):
    page = open_page(address, width=width, dark=dark)
    page.get_by_role("tab", name="Map").wait_for()
    settled(page)
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        settled(page)
        panel = page.get_by_role("tabpanel").filter(visible=True)
        expect(panel.locator(".js-plotly-plot, [data-testid=stDataFrame]").first).to_be_visible()
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert errors(page) == []
