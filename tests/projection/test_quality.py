import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from latentviz.errors import Cancelled, DataError
from latentviz.projection.metrics import METRICS, prepared
from latentviz.projection.quality import lost, measure, quality


def features(samples: int, width: int = 10) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(samples, width)).astype(np.float32)


@pytest.mark.parametrize("samples", [31, 400])
@pytest.mark.parametrize("k", [3, 15])
def test_trustworthiness_is_sklearns(samples, k):
    z = features(samples)
    expected = trustworthiness(z.astype(np.float64), z[:, :2], n_neighbors=k)
    assert quality(z, z[:, :2], k=k).trustworthiness == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_trustworthiness_is_sklearns_under_every_metric(metric):
    z = features(300)
    expected = trustworthiness(z.astype(np.float64), z[:, :2], n_neighbors=15, metric=metric)
    assert quality(z, z[:, :2], metric).trustworthiness == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("samples", [31, 300])
def test_continuity_is_trustworthiness_the_other_way_round(metric, samples):
    z = features(samples, width=24)
    by_metric = prepared(z.astype(np.float64), metric, np.zeros(24))  # on which sklearn's ranks are the metric's
    ranked_by = "manhattan" if metric == "manhattan" else "euclidean"
    nearest = NearestNeighbors(n_neighbors=15, metric=ranked_by).fit(by_metric).kneighbors(return_distance=False)
    found = quality(z, z[:, :2], metric)
    # Where only these matter, the features may be any in which the same samples are nearest.
    assert found.continuity == pytest.approx(reference_continuity(nearest[:, : found.k], z[:, :2]), abs=1e-12)
    if metric == "euclidean":
        expected = trustworthiness(z[:, :2].astype(np.float64), z.astype(np.float64), n_neighbors=found.k)
        assert found.continuity == pytest.approx(expected, abs=1e-12)


def reference_continuity(nearest: np.ndarray, coordinates: np.ndarray) -> float:
    """By the formula of Venna and Kaski, sample by sample."""
    count, k = nearest.shape
    cost = 0
    for sample, others in enumerate(nearest):
        order = np.argsort(np.linalg.norm(coordinates.astype(float) - coordinates[sample].astype(float), axis=1))
        ranks = np.empty(count)
        ranks[order] = np.arange(count)
        cost += np.maximum(ranks[others] - k, 0).sum()
    return 1 - 2 / (count * k * (2 * count - 3 * k - 1)) * cost


def test_a_torn_map_is_trustworthy_but_not_continuous():
    line = np.linspace(0, 1, 400, dtype=np.float32)[:, None]
    order = np.random.default_rng(0).permutation(40)
    torn = np.concatenate([line[10 * place : 10 * place + 10] + 2 * number for number, place in enumerate(order)])
    z = np.concatenate([line[10 * place : 10 * place + 10] for place in order])
    found = quality(z, torn, k=5)
    assert found.trustworthiness > 0.99
    assert found.continuity < 0.95


def test_preservation_is_the_share_of_common_neighbours():
    z = features(300)
    there, here = (NearestNeighbors(n_neighbors=15).fit(a).kneighbors(return_distance=False) for a in (z, z[:, :2]))
    shares = [len(set(a) & set(b)) / 15 for a, b in zip(there, here, strict=True)]
    assert quality(z, z[:, :2]).neighbour_preservation == pytest.approx(np.mean(shares), abs=1e-12)


def test_a_sample_is_close_to_all_points():
    z = features(1500)
    z[:, :2] *= 3
    every, some = quality(z, z[:, :2]), quality(z, z[:, :2], sample=500)
    assert (every.sample, some.sample) == (1500, 500)
    assert some.trustworthiness == pytest.approx(every.trustworthiness, abs=0.01)
    assert some.continuity == pytest.approx(every.continuity, abs=0.01)
    assert some.neighbour_preservation == pytest.approx(every.neighbour_preservation, abs=0.02)
    assert some == quality(z, z[:, :2], sample=500)
    assert some != quality(z, z[:, :2], sample=500, seed=1)


def test_several_maps_and_chunks_change_nothing():
    z = features(500)
    maps = [z[:, :2], z[:, :3], np.zeros((500, 2), np.float32) + z[:, 4:5]]
    together = measure(lambda: np.array_split(z, 6), maps, sample=200)
    alone = [quality(z, m, sample=200) for m in maps]
    for one, other in zip(together, alone, strict=True):
        assert one.trustworthiness == pytest.approx(other.trustworthiness, abs=1e-6)
        assert one.continuity == pytest.approx(other.continuity, abs=1e-4)
        assert one.neighbour_preservation == pytest.approx(other.neighbour_preservation, abs=1e-3)


@pytest.mark.parametrize(("samples", "k"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (31, 15)])
def test_few_points_compare_fewer_neighbours(samples, k):
    z = features(samples)
    found = quality(z, z[:, :2])
    assert (found.k, found.sample) == (k, samples)
    assert 0 <= found.trustworthiness <= 1
    assert 0 <= found.continuity <= 1
    assert 0 <= found.neighbour_preservation <= 1


def test_equal_points_are_preserved():
    found = quality(np.ones((40, 4), np.float32), np.zeros((40, 2), np.float32))
    assert (found.trustworthiness, found.continuity, found.neighbour_preservation) == (1, 1, 1)


def test_a_map_of_other_samples_is_an_error():
    z = features(50)
    with pytest.raises(DataError, match="50 samples"):
        quality(z, z[:40, :2])
    with pytest.raises(DataError, match="equally many"):
        measure(lambda: [z], [z, z[:40]])


def test_it_can_be_watched_and_cancelled():
    z, seen = features(100), []
    measure(lambda: np.array_split(z, 2), [z], progress=lambda *report: seen.append(report))
    assert seen == [("Map quality", done, 200, "samples") for done in (50, 100, 150, 200)]

    def stop(*_: object) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        measure(lambda: [z], [z], progress=stop)


def test_lost_neighbours_are_counted_sample_by_sample():
    z = features(300)
    there, here = (NearestNeighbors(n_neighbors=15).fit(a).kneighbors(return_distance=False) for a in (z, z[:, :2]))
    expected = [len(set(a) - set(b)) / 15 for a, b in zip(there, here, strict=True)]
    found = lost(there, z[:, :2])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(lost(here, z[:, :2]), 0)


def test_who_lies_in_one_place_has_lost_nobody():
    nearest = np.array([[1, 2], [2, 3], [3, 0], [0, 1]])
    np.testing.assert_array_equal(lost(nearest, np.ones((4, 2), np.float32)), 0)
