"""Clustering in a browser: the slider moves the numbers, tabs stand at any width, a selection shows its images."""

import pytest
from playwright.sync_api import expect

from latentviz.evaluation.clustered import Multicut, clusters
from latentviz.geometry.clustering import Clustering
from tests.browser.conftest import errors, settled

TABS = ("Contingency", "Distances", "Silhouettes", "Stability", "Images", "Other sets")


def opened(open_page, address, **how):
    page = open_page(f"{address}/clustering?run=digits", **how)
    page.get_by_role("tab", name="Map").wait_for()
    settled(page)
    return page


def metric(page, label: str):
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").first


def test_the_slider_clusters_anew(demo_app, open_page, demo_workspace):
    page = opened(open_page, demo_app)
    run = demo_workspace["digits"]
    for k in (7, 8):
        found = clusters(run, "test", Clustering(clusters=k))
        expect(metric(page, "ARI")).to_have_text(f"{found.with_classes.values['ari']:.3f}")
        slider = page.get_by_test_id("stSlider").filter(has_text="Clusters K").get_by_role("slider")
        slider.focus()
        page.keyboard.press("ArrowRight")
        settled(page)
    assert not errors(page)


def test_what_is_selected_on_the_map_is_counted_and_shown(demo_app, open_page, demo_workspace):
    page = opened(open_page, demo_app)
    samples = len(demo_workspace["digits"]["test"])
    page.get_by_text(f"{samples} samples", exact=True).wait_for()
    page.get_by_role("application").first.focus()
    page.keyboard.press("Control+a")
    page.get_by_text(f"{samples} selected", exact=True).wait_for()
    settled(page)
    assert page.get_by_test_id("stImage").locator("img").count() == 24
    assert not errors(page)


def test_multicut_says_how_many_it_found(demo_app, open_page, demo_workspace):
    page = opened(open_page, demo_app)
    page.get_by_role("button", name="Multicut").or_(page.get_by_role("radio", name="Multicut")).first.click()
    settled(page)
    found = clusters(demo_workspace["digits"], "test", Multicut())
    expect(metric(page, "Clusters found")).to_have_text(f"{found.count}")
    assert not errors(page)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (400, True)])
def test_every_tab_shows_and_nothing_overflows(demo_app, open_page, width, dark):
    page = opened(open_page, demo_app, width=width, dark=dark)
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        settled(page)
        expect(metric(page, "NMI")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    page.get_by_text("class → prediction").first.wait_for()  # of the last tab: what falls into the first cluster
    assert not errors(page)
