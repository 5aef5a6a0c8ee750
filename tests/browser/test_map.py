"""The latent map: PCA at once, UMAP after it, and what is selected is what the user drew around."""

import io

import numpy as np
import pandas as pd

from latentviz.projection import LayoutSpec, neighbours_of, quality_of, stored
from tests.browser.conftest import settled

# Screen position of every point of the map, and the ids of those inside a rectangle on the screen.
POINTS = """() => {
    const map = document.querySelector('.js-plotly-plot'), data = map._fullData[0];
    const {xaxis: x, yaxis: y} = map._fullLayout, box = map.getBoundingClientRect();
    return {
        x: [...data.x].map(v => box.left + x._offset + x.d2p(v)),
        y: [...data.y].map(v => box.top + y._offset + y.d2p(v)),
        text: [...data.text],
    };
}"""


def points_on_screen(page) -> pd.DataFrame:
    points = pd.DataFrame(page.evaluate(POINTS))
    points[["set", "id"]] = points["text"].str.extract(r"^(.*?) · (.*?)<br>")
    return points


def open_map(demo_app, open_page, run="digits"):
    page = open_page(f"{demo_app}/latent_map?run={run}")
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    settled(page)
    return page


def test_pca_is_there_while_umap_is_computed_and_umap_is_stored(demo_app, demo_workspace, open_page):
    page = open_map(demo_app, open_page)
    run = demo_workspace["digits"]
    if stored(run, LayoutSpec(sets=tuple(run.sets))) is None:
        page.get_by_text("UMAP is being computed").wait_for()
        page.get_by_text("PCA, explains").wait_for()
    page.get_by_text("UMAP, n_neighbors 15").wait_for(timeout=180_000)
    layout = stored(run, LayoutSpec(sets=tuple(run.sets)))
    page.get_by_text(f"{quality_of(run, layout).trustworthiness:.3f}").first.wait_for()
    settled(page)
    # Another session gets the stored one without a job.
    again = open_map(demo_app, open_page)
    again.get_by_text("UMAP, n_neighbors 15").wait_for()
    assert again.get_by_text("is being computed").count() == 0


def test_a_box_selects_exactly_the_points_in_it(demo_app, open_page):
    page = open_map(demo_app, open_page)
    page.get_by_role("radio", name="PCA").or_(page.get_by_text("PCA", exact=True)).first.click()
    page.get_by_text("PCA, explains").wait_for()
    page.get_by_role("radiogroup").get_by_text("Box", exact=True).click()
    page.wait_for_function("document.querySelector('.js-plotly-plot')._fullLayout.dragmode === 'select'")
    settled(page)
    points = points_on_screen(page)
    left, right = np.quantile(points["x"], [0.4, 0.6])
    top, bottom = np.quantile(points["y"], [0.4, 0.6])
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move((left + right) / 2, (top + bottom) / 2, steps=4)
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
    page.get_by_role("heading", name="samples selected").wait_for()
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    exported = pd.read_csv(download.value.path(), dtype={"id": str})
    # A pixel at the edge may fall to either side.
    inner = points[points["x"].between(left + 1, right - 1) & points["y"].between(top + 1, bottom - 1)]
    outer = points[points["x"].between(left - 1, right + 1) & points["y"].between(top - 1, bottom + 1)]
    found = set(zip(exported["set"], exported["id"], strict=True))
    assert set(zip(inner["set"], inner["id"], strict=True)) <= found <= set(zip(outer["set"], outer["id"], strict=True))
    assert page.get_by_role("heading", name=f"{len(exported):,} samples selected").count() == 1
    # Recolouring keeps it, in the panel and on the map.
    page.get_by_label("Colour by").click()
    page.get_by_role("option", name="Feature norm").click()
    settled(page)
    assert page.get_by_role("heading", name=f"{len(exported):,} samples selected").count() == 1
    emphasised = page.evaluate("document.querySelector('.js-plotly-plot')._fullData[0].selectedpoints.length")
    assert emphasised == len(exported)
    with page.expect_download() as download:
        page.get_by_role("button", name="Parquet").click()
    again = pd.read_parquet(io.BytesIO(download.value.path().read_bytes()))
    assert again["id"].tolist() == exported["id"].tolist()
    page.get_by_role("button", name="Clear the selection").click()
    page.get_by_role("heading", name="Nothing selected").wait_for()


def test_a_click_shows_the_sample_and_its_neighbours_in_feature_space(demo_app, demo_workspace, open_page):
    page = open_map(demo_app, open_page)
    page.get_by_text("PCA", exact=True).first.click()
    page.get_by_text("PCA, explains").wait_for()
    settled(page)
    points = points_on_screen(page)
    # The point that stands most alone, so that the click can mean no other.
    positions = points[["x", "y"]].to_numpy()
    visible = (positions - positions.mean(0)).astype(np.float32)
    squares = (visible**2).sum(1)
    distances = squares[:, None] + squares - 2 * visible @ visible.T
    np.fill_diagonal(distances, np.inf)
    alone = points.iloc[int(distances.min(axis=1).argmax())]
    page.mouse.move(alone["x"] - 20, alone["y"])
    page.mouse.move(alone["x"], alone["y"], steps=5)
    page.locator(".hoverlayer .hovertext").wait_for()
    page.mouse.click(alone["x"], alone["y"])
    page.get_by_role("heading", name=alone["id"]).wait_for()
    page.get_by_text("Nearest in feature space").wait_for()
    settled(page)
    run = demo_workspace["digits"]
    row = run[alone["set"]].index["id"].tolist().index(alone["id"])
    nearest = neighbours_of(run, list(run.sets), alone["set"], row, 12, "euclidean", False)
    first = f"{nearest['distance'].iloc[0]:.2f} · "
    assert page.get_by_text(first).count() >= 1


def test_hiding_sets_and_classes(demo_app, open_page):
    page = open_map(demo_app, open_page)
    everything = len(points_on_screen(page))
    page.get_by_role("button", name="train", exact=True).click()
    page.get_by_text(f"of {everything:,} samples").wait_for()
    settled(page)
    left = points_on_screen(page)
    assert "train" not in set(left["set"])
    assert len(left) == everything - 2800


def test_three_dimensions(demo_app, open_page):
    page = open_map(demo_app, open_page)
    page.get_by_text("PCA", exact=True).first.click()
    page.get_by_text("3D", exact=True).click()
    page.get_by_text("Turn with the mouse").wait_for()
    page.wait_for_function("document.querySelector('.js-plotly-plot')?._fullData?.[0]?.type === 'scatter3d'")
