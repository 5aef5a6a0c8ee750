"""The latent map: PCA at once, UMAP after it, and what is selected is what the user drew around."""

import io
import shutil
import signal

import numpy as np
import pandas as pd

from latentviz import Head, Run, Workspace
from latentviz.evaluation.scores import Asked, scores
from latentviz.jobs import jobs
from latentviz.projection import LayoutSpec, compute, neighbours_of, quality_of, stored
from tests.browser.conftest import choose, settled, signal_all

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
    points[["set", "id", "label"]] = points["text"].str.extract(r"^(.*?) · (.*?)<br>(.*?) → ")
    return points


def legend(page) -> dict[str, str]:
    """Colour of every category that is drawn."""
    return dict(
        page.evaluate(
            "[...document.querySelector('.js-plotly-plot')._fullData].slice(1).map(t => [t.name, t.marker.color])"
        )
    )


def open_map(address, open_page, run="digits"):
    """The map of a run whose layout is stored, so that nothing changes by itself."""
    page = open_page(f"{address}/latent_map?run={run}")
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    settled(page)
    return page


def show_pca(page):
    page.get_by_text("PCA", exact=True).first.click()
    page.get_by_text("PCA, explains").wait_for()
    settled(page)


def drag_with(page, tool, mode):
    """Choose what dragging does."""
    page.get_by_role("radiogroup").get_by_text(tool, exact=True).click()
    page.wait_for_function(f"document.querySelector('.js-plotly-plot')?._fullLayout?.dragmode === '{mode}'")
    settled(page)


def exported_csv(page) -> pd.DataFrame:
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    return pd.read_csv(download.value.path(), dtype={"id": str})


def names(points: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(points["set"], points["id"], strict=True))


def test_pca_is_there_while_umap_is_computed_and_umap_is_stored(serve, demo, tmp_path, open_page, wait_until):
    whole = demo / "workspace"
    shutil.copytree(whole / "runs" / "digits", tmp_path / "runs" / "digits", ignore=shutil.ignore_patterns("derived"))
    shutil.copy(whole / "latentviz.json", tmp_path)
    address = serve(tmp_path)
    page = open_page(f"{address}/latent_map?run=digits")
    wait_until(lambda: any(job.state.status == "running" for job in jobs(tmp_path)))
    (job,) = jobs(tmp_path)
    signal_all(job, signal.SIGSTOP)  # it must not be done before the page has shown PCA
    page.get_by_text("UMAP is being computed").wait_for()
    page.get_by_text("PCA, explains").wait_for()
    signal_all(job, signal.SIGCONT)
    page.get_by_text("UMAP, n_neighbors 15").wait_for(timeout=180_000)
    run = Workspace(tmp_path)["digits"]
    layout = stored(run, LayoutSpec(sets=tuple(run.sets)))
    page.get_by_text(f"{quality_of(run, layout).trustworthiness:.3f}").first.wait_for()
    # Another session gets the stored one without a job.
    again = open_map(address, open_page)
    again.get_by_text("UMAP, n_neighbors 15").wait_for()
    assert again.get_by_text("is being computed").count() == 0
    assert len(jobs(tmp_path)) == 1


def test_a_box_selects_exactly_the_points_in_it(laid_out, open_page):
    page = open_map(laid_out, open_page)
    show_pca(page)
    drag_with(page, "Box", "select")
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
    exported = exported_csv(page)
    # A pixel at the edge may fall to either side.
    inner = points[points["x"].between(left + 1, right - 1) & points["y"].between(top + 1, bottom - 1)]
    outer = points[points["x"].between(left - 1, right + 1) & points["y"].between(top - 1, bottom + 1)]
    assert names(inner) <= names(exported) <= names(outer)
    assert page.get_by_role("heading", name=f"{len(exported):,} samples selected").count() == 1
    # Recolouring keeps it, in the panel and on the map.
    page.get_by_label("Colour by", exact=True).click()
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


def test_a_lasso_selects_exactly_the_points_in_it(laid_out, open_page):
    page = open_map(laid_out, open_page)
    show_pca(page)
    drag_with(page, "Lasso", "lasso")
    points = points_on_screen(page)
    positions = points[["x", "y"]].to_numpy()
    # A triangle around the middle.
    middle = np.median(positions, axis=0)
    corners = middle + 0.3 * np.ptp(positions, axis=0).min() * np.array([[0, -1], [0.87, 0.5], [-0.87, 0.5]])
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[[1, 2, 0]]:
        page.mouse.move(*corner, steps=20)
    page.mouse.up()
    page.get_by_role("heading", name="samples selected").wait_for()
    settled(page)
    # On which side of each edge a point lies, in pixels, positive inside.
    edges = corners[[1, 2, 0]] - corners
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    depth = ((positions[:, None] - corners) * normals).sum(axis=2).min(axis=1)
    found = names(exported_csv(page))
    assert len(points[depth > 3]) > 100
    assert names(points[depth > 3]) <= found <= names(points[depth > -3])


def test_a_selection_does_not_outlive_its_samples(serve, tmp_path, open_page):
    workspace = Workspace(tmp_path)

    def remake(rows):
        if "arrays" in workspace:
            workspace.delete("arrays")
        features = np.random.default_rng(rows).normal(size=(rows, 5)).astype(np.float32)
        run = Run.from_arrays({"test": features}, head=Head(np.eye(3, 5), np.zeros(3)), workspace=workspace)
        compute(run, LayoutSpec(sets=("test",)))

    remake(80)
    page = open_map(serve(tmp_path), open_page, "arrays")
    drag_with(page, "Box", "select")
    points = points_on_screen(page)
    page.mouse.move(points["x"].min() - 5, points["y"].min() - 5)
    page.mouse.down()
    page.mouse.move(points["x"].max() + 5, points["y"].max() + 5, steps=8)
    page.mouse.up()
    page.get_by_role("heading", name="80 samples selected").wait_for()
    settled(page)
    remake(30)
    page.get_by_role("radiogroup").get_by_text("Point", exact=True).click()
    page.get_by_role("heading", name="Nothing selected").wait_for()
    settled(page)
    assert len(points_on_screen(page)) == 30


def test_a_click_shows_the_sample_and_its_neighbours_in_feature_space(laid_out, demo_workspace, open_page):
    page = open_map(laid_out, open_page)
    show_pca(page)
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


def test_hiding_sets_and_classes(laid_out, open_page):
    page = open_map(laid_out, open_page)
    everything, colours = points_on_screen(page), legend(page)
    page.get_by_role("button", name="train", exact=True).click()
    page.get_by_text(f"of {len(everything):,} samples").wait_for()
    settled(page)
    left = points_on_screen(page)
    assert "train" not in set(left["set"])
    assert len(left) == len(everything) - 2800
    # What is left keeps its colours.
    assert legend(page) == {name: colour for name, colour in colours.items() if name != "train"}
    choose(page, "Show classes", "3")
    shown = points_on_screen(page)
    assert set(shown["label"]) == {"3"}
    assert names(shown) == names(left[left["label"] == "3"])
    page.get_by_text(f"{len(shown):,} of {len(everything):,} samples").wait_for()


def test_three_dimensions(laid_out, open_page):
    page = open_map(laid_out, open_page)
    show_pca(page)
    page.get_by_text("3D", exact=True).click()
    page.get_by_text("Turn with the mouse").wait_for()
    page.wait_for_function("document.querySelector('.js-plotly-plot')?._fullData?.[0]?.type === 'scatter3d'")


def test_points_have_the_colour_of_their_stored_score(serve, demo, tmp_path, open_page):
    whole = demo / "workspace"
    shutil.copytree(whole / "runs" / "digits", tmp_path / "runs" / "digits", ignore=shutil.ignore_patterns("derived"))
    shutil.copy(whole / "latentviz.json", tmp_path)
    run = Workspace(tmp_path)["digits"]
    compute(run, LayoutSpec(sets=tuple(run.sets), method="pca"))
    compute(run, LayoutSpec(sets=tuple(run.sets)))
    found = scores(run, [Asked.of("energy")], ["test", "photographs"]).by_scorer["energy"]
    page = open_map(serve(tmp_path), open_page)
    show_pca(page)
    choose(page, "Colour by", "OOD score: Energy")
    page.get_by_text("Grey: train, ").wait_for()
    colours = page.evaluate(
        "(() => { const m = document.querySelector('.js-plotly-plot')._fullData[0].marker;"
        " return {color: [...m.color], low: m.cmin, high: m.cmax}; })()"
    )
    points = points_on_screen(page).assign(colour=colours["color"])
    grey = colours["low"] + 1e-5
    for name in run.sets:
        shown = points[points["set"] == name].set_index("id")["colour"]
        if name in found:
            expected = dict(zip(run[name].index["id"], found[name], strict=True))
            inside = shown[(shown > shown.min()) & (shown < colours["high"])]
            assert len(inside) > len(shown) / 2
            np.testing.assert_allclose(inside, [expected[i] for i in inside.index], rtol=1e-5)
            assert (shown > grey + 1e-3).all()
        else:
            assert (shown <= grey).all()
    page.get_by_text("no value").wait_for()
