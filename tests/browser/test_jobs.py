"""From folders to a run in the browser: check, start, close the tab, cancel, kill, resume."""

import signal

import pytest
from playwright.sync_api import expect

from latentviz import Workspace
from latentviz.jobs import jobs
from latentviz.launch import home
from tests.browser.conftest import choose, errors, settled, signal_all


@pytest.fixture
def empty_app(serve, demo, tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    return serve(workspace.path, *roots(demo)), workspace


def roots(demo):
    return demo / "images", home() / "assets" / "models"


def fill_in(page, weights="digits-resnet20-linear", folders=("images/train", "images/test")):
    page.get_by_text("2 · Image sets").wait_for()
    settled(page)
    choose(page, "Weights", weights)
    for folder in folders:
        choose(page, "Image folders", folder)
    page.keyboard.press("Escape")
    page.get_by_text("Preprocessing, usually: RGB").click()
    page.get_by_text("grey", exact=True).first.click()
    expect(page.get_by_role("textbox", name="Mean")).to_have_value("")
    for name, value in (("Mean", "0.1307"), ("Std", "0.3081"), ("Resize", "")):
        page.get_by_role("textbox", name=name).fill(value)
        page.keyboard.press("Enter")
        settled(page)


def check(page):
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_role("button", name="Start the extraction").wait_for()
    settled(page)


def test_from_folders_to_a_run_that_survives_closing_the_tab(empty_app, open_page, wait_until):
    address, workspace = empty_app
    page = open_page(f"{address}/add_run")
    fill_in(page)
    check(page)
    assert errors(page) == []
    assert page.get_by_text("2,800 images in 7 classes · 7 of the model's 7 classes matched").count() == 1
    assert page.get_by_text("last layer linear").count() == 1
    page.get_by_text("Preprocessing: grey → scale to 0–1 → mean 0.1307 → std 0.3081", exact=True).wait_for()
    page.get_by_role("button", name="Start the extraction").click()
    wait_until(lambda: len(jobs(workspace.path)) == 1)
    page.goto("about:blank")
    job = jobs(workspace.path)[0]
    wait_until(lambda: not job.active)
    assert job.state.status == "done"
    run = workspace[job.state.message]
    assert run.complete
    assert run["test"].table()["correct"].mean() > 0.98
    page = open_page(f"{address}/?run={run.name}")
    page.get_by_role("heading", name=run.name).wait_for()


def test_a_wrong_choice_is_told_before_anything_starts(empty_app, open_page):
    address, _ = empty_app
    page = open_page(f"{address}/add_run")
    fill_in(page, folders=("images/train", "images/unseen-digits"))
    check(page)
    assert page.get_by_role("button", name="Start the extraction").is_enabled()
    # The same folder as held-out data has classes that the model does not know.
    page.get_by_role("textbox", name="Class names, in the order of the outputs").fill("0,1,2,3,4,5,x")
    page.keyboard.press("Tab")
    settled(page)
    check(page)
    page.get_by_text('1 class of "train" is not among the model\'s: 6').wait_for()
    assert page.get_by_role("button", name="Start the extraction").is_disabled()


def test_a_changed_name_stays_when_another_folder_is_added(empty_app, open_page):
    address, _ = empty_app
    page = open_page(f"{address}/add_run")
    fill_in(page, folders=("images/train",))
    # The table is a canvas: two clicks open the first cell below the header, the keys go on to the name beside it.
    table, editor = page.get_by_test_id("stDataFrame"), page.locator(".gdg-input")
    table.click(position={"x": 20, "y": 52})
    table.dblclick(position={"x": 20, "y": 52})
    editor.wait_for()
    page.keyboard.press("Escape")
    editor.wait_for(state="detached")
    page.keyboard.press("ArrowRight")
    page.locator('[data-testid="glide-cell-1-0"][aria-selected="true"]').wait_for(state="attached")
    page.keyboard.press("Enter")
    editor.fill("Training Digits")
    page.keyboard.press("Enter")
    settled(page)
    choose(page, "Image folders", "images/test-blur")
    page.keyboard.press("Escape")
    check(page)
    page.get_by_text("Training Digits · fit · 2,800 images").wait_for()
    page.get_by_text("test-blur · ind · 700 images").wait_for()


def test_cancel_kill_restart_and_resume(empty_app, serve, demo, open_page, wait_until):
    address, workspace = empty_app
    page = open_page(f"{address}/add_run")
    fill_in(page, folders=("images/train", "images/test", "images/other-writers"))
    check(page)
    page.get_by_role("button", name="Start the extraction").click()
    wait_until(lambda: len(jobs(workspace.path)) == 1)
    (job,) = jobs(workspace.path)
    wait_until(lambda: job.state.status == "running")
    # It must not be done before the page has shown it.
    signal_all(job, signal.SIGSTOP)
    page.get_by_role("button", name="Cancel").first.click()
    signal_all(job, signal.SIGCONT)
    wait_until(lambda: job.state.status == "cancelled")
    page.get_by_text("cancelled, started").wait_for()
    page.get_by_role("button", name="Resume").click()
    wait_until(lambda: job.state.status == "running" and job.state.done > 0)
    signal_all(job, signal.SIGKILL)
    # The computer was switched off: the app, started again, shows the job as interrupted and can go on with it.
    page.goto("about:blank")
    serve.stop(address)
    page = open_page(f"{serve(workspace.path, *roots(demo))}/add_run")
    page.get_by_text("interrupted, started").wait_for()
    page.get_by_role("button", name="Resume").click()
    wait_until(lambda: job.state.status not in ("interrupted", "waiting", "running"))
    assert job.state.status == "done", job.state.message
    assert workspace[job.state.message].complete
