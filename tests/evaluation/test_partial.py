"""Partial correlation against regressions, and what has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from latentviz.errors import DataError
from latentviz.evaluation.coefficients import KINDS
from latentviz.evaluation.correlation import correlate
from latentviz.evaluation.partial import partial_correlation, residuals


def drawn(n: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A statistic and an accuracy that have something in common beside the third number."""
    random = np.random.default_rng(seed)
    given, common = random.normal(size=(2, n))
    return given + 0.5 * common + random.normal(size=n), given + common + 0.3 * random.normal(size=n), given


def regressed(x, y, z) -> float:
    """The correlation of what two linear regressions leave over."""
    left = [v - np.polyval(np.polyfit(z, v, 1), z) for v in (x, y)]
    return float(stats.pearsonr(*left)[0])


@pytest.mark.parametrize("seed", range(5))
def test_pearsons_is_that_of_two_regressions(seed):
    dots = drawn(seed=seed)
    assert partial_correlation(*dots, "pearson").value == pytest.approx(regressed(*dots), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_spearmans_is_that_of_two_regressions_of_ranks(seed):
    dots = [np.round(v, 1) for v in drawn(seed=seed)]  # with ties
    expected = regressed(*(stats.rankdata(v) for v in dots))
    assert partial_correlation(*dots, "spearman").value == pytest.approx(expected, abs=1e-12)


def test_kendalls_is_the_same_formula_of_his_coefficients():
    x, y, z = drawn()
    xy, xz, yz = (stats.kendalltau(*pair)[0] for pair in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_correlation(x, y, z, "kendall").value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_residuals_have_the_partial_correlation(kind):
    dots = drawn(seed=3)
    left = residuals(*dots, kind)
    assert stats.pearsonr(*left)[0] == pytest.approx(partial_correlation(*dots, kind).value, abs=1e-12)
    np.testing.assert_allclose(left.sum(axis=1), 0, atol=1e-9)


def test_a_relation_that_is_the_third_numbers_alone_is_gone():
    random = np.random.default_rng(1)
    z = random.normal(size=400)
    x, y = (z + random.normal(size=400) for _ in range(2))
    plain, partial = correlate(x, y, "pearson"), partial_correlation(x, y, z, "pearson")
    assert plain.low > 0.3
    assert partial.low < 0 < partial.high


def test_the_interval_covers_the_truth_nearly_as_often_as_it_says():
    # x = z + e, y = z + c e + f: the partial correlation is that of e and c e + f.
    inside, truth = 0, 0.5 / np.sqrt(0.25 + 1)
    for seed in range(100):
        random = np.random.default_rng(seed)
        z, e, f = random.normal(size=(3, 60))
        found = partial_correlation(z + e, z + 0.5 * e + f, z, "pearson", replicates=300, seed=seed)
        inside += found.low <= truth <= found.high
    assert inside >= 87


@given(arrays(np.float64, (3, 12), elements=st.integers(-4, 4).map(float)))
def test_it_is_between_minus_one_and_one_or_says_why_not(values):
    for kind in KINDS:
        found = partial_correlation(*values, kind, replicates=20)
        assert np.isnan(found.value) == (found.problem != "" and not -1 <= found.value <= 1)
        assert np.isnan(found.value) or -1 <= found.value <= 1


def test_dots_of_one_training_are_drawn_together():
    x, y, z = (np.repeat(v, 5) for v in drawn(12, seed=2))
    alone = partial_correlation(x, y, z, "pearson")
    together = partial_correlation(x, y, z, "pearson", groups=np.repeat(np.arange(12), 5))
    assert (together.n, together.groups, alone.groups) == (60, 12, 60)
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_what_has_none():
    x, y, z = drawn(10)
    assert "needs at least 4" in partial_correlation(x[:3], y[:3], z[:3]).problem
    assert "the same for all 10" in partial_correlation(x, y, np.ones(10)).problem
    assert "nothing is left" in partial_correlation(x, y, x).problem
    assert "statistic is the same" in partial_correlation(np.ones(10), y, z).problem
    few = partial_correlation(x, y, z, groups=["a"] * 5 + ["b"] * 5)
    assert np.isfinite(few.value)
    assert "2 groups" in few.problem


def test_dots_without_a_number_are_left_out():
    x, y, z = drawn(20)
    lost = x.copy()
    lost[[3, 7]] = np.nan
    found = partial_correlation(lost, y, z, "pearson")
    assert (found.n, found.left_out) == (18, 2)
    kept = np.isfinite(lost)
    assert found.value == pytest.approx(regressed(x[kept], y[kept], z[kept]), abs=1e-12)


def test_bad_input_is_named():
    with pytest.raises(DataError, match="no correlation"):
        partial_correlation([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], "rank")
    with pytest.raises(DataError, match="one of each a dot"):
        partial_correlation([1, 2, 3, 4], [1, 2, 3], [1, 2, 3, 4])
