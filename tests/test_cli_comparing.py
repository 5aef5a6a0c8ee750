"""`latentviz compare`: from a file of networks to tables, and what it refuses."""

import json

import pandas as pd
import pytest
import torch

from latentviz import Workspace
from latentviz.evaluation.clustered import Multicut
from latentviz.evaluation.indicators import How
from latentviz.evaluation.robustness import Networks
from latentviz.evaluation.robustness_relations import table
from latentviz.geometry.clustering import Clustering
from latentviz.models.cifar import CifarResNet
from tests.versions import clean_run, corrupted_run


@pytest.fixture(scope="module")
def five(tmp_path_factory) -> Workspace:
    """Five networks; nothing is written to them but results."""
    workspace = Workspace(tmp_path_factory.mktemp("five") / "ws")
    for seed in range(5):
        corrupted_run(workspace, name=f"net{seed}", seed=seed)
    return workspace


def test_networks_of_a_file_are_extracted_corrupted_and_written(call, tmp_path, make_folder, one_thread):
    for name in ("train", "test"):
        make_folder(tmp_path / name, {"cat": 6, "dog": 6}, side=32)
    entries = []
    for seed in (1, 2, 3):
        torch.manual_seed(seed)
        torch.save(CifarResNet(3, num_classes=2).state_dict(), tmp_path / f"net{seed}.pt")
        entries.append({"name": f"net{seed}", "architecture": "resnet20", "checkpoint": f"net{seed}.pt"})
    (tmp_path / "models.json").write_text(json.dumps(entries))
    asked = [
        *("compare", "-w", tmp_path / "ws", "--models", tmp_path / "models.json"),
        *("--sets", f"train={tmp_path}/train:fit", "--sets", f"test={tmp_path}/test:ind"),
        *("--corruptions", "fog,contrast", "--severities", "1,3"),
        *("-o", tmp_path / "networks.csv", "--relations", tmp_path / "relations.parquet"),
    ]
    code, shown, complaint = call(*asked)
    assert code == 0, complaint
    assert "3 networks, 4 corrupted versions of test" in shown
    models = pd.read_csv(tmp_path / "networks.csv")
    assert models["run"].tolist() == ["net1", "net2", "net3"]
    runs = list(Workspace(tmp_path / "ws", create=False))
    expected = Networks.of(runs, "test").compared().models
    pd.testing.assert_frame_equal(models, expected, check_dtype=False, atol=1e-12)
    found = Networks.of(runs, "test").compared()
    assert pd.read_parquet(tmp_path / "relations.parquet")["name"].tolist() == ["clean", *found.indicators]
    assert len(found.indicators) > 15
    before = {run.name: run.fingerprint for run in runs}
    assert call(*asked)[0] == 0
    assert {run.name: run.fingerprint for run in Workspace(tmp_path / "ws", create=False)} == before


def test_runs_that_are_there_are_compared_as_the_library_does(call, five, tmp_path):
    code, shown, complaint = call("compare", "-w", five.path, "--relations", tmp_path / "r.csv", "--seed", 3)
    assert code == 0, complaint
    how = How(Clustering(seed=3), multicut=Multicut(seed=3))
    found = Networks.of(list(five), "test", how).compared()
    ours = pd.read_csv(tmp_path / "r.csv")
    theirs = table(found, seed=3)
    assert ours["name"].tolist() == theirs["name"].tolist()
    assert ours["partial_pearson_high"].to_numpy() == pytest.approx(theirs["partial_pearson_high"], nan_ok=True)
    assert "Spearman given clean accuracy" in shown
    assert "Over 5 networks, Spearman" in complaint
    assert "too few" in complaint


def test_mce_with_a_network_or_a_file_as_reference(call, five, tmp_path):
    code, shown, complaint = call("compare", "-w", five.path, "--reference", "net2", "-o", tmp_path / "n.md")
    assert code == 0, complaint
    assert "What goes with mCE" in shown
    row = next(line for line in (tmp_path / "n.md").read_text().splitlines() if line.startswith("| net2"))
    assert "| 1.000 (" in row
    errors = pd.DataFrame({"corruption": ["fog"], "severity": [1], "error": [0.5]})
    errors.to_csv(tmp_path / "alexnet.csv", index=False)
    code, _, complaint = call("compare", "-w", five.path, "--reference", tmp_path / "alexnet.csv")
    assert code == 1
    assert "The reference has no error on gaussian_noise, severity 1" in complaint
    code, _, complaint = call("compare", "-w", five.path, "--reference", "alexnet")
    assert "neither one of the networks nor a .csv or .parquet file" in complaint


def test_networks_are_compared_on_the_versions_that_are_asked_for(call, five, tmp_path):
    code, shown, complaint = call("compare", "-w", five.path, "--runs", "net0,net1", "--corruptions", "gaussian_noise")
    assert code == 1  # severities 2 and 4 are not there, and arrays have no network
    assert "imported as arrays" in complaint
    code, shown, complaint = call("compare", "-w", five.path, "--severities", "1,5", "-o", tmp_path / "n.csv")
    assert code == 0, complaint
    assert "5 networks, 6 corrupted versions" in shown
    expected = Networks.of(list(five), "test").compared(severities=[1, 5]).models["corrupted"]
    assert pd.read_csv(tmp_path / "n.csv")["corrupted"].to_numpy() == pytest.approx(expected)


def test_some_runs_and_other_clusterings(call, five, tmp_path):
    code, shown, complaint = call(
        *("compare", "-w", five.path, "--runs", "net0,net1,net2,net3", "--method", "agglomerative"),
        *("--clusters", 4, "--space", "unit", "--kind", "kendall", "-o", tmp_path / "n.parquet"),
    )
    assert code == 0, complaint
    assert len(pd.read_parquet(tmp_path / "n.parquet")) == 4
    assert "Kendall" in shown


def test_one_network_has_its_numbers_and_no_correlation(call, five):
    code, shown, complaint = call("compare", "-w", five.path, "--runs", "net0")
    assert code == 0, complaint
    assert "1 networks" not in shown
    assert "There is 1 dot" in complaint or "there is 1 dot" in complaint


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--runs", "nobody"], 'no run "nobody"'),
        (["--space", "polar"], '--space is "polar"'),
        (["--method", "magic"], 'There is no clustering "magic"'),
        (["--kind", "rank"], 'There is no correlation "rank"'),
        (["--severities", "1-9"], "6 is not a severity"),
        (["--corruptions", "fogg"], "There is no corruption"),
        (["--sets", "test"], "is not of the form NAME=VALUE"),
        (["--output", "out.pkl"], "out.pkl"),
        (["--clean", "tset"], "net0 is left out: it has no labelled set tset"),
        (["--reference", "alexnet"], "neither one of the networks nor a .csv or .parquet file"),
        (["--models", "none.json"], "--models needs the image sets"),
    ],
)
def test_errors_are_sentences(call, five, more, said):
    code, _, complaint = call("compare", "-w", five.path, *more)
    assert code in (1, 2)
    assert said in complaint
    assert "Traceback" not in complaint


def test_other_tasks_are_refused_before_anything_is_extracted(call, workspace):
    clean_run(workspace, name="one")
    clean_run(workspace, name="other", classes=["x", "y", "z"])
    code, _, complaint = call("compare", "-w", workspace.path, "--corruptions", "fog")
    assert code == 1  # and not that arrays have no network
    assert "are of different tasks" in complaint


def test_a_workspace_without_versions_says_so(call, tmp_path):
    clean_run(Workspace(tmp_path / "ws"), name="clean")
    code, _, complaint = call("compare", "-w", tmp_path / "ws")
    assert code == 1
    assert "no corrupted versions of test" in complaint
