"""Which runs are checkpoints of one family, and how detection and collapse go together over them."""

import json

import numpy as np
import pytest

import latentviz as lv
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.checkpoints import Family, collapse_against_detection, detection_over
from latentviz.evaluation.collapse import over_epochs
from latentviz.evaluation.detection import auroc
from tests.families import checkpoint, family

NORM = Asked.of("feature-norm")


def test_a_family_is_ordered_and_knows_its_trainings(workspace):
    runs = family(workspace)
    found = Family.of(runs[5], reversed(runs))
    assert [r.name for r in found.runs] == sorted(r.name for r in runs)
    assert [r.name for r in found.training(runs[5])] == [f"fam-linear-s1-e{e:02d}" for e in (1, 3, 10)]
    assert [r.name for r in found.at(3)] == [f"fam-{h}-s{s}-e03" for h in ("l2", "linear") for s in (0, 1)]
    assert found.shared_epochs == [1, 3, 10]
    assert found.sentences == []


def test_a_run_of_no_family_has_none(workspace):
    z = np.ones((3, 4), np.float32)
    run = lv.Run.from_arrays({"test": z}, head=lv.Head(np.eye(4), np.zeros(4)), workspace=workspace)
    assert Family.of(run, family(workspace)).runs == []


def test_what_does_not_belong_is_left_out_and_named(workspace):
    runs = family(workspace, seeds=1)
    wide = lv.Run.from_arrays(
        {"test": np.ones((3, 4), np.float32)},
        head=lv.Head(np.eye(3, 4), np.zeros(3)),
        workspace=workspace,
        name="wide",
        attributes={"family": "fam", "seed": 0, "epoch": 7},
    )
    classes = checkpoint(workspace, epoch=30, name="classes", classes=["a", "b", "c"])
    again = checkpoint(workspace, epoch=3, name="z-again")
    net = checkpoint(workspace, epoch=40, name="net")
    net.manifest.model.update(spec={"architecture": "resnet56"})
    found = Family.of(runs[0], [*runs, wide, classes, again, net])
    assert len(found.runs) == len(runs)
    assert found.sentences == [
        "wide is left out: it has 4 features, fam-linear-s0-e01 has 6.",
        "classes is left out: its classes are not those of fam-linear-s0-e01.",
        "z-again is left out: fam-linear-s0-e03 is of the same head, seed and epoch.",
        "net is left out: its architecture is resnet56, that of fam-linear-s0-e01 is unknown.",
    ]


def test_a_checkpoint_that_is_still_being_extracted_is_left_out(workspace):
    runs = family(workspace, seeds=1)
    state = runs[-1]["test"].folder / "state.json"
    written = json.loads(state.read_text())
    state.write_text(json.dumps(written | {"complete": False, "consumed": 10}))
    found = Family.of(runs[0], workspace)
    assert found.sentences == [f"{runs[-1].name} is left out: its extraction is not finished."]


def test_an_epoch_that_is_no_number_counts_as_the_start(workspace):
    run = checkpoint(workspace, epoch=1)
    run.manifest.attributes["epoch"] = "last"
    assert Family.of(run, []).at(0) == [run]


def test_detection_of_every_checkpoint(workspace):
    runs = family(workspace, seeds=1)
    table = detection_over(runs, NORM, "test", ["far", "missing"])
    assert list(table["run"]) == [r.name for r in runs]
    first = table.iloc[0]
    lengths = [np.linalg.norm(runs[0][name].features, axis=1) for name in ("test", "far")]
    assert first["auroc"] == pytest.approx(auroc(-lengths[0], -lengths[1]))
    assert first["low"] < first["auroc"] <= first["high"]
    assert first["accuracy"] == (runs[0]["test"].read("prediction") == runs[0]["test"].labels).mean()
    assert detection_over(runs, NORM, "missing", ["far"]).empty


def test_collapse_and_detection_go_together_where_they_were_made_to(workspace):
    runs = family(workspace, seeds=3)
    collapsed = over_epochs(runs, "train", "raw")
    nc1 = collapsed[collapsed["metric"] == "nc1"].set_index("run")["value"]
    table = detection_over(runs, NORM, "test", ["far"])
    table = table.assign(collapse=table["run"].map(nc1), auroc=1 - table["run"].map(nc1))
    found = collapse_against_detection(table)["far"]
    assert found.value == pytest.approx(-1)
    assert (found.n, found.groups) == (18, 6)
