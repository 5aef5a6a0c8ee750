"""Distributions that are drawn."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gaussian_kde, norm

from latentviz.evaluation.distributions import cumulative, density, histogram, span

numbers = st.floats(-1e100, 1e100) | st.sampled_from([0.0, 1.0, 1 - 1e-16, -1e30, 1e30, 5e-324]) | st.integers(-3, 3)
one_set = st.lists(numbers, max_size=40).map(lambda values: np.array(values, dtype=float))
sets = st.dictionaries(st.sampled_from("abc"), one_set, min_size=1, max_size=3)
KINDS = {"histogram": histogram, "density": density, "cumulative": cumulative}


def gaussian(samples: int, mean: float = 0.0, deviation: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, deviation, samples)


def integral(table, column: str = "density") -> float:
    return float(table[column].sum() * (table["value"].iloc[1] - table["value"].iloc[0]))


# What all have in common


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_sets_and_empty_sets(kind):
    assert kind({}).empty
    columns = kind({"a": np.ones(3)}).columns.tolist()
    assert kind({}).columns.tolist() == columns
    table = kind({"none": np.empty(0), "some": np.array([1.0, 2.0])})
    share = table.columns[2]
    assert (table.loc[table["set"] == "none", share] == 0).all()
    assert (table.loc[table["set"] == "some", share] > 0).any()
    assert np.isfinite(kind({"none": np.empty(0)})[share]).all()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@given(values=sets)
def test_any_numbers_have_a_distribution(kind, values):
    table = kind(values)
    assert np.isfinite(table["value"]).all()
    assert np.isfinite(table[table.columns[2]]).all()
    assert (table[table.columns[2]] >= 0).all()
    assert table["set"].unique().tolist() == [name for name in values if len(values[name]) or kind is not cumulative]


@pytest.mark.parametrize("kind", [histogram, density])
def test_sets_share_their_axis(kind):
    table = kind({"a": gaussian(50), "b": gaussian(70, mean=100)})
    a, b = (table.loc[table["set"] == name, "value"].to_numpy() for name in "ab")
    np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(np.diff(a), a[1] - a[0], rtol=1e-6)


# The range


def test_few_extreme_samples_do_not_squeeze_the_others():
    values = gaussian(500)
    low, high = span({"a": values})
    assert span({"a": np.r_[values, 1e30]}) == pytest.approx((low, high), abs=0.5)
    assert span({"a": np.r_[values, -1e30]}) == pytest.approx((low, high), abs=0.5)
    assert span({"a": gaussian(100_000)}) == pytest.approx(norm.ppf([0.001, 0.999]), abs=0.15)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=99, unique=True))
def test_few_samples_are_all_within_the_range(values):
    low, high = span({"a": np.array(values)})
    assert low <= min(values)
    assert max(values) <= high


def test_the_range_is_that_of_all_sets():
    assert span({"a": np.arange(5.0), "none": np.empty(0), "b": np.array([-7.0, 2])}) == (-7, 4)


# Histograms


@given(sets, st.integers(1, 100))
def test_shares_add_up_to_one_whatever_outliers_there_are(values, bins):
    table = histogram(values, bins)
    for name, v in values.items():
        own = table[table["set"] == name]
        assert len(own) == bins
        assert own["share"].sum() == pytest.approx(1.0 if len(v) else 0.0)
        assert own["samples"].sum() == len(v)


def test_a_histogram_counts():
    values = np.random.default_rng(0).uniform(0, 10, 5000)
    table = histogram({"a": values.astype(np.float32)}, bins=20)
    low, high = span({"a": values.astype(np.float32)})
    edges = np.linspace(low, high, 21)
    edges[[0, -1]] = -np.inf, np.inf
    counts = [np.sum((values >= a) & (values < b)) for a, b in pairwise(edges)]
    assert table["samples"].tolist() == counts


def test_outliers_count_in_the_outermost_bins():
    table = histogram({"a": np.r_[np.linspace(0, 1, 998), 1e9]}, bins=10)
    assert table["share"].tolist() == pytest.approx([0.1] * 10, abs=0.005)
    assert table["value"].max() < 1


def test_equal_values_fill_one_bin():
    for value in (0.0, 3.0, -1e6, 1e-200):
        table = histogram({"a": np.full(9, value)})
        filled = table[table["samples"] > 0]
        width = table["value"].iloc[1] - table["value"].iloc[0]
        assert filled["share"].tolist() == [1]
        assert abs(filled["value"].iloc[0] - value) <= width


# Densities


@pytest.mark.parametrize("samples", [1, 2, 5, 10, 30, 100, 1000, 20_000])
def test_densities_integrate_to_one(samples):
    assert integral(density({"a": gaussian(samples, 50, 7)})) == pytest.approx(1, abs=0.05)


def test_a_set_keeps_its_area_beside_a_wider_one():
    table = density({"narrow": gaussian(400, 0, 0.5), "wide": gaussian(300, 2, 20)})
    for _, own in table.groupby("set"):
        assert integral(own) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("samples", [50, 300, 3000])
def test_densities_are_scipys(samples):
    values = gaussian(samples, -20, 3, seed=samples)
    table = density({"a": values})
    if samples > 1000:  # scipy's width is the normal distribution's, ours Silverman's smaller one for any
        expected = gaussian_kde(values, bw_method="silverman")(table["value"])
        np.testing.assert_allclose(table["density"], expected, atol=0.05 * expected.max())
    quartiles = np.subtract(*np.percentile(values, [75, 25])) / 1.349
    width = 0.9 * min(values.std(), quartiles) * samples**-0.2
    exact = gaussian_kde(values, bw_method=width / values.std(ddof=1))(table["value"])
    np.testing.assert_allclose(table["density"], exact, atol=0.03 * exact.max())


def test_the_density_of_many_samples_is_the_true_one():
    table = density({"a": gaussian(200_000)})
    np.testing.assert_allclose(table["density"], norm.pdf(table["value"]), atol=0.01)


def test_extreme_values_do_not_smear_the_density():
    """Saturated scores with one that overflowed: the quartiles are equal, and the deviation is astronomic."""
    table = density({"a": np.r_[np.full(300, -1.0), np.linspace(-1, 0, 60), 3e38]})
    assert table["value"].max() < 1
    assert table["density"].max() > 1
    assert integral(table) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "values",
    [[3.0], [3.0] * 20, [0.0], [-1.0] * 50 + [-1 + 1e-16] * 50, [0, 5e-324]],
    ids=["one", "equal", "zero", "saturated", "tiny"],
)
def test_values_that_are_as_good_as_equal_have_a_peak(values):
    table = density({"a": np.array(values)})
    assert integral(table) == pytest.approx(1, abs=1e-6)
    assert table["value"][table["density"].argmax()] == pytest.approx(values[0], rel=1e-3, abs=1e-6)


# Cumulative curves


@given(one_set, st.integers(2, 60))
def test_cumulative_curves_rise_to_one_and_are_right_at_their_points(values, steps):
    table = cumulative({"a": values}, steps)
    assert len(table) <= min(steps, len(values))
    assert table["value"].is_monotonic_increasing
    assert table["share"].is_monotonic_increasing
    for row in table.itertuples():
        assert np.mean(values < row.value) < row.share <= np.mean(values <= row.value) + 1e-12
    if len(values):
        assert table["value"].iloc[[0, -1]].tolist() == [values.min(), values.max()]
        assert table["share"].iloc[-1] == 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60, unique=True))
def test_the_share_of_distinct_values_up_to_each(values):
    table = cumulative({"a": np.array(values)}, steps=7)
    for row in table.itertuples():
        assert row.share == pytest.approx(np.mean(np.array(values) <= row.value))


def test_one_sample_and_equal_ones():
    assert cumulative({"a": np.array([4.0])})[["value", "share"]].to_numpy().tolist() == [[4, 1]]
    table = cumulative({"a": np.full(5, 2.0)})
    assert table["value"].unique().tolist() == [2]
    assert table["share"].iloc[-1] == 1
