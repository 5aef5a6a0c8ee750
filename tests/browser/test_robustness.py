"""Robustness across models in a browser: the verdict, every tab at two widths, a reference for mCE, one network."""

import pytest
from playwright.sync_api import expect

import latentviz as lv
from latentviz.evaluation.robustness import Networks
from latentviz.evaluation.robustness_relations import CLEAN, relation, verdict
from tests.browser.conftest import errors, settled
from tests.versions import corrupted_run

TABS = ("One indicator", "All indicators", "Networks", "Corruptions")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> lv.Workspace:
    """Twelve networks of one task."""
    workspace = lv.Workspace(tmp_path_factory.mktemp("twelve"))
    for seed in range(12):
        corrupted_run(workspace, name=f"net{seed:02d}", seed=seed, severities=(1, 5))
    return workspace


@pytest.fixture(scope="module")
def address(serve, workspace) -> str:
    return f"{serve(workspace.path)}/robustness_across_models?run=net00"


def opened(open_page, address, **how):
    page = open_page(address, **how)
    page.get_by_text("12 networks, 3 corruptions × 2 severities").wait_for()
    settled(page)
    return page


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (400, True)])
def test_every_tab_shows_and_nothing_overflows(address, open_page, width, dark):
    page = opened(open_page, address, width=width, dark=dark)
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        settled(page)
        page.locator(".js-plotly-plot").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert not errors(page)


def test_the_conclusion_is_the_librarys_and_another_indicator_has_another(address, open_page, workspace):
    page = opened(open_page, address)
    found = Networks.of(list(workspace), "test").compared().models
    control = relation(found, CLEAN)
    expect(page.get_by_text(verdict(relation(found, "cluster-accuracy"), control)[-1])).to_be_visible()
    page.get_by_test_id("stSelectbox").filter(has_text="Indicator").locator("input").click()
    page.get_by_role("option", name="Overlap of distances").click()
    settled(page)
    sentences = verdict(relation(found, "distance-overlap"), control)
    expect(page.get_by_text(sentences[-1])).to_be_visible()
    expect(page.get_by_text(sentences[0])).to_be_visible()


def test_with_a_reference_mce_takes_the_place_of_accuracy(address, open_page):
    page = opened(open_page, address)
    page.get_by_role("button", name="mCE").click()
    page.get_by_test_id("stSelectbox").filter(has_text="Reference").locator("input").click()
    page.get_by_role("option", name="net03").click()
    settled(page)
    page.keyboard.press("Escape")
    expect(page.locator(".js-plotly-plot .ytitle").first).to_have_text("mCE")
    assert not errors(page)
