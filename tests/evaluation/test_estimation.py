"""Estimates of accuracy without labels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.estimation import (
    METHODS,
    _filled,
    average_thresholded_confidence,
    estimate_table,
    mean_absolute_error,
    score_bins,
)

ESTIMATES = (average_thresholded_confidence, score_bins)


def scored(seed: int = 0, n: int = 300, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and predictions that are the rarer right the larger the score, whatever the set."""
    rng = np.random.default_rng(seed)
    score = rng.normal(shift, 1, n)
    return score, rng.random(n) < 1 / (1 + np.exp(2 * score - 3))


def authors(ind_score: np.ndarray, ind_correct: np.ndarray, score: np.ndarray) -> float:
    """The definition, tried threshold by threshold: the share above it is the share of errors."""
    for threshold in [-math.inf, *np.sort(ind_score)]:
        if np.mean(ind_score > threshold) == np.mean(~ind_correct):
            return float(np.mean(score <= threshold))
    raise AssertionError("no threshold")


sides = st.tuples(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30),
    st.lists(st.integers(-2, 9), min_size=1, max_size=30),
).map(lambda both: (*(np.array(column) for column in zip(*both[0], strict=True)), np.array(both[1])))


@pytest.mark.parametrize("seed", range(20))
def test_atc_is_the_authors_definition(seed):
    ind, (score, _) = scored(seed), scored(seed + 100, 200, 1.0)
    found = average_thresholded_confidence(*ind, score, replicates=1)
    assert found.value == pytest.approx(authors(*ind, score), abs=1e-12)


def test_ties_at_the_threshold_are_kept_in_part():
    # Three of four are right; of the two samples at 2 one is kept, and so is half of the new ones.
    found = average_thresholded_confidence([1, 1, 2, 2], [True, True, True, False], [0, 2, 2, 2, 2, 3], replicates=1)
    assert found.value == pytest.approx((1 + 4 / 2) / 6)


@pytest.mark.parametrize("estimate", ESTIMATES)
@given(sides)
def test_the_ind_set_itself_is_exact(estimate, data):
    score, correct, _ = data
    assert estimate(score, correct, score, replicates=1).value == pytest.approx(correct.mean(), abs=1e-12)


@given(sides, st.lists(st.floats(1e-3, 1e3), min_size=12, max_size=12))
def test_only_the_order_of_scores_matters_to_atc(data, steps):
    score, correct, new = data
    monotone = np.cumsum(steps)
    there = average_thresholded_confidence(monotone[score + 2], correct, monotone[new + 2], replicates=5)
    assert there == pytest.approx(average_thresholded_confidence(score, correct, new, replicates=5), abs=1e-12)


@pytest.mark.parametrize("estimate", ESTIMATES)
@given(sides, st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(estimate, data, random):
    score, correct, new = data
    order = list(range(len(score)))
    random.shuffle(order)
    value = estimate(score, correct, new, replicates=1).value
    assert 0 <= value <= 1
    assert estimate(score[order], correct[order], new[::-1], replicates=1).value == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(("right", "atc"), [(True, 2 / 3), (False, 0)])
def test_all_right_and_all_wrong(right, atc):
    score, new = np.arange(20.0), [3.0, 5.0, 99.0]
    correct = np.full(20, right)
    # Beyond all InD scores nothing is known to be right: that is the definition's answer.
    assert average_thresholded_confidence(score, correct, new).value == pytest.approx(atc)
    assert score_bins(score, correct, new).value == right


def test_bins_are_averaged_with_the_new_sets_shares():
    ind, correct = np.arange(10.0), np.array([1, 1, 1, 1, 1, 0, 1, 0, 0, 0], bool)
    # Bins of two: accuracies 1, 1, 1/2, 1/2, 0.
    for new, expected in (
        ([0.0], 1),
        ([-5.0], 1),
        ([99.0], 0),
        ([5.0], 0.5),
        ([7.6], 0),  # nearer to 8 than to 7
        ([7.4], 0.5),
        ([1.0, 4.0, 9.0, 9.0], 1.5 / 4),
    ):
        assert score_bins(ind, correct, new, bins=5).value == pytest.approx(expected)
    assert score_bins(ind, correct, [99.0], bins=1).value == pytest.approx(0.6)


def test_huge_and_neighbouring_scores_stay_in_their_bins():
    edge = np.nextafter(1.0, 2.0)
    after = np.nextafter(edge, 2.0)
    for ind in ([1.0, 1.0, edge, edge], [edge, edge, after, after], [-1.7e308, -1.7e308, 1.7e308, 1.7e308]):
        for score, expected in ((ind[0], 1), (ind[3], 0)):
            assert score_bins(ind, [True, True, False, False], [score], bins=2).value == expected


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_the_relation_of_ind_is_carried_over_where_it_holds(estimate):
    ind, (score, correct) = scored(0, 4000), scored(1, 4000, 0.7)
    found = estimate(*ind, score, replicates=200)
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(correct.mean(), abs=0.06)
    assert ind[1].mean() - correct.mean() > 0.1


def test_atc_intervals_are_of_resamples_that_are_sets_of_their_own():
    # Errors lie above 0.3: InD scores and errors are drawn together, so that the threshold stays there.
    rng, score, new = np.random.default_rng(0), scored(0, 100)[0], scored(1, 2000, 0.5)[0]
    ind = score, score < 0.3
    drawn = []
    for _ in range(1000):
        some, others = rng.integers(100, size=100), rng.integers(2000, size=2000)
        drawn.append(average_thresholded_confidence(ind[0][some], ind[1][some], new[others], replicates=1).value)
    found = average_thresholded_confidence(*ind, new, replicates=4000)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.08 * (high - low))


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_intervals_hold_what_many_samples_would_say(estimate):
    limit = estimate(*scored(98, 100_000), scored(99, 100_000, 0.5)[0], replicates=1).value
    missed = 0
    for seed in range(150):
        found = estimate(*scored(seed, 300), scored(seed + 1000, 200, 0.5)[0], replicates=200)
        missed += not found.low <= limit <= found.high
    assert 1 <= missed <= 20


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_intervals_where_replicates_say_nothing(estimate):
    ind = np.arange(50.0)
    found = estimate(ind, np.ones(50, bool), np.zeros(40))
    assert found == pytest.approx((1, *wilson_interval(40, 40)))
    assert estimate(ind, np.ones(50, bool), [1, 2, 3]).low <= wilson_interval(3, 3)[0]


def test_empty_bins_of_a_replicate_take_the_nearest():
    right, count = np.array([[2.0, 0, 0, 1], [0, 1, 0, 0]]), np.array([[2.0, 0, 0, 2], [0, 2, 0, 1]])
    assert _filled(right, count).tolist() == [[1, 1, 0.5, 0.5], [0.5, 0.5, 0.5, 0]]


@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize(
    ("ind", "correct", "score", "sentence"),
    [
        ([], [], [1], "ind_score is empty"),
        ([1], [True], [], "score is empty"),
        ([1, 2], [True, False], [math.nan], "score has 1 of 1 scores that are NaN"),
        ([1, 2], [True], [1], "2 scores, but 1 predictions"),
        ([1, 2], [1, -1], [1], "leave out samples without a label"),
    ],
)
def test_scores_that_cannot_be_used(estimate, ind, correct, score, sentence):
    with pytest.raises(DataError, match=sentence):
        estimate(ind, correct, score)
    with pytest.raises(DataError, match=sentence):
        estimate_table(ind, correct, {"fog": (score, None)})


def test_the_table_has_every_estimate_beside_the_truth():
    ind = scored(0, 500)
    sets = {"fog": scored(1, 200, 0.5), "snow": scored(2, 100, 1.5), "unknown": (scored(3, 50)[0], None)}
    table = estimate_table(*ind, sets, bins=5, replicates=50)
    assert table["set"].drop_duplicates().tolist() == list(sets)
    assert table["method"].tolist() == [*METHODS] * 3
    fog = table[table["set"] == "fog"].set_index("method")
    assert fog["n"].eq(200).all()
    truth = sets["fog"][1].mean()
    assert fog["truth"].eq(truth).all()
    assert fog[["truth_low", "truth_high"]].to_numpy()[0].tolist() == list(
        wilson_interval(int(sets["fog"][1].sum()), 200)
    )
    estimates = {
        "atc": average_thresholded_confidence(*ind, sets["fog"][0], replicates=50, name="fog"),
        "bins": score_bins(*ind, sets["fog"][0], 5, replicates=50, name="fog"),
        "ind": (ind[1].mean(), *wilson_interval(int(ind[1].sum()), 500)),
    }
    for method, expected in estimates.items():
        assert fog.loc[method, ["estimate", "low", "high"]].tolist() == list(expected)
        assert fog.loc[method, "error"] == expected[0] - truth
    assert table[table["set"] == "unknown"][["truth", "truth_low", "error"]].isna().all(axis=None)
    with pytest.raises(DataError, match='The set "fog": score is empty'):
        estimate_table(*ind, {"fog": ([], [])})


def test_errors_over_sets_tell_whether_it_helps():
    sets = {f"set {s}": scored(s, 400, 0.2 * s) for s in range(1, 8)}
    table = estimate_table(*scored(0, 2000), {**sets, "unknown": (scored(9)[0], None)}, replicates=20)
    found = mean_absolute_error(table).set_index("method")
    assert found["sets"].eq(7).all()
    for method in METHODS:
        assert found.loc[method, "error"] == pytest.approx(table[table["method"] == method]["error"].abs().mean())
        assert found.loc[method, "gain"] == pytest.approx(found.loc["ind", "error"] - found.loc[method, "error"])
    assert (found.loc[["atc", "bins"], "low"] > 0).all()
    assert found.loc["ind", ["gain", "low", "high"]].tolist() == [0, 0, 0]
    halves = {name: "ab"[number % 2] for number, name in enumerate(sets)}
    assert mean_absolute_error(table, halves)[["low", "high"]].isna().all(axis=None)
    assert mean_absolute_error(table, {name: name for name in sets}).equals(mean_absolute_error(table))
    with pytest.raises(DataError, match="6 of 7 dots have no group"):
        mean_absolute_error(table, {"set 1": "a"})


def test_without_a_truth_there_are_no_errors():
    table = estimate_table(*scored(), {"unknown": (scored(9)[0], None)}, replicates=5)
    found = mean_absolute_error(table)
    assert found["sets"].eq(0).all()
    assert found[["error", "gain", "low", "high"]].isna().all(axis=None)
