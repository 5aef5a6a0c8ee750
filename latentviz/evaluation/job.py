"""Scoring as background work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentviz.evaluation.scores import Asked, FitOn, scores
from latentviz.progress import Progress
from latentviz.workspace import Workspace


def request(run_name: str, asked: Sequence[Asked], fit_on: FitOn) -> dict[str, Any]:
    """Parameters of the job that computes scores of all of a run's sets; as text, because JSON knows no ∞."""
    return {"run": run_name, "scorers": [a.text for a in asked], "fit": dict(vars(fit_on))}


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``score``; returns a sentence."""
    run = Workspace(workspace)[parameters["run"]]
    asked = [Asked.read(text) for text in parameters["scorers"]]
    found = scores(run, asked, None, FitOn(**parameters["fit"]), progress)
    problems = f", {len(found.problems)} cannot be used" if found.problems else ""
    return f"{len(found.by_scorer)} scorers on {len(run.sets)} sets{problems}"
