"""Measures of detection, their intervals, and scorers side by side."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, spearmanr
from sklearn import metrics

from latentviz.errors import DataError
from latentviz.evaluation import comparison, curves, detection, intervals
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.comparison import Comparison
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.intervals import Measured, Resamples
from latentviz.evaluation.rates import Rates, rates_at

POINT = {name: getattr(detection, name) for name in METRICS}


def gaussians(seed: int = 0, n: int = 200, m: int = 150, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.normal(shift, 1, size=m)


def one_side(values: st.SearchStrategy) -> st.SearchStrategy[np.ndarray]:
    return st.lists(values, min_size=1, max_size=40).map(lambda scores: np.array(scores, dtype=float))


tied = one_side(st.integers(0, 6))
scores = tied | one_side(st.floats(-1e6, 1e6))
levels = st.sampled_from([0.05, 0.5, 0.55, 0.8, 0.9, 0.95, 1.0])


def labelled(ind: np.ndarray, ood: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat([0, 1], [len(ind), len(ood)]), np.concatenate([ind, ood])


# Measures


@given(scores, scores)
def test_areas_are_sklearns(ind, ood):
    truth, values = labelled(ind, ood)
    assert detection.auroc(ind, ood) == pytest.approx(metrics.roc_auc_score(truth, values), abs=1e-12)
    assert detection.aupr_out(ind, ood) == pytest.approx(metrics.average_precision_score(truth, values), abs=1e-12)
    assert detection.aupr_in(ind, ood) == pytest.approx(metrics.average_precision_score(1 - truth, -values), abs=1e-12)


@given(scores, scores, levels)
def test_fpr95_at_every_threshold_tried(ind, ood, level):
    keeps_enough = [t for t in sorted(ind) if np.mean(ind <= t) >= level]
    assert detection.threshold_at(ind, level) == keeps_enough[0]
    assert detection.fpr95(ind, ood, level) == np.mean(ood <= keeps_enough[0])
    rejects_enough = [t for t in sorted(ood) if np.mean(ood >= t) >= level]
    assert detection.fpr95_openood(ind, ood, level) == np.mean(ind >= rejects_enough[-1])
    assert detection.fpr95_openood(ind, ood, level) == detection.fpr95(-ood, -ind, level)


@given(tied, tied)
def test_openoods_fpr95_is_read_off_sklearns_roc(ind, ood):
    fpr, tpr, _ = metrics.roc_curve(*labelled(ind, ood), drop_intermediate=False)
    assert detection.fpr95_openood(ind, ood) == pytest.approx(fpr[np.argmax(tpr >= 0.95)], abs=1e-12)


@pytest.mark.parametrize(
    ("ind", "ood", "expected"),
    [
        ([0, 1, 2], [3, 4], [1, 1, 1, 0, 0, 1]),  # perfect
        ([3, 4], [0, 1, 2], [0, None, None, 1, 1, 0.5]),  # the wrong way round
        ([1, 2, 3, 4], [1, 2, 3, 4], [0.5, None, None, 1, 1, 0.5]),  # identical
        ([7, 7, 7], [7], [0.5, 0.25, 0.75, 1, 1, 0.5]),  # constant
        ([0], [1], [1, 1, 1, 0, 0, 1]),  # one sample each
    ],
)
def test_closed_forms(ind, ood, expected):
    for (name, measure), value in zip(POINT.items(), expected, strict=True):
        if value is not None:
            assert measure(ind, ood) == value, name


@given(
    one_side(st.integers(0, 20)),
    one_side(st.integers(0, 20)),
    st.lists(st.floats(1e-3, 1e3), min_size=21, max_size=21),
)
def test_only_ranks_matter(ind, ood, steps):
    monotone = np.cumsum(steps)
    there, back = (monotone[side.astype(int)] for side in (ind, ood))
    for name, measure in POINT.items():
        assert measure(there, back) == measure(ind, ood), name
    assert intervals.delong(there, back) == intervals.delong(ind, ood)


def test_single_precision_scores_keep_their_order():
    ind, ood = np.float32([0.1, 0.2]), np.float32([0.2, 0.3])
    assert detection.auroc(ind, ood) == 0.875


@given(scores, scores, st.integers(-1, 7))
def test_rates_at(ind, ood, threshold):
    truth, values = labelled(ind, ood)
    rates = rates_at(ind, ood, threshold)
    assert rates.true_positive_rate == np.mean(ood > threshold)
    assert rates.false_positive_rate == np.mean(ind > threshold)
    assert rates.accuracy == pytest.approx(metrics.accuracy_score(truth, values > threshold))
    assert rates.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, values > threshold))
    assert (rates.n_ind, rates.n_ood) == (len(ind), len(ood))
    assert rates.true_positive_interval == wilson_interval(int(np.sum(ood > threshold)), len(ood))
    assert rates.false_positive_interval == wilson_interval(int(np.sum(ind > threshold)), len(ind))
    for name in ("true_positive_rate", "false_positive_rate", "accuracy", "balanced_accuracy"):
        low, high = getattr(rates, f"{name.removesuffix('_rate')}_interval")
        assert 0 <= low <= getattr(rates, name) <= high <= 1


def test_the_interval_of_balanced_accuracy_holds_the_truth():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(400):
        rates = Rates(0.0, rng.binomial(40, 0.8), rng.binomial(60, 0.1), n_ind=60, n_ood=40)
        low, high = rates.balanced_accuracy_interval
        missed += not low <= 0.85 <= high
    assert 5 <= missed <= 35


def test_rates_at_the_threshold_are_fpr95():
    ind, ood = gaussians()
    rates = rates_at(ind, ood, detection.threshold_at(ind))
    assert rates.true_positive_rate == pytest.approx(1 - detection.fpr95(ind, ood))
    assert rates.false_positive_rate == 0.05
    assert rates.balanced_accuracy == pytest.approx(detection.accuracy95(ind, ood))


@given(scores, scores, levels)
def test_detection_accuracy_is_sklearns_at_the_threshold(ind, ood, level):
    truth, values = labelled(ind, ood)
    called = values > detection.threshold_at(ind, level)
    expected = metrics.balanced_accuracy_score(truth, called)
    assert detection.accuracy95(ind, ood, level) == pytest.approx(expected)


def test_a_measure_that_is_not_there():
    for name in ("auc", ""):
        with pytest.raises(DataError, match=f'no measure "{name}"; choose auroc, .*accuracy95'):
            detection.metric_named(name)
    with pytest.raises(DataError, match="no measure"):
        intervals.replicate([1], [2], Resamples(1, 1, 1), ["auc"])


@pytest.mark.parametrize(
    ("ind", "ood", "sentence"),
    [
        ([], [1], "ind is empty; at least one sample"),
        ([1], [], "ood is empty; at least one sample"),
        ([1, math.nan], [1], "ind has 1 of 2 scores that are NaN or infinite .the first is sample 1"),
        ([1], [0, 1, math.inf, -math.inf], "ood has 2 of 4 scores"),
        ([1], [[1], [2]], r"ood has the shape \(2, 1\)"),
    ],
)
def test_scores_that_cannot_be_ranked(ind, ood, sentence):
    for measure in (*POINT.values(), curves.roc, curves.precision_recall, intervals.delong, intervals.bootstrap):
        with pytest.raises(DataError, match=sentence):
            measure(ind, ood)


@pytest.mark.parametrize("level", [0, -1, 1.5, math.nan])
def test_a_level_is_a_share(level):
    with pytest.raises(DataError, match="expected a share"):
        detection.threshold_at([1, 2], level)


# Curves


@given(scores, scores)
def test_roc_of_few_samples_has_every_corner(ind, ood):
    table = curves.roc(ind, ood)
    fpr, tpr, _ = metrics.roc_curve(*labelled(ind, ood), drop_intermediate=False)
    drawn = set(zip(table["fpr"].round(9), table["tpr"].round(9), strict=True))
    assert drawn <= set(zip(fpr.round(9), tpr.round(9), strict=True))
    assert metrics.auc(table["fpr"], table["tpr"]) == pytest.approx(detection.auroc(ind, ood))
    for point in table.itertuples():
        rates = rates_at(ind, ood, point.threshold)
        assert (point.fpr, point.tpr) == (rates.false_positive_rate, rates.true_positive_rate)


@given(scores, scores)
def test_precision_recall_is_sklearns(ind, ood):
    table = curves.precision_recall(ind, ood)
    precision, recall, _ = metrics.precision_recall_curve(*labelled(ind, ood))
    drawn = set(zip(table["recall"].round(9), table["precision"].round(9), strict=True))
    assert drawn <= set(zip(recall.round(9), precision.round(9), strict=True))
    assert (table["recall"].iloc[0], table["precision"].iloc[0]) == (0, 1)
    assert (table["recall"].iloc[-1], table["precision"].iloc[-1]) == (1, len(ood) / (len(ind) + len(ood)))


def test_long_curves_are_thinned_but_keep_their_shape():
    ind, ood = gaussians(n=4000, m=3000)
    table = curves.roc(ind, ood)
    assert 300 < len(table) <= 512
    assert table[["fpr", "tpr"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
    fpr, tpr, _ = metrics.roc_curve(*labelled(ind, ood))
    away = np.abs(table["fpr"].to_numpy()[:, None] - fpr) + np.abs(table["tpr"].to_numpy()[:, None] - tpr)
    assert away.min(axis=0).max() <= 2 / 511
    assert metrics.auc(table["fpr"], table["tpr"]) == pytest.approx(detection.auroc(ind, ood), abs=1e-3)
    assert len(curves.precision_recall(ind, ood)) <= 512


# DeLong


def components(ind: np.ndarray, ood: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components of the InD and the OOD samples, from all n × m comparisons."""
    right = (ood > ind[:, None]) + 0.5 * (ood == ind[:, None])
    return right.mean(axis=1), right.mean(axis=0)


@settings(max_examples=50)
@given(st.integers(10, 30), st.integers(10, 30), st.integers(0, 2**32), st.booleans())
def test_delong_is_that_of_all_comparisons(n, m, seed, rounded):
    pair = gaussians(seed, n, m)
    if rounded:
        pair = tuple(side.round() for side in pair)
    parts = components(*pair)
    variance = sum(part.var(ddof=1) / len(part) for part in parts)

    estimate, value = intervals.delong(*pair), parts[1].mean()
    assert estimate.value == pytest.approx(value)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    if variance > 1e-12:
        half = 1.959964 * math.sqrt(variance) / (value * (1 - value))
        odds = np.log([value / (1 - value), estimate.low / (1 - estimate.low), estimate.high / (1 - estimate.high)])
        assert odds - odds[0] == pytest.approx([0, -half, half], rel=1e-5, abs=1e-9)


def test_delong_and_bootstrap_agree():
    ind, ood = gaussians(n=400, m=300)
    assert intervals.delong(ind, ood) == pytest.approx(intervals.bootstrap(ind, ood)["auroc"], abs=0.006)


@pytest.mark.parametrize(
    ("ind", "ood", "value"),
    [
        (np.zeros(50), np.ones(80), 1),
        (np.ones(80), np.zeros(50), 0),
        (np.zeros(50), np.zeros(80), 0.5),
    ],
)
def test_without_variance_the_interval_is_that_of_the_smaller_side(ind, ood, value):
    estimate = intervals.delong(ind, ood)
    assert estimate.value == value
    expected = binomtest(round(value * 50), 50).proportion_ci(method="wilson")
    assert estimate[1:] == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_single_sample_says_little():
    low, high = intervals.delong([0.5], np.arange(1000))[1:]
    assert high - low > 0.7
    assert intervals.delong([997.5, 999.5], np.arange(1000))[1:] == pytest.approx(wilson_interval(0.002, 2))


@pytest.mark.parametrize("samples", [1, 3, 4, 7])
def test_scores_that_are_all_equal_say_nothing_of_either_side(samples):
    estimate = intervals.delong(np.ones(samples), np.ones(9))
    assert estimate.value == 0.5
    assert estimate.high - 0.5 == pytest.approx(0.5 - estimate.low)


@pytest.mark.parametrize("total", [1, 2, 3, 7, 100, 12345, 10**7])
def test_wilsons_interval_is_exact_at_its_ends(total):
    low, high = wilson_interval(0, total)
    assert low == 0 < high < 1
    low, high = wilson_interval(total, total)
    assert 0 < low < 1 == high
    assert wilson_interval(0.5 * total, total) == pytest.approx(1 - np.array(wilson_interval(0.5 * total, total))[::-1])


# Bootstrap


@pytest.mark.parametrize("rounded", [False, True])
def test_a_replicate_is_the_measure_of_the_repeated_samples(rounded):
    ind, ood = gaussians(n=60, m=45)
    if rounded:
        ind, ood = ind.round(), ood.round()
    resamples = Resamples(60, 45, replicates=20, seed=3)
    found = intervals.replicate(ind, ood, resamples)
    [(ind_counts, ood_counts)] = resamples
    for row in range(20):
        again = np.repeat(ind, ind_counts[row]), np.repeat(ood, ood_counts[row])
        assert [len(side) for side in again] == [60, 45]
        for name, measure in POINT.items():
            assert found[name][row] == pytest.approx(measure(*again), abs=1e-12), name


def test_the_interval_is_of_the_replicates_percentiles():
    ind, ood = gaussians(n=50, m=40)
    found = intervals.replicate(ind, ood, Resamples(50, 40, 300, seed=5))
    for name, estimate in intervals.bootstrap(ind, ood, 300, seed=5).items():
        assert estimate == (POINT[name](ind, ood), *np.percentile(found[name], [2.5, 97.5]))


@pytest.mark.parametrize(("ind", "ood"), [([0, 1, 2], [5, 6]), (np.arange(1000) / 400, [2.45, 2.49]), ([1], [1])])
def test_two_samples_are_never_certain(ind, ood):
    for name, estimate in intervals.bootstrap(ind, ood).items():
        if METRICS[name].share_of != "ind":
            assert estimate.high - estimate.low > 0.4, name
        assert 0 <= estimate.low <= estimate.high <= 1


def test_perfect_separation_has_the_interval_of_the_samples_there_are():
    found = intervals.bootstrap(np.zeros(50), np.ones(80))
    for name, (right, total) in {"auroc": (50, 50), "fpr95": (0, 80), "fpr95_openood": (0, 50)}.items():
        assert found[name][1:] == wilson_interval(right, total), name


def difference(a: tuple, b: tuple, metric: str, replicates: int = 1000, alpha: float = 0.05) -> intervals.Estimate:
    resamples = Resamples(len(a[0]), len(a[1]), replicates)
    return Measured.of(*a, resamples).minus(Measured.of(*b, resamples), metric, alpha)


def test_a_paired_interval_knows_what_two_scorers_share():
    ind, ood = gaussians(n=400, m=300)
    other = (ind + np.random.default_rng(1).normal(size=400), ood + np.random.default_rng(2).normal(size=300))
    paired = difference((ind, ood), other, "auroc")
    covariance = sum(np.cov(x, y) / len(x) for x, y in zip(components(ind, ood), components(*other), strict=True))
    half = 1.96 * math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    value = detection.auroc(ind, ood) - detection.auroc(*other)
    assert paired == pytest.approx((value, value - half, value + half), abs=0.006)
    unpaired = 2 * 1.96 * math.sqrt(covariance[0, 0] + covariance[1, 1])
    assert paired.high - paired.low < 0.8 * unpaired


@pytest.mark.parametrize(("replicates", "alpha"), [(60, 0.05), (1000, 0.05 / 29)])
def test_few_replicates_are_taken_for_a_normal_distribution(replicates, alpha):
    a, b = gaussians(1, n=400, m=300), gaussians(2, n=400, m=300, shift=1.3)
    found, many = difference(a, b, "auroc", replicates, alpha), difference(a, b, "auroc", 20_000, alpha)
    assert found == pytest.approx(many, abs=0.1 * (many.high - many.low))


def test_opposite_scorers_on_a_few_samples_are_not_told_apart():
    ind, ood = np.zeros(3), np.ones(3)
    assert difference((ind, ood), (-ind, -ood), "auroc") == (1, 1 - math.sqrt(2 * math.log(40) / 3), 1)
    many, two = np.arange(1000.0), np.array([998.5, 999.5])
    assert difference((many, two), (many, two - 500), "auroc").low < 0


@given(scores, scores)
def test_a_scorer_does_not_differ_from_itself(ind, ood):
    for name in METRICS:
        assert difference((ind, ood), (ind, ood), name, replicates=3) == (0, 0, 0)


def test_same_seed_same_numbers():
    sides = gaussians()
    once, again, other = (intervals.bootstrap(*sides, replicates=50, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert all(once[name] != other[name] for name in METRICS)


def test_blocks_change_nothing(monkeypatch):
    ind, ood = gaussians(n=30, m=20)
    expected = intervals.bootstrap(ind, ood, replicates=25)

    def same_as_expected() -> None:
        for name, estimate in intervals.bootstrap(ind, ood, replicates=25).items():
            assert estimate == pytest.approx(expected[name], abs=1e-12)  # sums of blocks round differently

    monkeypatch.setattr(intervals, "_BLOCK", 350)
    assert [len(block) for block, _ in Resamples(30, 20, 25)] == [7, 7, 7, 4]
    same_as_expected()
    monkeypatch.setattr(intervals, "_KEPT", 0)
    resamples = Resamples(30, 20, 25)
    first, second = (intervals.replicate(ind, ood, resamples) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in METRICS)
    monkeypatch.setattr(intervals, "_BLOCK", 1)  # no room even for one replicate
    same_as_expected()


def test_ind_samples_are_drawn_once_for_all_sets():
    [(ind, ood)] = Resamples(30, 30, 10, name="noise")
    [(ind_again, other)] = Resamples(30, 30, 10, name="svhn")
    np.testing.assert_array_equal(ind, ind_again)
    assert (ood != other).any()
    assert (ind != ood).any()


def test_ind_draws_do_not_depend_on_how_many_ood_samples_there_are(monkeypatch):
    monkeypatch.setattr(intervals, "_BLOCK", 700)  # sets of different sizes are cut into different blocks
    drawn = [np.concatenate([ind for ind, _ in Resamples(33, m, 50, seed=3, name=f"{m}")]) for m in (1, 30, 200)]
    assert {len(list(Resamples(33, m, 50))) for m in (1, 30, 200)} == {3, 5, 17}
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])


def test_samples_are_drawn_alike():
    [(counts, _)] = Resamples(20, 5, 2000)
    assert counts.mean(axis=0) == pytest.approx(np.ones(20), abs=0.1)
    assert counts.var() == pytest.approx(0.95, abs=0.03)  # binomial, 20 draws with probability 1/20


def test_intervals_cover_the_truth():
    truth = norm.cdf(1 / math.sqrt(2))
    covered = {"bootstrap": 0, "delong": 0, "difference": 0}
    for seed in range(60):
        a, b = gaussians(2 * seed, 60, 60), gaussians(2 * seed + 1, 60, 60)
        found = {
            "bootstrap": intervals.bootstrap(*a, replicates=200, seed=seed)["auroc"],
            "delong": intervals.delong(*a),
            "difference": difference(a, b, "auroc", 200),
        }
        for kind, estimate in found.items():
            covered[kind] += estimate.low <= (0 if kind == "difference" else truth) <= estimate.high
    assert all(54 <= count < 60 for count in covered.values()), covered


def test_differences_need_the_same_samples():
    one, other, fewer = (Measured.of([1, 2], ood, Resamples(2, len(ood), 3)) for ood in ([3, 4], [3, 4, 5], [3, 4]))
    with pytest.raises(DataError, match="saw 2 and 2 InD, 2 and 3 OOD samples in 3 and 3 replicates"):
        one.minus(other, "auroc")
    with pytest.raises(DataError, match="in 3 and 5 replicates"):
        fewer.minus(Measured.of([1, 2], [3, 4], Resamples(2, 2, 5)), "auroc")
    with pytest.raises(DataError, match='no measure "auc"'):
        one.minus(fewer, "auc")
    with pytest.raises(DataError, match="1 InD and 2 OOD scores, but the bootstrap draws from 3 and 2"):
        intervals.replicate([1], [3, 4], Resamples(3, 2))
    with pytest.raises(DataError, match="at least one"):
        intervals.bootstrap([1], [2], replicates=0)


# Scorers side by side

SIZES = {"test": 120, "close": 80, "noise": 60, "digits": 90}
SHIFTS = {"test": 0.0, "close": 0.3, "noise": 3.0, "digits": 1.0}


@pytest.fixture
def three_scorers() -> dict[str, dict[str, np.ndarray]]:
    """A good scorer, the same with a little noise, and one that knows nothing."""
    rng = np.random.default_rng(4)
    good = {name: rng.normal(SHIFTS[name], 1, size) for name, size in SIZES.items()}
    return {
        "none": {name: rng.normal(size=size) for name, size in SIZES.items()},
        "good": good,
        "similar": {name: values + rng.normal(0, 0.05, len(values)) for name, values in good.items()},
    }


def test_table_has_every_measure_with_its_interval(three_scorers):
    seen = []
    found = Comparison.of(
        three_scorers,
        ind="test",
        sets=["close", "noise"],
        replicates=50,
        seed=1,
        progress=lambda *state: seen.append(state),
    )
    columns = ["scorer", "set", "kind", "metric", "value", "low", "high", "n_ind", "n_ood"]
    assert found.table.columns.tolist() == columns
    assert len(found.table) == 3 * 3 * len(METRICS)
    assert seen == [("Detection metrics", done, 6, "pairs") for done in range(1, 7)]
    rows = found.table.set_index(["scorer", "set", "metric"])
    ind, ood = three_scorers["good"]["test"], three_scorers["good"]["noise"]
    drawn = intervals.replicate(ind, ood, Resamples(120, 60, 50, seed=1, name="noise"))
    for name, measure in POINT.items():
        row = rows.loc[("good", "noise", name)]
        low, high = np.quantile(drawn[name], [0.025, 0.975])
        assert low < high
        assert row.tolist() == ["set", measure(ind, ood), low, high, 120, 60]


def test_a_set_keeps_its_numbers_when_others_are_added(three_scorers):
    alone, together = (
        Comparison.of(three_scorers, ind="test", sets=sets, replicates=20).table
        for sets in (["noise"], ["close", "noise"])
    )
    same = together[together["set"] == "noise"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, same)


@pytest.mark.parametrize(
    ("sets", "near", "averages"),
    [
        (["close"], [], {}),
        (["close", "noise", "digits"], [], {"average": ["close", "noise", "digits"]}),
        (["close", "noise"], ["close"], {"near average": ["close"], "far average": ["noise"]}),
        (["close", "noise", "digits"], ["close"], {"near average": ["close"], "far average": ["noise", "digits"]}),
        (["close", "digits"], ["close", "digits"], {"near average": ["close", "digits"]}),
        (["close"], ["close"], {}),
    ],
)
def test_averages(three_scorers, sets, near, averages):
    good = three_scorers["good"]
    table = Comparison.of({"good": good}, ind="test", sets=sets, near=near, replicates=20).table
    rows = table.set_index(["set", "metric"])
    assert table["set"].unique().tolist() == [*sets, *averages]
    assert (table["kind"] == np.where(table["set"].isin(sets), "set", "average")).all()
    for title, members in averages.items():
        assert rows.loc[title, "n_ood"].unique().tolist() == [sum(SIZES[name] for name in members)]
        for metric in METRICS:
            value, low, high = rows.loc[(title, metric), ["value", "low", "high"]]
            assert value == pytest.approx(rows["value"][[(name, metric) for name in members]].mean())
            drawn = [
                intervals.replicate(good["test"], good[name], Resamples(120, SIZES[name], 20, name=name), [metric])
                for name in members
            ]
            mean = np.mean([replicates[metric] for replicates in drawn], axis=0)
            assert (low, high) == pytest.approx(np.quantile(mean, [0.025, 0.975]))


def test_sets_may_be_called_like_averages(three_scorers):
    named = {"close": "average", "noise": "near average", "digits": "far average"}
    renamed = {
        scorer: {"test": of["test"], **{new: of[old] for old, new in named.items()}}
        for scorer, of in three_scorers.items()
    }
    found = Comparison.of(renamed, ind="test", sets=list(named.values()), replicates=20)
    assert list(found.columns.values()) == ["average", "near average", "far average", "average of sets"]
    assert len(found.table) == 3 * 4 * len(METRICS)
    assert len(found.best()) == len(found.compared("good", "none")) == 4
    of_set = found.table.query("kind == 'set' and set == 'average' and metric == 'auroc' and scorer == 'good'")
    assert of_set["value"].tolist() == [detection.auroc(three_scorers["good"]["test"], three_scorers["good"]["close"])]
    found = Comparison.of(renamed, ind="test", sets=list(named.values()), near=["average"], replicates=20)
    assert list(found.columns.values())[3:] == ["near average of sets", "far average of sets"]


@pytest.mark.parametrize("metric", METRICS)
def test_best_is_sure_of_what_the_samples_show(three_scorers, metric):
    def best(*scorers: str) -> pd.DataFrame:
        some = {name: three_scorers[name] for name in scorers}
        found = Comparison.of(some, ind="test", sets=["close", "noise"], replicates=100).best(metric)
        assert found["set"].tolist() == ["close", "noise", "average"]
        assert found["kind"].tolist() == ["set", "set", "average"]
        return found.set_index("set")

    clear = best("none", "good").loc["noise"]
    assert (clear["scorer"], clear["runner_up"], clear["sure"]) == ("good", "none", True)
    ind, noise = (three_scorers["good"][name] for name in ("test", "noise"))
    assert clear["value"] == POINT[metric](ind, noise)
    assert (clear["difference"] > 0) == METRICS[metric].larger_is_better
    assert clear["low"] <= clear["difference"] <= clear["high"]
    close = best("none", "good", "similar")
    for name in ("noise", "average"):
        assert {close.loc[name, "scorer"], close.loc[name, "runner_up"]} == {"good", "similar"}
        assert not close.loc[name, "sure"]


def shifted_and_independent(samples: int = 120) -> dict[str, dict[str, np.ndarray]]:
    """A; B, which is A with lower OOD scores; and C, a little worse than B, whose errors are its own."""
    rng = np.random.default_rng(2)
    ind, ood = np.sort(rng.normal(size=samples)), rng.normal(1.5, 1, samples)
    other = rng.normal(size=samples), rng.normal(1.2, 1, samples)
    return {
        "A": {"test": ind, "noise": ood},
        "B": {"test": ind, "noise": ood - 0.15},
        "C": {"test": other[0], "noise": other[1]},
    }


def test_the_best_must_beat_every_other_and_not_only_the_second():
    three = shifted_and_independent()
    found = Comparison.of(three, ind="test", sets=["noise"])
    [row] = found.best().to_dict("records")
    assert (row["scorer"], row["runner_up"]) == ("A", "B")
    assert row["low"] > 0  # of the second it is sure
    assert not row["sure"]
    assert found.compared("A", "C")["better"].tolist() == [""]
    [row] = Comparison.of({name: three[name] for name in "AB"}, ind="test", sets=["noise"]).best().to_dict("records")
    assert row["sure"]


def test_equally_good_scorers_are_hardly_ever_called_surely_the_best():
    sure = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        equal = {f"{number}": {"test": rng.normal(size=40), "noise": rng.normal(1, 1, 40)} for number in range(8)}
        sure += Comparison.of(equal, ind="test", sets=["noise"], replicates=100).best()["sure"].sum()
    assert sure <= 8


def test_compared_says_who_is_better(three_scorers):
    found = Comparison.of(three_scorers, ind="test", sets=["close", "noise", "digits"], near=["close"])
    for metric in METRICS:
        there, back = found.compared("good", "none", metric), found.compared("none", "good", metric)
        assert there["set"].tolist() == ["close", "noise", "digits", "near average", "far average"]
        assert (there["difference"] == -back["difference"]).all()
        assert there["better"].tolist() == back["better"].tolist()
        assert there.set_index("set")["better"][["noise", "far average"]].tolist() == ["good", "good"]
    assert found.compared("good", "similar")["better"].iloc[1] == ""
    assert found.compared("good", "good")[["difference", "low", "high"]].eq(0).all(axis=None)


def test_scorers_and_measures_that_are_not_there(three_scorers):
    found = Comparison.of(three_scorers, ind="test", sets=["noise"], replicates=5)
    for a, b in (("good", "best"), ("best", "good")):
        with pytest.raises(DataError, match='"best" was not measured; choose none, good, similar'):
            found.compared(a, b)
    for wrong in (lambda: found.compared("good", "none", "auc"), lambda: found.best("auc")):
        with pytest.raises(DataError, match='no measure "auc"; choose auroc'):
            wrong()


def test_a_single_scorer_is_best(three_scorers):
    found = Comparison.of({"good": three_scorers["good"]}, ind="test", sets=["noise"], replicates=5)
    [row] = found.best().to_dict("records")
    assert (row["scorer"], row["runner_up"], row["sure"]) == ("good", "", False)
    assert math.isnan(row["difference"])


def test_no_scorers_no_rows():
    found = Comparison.of({}, ind="test", sets=["noise"])
    assert found.table.empty
    assert found.best().empty


@pytest.mark.parametrize(
    ("broken", "near", "sentence"),
    [
        ({"noise": None}, [], '"broken" has no scores of the set "noise"'),
        ({"test": None}, [], '"broken" has no scores of the set "test"'),
        ({"noise": np.zeros(3)}, [], '"broken" has 3 scores of "noise", but "none" has 60'),
        (
            {"noise": np.full(60, np.nan)},
            [],
            '"broken" on "test" .ind. and "noise" .ood.: ood has 60 of 60 scores that',
        ),
        ({"noise": np.zeros(0)}, [], '"broken" has 0 scores of "noise", but "none" has 60'),
        ({}, ["nosie"], 'near set "nosie" is not among the sets noise'),
    ],
)
def test_comparisons_of_broken_scores(three_scorers, broken, near, sentence):
    changed = {name: values for name, values in {**three_scorers["good"], **broken}.items() if values is not None}
    with pytest.raises(DataError, match=sentence):
        Comparison.of({**three_scorers, "broken": changed}, ind="test", sets=["noise"], near=near, replicates=5)


@given(
    st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=3, max_size=30).filter(lambda rows: np.ptp(rows, 0).all())
)
def test_rank_agreement_is_spearmans(rows):
    columns = np.array(rows)
    agreement = comparison.rank_agreement(dict(zip("abc", columns.T, strict=True)))
    np.testing.assert_allclose(agreement, spearmanr(columns).statistic, atol=1e-12)
    assert agreement.index.tolist() == agreement.columns.tolist() == ["a", "b", "c"]


def test_rank_agreement_needs_the_same_samples():
    with pytest.raises(DataError, match='different numbers of samples: "a" 2, "b" 3'):
        comparison.rank_agreement({"a": [1, 2], "b": [1, 2, 3]})
    assert comparison.rank_agreement({"a": [1, 2], "b": [3, 3]})["b"].isna().all()
