"""Verdicts say what the numbers allow and no more."""

import math

import numpy as np
import pytest

from latentviz.evaluation.coefficients import KINDS
from latentviz.evaluation.correlation import Correlation, correlate
from latentviz.evaluation.relations import Average
from latentviz.evaluation.verdict import Inside, direction, sentences, strength, written


def verdict(*arguments, **more) -> str:
    return " ".join(sentences(*arguments, **more))


def correlation(value: float, low: float, high: float, n: int = 95, groups: int | None = None) -> Correlation:
    return Correlation("spearman", value, low, high, n, n if groups is None else groups)


def average(value: float, low: float, high: float, groups: int, averaged: int, **rest: object) -> Average:
    return Average("spearman", value, low, high, 95, groups, averaged=averaged, **rest)


SEVERITIES = Inside(average(-0.93, -0.97, -0.88, 19, 19), "corruption", "corruptions", "severities")
CORRUPTIONS = Inside(average(0.05, -0.2, 0.3, 19, 5), "severity", "severities", "corruptions", units="corruptions")


def test_a_score_that_ranks_severities_but_not_corruptions():
    said = verdict(
        correlation(-0.71, -0.79, -0.62, groups=19),
        "shifted sets of one model",
        [SEVERITIES, CORRUPTIONS],
        units="corruptions",
    )
    assert said == (
        "Over 95 shifted sets of one model in 19 corruptions, Spearman −0.71 [−0.79, −0.62]: a moderate relation, "
        "higher score, lower accuracy. "
        "Within a corruption the mean is −0.93 [−0.97, −0.88] (19 corruptions): a strong relation, higher score, lower "
        "accuracy; it ranks severities. "
        "Within a severity the mean is 0.05 [−0.20, 0.30] (5 severities, 19 corruptions resampled): no relation was "
        "found; nothing here shows that it ranks corruptions. "
        "Nothing here supports reading the score as a proxy for accuracy within a severity."
    )


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.9, -0.8, "a strong relation, higher score, lower accuracy."),
        (-0.9, -0.79, "a moderate relation, higher score, lower accuracy."),
        (0.5, 0.99, "a moderate relation, higher score, higher accuracy."),
        (0.49, 0.99, "a weak relation, higher score, higher accuracy."),
        (0.01, 0.99, "a weak relation, higher score, higher accuracy."),
        (0.0, 0.99, "no relation was found."),
        (-0.99, 0.99, "no relation was found."),
        (-0.5, 0.0, "no relation was found."),
        (0.004, 0.5, "no relation was found."),  # printed as 0.00
        (-0.9, -0.799, "a strong relation, higher score, lower accuracy."),  # printed as −0.80
    ],
)
def test_words_follow_the_interval(low, high, words):
    assert verdict(correlation((low + high) / 2, low, high)).endswith(words)


@pytest.mark.parametrize(
    ("n", "groups", "few"), [(9, None, "9 sets"), (10, None, ""), (95, 9, "9 groups"), (95, 10, "")]
)
def test_few_are_too_few_to_say_more(n, groups, few):
    found = verdict(correlation(-0.95, -0.99, -0.9, n, groups))
    nothing = verdict(correlation(-0.1, -0.5, 0.4, n, groups))
    if few:
        assert found.endswith(f"higher score, lower accuracy among these, but {few} are too few to say more.")
        assert nothing.endswith(f"no relation was found, and {few} are too few to say more.")
    else:
        assert found.endswith("a strong relation, higher score, lower accuracy.")
        assert nothing.endswith("no relation was found.")


def test_few_groups_do_not_show_a_ranking():
    few = Inside(average(-0.9, -0.95, -0.85, 5, 5), "severity", "severities", "corruptions")
    said = verdict(correlation(-0.71, -0.79, -0.62), inside=[few])
    assert "among these, but 5 severities are too few to say more." in said
    assert "it ranks" not in said
    assert "The sign is the same" not in said
    # Nor what they show the other way round, or of everything.
    opposite = Inside(average(0.9, 0.85, 0.95, 5, 5), "severity", "severities", "corruptions")
    assert "is not a proxy" not in verdict(correlation(-0.71, -0.79, -0.62), inside=[opposite])
    many = Inside(average(-0.9, -0.95, -0.85, 12, 12), "corruption", "corruptions", "severities")
    assert verdict(correlation(-0.71, -0.79, -0.62), inside=[many]).endswith(
        "The sign is the same over all and within a corruption."
    )
    assert "The sign is the same" not in verdict(correlation(-0.71, -0.79, -0.62, 15, 3), inside=[many])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_order_of_many_says_why_its_interval_has_no_width(sign):
    for kind in KINDS:
        found = correlate(range(12), sign * 2.0 * np.arange(12), kind)
        assert (found.value, found.low, found.high) == (sign, sign, sign)
        assert "resamples of a perfect order are in order too, hence no width" in verdict(found)


def test_what_is_undefined_says_why():
    nan = math.nan
    said = verdict(Correlation("pearson", nan, nan, nan, 2, 2, "There are 2 dots; a correlation needs at least 3."))
    assert said == "Over 2 sets, no correlation can be given: there are 2 dots; a correlation needs at least 3."
    problem = 'No group of "severity" has a correlation of its own.'
    inside = Inside(Average("pearson", nan, nan, nan, 0, 0, problem), "severity", "severities", "corruptions")
    said = verdict(correlation(-0.71, -0.79, -0.62), inside=[inside])
    assert 'Within a severity, no correlation can be given: no group of "severity"' in said
    assert said.endswith("as a proxy for accuracy within a severity.")


def test_the_sign_may_turn_inside():
    inside = Inside(average(0.9, 0.8, 0.95, 12, 12), "corruption", "corruptions", "severities")
    said = verdict(correlation(-0.71, -0.79, -0.62), inside=[inside], score="norm")
    assert said.endswith(
        "Within a corruption the sign is the other way round: what holds over all is between corruptions, "
        "and the norm is not a proxy for accuracy."
    )


def test_groups_left_out_and_perfect_order_are_told():
    inside = Inside(average(-1, -1, -1, 17, 17, undefined=2), "corruption", "corruptions", "severities")
    said = verdict(correlation(-0.71, -0.79, -0.62), inside=[inside])
    assert "(17 corruptions, 2 without a correlation left out)" in said
    assert "−1.00 [−1.00, −1.00]" in said
    assert "resamples of a perfect order are in order too, hence no width" in said


def test_numbers_and_signs():
    assert [written(v) for v in (-0.0049, 0.0051, -1, 0.125)] == ["0.00", "0.01", "−1.00", "0.12"]
    assert "-" not in verdict(correlation(-0.71, -0.79, -0.62), inside=[SEVERITIES, CORRUPTIONS])
    assert direction(correlation(0.2, 0.1, 0.3)) == 1
    assert strength(correlation(0.9, 0.85, 0.95)) == "strong"
