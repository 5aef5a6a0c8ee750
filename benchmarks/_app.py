"""A Streamlit server for the benchmarks, and pages of it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Page

LATENTVIZ = [str(Path(sys.executable).with_name("latentviz"))]
STREAMLIT = [sys.executable, "-m", "streamlit"]
PATIENCE = 400.0


class Server:
    """A server process and when it was started."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.started = time.perf_counter()
        self.process = psutil.Popen(list(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self) -> None:
        """Return as soon as it answers."""
        while True:
            try:
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if self.process.poll() is not None or self.seconds() > PATIENCE:
                    sys.exit(f"{' '.join(self.process.args)} did not start.")
                time.sleep(0.02)

    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.perf_counter() - self.started

    def loaded(self, part: str) -> list[str]:
        """Files mapped by its processes whose path contains ``part``."""
        tree = (self.process, *self.process.children(recursive=True))
        return sorted({entry.path for one in tree for entry in one.memory_maps() if part in entry.path})

    def stop(self) -> None:
        if (code := self.process.poll()) is not None:
            sys.exit(f"{' '.join(self.process.args)} ended by itself with {code}.")
        children = self.process.children(recursive=True)
        for one in (*children, self.process):
            try:
                one.terminate()
            except psutil.NoSuchProcess:
                continue
        for one in psutil.wait_procs([*children, self.process], timeout=10)[1]:
            one.kill()


@contextmanager
def latentviz_app(workspace: Path) -> Iterator[Server]:
    """``latentviz app`` on a free port."""
    port = free_port()
    with _running([*LATENTVIZ, "app", "-w", str(workspace), "--port", str(port), "--headless"], port) as server:
        yield server


@contextmanager
def streamlit_hello() -> Iterator[Server]:
    """``streamlit hello`` on a free port."""
    port = free_port()
    options = ["--server.headless", "true", "--server.port", str(port), "--browser.gatherUsageStats", "false"]
    with _running([*STREAMLIT, "hello", *options], port) as server:
        yield server


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[Server]:
    server = Server(command, port)
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def visit(page: Page, url: str, text: str) -> None:
    """Open a page; return when ``text`` is on it and nothing is running or still to come."""
    page.goto(url)
    settle(page, text)


def settle(page: Page, text: str, charts: bool = True) -> None:
    """Return when ``text`` is on the page, nothing is running, and (with ``charts``) nothing is still to come."""
    page.get_by_text(text, exact=True).first.wait_for(timeout=PATIENCE * 1000)
    page.wait_for_function(
        """charts => {
            const app = document.querySelector('[data-testid="stApp"]');
            return app?.getAttribute("data-test-script-state") === "notRunning"
                && !(charts && document.querySelector('[data-testid="stSkeleton"]'));
        }""",
        arg=charts,
        timeout=PATIENCE * 1000,
        polling=20,
    )
    error = page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]')
    if error.count():
        sys.exit(f"{page.url} shows an error: {error.first.inner_text()}")
