"""Corrupted versions by corruption and severity: a list of all of them would be a wall of a hundred names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from latentviz.figures.against_accuracy import words
from latentviz.figures.colouring import Colour, categories, numbers
from latentviz.figures.style import OTHER_COLOUR, look
from latentviz.workspace import Run

#: Of the colours: what a corruption is, and how strong.
COLOURS = {"corruption": "Corruption", "severity": "Severity"}

_CLEAN = "not corrupted"


def title(run: Run, name: str) -> str:
    """What a set is a version by: "fog", or "test: fog" where several sets have versions; "" of a clean set."""
    record = run[name].entry.corruption
    if record is None:
        return ""
    several = len({s.entry.corruption.of for s in run if s.entry.corruption is not None}) > 1
    return f"{record.of}: {words(record.label)}" if several else words(record.label)


def severity(run: Run, name: str) -> int:
    """From 1 to 5; 0 of a clean set."""
    record = run[name].entry.corruption
    return 0 if record is None else record.severity


def of(run: Run, sets: Sequence[str]) -> list[str]:
    """The corrupted versions among sets."""
    return [name for name in sets if name not in run.uncorrupted]


def listed(run: Run, sets: Sequence[str]) -> str:
    """Sets in a sentence, the corrupted versions counted: "train, test and 95 corrupted versions"."""
    versions = of(run, sets)
    clean = [name for name in sets if name in run.uncorrupted]
    if len(versions) < 2:
        return ", ".join(sets)
    return " and ".join(filter(None, [", ".join(clean), f"{len(versions)} corrupted versions"]))


def chosen(
    run: Run, versions: Sequence[str], key: str, label: str, current: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Pickers of corruptions and severities: the versions that both allow.

    Parameters
    ----------
    run : Run
    versions : sequence of str
        To choose from.
    key : str
        Of the widgets: ``corruptions-KEY``, ``severities-KEY``.
    label : str
        Of the first.
    current : sequence of str, optional
        What is chosen at first. Without it nothing has to be: no corruption and no severity mean all.
    """
    titles = {name: title(run, name) for name in versions}
    strengths = sorted({severity(run, name) for name in versions})
    names = st.multiselect(
        label,
        list(dict.fromkeys(titles.values())),
        default=None if current is None else list(dict.fromkeys(titles[n] for n in current if n in titles)),
        key=f"corruptions-{key}",
        placeholder="all" if current is None else "none",
        width=200 if current is None else "stretch",
    )
    before = [] if current is None else sorted({severity(run, n) for n in current if n in titles}) or strengths
    wanted = st.pills("Severities", strengths, selection_mode="multi", default=before, key=f"severities-{key}")
    if current is None:
        names = names or list(titles.values())
    return tuple(n for n in versions if titles[n] in names and severity(run, n) in (wanted or strengths))


def palette(run: Run, sets: Sequence[str]) -> dict[str, str]:
    """A colour for every :func:`title` among sets; what was not corrupted is grey."""
    titles = dict.fromkeys(title(run, name) for name in of(run, sets))
    return {name: look(number).colour for number, name in enumerate(titles)} | {"": OTHER_COLOUR}


def colour(run: Run, sets: Sequence[str], by: str) -> Colour:
    """Samples of sets, one after the other, coloured by corruption or severity."""
    lengths = [len(run[name]) for name in sets]
    if by == "severity":
        bases = {s.entry.corruption.of for s in run if s.entry.corruption is not None}
        known = [severity(run, name) if name in {*bases, *of(run, sets)} else np.nan for name in sets]
        return numbers(COLOURS[by], np.repeat(known, lengths))
    named = {name or _CLEAN: fill for name, fill in palette(run, sets).items()}
    return categories(COLOURS[by], np.repeat([title(run, name) or _CLEAN for name in sets], lengths), named)
