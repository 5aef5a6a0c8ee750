"""The spec chooses the engine; a layout can go on from another."""

import numpy as np
import pytest
from pydantic import ValidationError

from latentviz.errors import Cancelled, DataError
from latentviz.projection import LayoutSpec, compute, fast, quality_of, stored
from latentviz.projection.graphs import shared_graph
from latentviz.projection.pca import pca
from latentviz.projection.rows import Rows
from latentviz.projection.spec import default_engine
from latentviz.projection.umap import start_from

pytest.importorskip("scranpy", reason="the fast engine needs scranpy")

SPEC = LayoutSpec(sets=("test", "ood"))


@pytest.fixture
def run(make_run, clusters):
    return make_run(test=clusters(200), ood=clusters(100, seed=1))


def test_the_fast_engine_is_the_default_where_it_is_installed(monkeypatch):
    assert SPEC.engine == "fast"
    monkeypatch.setattr(fast, "available", lambda: False)
    assert default_engine() == LayoutSpec(sets=("test",)).engine == "umap-learn"


def test_the_layout_is_the_last_frame(run):
    frames = []
    found = compute(run, SPEC, on_frame=frames.append)
    assert [frame.epoch for frame in frames] == np.cumsum(fast.slices(fast.COLD)).tolist()
    np.testing.assert_array_equal(found.coordinates, frames[-1].coordinates)
    rows = Rows.of(run, SPEC.sets)
    start = start_from(pca(rows.chunks).coordinates[:, :2], SPEC.seed)
    *_, expected = fast.frames(*shared_graph(rows, 15, "euclidean"), start)
    np.testing.assert_array_equal(found.coordinates, expected.coordinates)
    (meta,) = run.derived.list("umap").values()
    assert meta["library"].startswith("scranpy ")
    assert (meta["engine"], meta["spread"], meta["started_from"]) == ("fast", 1, None)


def test_a_stored_layout_has_no_frames(run):
    first, frames = compute(run, SPEC), []
    again = compute(run.reopened(), SPEC, on_frame=frames.append)
    assert frames == []
    np.testing.assert_array_equal(again.coordinates, first.coordinates)


def test_spread_and_epochs_are_heeded(run):
    near, far = (compute(run, SPEC.model_copy(update={"spread": spread})) for spread in (1.0, 3.0))
    assert np.ptp(far.coordinates) > 1.5 * np.ptp(near.coordinates)
    frames = []
    compute(run, SPEC.model_copy(update={"epochs": 7}), on_frame=frames.append)
    assert frames[-1].epoch == 7


def test_a_warm_layout_does_not_pass_for_a_cold_one(run):
    first = compute(run, SPEC)
    changed, frames = SPEC.model_copy(update={"min_dist": 0.6}), []
    warm = compute(run, changed, start=first, on_frame=frames.append)
    assert frames[-1].epoch == fast.WARM
    assert warm.started_from == first.fingerprint
    assert stored(run, changed) is None
    cold = compute(run, changed)
    assert cold.started_from is None
    assert cold.fingerprint != warm.fingerprint
    found = stored(run.reopened(), changed, first)
    assert (found.started_from, found.fingerprint) == (first.fingerprint, warm.fingerprint)
    assert compute(run, changed, start=first).fingerprint == warm.fingerprint
    assert stored(run, changed, cold) is None
    assert quality_of(run, warm) != quality_of(run, cold)


def test_going_on_moves_little(run):
    first = compute(run, SPEC)
    warm = compute(run, SPEC.model_copy(update={"n_neighbors": 30}), start=first)
    moved = np.linalg.norm(warm.coordinates - first.coordinates, axis=1)
    assert np.median(moved) < 0.25 * np.ptp(first.coordinates)
    assert quality_of(run, warm).trustworthiness > 0.85


def test_a_umap_starts_from_pca_anyway(run):
    principal = compute(run, SPEC.model_copy(update={"method": "pca"}))
    found = compute(run, SPEC, start=principal)
    assert found.started_from is None
    assert stored(run, SPEC).fingerprint == found.fingerprint == stored(run, SPEC, principal).fingerprint


@pytest.mark.parametrize(
    ("update", "sentence"),
    [
        ({"sets": ("test",)}, "300 samples of test, ood in 2 dimensions, the new one has 200 of test in 2"),
        ({"sets": ("ood", "test")}, "Start anew"),
        ({"dimensions": 3}, "in 3. Start anew"),
        ({"engine": "umap-learn"}, "Only the fast engine goes on"),
    ],
)
def test_a_start_of_other_samples_is_refused(run, update, sentence):
    first = compute(run, SPEC)
    with pytest.raises(DataError, match=sentence):
        compute(run, SPEC.model_copy(update=update), start=first)


def test_a_cancelled_layout_is_not_stored(run):
    def stop(frame: fast.Frame) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        compute(run, SPEC, on_frame=stop)
    assert stored(run, SPEC) is None
    assert run.derived.list("umap") == {}


@pytest.mark.parametrize("wrong", [{"spread": 0}, {"spread": 11}, {"engine": "slow"}])
def test_a_spec_holds_only_what_the_engines_take(wrong):
    with pytest.raises(ValidationError):
        LayoutSpec(sets=("test",), **wrong)


def test_points_cannot_be_kept_farther_apart_than_the_spread():
    with pytest.raises(ValidationError, match=r"min_dist is 0\.5; it can be at most spread, which is 0\.3"):
        LayoutSpec(sets=("test",), min_dist=0.5, spread=0.3)
    assert LayoutSpec(sets=("test",), min_dist=0.3, spread=0.3).spread == 0.3


@pytest.mark.parametrize(("spread", "min_dist"), [(1e-6, 0), (0.05, 0.05), (10, 0.99)])
def test_extreme_spreads_have_a_layout(run, spread, min_dist):
    found = compute(run, SPEC.model_copy(update={"spread": spread, "min_dist": min_dist, "epochs": 10}))
    assert np.isfinite(found.coordinates).all()
