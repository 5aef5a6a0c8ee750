"""Start the Streamlit app on workspaces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

#: How the app is told what to show; it runs in a process of its own.
WORKSPACES = "LATENTVIZ_WORKSPACES"
DATA_ROOTS = "LATENTVIZ_DATA_ROOTS"


def home() -> Path:
    """Folder that holds ``app.py``, ``app_pages/`` and ``assets/``: inside an installed wheel, or the checkout."""
    packaged = Path(__file__).parent / "_app"
    return packaged if packaged.is_dir() else Path(__file__).parents[1]


def environment(workspaces: Sequence[Path], data_roots: Sequence[Path]) -> dict[str, str]:
    """Environment variables that tell the app what to show."""
    return {
        WORKSPACES: os.pathsep.join(str(path.expanduser().absolute()) for path in workspaces),
        DATA_ROOTS: os.pathsep.join(str(path.expanduser().absolute()) for path in data_roots),
    }


def paths(variable: str) -> list[Path]:
    """The folders that an environment variable lists."""
    return [Path(part) for part in os.environ.get(variable, "").split(os.pathsep) if part]


def serve(
    workspaces: Sequence[Path],
    data_roots: Sequence[Path],
    *,
    address: str = "localhost",
    port: int | None = None,
    headless: bool = False,
) -> int:
    """Run the app until it is stopped, on POSIX in the place of this process; elsewhere returns its exit code."""
    command = [sys.executable, "-m", "latentviz.app.server", str(home() / "asgi_app.py"), "--server.address", address]
    if port is not None:
        command += ["--server.port", str(port)]
    if headless:
        command += ["--server.headless", "true"]
    variables = {**os.environ, **environment(workspaces, data_roots)}
    if os.name == "posix":  # a child would outlive a SIGTERM to its parent, and keep its port
        sys.stdout.flush()
        os.execve(command[0], command, variables)
    try:
        return subprocess.call(command, env=variables)
    except KeyboardInterrupt:
        return 0
