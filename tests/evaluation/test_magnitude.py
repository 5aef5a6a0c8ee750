"""Lengths of a run's features, beside accuracy and confidence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz import Run
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.magnitude import GROUPS, by_length, set_norms
from latentviz.geometry.magnitude import ORDERS

ORD = {"L1": 1, "L2": 2, "L∞": np.inf}


@pytest.fixture
def run() -> Run:
    random = np.random.default_rng(0)
    features = {"test": random.normal(size=(5000, 7)), "noise": random.normal(size=(30, 7))}  # two chunks, and one
    logits = {name: random.normal(size=(len(z), 3)) for name, z in features.items()}
    return Run.from_arrays(features, logits, {"test": random.integers(0, 3, 5000)})


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("normalise", [False, True])
def test_lengths_of_a_set_are_numpys_and_are_stored(run, order, normalise):
    z = run["test"].features.astype(np.float64)
    expected = np.linalg.norm(z / np.linalg.norm(z, axis=1)[:, None] if normalise else z, ord=ORD[order], axis=1)
    first = set_norms(run, run["test"], order, normalise)
    assert first.dtype == np.float64
    np.testing.assert_allclose(first, expected, rtol=1e-6)
    (run["test"].folder / "features").rename(run["test"].folder / "hidden")
    np.testing.assert_array_equal(set_norms(run.reopened(), run["test"], order, normalise), first)


def test_every_norm_and_set_is_stored_for_itself(run):
    kinds = [(name, order, normalise) for name in run.sets for order in ORDERS for normalise in (False, True)]
    found = [set_norms(run, run[name], order, normalise) for name, order, normalise in kinds]
    for (name, order, normalise), lengths in zip(kinds, found, strict=True):
        assert len(lengths) == len(run[name])
        np.testing.assert_array_equal(set_norms(run, run[name], order, normalise), lengths)
    assert len({lengths.tobytes() for lengths in found}) == len(kinds)


# By length


def table(correct: list, confidence: np.ndarray | None = None, role: str = "ind") -> pd.DataFrame:
    random = np.random.default_rng(len(correct))
    confidence = random.random(len(correct)) if confidence is None else confidence
    return pd.DataFrame({"role": role, "correct": pd.array(correct, dtype="boolean"), "confidence": confidence})


answers = st.lists(st.tuples(st.floats(0, 100), st.sampled_from([True, False, None])), max_size=60)


@given(answers, st.integers(1, 12))
def test_groups_hold_all_samples_once_in_order_of_length(given_answers, groups):
    lengths = np.array([length for length, _ in given_answers])
    samples = table([answer for _, answer in given_answers])
    found = by_length(lengths, samples, groups)
    assert len(found) == min(groups, len(lengths))
    assert found["samples"].sum() == len(lengths)
    if len(found):
        assert found["samples"].max() - found["samples"].min() <= 1
        assert found["samples"].min() >= 1
        assert found["low"].iloc[0] == lengths.min()
        assert found["high"].iloc[-1] == lengths.max()
    assert (found["high"].to_numpy()[:-1] <= found["low"].to_numpy()[1:]).all()
    order, start = np.argsort(lengths, kind="stable"), 0
    for row in found.itertuples():
        rows = order[start : start + row.samples]
        start += row.samples
        assert (row.low, row.high) == (lengths[rows].min(), lengths[rows].max())
        assert row.length == pytest.approx(lengths[rows].mean())
        assert row.confidence == pytest.approx(samples["confidence"][rows].mean())
        known = [bool(answer) for answer in samples["correct"][rows] if answer is not pd.NA]
        assert row.labelled == len(known)
        if known:
            assert row.accuracy == pytest.approx(np.mean(known))
            assert (row.accuracy_low, row.accuracy_high) == wilson_interval(sum(known), len(known))
            assert row.accuracy_low <= row.accuracy <= row.accuracy_high
        else:
            assert np.isnan([row.accuracy, row.accuracy_low, row.accuracy_high]).all()


def test_ten_groups_of_a_hundred():
    lengths = np.random.default_rng(0).permutation(1000).astype(float)
    found = by_length(lengths, table((lengths >= 500).tolist(), lengths / 1000))
    assert len(found) == GROUPS == 10
    assert found["samples"].tolist() == [100] * 10
    assert found["accuracy"].tolist() == [0] * 5 + [1] * 5
    assert found["length"].tolist() == [49.5 + 100 * group for group in range(10)]
    assert found["confidence"].to_numpy() == pytest.approx(found["length"].to_numpy() / 1000)


def test_fewer_samples_than_groups_and_none():
    found = by_length(np.array([2.0, 1.0]), table([True, False]))
    assert found["length"].tolist() == [1, 2]
    assert found["accuracy"].tolist() == [0, 1]
    empty = by_length(np.empty(0), table([]))
    assert empty.empty
    assert empty.columns.tolist() == found.columns.tolist()


def test_labels_of_ood_sets_do_not_count():
    found = by_length(np.arange(20.0), table([True] * 20, role="ood"))
    assert found["accuracy"].isna().all()
    assert found["labelled"].sum() == 0
    assert found["samples"].sum() == 20


def test_sets_of_a_run(run):
    whole = by_length(set_norms(run, run["test"]), run["test"].table())
    assert np.average(whole["accuracy"], weights=whole["samples"]) == pytest.approx(
        (run["test"].read("prediction") == run["test"].labels).mean()
    )
    without_labels = by_length(set_norms(run, run["noise"]), run["noise"].table())
    assert without_labels["accuracy"].isna().all()
    assert without_labels["confidence"].between(1 / 3, 1).all()
