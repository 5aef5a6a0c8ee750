"""OOD scorers and Feature magnitude: what is toggled changes the picture, and the numbers are the library's."""

import io

import pandas as pd
import pytest
from playwright.sync_api import expect

from latentviz.evaluation.detection import auroc
from latentviz.evaluation.scores import Asked, scores
from tests.browser.conftest import settled


@pytest.fixture
def scorers_page(demo_app, open_page):
    page = open_page(f"{demo_app}/ood_scorers?run=digits")
    page.get_by_role("tab", name="Detection").wait_for()
    settled(page)
    return page


def tab(page, name):
    page.get_by_role("tab", name=name).click()
    settled(page)


def downloaded(page) -> pd.DataFrame:
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    return pd.read_csv(io.BytesIO(download.value.path().read_bytes()))


def test_the_table_is_the_librarys(scorers_page, demo_workspace):
    table = downloaded(scorers_page)
    run = demo_workspace["digits"]
    found = scores(run, [Asked.of("knn")], ["test", "photographs"]).by_scorer["knn"]
    (row,) = table.query("scorer == 'knn' and set == 'photographs' and metric == 'auroc'").to_dict("records")
    assert row["value"] == pytest.approx(auroc(found["test"], found["photographs"]))
    assert row["low"] <= row["value"] <= row["high"]
    assert row["n_ind"] == 700


def test_a_scorer_that_is_toggled_joins_and_leaves(scorers_page):
    before = downloaded(scorers_page)["scorer"].unique().tolist()
    scorers_page.get_by_role("button", name="pNML").click()
    settled(scorers_page)
    assert set(downloaded(scorers_page)["scorer"]) == {*before, "pnml"}
    scorers_page.get_by_role("button", name="pNML").click()
    settled(scorers_page)
    assert downloaded(scorers_page)["scorer"].unique().tolist() == before


def test_a_parameter_changes_that_scorer_only(scorers_page):
    before = downloaded(scorers_page).set_index(["scorer", "set", "metric"])["value"]
    scorers_page.get_by_role("button", name="Parameters").click()
    scorers_page.get_by_role("slider", name="K", exact=True).focus()
    scorers_page.keyboard.press("ArrowLeft")
    settled(scorers_page)
    scorers_page.keyboard.press("Escape")
    after = downloaded(scorers_page).set_index(["scorer", "set", "metric"])["value"]
    assert "knn(k=20)" in after.index.get_level_values(0)
    shared = before.index.intersection(after.index)
    assert "msp" in shared.get_level_values(0)
    pd.testing.assert_series_equal(before.loc[shared], after.loc[shared])


def test_every_tab_has_content(scorers_page):
    tab(scorers_page, "Scores")
    scorers_page.get_by_text("Threshold").last.wait_for()
    assert scorers_page.locator(".js-plotly-plot").count() == 1
    for kind in ("Density", "Cumulative"):
        scorers_page.get_by_text(kind, exact=True).click()
        settled(scorers_page)
        assert scorers_page.locator(".js-plotly-plot").count() == 1
    tab(scorers_page, "Curves")
    expect(scorers_page.locator(".js-plotly-plot")).to_have_count(2)
    tab(scorers_page, "Images")
    scorers_page.get_by_text("Most out-of-distribution").wait_for()
    tab(scorers_page, "Agreement")
    expect(scorers_page.locator(".js-plotly-plot")).to_have_count(1)
    tab(scorers_page, "About the scorers")
    scorers_page.get_by_text("Energy-based Out-of-distribution Detection").wait_for()


@pytest.mark.parametrize(("width", "dark"), [(1440, True), (400, False)])
def test_in_the_dark_and_on_a_narrow_screen(demo_app, open_page, width, dark):
    for path in ("ood_scorers", "feature_magnitude"):
        page = open_page(f"{demo_app}/{path}?run=digits", width=width, dark=dark)
        page.get_by_role("tab").first.wait_for()
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_threshold_on_the_length_moves_the_rates(demo_app, open_page):
    page = open_page(f"{demo_app}/feature_magnitude?run=digits-l2")
    page.get_by_role("tab", name="On each side").wait_for()
    settled(page)
    assert page.get_by_role("heading", name="digits", exact=True).count() == 1
    handle = page.get_by_role("slider", name="Threshold", exact=True).first
    before = page.get_by_text("Shorter").last.inner_text()
    handle.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    settled(page)
    after = page.get_by_text("Shorter").last.inner_text()
    assert after != before
    page.get_by_text("L∞", exact=True).click()
    settled(page)
    assert page.locator(".js-plotly-plot").count() >= 2
