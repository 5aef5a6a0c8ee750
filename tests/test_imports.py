"""Which part of the project may use which: the rules of the design, and what must not be loaded at start."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "latentviz").rglob("*.py"), *(ROOT / "app_pages").glob("*.py"), ROOT / "app.py"])

#: What everything stands on.
GROUND = {"compiling", "errors", "interrupts", "latents", "lazy", "progress", "thumbnails"}
STORE = GROUND | {"workspace"}
NUMBERS = STORE | {"projection", "scorers", "geometry", "clustering", "evaluation"}
EVERYTHING = NUMBERS | {
    "datasets",
    "models",
    "extraction",
    "training",
    "jobs",
    "importing",
    "demo",
    "sar_demo",
    "launch",
}

#: Modules of the command line that hold commands.
_COMMANDS = ("comparing", "corruptions", "coverage", "maps", "scoring", "training", "transfer")

#: Part of ``latentviz`` → the parts that it may import, itself aside.
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "workspace": GROUND,
    "launch": set(),
    "datasets": GROUND,
    "models": GROUND | {"datasets"},
    "extraction": STORE | {"datasets", "models"},
    "training": STORE | {"datasets", "models", "extraction"},
    "importing": STORE | {"datasets"},
    "jobs": STORE,
    "projection": STORE,
    "scorers": GROUND,
    "geometry": GROUND,
    "clustering": GROUND,
    "evaluation": STORE | {"projection", "scorers", "geometry", "clustering"},
    "figures": NUMBERS,
    "app": EVERYTHING | {"figures"},
    "demo": STORE | {"datasets", "models", "extraction", "training", "jobs", "launch", "sar_demo"},
    "sar_demo": NUMBERS | {"datasets", "extraction", "training", "jobs"},
    "cli": EVERYTHING | {f"cli_{name}" for name in ("common", "options", "parsing", *_COMMANDS)},
    "cli_common": set(),
    "cli_options": set(),
    "cli_parsing": STORE | {"datasets"},
    "cli_comparing": NUMBERS | {"extraction", "cli_common", "cli_parsing"},
    "cli_corruptions": NUMBERS | {"datasets", "extraction", "cli_common", "cli_parsing"},
    "cli_coverage": NUMBERS | {"extraction", "cli_common"},
    "cli_maps": NUMBERS | {"cli_common"},
    "cli_scoring": NUMBERS | {"cli_common"},
    "cli_training": EVERYTHING | {"figures", "cli_common", "cli_options", "cli_parsing"},
    "cli_transfer": EVERYTHING | {"cli_common", "cli_options", "cli_parsing"},
    "__init__": EVERYTHING,
}


def part(path: Path) -> str:
    """``latentviz/models/onnx.py`` is of the part "models", ``app_pages/overview.py`` of "pages"."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "latentviz" else "pages"


def imported(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    here = part(path)
    for name in imported(path):
        top, _, rest = name.partition(".")
        used = rest.split(".")[0]
        if top == "streamlit":
            assert here in ("app", "pages"), f"{name}: only the app knows Streamlit"
        if top == "plotly":
            assert here == "figures", f"{name}: only figures know Plotly"
        if top == "latentviz" and here != "pages" and used not in ("", here, "__version__"):
            assert here in MAY_IMPORT, f"add {here} to the rules above"
            assert used in MAY_IMPORT[here], f"{here} must not import {name}"
        if top == "latentviz" and here == "pages":
            assert used not in ("cli", "cli_maps", "cli_scoring", "jobs"), f"a page must not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_runs_what_a_file_contains(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in ("eval", "exec", "pickle.load", "pickle.loads", "os.system"), ast.unparse(node)
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert options.get("allow_pickle", "False") == "False", ast.unparse(node)
        assert options.get("shell", "False") == "False", ast.unparse(node)
        if called == "torch.load":
            assert options.get("weights_only") == "True", ast.unparse(node)


@pytest.mark.parametrize(
    "modules",
    [
        [
            "latentviz",
            "latentviz.workspace",
            "latentviz.jobs",
            "latentviz.cli",
            "latentviz.demo",
            "latentviz.sar_demo",
            "latentviz.importing",
        ],
        sorted(f"latentviz.app.{path.stem}" for path in (ROOT / "latentviz" / "app").glob("[a-z]*.py")),
    ],
    ids=["library", "app"],
)
def test_what_is_slow_is_not_loaded_at_start(modules):
    slow = {"torch", "torchvision", "umap", "numba", "faiss", "sklearn", "onnxruntime", "scipy.optimize"}
    look = f"import sys, {', '.join(modules)}; print(*sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
