"""`latentviz scorers`, `score` and `report`."""

import numpy as np
import pandas as pd
import pytest

from latentviz import Head, Run
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.detection import accuracy95, auroc
from latentviz.evaluation.fitting import FitOn, fit_latents
from latentviz.evaluation.report import Split, detection, rendered
from latentviz.scorers import Family, Needs, Scorer, ScorerInfo, make, registry, scorers


@pytest.fixture
def run(workspace) -> Run:
    random = np.random.default_rng(0)
    labels = {name: random.integers(0, 3, 120) for name in ("train", "test")}
    features = {name: np.abs(random.normal(np.eye(3, 6)[y] * 4, 0.5)) for name, y in labels.items()}
    features |= {name: np.abs(random.normal(size=(80, 6))) for name in ("near", "far")}
    return Run.from_arrays(
        features, labels=labels, head=Head(np.eye(3, 6), np.zeros(3)), workspace=workspace, name="toy"
    )


def test_the_list_names_every_scorer(call):
    code, said, _ = call("scorers")
    assert code == 0
    assert all(name in said for name in scorers())
    assert "covariance=class" in said


def test_scores_are_stored_and_written(call, run, workspace, tmp_path):
    target = tmp_path / "scores.csv"
    code, said, _ = call("score", "-w", workspace.path, "--run", "toy", "-s", "knn:k=5,msp", "-o", target)
    assert code == 0
    assert "knn(k=5)" in said
    written = pd.read_csv(target)
    expected = make("knn", {"k": 5}).fit(run["train"].latents()).score(run["far"].latents())
    np.testing.assert_allclose(written.loc[written["set"] == "far", "knn(k=5)"], expected)
    assert len(written) == 400
    assert len(run.derived.list("scores")) == 8


@pytest.mark.parametrize("ending", ["md", "tex"])
def test_medians_are_written(call, run, workspace, tmp_path, ending):
    target = tmp_path / f"medians.{ending}"
    code, said, _ = call(
        "score", "-w", workspace.path, "--run", "toy", "-s", "knn:k=5", "--per-class", "10", "-o", target
    )
    assert code == 0
    text = target.read_text()
    about = 'Median OOD scores, run "toy"; scorers that learn fitted on train (n = 30; at most 10 of each class'
    assert about in text
    assert about in " ".join(said.split())
    scorer = make("knn", {"k": 5}).fit(fit_latents(run, FitOn(10)))
    assert f"{np.median(scorer.score(run['far'].latents())):.4g}" in text
    assert text.count("knn(k=5)") == 1


def test_a_scorer_that_cannot_be_used_is_told_and_the_others_go_on(call, run, workspace):
    code, said, complaint = call("score", "-w", workspace.path, "--run", "toy", "-s", "msp,knn:k=2000")
    assert code == 0
    assert "msp" in said
    assert "k-NN with k = 2,000 needs as many training samples; there are 120." in complaint


@pytest.mark.parametrize("command", ["score", "report"])
def test_no_scorer_that_can_be_used_is_a_failure(call, run, workspace, tmp_path, command):
    target = tmp_path / "table.md"
    code, said, complaint = call(command, "-w", workspace.path, "--run", "toy", "-s", "knn:k=2000", "-o", target)
    assert code == 1
    assert said == ""
    assert "k-NN with k = 2,000 needs as many training samples; there are 120." in complaint
    assert 'None of the scorers can be used with run "toy".' in complaint
    assert not target.exists()


@pytest.mark.parametrize("command", ["score", "report"])
def test_what_fitting_decided_and_what_to_beware_of_is_told(call, workspace, command):
    random = np.random.default_rng(0)
    features = {name: random.normal(size=(60, 6)) for name in ("train", "test", "far")}
    labels = {name: np.arange(60) % 3 for name in ("train", "test")}
    head = Head(np.eye(3, 6), np.zeros(3))
    Run.from_arrays(features, labels=labels, head=head, workspace=workspace, name="wild")
    code, _, complaint = call(command, "-w", workspace.path, "--run", "wild", "-s", "ddu,temperature-scaling,react")
    assert code == 0
    assert "ddu: ε = " in complaint
    assert "temperature-scaling: T* = " in complaint
    assert "% of the features are negative, but ReAct take them for those of a ReLU" in complaint


@pytest.mark.parametrize("command", ["score", "report"])
def test_ctrl_c_is_told_and_what_was_finished_is_kept(call, run, workspace, monkeypatch, command):
    def interrupted(self, latents):
        raise KeyboardInterrupt

    info = ScorerInfo("slow", "Slow", Family.LOGITS, "s", Needs.LOGITS | Needs.FIT)
    scorers()
    monkeypatch.setitem(registry._known, "slow", type("Slow", (Scorer,), {"info": info, "_score": interrupted}))
    code, _, complaint = call(command, "-w", workspace.path, "--run", "toy", "-s", "mahalanobis,slow")
    assert code == 130
    assert "Stopped. What was finished is kept; the same command goes on from there." in complaint
    assert {meta["scorer"] for meta in run.derived.list("scorers").values()} == {"mahalanobis", "slow"}


def test_a_report_is_shown(call, run, workspace):
    options = ["--replicates", "50", "--bootstrap-seed", "3", "--metric", "accuracy95", "--per-class", "10"]
    code, said, complaint = call("report", "-w", workspace.path, "--run", "toy", "-s", "energy,knn:k=5", *options)
    assert code == 0
    assert "Detection accuracy against test" in said
    assert (
        'Run "toy": told apart from test (n = 120), scorers that learn fitted on train (n = 30; at most 10 of each '
        "class, drawn with seed 0); 95 % intervals of 50 stratified bootstrap replicates with seed 3." in complaint
    )
    energy = make("energy")
    value = accuracy95(energy.score(run["test"].latents()), energy.score(run["far"].latents()))
    assert f"{value:.3f} (" in said
    assert {(meta["replicates"], meta["seed"]) for meta in run.derived.list("detection").values()} == {(50, 3)}


@pytest.mark.parametrize("ending", ["csv", "parquet", "md", "tex"])
def test_a_report_is_written(call, run, workspace, tmp_path, ending):
    target = tmp_path / f"report.{ending}"
    code, said, _ = call(
        "report", "-w", workspace.path, "--run", "toy", "-s", "energy,msp", "--near", "near", "-o", target
    )
    assert code == 0
    assert "AUROC against test" in said
    found = detection(run, [Asked("energy"), Asked("msp")], Split.of(run, near=["near"]))
    assert target.read_bytes() == rendered(found, f".{ending}")
    energy = make("energy")
    value = auroc(energy.score(run["test"].latents()), energy.score(run["far"].latents()))
    if ending in ("csv", "parquet"):
        table = pd.read_csv(target) if ending == "csv" else pd.read_parquet(target)
        (row,) = table.query("scorer == 'energy' and set == 'far' and metric == 'auroc'").to_dict("records")
        assert row["value"] == pytest.approx(value)
        assert set(table["set"]) == {"near", "far", "near average", "far average"}
        assert set(table["ind"]) == {"test"}
    else:
        assert f"{value:.3f}" in target.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-s", "knnn"], 'There is no scorer "knnn"'),
        (["-s", "knn:k=many"], "k-NN: k is"),
        (["-s", "knn:kk=3"], 'k-NN has no parameter "kk"'),
        (["-s", ""], '--scorer "" names no scorer; write all, or names separated by commas.'),
        (["-s", " , "], '--scorer " , " names no scorer'),
        (["-s", "msp", "--near", "mars"], 'The near set "mars" is not among the sets'),
        (["-s", "msp", "--set", "mars"], 'has no set "mars"'),
        (["-s", "msp", "--metric", "f1"], 'There is no measure "f1"; choose auroc'),
        (["-s", "msp", "-o", "report.doc"], '"report.doc" must end in .csv, .parquet, .md or .tex.'),
        (["-s", "msp", "-o", "nowhere/report.md"], "The folder nowhere does not exist"),
    ],
)
def test_mistakes_are_sentences(call, run, workspace, options, message):
    code, _, complaint = call("report", "-w", workspace.path, "--run", "toy", *options)
    assert code == 1
    assert message in complaint
    assert "Traceback" not in complaint
