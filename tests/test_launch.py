"""The app as a process: it answers until it is told to stop, and then its port is free."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import ModuleType

import pytest

from latentviz.launch import DATA_ROOTS, WORKSPACES, environment

CHECKOUT = Path(__file__).parents[1]


def answers(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5).status == 200
    except OSError:
        return False


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server(tmp_path, wait_until, number):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "latentviz.cli", "app", "-w", str(tmp_path / "w"), "--port", str(port)]
    started = subprocess.Popen(
        [*command, "--headless"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_until(lambda: answers(port))
        started.send_signal(number)
        assert started.wait(60) == 0
        assert "Traceback" not in started.stderr.read()
        assert not answers(port)
    finally:
        if started.poll() is None or answers(port):
            os.killpg(started.pid, signal.SIGKILL)


def test_the_app_is_told_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = environment([tmp_path / "a", tmp_path.relative_to(tmp_path) / "b"], [])
    assert told == {WORKSPACES: os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]), DATA_ROOTS: ""}


def test_a_wheel_holds_the_app(tmp_path, monkeypatch):
    """Put together as the build does it, without installing a build tool."""
    hatchling = ModuleType("hatchling.builders.hooks.plugin.interface")
    hatchling.BuildHookInterface = object
    monkeypatch.setitem(sys.modules, hatchling.__name__, hatchling)
    spec = importlib.util.spec_from_file_location("hatch_build", CHECKOUT / "hatch_build.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    build: dict = {"force_include": {}}
    hook.AppInWheel().initialize("standard", build)
    shutil.copytree(CHECKOUT / "latentviz", tmp_path / "latentviz")
    for source, target in build["force_include"].items():
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (CHECKOUT / source).is_dir() else shutil.copy
        copy(CHECKOUT / source, tmp_path / target)
    told = subprocess.run(
        [sys.executable, "-c", "from latentviz import demo, launch; print(launch.home(), demo.weights('l2'))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    inside = tmp_path / "latentviz" / "_app"
    assert told.stdout.split() == [str(inside), str(inside / "assets" / "models" / "digits-resnet20-l2.safetensors")]
    for name in ("app.py", "asgi_app.py", "app_pages", ".streamlit"):
        assert files(inside / name) == files(CHECKOUT / name)
    assert files(tmp_path / "latentviz" / "app" / "scatter" / "static")
    build["force_include"].clear()
    hook.AppInWheel().initialize("editable", build)
    assert build["force_include"] == {}


def files(path: Path) -> dict[str, bytes]:
    """Content of a file, or of all files of a folder."""
    found = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file() and p.suffix != ".pyc"]
    return {str(p.relative_to(path.parent)): p.read_bytes() for p in found}


def test_streamlit_is_loaded_before_another_thread_needs_it():
    """Its modules import each other: loaded by two threads at once, they now and then end in a deadlock."""
    script = """if True:
        import sys, threading
        def start(thread):
            print("streamlit.web.cli" in sys.modules)
            raise SystemExit
        threading.Thread.start = start
        from latentviz.app import server
        server.main()
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True"], done.stderr
