"""What is selected on the latent map is what the user drew around, in the browser, in the app and in the address."""

import io

import numpy as np
import pandas as pd
import pytest

from latentviz import Head, Run, Workspace
from latentviz.projection import LayoutSpec, compute, neighbours_of
from tests.browser._map import CLUSTER, FAR, Map, alone, around, cluster, corners, is_selected, stored_map
from tests.browser.conftest import choose, settled


def test_a_lasso_around_a_cluster_selects_exactly_its_samples(on_map, run, points):
    expected = cluster(points, "1")
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[expected]))
    is_selected(on_map, expected)
    exported = on_map.exported()
    assert list(zip(exported["set"], exported["id"], strict=True)) == list(
        zip(points["set"][expected], points["id"][expected], strict=True)
    )
    layout = stored_map(run, "umap")
    np.testing.assert_array_equal(exported[["x", "y"]].to_numpy(np.float32), layout[expected])
    np.testing.assert_array_equal(on_map.in_address(layout, count=len(points)), expected)
    with on_map.page.expect_download() as download:
        on_map.page.get_by_role("button", name="Parquet").click()
    again = pd.read_parquet(io.BytesIO(download.value.path().read_bytes()))
    assert again["id"].tolist() == exported["id"].tolist()
    on_map.press("Clear the selection")
    on_map.page.get_by_role("heading", name="Nothing selected").wait_for()
    assert not on_map.selected.any()


def test_a_lasso_through_a_crowd_selects_what_python_selects(laid_out, demo_workspace, open_page):
    """A star that crosses itself, on the digits."""
    on_map = Map.opened(open_page, f"{laid_out}/latent_map?run=digits")
    places = on_map.places()
    middle = np.median(places, axis=0)
    angles = 0.1 + np.arange(6) * 4 * np.pi / 5
    star = (middle + 200 * np.column_stack([np.sin(angles), -np.cos(angles)])).round()
    on_map.press("Lasso")
    on_map.draw(star)
    run = demo_workspace["digits"]
    found = on_map.selected
    np.testing.assert_array_equal(found, on_map.in_address(stored_map(run, "umap"), count=len(places)))
    # From where samples are on the screen; the path is told within a pixel.
    signs = np.stack([_sides(places, star[n], star[n + 1]) for n in range(5)])
    windings = sum(_winds(places, star[n], star[n + 1]) for n in range(5))
    expected = windings % 2 == 1
    clear = np.abs(signs).min(axis=0) > 1.5
    assert expected[clear].sum() > 100
    np.testing.assert_array_equal(found[clear], expected[clear])
    # The message is small.
    shapes = on_map.evaluate("JSON.stringify(view.shapes)")
    assert len(shapes) < 4000


def _sides(places, a, b):
    """Signed distance of places from the line through two corners."""
    (dx, dy) = b - a
    return ((places - a) @ [-dy, dx]) / np.hypot(dx, dy)


def _winds(places, a, b):
    """1 where a ray to the right crosses the edge."""
    (x0, y0), (x1, y1) = a, b
    between = (places[:, 1] >= min(y0, y1)) & (places[:, 1] < max(y0, y1))
    return (between & (places[:, 0] < x0 + (places[:, 1] - y0) * (x1 - x0) / (y1 - y0))).astype(int)


def test_a_box_selects_exactly_what_is_in_it(on_map, points):
    places = on_map.places()
    start, end = np.quantile(places, 0.3, axis=0).round(), np.quantile(places, 0.8, axis=0).round()
    on_map.press("Box")
    on_map.draw(np.stack([start, (start + end) / 2, end]))
    is_selected(on_map, ((places >= start) & (places <= end)).all(axis=1))


@pytest.mark.parametrize("by", ["buttons", "keys"])
def test_shapes_add_subtract_and_intersect(on_map, points, by):
    places = on_map.places()
    one, two = cluster(points, "1"), cluster(points, "2")
    # A part of a cluster, so that every operation changes something.
    ends = corners(places[one & (places[:, 0] < np.median(places[one, 0]))], 1)
    part = ((places > ends[0]) & (places < ends[1])).all(axis=1)
    on_map.press("Lasso")
    before = np.zeros(len(points), dtype=bool)
    for button, keys, path, expected in [
        ("New", (), around(places[two]), lambda _: two),
        ("Add", ("Shift",), around(places[one]), lambda before: before | one),
        ("Subtract", ("Control",), _box_path(ends), lambda before: before & ~part),
        ("Intersect", ("Shift", "Control"), around(places[one]), lambda before: before & one),
    ]:
        if by == "buttons":
            on_map.press(button)
            on_map.draw(path)
        else:
            on_map.draw(path, *keys)
        before = expected(before)
        is_selected(on_map, before)
    assert 0 < before.sum() < one.sum()


def _box_path(ends: np.ndarray) -> np.ndarray:
    (left, top), (right, bottom) = ends
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])


def test_a_click_shows_the_sample_and_its_neighbours_and_shift_adds(on_map, run, points):
    places = on_map.places()
    first = alone(places)
    on_map.page.mouse.move(*places[first] + [3, 0])
    on_map.page.locator(".card").get_by_text(points["id"][first], exact=True).wait_for()
    on_map.page.locator(".card img").wait_for()
    on_map.click(places[first])
    np.testing.assert_array_equal(np.flatnonzero(on_map.selected), [first])
    on_map.page.get_by_role("heading", name=points["id"][first]).wait_for()
    sample = points.loc[first]
    nearest = neighbours_of(run, list(run.sets), sample["set"], int(sample["row"]), 12, "euclidean", False)
    assert on_map.page.get_by_text(f"{nearest['distance'].iloc[0]:.2f} · ").count() >= 1
    starts = points.drop_duplicates("set").reset_index().set_index("set")["index"]
    assert on_map.evaluate("view.state.marked") == (nearest["set"].map(starts) + nearest["row"]).tolist()
    second = alone(places, points["set"].to_numpy() == "far")
    on_map.click(places[second], "Shift")
    assert set(np.flatnonzero(on_map.selected)) == {first, second}
    on_map.page.get_by_role("heading", name="2 samples selected").wait_for()
    # A click beside all samples and a double click on one change nothing.
    box = on_map.box()
    on_map.click([box["x"] + 3, box["y"] + 3])
    on_map.page.mouse.dblclick(*places[first + 1 if first else 1])
    settled(on_map.page)
    assert set(np.flatnonzero(on_map.selected)) == {first, second}
    on_map.page.get_by_role("heading", name="2 samples selected").wait_for()
    on_map.page.keyboard.press("Escape")
    on_map.page.get_by_role("heading", name="Nothing selected").wait_for()


def test_a_selection_survives_colours_layouts_and_pages(on_map, points):
    expected = cluster(points, "2")
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[expected]))
    choose(on_map.page, "Colour by", "Class")
    is_selected(on_map, expected)
    on_map.show("PCA")
    is_selected(on_map, expected)
    on_map.page.get_by_text("3D", exact=True).click()
    on_map.ready()
    is_selected(on_map, expected)
    on_map.page.get_by_role("link", name="Overview").click()
    on_map.page.get_by_role("heading", name="clusters").wait_for()
    settled(on_map.page)
    on_map.page.get_by_role("link", name="Latent map").click()
    on_map.ready()
    is_selected(on_map, expected)


def test_the_address_brings_the_selection_to_another_browser(on_map, points, open_page):
    expected = cluster(points, "0")
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[expected]))
    on_map.draw(around(on_map.places()[cluster(points, "far")]), "Shift")
    expected = expected | cluster(points, "far")
    is_selected(on_map, expected)
    assert "selection=" in on_map.page.url
    is_selected(Map.opened(open_page, on_map.page.url), expected)
    # What cannot be read is a sentence.
    address, _, _ = on_map.page.url.rpartition(".")
    broken = Map.opened(open_page, f"{address}.nothing")
    broken.page.get_by_text("The address holds a selection that cannot be read; draw it again.").wait_for()
    assert not broken.selected.any()


def test_what_is_hidden_is_not_selected(on_map, points):
    everything = np.ones(len(points), dtype=bool)
    on_map.page.locator(".slot").focus()
    on_map.page.keyboard.press("Control+a")
    settled(on_map.page)
    is_selected(on_map, everything)
    on_map.pill("train")
    shown = (points["set"] != "train").to_numpy()
    np.testing.assert_array_equal(on_map.visible, shown)
    assert on_map.said == f"{shown.sum()} of {len(points)} samples · {shown.sum()} selected"
    exported = on_map.exported()
    assert exported["set"].value_counts().to_dict() == points["set"][shown].value_counts().to_dict()
    # It was selected all the time.
    on_map.pill("train")
    is_selected(on_map, everything)


def test_a_lasso_on_a_turned_solid_map_selects_what_python_selects(on_map, run, points):
    on_map.show("PCA")
    on_map.page.get_by_text("3D", exact=True).click()
    on_map.ready()
    before, places = on_map.camera, on_map.places()
    middle = places.mean(axis=0)
    on_map.drag(np.stack([middle, middle + np.array([90, 40])]))
    assert not np.allclose(on_map.camera["turn"], before["turn"])
    assert np.abs(on_map.places() - places).max() > 20
    on_map.press("Lasso")
    places = on_map.places()
    centre = np.median(places, axis=0)
    path = (centre + np.array([[0, -120], [110, 70], [-110, 70], [0, -120]])).round()
    on_map.draw(path)
    found = on_map.selected
    assert 0 < found.sum() < len(points)
    np.testing.assert_array_equal(found, on_map.in_address(stored_map(run, "pca", 3), count=len(points)))
    signs = np.stack([_sides(places, path[n], path[n + 1]) for n in range(3)])
    expected = (signs > 0).all(axis=0) | (signs < 0).all(axis=0)
    clear = np.abs(signs).min(axis=0) > 1.5
    np.testing.assert_array_equal(found[clear], expected[clear])


def test_the_table_of_a_selection_is_made_when_it_is_looked_at(on_map, points):
    page, tables = on_map.page, on_map.page.get_by_test_id("stDataFrame")
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[cluster(points, "1")]))
    assert page.get_by_role("tabpanel", name="Images").locator("img").count() == 40
    assert tables.count() == 0
    page.get_by_role("tab", name="Table").click()
    listed = tables.locator(f'[role="grid"][aria-rowcount="{1 + sum(CLUSTER.values())}"]')
    listed.wait_for(state="attached")
    # The next selection is shown as a table, too.
    on_map.draw(around(on_map.places()[cluster(points, "far")]))
    tables.locator(f'[role="grid"][aria-rowcount="{1 + FAR}"]').wait_for(state="attached")


def test_where_the_processor_draws_the_panel_comes_before_the_points(serve, tmp_path, open_page):
    random = np.random.default_rng(0)
    features = (random.normal(size=(25_000, 2)) + 20 * random.integers(0, 2, (25_000, 1))).astype(np.float32)
    run = Run.from_arrays({"test": features}, head=Head(np.eye(3, 2), np.zeros(3)), workspace=Workspace(tmp_path))
    compute(run, LayoutSpec(sets=("test",), method="pca"))
    on_map = Map.opened(open_page, f"{serve(tmp_path)}/latent_map?run=arrays")
    on_map.show("PCA")
    assert on_map.evaluate("view.painter.isSoftware")
    painted = on_map.picture()
    on_map.evaluate(
        """(() => {
            const points = view.frames.points.bind(view.frames);
            view.frames.points = (...of) => {
                view.heading = document.querySelector("h3").textContent;
                points(...of);
            };
        })()"""
    )
    expected = on_map.positions()[:, 0] > 0
    on_map.press("Lasso")
    box = on_map.box()
    start, end = np.array([box["x"], box["y"]]) + 3, np.array([box["x"] + box["width"], box["y"] + box["height"]]) - 3
    on_map.draw(around(on_map.places()[expected]).clip(start, end))
    is_selected(on_map, expected)
    on_map.until("view.heading && !view.frames.isDirty")
    assert on_map.evaluate("view.heading") == f"{expected.sum():,} samples selected"
    assert on_map.picture().mean() > painted.mean()  # what is not selected is paler


def test_a_selection_does_not_outlive_its_samples(serve, tmp_path, open_page):
    workspace = Workspace(tmp_path)

    def remake(rows):
        if "arrays" in workspace:
            workspace.delete("arrays")
        features = np.random.default_rng(rows).normal(size=(rows, 5)).astype(np.float32)
        run = Run.from_arrays({"test": features}, head=Head(np.eye(3, 5), np.zeros(3)), workspace=workspace)
        for method in ("umap", "pca"):
            compute(run, LayoutSpec(sets=("test",), method=method))

    remake(80)
    on_map = Map.opened(open_page, f"{serve(tmp_path)}/latent_map?run=arrays")
    on_map.press("Box")
    start, end = corners(on_map.places())
    on_map.draw(np.stack([start, (start + end) / 2, end]))
    is_selected(on_map, np.ones(80, dtype=bool))
    remake(30)
    on_map.show("PCA")
    on_map.page.get_by_role("heading", name="Nothing selected").wait_for()
    assert not on_map.selected.any()
    assert on_map.said == "30 samples"
