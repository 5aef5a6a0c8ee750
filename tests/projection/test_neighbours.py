import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from latentviz.errors import Cancelled, DataError
from latentviz.projection.metrics import METRICS, unit_rows
from latentviz.projection.neighbours import graph, nearest, nearest_rows


def features(samples: int, seed: int = 0, width: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).normal(1, 1, size=(samples, width)).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_agree_with_brute_force(metric):
    database, queries = features(700), features(1100, seed=1)
    indices, distances = nearest(database, queries, 10, metric)
    reference = NearestNeighbors(n_neighbors=10, metric=metric, algorithm="brute").fit(database.astype(np.float64))
    expected, found = reference.kneighbors(queries.astype(np.float64))
    assert (indices == found).mean() > 0.9995  # float32 may swap neighbours at nearly equal distances
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-6)
    assert indices.dtype == np.int32
    assert distances.dtype == np.float32


@pytest.mark.parametrize("metric", METRICS)
def test_streamed_neighbours_are_the_same(metric):
    database, query = features(300), features(1, seed=1)
    indices, distances = nearest(database, query, 20, metric)
    streamed = nearest_rows(np.array_split(database, 7), query[0], 20, metric)
    np.testing.assert_array_equal(streamed[0], indices[0])
    np.testing.assert_allclose(streamed[1], distances[0], rtol=1e-5, atol=1e-6)


def test_a_large_common_offset_changes_no_neighbour():
    rows = features(400)
    near, far = graph(rows, 10), graph((rows + np.float32(512)), 10)
    assert (near[0] == far[0]).mean() > 0.99  # adding 512 itself rounds the features
    np.testing.assert_allclose(near[1], far[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("metric", METRICS)
def test_every_row_comes_first_also_among_duplicates(metric):
    rows = np.repeat(features(5), 30, axis=0)
    indices, distances = graph(rows, 10, metric)
    np.testing.assert_array_equal(indices[:, 0], np.arange(150))
    assert all(len(set(row)) == 10 for row in indices.tolist())
    assert (indices // 30 == np.arange(150)[:, None] // 30).all()
    np.testing.assert_allclose(distances, 0, atol=1e-6)
    assert (distances[:, 0] == 0).all()


def test_duplicates_are_at_distance_zero():
    rows = np.repeat(features(50) * 100, 2, axis=0)
    assert (graph(rows, 2)[1] == 0).all()


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_rows_without_a_direction_are_far_from_all(metric):
    rows = features(20)
    rows[3] = 0 if metric == "cosine" else 0.1
    for _, distances in (nearest(rows, rows[3:4], 20, metric), nearest_rows([rows], rows[3], 20, metric)):
        np.testing.assert_allclose(distances, 1, atol=1e-6)


def test_unit_rows_keep_zeros():
    assert np.isfinite(unit_rows(np.zeros((2, 3), dtype=np.float32))).all()


def test_all_rows_may_be_neighbours_but_no_more():
    rows = features(6)
    assert sorted(graph(rows, 6)[0][2].tolist()) == list(range(6))
    with pytest.raises(DataError, match="7 nearest neighbours were asked for among 6 samples"):
        graph(rows, 7)
    with pytest.raises(DataError, match="ask for 1 to 6"):
        nearest(rows, rows, 0)
    with pytest.raises(DataError, match="among 6 samples"):
        nearest_rows([rows], rows[0], 7)


def test_bad_input_is_refused_in_a_sentence():
    rows = features(6)
    with pytest.raises(DataError, match='Unknown metric "cosmic"; choose euclidean'):
        nearest(rows, rows, 2, "cosmic")
    with pytest.raises(DataError, match="rows of one width"):
        nearest(rows, rows[:, :3], 2)
    with pytest.raises(DataError, match="NaN or infinite"):
        nearest(np.where(rows > 1, np.nan, rows), rows, 2)


def test_a_search_can_be_watched_and_cancelled():
    seen = []
    nearest(features(50), features(2500), 3, progress=lambda *report: seen.append(report))
    assert seen[0] == ("Nearest neighbours", 0, 2500, "samples")
    assert seen[-1] == ("Nearest neighbours", 2500, 2500, "samples")

    def stop(stage: str, done: int, total: int, unit: str = "") -> None:
        if done:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        nearest(features(50), features(2500), 3, progress=stop)


@pytest.mark.parametrize("metric", METRICS)
def test_any_number_of_cores_finds_the_same(metric):
    import faiss

    rows, before = features(5000), faiss.omp_get_max_threads()
    try:
        found = []
        for threads in (1, 3):
            faiss.omp_set_num_threads(threads)
            found.append(graph(rows, 8, metric))
            assert faiss.omp_get_max_threads() == threads  # for whoever comes next
    finally:
        faiss.omp_set_num_threads(before)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
