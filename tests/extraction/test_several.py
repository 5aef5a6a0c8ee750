"""Several networks on the same images: a file that names them, and that only what is missing is extracted."""

import json

import numpy as np
import pytest
import torch

import latentviz as lv
from latentviz.errors import DataError, LatentvizError, WorkspaceError
from latentviz.extraction import SetRequest, VersionsRequest, several
from latentviz.extraction.networks import read_networks
from latentviz.models.cifar import CifarResNet
from latentviz.progress import silent

pytestmark = pytest.mark.usefixtures("one_thread")

COUNTS = {"cat": 4, "dog": 4}


@pytest.fixture
def folder(tmp_path, make_folder):
    """Images of two classes, and two networks with weights of their own."""
    for name in ("train", "test"):
        make_folder(tmp_path / name, COUNTS, side=32)
    for seed in (1, 2):
        torch.manual_seed(seed)
        torch.save(CifarResNet(3, num_classes=2).state_dict(), tmp_path / f"net{seed}.pt")
    return tmp_path


def listed(folder, **more) -> list[dict]:
    return [
        {"name": f"net{seed}", "architecture": "resnet20", "checkpoint": f"net{seed}.pt", "std": [0.5], **more}
        for seed in (1, 2)
    ]


def written(folder, content) -> object:
    path = folder / "models.json"
    path.write_text(json.dumps(content) if not isinstance(content, str) else content)
    return path


def sets(folder) -> list[SetRequest]:
    roles = {"train": "fit", "test": "ind"}
    return [SetRequest(name=name, role=role, source=str(folder / name)) for name, role in roles.items()]


def contents(run: lv.Run) -> dict:
    return {s.name: s.fingerprint for s in run}


def test_a_file_names_networks_with_their_preprocessing(folder):
    found = read_networks(written(folder, listed(folder, attributes={"seed": 3}, resize=[16, 16])), sets(folder))
    assert [request.name for request in found] == ["net1", "net2"]
    assert found[0].model.checkpoint == folder / "net1.pt"
    assert found[0].preprocessing.std == (0.5,)
    assert found[0].preprocessing.size == (16, 16)
    assert found[0].attributes == {"seed": 3}
    assert [s.name for s in found[1].sets] == ["train", "test"]


def test_without_a_name_or_preprocessing_they_are_the_models_own(folder):
    entry = {"architecture": "resnet20", "checkpoint": "net1.pt"}
    found = read_networks(written(folder, [entry]), sets(folder))[0]
    assert found.name == "resnet20-net1"
    assert found.preprocessing is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"name": "one"}, "holds no list of networks"),
        ([], "holds no list of networks"),
        ("[{", "is damaged"),
        ([{"name": "one"}], r"network 1 \(one\): give exactly one of an architecture"),
        ([{"name": "one", "onnx": "a.onnx", "colour": 1}], r'network 1 \(one\) has the key "colour"'),
        ([{"architecture": "resnet20", "checkpoint": "net1.pt", "std": [0]}], "network 1: std must be positive"),
        ([{"architecture": "resnet20", "checkpoint": "net1.pt", "mean": "x"}], "network 1: mean"),
        ([{"architecture": "resnet20", "checkpoint": "net1.pt", "name": "../up"}], "cannot be the name of a run"),
        ([{"architecture": "resnet20", "checkpoint": "net1.pt"}] * 2, "two networks called resnet20-net1"),
    ],
)
def test_a_wrong_file_is_named(folder, content, said):
    with pytest.raises(LatentvizError, match=said):
        read_networks(written(folder, content), sets(folder))


def test_only_what_is_missing_is_extracted(folder, workspace, monkeypatch):
    requests = read_networks(written(folder, listed(folder)), sets(folder))
    made = several.networks(workspace, requests[:1], silent)
    before = contents(made[0])
    monkeypatch.setattr(several, "run_request", lambda w, request, progress: pytest.fail(f"{request.name} again"))
    again = several.networks(workspace, requests[:1], silent)
    assert contents(again[0]) == before
    with pytest.raises(pytest.fail.Exception, match="net2 again"):
        several.networks(workspace, requests, silent)


def test_attributes_that_are_new_are_added_and_other_classes_are_not_overlooked(folder, workspace):
    several.networks(workspace, read_networks(written(folder, listed(folder)), sets(folder))[:1], silent)
    again = read_networks(written(folder, listed(folder, attributes={"family": "f", "epoch": 3})), sets(folder))[:1]
    run = several.networks(workspace, again, silent)[0]
    assert run.manifest.attributes == {"family": "f", "epoch": 3}
    assert workspace["net1"].manifest.attributes == {"family": "f", "epoch": 3}
    turned = read_networks(written(folder, listed(folder, classes=["dog", "cat"])), sets(folder))[:1]
    with pytest.raises(WorkspaceError, match="made with another model, preprocessing or classes"):
        several.networks(workspace, turned, silent)


def test_another_network_under_the_same_name_is_refused(folder, workspace):
    first, second = read_networks(written(folder, listed(folder)), sets(folder))
    several.networks(workspace, [first], silent)
    with pytest.raises(WorkspaceError, match='already has a run "net1" made with another model'):
        several.networks(workspace, [second.model_copy(update={"name": "net1"})], silent)


def test_sets_and_versions_are_completed(folder, workspace, monkeypatch):
    train, test = sets(folder)
    request = read_networks(written(folder, listed(folder)), [test])[0]
    run = several.networks(workspace, [request], silent)[0]
    run = several.complete(run, [train, test], "test", ["fog"], [1, 3], progress=silent)
    assert {"train", "test", "test-fog-1", "test-fog-3"} == set(run.sets)
    assert run.complete
    # What is there is as if it had been made alone, and is not made again.
    alone = lv.corrupt(run, "test", ["fog"], [1, 3], progress=silent)
    assert contents(alone) == contents(run)
    for name in ("extract", "corrupt"):
        monkeypatch.setattr(several, name, lambda *a, **k: pytest.fail("made again"))
    assert contents(several.complete(run, [train, test], "test", ["fog"], [3], progress=silent)) == contents(run)
    with pytest.raises(pytest.fail.Exception):
        several.complete(run, [], "test", ["fog"], [5], progress=silent)


def test_other_images_under_a_sets_name_are_refused(folder, workspace, make_folder):
    train, test = sets(folder)
    run = several.networks(workspace, [read_networks(written(folder, listed(folder)), [train, test])[0]], silent)[0]
    make_folder(folder / "other", {"cat": 3, "dog": 5}, side=32)
    other = test.model_copy(update={"source": str(folder / "other")})
    with pytest.raises(DataError, match='"net1" has a set "test" of other images or labels'):
        several.complete(run, [other], "test", progress=silent)


def test_arrays_without_a_network_cannot_be_completed(folder, workspace):
    labels = np.arange(8) // 4
    run = lv.Run.from_arrays(
        {"test": np.eye(8, 4, dtype=np.float32)}, labels={"test": labels}, head=lv.Head(np.eye(2, 4), np.zeros(2)),
        workspace=workspace, name="arrays", classes=["cat", "dog"],
    )  # fmt: skip
    with pytest.raises(DataError, match='"arrays" was imported as arrays; there is no network'):
        several.complete(run, [sets(folder)[0]], "test", progress=silent)


def test_the_job_makes_the_same_versions_of_several(folder, workspace):
    several.networks(workspace, read_networks(written(folder, listed(folder)), sets(folder)[1:]), silent)
    asked = VersionsRequest(run="net1", runs=["net1", "net2"], clean="test", corruptions=["contrast"], severities=[2])
    said = several.run_job(workspace.path, asked.model_dump(), silent)
    assert said == "Corrupted versions of 2 networks"
    assert all("test-contrast-2" in workspace[name].sets for name in ("net1", "net2"))
