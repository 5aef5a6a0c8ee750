"""A layout as background work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentviz.progress import Progress
from latentviz.projection.layout import LayoutSpec, compute, quality_of
from latentviz.workspace import Workspace


def request(run_name: str, spec: LayoutSpec) -> dict[str, Any]:
    """Parameters of the job that computes a layout."""
    return {"run": run_name, "spec": spec.model_dump(mode="json")}


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``project``; returns a sentence about the layout."""
    run = Workspace(workspace)[parameters["run"]]
    layout = compute(run, LayoutSpec.model_validate(parameters["spec"]), progress)
    quality = quality_of(run, layout, progress)
    return f"{len(layout.coordinates):,} samples, trustworthiness {quality.trustworthiness:.3f}"
