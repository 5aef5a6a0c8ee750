"""One map a checkpoint, laid onto the last one."""

import numpy as np
import pytest

from latentviz.errors import Cancelled
from latentviz.projection.trajectory import is_there, request, run_job, spec_of, trajectory
from tests.families import family

SETS = ("test", "far")


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_the_same_samples_on_every_map(workspace, method):
    runs = family(workspace, seeds=1)[:3]
    spec = spec_of(SETS, False, method)
    maps = trajectory(runs, spec)
    assert is_there(runs, spec)
    assert len(maps) == 3
    for one in maps:
        assert list(one["set"]) == ["test"] * 60 + ["far"] * 40
        assert list(one["row"]) == [*range(60), *range(40)]
        assert np.isfinite(one[["x", "y"]].to_numpy()).all()
    again = trajectory(runs, spec)
    for one, other in zip(maps, again, strict=True):
        np.testing.assert_array_equal(one[["x", "y"]], other[["x", "y"]])


def test_equal_features_lie_where_they_lay(workspace):
    last = family(workspace, seeds=1, epochs=(10,))[0]
    first, second = trajectory([last, last], spec_of(SETS, False, "pca"))
    np.testing.assert_allclose(first[["x", "y"]], second[["x", "y"]], atol=1e-4)


def test_maps_that_are_not_there_come_from_a_job(workspace):
    runs = family(workspace, seeds=1)[:3]
    spec = spec_of(SETS, True)
    assert not is_there(runs, spec)
    assert run_job(workspace.path, request(runs, spec), lambda *_: None) == "3 maps"
    assert is_there(runs, spec)


def test_what_was_finished_before_a_cancel_is_kept(workspace):
    runs, spec = family(workspace, seeds=1)[:3], spec_of(SETS, False)

    def stops(stage, done, *_):
        if stage == "Maps of checkpoints" and done == 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        trajectory(runs, spec, stops)
    assert not is_there(runs, spec)
    assert is_there(runs[::2], spec)
