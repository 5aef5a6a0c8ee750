"""L2 against plain: paired by seed, with Student's interval, and words that say no more than it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from latentviz.evaluation.asked import Asked
from latentviz.evaluation.heads import about, by_seed, compared, conclusion, text_table
from tests.families import family

NORM = Asked.of("feature-norm")


def values(plain, l2, what="feature-norm", set_name="far") -> pd.DataFrame:
    rows = [("linear", seed, v) for seed, v in plain.items()] + [("l2", seed, v) for seed, v in l2.items()]
    return pd.DataFrame(rows, columns=["head", "seed", "value"]).assign(what=what, set=set_name)


def test_the_interval_is_that_of_a_paired_t_test():
    random = np.random.default_rng(0)
    plain, l2 = random.normal(0.8, 0.05, 6), random.normal(0.85, 0.05, 6)
    row = compared(values(dict(enumerate(plain)), dict(enumerate(l2)))).iloc[0]
    expected = stats.ttest_rel(l2, plain)
    assert row["difference"] == pytest.approx((l2 - plain).mean())
    assert [row["low"], row["high"]] == pytest.approx(list(expected.confidence_interval(0.95)))
    assert (row["plain_worst"], row["l2_worst"]) == (plain.min(), l2.min())


def test_only_seeds_of_both_heads_are_pairs():
    row = compared(values({0: 0.5, 1: 0.6, 2: 0.1}, {1: 0.7, 0: 0.6, 5: 0.9})).iloc[0]
    assert row["seeds"] == 2
    assert row["difference"] == pytest.approx(0.1)
    assert row["plain"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("plain", "l2", "says"),
    [
        ({0: 0.6, 1: 0.61, 2: 0.59}, {0: 0.9, 1: 0.92, 2: 0.9}, "tells far apart better with L2 normalisation"),
        ({0: 0.9, 1: 0.92, 2: 0.9}, {0: 0.6, 1: 0.61, 2: 0.59}, "tells far apart worse with L2 normalisation"),
        ({0: 0.6, 1: 0.9}, {0: 0.7, 1: 0.8}, "shows no difference that 2 pairs could tell on far"),
        ({0: 0.6}, {0: 0.9}, "At least two seeds with both heads are needed"),
        ({0: 0.6, 1: 0.7}, {}, "At least two seeds with both heads are needed"),
    ],
)
def test_the_conclusion_says_what_the_interval_says(plain, l2, says):
    assert says in conclusion(compared(values(plain, l2)))
    assert "is not among the scorers" in conclusion(compared(values(plain, l2, "energy")))


def test_a_family_is_compared_where_its_answer_is_known(workspace):
    runs = family(workspace, seeds=3, epochs=(10,))
    found = by_seed(runs, [NORM], "test", ["far"])
    assert set(map(tuple, found[["what", "set"]].to_numpy())) == {("accuracy", "test"), ("feature-norm", "far")}
    table = compared(found).set_index("what")
    assert table.loc["feature-norm", "low"] > 0
    assert "better with L2 normalisation" in conclusion(table.reset_index())
    text = text_table(table.reset_index(), {"accuracy": "Accuracy", "feature-norm": "Feature norm"})
    assert text.rows[1][:2] == ["Feature norm", "far"]
    assert text.rows[1][-1] == "3"
    assert text.rows[1][-2].startswith("+0.")
    assert "fam-linear-s0-e10" in about(found)


def test_one_pair_has_a_difference_and_no_interval():
    text = text_table(compared(values({0: 0.6}, {0: 0.5})), {"feature-norm": "norm"})
    assert text.rows[0] == ["norm", "far", "0.600", "0.600", "0.500", "0.500", "−0.100", "1"]
