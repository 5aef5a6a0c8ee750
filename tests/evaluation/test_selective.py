"""Does a score tell right predictions from wrong ones?"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from latentviz.errors import DataError
from latentviz.evaluation import selective
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.flagging import newcombe, split_at
from latentviz.evaluation.intervals import Estimate, delong
from latentviz.evaluation.selective import accuracy_in_bins, aurc_interval, error_auroc, risk_coverage


def columns(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    score, correct = zip(*rows, strict=True)
    return np.array(score, dtype=float), np.array(correct, dtype=bool)


tied = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40).map(columns)
distinct = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=40, unique_by=lambda row: row[0]
).map(columns)


def scored(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Errors have larger scores, with ties."""
    rng = np.random.default_rng(seed)
    correct = rng.random(n) < 0.8
    return rng.normal(1.0 * ~correct).round(1), correct


def risks(score: np.ndarray, correct: np.ndarray) -> list[float]:
    """Sample by sample, as in the papers; ties in the order of the samples."""
    order = sorted(range(len(score)), key=lambda i: score[i])
    return [sum(not correct[i] for i in order[:k]) / k for k in range(1, len(order) + 1)]


# Errors


@given(tied | distinct)
def test_error_auroc_is_sklearns(data):
    score, correct = data
    found = error_auroc(score, correct)
    assert (found.n, found.errors) == (len(score), np.sum(~correct))
    if 0 < found.errors < found.n:
        assert found.value == pytest.approx(metrics.roc_auc_score(~correct, score), abs=1e-12)
        assert found.low <= found.value <= found.high
    else:
        assert np.isnan([found.value, found.low, found.high]).all()
        assert found.problem.startswith(f"All {found.n} predictions are {'wrong' if found.errors else 'right'}")


def test_its_interval_is_delongs():
    score, correct = scored()
    found = error_auroc(score, correct)
    assert Estimate(found.value, found.low, found.high) == delong(score[correct], score[~correct])
    assert found.problem == ""


# Risk and coverage


@given(distinct)
def test_risks_without_ties_are_counted(data):
    found = risk_coverage(*data)
    n = len(data[0])
    assert found.coverage.tolist() == [k / n for k in range(1, n + 1)]
    assert found.risk.tolist() == pytest.approx(risks(*data))
    assert found.aurc == pytest.approx(np.mean(risks(*data)))


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6).map(columns))
def test_risks_of_ties_are_means_over_their_orders(data):
    score, correct = data
    orders = [risks(score[list(order)], correct[list(order)]) for order in itertools.permutations(range(len(score)))]
    np.testing.assert_allclose(risk_coverage(score, correct).risk, np.mean(orders, axis=0), atol=1e-12)


def test_ties_broken_at_random_have_the_same_mean():
    score, correct = scored(200)
    rng = np.random.default_rng(1)
    broken = []
    for _ in range(400):
        order = rng.permutation(len(score))
        broken.append(np.mean(risks(score[order], correct[order])))
    deviation = np.std(broken) / math.sqrt(len(broken))
    assert deviation > 0
    assert risk_coverage(score, correct).aurc == pytest.approx(np.mean(broken), abs=4 * deviation)


@pytest.mark.parametrize(
    ("score", "correct", "aurc", "optimal"),
    [
        ([1, 2, 3, 4], [1, 1, 1, 1], 0, 0),
        ([1, 2, 3, 4], [0, 0, 0, 0], 1, 1),
        ([1, 2, 3, 4], [1, 1, 1, 0], 1 / 16, 1 / 16),
        ([1, 2, 3, 4], [0, 1, 1, 1], (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4, 1 / 16),
        ([5, 5, 5, 5], [0, 1, 1, 1], 1 / 4, 1 / 16),  # constant: the error everywhere
        ([0], [0], 1, 1),
    ],
)
def test_closed_forms(score, correct, aurc, optimal):
    found = risk_coverage(score, correct)
    assert (found.aurc, found.optimal) == (pytest.approx(aurc), pytest.approx(optimal))
    assert found.excess == pytest.approx(aurc - optimal)
    assert found.error == found.risk[-1] == np.mean(np.equal(correct, 0))


@given(tied | distinct)
def test_between_the_oracle_and_the_worst(data):
    score, correct = data
    found = risk_coverage(score, correct)
    assert (found.oracle <= found.risk + 1e-12).all()
    oracle, worst = risk_coverage(~correct, correct), risk_coverage(correct, correct)
    assert found.optimal == pytest.approx(oracle.aurc, abs=1e-12)
    assert oracle.aurc - 1e-12 <= found.aurc <= worst.aurc + 1e-12
    assert found.excess >= -1e-12


@given(tied, st.lists(st.floats(1e-3, 1e3), min_size=7, max_size=7), st.randoms(use_true_random=False))
def test_only_the_order_of_scores_matters(data, steps, random):
    score, correct = data
    there = np.cumsum(steps)[score.astype(int)]
    order = list(range(len(score)))
    random.shuffle(order)
    for changed in ((there, correct), (score[order], correct[order])):
        np.testing.assert_allclose(risk_coverage(*changed).risk, risk_coverage(score, correct).risk, atol=1e-12)
        assert error_auroc(*changed).problem == error_auroc(score, correct).problem
        np.testing.assert_allclose(error_auroc(*changed).value, error_auroc(score, correct).value)
        for column in ("n", "accuracy", "low95", "high95"):
            expected = accuracy_in_bins(score, correct, 4)[column]
            assert accuracy_in_bins(*changed, 4)[column].tolist() == expected.tolist()
    assert aurc_interval(there, correct, 20) == aurc_interval(score, correct, 20)


@pytest.mark.parametrize("excess", [False, True])
def test_replicates_are_samples_of_their_own(excess):
    score, correct = scored(60)
    order = np.argsort(score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=np.inf))
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, 61))])
    rng = np.random.default_rng(0)
    counts = rng.multinomial(60, np.full(60, 1 / 60), size=50)
    found = selective._aurc(counts[:, order], (~correct[order]).astype(int), ends, harmonic, excess)
    expected = [risk_coverage(np.repeat(score, c), np.repeat(correct, c)) for c in counts]
    np.testing.assert_allclose(found, [e.excess if excess else e.aurc for e in expected], atol=1e-12)


@pytest.mark.parametrize("excess", [False, True])
def test_the_interval_is_scipys(excess):
    score, correct = scored()

    def statistic(a: np.ndarray, b: np.ndarray) -> float:
        found = risk_coverage(a, b)
        return found.excess if excess else found.aurc

    found = aurc_interval(score, correct, 4000, excess=excess)
    expected = stats.bootstrap(
        (score, correct), statistic, n_resamples=1500, paired=True, vectorized=False, method="percentile", rng=1
    ).confidence_interval
    assert found.value == statistic(score, correct)
    assert found[1:] == pytest.approx(tuple(expected), abs=0.08 * (found.high - found.low))


def test_intervals_where_replicates_say_nothing():
    score = np.arange(50.0)
    none, all_wrong = np.ones(50, bool), np.zeros(50, bool)
    assert aurc_interval(score, none) == (0, *wilson_interval(0, 50))
    assert aurc_interval(score, all_wrong) == pytest.approx((1, *wilson_interval(50, 50)))
    few = aurc_interval([1, 2, 3], [True, True, False])
    assert few.low <= wilson_interval(3 * few.value, 3)[0]
    with pytest.raises(DataError, match="0 bootstrap replicates"):
        aurc_interval(score, none, replicates=0)


# Bins


@given(tied | distinct, st.integers(1, 12))
def test_bins_hold_every_sample_once_and_no_tie_is_split(data, bins):
    score, correct = data
    table = accuracy_in_bins(score, correct, bins)
    assert 1 <= len(table) <= bins
    assert table["n"].sum() == len(score)
    assert (table["n"] * table["accuracy"]).sum() == pytest.approx(correct.sum())
    assert (table["high"].to_numpy()[:-1] < table["low"].to_numpy()[1:]).all()
    for row in table.itertuples():
        inside = (score >= row.low) & (score <= row.high)
        assert row.n == inside.sum()
        assert row.score == pytest.approx(score[inside].mean())
        assert (row.low95, row.high95) == wilson_interval(int(correct[inside].sum()), row.n)


@pytest.mark.parametrize(("n", "bins"), [(100, 10), (95, 10), (7, 3), (5, 10)])
def test_bins_of_distinct_scores_are_equally_large(n, bins):
    sizes = accuracy_in_bins(np.random.default_rng(0).permutation(n), np.ones(n, bool), bins)["n"]
    assert len(sizes) == min(n, bins)
    assert sizes.max() - sizes.min() <= 1


def test_a_tie_is_where_its_middle_would_be():
    for score, sizes in (([1, 2, 2, 2, 3, 4], [1, 3, 2]), ([1, 1, 1, 1, 1, 2], [5, 1]), ([1, 2, 2, 2, 2, 2], [1, 5])):
        assert accuracy_in_bins(score, np.ones(6, bool), bins=3)["n"].tolist() == sizes


def test_no_bins():
    with pytest.raises(DataError, match="0 bins were asked for"):
        accuracy_in_bins([1, 2], [True, False], bins=0)


# A threshold


def test_halves():
    rng = np.random.default_rng(0)
    score, labels, prediction = rng.normal(size=300).round(1), rng.integers(-1, 4, 300), rng.integers(0, 4, 300)
    correct = labels == prediction
    found = split_at(score, correct, labels, prediction, classes=4, threshold=0.3)
    for half, side in ((found.kept, score <= 0.3), (found.flagged, score > 0.3)):
        known = side & (labels >= 0)
        assert (half.n, half.share, half.labelled) == (side.sum(), side.mean(), known.sum())
        assert half.accuracy == (correct[known].mean(), *wilson_interval(int(correct[known].sum()), known.sum()))
        expected = metrics.confusion_matrix(labels[known], prediction[known], labels=range(4))
        assert half.confusion.tolist() == expected.tolist()
    assert found.difference.value == found.kept.accuracy.value - found.flagged.accuracy.value
    assert found.problem == ""


# Examples of R. G. Newcombe (1998), method 10.
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((56, 70), (48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.6, 0.1705, 0.8090)),
        ((10, 10), (0, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(one, other, expected):
    shares = [Estimate(k / n, *wilson_interval(k, n)) for k, n in (one, other)]
    assert newcombe(*shares) == pytest.approx(expected, abs=5e-5)
    assert newcombe(*shares[::-1]) == pytest.approx((-expected[0], -expected[2], -expected[1]), abs=5e-5)


def test_the_interval_of_a_difference_holds_the_truth():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(500):
        one, other = (
            Estimate(k / n, *wilson_interval(k, n))
            for k, n in ((rng.binomial(80, 0.9), 80), (rng.binomial(30, 0.6), 30))
        )
        found = newcombe(one, other)
        missed += not found.low <= 0.3 <= found.high
    assert 8 <= missed <= 45


@pytest.mark.parametrize(("threshold", "empty"), [(9, "flagged"), (-9, "kept")])
def test_nothing_on_a_side(threshold, empty):
    found = split_at([1, 2], [True, False], [0, 1], [0, 0], classes=2, threshold=threshold)
    assert found.problem == f"No sample with a label is {empty}; there is nothing to compare."
    assert np.isnan(found.difference).all()
    assert np.isnan(getattr(found, empty).accuracy).all()
    assert getattr(found, empty).confusion.tolist() == [[0, 0], [0, 0]]


# What cannot be used


@pytest.mark.parametrize(
    ("score", "correct", "sentence"),
    [
        ([], [], "score is empty"),
        ([1, math.nan], [True, False], "score has 1 of 2 scores that are NaN"),
        ([1, 2], [True], "2 scores, but 1 predictions"),
        ([1, 2], [1, -1], "leave out samples without a label"),
        ([1, 2], [1.0, math.nan], "leave out samples without a label"),
    ],
)
def test_samples_that_cannot_be_used(score, correct, sentence):
    for measure in (error_auroc, risk_coverage, aurc_interval, accuracy_in_bins):
        with pytest.raises(DataError, match=sentence):
            measure(score, correct)


@pytest.mark.parametrize(
    ("labels", "prediction", "sentence"),
    [
        ([0], [0, 1], "2 scores, 1 labels and 2 predictions"),
        ([0, 2], [0, 1], "none of the 2 classes"),
        ([0, 1], [0, -1], "none of the 2 classes"),
        ([0, 1], [0, 1], "1 samples are called right although label and prediction differ, or the reverse"),
    ],
)
def test_labels_that_do_not_fit(labels, prediction, sentence):
    with pytest.raises(DataError, match=sentence):
        split_at([1, 2], [True, False], labels, prediction, classes=2, threshold=1)
