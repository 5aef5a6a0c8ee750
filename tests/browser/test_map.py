"""The latent map is drawn, seen from anywhere, and coloured and filtered without losing the view."""

import numpy as np
import pytest

from latentviz.app import cached
from latentviz.figures import colouring
from tests.browser._map import Map, alone, around, painted, stored_map
from tests.browser.conftest import choose, settled


class Fetched:
    """Bytes of the arrays that a page fetches."""

    def __init__(self, on_map: Map) -> None:
        self.answers = []
        on_map.page.on("response", lambda answer: self.answers.append(answer) if "/array/" in answer.url else None)

    @property
    def sizes(self) -> list[int]:
        return [len(answer.body()) for answer in self.answers]


def test_the_map_is_painted_in_the_colours_of_its_sets(laid_out, demo_workspace, open_page):
    on_map = Map.opened(open_page, f"{laid_out}/latent_map?run=digits")
    run = demo_workspace["digits"]
    np.testing.assert_array_equal(on_map.positions(), stored_map(run, "umap"))
    coloured = colouring.colour(cached.points(run, tuple(run.sets)), "set", run.sets)
    picture = on_map.picture()
    for name, fill in zip(coloured.categories, coloured.colours, strict=True):
        assert painted(picture, fill) > 300, name
    places, box = on_map.places(), on_map.box()
    corner = [box["x"], box["y"]]
    assert ((places > corner) & (places < corner + np.array([box["width"], box["height"]]))).all()
    assert on_map.said == f"{len(places):,} samples"
    label = on_map.page.locator(".slot").get_attribute("aria-label")
    assert label.startswith("Map of 2,800 samples of train, 700 samples of test, ")


def test_the_wheel_zooms_about_the_pointer_and_a_double_click_shows_all(on_map):
    before = on_map.camera
    sample = alone(on_map.places())
    place = on_map.places()[sample].round()
    pointed = "panel.camera.fromScreen(given)"
    box = on_map.box()
    inside = [place[0] - box["x"], place[1] - box["y"]]
    there = on_map.evaluate(pointed, inside)
    on_map.page.mouse.move(*place)
    on_map.page.mouse.wheel(0, -400)
    on_map.until("panel.camera.zoom > 1.5")
    np.testing.assert_allclose(on_map.evaluate(pointed, inside), there, rtol=1e-9)
    np.testing.assert_allclose(on_map.places()[sample], place, atol=1.5 * on_map.camera["zoom"])
    moved = on_map.places()
    on_map.drag(np.stack([place, place + np.array([30, 20])]))
    np.testing.assert_allclose(on_map.places(), moved + np.array([30, 20]), atol=1e-3)
    on_map.page.mouse.dblclick(box["x"] + 4, box["y"] + 4)
    on_map.until("panel.camera.zoom === 1")
    assert on_map.camera == before
    on_map.page.mouse.wheel(0, -400)
    on_map.until("panel.camera.zoom > 1.5")
    on_map.press("Show all")
    assert on_map.camera == before


def test_another_colour_keeps_view_and_selection_and_fetches_only_itself(on_map, points):
    target = points["set"].to_numpy() == "far"
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[target]))
    box = on_map.box()
    on_map.page.mouse.move(box["x"] + 100, box["y"] + 100)
    on_map.page.mouse.wheel(0, -200)
    on_map.until("panel.camera.zoom > 1")
    before, fetched = on_map.camera, Fetched(on_map)
    for by, dtype in (("Class", np.uint16), ("Feature norm", np.float32), ("Set", None)):
        del fetched.answers[:]
        choose(on_map.page, "Colour by", by)
        on_map.until(f"panel.colouring.title.startsWith('{by}')")
        on_map.ready()
        expected = 0 if dtype is None else len(points) * np.dtype(dtype).itemsize
        assert len(fetched.sizes) <= 1
        for size in fetched.sizes:
            assert expected <= size < len(points) * 8
        assert on_map.camera == before
        np.testing.assert_array_equal(on_map.selected, target)
    assert on_map.page.locator(".legend-title").inner_text() == "Set"


def test_hiding_sets_and_classes_sends_no_geometry(on_map, run, points):
    fills = colouring.colour(points, "set", run.sets)
    of_test = fills.colours[fills.categories.index("test")]
    before, fetched = on_map.camera, Fetched(on_map)
    assert painted(on_map.picture(), of_test) > 100
    on_map.pill("test")
    shown = (points["set"] != "test").to_numpy()
    np.testing.assert_array_equal(on_map.visible, shown)
    assert painted(on_map.picture(), of_test) == 0
    assert on_map.said == f"{shown.sum()} of {len(points)} samples"
    assert all(size < len(points) for size in fetched.sizes)
    choose(on_map.page, "Show classes", "2")
    on_map.page.keyboard.press("Escape")  # its list
    on_map.ready()
    shown = shown & (points["label"] == "2").to_numpy()
    np.testing.assert_array_equal(on_map.visible, shown)
    on_map.pill("test")
    np.testing.assert_array_equal(on_map.visible, (points["label"] == "2").to_numpy())
    assert on_map.camera == before
    assert all(size < len(points) for size in fetched.sizes)
    # What a filter leaves nothing of is said.
    for name in ("train", "test"):
        on_map.pill(name)
    on_map.page.get_by_text("No sample matches the filter.").first.wait_for()


def test_the_legend_hides_and_singles_out(on_map, points):
    items = {
        name: on_map.page.locator(".items").get_by_role("button", name=name, exact=True)
        for name in ("train", "test", "far")
    }
    fetched = Fetched(on_map)
    of = {name: (points["set"] == name).to_numpy() for name in items}
    items["train"].click()
    settled(on_map.page)
    np.testing.assert_array_equal(on_map.visible, ~of["train"])
    assert items["train"].get_attribute("aria-pressed") == "false"
    # The app knows: what is selected is without them.
    on_map.page.locator(".slot").focus()
    on_map.page.keyboard.press("Control+a")
    on_map.page.get_by_role("heading", name=f"{(~of['train']).sum()} samples selected").wait_for()
    settled(on_map.page)
    items["train"].click()
    settled(on_map.page)
    assert on_map.visible.all()
    items["far"].dblclick()
    settled(on_map.page)
    np.testing.assert_array_equal(on_map.visible, of["far"])
    items["far"].dblclick()
    settled(on_map.page)
    assert on_map.visible.all()
    assert fetched.sizes == []


def test_points_move_to_their_new_places(on_map, run):
    umap, pca = stored_map(run, "umap"), stored_map(run, "pca")
    np.testing.assert_array_equal(on_map.positions(), umap)
    on_map.evaluate(
        """(() => {
            const draw = panel.draw.bind(panel);
            view.went = [];
            panel.draw = (look, ratio, now) => {
                view.went.push([panel.moved(now), panel.positions[0], [...panel.before]]);
                draw(look, ratio, now);
            };
        })()"""
    )
    on_map.show("PCA")
    went = on_map.evaluate("view.went")
    assert went[0][0] < 1
    np.testing.assert_array_equal(np.array(went[0][2], dtype=np.float32).reshape(-1, 2), umap)
    shares = [share for share, *_ in went]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    np.testing.assert_array_equal(on_map.positions(), pca)
    # There they are seen, all of them and as large as they fit.
    expected = np.array(on_map.evaluate("given.map((p) => panel.camera.toScreen(p))", pca.tolist()))
    box = on_map.box()
    np.testing.assert_allclose(on_map.places(), expected + np.array([box["x"], box["y"]]), atol=1e-3)
    np.testing.assert_allclose(
        np.array(on_map.evaluate("[...panel.current(performance.now())]"), dtype=np.float32).reshape(-1, 2), pca
    )


def test_a_solid_map_is_turned(on_map, run):
    on_map.show("PCA")
    on_map.page.get_by_text("3D", exact=True).click()
    on_map.ready()
    solid = stored_map(run, "pca", 3)
    np.testing.assert_array_equal(on_map.positions(), solid)
    before, picture = on_map.camera, on_map.picture()
    box = on_map.box()
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    on_map.drag(np.stack([middle, middle + np.array([120, 50])]))
    turned = on_map.camera
    assert not np.allclose(turned["turn"], before["turn"])
    assert turned["zoom"] == before["zoom"]
    on_map.ready()
    assert (on_map.picture() != picture).any(axis=2).sum() > 500
    on_map.drag(np.stack([middle, middle + np.array([40, 0])]), "Shift")
    assert on_map.camera["turn"] == turned["turn"]
    on_map.press("Show all")
    assert on_map.camera == before


def test_keys_alone_move_zoom_pick_and_select(on_map, points):
    page = on_map.page
    page.get_by_role("button", name="Lasso", exact=True).focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("latentMap().getRootNode().activeElement?.className") == "slot":
            break
    assert page.evaluate("latentMap().getRootNode().activeElement?.className") == "slot"
    start = on_map.camera
    for keys, axis, sign in ((("ArrowRight",), 0, 1), (("ArrowUp",), 1, 1), (("ArrowLeft", "ArrowLeft"), 0, -1)):
        before = on_map.camera["centre"]
        for key in keys:
            page.keyboard.press(key)
        assert sign * (on_map.camera["centre"][axis] - before[axis]) > 0
    page.keyboard.press("0")
    assert on_map.camera == start
    page.keyboard.press("+")
    assert on_map.camera["zoom"] > 1
    page.keyboard.press("-")
    assert on_map.camera["zoom"] == pytest.approx(1)
    # Enter picks what is at the cross.
    sample = alone(on_map.places())
    on_map.evaluate("(panel.camera.centre = [...panel.positions.slice(2 * given, 2 * given + 2), 0])", sample)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=points["id"][sample]).wait_for()
    np.testing.assert_array_equal(np.flatnonzero(on_map.selected), [sample])
    page.keyboard.press("Control+a")
    page.get_by_role("heading", name=f"{len(points)} samples selected").wait_for()
    assert on_map.selected.all()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Nothing selected").wait_for()
    assert not on_map.selected.any()


def test_a_narrow_screen_has_the_whole_map(clusters_app, open_page, points):
    on_map = Map.opened(open_page, clusters_app, width=400)
    page = on_map.page
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    for name in ("Move", "Lasso", "Box", "Show all", "Look", "Save a picture"):
        box = page.get_by_role("toolbar", name="Map tools").get_by_role("button", name=name, exact=True).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
    on_map.press("Lasso")
    page.locator(".stage").scroll_into_view_if_needed()
    target = (points["set"] == "far").to_numpy()
    on_map.draw(around(on_map.places()[target]))
    np.testing.assert_array_equal(on_map.selected, target)
    page.get_by_text("Two colours", exact=True).click()
    on_map.ready()
    above, below = on_map.box(0), on_map.box(1)
    assert below["y"] >= above["y"] + above["height"] - 1
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
