"""A layout as background work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentviz.errors import DataError
from latentviz.progress import Progress
from latentviz.projection.alignment import aligned
from latentviz.projection.layout import compute
from latentviz.projection.spec import LayoutSpec
from latentviz.projection.store import Layout, named
from latentviz.projection.trust import quality_of
from latentviz.workspace import Workspace


def request(run_name: str, spec: LayoutSpec) -> dict[str, Any]:
    """Parameters of the job that computes a layout."""
    return {"run": run_name, "spec": spec.model_dump(mode="json")}


def aligned_request(run_name: str, other: str, layout: Layout) -> dict[str, Any]:
    """Parameters of the job that lays out another run beside a stored map."""
    return {"other": other, "layout": layout.fingerprint, **request(run_name, layout.spec)}


def run_aligned(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``align``; returns a sentence about the two maps."""
    opened = Workspace(workspace)
    run, spec = opened[parameters["run"]], LayoutSpec.model_validate(parameters["spec"])
    coordinates = named(run, spec.sets, parameters["layout"])
    if coordinates is None:
        raise DataError(f'The map of "{run.name}" is no longer stored; open it again.')
    pair = aligned(run, opened[parameters["other"]], spec, Layout(spec, coordinates), progress)
    return f"{len(pair.matched):,} samples are in both, disparity {pair.disparity:.3f}"


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``project``; returns a sentence about the layout."""
    run = Workspace(workspace)[parameters["run"]]
    layout = compute(run, LayoutSpec.model_validate(parameters["spec"]), progress)
    quality = quality_of(run, layout, progress)
    return f"{len(layout.coordinates):,} samples, trustworthiness {quality.trustworthiness:.3f}"
