"""Two samples: spanning tree, MMD, Henze–Penrose and sliced Wasserstein against references and known distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from latentviz.errors import DataError
from latentviz.geometry import two_sample
from latentviz.geometry._spanning_tree import spanning_tree
from latentviz.geometry.two_sample import henze_penrose, mmd, sliced_wasserstein
from tests.geometry.test_domain_shift import gauss

# The tree


@given(st.integers(0, 10_000), st.integers(2, 40), st.booleans())
def test_the_spanning_tree_is_as_short_as_scipys(seed, count, on_a_grid):
    random = np.random.default_rng(seed)
    points = random.integers(0, 4, (count, 3)).astype(float) if on_a_grid else random.normal(size=(count, 3))
    edges = spanning_tree(points)
    assert edges.shape == (count - 1, 2)
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    # scipy takes a distance of 0 for no edge; what coincides is one point to it.
    apart = np.unique(points, axis=0)
    expected = minimum_spanning_tree(cdist(apart, apart)).sum() if len(apart) > 1 else 0.0
    assert lengths.sum() == pytest.approx(expected)
    joined = list(range(count))
    for a, b in edges:  # a tree: every edge joins two parts
        assert joined[a] != joined[b]
        joined = [joined[b] if part == joined[a] else part for part in joined]


# Two samples


def test_mmd_is_the_sum_over_all_pairs():
    a, b, h = gauss(12), gauss(15, seed=1, mean=0.5), 1.3

    def kernel(x, y):
        return np.exp(-cdist(x, y, "sqeuclidean") / (2 * h**2))

    same = [(kernel(z, z).sum() - len(z)) / (len(z) * (len(z) - 1)) for z in (a, b)]
    expected = sum(same) - 2 * kernel(a, b).mean()
    assert mmd(a, b, bandwidth=h, permutations=9).value == pytest.approx(expected, abs=1e-12)


def test_the_bandwidth_is_the_median_distance():
    a, b = gauss(20), gauss(20, seed=1)
    both = np.concatenate([a, b])
    h = np.median(cdist(both, both)[np.triu_indices(40, 1)])
    assert mmd(a, b, permutations=9).value == pytest.approx(mmd(a, b, bandwidth=h, permutations=9).value, abs=1e-6)


def test_henze_penrose_counts_the_edges_that_join():
    a, b = gauss(30), gauss(50, seed=1)
    edges = spanning_tree(np.concatenate([a, b]))
    joins = int(((edges[:, 0] < 30) != (edges[:, 1] < 30)).sum())
    assert henze_penrose(a, b, permutations=9).value == pytest.approx(1 - joins * 80 / (2 * 30 * 50))
    # By chance R is 2NM/(N + M) on average, so that the divergence is 0.
    values = [henze_penrose(gauss(40, seed=s), gauss(40, seed=1000 + s), permutations=1).value for s in range(60)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)
    far = henze_penrose(a, b + 100)
    assert far.value == pytest.approx(1 - 80 / (2 * 30 * 50))  # one edge
    assert far.p == pytest.approx(1 / 1000)


@pytest.mark.parametrize("test", [mmd, henze_penrose])
@pytest.mark.parametrize("paired", [False, True])
def test_p_is_uniform_where_the_domains_are_equal_and_small_where_they_are_not(test, paired):
    found, shifted = [], []
    for seed in range(120):
        common = gauss(25, 2, seed=seed) if paired else 0.0
        a, b = common + gauss(25, 2, seed=1000 + seed), common + gauss(25, 2, seed=2000 + seed)
        found.append(test(a, b, permutations=99, paired=paired, seed=seed).p)
        shifted.append(test(a, b + 2.5, permutations=99, paired=paired, seed=seed).p)
    # The number of joining edges is whole, so that equal values make p larger; never smaller than it should be.
    assert np.mean(np.array(found) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)
    if test is mmd:
        assert stats.kstest(found, "uniform").pvalue > 0.001
    assert np.mean(np.array(shifted) <= 0.05) > 0.8


@pytest.mark.parametrize("test", [mmd, henze_penrose])
@pytest.mark.parametrize(("n", "m"), [(30, 60), (60, 30)])
def test_equal_distances_do_not_make_equal_domains_differ(test, n, m):
    """Features on a grid: of many spanning trees none may know the domains."""
    found = []
    for seed in range(80):
        random = np.random.default_rng(seed)
        a, b = (random.integers(0, 3, (count, 2)).astype(float) for count in (n, m))
        found.append(test(a, b, permutations=99, seed=seed))
    assert np.mean([one.p <= 0.05 for one in found]) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)
    values = [one.value for one in found]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(80)


def test_a_domain_is_not_apart_from_itself():
    x = gauss(60)
    assert henze_penrose(x, x.copy(), paired=True).p > 0.05
    assert mmd(x, x.copy(), paired=True).p == 1


def test_mmd_of_equal_domains_is_zero_on_average_also_of_pairs():
    values = []
    for seed in range(80):
        common = gauss(40, 2, seed=seed)
        sides = (common + 0.5 * gauss(40, 2, seed=s + seed) for s in (1000, 2000))
        values.append(mmd(*sides, permutations=1, paired=True).value)
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(80)


def test_pairs_find_a_shift_that_the_variety_of_targets_hides():
    targets = 10 * gauss(40, 2)
    a, b = targets + 0.1 * gauss(40, 2, seed=1), targets + 0.5 + 0.1 * gauss(40, 2, seed=2)
    assert mmd(a, b, seed=1).p > 0.2
    assert mmd(a, b, paired=True, seed=1).p < 0.01


def test_sliced_wasserstein_of_a_shift_is_known():
    # W_2² of a shift v along a direction θ is (θ·v)², whose mean over directions is ‖v‖²/D.
    z, v = gauss(500, 6), np.array([3.0, 0, 0, 4, 0, 0])
    assert sliced_wasserstein(z, z + v, directions=20_000) == pytest.approx(5 / np.sqrt(6), rel=0.02)
    assert sliced_wasserstein(z, z) == 0


def test_sliced_wasserstein_of_one_is_the_mean_of_scipys():
    a, b = gauss(40, 4), gauss(27, 4, seed=1, mean=0.3)
    axes = np.random.default_rng(5).normal(size=(4, 30))
    axes /= np.linalg.norm(axes, axis=0)
    expected = np.mean([stats.wasserstein_distance(a @ axis, b @ axis) for axis in axes.T])
    assert sliced_wasserstein(a, b, order=1, directions=30, seed=5) == pytest.approx(expected, abs=1e-12)


def test_of_many_samples_some_are_compared(monkeypatch):
    monkeypatch.setattr(two_sample, "PAIRED", 60)
    a, b = gauss(100), gauss(20, seed=1)
    assert mmd(a, b, permutations=9).samples == (40, 20)
    assert henze_penrose(a, a, permutations=9, paired=True).samples == (30, 30)
    assert mmd(a, b, permutations=9, seed=3) == mmd(a, b, permutations=9, seed=3)


def test_intervals_hold_the_truth():
    """Shifted Gaussians, whose squared MMD is known: 95 % intervals hold it nearly as often as they say."""
    width, shift, samples = 5, 0.5, 60
    bandwidth = 1.5 * np.sqrt(width)
    inside = (bandwidth**2 / (bandwidth**2 + 2)) ** (width / 2)
    truth = inside * 2 * (1 - np.exp(-width * shift**2 / (2 * (bandwidth**2 + 2))))
    found = [
        mmd(
            gauss(samples, width, 2 * s),
            gauss(samples, width, 2 * s + 1) + shift,
            bandwidth=bandwidth,
            permutations=1,
            halves=40,
        )
        for s in range(60)
    ]
    assert np.mean([one.value for one in found]) == pytest.approx(truth, rel=0.1)
    assert np.mean([one.low <= truth <= one.high for one in found]) > 0.85


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("largest", [300, 20])
def test_halves_vary_as_samples_do(paired, largest, monkeypatch):
    """The spread of Henze–Penrose over samples is what the halves of one of them say, about; thirds do, too."""
    monkeypatch.setattr(two_sample, "LARGEST_HALF", largest)
    found = []
    for s in range(60):
        one = gauss(60, 4, 2 * s)
        other = (one if paired else 0) + gauss(60, 4, 2 * s + 1) + 0.5
        found.append(henze_penrose(one, other, permutations=1, halves=40, paired=paired))
    spread = np.mean([(one.high - one.low) / (2 * 1.96) for one in found])
    assert spread == pytest.approx(np.std([one.value for one in found]), rel=0.35)


def test_no_interval_where_nothing_varies():
    far = henze_penrose(gauss(20), gauss(20, seed=1) + 99, permutations=9, halves=20)
    assert far.value == 0.95  # a single edge joins them: 1 − 40 / 800
    assert np.isnan(far.low)
    assert np.isnan(mmd(gauss(3), gauss(3, seed=1), permutations=9, halves=20).low)  # too few for halves


@pytest.mark.parametrize("test", [mmd, henze_penrose])
def test_what_cannot_be_compared(test):
    with pytest.raises(DataError, match="at least 2 are needed"):
        test(gauss(1), gauss(5))
    with pytest.raises(DataError, match="3 and 4 features"):
        test(gauss(5), gauss(5, 4))
    with pytest.raises(DataError, match="not finite"):
        test(np.full((3, 2), np.nan), gauss(5, 2))
    with pytest.raises(DataError, match="as many samples on both sides"):
        test(gauss(5), gauss(6), paired=True)
    with pytest.raises(DataError, match="0 permutations"):
        test(gauss(5), gauss(6), permutations=0)


def test_equal_samples_have_no_bandwidth():
    with pytest.raises(DataError, match="All samples are equal"):
        mmd(np.ones((5, 2)), np.ones((5, 2)))
    assert np.isfinite(henze_penrose(np.ones((5, 2)), np.ones((5, 2))).value)


def test_wrong_parameters_are_named():
    with pytest.raises(DataError, match="order is 3"):
        sliced_wasserstein(gauss(5), gauss(5), order=3)
    with pytest.raises(DataError, match="0 directions"):
        sliced_wasserstein(gauss(5), gauss(5), directions=0)
