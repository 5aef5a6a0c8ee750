"""Every page shows real content, at any width, in light and dark, without help from outside."""

import json
import shutil

import pytest
from playwright.sync_api import expect

from latentviz.evaluation.accuracy import sets_table
from tests.browser.conftest import errors, settled

PAGES = {
    "": "Image sets",
    "latent_map": "Trustworthiness",
    "ood_scorers": "Detection",
    "feature_magnitude": "Balanced accuracy",
    "neural_collapse": "Angle to the space that the class means span",
    "train": "Nothing was trained in this workspace yet.",
    "add_run": "Jobs",
}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (400, False)])
def test_every_page_shows_its_content(laid_out, open_page, path, width, dark):
    page = open_page(f"{laid_out}/{path}", width=width, dark=dark)
    page.get_by_text(PAGES[path], exact=True).first.wait_for()
    settled(page)
    assert errors(page) == []
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_overview_shows_the_numbers_of_the_library(demo_app, demo_workspace, open_page):
    page = open_page(demo_app)
    page.get_by_role("tab", name="Accuracy").click()
    page.locator(".js-plotly-plot").first.wait_for()
    settled(page)
    shown = page.evaluate(
        "[...document.querySelector('.js-plotly-plot')._fullData].flatMap(t => [...t.y].map((s, i) => [s, t.x[i]]))"
    )
    table = sets_table(demo_workspace["digits"]).dropna(subset=["accuracy"])
    assert dict(shown) == pytest.approx(dict(zip(table["set"], table["accuracy"], strict=True)))


@pytest.mark.parametrize(("tab", "wanted"), [("Predictions", "Predicted class"), ("Class balance", "Share of the set")])
def test_the_charts_of_the_other_tabs(demo_app, open_page, tab, wanted):
    page = open_page(demo_app)
    page.get_by_role("tab", name=tab).click()
    page.locator(".js-plotly-plot").get_by_text(wanted).wait_for()


def test_the_runs_of_the_workspace(demo_app, open_page):
    page = open_page(demo_app)
    page.get_by_role("tab", name="Runs in this workspace").click()
    page.get_by_test_id("stDataFrame").wait_for()
    settled(page)
    assert errors(page) == []


def test_another_run_and_other_samples(demo_app, open_page):
    page = open_page(f"{demo_app}/?run=digits-l2")
    page.get_by_role("heading", name="digits-l2").wait_for()
    settled(page)
    pictures = page.locator('[data-testid="stImage"] img')
    before = pictures.first.get_attribute("src")
    page.get_by_role("button", name="Other samples").click()
    expect(pictures.first).not_to_have_attribute("src", before)
    assert pictures.count() == 24


@pytest.mark.usefixtures("laid_out")
def test_a_subpage_can_be_the_first_that_is_opened(serve, demo, open_page):
    page = open_page(f"{serve(demo / 'workspace')}/latent_map")
    page.get_by_text("Trustworthiness", exact=True).wait_for()
    assert errors(page) == []


def test_without_allowed_folders_the_page_says_how_to_allow_them(serve, tmp_path, open_page):
    address = serve(tmp_path / "empty")
    page = open_page(f"{address}/add_run")
    page.get_by_text("--data-root").first.wait_for()
    page = open_page(address)
    page.get_by_text("This workspace is empty").wait_for()


def test_a_damaged_run_is_a_sentence(serve, tmp_path, demo, open_page):
    shutil.copytree(demo / "workspace" / "runs", tmp_path / "w" / "runs")
    (tmp_path / "w" / "latentviz.json").write_text('{"format": 1}')
    manifest = tmp_path / "w" / "runs" / "digits" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "width": 0}))
    page = open_page(f"{serve(tmp_path / 'w')}/?run=digits")
    page.get_by_text("is damaged at width").first.wait_for()
