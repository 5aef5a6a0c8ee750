"""Features that were made elsewhere, from npz files."""

import numpy as np
import pytest

from latentviz.errors import DataError
from latentviz.importing import import_files

Z = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
W = np.eye(3, 4, dtype=np.float32)
B = np.array([0, 1, 0], dtype=np.float32)


@pytest.fixture
def save(tmp_path):
    def write(name: str, **content) -> object:
        path = tmp_path / f"{name}.npz"
        np.savez(path, **{key.replace("__", "/"): np.asarray(value) for key, value in content.items()})
        return path

    return write


def test_a_file_is_a_set_of_its_name(save, workspace):
    logits = Z @ W.T + B
    files = [
        save("train", features=Z, logits=logits, labels=logits.argmax(1), ids=list("abcdef")),
        save("elsewhere", features=Z[:2], logits=logits[:2], images=np.zeros((2, 5, 7), np.uint8)),
    ]
    run = import_files(files, workspace, name="mine", classes=["x", "y", "z"], roles={"elsewhere": "shifted"})
    assert {s.name: s.role for s in run} == {"train": "fit", "elsewhere": "shifted"}
    assert run.classes == ("x", "y", "z")
    assert run["train"].index["id"].tolist() == list("abcdef")
    assert run["train"].table()["correct"].all()
    np.testing.assert_array_equal(run["train"].features, Z)
    np.testing.assert_array_equal(run["elsewhere"].labels, [-1, -1])
    assert run["elsewhere"].thumbnails().shape == (2, 7, 7, 3)
    assert workspace["mine"].complete


def test_several_sets_and_the_head_in_one_file(save, workspace):
    file = save("all", train__features=Z, test__features=Z[:3], test__labels=[0, 1, 2], weight=W, bias=B)
    run = import_files([file], workspace)
    np.testing.assert_array_equal(run["train"].logits, Z @ W.T + B)
    assert run["test"].labels.tolist() == [0, 1, 2]
    assert run.head.kind == "linear"


def test_a_head_without_bias_that_divides_by_the_length(save, workspace):
    run = import_files([save("test", features=Z, weight=W)], workspace, head="l2")
    unit = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    np.testing.assert_allclose(run["test"].logits, unit @ W.T, atol=1e-6)
    assert run.manifest.head == "l2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"feature": Z}, r'a\.npz has an array "feature"; expected features, logits'),
        ({"features": Z}, '"a" has no logits; give them, or the head'),
        ({"features": Z, "bias": B}, '"bias" but no "weight"'),
        ({"features": Z, "weight": 3.0}, "head's weight has shape"),
        ({"features": Z, "weight": np.eye(3)}, '"a" has 4 features, the head takes 3'),
        ({"features": Z, "weight": W, "b__labels": [0]}, 'There are labels for "b", but no features'),
        ({"features": Z, "weight": W, "labels": [0, 1, 2, 3, 0, 0]}, '"a" has the label 3, out of range for 3 logits'),
        ({"features": Z, "weight": W, "labels": [0, 1]}, '"a" has 6 features but 2 labels'),
        ({"features": Z, "weight": W, "logits": Z @ W.T + 1}, "logits and W·z\\+b disagree"),
        ({"features": np.full((6, 4), np.nan), "weight": W}, 'features of "a" are NaN or infinite'),
        ({"weight": W}, "features is empty"),
    ],
)
def test_files_that_do_not_fit(save, workspace, content, message):
    with pytest.raises(DataError, match=message):
        import_files([save("a", **content)], workspace)
    assert workspace.names() == []


def test_two_files_must_not_say_the_same(save, workspace):
    one, other = save("one", weight=W, a__features=Z), save("other", a__features=Z)
    with pytest.raises(DataError, match='Two sets are called "a"'):
        import_files([one, other], workspace)
    with pytest.raises(DataError, match=r'again\.npz has a second "weight"'):
        import_files([one, save("again", weight=W)], workspace)


def test_kind_of_head_and_classes_are_checked(save, workspace):
    file = save("a", features=Z, weight=W)
    with pytest.raises(DataError, match='Unknown head kind "cosine"'):
        import_files([file], workspace, head="cosine")
    with pytest.raises(DataError, match="2 class names for 3 logits"):
        import_files([file], workspace, classes=["a", "b"])
    with pytest.raises(DataError, match='There is no set "b"; the sets are a'):
        import_files([file], workspace, roles={"b": "fit"})
