"""Twelve published CIFAR-10 networks side by side, from their files to the table of correlations."""

import json

import numpy as np
import pandas as pd
import pytest

from latentviz import Workspace
from latentviz.evaluation.coefficients import KINDS
from latentviz.evaluation.indicators import INDICATORS
from latentviz.evaluation.robustness import Networks
from latentviz.evaluation.robustness_relations import CLEAN, relation, verdict

pytest.importorskip("onnxruntime")
pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("one_thread")]

#: One of every family, weak and strong: all of them would take ten minutes.
CORRUPTIONS = ("gaussian_noise", "defocus_blur", "fog", "jpeg_compression")
SEVERITIES = (1, 4)


@pytest.fixture(scope="module")
def published(shared) -> list[dict]:
    models = json.loads((shared / "models" / "models.json").read_text())
    return [model for model in models if model["file"].startswith("cifar10/")]


@pytest.fixture
def compared(shared, published, tmp_path, call) -> tuple:
    """What `latentviz compare` makes of all of them: its folder and what it says."""
    entries = [
        {"name": m["name"], "onnx": str(shared / "models" / m["file"]), "mean": m["mean"], "std": m["std"]}
        for m in published
    ]
    (tmp_path / "models.json").write_text(json.dumps(entries))
    images = shared / "cifar10"
    code, shown, complaint = call(
        *("compare", "-w", tmp_path / "ws", "--models", tmp_path / "models.json"),
        *("--sets", f"train={images}/lossless_train:fit", "--sets", f"test={images}/lossless_test:ind"),
        *("--corruptions", ",".join(CORRUPTIONS), "--severities", ",".join(map(str, SEVERITIES))),
        *("-o", tmp_path / "networks.csv", "--relations", tmp_path / "relations.csv"),
    )
    assert code == 0, complaint
    return tmp_path, shown, complaint


def test_twelve_networks(compared, published):
    folder, shown, complaint = compared
    models = pd.read_csv(folder / "networks.csv").set_index("run")
    assert len(models) == len(published) == 12
    for model in published:
        assert models.loc[model["name"], "clean"] == pytest.approx(model["accuracy_lossless_220"], abs=0.005)
    assert (models["versions"] == len(CORRUPTIONS) * len(SEVERITIES)).all()
    assert (models["corrupted"] < models["clean"]).all()
    assert models[list(INDICATORS)].notna().all(axis=None)
    # Networks whose features are clear clusters have an overlap of distances to match.
    assert models["cluster-nmi"].corr(models["distance-overlap"], method="spearman") < -0.7
    clear = models.loc["aka_resnet20"]
    assert clear["cluster-accuracy"] > 0.85
    assert 8 <= clear["multicut-clusters"] <= 14
    assert clear["multicut-nmi"] > 0.75

    table = pd.read_csv(folder / "relations.csv").set_index("name")
    assert set(table.index) == {CLEAN, *INDICATORS}
    for kind in KINDS:
        assert ((table[f"{kind}_low"] <= table[kind]) & (table[kind] <= table[f"{kind}_high"])).all()
        partial = table.drop(index=CLEAN)
        assert partial[[f"partial_{kind}", f"partial_{kind}_low", f"partial_{kind}_high"]].notna().all(axis=None)
    assert (table["n"] == 12).all()
    assert "12 networks, 8 corrupted versions of test" in shown
    assert "20 indicators are compared" in complaint

    # The page's numbers are these, and what is said of them ends in a conclusion.
    found = Networks.of(list(Workspace(folder / "ws", create=False)), "test").compared()
    np.testing.assert_allclose(found.models["corrupted"], models["corrupted"], atol=1e-12)
    control = relation(found.models, CLEAN)
    of = relation(found.models, "cluster-nmi")
    assert of.kinds["spearman"].value == pytest.approx(table.loc["cluster-nmi", "spearman"])
    assert of.partial["spearman"].low == pytest.approx(table.loc["cluster-nmi", "partial_spearman_low"])
    assert len(of.without) == 12
    # With these networks nothing is left given clean accuracy.
    assert verdict(of, control)[-1].startswith("Nothing here shows that cluster NMI")
