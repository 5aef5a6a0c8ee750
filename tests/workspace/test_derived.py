"""Results that are computed once."""

import shutil

import numpy as np
import pytest

from latentviz.errors import WorkspaceError
from latentviz.workspace.derived import Derived


@pytest.fixture
def derived(tmp_path) -> Derived:
    return Derived(tmp_path / "derived")


def test_round_trip(derived):
    key = derived.key("umap", {"neighbours": 15, "seed": 0}, ["abc"])
    assert key not in derived
    arrays = {
        "layout": np.random.default_rng(0).normal(size=(5, 2)),
        "indices": np.arange(6, dtype=np.int32).reshape(2, 3),
        "empty": np.zeros((0, 2), np.float32),
        "loss": np.float64(0.25),
    }
    derived.save(key, {name: np.asarray(a) for name, a in arrays.items()}, {"neighbours": 15, "title": "Übersicht"})
    assert key in derived
    assert derived.meta(key) == {"neighbours": 15, "title": "Übersicht"}
    for name, values in arrays.items():
        read = derived.array(key, name)
        np.testing.assert_array_equal(read, values)
        assert (read.dtype, read.shape) == (np.asarray(values).dtype, np.asarray(values).shape)


def test_keys_follow_parameters_and_content(derived):
    key = derived.key("umap", {"a": 1, "b": 2}, ["x", "y"])
    assert derived.key("umap", {"b": 2, "a": 1}, ["x", "y"]) == key
    others = [
        derived.key("umap", {"a": 1, "b": 3}, ["x", "y"]),
        derived.key("umap", {"a": 1}, ["x", "y"]),
        derived.key("umap", {"a": 1, "b": 2}, ["y", "x"]),
        derived.key("umap", {"a": 1, "b": 2}, ["x", "z"]),
        derived.key("umap", {"a": 1, "b": 2}, ["xy"]),
        derived.key("knn", {"a": 1, "b": 2}, ["x", "y"]),
    ]
    assert len({key, *others}) == 7


def test_the_first_result_stays(derived):
    key = derived.key("umap", {}, [])
    derived.save(key, {"layout": np.zeros(3)}, {"by": "first"})
    derived.save(key, {"layout": np.ones(3)}, {"by": "second"})
    assert derived.meta(key) == {"by": "first"}
    np.testing.assert_array_equal(derived.array(key, "layout"), np.zeros(3))


@pytest.mark.parametrize("meta", [{"bad": object()}, {"bad": {1, 2}}])
def test_a_failure_leaves_nothing(derived, meta):
    key = derived.key("umap", {}, [])
    with pytest.raises(TypeError):
        derived.save(key, {"layout": np.zeros(3)}, meta)
    assert key not in derived
    assert list((derived.folder / "umap").iterdir()) == []


@pytest.mark.parametrize("values", [np.zeros((3, 2)), np.zeros(4, np.int32)], ids=["floats", "integers"])
def test_an_array_whose_chunk_is_gone_is_no_zeros(derived, values):
    key = derived.key("umap", {}, [])
    derived.save(key, {"layout": values}, {})
    np.testing.assert_array_equal(derived.array(key, "layout"), values)
    shutil.rmtree(derived.folder / key / "layout" / "c")
    with pytest.raises(WorkspaceError, match="layout is damaged"):
        derived.array(key, "layout")
    with pytest.raises(WorkspaceError, match="other is missing"):
        derived.array(key, "other")


def test_listing_of_a_kind(derived):
    assert derived.list("umap") == {}
    keys = [derived.key("umap", {"seed": seed}, []) for seed in range(3)]
    for seed, key in enumerate(keys):
        derived.save(key, {"layout": np.zeros(2)}, {"seed": seed})
    derived.save(derived.key("knn", {}, []), {"indices": np.zeros(2)}, {})
    (derived.folder / "umap" / ".abc.partial").mkdir()
    (derived.folder / "umap" / ".abc.partial" / "meta.json").write_text("{")
    assert {key: meta["seed"] for key, meta in derived.list("umap").items()} == dict(zip(keys, range(3), strict=True))


def test_a_result_that_is_not_there(derived):
    with pytest.raises(WorkspaceError, match=r"meta.json is missing"):
        derived.meta("umap/none")
