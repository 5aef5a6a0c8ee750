"""Feature magnitude: the handle under the figure moves the threshold, and the numbers are the library's."""

import numpy as np
import pytest
from playwright.sync_api import expect

from latentviz.evaluation.detection import threshold_at
from latentviz.evaluation.rates import rates_at
from tests.browser.conftest import errors, settled

TABS = ("On each side", "Confidence and mistakes", "By class")

# Ends of the plot's x axis and of the slider's track on the screen, and the numbers at these ends.
ENDS = """() => {
    const plot = document.querySelector('.js-plotly-plot');
    const axis = plot.querySelector('.nsewdrag').getBoundingClientRect();
    const track = document.querySelector('[data-testid="stSliderTickBar"]').getBoundingClientRect();
    const handle = document.querySelector('[data-testid="stSlider"] input');
    return {
        axis: [axis.left, axis.right], track: [track.left, track.right],
        range: [...plot._fullLayout.xaxis.range], limits: [Number(handle.min), Number(handle.max)],
    };
}"""

# Where the threshold is drawn in the first figure.
DRAWN = "document.querySelector('.js-plotly-plot')._fullLayout.shapes[0].x0"


@pytest.fixture
def magnitude_page(demo_app, open_page):
    return opened(open_page, demo_app)


def opened(open_page, address, **how):
    page = open_page(f"{address}/feature_magnitude?run=digits-l2", **how)
    page.get_by_role("tab", name=TABS[0]).wait_for()
    settled(page)
    return page


def open_tab(page, name: str) -> None:
    """Only when all images are loaded: the server forgets those that a page no longer shows."""
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.get_by_role("tab", name=name).click()
    settled(page)


def rates(page, number: int = 0) -> dict[str, list[str]]:
    """Rows of a table of rates by set: role, n, share, balanced accuracy, median."""
    rows = page.get_by_role("table").nth(number).get_by_role("row").all()[1:]
    cells = [[text.replace("\N{NO-BREAK SPACE}", " ") for text in row.locator("td").all_inner_texts()] for row in rows]
    return {name: rest for name, *rest in cells}


def lengths(workspace, run: str = "digits-l2") -> dict[str, np.ndarray]:
    return {s.name: s.read("norm").astype(np.float64) for s in workspace[run]}


def test_the_rates_are_the_librarys(magnitude_page, demo_workspace):
    for number, run in enumerate(("digits-l2", "digits")):
        norms = lengths(demo_workspace, run)
        threshold = threshold_at(-norms["test"])
        table = rates(magnitude_page, number)
        assert list(table) == ["test", "unseen-digits", "photographs"]
        for name, (role, samples, share, balanced, _) in table.items():
            found = rates_at(-norms["test"], -norms[name], threshold)
            assert samples == f"{len(norms[name]):,}"
            assert share.startswith(f"{'FPR' if role == 'ind' else 'TPR'} {found.true_positive_rate:.1%} (")
            assert balanced.split(" ")[0] == ("–" if role == "ind" else f"{found.balanced_accuracy:.1%}")


def test_the_handle_moves_the_threshold_the_rates_and_the_share(magnitude_page, demo_workspace):
    page, norms = magnitude_page, lengths(demo_workspace)["test"]
    before = page.evaluate(DRAWN)
    assert before == pytest.approx(-threshold_at(-norms))
    open_tab(page, TABS[1])
    handle = page.locator('input[aria-label="Threshold"]').first
    for _ in range(20):
        handle.press("ArrowRight")  # which takes the focus each time: a run of the page may put another in its place
    settled(page)
    page.wait_for_function(f"{DRAWN} > {before}")
    moved = page.evaluate(DRAWN)
    shorter = np.mean(norms < moved)
    assert rates(page)["test"][2].startswith(f"FPR {shorter:.1%} (")
    expect(page.get_by_role("spinbutton")).to_have_value(f"{100 * (1 - shorter):.1f}")
    # The run beside it keeps that share of its own.
    share = page.get_by_role("spinbutton").input_value()
    beside = lengths(demo_workspace, "digits")["test"]
    false = np.mean(-beside > threshold_at(-beside, float(share) / 100))
    assert rates(page, 1)["test"][2].startswith(f"FPR {false:.1%} (")
    # Another page has it too, and the threshold is still there after it.
    page.get_by_role("link", name="OOD scorers").click()
    page.get_by_role("tab", name="Detection").wait_for()
    settled(page)
    expect(page.get_by_role("spinbutton", name="Threshold keeps (%)")).to_have_value(share)
    page.get_by_role("link", name="Feature magnitude").click()
    page.get_by_role("tab", name=TABS[0]).wait_for()
    settled(page)
    assert page.evaluate(DRAWN) == moved
    # Its images are those of the moved threshold, of both runs.
    open_tab(page, TABS[0])
    longer = [np.sum(norms >= moved), np.sum(-beside <= threshold_at(-beside, float(share) / 100))]
    expect(page.get_by_text("Longer: ")).to_contain_text([f"Longer: {count:,} of 700" for count in longer])


@pytest.mark.parametrize("width", [1440, 400])
def test_figure_and_handle_have_the_same_ends(demo_app, open_page, width):
    page = opened(open_page, demo_app, width=width)
    ends = page.evaluate(ENDS)
    assert ends["track"] == pytest.approx(ends["axis"], abs=2)
    assert ends["limits"] == pytest.approx(ends["range"])
    page.get_by_role("button", name="photographs", exact=True).click()
    settled(page)
    page.wait_for_function("document.querySelector('.js-plotly-plot').data.length === 2")
    assert page.evaluate(ENDS)["range"] == ends["range"]


def test_another_norm_is_measured_and_drawn(magnitude_page, demo_workspace):
    page = magnitude_page
    page.get_by_text("L∞", exact=True).click()
    settled(page)
    expect(page.locator(".xtitle").first).to_have_text("Feature norm ‖z‖∞")
    norms = np.abs(demo_workspace["digits-l2"]["test"].features).max(axis=1).astype(np.float64)
    assert page.evaluate(DRAWN) == pytest.approx(-threshold_at(-norms))
    for kind, title in (("Density", "Density"), ("Cumulative", "Share of the set up to here")):
        page.get_by_text(kind, exact=True).first.click()
        settled(page)
        expect(page.locator(".ytitle").first).to_have_text(title)


def test_every_tab_shows_both_runs(magnitude_page):
    page = magnitude_page
    for name in TABS:
        open_tab(page, name)
        panel = page.get_by_role("tabpanel", name=name)
        for run in ("digits-l2", "digits"):
            panel.get_by_role("heading", name=run, exact=True).wait_for()
        assert errors(page) == []
        if name == TABS[0]:
            assert panel.get_by_test_id("stImage").locator("img").count() == 96
        elif name == TABS[1]:
            expect(panel.locator(".ytitle")).to_have_text(["Mean confidence", "Accuracy, with 95 % interval"] * 2)
        else:
            expect(panel.locator(".js-plotly-plot")).to_have_count(4)
            expect(panel.locator(".js-plotly-plot").nth(1).locator(".ytick")).to_have_count(7)


@pytest.mark.parametrize(("width", "dark"), [(1440, True), (400, False), (400, True)])
def test_nothing_is_cut_off(demo_app, open_page, width, dark):
    page = opened(open_page, demo_app, width=width, dark=dark)
    main = page.get_by_test_id("stMain")
    for name in TABS:
        open_tab(page, name)
        assert errors(page) == []
        assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    ground = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert (sum(int(c) for c in ground.strip("rgb()").split(",")) < 200) is dark
