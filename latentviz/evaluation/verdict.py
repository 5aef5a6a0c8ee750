"""What correlations with accuracy allow to be said, in words with their numbers; never more.

The words follow the numbers as they are printed, with two decimals:

- An interval that holds 0: "no relation was found". That there is none is never said.
- Otherwise the sign in words, and the strength by the interval's end that is nearer to 0: strong from 0.8, moderate
  from 0.5, weak below.
- Fewer than ten independent units (sets, or groups of them): the sign, and that they are too few to say more.
- Undefined, or without an interval: the sentence why.
- A score that orders all sets but was not found to order those inside a group is no proxy for accuracy: the relation
  may lie between the groups alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from latentviz.evaluation.coefficients import TITLES
from latentviz.evaluation.correlation import FEW, Correlation
from latentviz.evaluation.relations import Average

#: Least distance of an interval from 0, and what a relation is called from there on.
STRENGTHS = ((0.8, "strong"), (0.5, "moderate"), (0.0, "weak"))


@dataclass(frozen=True)
class Inside:
    """Correlations inside groups, and the words for what they are of.

    Attributes
    ----------
    average : Average
    one, many : str
        A group and several: "corruption", "corruptions".
    ranked : str
        What is ranked inside a group: "severities".
    units : str
        What was resampled, if not the groups: "models".
    """

    average: Average
    one: str
    many: str
    ranked: str
    units: str = ""


def sentences(
    overall: Correlation, over: str = "sets", inside: Sequence[Inside] = (), score: str = "score", units: str = "groups"
) -> list[str]:
    """A verdict on a statistic as a sign of accuracy: on all dots, on each kind of group, and what follows from both.

    Parameters
    ----------
    overall : Correlation
        Over all dots.
    over : str
        What the dots are: "shifted sets of one model".
    inside : sequence of Inside
        The same inside groups of them.
    score : str
        What the statistic is called.
    units : str
        What the independent units of ``overall`` are called, if they are not the dots.

    Returns
    -------
    list of str

    Examples
    --------
    >>> sentences(Correlation("spearman", -0.71, -0.79, -0.62, n=95, groups=95), "shifted sets")
    ['Over 95 shifted sets, Spearman −0.71 [−0.79, −0.62]: a moderate relation, higher score, lower accuracy.']
    >>> sentences(Correlation("kendall", 0.05, -0.2, 0.3, n=40, groups=40))
    ['Over 40 sets, Kendall τ_b 0.05 [−0.20, 0.30]: no relation was found.']
    """
    said = [_of_all(overall, over, score, units), *(_of_inside(one, score) for one in inside)]
    conclusion = _conclusion(overall, inside, score)
    return [*said, conclusion] if conclusion else said


def written(value: float) -> str:
    """A correlation with two decimals and a proper minus sign.

    Examples
    --------
    >>> written(-0.714), written(-0.001)
    ('−0.71', '0.00')
    """
    return f"{_printed(value):.2f}".replace("-", "−")


def direction(found: Correlation) -> int:
    """1 or −1 if the whole interval is above or below 0; 0 if it holds 0, as printed, or is undefined."""
    if found.problem:
        return 0
    return int(_printed(found.low) > 0) - int(_printed(found.high) < 0)


def strength(found: Correlation) -> str:
    """ "strong", "moderate" or "weak", by the end of the interval that is nearer to 0."""
    nearer = min(abs(_printed(found.low)), abs(_printed(found.high)))
    return next(word for least, word in STRENGTHS if nearer >= least)


def _printed(value: float) -> float:
    return round(value, 2) + 0.0  # −0.0 + 0.0 is 0.0


def _numbers(found: Correlation) -> str:
    return f"{written(found.value)} [{written(found.low)}, {written(found.high)}]"


def _in_words(found: Correlation, score: str, units: str) -> str:
    """What follows the numbers."""
    sign = direction(found)
    few = found.groups < FEW
    if not sign:
        return "no relation was found" + (f", and {found.groups} {units} are too few to say more" if few else "")
    signed = f"higher {score}, {'higher' if sign > 0 else 'lower'} accuracy"
    if few:
        return f"{signed} among these, but {found.groups} {units} are too few to say more"
    has_width = _printed(found.low) != _printed(found.high)
    perfect = "" if has_width else "; resamples of a perfect order are in order too, hence no width"
    return f"a {strength(found)} relation, {signed}{perfect}"


def _of_all(found: Correlation, over: str, score: str, units: str) -> str:
    if found.problem:
        return f"Over {found.n:,} {over}, {_without_interval(found, TITLES[found.kind])}"
    clustered = found.groups < found.n
    said = f" in {found.groups:,} {units}" if clustered else ""
    words = _in_words(found, score, units if clustered else "sets")
    return f"Over {found.n:,} {over}{said}, {TITLES[found.kind]} {_numbers(found)}: {words}."


def _of_inside(one: Inside, score: str) -> str:
    found = one.average
    if found.problem:
        return f"Within a {one.one}, {_without_interval(found, 'the mean is')}"
    out = f", {found.undefined:,} without a correlation left out" if found.undefined else ""
    resampled = f", {found.groups:,} {one.units} resampled" if one.units else ""
    mean = f"Within a {one.one} the mean is {_numbers(found)} ({found.averaged:,} {one.many}{out}{resampled})"
    so = f"it ranks {one.ranked}" if direction(found) else f"nothing here shows that it ranks {one.ranked}"
    if direction(found) and found.groups < FEW:
        so = ""
    words = _in_words(found, score, one.units or one.many)
    return f"{mean}: {words}{'; ' + so if so else ''}."


def _conclusion(overall: Correlation, inside: Sequence[Inside], score: str) -> str:
    sign = direction(overall)
    if not sign or not inside or overall.groups < FEW:
        return ""
    against = [one for one in inside if direction(one.average) == -sign and one.average.groups >= FEW]
    if against:
        return (
            f"Within a {against[0].one} the sign is the other way round: what holds over all is between "
            f"{against[0].many}, and the {score} is not a proxy for accuracy."
        )
    unproven = [one for one in inside if not direction(one.average)]
    if unproven:
        return f"Nothing here supports reading the {score} as a proxy for accuracy within a {unproven[0].one}."
    if any(one.average.groups < FEW for one in inside):
        return ""  # too few to conclude from, as their sentences say
    return f"The sign is the same over all and within a {' and within a '.join(one.one for one in inside)}."


def _without_interval(found: Correlation, before: str) -> str:
    said = (
        f"{before} {written(found.value)} without an interval"
        if isfinite(found.value)
        else "no correlation can be given"
    )
    return f"{said}: {_lower(found.problem)}"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
