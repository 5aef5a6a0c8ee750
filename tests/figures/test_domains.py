"""Figures of two domains: what is drawn is what the tables say."""

import numpy as np
import pandas as pd
import pytest

from latentviz.evaluation import pose
from latentviz.evaluation.domains import mean_plane
from latentviz.evaluation.read_outs import READ_OUTS, read_outs
from latentviz.figures import domains as figures
from tests.paired import domains_of, paired_run


@pytest.fixture(scope="module")
def of():
    return domains_of(paired_run())


def test_an_arrow_a_class(of):
    table, explained = mean_plane(of)
    drawn = figures.arrows(table, explained, ("a", "b")).data
    assert [trace.name for trace in drawn] == of.common
    assert list(drawn[0].x) == [table["x_one"][0], table["x_other"][0]]


def test_lengths_and_cosines_of_shifts(of):
    shift = of.shift()
    assert list(figures.norms(shift, of.classes).data[0].x) == list(shift.norms)
    heat = figures.cosines(shift, of.classes).data[0]
    np.testing.assert_array_equal(np.array(heat.z), shift.cosines)


def test_cells_without_samples_are_empty_and_as_wide_as_others():
    cells = pose.by_pose(np.ones(4), np.array([5.0, 15, 155, 345]), np.full(4, 15.0))
    heat = figures.by_pose(cells, "accuracy", 10.0).data[0]
    assert set(np.diff(np.array(heat.x)).round(6)) == {10.0}
    assert np.isfinite(np.array(heat.z, dtype=float)).sum() == 4
    assert heat.zmin < heat.zmax  # also if all means are equal


def test_the_last_cell_is_not_drawn_twice():
    cells = pose.by_pose(np.ones(2), np.array([10.0, 359]), np.zeros(2), 50)
    assert list(figures.by_pose(cells, "accuracy", 50.0).data[0].x) == [25, 75, 125, 175, 225, 275, 325, 355]


def test_a_bar_a_read_out_and_what_is_removed(of):
    table = read_outs(of)
    drawn = figures.read_outs(table, READ_OUTS).data
    assert [trace.name for trace in drawn] == [
        "nothing removed",
        "mean shift removed",
        "mean and covariance (CORAL) removed",
    ]
    assert list(drawn[1].y) == table[table["without"] == "mean"]["accuracy"].tolist()


def test_empty_figures_say_why():
    assert "No sample has an azimuth" in figures.by_pose(pd.DataFrame(), "x", 10).layout.annotations[0].text
    assert "There are no pairs" in figures.distances(pd.DataFrame(), "x").layout.annotations[0].text
    assert "No class is in both" in figures.arrows(pd.DataFrame(), 1, ("a", "b")).layout.annotations[0].text
