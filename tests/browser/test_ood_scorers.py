"""OOD scorers: what is toggled changes the picture, and the numbers are the library's."""

import io
import shutil

import pandas as pd
import pytest
from playwright.sync_api import expect

from latentviz import Workspace
from latentviz.evaluation.detection import auroc
from latentviz.evaluation.scores import Asked, scores
from tests.browser.conftest import choose, errors, settled


@pytest.fixture
def own_workspace(demo, tmp_path):
    """A copy of the demo's run in which nothing is computed yet."""
    left_out = shutil.ignore_patterns("derived", "digits-l2", "jobs")
    shutil.copytree(demo / "workspace", tmp_path / "workspace", ignore=left_out)
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def scorers_page(demo_app, open_page):
    return opened(open_page, demo_app)


def opened(open_page, address, **how):
    page = open_page(f"{address}/ood_scorers?run=digits", **how)
    page.get_by_role("tab", name="Detection").wait_for()
    settled(page)
    return page


def tab(page, name):
    page.get_by_role("tab", name=name).click()
    settled(page)


def toggle(page, scorer):
    page.get_by_role("button", name=scorer, exact=True).click()
    settled(page)


def lower_k(page):
    """One step from k-NN's default of 50."""
    page.get_by_text("Parameters", exact=True).click()
    page.locator('input[aria-label="k"]').focus()
    page.keyboard.press("ArrowLeft")
    settled(page)


def downloaded(page) -> pd.DataFrame:
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    return pd.read_csv(io.BytesIO(download.value.path().read_bytes()))


def written(workspace) -> dict[str, int]:
    """Scores and fitted scorers that are stored, and when each was written."""
    folder = workspace["digits"].folder / "derived"
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for kind in ("scores", "scorers")
        for path in folder.glob(f"{kind}/*/meta.json")
    }


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
    toggle(scorers_page, "pNML")
    assert set(downloaded(scorers_page)["scorer"]) == {*before, "pnml"}
    toggle(scorers_page, "pNML")
    assert downloaded(scorers_page)["scorer"].unique().tolist() == before


def test_a_parameter_computes_that_scorer_only_and_it_stays_in_view(serve, own_workspace, open_page):
    page = opened(open_page, serve(own_workspace.path))
    before = written(own_workspace)
    tab(page, "Scores")
    choose(page, "Scorer", "k-NN")
    page.get_by_text("OOD score: k-NN", exact=True).wait_for()
    lower_k(page)
    page.get_by_text("OOD score: k-NN (k=20)", exact=True).wait_for()
    after = written(own_workspace)
    assert {key: after[key] for key in before} == before
    new = [own_workspace["digits"].derived.meta(key.removesuffix("/meta.json")) for key in after.keys() - before.keys()]
    assert {meta["scorer"] for meta in new} == {"knn(k=20)"}
    toggle(page, "pNML")
    page.get_by_text("OOD score: k-NN (k=20)", exact=True).wait_for()
    page.get_by_role("button", name="Defaults").click()
    settled(page)
    page.get_by_text("OOD score: k-NN", exact=True).wait_for()


def test_every_tab_has_its_figures(scorers_page):
    page, axis = scorers_page, scorers_page.locator(".ytitle")
    tab(page, "Scores")
    for kind, title in (
        ("Histogram", "Share of the set a bin"),
        ("Density", "Density"),
        ("Cumulative", "Share of the set up to here"),
    ):
        page.get_by_text(kind, exact=True).first.click()
        settled(page)
        expect(axis).to_have_text(title)
    page.get_by_text("Called OOD", exact=True).wait_for()
    tab(page, "Curves")
    expect(axis).to_have_text(["True positives (OOD called OOD)", "Precision"])
    tab(page, "Images")
    page.get_by_text("Most out-of-distribution").wait_for()
    assert page.get_by_test_id("stImage").locator("img").count() == 48
    tab(page, "Agreement")
    page.get_by_text("Spearman's rank correlation").wait_for()
    tab(page, "About the scorers")
    page.get_by_text("Energy-based Out-of-distribution Detection").wait_for()
    page.get_by_text("runs in").first.wait_for()


def test_choices_survive_other_tabs_and_pages(scorers_page):
    page = scorers_page
    page.get_by_text("FPR95", exact=True).click()
    settled(page)
    tab(page, "Scores")
    choose(page, "Scorer", "ViM")
    page.get_by_text("Cumulative", exact=True).click()
    settled(page)
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("heading", name="digits").wait_for()
    settled(page)
    page.get_by_role("link", name="OOD scorers").click()
    page.get_by_role("tab", name="Detection").wait_for()
    settled(page)
    tab(page, "Detection")
    page.get_by_text("FPR95", exact=True).and_(page.locator("strong")).wait_for()
    tab(page, "Scores")
    page.get_by_text("OOD score: ViM", exact=True).wait_for()
    expect(page.locator(".ytitle")).to_have_text("Share of the set up to here")


def test_the_threshold_keeps_what_it_says(scorers_page):
    tab(scorers_page, "Scores")
    scorers_page.get_by_text("5.0%").first.wait_for()
    box = scorers_page.get_by_role("spinbutton", name="Threshold keeps (%)")
    box.fill("80")
    box.press("Enter")
    settled(scorers_page)
    scorers_page.get_by_text("are called OOD wrongly").wait_for()
    assert "20.0%" in scorers_page.get_by_text("are called OOD wrongly").inner_text()


def test_two_scorers_are_compared_on_the_same_samples(scorers_page):
    scorers_page.get_by_text("Compare two scorers on the same samples").click()
    settled(scorers_page)
    choose(scorers_page, "First", "Mahalanobis")
    choose(scorers_page, "Second", "Energy")
    table = scorers_page.get_by_role("table").filter(has_text="first − second")
    photographs = table.get_by_role("row").filter(has_text="photographs")
    assert "Mahalanobis" in photographs.inner_text()


@pytest.mark.parametrize(("width", "dark"), [(1440, True), (400, False), (400, True)])
def test_nothing_is_cut_off(demo_app, open_page, width, dark):
    page = opened(open_page, demo_app, width=width, dark=dark)
    for name in ("Detection", "Scores", "Curves", "Images", "Agreement", "About the scorers"):
        tab(page, name)
        assert errors(page) == []
        main = page.get_by_test_id("stMain")
        assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    ground = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert (sum(int(c) for c in ground.strip("rgb()").split(",")) < 200) is dark
