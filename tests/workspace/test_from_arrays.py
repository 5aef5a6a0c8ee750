"""Arrays made elsewhere, stored as a run and read back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentviz import Run, Workspace
from latentviz.errors import DataError, LatentvizError, WorkspaceError
from latentviz.latents import Head

RANDOM = np.random.default_rng(0)
HEAD = Head(RANDOM.normal(size=(3, 4)), RANDOM.normal(size=3))
Z = {"train": RANDOM.normal(size=(9, 4)).astype(np.float32), "far": RANDOM.normal(size=(5, 4)).astype(np.float32)}
LOGITS = {name: HEAD.logits(z) for name, z in Z.items()}
LABELS = {"train": np.arange(9) % 3}


def test_round_trip(workspace):
    images = {"train": RANDOM.integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)}
    Run.from_arrays(
        Z,
        LOGITS,
        LABELS,
        head=HEAD,
        classes=["tank", "truck", "gun"],
        ids={"far": [f"far/{i}.png" for i in range(5)]},
        images=images,
        workspace=workspace,
        name="round trip",
        attributes={"family": "resnet", "epoch": 90, "rate": 0.1},
    )
    run = workspace["round trip"]
    assert run.classes == ("tank", "truck", "gun")
    assert run.manifest.attributes == {"family": "resnet", "epoch": 90, "rate": 0.1}
    assert run.complete
    assert run.progress == (14, 14)
    np.testing.assert_array_equal(run.head.weight, HEAD.weight)
    np.testing.assert_array_equal(run.head.bias, HEAD.bias)
    for name, z in Z.items():
        np.testing.assert_array_equal(run[name].features, z)
        np.testing.assert_array_equal(run[name].logits, LOGITS[name])
        assert run[name].features.dtype == run[name].logits.dtype == np.float32
    np.testing.assert_array_equal(run["train"].labels, LABELS["train"])
    np.testing.assert_array_equal(run["far"].labels, [-1] * 5)
    assert run["far"].index["id"].tolist() == [f"far/{i}.png" for i in range(5)]
    assert run["train"].index["class_name"].tolist() == ["tank", "truck", "gun"] * 3
    np.testing.assert_array_equal(run["train"].thumbnails(), images["train"])
    assert (run["train"].has_thumbnails, run["far"].has_thumbnails) == (True, False)
    assert (run["train"].labelled, run["far"].labelled) == (True, False)


def test_latents(workspace):
    run = Run.from_arrays(Z, LOGITS, LABELS, head=HEAD, workspace=workspace)
    latents = run["train"].latents()
    np.testing.assert_array_equal(latents.labels, LABELS["train"])
    assert latents.head.disagreement(latents.features, latents.logits) == 0
    assert run["far"].latents().labels is None


def test_table_agrees_with_numpy(workspace):
    labels = LABELS | {"far": np.array([0, -1, 2, -1, 1])}
    table = Run.from_arrays(Z, LOGITS, labels, roles={"far": "shifted"}, workspace=workspace).table()
    assert table.columns.tolist() == [
        "set", "role", "id", "label", "prediction", "correct", "confidence", "feature_norm",
    ]  # fmt: skip
    assert table["set"].tolist() == ["train"] * 9 + ["far"] * 5
    assert table["role"].tolist() == ["fit"] * 9 + ["shifted"] * 5
    logits, z = (np.concatenate([d["train"], d["far"]]).astype(np.float64) for d in (LOGITS, Z))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(table["confidence"], softmax.max(axis=1), rtol=1e-6)
    np.testing.assert_allclose(table["feature_norm"], np.sqrt((z**2).sum(axis=1)), rtol=1e-6)
    assert table["prediction"].tolist() == [str(c) for c in softmax.argmax(axis=1)]
    true = np.concatenate([labels["train"], labels["far"]])
    assert table["label"].tolist() == [str(c) if c >= 0 else "" for c in true]
    assert table["correct"].isna().tolist() == (true < 0).tolist()
    right = softmax.argmax(axis=1) == true
    assert table["correct"].fillna(False).tolist() == (right & (true >= 0)).tolist()


def test_confidence_of_huge_logits_is_one_not_nan(workspace):
    logits = {"test": np.array([[1e30, -1e30], [-3e38, 3e38], [0, 0]])}
    table = Run.from_arrays({"test": np.ones((3, 2))}, logits, workspace=workspace).table()
    assert table["confidence"].tolist() == [1, 1, 0.5]


@pytest.mark.parametrize(
    ("name", "role"),
    [("train", "fit"), ("fit", "fit"), ("test", "ind"), ("val", "ind"), ("textures", "ood"), ("Train", "ood")],
)
def test_roles_that_names_stand_for(workspace, name, role):
    assert Run.from_arrays({name: Z["far"]}, head=HEAD, workspace=workspace)[name].role == role


def test_sets_are_ordered_by_role(workspace):
    features = dict.fromkeys(["noise", "far", "test", "train"], Z["far"])
    run = Run.from_arrays(features, head=HEAD, roles={"noise": "shifted"}, workspace=workspace)
    assert [s.name for s in run] == ["train", "test", "noise", "far"]


def test_head_alone_makes_the_logits(workspace):
    run = Run.from_arrays(Z, head=HEAD, workspace=workspace)
    np.testing.assert_array_equal(run["train"].logits, LOGITS["train"])


def test_logits_without_a_head(workspace):
    run = Run.from_arrays(Z, LOGITS, workspace=workspace)
    assert run.head is None
    assert run["train"].latents().head is None


def test_l2_head(workspace):
    head = Head(HEAD.weight, HEAD.bias, "l2")
    run = Run.from_arrays(Z, {n: head.logits(z) for n, z in Z.items()}, head=head, workspace=workspace)
    assert run.head.kind == "l2"
    with pytest.raises(DataError, match='its kind is not "linear"'):
        Run.from_arrays(Z, {n: head.logits(z) for n, z in Z.items()}, head=HEAD, workspace=workspace, name="wrong")


def test_integers_and_doubles_become_float32(workspace):
    run = Run.from_arrays({"test": np.eye(3, dtype=np.int16)}, {"test": np.eye(3)}, workspace=workspace)
    assert run["test"].features.dtype == run["test"].logits.dtype == np.float32


def test_without_a_workspace_the_run_is_temporary():
    assert len(Run.from_arrays(Z, head=HEAD)["train"]) == 9


def test_equal_content_has_equal_fingerprints(workspace):
    runs = [Run.from_arrays(Z, head=HEAD, workspace=workspace, name=name) for name in ("a", "b")]
    assert runs[0].fingerprint == runs[1].fingerprint
    changed = {**Z, "far": Z["far"] + np.float32(1e-6)}
    other = Run.from_arrays(changed, head=HEAD, workspace=workspace, name="c")
    assert other["train"].fingerprint == runs[0]["train"].fingerprint
    assert other["far"].fingerprint != runs[0]["far"].fingerprint
    relabelled = Run.from_arrays(Z, labels=LABELS, head=HEAD, workspace=workspace, name="d")
    assert relabelled["train"].fingerprint != runs[0]["train"].fingerprint


@pytest.mark.parametrize(("shape", "side"), [((5, 8, 8), 8), ((5, 200, 100, 3), 64), ((5, 6, 30, 3), 30)], ids=str)
def test_thumbnails_are_small_squares(workspace, shape, side):
    images = {"far": np.full(shape, 200, dtype=np.uint8)}
    small = Run.from_arrays({"far": Z["far"]}, head=HEAD, images=images, workspace=workspace)["far"].thumbnails()
    assert small.shape == (5, side, side, 3)
    shown = side * round(side * min(shape[1:3]) / max(shape[1:3]))
    assert (small[0, :, :, 0] == 200).sum() == shown
    assert (small[0, :, :, 0] == 0).sum() == side * side - shown


# --- what does not fit ---


def with_value(value: float) -> dict[str, np.ndarray]:
    broken = Z["far"].copy()
    broken[3, 1] = value
    return {**Z, "far": broken}


BAD = {
    "no sets": ({"features": {}}, "features is empty"),
    "neither head nor logits": ({"head": None}, '"train" has no logits; give them, or the head'),
    "one set without logits": ({"head": None, "logits": {"train": LOGITS["train"]}}, '"far" has no logits'),
    "nan": ({"features": with_value(np.nan)}, r'1 of 5 features of "far" are NaN or infinite \(first: row 3\)'),
    "inf": ({"features": with_value(np.inf)}, r'1 of 5 features of "far"'),
    "nan logits": ({"logits": {"far": LOGITS["far"] * np.nan}}, '5 of 5 logits of "far"'),
    "label too large": ({"labels": {"train": np.arange(9)}}, '"train" has the label 3, .* 3 logits: 0 to 2'),
    "label too small": ({"labels": {"train": np.full(9, -2)}}, "label -2, out of range"),
    "labels that are floats": ({"labels": {"train": np.zeros(9)}}, 'labels of "train" are float64'),
    "labels that are one-hot": ({"labels": {"train": np.eye(9, dtype=int)}}, "expected whole numbers"),
    "fewer labels": ({"labels": {"train": np.zeros(8, int)}}, '"train" has 9 features but 8 labels'),
    "fewer logits": ({"logits": {"train": LOGITS["train"][:7]}}, '"train" has 9 features but 7 logits'),
    "fewer ids": ({"ids": {"far": ["a"]}}, '"far" has 5 features but 1 ids'),
    "no images": ({"images": {"far": np.zeros((0, 8, 8), np.uint8)}}, '"far" has 5 features but 0 images'),
    "float images": ({"images": {"far": np.zeros((5, 8, 8))}}, 'images of "far" are float64'),
    "features of other widths": (
        {"features": {**Z, "far": Z["far"][:, :3]}, "head": None, "logits": LOGITS},
        "features of one width; got train: 4, far: 3",
    ),
    "logits of other widths": (
        {"head": None, "logits": {**LOGITS, "far": LOGITS["far"][:, :2]}},
        "logits of one width; got train: 3, far: 2",
    ),
    "a head of another width": ({"head": Head(np.eye(3), np.zeros(3))}, '"train" has 4 features, the head takes 3'),
    "logits of another network": ({"logits": {"train": -LOGITS["train"]}}, r'In "train" the logits and W·z\+b'),
    "logits of a wider head": (
        {"logits": {"train": np.zeros((9, 5))}},
        '"train" has 5 logits, the head makes 3',
    ),
    "features that are images": ({"features": {"test": np.zeros((5, 2, 2))}}, r"expected numbers \(N, width\)"),
    "features that are text": ({"features": {"test": np.array([["a"]])}}, "expected numbers"),
    "an empty set": ({"features": {"test": np.zeros((0, 4))}}, 'features of "test" are empty'),
    "too few class names": ({"classes": ["a", "b"]}, "2 class names for 3 logits"),
    "unknown role": ({"roles": {"far": "near"}}, '"near" is not a role; choose fit, ind, shifted, ood'),
    "role of no set": ({"roles": {"fra": "ood"}}, 'no set "fra"; the sets are train, far'),
    "labels of no set": ({"labels": {"tarin": LABELS["train"]}}, 'labels for "tarin", but no features; the sets are'),
    "bad set name": ({"features": {"../x": Z["far"]}}, '"../x" cannot be the name of a set'),
    "bad run name": ({"name": "../x"}, '"../x" cannot be the name of a run'),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_told_and_leaves_nothing_behind(workspace, case):
    given, message = BAD[case]
    with pytest.raises(LatentvizError, match=message) as caught:
        Run.from_arrays(**{"features": Z, "head": HEAD, "name": "run", "workspace": workspace, **given})
    assert type(caught.value) in (DataError, WorkspaceError)
    assert workspace.names() == []
    Run.from_arrays(Z, head=HEAD, workspace=workspace, name="run")


def test_a_second_run_of_one_name_leaves_the_first(workspace):
    Run.from_arrays(Z, head=HEAD, workspace=workspace, name="run")
    with pytest.raises(WorkspaceError, match='already has a run "run"; choose another name'):
        Run.from_arrays({"other": Z["far"]}, head=HEAD, workspace=workspace, name="run")
    assert [s.name for s in workspace["run"]] == ["train", "far"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.integers(1, 6), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_any_shape_survives(tmp_path_factory, rows, width, classes, seed):
    random = np.random.default_rng(seed)
    head = Head(random.normal(size=(classes, width)), random.normal(size=classes))
    z = random.normal(size=(rows, width)).astype(np.float32)
    labels = random.integers(-1, classes, rows)
    folder = tmp_path_factory.mktemp("any")
    run = Run.from_arrays({"test": z}, labels={"test": labels}, head=head, workspace=Workspace(folder))
    np.testing.assert_array_equal(run["test"].features, z)
    np.testing.assert_array_equal(run["test"].labels, labels)
    assert isinstance(run.table(), pd.DataFrame)
    assert len(run.table()) == rows


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(DataError, match="Two classes have the same name"):
        Run.from_arrays({"a": np.eye(3)}, {"a": np.eye(3)}, classes=["x", "y", "x"])
