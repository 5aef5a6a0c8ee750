"""Everything that runs UMAP: numba compiles for about a minute, once for the file."""

import threading
import warnings

import numpy as np
import pytest

from latentviz.errors import Cancelled
from latentviz.projection import LayoutSpec, compute, quality_of, stored
from latentviz.projection.neighbours import graph
from latentviz.projection.umap import COMPILING, layout, start_from

SAMPLES = 150
SPEC = LayoutSpec(engine="umap-learn", sets=("test", "ood"), epochs=30)


@pytest.fixture(scope="module")
def given(clusters):
    """Features, their graph, a start, the layout from there and what its progress said."""
    features = clusters(SAMPLES)
    indices, distances = graph(features, 15)
    start = start_from(features[:, :2], seed=3)
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = layout(indices, distances, start, epochs=30, seed=3, progress=lambda *r: seen.append(r))
    return features, indices, distances, start, found, seen


def test_the_layout_is_that_of_umap_learn(given):
    import umap

    features, indices, distances, start, found, _ = given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = umap.UMAP(
            n_epochs=30, init=start, random_state=3, precomputed_knn=(indices.copy(), distances.copy())
        )
        np.testing.assert_array_equal(found, reference.fit_transform(features))


def test_the_progress_counts_epochs_after_compiling(given):
    *_, seen = given
    assert [r for r in seen if r[0] == "UMAP layout"] == [("UMAP layout", n, 30, "epochs") for n in range(1, 31)]
    assert seen[0][:3] in ((COMPILING, 0, 0), ("UMAP layout", 1, 30))


def test_the_seed_decides(given):
    _, indices, distances, start, found, _ = given
    np.testing.assert_array_equal(layout(indices, distances, start, epochs=30, seed=3), found)
    assert not np.array_equal(layout(indices, distances, start, epochs=30, seed=4), found)


def test_cancelling_in_one_thread_does_not_block_the_next(given):
    _, indices, distances, start, found, _ = given

    def stop(stage: str, done: int, total: int, unit: str = "") -> None:
        if stage == "UMAP layout" and done == 3:
            raise Cancelled("stopped")

    again = []

    def work() -> None:
        again.append(layout(indices, distances, start, epochs=30, seed=3))

    with pytest.raises(Cancelled):
        layout(indices, distances, start, epochs=30, seed=3, progress=stop)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout=60)
    np.testing.assert_array_equal(again[0], found)


def test_a_map_is_computed_once(given, make_run):
    features = given[0]
    run = make_run(test=features[:100], ood=features[100:])
    first = compute(run, SPEC)
    assert first.coordinates.shape == (SAMPLES, 2)
    assert first.coordinates.dtype == np.float32
    assert first.explained is None
    measured = quality_of(run, first)
    assert measured.trustworthiness > 0.8
    again = compute(run.reopened(), SPEC)
    np.testing.assert_array_equal(again.coordinates, first.coordinates)
    assert quality_of(run.reopened(), again) == measured
    (meta,) = run.derived.list("umap").values()
    assert meta["library"].startswith("umap-learn ")
    assert (meta["seed"], meta["n_neighbors"], meta["sets"]) == (0, 15, ["test", "ood"])

    other = compute(run, SPEC.model_copy(update={"min_dist": 0.5, "n_neighbors": 40}))
    assert not np.array_equal(other.coordinates, first.coordinates)
    assert len(run.derived.list("neighbours")) == 1

    elsewhere = make_run(test=features[:100], ood=features[100:])
    compute(elsewhere, SPEC.model_copy(update={"method": "pca"}))
    np.testing.assert_array_equal(compute(elsewhere, SPEC).coordinates, first.coordinates)


def test_a_cancelled_map_leaves_only_its_neighbours(given, make_run):
    features = given[0]
    run = make_run(test=features[:100], ood=features[100:])

    def stop(stage: str, done: int, total: int, unit: str = "") -> None:
        if stage == "UMAP layout":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        compute(run, SPEC, stop)
    assert stored(run, SPEC) is None
    assert run.derived.list("umap") == {}
    assert len(run.derived.list("neighbours")) == 1


@pytest.mark.parametrize("metric", ["cosine", "correlation", "manhattan"])
def test_every_metric_in_three_dimensions(given, make_run, metric):
    run = make_run(test=given[0][:100], ood=given[0][100:])
    update = {"metric": metric, "dimensions": 3, "normalise": True}
    found = compute(run, SPEC.model_copy(update=update))
    assert found.coordinates.shape == (SAMPLES, 3)
    assert quality_of(run, found).trustworthiness > 0.8


@pytest.mark.parametrize(
    "features",
    [np.ones((40, 4)), np.zeros((40, 4)), np.arange(40.0)[:, None], np.eye(4)],
    ids=["all points equal", "all zero", "one feature", "four samples"],
)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_degenerate_features_have_a_finite_map(given, make_run, features, metric):
    run = make_run(test=features.astype(np.float32))
    spec = LayoutSpec(
        engine="umap-learn", sets=("test",), n_neighbors=min(15, len(features) - 1), epochs=15, metric=metric
    )
    assert np.isfinite(compute(run, spec).coordinates).all()
