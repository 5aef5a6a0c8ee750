"""A scorer from another package, found by its entry point."""

import os
import subprocess
import sys
from pathlib import Path

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


def test_an_entry_point_adds_a_scorer(tmp_path):
    (tmp_path / "bright.py").write_text(MODULE)
    about = tmp_path / "bright-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bright\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[latentviz.scorers]\nbright = bright\n")
    here = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), here])}
    done = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[5. 5.]"
