"""Scoring as background work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentviz.evaluation.asked import Asked
from latentviz.evaluation.fitting import FitOn
from latentviz.evaluation.scores import compute
from latentviz.progress import Progress
from latentviz.workspace import Run, Workspace

#: Sets of these roles are scored in this order: what detection is measured against is needed first.
_ORDER = ("ind", "ood", "shifted", "fit")


def request(run_name: str, asked: Sequence[Asked], fit_on: FitOn, sets: Sequence[str] | None = None) -> dict[str, Any]:
    """Parameters of the job that computes scores; as text, because JSON knows no ∞.

    Parameters
    ----------
    run_name : str
    asked : sequence of Asked
    fit_on : FitOn
    sets : sequence of str, optional
        By default all but those with the role ``fit`` and corrupted
        versions of another.

    Returns
    -------
    dict
        JSON-like.
    """
    return {
        "run": run_name,
        "scorers": [a.text for a in asked],
        "fit": dict(vars(fit_on)),
        "sets": None if sets is None else list(sets),
    }


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``score``.

    Parameters
    ----------
    workspace : Path
    parameters : dict
        Of :func:`request`.
    progress : Progress

    Returns
    -------
    str
        A sentence, with the reasons why scorers cannot be used.

    Raises
    ------
    LatentvizError
        If there is no such run, scorer or set, or the disk is full.
    """
    run = Workspace(workspace)[parameters["run"]]
    asked = [Asked.read(text) for text in parameters["scorers"]]
    sets = in_order(run, parameters.get("sets"))
    problems = compute(run, asked, sets, FitOn(**parameters["fit"]), progress, again=True)
    said = f"{_counted(len(asked) - len(problems), 'scorer')} on {_counted(len(sets), 'set')}"
    return " ".join([f"{said}." if problems else said, *problems.values()])


def in_order(run: Run, sets: Sequence[str] | None = None) -> list[str]:
    """Sets in the order in which their scores are wanted: in-distribution ones first, training data last.

    Parameters
    ----------
    run : Run
    sets : sequence of str, optional
        Otherwise in this order. By default all but those with the role ``fit``.

    Returns
    -------
    list of str

    Raises
    ------
    WorkspaceError
        If the run has no set of a name.
    """
    if sets is None:
        names = (s.name for s in run.uncorrupted.values() if s.role != "fit")
        return sorted(names, key=lambda name: _ORDER.index(run[name].role))
    first = [name for name in dict.fromkeys(sets) if run[name].role == "ind"]
    last = [name for name in dict.fromkeys(sets) if run[name].role == "fit"]
    return [*first, *(name for name in dict.fromkeys(sets) if name not in {*first, *last}), *last]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
