"""`latentviz sar-experiment`, `sar-demo` and `pairs`."""

import pandas as pd
import pytest

import latentviz as lv
from latentviz.sar_demo import WORKSPACE
from tests.paired import paired_run
from tests.training.test_transfer import images

__all__ = ["images"]

pytestmark = pytest.mark.usefixtures("one_thread")


def test_an_experiment(call, images, tmp_path):
    workspace, report = tmp_path / "ws", tmp_path / "report.md"
    asked = ["sar-experiment", "-w", workspace, "--fit", images / "simulated", "--test", f"measured={images}/measured"]
    asked += ["--test", f"far={images}/far", "--rename", "ring-b=ring", "--arch", "cnn3", "--epochs", 2]
    asked += ["--instances", 2, "--batch", 16, "--scorer", "knn:k=5", "--level", 90, "--preset", "sar-rendered"]
    code, output, said = call(*asked, "--held-out", 0.2, "-o", report)
    assert code == 0
    assert "2 networks, k-NN: mean (least – largest)" in output
    assert "measured-out-of-task" in output
    assert "Over 4 dots (2 shifted sets, 2 models)" in said
    assert "page Simulated against measured" in said
    assert "| held-out | ind | 18 |" in report.read_text()
    assert lv.Workspace(workspace).names() == ["simulated-cnn3-linear-s0-e2", "simulated-cnn3-linear-s1-e2"]
    table = tmp_path / "rows.csv"
    code, _, _ = call(*asked, "--held-out", 0.2, "-o", table)  # nothing is trained again
    assert code == 0
    assert len(pd.read_csv(table)) == 2 * 4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--level", 100], "--level is 100"),
        (["--held-out", "1"], "held-out share is 1"),
        (["--scorer", "nothing"], "nothing"),
        (["--share", "0.5"], "a share is mixed in, but of nothing"),
        (["--test", "nonsense"], "--test"),
        (["--test", "far=x"], "Two tests are called far"),
        (["-o", "report.txt"], "report.txt"),
        (["--fit", "/does/not/exist"], "/does/not/exist does not exist"),
    ],
)
def test_what_is_asked_wrongly(call, images, tmp_path, more, message):
    asked = ["sar-experiment", "-w", tmp_path / "ws", "--fit", images / "simulated", "--test", f"far={images}/far"]
    code, _, error = call(*asked, "--arch", "cnn3", *more)
    assert code == 1
    assert message in error


def test_the_radar_demo(call, tmp_path):
    code, _, said = call("sar-demo", tmp_path, "--step", 10, "--epochs", 3)
    assert code == 0
    assert "synthetic-radar-3-linear-s0-e3 is ready" in said
    run = lv.Workspace(tmp_path / WORKSPACE)["synthetic-radar-3-linear-s0-e3"]
    assert run.complete
    assert call("sar-demo", tmp_path, "--step", 10, "--epochs", 3)[0] == 0
    code, _, said = call(
        "pairs", "-w", tmp_path / WORKSPACE, "--run", run.name, "--one", "test-simulated", "--other",
        "test-pseudo-measured", "-o", tmp_path / "pairs.csv",
    )  # fmt: skip
    assert code == 0
    count = len(run["test-simulated"])
    assert f"{count} pairs by name." in said
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == count
    code, _, error = call("sar-demo", tmp_path, "--step", 5, "--epochs", 3)
    assert code == 1
    assert "another step, seed or version" in error


def test_pairs_by_pose_and_by_a_table(call, workspace, tmp_path):
    paired_run(workspace, extra=2)
    common = ["pairs", "-w", workspace.path, "--run", "run", "--one", "simulated", "--other", "measured"]
    code, output, said = call(*common)
    assert code == 0
    assert "60 pairs by name; 2 of measured are left alone: 2 with" in said
    assert "all classes" in output
    code, _, said = call(*common, "--by", "pose", "--azimuth", 0.2, "--elevation", 0)
    assert code == 0
    assert "60 pairs by pose" in said
    table = tmp_path / "table.csv"
    table.write_text("simulated,measured\n0/c000.png,0/c003.png\n")
    code, _, said = call(*common, "--by", table)
    assert code == 0
    assert "1 pair by table" in said
    code, _, said = call(*common, "--by", "pose", "--azimuth", 0, "--elevation", 0, "--same-serial")
    assert code == 1
    assert "knows no serial" in said
    code, _, error = call(*common, "--by", tmp_path / "missing.csv")
    assert code == 1
    assert "missing.csv cannot be read" in error
    code, _, error = call(*common, "-o", tmp_path / "pairs.txt")
    assert code == 1
