"""Correlations of a statistic with accuracy, their intervals, and where they come from."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from latentviz.errors import DataError
from latentviz.evaluation.coefficients import KINDS, coefficients, drawn
from latentviz.evaluation.correlation import all_kinds, correlate
from latentviz.evaluation.relations import across_models, average_within, leave_one_out, within

SCIPYS = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}


def scipys(kind: str, x: np.ndarray, y: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(SCIPYS[kind](x, y).statistic)


def dots(n: int = 40, seed: int = 0, relation: float = -0.7) -> tuple[np.ndarray, np.ndarray]:
    """Statistics and accuracies with many ties."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = relation * x + math.sqrt(1 - relation**2) * rng.normal(size=n)
    return x.round(1), y.round(1)


few_values = st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 3)), min_size=3, max_size=25)
many_values = st.lists(
    st.tuples(st.floats(-1e6, 1e6).map(lambda v: round(v, 3)), st.floats(0, 1).map(lambda v: round(v, 3))),
    min_size=3,
    max_size=25,
)


# Coefficients


@pytest.mark.parametrize("kind", KINDS)
@given(rows=few_values | many_values)
def test_coefficients_are_scipys(kind, rows):
    x, y = np.array(rows, dtype=float).T
    found = coefficients(x, y, np.ones((1, len(x)), int), kind)[0]
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(scipys(kind, x, y), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blocks", [2_000_000, 7])
def test_a_resample_is_a_sample_of_its_own(kind, blocks, monkeypatch):
    monkeypatch.setattr("latentviz.evaluation.coefficients._ENTRIES", blocks)
    x, y = dots(6)
    weights = np.random.default_rng(0).integers(0, 4, size=(300, 6)).astype(np.uint8)
    found = coefficients(x, y, weights, kind)
    expected = [scipys(kind, np.repeat(x, w), np.repeat(y, w)) if w.sum() > 1 else math.nan for w in weights]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert 0 < np.isnan(found).sum() < 100


@pytest.mark.parametrize(("kind", "value"), [("spearman", 0.8), ("pearson", 0.8), ("kendall", 2 / 3)])
def test_closed_forms(kind, value):
    assert correlate([1, 2, 3, 4, 5, 6], [2, 4, 6, 8, 10, 12], kind).value == pytest.approx(1)
    assert correlate([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], kind).value == pytest.approx(-1)
    assert coefficients(np.arange(4.0), np.array([0.0, 2, 1, 3]), np.ones((1, 4)), kind) == pytest.approx(value)
    assert correlate([0, 0, 1, 1], [0, 1, 0, 1], kind).value == pytest.approx(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("scale", "offset"), [(1e300, 0), (1e-300, 0), (1e-4, 1e4), (1, -1e8)])
def test_large_small_and_far_from_zero(kind, scale, offset):
    x, y = dots()
    shifted = offset + scale * x
    assert correlate(shifted, y, kind, replicates=10).value == pytest.approx(correlate(x, y, kind).value, rel=1e-6)


@pytest.mark.parametrize("kind", ["spearman", "kendall"])
@given(few_values, st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=5))
def test_only_ranks_matter(kind, rows, steps):
    x, y = np.array(rows).T
    again = correlate(np.cumsum(steps)[x], y, kind, replicates=50)
    first = correlate(x, y, kind, replicates=50)
    np.testing.assert_allclose([again.value, again.low, again.high], [first.value, first.low, first.high], atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@given(few_values)
def test_the_sign_turns_with_the_statistic(kind, rows):
    x, y = np.array(rows).T
    there, back = (correlate(v, y, kind, replicates=50) for v in (x, -x))
    np.testing.assert_allclose([there.value, there.low, there.high], [-back.value, -back.high, -back.low], atol=1e-12)
    assert there.problem == back.problem
    assert there.problem or -1 <= there.low <= there.high <= 1


# Intervals


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_are_scipys(kind):
    x, y = dots(60)
    found = correlate(x, y, kind, replicates=4000)
    expected = stats.bootstrap(
        (x, y),
        lambda a, b: scipys(kind, a, b),
        n_resamples=1500,
        paired=True,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_truth(kind):
    truth = {"pearson": 0.6, "spearman": 6 / np.pi * np.arcsin(0.3), "kendall": 2 / np.pi * np.arcsin(0.6)}[kind]
    missed = 0
    for seed in range(200):
        x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=80).T
        found = correlate(x, y, kind, replicates=300)
        missed += not found.low <= truth <= found.high
    assert 3 <= missed <= 25


def clustered(seed: int, clusters: int = 20, size: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unrelated numbers that dots of a cluster nearly share."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(clusters), size)
    x, y = (rng.normal(size=clusters)[group] + 0.1 * rng.normal(size=len(group)) for _ in range(2))
    return x, y, group


def test_dots_that_depend_on_each_other_need_groups():
    sure = {"dots": 0, "groups": 0}
    for seed in range(100):
        x, y, group = clustered(seed)
        for how, groups in (("dots", None), ("groups", group)):
            found = correlate(x, y, groups=groups, replicates=200)
            sure[how] += found.low > 0 or found.high < 0
    assert sure["groups"] <= 17
    assert sure["dots"] >= 30


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_for_every_dot_is_no_grouping(kind):
    x, y = dots()
    names = [f"dot {number}" for number in np.random.default_rng(0).permutation(len(x))]
    assert correlate(x, y, kind, groups=names) == correlate(x, y, kind)


def test_groups_are_drawn_whole():
    x, y, group = clustered(0, clusters=4, size=3)
    seen = set()
    for counts in drawn(4, 400, seed=0):
        seen |= set(coefficients(x, y, counts[:, group], "pearson").round(12))
    found = correlate(x, y, "pearson", groups=group, replicates=400)
    assert found.groups == 4
    assert found.n == 12
    assert round(found.low, 12) >= min(seen)
    assert len(seen) <= math.comb(7, 3)


def test_seed_and_replicates():
    x, y = dots()
    assert correlate(x, y, seed=1) == correlate(x, y, seed=1) != correlate(x, y, seed=2)
    with pytest.raises(DataError, match="0 bootstrap replicates"):
        correlate(x, y, replicates=0)


def test_perfect_order_has_no_width():
    found = correlate(range(12), range(12))
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


# What has no correlation


@pytest.mark.parametrize(
    ("x", "y", "groups", "problem"),
    [
        ([], [], None, "There are 0 dots; a correlation needs at least 3."),
        ([1], [1], None, "There is 1 dot; a correlation needs at least 3."),
        ([1, 2, math.nan, math.inf], [1, 2, 3, 4], None, "There are 2 dots"),
        ([3, 3, 3, 3], [1, 2, 3, 4], None, "The statistic is the same for all 4 dots."),
        ([1, 2, 3, 4], [0.1] * 4, None, "The accuracy is the same for all 4 dots."),
        ([1, 2, 3, 4], [1, 2, 3, 5], list("aaaa"), "The 4 dots are of one group; an interval needs at least 3 groups."),
        ([1, 2, 3, 4], [1, 2, 3, 5], list("aaab"), "The 4 dots are of 2 groups"),
        ([1, *[0] * 30], [*[0] * 30, 1], None, "Most resamples of these dots have a constant"),
    ],
)
def test_problems_are_sentences(x, y, groups, problem):
    for kind in KINDS:
        found = correlate(x, y, kind, groups=groups, replicates=300)
        assert found.problem.startswith(problem)
        assert found.problem.endswith(".")
        assert np.isnan([found.low, found.high]).all()
        is_undefined = "needs at least 3." in problem or "is the same" in problem or problem == "There are 2 dots"
        assert np.isnan(found.value) == is_undefined


def test_what_is_not_finite_is_left_out_and_counted():
    x, y = dots(20)
    broken = np.concatenate([[math.nan, math.inf, 0.0], x])
    found = correlate(broken, np.concatenate([[0.5, 0.5, math.nan], y]), groups=[*"abc", *range(20)])
    whole = correlate(x, y)
    assert (found.n, found.groups, found.left_out) == (20, 20, 3)
    assert (found.value, found.low, found.high) == (whole.value, whole.low, whole.high)
    some = pd.Series([1, 2, None, 4, 5], dtype="Int64")
    assert (correlate(some, [1, 2, 3, 4, 6]).n, correlate(some, [1, 2, 3, 4, 6]).left_out) == (4, 1)


@pytest.mark.parametrize(
    ("x", "y", "kind", "groups", "sentence"),
    [
        ([1, 2, 3], [1, 2], "pearson", None, "3 statistics, 2 accuracies"),
        ([1, 2, 3], [1, 2, 3], "pearson", ["a"], "3 accuracies and 1 groups"),
        ([1, 2, 3], [1, 2, 3], "rank", None, 'no correlation "rank"; choose spearman, pearson, kendall'),
        ([[1, 2, 3]], [1, 2, 3], "pearson", None, r"The statistic has the shape \(1, 3\)"),
        ([1, 2, 3], ["a", "b", "c"], "pearson", None, "The accuracy has values that are no numbers"),
        ([1, 2, 3], [1, 2, 3], "pearson", ["a", None, "b"], "1 of 3 dots have no group"),
    ],
)
def test_bad_input(x, y, kind, groups, sentence):
    with pytest.raises(DataError, match=sentence):
        correlate(x, y, kind, groups=groups)


def test_all_kinds():
    x, y = dots()
    table = all_kinds(x, y, replicates=100).set_index("kind")
    assert table.index.tolist() == list(KINDS)
    for kind in KINDS:
        found = correlate(x, y, kind, replicates=100)
        assert table.loc[kind, ["value", "low", "high", "n"]].tolist() == [found.value, found.low, found.high, found.n]
    assert all_kinds([1], [2])["problem"].str.contains("1 dot").all()


# Where it comes from


def severities() -> pd.DataFrame:
    """Accuracy falls with the score from severity to severity, and rises with it from corruption to corruption."""
    rows = [
        (f"corruption {c}", "near" if c < 6 else "far", s, 10 * s + c, 0.9 - 0.1 * s + 0.01 * c)
        for c in range(12)
        for s in range(5)
    ]
    return pd.DataFrame(rows, columns=["corruption", "family", "severity", "score", "accuracy"])


def test_inside_groups_the_sign_may_turn():
    table = severities()
    over_severities = within(table, "score", "accuracy", "corruption")
    over_corruptions = within(table, "score", "accuracy", "severity")
    assert over_severities["corruption"].tolist() == [f"corruption {c}" for c in range(12)]
    assert over_severities["n"].eq(5).all()
    assert over_severities["value"].to_numpy() == pytest.approx(-1)
    assert over_corruptions["value"].to_numpy() == pytest.approx(1)
    assert over_corruptions["n"].eq(12).all()
    assert correlate(table["score"], table["accuracy"], groups=table["corruption"]).high < 0


@pytest.mark.parametrize("kind", KINDS)
def test_averages_are_means_of_what_is_inside(kind):
    table = severities()
    table["accuracy"] += np.random.default_rng(0).normal(0, 0.05, len(table))
    for by, groups, independent in (("corruption", None, 12), ("severity", None, 5), ("severity", "corruption", 12)):
        found = average_within(table, "score", "accuracy", by, kind, groups=groups)
        inside = within(table, "score", "accuracy", by, kind, replicates=10)["value"]
        assert found.value == pytest.approx(inside.mean())
        assert found.low <= found.value <= found.high
        assert (found.n, found.groups, found.averaged, found.undefined, found.by) == (
            60,
            independent,
            len(inside),
            0,
            by,
        )


def test_the_interval_of_an_average_is_of_its_groups():
    table = severities()
    table["accuracy"] += np.random.default_rng(0).normal(0, 0.2, len(table))
    found = average_within(table, "score", "accuracy", "corruption", replicates=8000)
    inside = within(table, "score", "accuracy", "corruption", replicates=10)["value"].to_numpy()
    expected = stats.bootstrap((inside,), np.mean, n_resamples=8000, method="percentile", rng=1).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03)
    # Drawing the groups' dots together is the same as drawing the groups.
    named = average_within(table, "score", "accuracy", "corruption", groups="corruption", replicates=4000)
    assert named.value == pytest.approx(found.value)


def test_groups_without_a_correlation_are_counted():
    table = severities()
    table.loc[table["corruption"] == "corruption 3", "accuracy"] = 0.5
    table.loc[table["corruption"] == "corruption 4", "score"] = math.nan
    found = average_within(table, "score", "accuracy", "corruption")
    assert (found.value, found.averaged, found.undefined) == (pytest.approx(-1), 10, 2)
    assert (found.n, found.left_out, found.groups) == (50, 5, 10)
    problems = within(table, "score", "accuracy", "corruption").set_index("corruption")["problem"]
    assert problems["corruption 3"] == "The accuracy is the same for all 5 dots."
    assert problems["corruption 4"].startswith("There are 0 dots")
    perfect = "All resamples have the same correlation; too few dots or groups differ for an interval."
    assert problems.drop(["corruption 3", "corruption 4"]).eq(perfect).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_that_is_drawn_twice_counts_twice(kind):
    """Where the units are the groups themselves, naming them changes nothing but the draws."""
    table = severities().assign(accuracy=np.random.default_rng(3).normal(size=60))
    whole = average_within(table, "score", "accuracy", "corruption", kind, replicates=4000)
    named = average_within(table, "score", "accuracy", "corruption", kind, groups="corruption", replicates=4000)
    assert named.value == whole.value
    assert (named.low, named.high) == pytest.approx((whole.low, whole.high), abs=0.05 * (whole.high - whole.low))


def test_averages_that_say_nothing():
    table = severities()
    two = table[table["severity"] < 2]
    assert average_within(two, "score", "accuracy", "corruption").problem == (
        'No group of "corruption" has a correlation of its own.'
    )
    assert average_within(two, "score", "accuracy", "severity").problem == (
        'There are 2 groups of "severity" with a correlation; an interval needs at least 3.'
    )
    assert average_within(two, "score", "accuracy", "severity", groups="corruption").problem == ""
    assert average_within(table[:0], "score", "accuracy", "severity").problem.startswith("No group")


def test_without_a_family():
    table = severities()
    table["accuracy"] += np.random.default_rng(0).normal(0, 0.05, len(table))
    found = leave_one_out(table, "score", "accuracy", groups="corruption", replicates=200).set_index("family")
    whole = correlate(table["score"], table["accuracy"])
    for family, rest in (("near", "far"), ("far", "near")):
        part = table[table["family"] == rest]
        expected = correlate(part["score"], part["accuracy"], groups=part["corruption"], replicates=200)
        row = found.loc[family]
        assert row[["n", "value", "low", "high"]].tolist() == [30, expected.value, expected.low, expected.high]
        assert row["change"] == pytest.approx(expected.value - whole.value)


def models() -> pd.DataFrame:
    """Four models; the fourth lacks the hard set."""
    rows = [
        ("a", "easy", 1, 0.9),
        ("b", "easy", 2, 0.8),
        ("c", "easy", 3, 0.7),
        ("d", "easy", 4, 0.6),
        ("a", "fog", 3, 0.7),
        ("b", "fog", 5, 0.8),
        ("c", "fog", 6, 0.6),
        ("d", "fog", 9, 0.5),
        ("a", "hard", 9, 0.3),
        ("b", "hard", 8, 0.2),
        ("c", "hard", 7, 0.1),
    ]
    return pd.DataFrame(rows, columns=["model", "set", "score", "accuracy"])


def test_across_models():
    found = across_models(models(), "score", "accuracy")
    assert found.by_set["set"].tolist() == ["easy", "fog", "hard"]
    assert found.by_set["value"].tolist() == pytest.approx([-1, -0.8, 1])
    assert found.sets == ("easy", "fog")
    expected = stats.spearmanr([4 / 2, 7 / 2, 9 / 2, 13 / 2], [0.8, 0.8, 0.65, 0.55]).statistic
    assert (found.means.value, found.means.n) == (pytest.approx(expected), 4)


def test_models_without_a_common_set():
    table = models()
    table.loc[table["model"] == "d", "accuracy"] = math.nan
    found = across_models(table, "score", "accuracy")
    assert found.sets == ()
    assert found.means.problem.startswith("There are 0 dots")


def test_tables_that_do_not_fit():
    for broken in (
        lambda: within(severities(), "norm", "accuracy", "severity"),
        lambda: average_within(severities(), "score", "norm", "severity"),
        lambda: leave_one_out(severities(), "score", "accuracy", "norm"),
        lambda: within(severities(), "score", "accuracy", "severity", groups="norm"),
        lambda: across_models(models(), "norm", "accuracy"),
    ):
        with pytest.raises(DataError, match=r'no column "norm"; it has .*score, accuracy'):
            broken()
    with pytest.raises(DataError, match='no correlation "rank"'):
        average_within(severities(), "score", "accuracy", "severity", "rank")
    with pytest.raises(DataError, match='model "a" has the set "easy" more than once'):
        across_models(pd.concat([models(), models()]), "score", "accuracy")


@settings(max_examples=25)
@given(few_values, st.randoms(use_true_random=False))
def test_the_order_of_dots_does_not_matter_to_the_value(rows, random):
    x, y = np.array(rows).T
    order = list(range(len(x)))
    random.shuffle(order)
    for kind in KINDS:
        there, again = correlate(x, y, kind, replicates=5), correlate(x[order], y[order], kind, replicates=5)
        if not there.problem and not again.problem:
            assert there.value == pytest.approx(again.value, abs=1e-12)


@pytest.mark.parametrize("function", [within, leave_one_out])
def test_tables_without_groups_hold_numbers_too(function):
    """No set is a corrupted version: the figure asks of the empty table which of its values are finite."""
    dots = pd.DataFrame({"step": ["a"], "score": [1.0], "accuracy": [0.5]})[:0]
    table = function(dots, "score", "accuracy", by="step")
    assert table.empty
    assert np.isfinite(table["value"]).empty
