"""`latentviz scorers`, `score` and `report`."""

import sys

import numpy as np
import pandas as pd
import pytest

from latentviz import Head, Run, cli
from latentviz.evaluation.detection import auroc
from latentviz.scorers import make, scorers


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command in this process: exit code, output, complaint."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["latentviz", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "250")
        monkeypatch.setenv("NO_COLOR", "1")
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


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


def test_a_scorer_that_cannot_be_used_is_told_and_the_others_go_on(call, run, workspace):
    code, said, complaint = call("score", "-w", workspace.path, "--run", "toy", "-s", "msp,knn:k=2000")
    assert code == 0
    assert "msp" in said
    assert "k-NN with k = 2,000 needs as many training samples; there are 120." in complaint


@pytest.mark.parametrize("ending", ["csv", "parquet", "md", "tex"])
def test_a_report_is_written(call, run, workspace, tmp_path, ending):
    target = tmp_path / f"report.{ending}"
    code, said, _ = call(
        "report", "-w", workspace.path, "--run", "toy", "-s", "energy,msp", "--near", "near", "-o", target
    )
    assert code == 0
    assert "AUROC against test" in said
    if ending == "csv":
        table = pd.read_csv(target)
        scorer = make("energy")
        value = auroc(scorer.score(run["test"].latents()), scorer.score(run["far"].latents()))
        (row,) = table.query("scorer == 'energy' and set == 'far' and metric == 'auroc'").to_dict("records")
        assert row["value"] == pytest.approx(value)
        assert {"near average", "far average"} <= set(table["set"])
    else:
        assert target.stat().st_size > 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-s", "knnn"], 'There is no scorer "knnn"'),
        (["-s", "knn:k=many"], "k-NN: k is"),
        (["-s", "knn:kk=3"], 'k-NN has no parameter "kk"'),
        (["-s", "msp", "--near", "mars"], 'The near set "mars" is not among the sets'),
        (["-s", "msp", "--set", "mars"], 'has no set "mars"'),
        (["-s", "msp", "--metric", "f1"], 'There is no measure "f1"'),
        (["-s", "msp", "-o", "report.doc"], '"report.doc" must end in .csv, .parquet, .md or .tex.'),
        (["-s", "msp", "-o", "nowhere/report.md"], "The folder nowhere does not exist"),
    ],
)
def test_mistakes_are_sentences(call, run, workspace, options, message):
    code, _, complaint = call("report", "-w", workspace.path, "--run", "toy", *options)
    assert code == 1
    assert message in complaint
    assert "Traceback" not in complaint
