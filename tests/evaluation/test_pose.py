"""Means over azimuth and elevation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.errors import DataError
from latentviz.evaluation.pose import by_pose


@given(st.integers(0, 1000), st.sampled_from([5.0, 10.0, 45.0, 360.0]))
def test_cells_hold_every_sample_once(seed, step):
    random = np.random.default_rng(seed)
    values, azimuth = random.normal(size=50), random.uniform(-180, 540, 50)
    elevation = random.integers(14, 18, 50).astype(float)
    cells = by_pose(values, azimuth, elevation, step)
    assert cells["n"].sum() == 50
    assert (cells["n"] * cells["mean"]).sum() == pytest.approx(values.sum())
    assert cells["azimuth"].between(0, 360).all()
    for row in cells.itertuples():
        inside = (np.abs((azimuth % 360) - row.azimuth) <= step / 2) & (elevation == row.elevation)
        assert inside.sum() >= row.n


def test_unknown_angles_and_values_are_left_out():
    values = np.array([1.0, np.nan, 1, 0])
    cells = by_pose(values, np.array([1.0, 2, np.nan, 4]), np.array([15.0, 15, 15, np.nan]))
    assert cells[["n", "mean"]].to_numpy().tolist() == [[1, 1]]


def test_without_elevations_there_is_one_row():
    cells = by_pose(np.ones(4), np.array([1.0, 2, 100, 101]), np.full(4, np.nan))
    assert cells["n"].tolist() == [2, 2]
    assert cells["elevation"].isna().all()


def test_many_elevations_are_rounded():
    elevation = np.linspace(14, 16, 30)
    assert by_pose(np.ones(30), np.zeros(30), elevation)["elevation"].tolist() == [14, 15, 16]


def test_a_step_must_be_one():
    with pytest.raises(DataError, match="step is 0 degrees"):
        by_pose(np.ones(1), np.ones(1), np.ones(1), 0)


def test_the_last_cell_ends_at_360():
    assert by_pose(np.ones(2), np.array([10.0, 359]), np.zeros(2), 50)["azimuth"].tolist() == [25, 355]
    assert by_pose(np.ones(2), np.array([10.0, np.inf]), np.zeros(2))["n"].tolist() == [1]
