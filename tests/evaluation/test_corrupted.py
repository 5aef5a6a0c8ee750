"""Which sets are versions of which, and where one image is in all of them."""

import math

import numpy as np
import pandas as pd
import pytest

from latentviz import Run
from latentviz.evaluation.accuracy import sets_table
from latentviz.evaluation.corrupted import corrupted_sets, in_grid, severity_paths
from tests.versions import FAMILIES, add_shifted, add_version, clean_run, corrupted_run, noise


@pytest.fixture(scope="module")
def run() -> Run:
    """With one more set that was corrupted elsewhere, and one version of another set."""
    run = add_shifted(corrupted_run(), "elsewhere", np.ones((10, 6)), np.zeros(10, int))
    return add_version(run, "fog", 2, noise(2), of="train", family="weather")


# Tables


def test_every_version_is_a_row_with_what_it_is_of(run):
    table = corrupted_sets(run)
    assert table["set"].tolist() == [*(f"test-{name}-{s}" for name in FAMILIES for s in (1, 3, 5)), "train-fog-2"]
    assert table["of"].tolist() == 9 * ["test"] + ["train"]
    assert table["family"].tolist() == [*(f for f in FAMILIES.values() for _ in range(3)), "weather"]
    assert table["severity"].tolist() == [1, 3, 5] * 3 + [2]
    numbers = ["samples", "accuracy", "low", "high", "labelled"]
    pd.testing.assert_frame_equal(table[numbers], sets_table(run, table["set"])[numbers])
    assert corrupted_sets(run, "train")["set"].tolist() == ["train-fog-2"]


def test_a_run_without_versions_has_an_empty_table():
    table = corrupted_sets(clean_run())
    assert table.empty
    assert {"set", "of", "corruption", "family", "severity", "accuracy", "labelled"} <= set(table.columns)
    assert in_grid(table, "accuracy").empty


def test_the_grid_has_severities_in_order_and_shows_what_was_not_made():
    """Corruptions stay as they were made."""
    run = clean_run()
    for name, severity in (("fog", 5), ("fog", 2), ("contrast", 1)):
        run = add_version(run, name, severity, noise(severity))
    table = corrupted_sets(run)
    grid = in_grid(table, "accuracy")
    assert list(grid.index) == ["fog", "contrast"]
    assert list(grid.columns) == [1, 2, 5]
    by_set = table.set_index("set")["accuracy"]
    assert grid.loc["fog", 5] == by_set["test-fog-5"]
    assert grid.loc["contrast", 1] == by_set["test-contrast-1"]
    assert math.isnan(grid.loc["contrast", 5])
    assert math.isnan(grid.loc["fog", 1])


def test_a_corruption_without_numbers_stays_in_the_grid():
    run = add_version(clean_run(), "fog", 1, noise(1))
    run = add_version(run, "snow", 1, noise(1), written=0)
    grid = in_grid(corrupted_sets(run), "accuracy")
    assert list(grid.index) == ["fog", "snow"]
    assert math.isnan(grid.loc["snow", 1])


# Samples


@pytest.fixture(scope="module")
def holey() -> Run:
    """Versions in which other images could not be read."""
    run = clean_run(rows=12)
    run = add_version(run, "fog", 1, noise(1), skipped=[0, 4])
    run = add_version(run, "fog", 4, noise(4))
    return add_version(run, "snow", 2, noise(2), skipped=[5, 11])


def test_versions_of_another_seed_and_from_files_are_rows_and_paths_of_their_own():
    run = clean_run(rows=12)
    for severity in (1, 3):
        run = add_version(run, "fog", severity, noise(severity))
    for suffix, seed in (("-seed1", 1), ("-files", None)):
        run = add_version(run, "fog", 1, noise(2, 5), seed=seed, suffix=suffix)
    table = corrupted_sets(run)
    assert dict(zip(table["set"], table["version"], strict=True)) == {
        "test-fog-1": "fog",
        "test-fog-3": "fog",
        "test-fog-1-seed1": "fog (seed 1)",
        "test-fog-1-files": "fog (files)",
    }
    assert set(table["corruption"]) == {"fog"}
    grid = in_grid(table, "accuracy")
    assert list(grid.index) == ["fog", "fog (seed 1)", "fog (files)"]
    accuracy = table.set_index("set")["accuracy"]
    assert grid.loc["fog"].tolist() == [accuracy["test-fog-1"], accuracy["test-fog-3"]]
    assert grid.loc["fog (files)", 1] == accuracy["test-fog-1-files"]
    assert severity_paths(run, list(run.sets), "test", 7) == {
        "fog": [("test", 7), ("test-fog-1", 7), ("test-fog-3", 7)],
        "fog (seed 1)": [("test", 7), ("test-fog-1-seed1", 7)],
        "fog (files)": [("test", 7), ("test-fog-1-files", 7)],
    }


def test_a_path_leads_from_the_clean_image_to_the_highest_severity(run):
    paths = severity_paths(run, list(run.sets), "test", 7)
    assert list(paths) == list(FAMILIES)
    assert paths["fog"] == [("test", 7), ("test-fog-1", 7), ("test-fog-3", 7), ("test-fog-5", 7)]


def test_severities_are_in_order_whatever_the_order_of_the_sets(run):
    sets = ["test-fog-5", "test-fog-1", "test", "test-fog-3"]
    assert [name for name, _ in severity_paths(run, sets, "test", 0)["fog"]] == [
        *("test", "test-fog-1", "test-fog-3", "test-fog-5"),
    ]


def test_a_corrupted_image_has_the_path_of_its_original(holey):
    sets = list(holey.sets)
    row = holey["test-fog-1"].index["id"].tolist().index("000007")
    assert row == 5
    expected = severity_paths(holey, sets, "test", 7)
    assert expected["fog"] == [("test", 7), ("test-fog-1", 5), ("test-fog-4", 7)]
    assert expected["snow"] == [("test", 7), ("test-snow-2", 6)]
    assert severity_paths(holey, sets, "test-fog-1", 5) == expected
    assert severity_paths(holey, sets, "test-snow-2", 6) == expected


def test_versions_that_could_not_be_read_are_passed_over(holey):
    sets = list(holey.sets)
    assert severity_paths(holey, sets, "test", 4) == {
        "fog": [("test", 4), ("test-fog-4", 4)],
        "snow": [("test", 4), ("test-snow-2", 4)],
    }
    assert severity_paths(holey, sets, "test", 11) == {"fog": [("test", 11), ("test-fog-1", 9), ("test-fog-4", 11)]}


def test_sets_that_are_not_chosen_are_left_out(run):
    assert severity_paths(run, ["test", "test-fog-3"], "test", 2) == {"fog": [("test", 2), ("test-fog-3", 2)]}
    # Without the clean set, from the lowest severity; a single place is no path.
    chosen = ["test-fog-3", "test-fog-1", "test-shot_noise-1"]
    assert severity_paths(run, chosen, "test-fog-3", 2) == {"fog": [("test-fog-1", 2), ("test-fog-3", 2)]}
    assert severity_paths(run, ["test"], "test", 2) == {}
    assert severity_paths(run, [], "test", 2) == {}


def test_versions_of_another_set_and_other_shifted_sets_have_no_part(run):
    assert severity_paths(run, list(run.sets), "train", 0) == {"fog": [("train", 0), ("train-fog-2", 0)]}
    assert severity_paths(run, list(run.sets), "elsewhere", 0) == {}
    assert severity_paths(run, list(run.sets), "far", 0) == {}
