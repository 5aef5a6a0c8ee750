import shutil
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from latentviz.errors import Cancelled, DataError, WorkspaceError
from latentviz.projection import Layout, LayoutSpec, compute, moved_here, named, quality_of, stored
from latentviz.projection.pca import pca
from latentviz.projection.quality import quality
from latentviz.workspace import SetEntry
from latentviz.workspace.run import listing_of

PCA = LayoutSpec(method="pca", sets=("test", "ood"))


def test_rows_follow_the_order_of_the_sets(make_run, clusters):
    test, ood = clusters(40), clusters(25, seed=1)
    run = make_run(test=test, ood=ood)
    for sets, features in ((("test", "ood"), [test, ood]), (("ood", "test"), [ood, test])):
        found = compute(run, LayoutSpec(method="pca", dimensions=3, sets=sets))
        expected = pca(lambda f=features: [np.concatenate(f)])
        np.testing.assert_allclose(found.coordinates, expected.coordinates, atol=1e-4)
        assert found.explained == pytest.approx(expected.explained)


def test_what_pca_does_not_heed_does_not_change_what_is_stored(make_run, clusters):
    run = make_run(test=clusters(40), ood=clusters(25, seed=1))
    three = compute(run, PCA.model_copy(update={"dimensions": 3}))
    other = LayoutSpec(method="pca", sets=PCA.sets, n_neighbors=50, min_dist=0.5, metric="cosine", epochs=3, seed=9)
    two = stored(run, other)
    assert isinstance(two, Layout)
    np.testing.assert_array_equal(two.coordinates, three.coordinates[:, :2])
    assert two.explained == three.explained[:2]
    features = np.concatenate([run["test"].features, run["ood"].features])
    for found in (two, three):
        expected = quality(features, found.coordinates)
        assert quality_of(run, found).trustworthiness == pytest.approx(expected.trustworthiness, abs=1e-9)
    assert len(run.derived.list("pca")) == 1


def test_a_stored_map_needs_no_features(make_run, clusters):
    run = make_run(test=clusters(40), ood=clusters(25, seed=1))
    assert stored(run, PCA) is None
    first = compute(run, PCA)
    measured = quality_of(run, first)
    for name in PCA.sets:
        shutil.rmtree(run.folder / "sets" / name / "features")
    again = compute(run.reopened(), PCA)
    np.testing.assert_array_equal(again.coordinates, first.coordinates)
    assert again.explained == first.explained
    assert quality_of(run.reopened(), again) == measured
    (meta,) = run.derived.list("pca").values()
    assert meta["sets"] == ["test", "ood"]
    assert meta["library"].startswith("numpy ")
    with pytest.raises(WorkspaceError, match="features is missing"):
        compute(run.reopened(), PCA.model_copy(update={"normalise": True}))


def test_a_cancelled_map_is_not_stored(make_run, clusters):
    run = make_run(test=clusters(40), ood=clusters(25, seed=1))

    def stop(stage: str, done: int, total: int, unit: str = "") -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        compute(run, PCA, stop)
    assert stored(run, PCA) is None
    assert run.derived.list("pca") == {}
    with pytest.raises(Cancelled):
        quality_of(run, compute(run, PCA), stop)
    assert run.derived.list("quality") == {}


def test_a_set_that_is_being_written_is_laid_out_as_far_as_it_goes(make_run, clusters):
    run = make_run(test=clusters(40))
    listing = listing_of([str(i) for i in range(60)], [""] * 60, None)
    writer = run.add_set(SetEntry(name="ood", role="ood", listed=60, listing="x"), listing, 0)
    spec = LayoutSpec(method="pca", sets=("ood", "test"))
    run = run.reopened()
    with pytest.raises(DataError, match="no features yet in ood"):
        compute(run, spec.model_copy(update={"sets": ("ood",)}))
    assert len(compute(run, spec).coordinates) == 40
    features = clusters(20, seed=1)
    writer.append(features, run.head.logits(features))
    run = run.reopened()
    assert stored(run, spec) is None
    assert len(compute(run, spec).coordinates) == 60


@pytest.mark.parametrize("look", [stored, compute])
def test_wrong_sets_are_refused_in_a_sentence(make_run, look, clusters):
    run = make_run(test=clusters(10))
    with pytest.raises(DataError, match="No image set is chosen"):
        look(run, LayoutSpec(method="pca", sets=()))
    with pytest.raises(DataError, match='"test" is chosen twice'):
        look(run, LayoutSpec(method="pca", sets=("test", "test")))
    with pytest.raises(WorkspaceError, match='no set "train"; it has test'):
        look(run, LayoutSpec(method="pca", sets=("train",)))


@pytest.mark.parametrize(
    "wrong",
    [{"n_neighbors": 1}, {"min_dist": 1.5}, {"dimensions": 4}, {"metric": "x"}, {"epochs": 0}, {"typo": 1}],
)
def test_a_spec_holds_only_what_can_be_computed(wrong):
    with pytest.raises(ValidationError):
        LayoutSpec(sets=("test",), **wrong)


def test_few_samples_are_refused_before_anything_is_computed(make_run, clusters):
    run = make_run(test=clusters(12))
    with pytest.raises(DataError, match="Lower the number of neighbours to 11 or less"):
        compute(run, LayoutSpec(sets=("test",)))
    with pytest.raises(DataError, match="3 dimensions needs more than 4 samples; there are 4"):
        compute(make_run(test=clusters(4)), LayoutSpec(sets=("test",), n_neighbors=2, dimensions=3))
    assert run.derived.list("neighbours") == {}


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_pca_takes_any_number_of_samples(make_run, samples, clusters):
    found = compute(make_run(test=clusters(samples)), LayoutSpec(method="pca", sets=("test",)))
    assert found.coordinates.shape == (samples, 2)
    assert np.isfinite(found.coordinates).all()


def test_importing_and_looking_up_loads_nothing_heavy():
    heavy = "faiss", "numba", "plotly", "sklearn", "streamlit", "torch", "umap"
    code = f"import sys, latentviz.projection; sys.exit(' '.join(sys.modules.keys() & {set(heavy)}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stored_map_is_found_by_its_fingerprint(make_run, clusters):
    run = make_run(test=clusters(40), ood=clusters(25, seed=1))
    sets = tuple(run.sets)
    for dimensions in (2, 3):
        layout = compute(run, LayoutSpec(method="pca", dimensions=dimensions, sets=sets))
        np.testing.assert_array_equal(named(run, sets, layout.fingerprint), layout.coordinates)
        assert named(run, sets[:1], layout.fingerprint) is None
    assert named(run, sets, "other") is None


def test_a_moved_map_is_found_again_but_never_passes_for_the_one_of_its_seed(make_run, clusters):
    run = make_run(test=clusters(60))
    first = compute(run, LayoutSpec(sets=("test",), n_neighbors=5))
    wanted = first.spec.model_copy(update={"min_dist": 0.5})
    moved = compute(run, wanted, start=first)
    assert stored(run, wanted) is None
    found = moved_here(run, wanted)
    np.testing.assert_array_equal(found.coordinates, moved.coordinates)
    assert found.started_from == first.fingerprint
    assert moved_here(run, first.spec) is None
    np.testing.assert_array_equal(named(run, ("test",), moved.fingerprint), moved.coordinates)
