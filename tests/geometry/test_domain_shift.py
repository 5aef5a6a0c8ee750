"""Two domains: shift vectors of classes, distances of pairs, a domain classifier, neighbours."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from latentviz.errors import DataError
from latentviz.geometry.domain_shift import domain_scores, mixing, pair_distances, shift_vectors


def gauss(n: int, width: int = 3, seed: int = 0, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, size=(n, width))


# Shift vectors


def test_a_shift_of_all_classes_alike_is_common():
    z, classes = gauss(60, 4), np.arange(60) % 3
    found = shift_vectors(z, classes, z + np.array([1, 2, 0, 2]), classes)
    np.testing.assert_allclose(found.vectors, np.tile([1, 2, 0, 2], (3, 1)), atol=1e-12)
    np.testing.assert_allclose(found.norms, 3)
    np.testing.assert_allclose(found.cosines, 1)
    assert found.common == pytest.approx(1)
    assert found.counts.tolist() == [[20, 20]] * 3


def test_shifts_in_directions_of_their_own_have_no_cosine_and_a_part_in_c_in_common():
    classes = np.arange(80) % 4
    z = gauss(80, 6)
    found = shift_vectors(z, classes, z + 2 * np.eye(4, 6)[classes], classes)
    np.testing.assert_allclose(found.cosines, np.eye(4), atol=1e-12)
    assert found.common == pytest.approx(1 / 4)


def test_shifts_that_cancel_out_have_nothing_in_common():
    classes = np.arange(40) % 2
    z = gauss(40, 2)
    found = shift_vectors(z, classes, z + np.where(classes[:, None] == 0, 1.0, -1.0), classes)
    assert found.common == pytest.approx(0, abs=1e-12)
    assert found.cosines[0, 1] == pytest.approx(-1)


def test_only_classes_of_both_domains_count():
    found = shift_vectors(gauss(6), np.array([0, 0, 1, 1, 2, -1]), gauss(4, seed=1), np.array([1, 1, 3, -1]))
    assert found.classes.tolist() == [1]
    assert found.counts.tolist() == [[2, 2]]
    still = shift_vectors(np.ones((2, 3)), np.zeros(2, int), np.ones((2, 3)), np.zeros(2, int))
    assert still.norms.tolist() == [0]
    assert np.isnan(still.common)
    with pytest.raises(DataError, match="No class is in both domains"):
        shift_vectors(gauss(2), np.array([0, 0]), gauss(2), np.array([1, 1]))
    with pytest.raises(DataError, match=r"2 samples and classes of shape \(3,\)"):
        shift_vectors(gauss(2), np.array([0, 0, 1]), gauss(2), np.array([1, 1]))


# Pairs


def test_distances_of_pairs_are_scipys():
    a, b = gauss(20, 5), gauss(20, 5, seed=1)
    for metric in ("euclidean", "cosine"):
        np.testing.assert_allclose(pair_distances(a, b, metric), np.diag(cdist(a, b, metric)), atol=1e-12)
    assert pair_distances(np.zeros((1, 3)), np.ones((1, 3)), "cosine").tolist() == [1]
    with pytest.raises(DataError, match="as many features on both sides"):
        pair_distances(a, b[:5])
    with pytest.raises(DataError, match='no distance "taxi"'):
        pair_distances(a, b, "taxi")


# A classifier, and neighbours


def test_domain_scores_are_of_samples_that_were_not_fitted_on():
    a, b = gauss(150, 4), gauss(100, 4, seed=1, mean=1.0)
    truth = np.repeat([0, 1], [150, 100])
    found = roc_auc_score(truth, np.concatenate(domain_scores(a, b)))
    assert found == pytest.approx(stats.norm.cdf(2 / np.sqrt(2)), abs=0.04)  # d' = 2 along the best direction
    wide = roc_auc_score(np.repeat([0, 1], 40), np.concatenate(domain_scores(gauss(40, 60), gauss(40, 60, seed=1))))
    assert 0.3 < wide < 0.7  # it could tell 80 samples it was fitted on apart by 60 features


def test_chips_of_a_pair_are_in_one_fold(monkeypatch):
    seen = []
    from sklearn import model_selection

    split = model_selection.StratifiedGroupKFold.split

    def watched(self, X, y, groups):
        for train, test in split(self, X, y, groups):
            seen.append(set(groups[train]) & set(groups[test]))
            yield train, test

    monkeypatch.setattr(model_selection.StratifiedGroupKFold, "split", watched)
    domain_scores(gauss(20), gauss(20, seed=1), groups=np.tile(np.arange(20), 2))
    assert seen
    assert not any(seen)


def test_mixing_is_one_where_domains_are_mixed_and_zero_where_they_are_apart():
    from sklearn.neighbors import NearestNeighbors

    def neighbours(z):
        return NearestNeighbors(n_neighbors=11).fit(z).kneighbors(z)[1][:, 1:]

    domain = np.repeat([False, True], [300, 100])
    assert mixing(neighbours(gauss(400, 2)), domain) == pytest.approx(1, abs=0.1)
    assert mixing(neighbours(np.concatenate([gauss(300, 2), gauss(100, 2) + 50])), domain) == 0
    with pytest.raises(DataError, match="one domain"):
        mixing(np.zeros((3, 1), int), np.ones(3, bool))


def test_wrong_parameters_are_named():
    with pytest.raises(DataError, match="A domain has 4 groups for 5 folds"):
        domain_scores(gauss(8), gauss(8), groups=np.tile(np.arange(4), 4))
    with pytest.raises(DataError, match="A domain has 1 groups for 5 folds"):
        domain_scores(gauss(10), gauss(20), groups=np.concatenate([np.zeros(10), np.arange(20) + 1]))
    with pytest.raises(DataError, match="16 samples and 3 groups"):
        domain_scores(gauss(8), gauss(8), groups=np.zeros(3))
    with pytest.raises(DataError, match="at least 5 are needed"):
        domain_scores(gauss(3), gauss(8))
