"""The radar demo: a small network tells the synthetic targets apart where they are simulated, and less where not."""

import pytest

from latentviz import sar_demo
from latentviz.datasets.pairing import by_name
from latentviz.datasets.sar.demo_set import PAIRED, ROLES
from latentviz.evaluation import domain_statistics
from latentviz.evaluation.accuracy import sets_table
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.domains import Domains
from latentviz.evaluation.scores import missing
from latentviz.jobs import jobs
from latentviz.progress import silent

pytestmark = pytest.mark.usefixtures("one_thread")


def test_simulated_targets_are_told_apart_on_azimuths_that_were_held_out(tmp_path):
    run = sar_demo.prepare(tmp_path, step=4, epochs=15, progress=silent)
    accuracy = sets_table(run).set_index("set")["accuracy"]
    assert dict(zip(accuracy.index, (run[name].role for name in accuracy.index), strict=True)) == ROLES
    assert accuracy["test-simulated"] >= 0.9
    assert accuracy["test-pseudo-measured"] < accuracy["test-simulated"] - 0.1
    # The page has nothing to compute when it is opened.
    assert missing(run, [Asked.of("knn")], list(run.sets)) == 0
    pairs = by_name(run[PAIRED[0]].index, run[PAIRED[1]].index).pairs
    assert len(pairs) == len(run[PAIRED[0]])
    assert domain_statistics.is_stored(Domains(run, *PAIRED, pairs))


def test_in_the_background_it_is_asked_for_once(workspace, tmp_path):
    job = sar_demo.prepare_in_background(workspace, tmp_path)
    try:
        assert job is not None
        assert sar_demo.prepare_in_background(workspace, tmp_path) is None
        assert [one.record.kind for one in jobs(workspace.path)] == ["sar-demo"]
    finally:
        job.cancel()
