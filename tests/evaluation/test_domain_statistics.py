"""Statistics of two domains: equal ones, shifted ones, pairs, few samples; stored and read."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import latentviz as lv
from latentviz.evaluation import domain_statistics
from latentviz.evaluation.domain_statistics import COLUMNS, How, cost, is_stored, request, run_job, statistics
from latentviz.evaluation.domains import ALL, Domains
from latentviz.geometry.domain_shift import domain_scores
from latentviz.geometry.shift import frechet
from latentviz.geometry.two_sample import henze_penrose, mmd, sliced_wasserstein
from latentviz.progress import silent
from tests.paired import ROWS, domains_of, paired_run

QUICK = How(permutations=199, halves=20)


def test_numbers_are_those_of_the_geometry():
    run = paired_run()
    of = domains_of(run)
    table = statistics(of, QUICK).set_index("class")
    assert list(table.reset_index().columns) == COLUMNS
    assert list(table.index) == [ALL, *run.classes]
    one, other = run["simulated"].features, run["measured"].features
    row = table.loc[ALL]
    options = {"permutations": 199, "halves": 20, "paired": True}
    kernel, tree = mmd(one, other, **options), henze_penrose(one, other, **options)
    assert (row["mmd"], row["mmd_p"], row["mmd_low"], row["mmd_high"]) == pytest.approx(
        (kernel.value, kernel.p, kernel.low, kernel.high)
    )
    assert (row["hp"], row["hp_p"], row["hp_low"]) == pytest.approx((tree.value, tree.p, tree.low))
    assert row["frechet"] == pytest.approx(frechet(one, other))
    assert row["sliced_wasserstein"] == pytest.approx(sliced_wasserstein(one, other))
    groups = np.concatenate([np.arange(ROWS)] * 2)
    first, second = domain_scores(one, other, groups=groups)
    expected = roc_auc_score([0] * ROWS + [1] * ROWS, [*first, *second])
    assert row["auc"] == pytest.approx(expected)
    assert row["auc_low"] < row["auc"] < row["auc_high"]
    assert (table["n_one"] == [60, 20, 20, 20]).all()


def test_without_pairs_all_samples_are_compared():
    run = paired_run(extra=9)
    table = statistics(Domains(run, "simulated", "measured"), QUICK)
    assert table["n_other"][0] == ROWS + 9
    assert statistics(domains_of(run), QUICK)["n_other"][0] == ROWS


def test_a_shift_is_seen_and_its_absence_too():
    shifted = statistics(domains_of(paired_run()), QUICK).iloc[0]
    assert shifted["mmd_p"] < 0.02
    assert shifted["hp_p"] < 0.02
    assert shifted["auc"] > 0.9
    run = paired_run(shift=np.zeros(6, np.float32), noise=0.01)
    same = statistics(Domains(run, "simulated", "measured"), QUICK).iloc[0]
    assert same["mmd_p"] > 0.5  # nearly the same points
    assert same["mixing"] > 0.9


def test_stored_once(workspace, monkeypatch):
    of = domains_of(paired_run(workspace))
    assert not is_stored(of, QUICK)
    assert cost(of, QUICK) > 0
    first = statistics(of, QUICK)
    assert is_stored(of, QUICK)
    assert cost(of, QUICK) == 0
    monkeypatch.setattr(domain_statistics, "_row", None)
    assert statistics(of, QUICK).equals(first)
    assert not is_stored(domains_of(of.run, without="mean"), QUICK)
    assert not is_stored(of, How(permutations=199, halves=20, seed=1))
    assert not is_stored(Domains(of.run, "simulated", "measured"), QUICK)


def test_as_a_job(workspace):
    of = domains_of(paired_run(workspace), without="mean", home="other")
    assert run_job(workspace.path, request(of, QUICK), silent) == "3 classes"
    assert is_stored(of, QUICK)


def test_few_samples_say_so(workspace):
    run = paired_run(workspace)
    few = lv.Run.from_arrays(
        {"a": run["test"].features[:24], "b": run["test"].features[24:36]},
        labels={"a": run["test"].labels[:24], "b": run["test"].labels[24:36]},
        head=run.head,
        name="few",
    )
    table = statistics(Domains(few, "a", "b"), QUICK).set_index("class")
    assert table.loc[ALL, "problem"] == ""
    assert table.loc[few.classes[0], "problem"] == "fewer than 10 samples in a domain"
    assert np.isnan(table.loc[few.classes[0], "mmd"])


def test_what_cannot_be_compared_says_why():
    run = paired_run()
    constant = lv.Run.from_arrays(
        {"a": np.ones((20, 6), np.float32), "b": np.ones((20, 6), np.float32)},
        labels={"a": np.arange(20) % 3, "b": np.arange(20) % 3},
        head=run.head,
        name="constant",
    )
    assert "All samples are equal" in statistics(Domains(constant, "a", "b"), QUICK)["problem"][0]
