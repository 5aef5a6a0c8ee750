"""The real app in a real browser: a server on the demo workspace and a headless Chromium."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from benchmarks import _browser
from latentviz import Run, Workspace, projection
from latentviz.app import cached
from latentviz.jobs import Job
from latentviz.launch import home
from latentviz.projection import LayoutSpec
from tests.browser import _map
from tests.browser._map import settled

WAIT = 60_000

expect.set_options(timeout=WAIT)

# Opened at the address of a page, Streamlit looks for its server below that address first.
HARMLESS = ("/_stcore/",)

# Notes when the page asked the server for a run of the script, until Streamlit reports one: never, if it takes but a
# few milliseconds. 0x5a is the tag of `rerun_script` in Streamlit's BackMsg.
WATCH_REQUESTS = """
    window.requested = -Infinity;
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (message) {
        if (new Uint8Array(message)[0] === 0x5a) window.requested = performance.now();
        return send.call(this, message);
    };
    new MutationObserver(() => { window.requested = -Infinity; })
        .observe(document, {subtree: true, attributeFilter: ['data-test-script-state']});
"""

# Streamlit mounts the latent map in a shadow root, which scripts of the page do not search by themselves.
FIND_MAP = """
    window.latentMap = () => {
        const roots = [document, ...[...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean)];
        return roots.map((root) => root.querySelector('.latentviz-map')).find(Boolean);
    };
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if _browser.installed() is None:
        if os.environ.get("CI"):
            pytest.fail(_browser.MISSING)
        pytest.skip(_browser.MISSING)
    with _browser.browser() as launched:
        yield launched


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port that nobody listens on."""

    def find() -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]

    return find


@pytest.fixture(scope="session")
def serve(wait_until: Callable, free_port: Callable[[], int]) -> Iterator[Callable[..., str]]:
    """Start the app: ``serve(workspace, root, …)`` gives its address; ``serve.stop(address)`` ends it at once,
    ``serve.pid(address)`` is its process."""
    servers: dict[str, subprocess.Popen] = {}

    def start(workspace: Path, *roots: Path) -> str:
        port = free_port()
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
        address = f"http://localhost:{port}"
        servers[address] = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: answers(f"{address}/_stcore/health"))
        return address

    def stop(address: str) -> None:
        server = servers.pop(address)
        os.killpg(server.pid, 15)
        server.wait()

    start.stop = stop
    start.pid = lambda address: servers[address].pid
    yield start
    for address in list(servers):
        stop(address)


def answers(address: str) -> bool:
    """Whether a server is there."""
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


@pytest.fixture(scope="session")
def laid_out(demo_app: str, demo_workspace: Workspace) -> str:
    """Address of the app on the demo workspace, whose maps are stored: no job disturbs the page."""
    for run in demo_workspace:
        for method in ("umap", "pca"):
            layout = projection.compute(run, LayoutSpec(method=method, sets=tuple(run.sets)))
            projection.quality_of(run, layout)
    return demo_app


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two runs of 345 samples in four clusters, "clusters" and "others", whose maps are stored."""
    workspace = Workspace(tmp_path_factory.mktemp("clusters"))
    _map.make_clusters(workspace)
    _map.make_clusters(workspace, "others", seed=1)
    return workspace


@pytest.fixture(scope="session")
def clusters_app(serve: Callable[..., str], clusters: Workspace) -> str:
    """Address of the map of the run "clusters"."""
    return f"{serve(clusters.path)}/latent_map?run=clusters"


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser of its own: ``open_page(address, width=400, dark=True)``.

    ``script`` runs before those of the page; ``offline`` leaves only files to be opened; ``ratio`` are the pixels of
    the screen per CSS pixel.

    ``LATENTVIZ_SCREENSHOTS`` names a folder that gets a picture of every page at the end of its test.
    Afterwards: the page must not show an unexpected error, have logged one or have left this machine.
    """
    opened: list[tuple[Page, list[str]]] = []

    def start(
        address: str,
        width: int = 1440,
        height: int = 1000,
        dark: bool = False,
        script: str = "",
        offline: bool = False,
        ratio: float = 1,
        touch: bool = False,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
            offline=offline,
            device_scale_factor=ratio,
            has_touch=touch,
        )
        context.add_init_script(WATCH_REQUESTS + FIND_MAP + script)
        page, problems = context.new_page(), []
        page.set_default_timeout(WAIT)
        page.on("console", lambda message: problems.extend(_errors_in(message)))
        page.on("pageerror", lambda error: problems.append(f"error in the page: {error}"))
        page.on("request", lambda r: None if _local(r.url) else problems.append(f"request to {r.url}"))
        opened.append((page, problems))
        page.goto(address)
        return page

    yield start
    for number, (page, problems) in enumerate(opened):
        if folder := os.environ.get("LATENTVIZ_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{request.node.name}-{number}.png")
        unexpected = page.locator('[data-testid="stException"]').all_inner_texts()
        unexpected += [sentence for sentence in errors(page) if "Something unexpected happened" in sentence]
        page.context.close()
        assert not unexpected
        assert not problems


@pytest.fixture(scope="session")
def run(clusters: Workspace) -> Run:
    """The run "clusters"."""
    return clusters["clusters"]


@pytest.fixture(scope="session")
def points(run: Run) -> pd.DataFrame:
    """Its samples, in the order of the map's."""
    return cached.points(run, tuple(run.sets))


@pytest.fixture
def on_map(clusters_app: str, open_page: Callable[..., Page]) -> _map.Map:
    """Its map in a browser."""
    return _map.Map.opened(open_page, clusters_app)


def _errors_in(message: ConsoleMessage) -> list[str]:
    text = f"{message.text} ({message.location['url']})"
    return [] if message.type != "error" or any(known in text for known in HARMLESS) else [text]


def _local(url: str) -> bool:
    return url.startswith(("http://localhost", "http://127.0.0.1", "ws://localhost", "blob:", "data:", "file:"))


def signal_all(job: Job, number: int) -> None:
    """Send a signal to a job's process and the processes it started."""
    os.killpg(int((job.folder / "pid").read_text()), number)


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
