"""Radar chips: a small network learns them in a few epochs, and a run is made of them."""

import pytest

import latentviz as lv
from latentviz.evaluation.accuracy import share_right
from latentviz.progress import silent
from latentviz.training import Recipe, TrainingRequest, train
from latentviz.training.presets import preset
from latentviz.training.state import FOLDER, state_of

pytestmark = pytest.mark.usefixtures("one_thread")


def test_radar_chips_are_learnt(shared, tmp_path):
    folder, kind = shared / "sar" / "mstar", preset("sar")
    sets = [
        {"name": "train", "role": "fit", "source": str(folder / "train_17deg")},
        {"name": "test", "role": "ind", "source": str(folder / "test_15deg")},
        {"name": "slicy", "role": "ood", "source": str(folder / "confuser_slicy")},
    ]
    recipe = Recipe(
        architecture="cnn4", epochs=6, batch=32, schedule="cosine", warmup=1, augmentation=kind.augmentation
    )
    request = TrainingRequest(
        family="mstar", recipe=recipe, heads=["linear"], checkpoints=1, sets=sets, preprocessing=kind.preprocessing
    )
    (run,) = train(lv.Workspace(tmp_path), request, progress=silent)
    assert {s.name: len(s) for s in run} == {"train": 2747, "test": 2425, "slicy": 360}
    (state,) = [state_of(tmp_path / FOLDER / "mstar-linear-s0")]
    assert state.history[-1].loss < 0.5 * state.history[0].loss
    # Of ten classes, after six epochs; sixty reach 0.98 (see the changelog of the recipe in methods).
    assert share_right(run["test"]) > 0.8
    assert share_right(run["test"]) == pytest.approx(state.history[-1].test_accuracy, abs=2 / 2425)
