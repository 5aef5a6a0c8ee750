"""`latentviz map` and `import-map`."""

import numpy as np
import pandas as pd
import pytest

from latentviz import Head, Run
from latentviz.projection import LayoutSpec, compute, imported_names, stored


@pytest.fixture
def run(workspace) -> Run:
    features = {name: np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32) for name in ("test", "far")}
    return Run.from_arrays(features, head=Head(np.eye(3, 6), np.zeros(3)), workspace=workspace, name="toy")


def test_a_map_is_stored_and_written(call, run, workspace, tmp_path):
    target = tmp_path / "map.csv"
    code, said, _ = call("map", "-w", workspace.path, "--run", "toy", "--neighbors", "5", "-o", target)
    assert code == 0
    layout = stored(run, LayoutSpec(sets=("test", "far"), n_neighbors=5))
    assert layout is not None
    written = pd.read_csv(target, dtype={"id": str})
    np.testing.assert_allclose(written[["x", "y"]], layout.coordinates, rtol=1e-5)
    assert written["set"].tolist() == ["test"] * 40 + ["far"] * 40
    assert "trustworthiness" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--min-dist", "2"], "--min-dist"),
        (["--min-dist", "0.9", "--spread", "0.5"], "at most spread"),
        (["--method", "tsne"], "--method"),
        (["--neighbors", "1"], "--neighbors"),
    ],
)
def test_what_makes_no_map_is_said(call, run, workspace, arguments, sentence):
    code, _, said = call("map", "-w", workspace.path, "--run", "toy", *arguments)
    assert code == 1
    assert sentence in " ".join(said.split())


def test_coordinates_of_ones_own_become_a_map(call, run, workspace, tmp_path):
    file = tmp_path / "mine.csv"
    table = run.table()[["set", "id"]].assign(x=np.arange(80), y=-np.arange(80))
    table.sample(frac=1, random_state=0).to_csv(file, index=False)
    code, _, said = call("import-map", "-w", workspace.path, "--run", "toy", "--name", "mine", file)
    assert code == 0, said
    assert imported_names(run) == ["mine"]
    found = compute(run, LayoutSpec(method="imported", name="mine", sets=("test", "far")))
    np.testing.assert_array_equal(found.coordinates, np.stack([np.arange(80), -np.arange(80)], axis=1))
    code, _, said = call("import-map", "-w", workspace.path, "--run", "toy", "--name", "short", "--set", "far", file)
    assert code == 0, said
    table.head(30).to_csv(file, index=False)
    code, _, said = call("import-map", "-w", workspace.path, "--run", "toy", "--name", "none", file)
    assert code == 1
    assert "mine.csv" in said
