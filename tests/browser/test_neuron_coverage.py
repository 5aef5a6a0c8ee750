"""Neuron coverage in a browser: sliders move the numbers, a click on the map leads to the neurons."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coverage import Explorer
from tests.browser._map import Map
from tests.browser.conftest import errors, settled

TABS = ("Neurons", "One sample", "Profile size", "Layers", "NAC-ME")


@pytest.fixture
def coverage_page(demo_app, open_page):
    return opened(open_page, demo_app)


def opened(open_page, address, **how):
    page = open_page(f"{address}/neuron_coverage?run=digits-l2", **how)
    page.get_by_role("tab", name="Detection").wait_for()
    settled(page)
    return page


def check(page) -> str:
    return page.get_by_test_id("stAlert").filter(has_text="Memorisation check").inner_text().replace("\u00a0", " ")


def expected(run, sets, **parameters) -> str:
    explorer = Explorer(run, "test", sets)
    found = explorer.memorisation(explorer.fitted(Asked.of("nac-ue", parameters)))
    return f"{found.auroc:.3f} ({found.low:.3f} – {found.high:.3f})"


def test_a_slider_moves_the_check_and_the_table(coverage_page, demo_workspace):
    run = demo_workspace["digits-l2"]
    sets = [s.name for s in run.uncorrupted.values() if s.role == "ood"]
    assert expected(run, sets) in check(coverage_page)
    slider = coverage_page.get_by_test_id("stSlider").filter(has_text="O, enough").locator("input").first
    before = coverage_page.get_by_role("table").first.inner_text()
    slider.focus()
    coverage_page.keyboard.press("ArrowRight")
    settled(coverage_page)
    assert expected(run, sets, enough=100) in check(coverage_page)
    assert coverage_page.get_by_role("table").first.inner_text() != before


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (400, True)])
def test_every_tab_shows_and_nothing_overflows(demo_app, open_page, width, dark):
    page = opened(open_page, demo_app, width=width, dark=dark)
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        settled(page)
        assert "Memorisation check" in check(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert not errors(page)


def test_a_chosen_neuron_is_the_one_in_the_figure(coverage_page):
    coverage_page.get_by_role("tab", name="Neurons").click()
    settled(coverage_page)
    first = coverage_page.get_by_text(re.compile(r"Neuron \d+: mean coverage")).inner_text()
    coverage_page.get_by_role("combobox", name=re.compile("Neuron$")).last.click()
    coverage_page.get_by_role("option").nth(3).click()
    settled(coverage_page)
    expect(coverage_page.get_by_text(re.compile(r"Neuron \d+: mean coverage"))).not_to_have_text(first)


def test_a_click_on_the_map_leads_to_the_neurons_of_the_sample(laid_out, demo_workspace, open_page):
    on_map = Map.opened(open_page, f"{laid_out}/latent_map?run=digits-l2")
    places = on_map.places()
    inside = np.flatnonzero(np.isfinite(places).all(axis=1))
    middle = places[inside].mean(axis=0)
    on_map.click(places[inside[np.abs(places[inside] - middle).sum(axis=1).argmin()]])
    page = on_map.page
    title = page.get_by_test_id("stHeading").last.inner_text()
    page.get_by_role("button", name="Which neurons?").click()
    page.get_by_role("heading", name="Neuron coverage").wait_for()
    settled(page)
    expect(page.get_by_role("tab", name="One sample")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text(title, exact=True).first).to_be_visible()
    expect(page.get_by_text(re.compile("Coverage .* against .* on test"))).to_be_visible()
