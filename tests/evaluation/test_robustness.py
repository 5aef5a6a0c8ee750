"""Networks side by side: accuracy over versions, mCE, indicators, tasks that do not fit together."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

import latentviz as lv
from latentviz.errors import DataError
from latentviz.evaluation.checkpoints import training_of
from latentviz.evaluation.clustered import clusters
from latentviz.evaluation.collapse import collapse
from latentviz.evaluation.indicators import INDICATORS, How, cost, indicators, is_stored, run_job
from latentviz.evaluation.nac_me import nac_me
from latentviz.evaluation.reference import read_reference, reference_of
from latentviz.evaluation.robustness import Networks, by_corruption, by_severity, check_task
from latentviz.geometry.clustering import Clustering
from latentviz.progress import silent
from tests.families import checkpoint
from tests.versions import FAMILIES, add_version, clean_run, corrupted_run, noise

SEVERITIES = (1, 3, 5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[lv.Run]:
    workspace = lv.Workspace(tmp_path_factory.mktemp("robustness"))
    return [corrupted_run(workspace, name=name, seed=seed) for seed, name in enumerate(("a", "b", "c"))]


@pytest.fixture(scope="module")
def networks(runs) -> Networks:
    return Networks.of(runs, "test")


def right(run: lv.Run, name: str) -> np.ndarray:
    return run[name].read("prediction") == run[name].labels


def test_accuracy_under_corruption_is_the_mean_over_versions(runs, networks):
    models = networks.compared().models.set_index("run")
    for run in runs:
        sets = [f"test-{name}-{severity}" for name in FAMILIES for severity in SEVERITIES]
        assert models.loc[run.name, "corrupted"] == pytest.approx(np.mean([right(run, s).mean() for s in sets]))
        assert models.loc[run.name, "clean"] == pytest.approx(right(run, "test").mean())
        assert models.loc[run.name, "versions"] == len(sets)
        # Versions of one image stand or fall together: the interval is that of the images' means.
        means = np.mean([right(run, s) for s in sets], axis=0)
        half = 1.959964 * means.std(ddof=1) / np.sqrt(len(means))
        assert models.loc[run.name, "corrupted_high"] - models.loc[run.name, "corrupted"] == pytest.approx(half)
        assert np.isnan(models.loc[run.name, "mce"])


def test_corruptions_and_severities_can_be_chosen(runs, networks):
    found = networks.compared(["fog"], [1, 5])
    assert set(found.versions["set"]) == {"test-fog-1", "test-fog-5"}
    expected = np.mean([right(runs[1], f"test-fog-{s}").mean() for s in (1, 5)])
    assert found.models["corrupted"][1] == pytest.approx(expected)
    nothing = networks.compared([], [1])
    assert nothing.versions.empty
    assert nothing.models["corrupted"].isna().all()


def test_mce_is_the_mean_of_errors_over_the_references(runs, networks):
    reference = {name: {s: 0.1 * s for s in SEVERITIES} for name in FAMILIES}
    models = networks.compared(reference=reference).models.set_index("run")
    for run in runs:
        ratios = [
            sum(1 - right(run, f"test-{name}-{s}").mean() for s in SEVERITIES) / sum(reference[name].values())
            for name in FAMILIES
        ]
        assert models.loc[run.name, "mce"] == pytest.approx(np.mean(ratios))
        assert models.loc[run.name, "mce_low"] < models.loc[run.name, "mce"] < models.loc[run.name, "mce_high"]


def test_the_reference_itself_has_an_mce_of_one(networks):
    found = networks.compared(reference=reference_of(networks.versions, "b"))
    assert found.has_mce
    assert found.models.set_index("run").loc["b", "mce"] == pytest.approx(1)


def test_images_that_a_version_lacks_do_not_bias_it(workspace):
    run = clean_run(workspace)
    run = add_version(run, "fog", 1, noise(1), family="weather", skipped=range(20))
    run = add_version(run, "fog", 3, noise(3), family="weather")
    models = Networks.of([run], "test").compared().models
    assert len(right(run, "test-fog-1")) == 40
    means = [right(run, f"test-fog-{severity}").mean() for severity in (1, 3)]
    assert models["corrupted"][0] == pytest.approx(np.mean(means))


def test_only_versions_that_all_networks_have_are_compared(workspace):
    one, two = corrupted_run(workspace, name="one"), corrupted_run(workspace, name="two", severities=(1,))
    alone = clean_run(workspace, name="alone")
    found = Networks.of([one, two, alone], "test")
    assert set(found.versions["severity"]) == {1}
    assert set(found.compared().models["run"]) == {"one", "two"}
    said = " ".join(found.compared().sentences)
    assert "alone is left out: it has no corrupted versions of test" in said
    assert "6 of 9 corrupted versions are left out" in said
    assert "missing of two" in said


def test_versions_of_other_files_are_not_the_same(workspace):
    runs = []
    for name, content in (("one", "a"), ("two", "b"), ("three", "a")):
        run = clean_run(workspace, name=name)
        run = add_version(run, "fog", 1, noise(1), seed=None, suffix="-files", content=content)
        runs.append(add_version(run, "fog", 3, noise(3), seed=None, suffix="-files", content="same"))
    assert set(Networks.of(runs, "test").versions["set"]) == {"test-fog-3-files"}
    assert "test-fog-1-files of the same files is missing of" in Networks.of(runs, "test").lacking[0]
    assert len(Networks.of([runs[0], runs[2]], "test").versions) == 4


def test_an_image_that_is_there_twice_counts_twice(workspace):
    ids = ["twice" if n < 2 else f"{n:06d}" for n in range(60)]
    run = clean_run(workspace, ids={"test": ids})
    run = add_version(run, "fog", 1, noise(1))
    run = add_version(run, "fog", 3, noise(3), skipped=[5])
    models = Networks.of([run], "test").compared().models
    expected = np.mean([right(run, f"test-fog-{severity}").mean() for severity in (1, 3)])
    assert models["corrupted"][0] == pytest.approx(expected)


def test_tasks_that_differ_are_refused_and_named(workspace):
    first = corrupted_run(workspace, name="first", classes=["ant", "bee", "cat"])
    turned = corrupted_run(workspace, name="turned", classes=["ant", "cat", "bee"])
    other = corrupted_run(workspace, name="other", classes=["ant", "bee", "cow"])
    with pytest.raises(
        DataError, match='"first" and "turned" have the same classes in another order: output 1 is "bee"'
    ):
        Networks.of([first, turned], "test")
    with pytest.raises(DataError, match=r'"first" .* and "other" .* different tasks: cat, cow'):
        Networks.of([first, other], "test")
    check_task([first])
    check_task([])


def test_other_images_under_one_name_are_told(workspace):
    one = corrupted_run(workspace, name="one")
    two = corrupted_run(workspace, name="two", ids={"test": [f"other {n}" for n in range(60)]})
    assert "test of two is not of the same images as of one." in Networks.of([one, two], "test").sentences


def test_checkpoints_of_one_training_belong_together(workspace):
    made = [checkpoint(workspace, seed=s, epoch=e) for s, e in ((0, 1), (0, 3), (1, 1))]
    first, later, other = map(training_of, made)
    assert first == later != other
    assert training_of(clean_run(workspace, name="alone")) == "alone"


def test_tables_by_corruption_and_severity(runs, networks):
    found = networks.compared()
    table = by_corruption(found)
    assert list(table.index) == list(FAMILIES)
    best = found.models.set_index("run").loc[list(table.columns), "corrupted"]
    assert best.is_monotonic_decreasing
    expected = np.mean([right(runs[2], f"test-fog-{s}").mean() for s in SEVERITIES])
    assert table.loc["fog", "c"] == pytest.approx(expected)
    steps = by_severity(found).set_index(["run", "severity"])["accuracy"]
    assert steps["a", 0] == pytest.approx(right(runs[0], "test").mean())
    assert steps["a", 3] == pytest.approx(np.mean([right(runs[0], f"test-{n}-3").mean() for n in FAMILIES]))


def test_severities_are_averaged_over_corruptions_that_have_all_of_them(workspace):
    run = clean_run(workspace)
    for severity in (1, 3):
        run = add_version(run, "fog", severity, noise(severity))
    run = add_version(run, "contrast", 3, noise(5))
    steps = by_severity(Networks.of([run], "test").compared()).set_index("severity")["accuracy"]
    assert steps[3] == pytest.approx(right(run, "test-fog-3").mean())
    assert steps[1] == pytest.approx(right(run, "test-fog-1").mean())


# Reference files.


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".CSV"])
def test_a_reference_is_read_from_a_table(tmp_path, ending):
    table = pd.DataFrame({"corruption": ["fog", "fog", "snow"], "severity": [1, 2, 1], "error": [0.5, 0.6, 0.7]})
    path = tmp_path / f"alexnet{ending}"
    table.to_csv(path, index=False) if ending.lower() == ".csv" else table.to_parquet(path)
    assert read_reference(path) == {"fog": {1: 0.5, 2: 0.6}, "snow": {1: 0.7}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("corruption,error\nfog,0.1\n", 'no column "severity"'),
        ("corruption,severity,error\nfog,1,50\n", "row 1: .* an error from 0 to 1; found fog, 1, 50"),
        ("corruption,severity,error\nfog,1,0.5\nfog,9,0.5\n", "row 2: .* a severity from 1 to 5"),
        ("corruption,severity,error\nfog,1,much\n", "found fog, 1, much"),
        ("corruption,severity,error\nfog,1,0.5\nfog,1,0.6\n", "row 2: fog, severity 1 is there twice"),
        ("", "cannot be read as a table"),
    ],
)
def test_a_wrong_reference_is_named(tmp_path, content, said):
    path = tmp_path / "errors.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_reference(path)


def test_a_reference_that_is_missing_or_lacks_something(tmp_path, networks):
    with pytest.raises(DataError, match="does not exist"):
        read_reference(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"expected \.csv or \.parquet"):
        read_reference(tmp_path / "errors.pkl")
    with pytest.raises(DataError, match="no error on gaussian_noise, severity 3"):
        networks.compared(reference={"gaussian_noise": {1: 0.5}})
    perfect = {name: dict.fromkeys(SEVERITIES, 0.0) for name in FAMILIES}
    with pytest.raises(DataError, match="makes no error on gaussian_noise"):
        networks.compared(reference=perfect)


# Indicators.


def test_every_indicator_is_what_its_own_module_says(runs):
    values, problems = indicators(runs[0], "test")
    assert not problems
    assert list(values) == list(INDICATORS)
    found = clusters(runs[0], "test", Clustering(clusters=3))
    assert values["cluster-nmi"] == (found.with_classes.values["nmi"], *found.with_classes.intervals["nmi"])
    assert values["cluster-silhouette"] == pytest.approx(found.silhouette)
    assert values["nc1"][0] == collapse(runs[0], "train").metrics["nc1"]
    assert values["nac-me"][0] == nac_me(runs[0]).value
    for name, (value, low, high) in values.items():
        assert np.isfinite(value), name
        assert np.isnan(low) or low <= value <= high, name
    without = {name for name, of in values.items() if np.isnan(of[1])}
    assert without == {"multicut-clusters", "nc2_equinorm_weights", "nc2_equiangular_weights"}


def test_they_are_stored_by_what_they_are_computed_with(runs):
    how = How(Clustering("agglomerative", clusters=4), as_classes=False, space="unit")
    assert not is_stored(runs[1], "test", how)
    assert cost(runs[1], "test", how) > 0
    before = indicators(runs[1], "test", how)
    assert is_stored(runs[1].reopened(), "test", how)
    assert cost(runs[1], "test", how) == 0
    assert indicators(runs[1], "test", how) == before
    found = clusters(runs[1], "test", Clustering("agglomerative", clusters=4), "unit")
    assert before[0]["cluster-ari"][0] == found.with_classes.values["ari"]


def test_what_a_network_lacks_is_told_and_the_rest_is_there(workspace):
    run = clean_run(workspace, name="poor", roles={"train": "shifted", "test": "ind", "far": "ood"})
    values, problems = indicators(run, "test")
    assert np.isfinite(values["cluster-nmi"][0])
    assert np.isnan(values["multicut-nmi"][0])
    assert np.isnan(values["nac-me"][0])
    assert any("Multicut of the clean set: A multicut learns from labelled training" in p for p in problems)
    assert all(p.startswith("poor: ") for p in problems)


def test_the_job_computes_them(runs):
    how = How(Clustering(seed=7))
    workspace = runs[0].folder.parents[1]
    parameters = {"run": "a", "runs": ["a", "b"], "clean": "test", "how": json.loads(json.dumps(asdict(how)))}
    assert run_job(workspace, parameters, silent) == "Indicators of 2 networks"
    assert is_stored(runs[0], "test", how)
    assert is_stored(runs[1], "test", how)
