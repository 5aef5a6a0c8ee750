"""The real app in a real browser: a server on the demo workspace and a headless Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from latentviz import Workspace
from latentviz.launch import home

# WebGL in software, and no connections of the browser's own.
ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

WAIT = 60_000

# Notes that the page asked the server for a run of the script, until Streamlit reports one.
# 0x5a is the tag of `rerun_script` in Streamlit's BackMsg.
WATCH_REQUESTS = """
    window.requested = false;
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (message) {
        window.requested ||= new Uint8Array(message)[0] === 0x5a;
        return send.call(this, message);
    };
    new MutationObserver(() => { window.requested = false; })
        .observe(document, {subtree: true, attributeFilter: ['data-test-script-state']});
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        reason = f"no browser is installed ({', '.join(NAMES)})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def serve(wait_until: Callable) -> Iterator[Callable[..., str]]:
    """Start the app: ``serve(workspace, root, …)`` gives its address."""
    servers: list[subprocess.Popen] = []

    def start(workspace: Path, *roots: Path) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = [part for root in roots for part in ("--data-root", str(root))]
        command = [
            sys.executable,
            "-m",
            "latentviz.cli",
            "app",
            "-w",
            str(workspace),
            "--port",
            str(port),
            "--headless",
        ]
        servers.append(subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, start_new_session=True))
        address = f"http://localhost:{port}"
        wait_until(lambda: _answers(f"{address}/_stcore/health"))
        return address

    yield start
    for server in servers:
        os.killpg(server.pid, 15)
        server.wait()


def _answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def demo_app(serve: Callable[..., str], demo: Path) -> str:
    """Address of the app on the demo workspace."""
    return serve(demo / "workspace", demo / "images", home() / "assets" / "models")


@pytest.fixture(scope="session")
def demo_workspace(demo: Path) -> Workspace:
    return Workspace(demo / "workspace")


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser of its own: ``open_page(address, width=400, dark=True)``.

    ``LATENTVIZ_SCREENSHOTS`` names a folder that gets a picture of every page at the end of its test.
    Afterwards: the page must not have shown an exception, logged an error or left this machine.
    """
    opened: list[tuple[Page, list[str]]] = []

    def start(address: str, width: int = 1440, height: int = 1000, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        context.add_init_script(WATCH_REQUESTS)
        page, problems = context.new_page(), []
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: problems.append(f"error in the page: {error}"))
        page.on("request", lambda r: None if _local(r.url) else problems.append(f"request to {r.url}"))
        opened.append((page, problems))
        page.goto(address)
        return page

    yield start
    for number, (page, problems) in enumerate(opened):
        if folder := os.environ.get("LATENTVIZ_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{request.node.name}-{number}.png")
        exceptions = page.locator('[data-testid="stException"]').all_inner_texts()
        page.context.close()
        assert not exceptions
        assert not problems


def _local(url: str) -> bool:
    return url.startswith(("http://localhost", "http://127.0.0.1", "ws://localhost", "blob:", "data:"))


def settled(page: Page) -> None:
    """Wait until every run that the page asked for has ended, and none has begun for a moment."""
    page.evaluate("window.idleSince = null")
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid="stApp"]');
            const idle = !window.requested && app?.dataset.testScriptState === 'notRunning'
                && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"]');
            window.idleSince = idle ? (window.idleSince ?? performance.now()) : null;
            return idle && performance.now() - window.idleSince > 400;
        }""",
        polling=20,
    )


def errors(page: Page) -> list[str]:
    """The sentences in red."""
    return page.locator('[data-testid="stAlertContentError"]').all_inner_texts()


def choose(page: Page, label: str, text: str) -> None:
    """Pick an entry of a select box by typing."""
    box = page.get_by_label(label, exact=True).first
    box.click()
    box.fill(text)
    page.get_by_role("option").filter(has_text=text).first.click()
    settled(page)
