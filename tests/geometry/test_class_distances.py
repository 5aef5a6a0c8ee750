"""Distances within and between classes: closed forms of Gaussians, scikit-learn, intervals, bad input."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from latentviz.errors import DataError
from latentviz.geometry import class_distances as module
from latentviz.geometry.class_distances import class_distances, same_class_costs


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.5, 6.0])
def test_the_overlap_of_two_gaussians_has_a_closed_form(apart):
    """2 Φ(−|μ₁ − μ₂| / 2σ) of distances that are drawn from them."""
    random = np.random.default_rng(0)
    near, far = random.normal(20, 1, 400_000), random.normal(20 + apart, 1, 400_000)
    top = float(max(near.max(), far.max()))
    places = [np.minimum((d * (512 / top)).astype(np.int64), 511) for d in (near, far)]
    widths = [module._bandwidth(d) * 512 / top for d in (near, far)]
    values, within, between = module._compared(places, (np.ones(400_000), np.ones(400_000)), widths, top)
    assert values["overlap"] == pytest.approx(2 * stats.norm.cdf(-apart / 2), abs=0.01)
    assert values["auroc"] == pytest.approx(stats.norm.cdf(apart / np.sqrt(2)), abs=0.005)
    for density in (within, between):
        assert density.sum() * top / 512 == pytest.approx(1)


def drawn(count: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    classes = np.arange(count) % 3
    return (apart * np.eye(3, 8)[classes] + random.normal(size=(count, 8))).astype(np.float32), classes


def test_numbers_are_those_of_all_pairs():
    features, classes = drawn(300, 4)
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    upper = np.triu_indices(300, 1)
    same = (classes[:, None] == classes[None])[upper]
    every = distances[upper]
    found = class_distances(features, classes, replicates=0).values
    assert found["auroc"] == pytest.approx(roc_auc_score(~same, every), abs=0.01)
    assert found["ratio"] == pytest.approx(every[~same].mean() / every[same].mean(), rel=0.01)


def test_more_apart_is_less_overlap():
    found = [class_distances(*drawn(300, apart), replicates=0).values for apart in (0, 2, 5, 20)]
    overlaps = [one["overlap"] for one in found]
    assert overlaps == sorted(overlaps, reverse=True)
    assert overlaps[0] > 0.95
    assert overlaps[-1] < 0.01
    assert [one["auroc"] for one in found] == sorted(one["auroc"] for one in found)


def test_intervals_hold_what_other_samples_say():
    truth = class_distances(*drawn(6000, 2.5, 99), replicates=0).values
    inside = dict.fromkeys(truth, 0)
    for seed in range(40):
        found = class_distances(*drawn(240, 2.5, seed), replicates=60, seed=seed)
        for name in inside:
            low, high = found.intervals[name]
            assert low <= high
            inside[name] += low <= truth[name] <= high
    assert all(count >= 34 for count in inside.values()), inside


def test_the_same_seed_gives_the_same():
    features, classes = drawn(100, 2)
    one, two = (class_distances(features, classes, replicates=5, seed=3) for _ in range(2))
    assert one.values == two.values
    assert one.intervals == two.intervals
    assert one.pairs <= 200 * 100 + 1


def test_samples_without_a_class_are_left_out():
    features, classes = drawn(120, 3)
    with_more = np.concatenate([features, 1000 * np.ones((30, 8), np.float32)])
    found = class_distances(with_more, np.r_[classes, np.full(30, -1)], replicates=0)
    assert found.grid[-1] < 100


@pytest.mark.parametrize(
    ("classes", "features", "message"),
    [
        (np.zeros(10, int), None, "two classes with two samples each"),
        (np.arange(10), None, "two classes with two samples each"),
        (np.arange(10) % 2, np.ones((10, 3)), "All features are equal"),
    ],
)
def test_what_has_no_distances(classes, features, message):
    with pytest.raises(DataError, match=message):
        class_distances(np.random.default_rng(0).random((10, 3)) if features is None else features, classes)


def test_edge_costs_are_log_odds():
    """Of normal distances with one variance the log odds are a line that is known."""
    random = np.random.default_rng(0)
    same = random.random(60_000) < 0.5
    distances = np.where(same, random.normal(2, 1, 60_000), random.normal(4, 1, 60_000))
    a, b = same_class_costs(distances, same)
    assert b == pytest.approx(2, rel=0.03)  # (μ₂ − μ₁) / σ²
    assert a == pytest.approx(6, rel=0.03)  # (μ₂² − μ₁²) / 2σ²
    with pytest.raises(DataError, match="there is only one kind"):
        same_class_costs(distances, np.ones(60_000, bool))


def test_a_handful_of_samples_has_numbers_and_perhaps_no_interval():
    found = class_distances(np.array([[0.0], [1.0], [9.0], [9.5]]), np.array([0, 0, 1, 1]))
    assert found.values["auroc"] == pytest.approx(1)
    assert all(np.isnan(ends).all() or ends[0] <= ends[1] for ends in found.intervals.values())
