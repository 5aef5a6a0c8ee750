"""What is said of a whole set without its labels: scores, features, their intervals, and what is stored."""

import math
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics import roc_auc_score

from latentviz import Run
from latentviz.errors import DataError, WorkspaceError
from latentviz.evaluation import feature_statistics as feature_statistics_module
from latentviz.evaluation.accuracy import Z95, sets_table, wilson_interval
from latentviz.evaluation.detection import auroc, threshold_at
from latentviz.evaluation.feature_statistics import cost, feature_statistics, missing, of_features, run_job
from latentviz.evaluation.intervals import delong
from latentviz.evaluation.set_statistics import COLUMNS, OF_SCORES, of_scores, shifted_sets
from latentviz.geometry.shift import Moments
from latentviz.progress import silent
from tests.versions import FAMILIES, add_shifted, add_version, clean_run, corrupted_run, noise


@pytest.fixture(scope="module")
def run() -> Run:
    return corrupted_run()


def value(table: pd.DataFrame, name: str, statistic: str) -> tuple[float, float, float]:
    """With the ends of its interval."""
    row = table[(table["set"] == name) & (table["statistic"] == statistic)]
    return tuple(row[["value", "value_low", "value_high"]].iloc[0])


# The sets


def test_shifted_sets_have_their_accuracy_and_what_they_were_made_of(run):
    run = add_shifted(corrupted_run(), "elsewhere", run["test"].features[:10], np.zeros(10, int))
    found = shifted_sets(run).set_index("set")
    assert list(found.index) == ["test-" + f"{name}-{s}" for name in FAMILIES for s in (1, 3, 5)] + ["elsewhere"]
    row = found.loc["test-fog-3"]
    made = row[["run", "of", "corruption", "family", "severity"]].tolist()
    assert made == ["run", "test", "fog", "weather", 3]
    own = found.loc["elsewhere"]
    assert (own["of"], own["corruption"], own["family"], own["severity"]) == ("", "", "", 0)
    assert found["severity"].dtype.kind == "i"
    expected = sets_table(run, list(found.index)).set_index("set")[["accuracy", "low", "high", "labelled"]]
    pd.testing.assert_frame_equal(found[["accuracy", "low", "high", "labelled"]], expected)


def test_sets_without_labels_and_of_other_roles_are_left_out():
    run = add_shifted(clean_run(), "unlabelled", np.ones((5, 6)), np.full(5, -1))
    found = shifted_sets(run)
    assert found.empty
    assert list(found.columns) == [*list(shifted_sets(corrupted_run(severities=(1,))).columns)]


def test_what_is_not_extracted_to_its_end_is_left_out():
    """Its first samples may all be of one class."""
    run = add_version(clean_run(), "fog", 1, noise(1))
    run = add_version(run, "fog", 2, noise(2), written=20)
    assert shifted_sets(run)["set"].tolist() == ["test-fog-1"]


def test_a_version_of_another_seed_is_the_same_corruption_under_another_name():
    run = add_version(clean_run(), "fog", 1, noise(1), family="weather")
    run = add_version(run, "fog", 1, noise(2), family="weather", seed=7, suffix="-seed7")
    found = shifted_sets(run)
    assert found["corruption"].tolist() == ["fog", "fog"]
    assert found["version"].tolist() == ["fog", "fog (seed 7)"]


# Of scores


def scores() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """With ties, also at the threshold."""
    random = np.random.default_rng(0)
    others = {"near": random.normal(0.5, 1, 150), "far": random.normal(2, 1, 80)}
    return random.normal(size=200).round(1), {name: s.round(1) for name, s in others.items()}


@pytest.mark.parametrize("level", [0.8, 0.95, 1.0])
def test_of_scores(level):
    ind, others = scores()
    table = of_scores(ind, others, level)
    assert list(table.columns) == COLUMNS
    assert table["statistic"].tolist() == 2 * list(OF_SCORES)
    threshold = np.sort(ind)[math.ceil(level * len(ind)) - 1]
    assert threshold == threshold_at(ind, level)
    for name, of in others.items():
        half = Z95 * of.std(ddof=1) / math.sqrt(len(of))
        assert value(table, name, "mean") == pytest.approx((of.mean(), of.mean() - half, of.mean() + half))
        flagged = int(np.sum(of > threshold))
        assert value(table, name, "flagged") == pytest.approx(
            (flagged / len(of), *wilson_interval(flagged, len(of))), abs=1e-12
        )
        truth = np.r_[np.zeros(len(ind)), np.ones(len(of))]
        area, low, high = value(table, name, "auroc")
        assert area == pytest.approx(roc_auc_score(truth, np.r_[ind, of]), abs=1e-12)
        assert area == auroc(ind, of)
        assert (area, low, high) == tuple(delong(ind, of))
        assert low < area < high


def test_the_in_distribution_set_itself_is_flagged_as_often_as_asked():
    ind = np.random.default_rng(0).normal(size=200)
    table = of_scores(ind, {"test": ind}, 0.9)
    assert value(table, "test", "flagged")[0] == pytest.approx(0.1)
    assert value(table, "test", "auroc")[0] == 0.5


def test_one_sample_has_a_mean_without_an_interval():
    mean, low, high = value(of_scores(np.arange(20.0), {"one": np.array([3.0])}), "one", "mean")
    assert mean == 3
    assert math.isnan(low)
    assert math.isnan(high)


def test_no_sets_give_an_empty_table():
    assert list(of_scores(np.arange(5.0), {}).columns) == COLUMNS
    assert of_scores(np.arange(5.0), {}).empty


@pytest.mark.parametrize("wrong", [np.array([]), np.array([1.0, np.nan]), np.array([1.0, np.inf])])
def test_scores_that_are_not_there_or_not_finite_are_refused(wrong):
    with pytest.raises(DataError):
        of_scores(np.arange(20.0), {"wrong": wrong})


# Of features


# Those of neuron coverage and of clusters are tested beside these.
@pytest.mark.parametrize(
    "statistic", sorted(set(feature_statistics()) - {"nac-me", "silhouette", "cluster-predictions"})
)
def test_of_features_are_those_computed_directly(run, statistic):
    sets = ["test-fog-1", "test-fog-5", "test"]
    table = of_features(run, "test", sets, statistic)
    assert list(table.columns) == COLUMNS
    assert table["set"].tolist() == sets
    assert set(table["statistic"]) == {statistic}
    ind = run["test"].features.astype(float)
    for name in sets:
        z, logits = run[name].features.astype(float), run[name].logits.astype(float)
        away = z.mean(axis=0) - ind.mean(axis=0)
        found = value(table, name, statistic)
        if statistic == "frechet":
            a, b = np.cov(ind.T), np.cov(z.T)
            squared = away @ away + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
            assert found[0] == pytest.approx(squared, abs=1e-5)
            assert np.isnan(found[1:]).all()
        elif statistic == "distance":
            assert found[0] == pytest.approx(np.linalg.norm(away), abs=1e-9)
        else:
            confidence = np.exp(logits.max(axis=1)) / np.exp(logits).sum(axis=1)
            values = np.linalg.norm(z, axis=1) if statistic == "norm" else confidence
            half = Z95 * values.std(ddof=1) / math.sqrt(len(z))
            assert found == pytest.approx((values.mean(), values.mean() - half, values.mean() + half), rel=1e-5)


def test_a_set_is_not_away_from_itself(run):
    assert value(of_features(run, "test", ["test"], "distance"), "test", "distance") == (0, 0, 0)
    assert value(of_features(run, "test", ["test"], "frechet"), "test", "frechet")[0] == pytest.approx(0, abs=1e-9)


def test_no_sets_and_unknown_sets(run):
    assert of_features(run, "test", [], "distance").empty
    with pytest.raises(WorkspaceError, match='has no set "nothing"'):
        of_features(run, "test", ["nothing"], "norm")
    with pytest.raises(WorkspaceError, match='has no set "nothing"'):
        of_features(run, "nothing", ["test"], "distance")


@pytest.mark.parametrize("statistic", ["distance", "frechet"])
def test_what_is_stored_is_not_computed_again(monkeypatch, statistic):
    run = corrupted_run(severities=(1,))
    sets = [s.name for s in run if s.role == "shifted"]
    assert missing(run, "test", sets, statistic) == sets
    first = of_features(run, "test", sets, statistic)
    assert missing(run, "test", sets, statistic) == []

    def computed(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(Moments, "of", computed)
    pd.testing.assert_frame_equal(of_features(run.reopened(), "test", sets, statistic), first)
    last = of_features(run, "test", sets[-1:], statistic)
    pd.testing.assert_frame_equal(last, first.iloc[-1:].reset_index(drop=True))
    # Another set to compare with is another question.
    assert missing(run, "train", sets, statistic) == sets
    with pytest.raises(AssertionError, match="computed again"):
        of_features(run, "train", sets, statistic)


def test_means_need_nothing_stored(run):
    for statistic in ("norm", "confidence"):
        assert missing(run, "test", list(run.sets), statistic) == []
        assert cost(run, "test", list(run.sets), statistic) == 0


def test_a_set_of_the_same_name_with_other_content_is_computed_anew(workspace):
    """Also in a folder of results that another set of the name has left behind."""
    found = []
    for seed in (0, 1):
        run = add_version(clean_run(workspace, name=f"run-{seed}"), "fog", 1, noise(1, seed))
        if seed:
            shutil.copytree(workspace["run-0"].derived.folder, run.derived.folder, dirs_exist_ok=True)
            assert missing(run, "test", ["test-fog-1"], "distance") == ["test-fog-1"]
        table = of_features(run, "test", ["test-fog-1"], "distance")
        z, ind = run["test-fog-1"].features, run["test"].features
        expected = np.linalg.norm(z.astype(float).mean(axis=0) - ind.astype(float).mean(axis=0))
        found.append(value(table, "test-fog-1", "distance")[0])
        assert found[-1] == pytest.approx(expected)
    assert found[0] != found[1]


def test_the_cost_is_of_what_is_missing_and_of_the_set_it_is_compared_with():
    run = corrupted_run(severities=(1,))
    sets, n, width = [s.name for s in run if s.role == "shifted"], len(run["test"]), run.manifest.width
    assert cost(run, "test", sets, "distance") == (len(sets) + 1) * n * width**2
    assert cost(run, "test", sets, "frechet") == (len(sets) + 1) * (n * width**2 + 30 * width**3)
    of_features(run, "test", sets[1:], "frechet")
    assert cost(run, "test", sets, "frechet") == 2 * (n * width**2 + 30 * width**3)
    of_features(run, "test", sets, "frechet")
    assert cost(run, "test", sets, "frechet") == 0


def test_the_background_job_stores_what_the_page_then_reads(workspace):
    run = corrupted_run(workspace, severities=(1,))
    sets = [s.name for s in run if s.role == "shifted"]
    parameters = {"run": run.name, "ind": "test", "sets": sets, "statistic": "frechet"}
    said = run_job(workspace.path, parameters, silent)
    assert said == f"Fréchet distance (squared) of {len(sets)} sets"
    assert missing(run, "test", sets, "frechet") == []


def test_an_unknown_statistic_is_named(run):
    with pytest.raises(DataError, match='no statistic "size"; choose norm, confidence, distance, frechet'):
        of_features(run, "test", ["test"], "size")


def test_another_statistic_joins_with_one_function(run, monkeypatch):
    monkeypatch.setattr(feature_statistics_module, "_known", dict(feature_statistics()))

    @feature_statistics_module.register("samples", "Samples", is_kept=False)
    def _samples(base, other):
        return len(other.image_set) / len(base.image_set), math.nan, math.nan

    assert feature_statistics()["samples"].title == "Samples"
    assert value(of_features(run, "test", ["test-fog-1"], "samples"), "test-fog-1", "samples")[0] == 1


def test_a_set_that_cannot_be_compared_does_not_take_the_others_with_it():
    run = add_version(clean_run(), "fog", 1, noise(1))
    run = add_shifted(run, "one", run["test"].features[:1], np.zeros(1, int))
    found = of_features(run, "test", ["test-fog-1", "one"], "frechet").set_index("set")["value"]
    assert found["test-fog-1"] > 0
    assert math.isnan(found["one"])
    assert missing(run, "test", ["one"], "frechet") == []  # known not to have one
    with pytest.raises(DataError, match='"test" and "one": A set has a single sample'):
        of_features(run, "test", ["one"], "frechet")


def test_progress_is_told_a_set_at_a_time(run):
    steps = []
    of_features(run, "test", ["test-fog-1", "test-fog-3"], "frechet", lambda *step: steps.append(step[1:3]))
    assert steps == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(("rows", "shift"), [(60, 1.0), (200, 0.6)])
def test_the_interval_of_the_distance_is_the_bootstraps(rows, shift):
    """The delta method against resamples of both sets. It knows nothing of the bias of a norm, which is small here."""
    run = clean_run(rows=rows)
    random = np.random.default_rng(1)
    run = add_version(run, "fog", 3, lambda z: z + shift * np.array([1, 2, 0, 0, 1, 0]) + random.normal(size=z.shape))
    ind, other = (run[name].features.astype(float) for name in ("test", "test-fog-3"))
    distance, low, high = value(of_features(run, "test", ["test-fog-3"], "distance"), "test-fog-3", "distance")
    drawn = np.array(
        [
            np.linalg.norm(
                other[random.integers(rows, size=rows)].mean(0) - ind[random.integers(rows, size=rows)].mean(0)
            )
            for _ in range(4000)
        ]
    )
    # The standard deviation of 4000 draws is uncertain by 1 %; the bootstrap divides by N, the interval by N − 1.
    spread = drawn.std() * math.sqrt(rows / (rows - 1))
    assert (high - low) / 2 == pytest.approx(Z95 * spread, rel=0.05)
    assert distance - low == pytest.approx(high - distance)
    ends = np.quantile(drawn, [0.025, 0.975]) - (drawn.mean() - distance)
    np.testing.assert_allclose([low, high], ends, atol=0.1 * (high - low))


def test_the_interval_of_a_small_distance_ends_at_zero():
    random = np.random.default_rng(0)
    run = add_version(clean_run(), "fog", 1, lambda z: z[random.integers(len(z), size=len(z))])
    distance, low, high = value(of_features(run, "test", ["test-fog-1"], "distance"), "test-fog-1", "distance")
    assert 0 <= low < distance < high
