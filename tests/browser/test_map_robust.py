"""The latent map where something is missing: the graphics card, WebGL2, a position or a sample."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentviz import Head, Run, Workspace
from latentviz.projection import LayoutSpec, compute
from tests.browser._map import Map, around, corners, stored_map
from tests.browser.conftest import answers, errors, settled

#: A browser without WebGL2.
NO_WEBGL2 = """
    const context = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return kind === 'webgl2' ? null : context.call(this, kind, ...more);
    };
"""

# Where plotly draws every sample on the page.
PLOTLY_PLACES = """() => {
    const map = document.querySelector('.js-plotly-plot'), data = map._fullData[0];
    const {xaxis: x, yaxis: y} = map._fullLayout, box = map.getBoundingClientRect();
    const [left, top, rows] = [box.left + x._offset, box.top + y._offset, data.customdata];
    return [...data.x].map((v, n) => [rows[n], left + x.d2p(v), top + y.d2p(data.y[n])]);
}"""


def test_the_map_comes_back_after_the_graphics_card_was_reset(clusters_app, open_page):
    on_map = Map.opened(open_page, clusters_app)
    on_map.press("Lasso")
    on_map.draw(around(on_map.places()[-45:]))
    box = on_map.box()
    on_map.page.mouse.move(box["x"] + 50, box["y"] + 50)
    on_map.page.mouse.wheel(0, -100)
    on_map.press("Move")
    on_map.page.mouse.move(0, 0)
    on_map.ready()
    picture, camera, selected = on_map.picture(), on_map.camera, on_map.selected
    on_map.evaluate("(view.lost = view.painter.gl.getExtension('WEBGL_lose_context')).loseContext()")
    on_map.page.get_by_text("The graphics card was reset; the map comes back by itself.").wait_for()
    # What happens meanwhile is drawn afterwards.
    on_map.page.get_by_text("Two colours", exact=True).click()
    settled(on_map.page)
    on_map.page.get_by_text("One map", exact=True).click()
    settled(on_map.page)
    on_map.evaluate("view.lost.restoreContext()")
    on_map.until("view.problem.hidden && !view.painter.isLost")
    on_map.ready()
    on_map.page.mouse.move(0, 0)
    assert on_map.camera == camera
    np.testing.assert_array_equal(on_map.selected, selected)
    np.testing.assert_allclose(on_map.picture(), picture, atol=2)  # the page's edges differ by a step of grey


def test_without_webgl2_a_simpler_map_can_be_lassoed(clusters_app, clusters, open_page):
    page = open_page(clusters_app, script=NO_WEBGL2)
    page.get_by_text("This browser has no WebGL2, so the map is a simpler one").wait_for()
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    settled(page)
    page.get_by_role("radiogroup").get_by_text("Lasso", exact=True).click()
    page.wait_for_function("document.querySelector('.js-plotly-plot')?._fullLayout?.dragmode === 'lasso'")
    settled(page)
    found = np.array(page.evaluate(PLOTLY_PLACES))
    places = found[np.argsort(found[:, 0]), 1:]
    assert len(places) == 345
    far = np.arange(300, 345)
    on_map = Map(page)
    on_map.draw(around(places[far]))
    page.get_by_role("heading", name="45 samples selected").wait_for()
    exported = on_map.exported()
    assert exported["set"].unique().tolist() == ["far"]
    assert exported["id"].tolist() == clusters["clusters"]["far"].index["id"].tolist()
    np.testing.assert_array_equal(
        on_map.in_address(stored_map(clusters["clusters"], "umap"), count=345), np.arange(345) >= 300
    )
    page.get_by_role("button", name="Clear the selection").click()
    page.get_by_role("heading", name="Nothing selected").wait_for()


def test_without_webgl2_many_samples_are_a_picture_and_it_is_said(serve, tmp_path, open_page):
    rows = 20_001
    features = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    workspace = Workspace(tmp_path)
    run = Run.from_arrays({"test": features}, head=Head(np.eye(3), np.zeros(3)), workspace=workspace, name="many")
    compute(run, LayoutSpec(sets=("test",), method="pca"))
    page = open_page(f"{serve(tmp_path)}/latent_map?run=many", script=NO_WEBGL2)
    page.get_by_text("PCA", exact=True).first.click()
    page.get_by_text("This browser has no WebGL2, so the map is a picture").wait_for()
    page.get_by_text("PCA, explains").wait_for()
    settled(page)
    source = page.locator(".js-plotly-plot image").first.get_attribute("href")
    assert source.startswith("data:image/png;base64,")
    assert errors(page) == []


@pytest.mark.parametrize("rows", [1, 2])
def test_few_samples_have_a_map(serve, tmp_path, open_page, rows):
    features = np.ones((rows, 4), dtype=np.float32)
    Run.from_arrays({"test": features}, head=Head(np.eye(3, 4), np.zeros(3)), workspace=Workspace(tmp_path), name="few")
    is_usable(open_page(f"{serve(tmp_path)}/latent_map?run=few"), rows)


def test_samples_that_are_all_alike_have_a_map(serve, tmp_path, open_page):
    features = np.ones((40, 4), dtype=np.float32)
    Run.from_arrays({"test": features}, head=Head(np.eye(3, 4), np.zeros(3)), workspace=Workspace(tmp_path), name="few")
    page = open_page(f"{serve(tmp_path)}/latent_map?run=few")
    is_usable(page, 40)
    page.get_by_text("PCA", exact=True).first.click()
    is_usable(page, 40)


def is_usable(page, rows: int) -> None:
    """Either a map whose samples can be selected, or a sentence why there is none."""
    page.locator(".latentviz-map").or_(page.get_by_test_id("stAlert")).first.wait_for()
    settled(page)
    if errors(page):
        assert all(sentence.strip().endswith(".") for sentence in errors(page))
        return
    on_map = Map(page).ready()
    assert on_map.said.startswith(f"{rows} sample")
    places = on_map.places()
    assert np.isfinite(places).all()
    assert (on_map.picture() != 255).any(axis=2).sum() > 4
    on_map.press("Box")
    on_map.draw(corners(places)[[0, 0, 1]])
    assert on_map.selected.all()


# A page with nothing but maps, whose coordinates no projection would give.
SCRIPT = """
import numpy as np, streamlit as st
from latentviz.app import show
from latentviz.app.scatter.component import Panel, scatter
from latentviz.figures.colouring import numbers

random = np.random.default_rng(0)
places = random.normal(size=(50, 2)).astype(np.float32)
kind = st.query_params["kind"]
if kind == "nowhere":
    places[:10] = np.nan
if kind == "all-nowhere":
    places[:] = np.nan
count = 0 if kind == "none" else 50
values = np.full(50, 2.0) if kind == "one-colour" else np.arange(50.0)
if kind == "wrong-length":
    values = values[:40]
with show.sentences():
    scatter(
        [Panel(places[:count], numbers("Height", values[: count or 0]), alt="A map.")],
        key="map", samples=kind, groups=np.zeros(count, dtype=np.uint16),
    )
"""


@pytest.fixture(scope="module")
def bare_app(tmp_path_factory, free_port, wait_until):
    """Address of a page that shows a map of any kind."""
    script = tmp_path_factory.mktemp("bare") / "bare.py"
    script.write_text(SCRIPT)
    checkout = Path(__file__).parents[2]
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    server = subprocess.Popen(
        [*command, "--server.headless", "true", "--browser.gatherUsageStats", "false"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}"
    wait_until(lambda: answers(f"{address}/_stcore/health"))
    yield address
    server.terminate()
    server.wait()


def test_samples_without_a_position_are_said(bare_app, open_page):
    on_map = Map.opened(open_page, f"{bare_app}/?kind=nowhere")
    assert on_map.said == "50 samples · 10 without a position"
    assert np.isnan(on_map.places()).all(axis=1).sum() == 10
    on_map.press("Box")
    on_map.draw(corners(on_map.places()[10:])[[0, 0, 1]])
    np.testing.assert_array_equal(on_map.selected, np.arange(50) >= 10)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("all-nowhere", "50 samples · 50 without a position"),
        ("none", "There are no samples."),
        ("one-colour", "50 samples"),
        ("wrong-length", 'The map has 40 values of "Height", but 50 samples.'),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(bare_app, open_page, kind, sentence):
    page = open_page(f"{bare_app}/?kind={kind}")
    page.get_by_text(sentence).first.wait_for()
    settled(page)
