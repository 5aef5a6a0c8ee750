"""The same samples under two runs."""

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.stats import special_ortho_group

from latentviz import Head, Run, Workspace
from latentviz.errors import Cancelled, DataError
from latentviz.projection import LayoutSpec, aligned, compute
from latentviz.projection.alignment import fitted_onto
from latentviz.projection.graphs import shared_graph
from latentviz.projection.quality import measure
from latentviz.projection.rows import Rows

pytest.importorskip("scranpy", reason="the fast engine needs scranpy")

SPEC = LayoutSpec(sets=("test", "far"))


def run_of(features: dict[str, np.ndarray], ids: dict[str, list[str]]) -> Run:
    width = next(iter(features.values())).shape[1]
    return Run.from_arrays(features, head=Head(np.eye(3, width), np.zeros(3)), ids=ids)


@pytest.fixture
def features(clusters):
    return {"test": clusters(120), "far": clusters(60, seed=1)}


@pytest.fixture
def ids(features):
    return {name: [f"{name}-{i}" for i in range(len(z))] for name, z in features.items()}


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_fit_is_scipys_procrustes(dimensions):
    random = np.random.default_rng(0)
    fixed, moving = random.normal(size=(2, 40, dimensions))
    found = fitted_onto(moving, fixed)
    _, expected, disparity = procrustes(fixed, moving)
    size = np.linalg.norm(fixed - fixed.mean(0))
    np.testing.assert_allclose((found - fixed.mean(0)) / size, expected, atol=1e-6)
    assert np.square((found - fixed) / size).sum() == pytest.approx(disparity)
    turned = 0.3 * moving @ special_ortho_group.rvs(dimensions, random_state=1) + 5
    np.testing.assert_allclose(fitted_onto(turned, fixed), found, atol=1e-5)
    assert np.isfinite(fitted_onto(np.ones((40, dimensions)), fixed)).all()


def test_samples_are_matched_by_set_and_id(features, ids):
    order = {name: np.random.default_rng(2).permutation(len(z))[5:] for name, z in features.items()}
    extra = np.random.default_rng(3).normal(size=(7, 8)).astype(np.float32)
    other = {name: np.concatenate([z[order[name]], extra]) for name, z in features.items()}
    names = {name: [ids[name][i] for i in order[name]] + [f"new-{i}" for i in range(7)] for name in features}
    a, b = run_of(features, ids), run_of({**other, "new": extra}, {**names, "new": list("abcdefg")})
    found = aligned(a, b, SPEC)
    assert list(found.matched.columns) == ["set", "row_a", "row_b"]
    assert len(found.matched) == 115 + 55
    for set_name, row_a, row_b in found.matched.itertuples(index=False):
        np.testing.assert_array_equal(a[set_name].features[row_a], b[set_name].features[row_b])
    layout = compute(a, SPEC).coordinates
    at_a = [row if name == "test" else 120 + row for name, row, _ in found.matched.itertuples(index=False)]
    np.testing.assert_array_equal(found.coordinates_a, layout[at_a])
    assert np.median(found.moved) < 0.2


def test_moved_is_told_in_radii(features, ids):
    found = aligned(run_of(features, ids), run_of({k: z * 3 for k, z in features.items()}, ids), SPEC)
    radius = np.sqrt(np.square(found.coordinates_a - found.coordinates_a.mean(0)).sum(1).mean())
    apart = np.linalg.norm(found.coordinates_a - found.coordinates_b, axis=1)
    np.testing.assert_allclose(found.moved, apart / radius, rtol=1e-4)
    expected = procrustes(found.coordinates_a.astype(float), found.coordinates_b.astype(float))[2]
    assert found.disparity == pytest.approx(expected, abs=1e-4)


def test_who_changes_groups_moves_farthest(features, ids):
    changed = features["test"].copy()
    label = np.argmin(np.linalg.norm(changed[:, None] - changed[:3], axis=2), axis=1)
    away = np.flatnonzero(label != label[0])
    here = np.flatnonzero(label == label[0])
    movers = here[:5]
    changed[movers] = features["test"][away[0]] + np.random.default_rng(0).normal(scale=0.1, size=(5, 8))
    spec = SPEC.model_copy(update={"sets": ("test",)})
    found = aligned(run_of(features, ids), run_of({"test": changed, "far": features["far"]}, ids), spec)
    assert np.median(found.moved[movers]) > 2 * np.median(np.delete(found.moved, movers))


def test_a_pair_is_computed_once(features, ids):
    a, b = run_of(features, ids), run_of({k: np.tanh(z) for k, z in features.items()}, ids)
    first = aligned(a, b, SPEC)
    again = aligned(a.reopened(), b.reopened(), SPEC)
    np.testing.assert_array_equal(again.coordinates_b, first.coordinates_b)
    assert again.matched.equals(first.matched)
    (meta,) = a.derived.list("aligned").values()
    assert (meta["other"], meta["samples"]) == ("arrays", 180)
    given = compute(a, SPEC.model_copy(update={"seed": 5}))
    other = aligned(a, b, SPEC, given)
    np.testing.assert_array_equal(other.coordinates_a, given.coordinates)
    assert len(a.derived.list("aligned")) == 2

    def stop(*_: object) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        aligned(a, b, SPEC.model_copy(update={"min_dist": 0.4}), given, progress=stop)
    assert len(a.derived.list("aligned")) == 2


def test_sets_and_samples_must_be_in_both(features, ids):
    a = run_of(features, ids)
    part = aligned(a, run_of({"far": features["far"]}, {"far": ids["far"]}), SPEC)
    assert set(part.matched["set"]) == {"far"}
    with pytest.raises(DataError, match="has samples of none of test, far"):
        aligned(a, run_of({"train": features["test"]}, {"train": ids["test"]}), SPEC)
    with pytest.raises(DataError, match="have no sample with the same set and id"):
        aligned(a, run_of({"far": features["far"]}, {"far": [f"x{i}" for i in range(60)]}), SPEC)
    for update in ({"method": "pca"}, {"engine": "umap-learn"}):
        with pytest.raises(DataError, match="Only UMAPs by the fast engine"):
            aligned(a, a, SPEC.model_copy(update=update))
    with pytest.raises(DataError, match="not one of the first run's samples"):
        aligned(a, a, SPEC, compute(a, SPEC.model_copy(update={"dimensions": 3})))


def test_two_networks_of_the_demo(demo):
    workspace = Workspace(demo / "workspace")
    a, b = workspace["digits"], workspace["digits-l2"]
    spec = LayoutSpec(sets=tuple(a.sets))
    found = aligned(a, b, spec)
    assert len(found.matched) == sum(len(s) for s in a)
    cold = compute(b, spec)
    apart = procrustes(found.coordinates_a.astype(float), cold.coordinates.astype(float))[2]
    assert found.disparity < 0.6 * apart
    rows = Rows.of(b, spec.sets)
    assert shared_graph(rows, 15, "euclidean")[0].shape[1] == 15
    mine, its_own = measure(rows.chunks, [found.coordinates_b, cold.coordinates], "euclidean")
    assert mine.trustworthiness > its_own.trustworthiness - 0.005
