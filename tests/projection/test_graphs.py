import numpy as np
import pytest

from latentviz.errors import DataError, WorkspaceError
from latentviz.projection import METRICS, neighbours_of
from latentviz.projection.graphs import shared_graph, stored_graph
from latentviz.projection.neighbours import graph
from latentviz.projection.rows import Rows


def test_fewer_neighbours_are_served_by_the_stored_graph(make_run, clusters):
    run = make_run(test=clusters(120))
    rows = Rows.of(run, ["test"])
    assert stored_graph(rows, 15, "euclidean") is None
    assert shared_graph(rows, 15, "euclidean")[0].shape == (120, 15)
    (meta,) = run.derived.list("neighbours").values()
    assert meta["k"] == 50
    assert shared_graph(rows, 50, "euclidean")[0].shape == (120, 50)
    assert len(run.derived.list("neighbours")) == 1
    assert shared_graph(rows, 60, "euclidean")[0].shape == (120, 60)
    assert [m["k"] for m in run.derived.list("neighbours").values()].count(100) == 1


def test_the_stored_graph_is_that_of_the_features(make_run, clusters):
    features = clusters(70)
    rows = Rows.of(make_run(test=features[:30], ood=features[30:]), ["test", "ood"])
    for found in (shared_graph(rows, 70, "cosine"), stored_graph(rows, 70, "cosine")):
        for values, expected in zip(found, graph(features, 70, "cosine"), strict=True):
            np.testing.assert_array_equal(values, expected)
    with pytest.raises(DataError, match="71 neighbours are too many for 70 samples"):
        shared_graph(rows, 71, "cosine")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("normalise", [False, True])
def test_looking_up_and_streaming_agree(make_run, metric, normalise, clusters):
    features = clusters(90)
    run = make_run(test=features[:40], ood=features[40:])
    streamed = neighbours_of(run, ["test", "ood"], "ood", 7, 9, metric, normalise)
    shared_graph(Rows.of(run, ["test", "ood"], normalise), 15, metric)
    looked_up = neighbours_of(run, ["test", "ood"], "ood", 7, 9, metric, normalise)
    assert list(streamed.columns) == ["set", "row", "distance"]
    assert streamed[["set", "row"]].equals(looked_up[["set", "row"]])
    np.testing.assert_allclose(streamed["distance"], looked_up["distance"], rtol=1e-4, atol=1e-6)


def test_neighbours_are_samples_of_the_chosen_sets_without_the_sample_itself(make_run):
    features = np.arange(12, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    run = make_run(test=features[:5], ood=features[5:])
    found = neighbours_of(run, ["ood", "test"], "test", 4, 3)
    assert set(zip(found["set"], found["row"], strict=True)) == {("ood", 0), ("test", 3), ("ood", 1)} or set(
        zip(found["set"], found["row"], strict=True)
    ) == {("ood", 0), ("test", 3), ("test", 2)}
    assert found["distance"].tolist() == [2, 2, 4]
    assert len(neighbours_of(run, ["test"], "test", 0, 50)) == 4


def test_duplicates_do_not_bring_the_sample_back(make_run):
    run = make_run(test=np.ones((80, 4), np.float32))
    for _ in range(2):
        found = neighbours_of(run, ["test"], "test", 70, 5)
        assert len(found) == 5
        assert 70 not in found["row"].tolist()
        shared_graph(Rows.of(run, ["test"]), 15, "euclidean")


def test_wrong_samples_are_refused_in_a_sentence(make_run, clusters):
    run = make_run(test=clusters(20), ood=clusters(10, seed=1))
    with pytest.raises(DataError, match='"ood" is not among the chosen sets test'):
        neighbours_of(run, ["test"], "ood", 0)
    with pytest.raises(DataError, match='"test" has no row 20; it has 20 samples'):
        neighbours_of(run, ["test"], "test", 20)
    with pytest.raises(DataError, match="at least 1"):
        neighbours_of(run, ["test"], "test", 0, k=0)
    with pytest.raises(DataError, match="Unknown metric"):
        neighbours_of(run, ["test"], "test", 0, metric="cosmic")
    with pytest.raises(DataError, match="No image set is chosen"):
        neighbours_of(run, [], "test", 0)
    with pytest.raises(DataError, match="chosen twice"):
        neighbours_of(run, ["test", "test"], "test", 0)
    with pytest.raises(WorkspaceError, match='no set "train"'):
        neighbours_of(run, ["train"], "train", 0)
