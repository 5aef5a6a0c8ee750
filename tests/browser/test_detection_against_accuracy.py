"""Detection against accuracy: what is to be read, at any width, and from a run without versions to one with them."""

import io

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

import latentviz as lv
from latentviz.evaluation.set_statistics import shifted_sets
from latentviz.jobs import jobs
from latentviz.progress import silent
from tests.browser.conftest import errors, settled
from tests.conftest import torch_with_one_thread
from tests.versions import FAMILIES, corrupted_run

TABS = ("Across sets", "Errors within a set", "Estimated accuracy", "Corruptions", "One image")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, make_folder, checkpoint) -> lv.Workspace:
    """A run with corrupted sets, "run", and one of a network without them, "net"."""
    folder = tmp_path_factory.mktemp("corrupted")
    workspace = lv.Workspace(folder / "workspace")
    corrupted_run(workspace)
    images = make_folder(folder / "images", {"a": 3, "b": 3, "c": 3}, side=32)
    with torch_with_one_thread():
        lv.extract(
            lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint),
            {"test": lv.folder(images, "ind")},
            workspace=workspace,
            name="net",
            progress=silent,
        )
    return workspace


@pytest.fixture(scope="module")
def address(serve, workspace) -> str:
    return f"{serve(workspace.path)}/detection_against_accuracy"


@pytest.fixture
def opened(address, open_page):
    def start(**how):
        page = open_page(f"{address}?run=run", **how)
        page.get_by_text("shifted sets of one model").first.wait_for()
        settled(page)
        return page

    return start


def tab(page, name):
    page.get_by_role("tab", name=name).click()
    settled(page)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (400, True)])
def test_every_tab_fits_and_has_its_figure(opened, width, dark):
    page = opened(width=width, dark=dark)
    page.get_by_text("Over 9 shifted sets of one model in 3 corruptions").wait_for()
    for name in TABS:
        tab(page, name)
        content = page.locator(".lv-grid" if name == "One image" else ".js-plotly-plot .main-svg").first
        content.wait_for()
        assert errors(page) == []
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_what_is_plotted_is_what_is_exported(opened, workspace):
    page = opened()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    plotted = page.evaluate(
        """() => document.querySelector('.js-plotly-plot')._fullData
            .flatMap((t) => [...t.x].map((x, i) => [x, t.y[i]])).filter(([x]) => Number.isFinite(x))"""
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    table = pd.read_csv(io.BytesIO(download.value.path().read_bytes()))
    assert download.value.suggested_filename == "run-mean-against-accuracy.csv"
    assert len(plotted) == len(table) == 1 + 9
    exported = sorted(zip(table["value"], table["accuracy"], strict=True))
    np.testing.assert_allclose(sorted(map(tuple, plotted)), exported)
    expected = shifted_sets(workspace["run"]).set_index("set")["accuracy"]
    np.testing.assert_allclose(table.set_index("set").loc[expected.index, "accuracy"], expected)


def test_one_image_is_shown_under_every_corruption(opened):
    page = opened()
    tab(page, "One image")
    box = page.get_by_role("textbox", name="or by its id")
    box.fill("000042")
    box.press("Enter")
    settled(page)
    page.get_by_text("000042", exact=True).wait_for()
    images = page.locator(".lv-grid").get_by_role("img")
    expect(images).to_have_count(1 + 9)
    assert images.evaluate_all("all => all.every((one) => one.complete && one.naturalWidth === 8)")
    alts = images.evaluate_all("all => all.map((one) => one.alt)")
    assert [alt.partition(":")[0].strip() for alt in alts] == [
        "clean",
        *(f"{name.replace('_', ' ')} severity {severity}" for name in FAMILIES for severity in (1, 3, 5)),
    ]
    assert page.locator(".lv-grid").get_by_role("heading").all_inner_texts() == [
        *("Clean", "Gaussian noise", "Shot noise", "Fog"),
    ]
    # What is wrong can be seen without colours.
    wrong = page.locator(".lv-grid li.wrong")
    assert wrong.count() == sum(alt.endswith(", wrong") for alt in alts) > 0
    assert "✗" in wrong.first.locator("b").evaluate("e => getComputedStyle(e, '::after').content")


def test_from_a_run_without_versions_to_its_figure(address, open_page, workspace):
    page = open_page(f"{address}?run=net")
    page.get_by_text("This page needs sets whose labels still hold").wait_for()
    settled(page)
    box = page.get_by_role("combobox", name="Corruptions")
    box.click()
    page.keyboard.press("Backspace")
    for name in ("Contrast", "Brightness"):
        box.fill(name)
        page.get_by_role("option", name=name, exact=True).click()
    page.keyboard.press("Escape")
    for severity in ("2", "4"):
        page.get_by_role("button", name=severity, exact=True).click()
    page.get_by_role("button", name="Corrupt", exact=True).click()
    page.get_by_text("shifted sets of one model").first.wait_for()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    settled(page)
    (job,) = jobs(workspace.path)
    assert job.state.status == "done", job.state.message
    names = [s.name for s in workspace["net"] if s.role == "shifted"]
    assert names == [f"test-{name}-{severity}" for name in ("brightness", "contrast") for severity in (1, 3, 5)]
    page.get_by_text("Over 6 shifted sets of one model").wait_for()
