"""Run the map's JavaScript without a browser."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from latentviz.app import scatter

STATIC = Path(scatter.__file__).parent / "static"


@pytest.fixture
def javascript(tmp_path: Path) -> Callable[..., Any]:
    """``javascript("camera.js", code, name=value, …)``: what the code returns, with the file's exports in ``m``.

    The code may wait (``await``); ``also={"shapes_js": "shapes.js"}`` gives it another file's exports.
    """
    if shutil.which("node") is None:
        if os.environ.get("CI"):
            pytest.fail("The map's JavaScript is tested with node; install it (Debian: nodejs).")
        pytest.skip("needs node")

    def run(file: str, code: str, also: Mapping[str, str] | None = None, **given: object) -> Any:
        files = {"m": file, **(also or {})}
        script = tmp_path / "script.mjs"
        script.write_text(
            "".join(f'import * as {name} from "{STATIC / path}";\n' for name, path in files.items())
            + f"const {{ {', '.join(given)} }} = {json.dumps(given)};\n"
            f"console.log(JSON.stringify(await (async () => {{ {code} }})()));\n"
        )
        answer = subprocess.run(["node", str(script)], capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run
