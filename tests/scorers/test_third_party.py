"""A scorer from another package, found by its entry point."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = '''
from latentviz.scorers import Family, Needs, Scorer, ScorerInfo, register

@register
class Brightness(Scorer):
    """Samples with large first features."""

    info = ScorerInfo("brightness", "Brightness", Family.FEATURES, "z_1", Needs.FEATURES)

    def _score(self, latents):
        return latents.features[:, 0]
'''

USE = """
import numpy as np
from latentviz.latents import Latents
from latentviz.scorers import make, scorers
assert scorers()["brightness"].info.title == "Brightness"
print(make("brightness").score(Latents(np.full((2, 3), 5, np.float32), np.zeros((2, 2), np.float32))))
"""


def run(folder: Path, modules: dict[str, str], entries: str, use: str) -> subprocess.CompletedProcess[str]:
    """Run a script where a package is installed."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    about = folder / "bright-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bright\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[latentviz.scorers]\n{entries}\n")
    here = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), here])}
    return subprocess.run([sys.executable, "-c", use], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    ("entry", "decorator"), [("bright", "@register"), ("bright:Brightness", "@register"), ("bright:Brightness", "")]
)
def test_an_entry_point_adds_a_scorer(tmp_path, entry, decorator):
    done = run(tmp_path, {"bright": MODULE.replace("@register", decorator)}, f"bright = {entry}", USE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[5. 5.]"


SURVIVORS = """
import warnings
from latentviz.scorers import make, scorers
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for _ in range(2):
        assert "brightness" in scorers()
        assert type(make("msp")).__module__ == "latentviz.scorers.msp"
for one in said:
    print(one.message)
"""


def test_those_that_cannot_be_loaded_are_told_once_and_left_out(tmp_path):
    modules = {
        "bright": MODULE,
        "broken": "import a_package_that_is_not_there",
        "double": MODULE.replace('"brightness"', '"msp"').replace("Brightness(", "MaxSoftmax("),
        "other": "class Other: pass",
    }
    entries = "broken = broken\ndouble = double\nfine = bright\nmissing = bright:Missing\nother = other:Other"
    done = run(tmp_path, modules, entries, SURVIVORS)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 4
    for name, reason in (
        ("broken", "No module named 'a_package_that_is_not_there'"),
        ("double", 'Two scorers are called "msp": MaxSoftmax and MaxSoftmax (of latentviz.scorers.msp and double)'),
        ("missing", "has no attribute 'Missing'"),
        ("other", "has no attribute 'info'"),
    ):
        line = next(line for line in said if f'entry point "{name}"' in line)
        assert reason in line
