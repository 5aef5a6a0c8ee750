"""Trainings in the browser: the epoch moves everything at once, both heads are compared, and the form trains."""

import pytest
from playwright.sync_api import expect

import latentviz as lv
from latentviz.jobs import jobs
from tests.browser.conftest import errors, settled
from tests.conftest import torch_with_one_thread
from tests.families import family

TABS = ("This epoch", "Over training", "Geometry", "AUROC against collapse")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> lv.Workspace:
    workspace = lv.Workspace(tmp_path_factory.mktemp("family") / "workspace")
    family(workspace)
    return workspace


@pytest.fixture(scope="module")
def images(tmp_path_factory, make_folder):
    root = tmp_path_factory.mktemp("images")
    make_folder(root / "train", {"a": 12, "b": 12}, side=16)
    make_folder(root / "test", {"a": 4, "b": 4}, side=16, seed=1)
    return root


@pytest.fixture(scope="module")
def address(serve, workspace, images) -> str:
    with torch_with_one_thread():
        return serve(workspace.path, images)


def fits(page) -> bool:
    return page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def tab(page, name):
    page.get_by_role("tab", name=name).click()
    settled(page)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (400, True)])
def test_every_tab_fits_and_has_its_figure(address, open_page, width, dark):
    page = open_page(f"{address}/neural_collapse?run=fam-l2-s0-e10", width=width, dark=dark)
    page.get_by_role("tab", name="Geometry").wait_for()
    settled(page)
    for name in TABS:
        tab(page, name)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        assert errors(page) == []
        assert fits(page)


def test_the_epoch_moves_everything(address, open_page):
    page = open_page(f"{address}/neural_collapse?run=fam-linear-s0-e10")
    page.get_by_text("AUROC of Feature norm").wait_for()
    settled(page)
    drawn = """() => [...document.querySelectorAll('.js-plotly-plot')].map((plot) => JSON.stringify(
        [plot._fullData.map((t) => [[...t.x].slice(0, 50), [...t.y].slice(0, 50)]), plot.layout.shapes]))"""
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    before = page.evaluate(drawn)
    handle = page.get_by_role("slider", name="Epoch")
    handle.press("ArrowLeft")
    expect(handle).to_have_attribute("aria-valuetext", "3")
    page.wait_for_function(
        f"(before) => {{ const now = ({drawn})(); return now.every((one, i) => one !== before[i]); }}", arg=before
    )
    settled(page)
    assert errors(page) == []


def test_umaps_of_all_epochs_are_computed_in_the_background(address, open_page):
    page = open_page(f"{address}/neural_collapse?run=fam-linear-s1-e10")
    page.get_by_role("button", name="Compute UMAPs").click()
    page.get_by_text("UMAPs, each laid out from that of the last checkpoint").wait_for()
    assert errors(page) == []


@pytest.mark.parametrize(("width", "dark"), [(1440, True), (400, False)])
def test_both_heads_side_by_side(address, open_page, width, dark):
    page = open_page(f"{address}/l2_against_plain?run=fam-linear-s0-e10", width=width, dark=dark)
    page.get_by_text("On these data the feature norm").wait_for()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    settled(page)
    assert errors(page) == []
    assert fits(page)


def test_from_the_form_to_the_curves_and_the_runs(address, open_page, workspace):
    page = open_page(f"{address}/train", height=1400)
    box = page.get_by_role("combobox", name="Image folders")
    for name in ("train", "test"):
        box.fill(name)
        page.get_by_role("option", name=name).first.click()
    page.keyboard.press("Escape")
    page.get_by_role("radio", name="Grey images, digits").click()
    for label, value in (("Epochs", "2"), ("Seeds", "1")):
        field = page.get_by_role("spinbutton", name=label, exact=True)
        field.fill(value)
        field.press("Enter")
        settled(page)
    page.get_by_role("textbox", name="Name of the family").fill("tiny")
    page.keyboard.press("Enter")
    page.get_by_text("2 networks; checkpoints after epoch 1, 2.").wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("2 of 2").nth(1).wait_for()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    job = next(job for job in jobs(workspace.path) if job.record.kind == "train")
    page.get_by_text("4 runs", exact=True).wait_for()
    assert job.state.status == "done", job.state.message
    assert "tiny-l2-s0-e2" in workspace.names()
    assert errors(page) == []
