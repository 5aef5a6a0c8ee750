"""Several networks on the same images: of each run only what is missing is extracted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import Any

from latentviz.datasets.corruptions import SEVERITIES
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError
from latentviz.extraction.corrupting import chosen, corrupt
from latentviz.extraction.job import run_request
from latentviz.extraction.originals import network_of
from latentviz.extraction.plan import plan_sets
from latentviz.extraction.request import Request, SetRequest, VersionsRequest, sources_of
from latentviz.extraction.run import extract
from latentviz.progress import Progress, bar, titled
from latentviz.workspace import Run, Workspace


def networks(workspace: Workspace, requests: Sequence[Request], progress: Progress | None = None) -> list[Run]:
    """The runs of several extractions; one that is there and complete is not loaded again.

    Parameters
    ----------
    workspace : Workspace
    requests : sequence of Request
    progress : Progress, optional
        A bar in the terminal or notebook by default.

    Raises
    ------
    DataError, ModelError, WorkspaceError
        As :func:`latentviz.extract`; networks that are finished stay.
    """
    made = []
    with bar() if progress is None else nullcontext(progress) as shown:
        for number, request in enumerate(requests, 1):
            run = _there(workspace, request)
            of = titled(shown, f"{request.name}, {number} of {len(requests)}")
            if run is None:
                run = run_request(workspace, request, of)
            elif not request.attributes.items() <= run.manifest.attributes.items():
                with run.writing():
                    run.add_attributes(request.attributes)
                run = run.reopened()
            made.append(run)
    return made


def _there(workspace: Workspace, request: Request) -> Run | None:
    """The run of a request, if it holds all of it."""
    if request.name is None or request.name not in workspace:
        return None
    run, wanted = workspace[request.name], request.model.model_dump(mode="json", exclude_none=True)
    recipe = request.preprocessing
    same = run.manifest.model.get("spec") == wanted and (
        recipe is None or Preprocessing.model_validate(run.manifest.preprocessing or {}) == recipe
    )
    same = same and request.classes in (None, list(run.classes))
    return run if same and not _lacking(run, request.sources()) else None


def complete(
    run: Run,
    sets: Sequence[SetRequest],
    clean: str,
    names: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    *,
    seed: int = 0,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
) -> Run:
    """A run with these sets, and with corrupted versions of one of them.

    Parameters
    ----------
    run : Run
    sets : sequence of SetRequest
    clean : str
        The set that is corrupted.
    names : sequence of str
        Corruptions as of :func:`latentviz.corrupt`; without any, none are made.
    severities : sequence of int
    seed : int
        Of the noise.
    skip_unreadable : bool
    progress : Progress, optional
        A bar in the terminal or notebook by default.

    Returns
    -------
    Run

    Raises
    ------
    DataError
        If something is missing and the run names no network, or as :func:`latentviz.extract` and
        :func:`latentviz.corrupt`.
    ModelError, WorkspaceError
        As these.
    """
    sources = sources_of(sets)
    if lacking := _lacking(run, sources):
        run = extract(
            network_of(run),
            {name: sources[name] for name in lacking},
            workspace=Workspace(run.folder.parents[1]),
            name=run.name,
            preprocessing=Preprocessing.model_validate(run.manifest.preprocessing),
            classes=run.classes,
            skip_unreadable=skip_unreadable,
            progress=progress,
        )
    if _lacking_versions(run, clean, names, severities, seed):
        run = corrupt(run, clean, names, severities, seed=seed, skip_unreadable=skip_unreadable, progress=progress)
    return run


def _lacking_versions(
    run: Run, clean: str, names: Sequence[str], severities: Sequence[int], seed: int
) -> list[tuple[str, int]]:
    """Corruption and severity of every version that is not there, or not to its end."""
    there = {
        (c.name, c.severity)
        for s in run
        if (c := s.entry.corruption) is not None and c.of == clean and c.seed == seed and s.complete
    }
    return [version for version in product(chosen(names) if names else (), severities) if version not in there]


def _lacking(run: Run, sources: dict[str, ImageSource]) -> list[str]:
    """Sets that the run does not have, or not to their end.

    Raises
    ------
    DataError
        If it has one of the name with other images or labels.
    """
    if not sources:
        return []
    lacking = []
    for planned in plan_sets(sources, run.classes):
        entry = planned.entry
        if entry.name not in run.sets:
            lacking.append(entry.name)
            continue
        stored = run[entry.name].entry
        if stored.listing and stored.listing != entry.listing:
            raise DataError(
                f'"{run.name}" has a set "{entry.name}" of other images or labels ({stored.source}); networks are '
                f"compared on the same ones. Give the set another name, or extract the run anew."
            )
        if not run[entry.name].complete:
            lacking.append(entry.name)
    return lacking


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``versions``; what was finished is kept."""
    opened, asked = Workspace(workspace), VersionsRequest.model_validate(parameters)
    for number, name in enumerate(asked.runs, 1):
        of = titled(progress, f"{name}, {number} of {len(asked.runs)}")
        complete(opened[name], [], asked.clean, asked.corruptions, asked.severities, progress=of)
    return f"Corrupted versions of {len(asked.runs)} network{'s' if len(asked.runs) > 1 else ''}"
