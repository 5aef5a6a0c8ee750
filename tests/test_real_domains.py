"""Real radar chips: the 291 simulated and measured pairs under a network that was trained on measured ones."""

import pytest

import latentviz as lv
from latentviz import ModelSpec, extract, folder
from latentviz.datasets.pairing import by_name
from latentviz.evaluation.domain_statistics import statistics
from latentviz.evaluation.domains import ALL, Domains, pair_table
from latentviz.evaluation.read_outs import read_outs
from latentviz.evaluation.selective import error_auroc
from latentviz.progress import silent
from latentviz.training.presets import preset
from tests.conftest import torch_with_one_thread
from tests.test_app import on_map, shown, words

CLASSES = ["2s1", "bmp2", "brdm2", "btr70", "btr60", "d7", "t62", "t72", "zil131", "zsu23"]


@pytest.fixture(scope="module")
def run(shared, tmp_path_factory) -> lv.Run:
    sar = shared / "sar"
    sets = {"train": folder(sar / "mstar" / "train_17deg", "fit"), "test": folder(sar / "mstar" / "test_15deg", "ind")}
    sets |= {side: folder(sar / "pairs" / side, "shifted") for side in ("simulated", "measured")}
    with torch_with_one_thread():
        return extract(
            ModelSpec(onnx=shared / "models" / "mstar" / "smallcnn.onnx"),
            sets,
            workspace=lv.Workspace(tmp_path_factory.mktemp("pairs")),
            name="mstar",
            preprocessing=preset("sar").preprocessing,
            classes=CLASSES,
            progress=silent,
        )


@pytest.fixture(scope="module")
def domains(run) -> Domains:
    pairs = by_name(run["simulated"].index, run["measured"].index).pairs
    return Domains(run, "simulated", "measured", pairs, home="other")


def test_every_pair_is_drawn_and_the_note_is_there(run, monkeypatch):
    app = shown(lv.Workspace(run.folder.parents[1]), "simulated_against_measured", monkeypatch)
    assert len(on_map(app)[0]["paths"]) == 291
    assert "291 pairs by name." in words(app)
    assert any("matched by similarity" in warning.value for warning in app.warning)
    assert {one.label: one.value for one in app.metric}["Accuracy, measured"] == "98.6%"


def test_simulated_chips_are_another_domain(domains):
    table = statistics(domains).set_index("class")
    assert list(table.index) == [ALL, "2s1", "bmp2", "btr70", "t72", "zsu23"]
    assert (table["auc"] > 0.9).all()
    assert (table["mmd_p"] <= 0.01).all()
    assert (table["hp_p"] <= 0.01).all()
    assert (table["mixing"] < 0.6).all()


def test_far_pairs_are_wrong_ones(domains):
    table = pair_table(domains)
    found = error_auroc(table["distance"], table["correct_one"].astype(bool))
    assert found.n == 291
    assert found.low > 0.8


def test_removing_the_common_shift_helps_the_head(domains):
    table = read_outs(domains).set_index(["read_out", "without"])["accuracy"]
    assert table["network", "nothing"] == pytest.approx(0.385, abs=0.01)
    assert table["network", "coral"] > table["network", "nothing"] + 0.05
