"""An extraction in the foreground or as background work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentviz.extraction.corrupting import corrupt
from latentviz.extraction.layers import check_layers, layer_states
from latentviz.extraction.request import CorruptionRequest, LayersRequest, Request
from latentviz.extraction.run import extract
from latentviz.progress import Progress
from latentviz.workspace import Run, Workspace


def run_request(workspace: Workspace, request: Request, progress: Progress | None = None) -> Run:
    """:func:`latentviz.extract` with the arguments of a request, then the states of its layers."""
    if request.layers:  # what is wrong with them is told before the first image
        check_layers(request.model, request.layers, request.preprocessing)
    run = extract(
        request.model,
        request.sources(),
        workspace=workspace,
        name=request.name,
        preprocessing=request.preprocessing,
        classes=request.classes,
        skip_unreadable=request.skip_unreadable,
        batch=request.batch,
        attributes=request.attributes,
        progress=progress,
    )
    names = [entry.name for entry in request.sets]
    return layer_states(run, request.layers, names, progress=progress) if request.layers else run


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``extract``; returns the run's name."""
    return run_request(Workspace(workspace), Request.model_validate(parameters), progress).name


def corrupt_request(workspace: Workspace, request: CorruptionRequest, progress: Progress | None = None) -> Run:
    """:func:`latentviz.corrupt` with the arguments of a request."""
    return corrupt(
        workspace[request.run],
        request.set_name,
        request.corruptions,
        request.severities,
        seed=request.seed,
        folder=request.folder,
        skip_unreadable=request.skip_unreadable,
        progress=progress,
    )


def run_corruption(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``corrupt``; returns the run's name."""
    return corrupt_request(Workspace(workspace), CorruptionRequest.model_validate(parameters), progress).name


def layers_request(workspace: Workspace, request: LayersRequest, progress: Progress | None = None) -> Run:
    """:func:`latentviz.extraction.layer_states` with the arguments of a request."""
    return layer_states(workspace[request.run], request.layers, request.sets, progress=progress)


def run_layers(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``layers``; returns the run's name."""
    return layers_request(Workspace(workspace), LayersRequest.model_validate(parameters), progress).name
