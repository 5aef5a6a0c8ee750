"""Networks trained in one domain and tried in others: simulated against measured, other depressions, other targets.

The experiment of Rainey, Hausmann, Waagen, Gray, Hulsey, "Latent space analysis and generalization to
out-of-distribution data", arXiv 2511.15010: several instances of one network, each on every test set, of which the
share that is flagged as out-of-distribution is held against the accuracy.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from latentviz.datasets.mixing import by_classes, joined, meant_classes, mixed, split
from latentviz.datasets.opening import open_source
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError
from latentviz.extraction.request import SetRequest
from latentviz.progress import Progress
from latentviz.training.request import TrainingRequest
from latentviz.training.series import train
from latentviz.training.transfer_request import FIT, HELD_OUT, OUT_OF_TASK, TransferRequest
from latentviz.workspace import Run, Workspace


def run(workspace: Workspace, request: TransferRequest, progress: Progress | None = None) -> list[Run]:
    """Train every instance and extract the features of all sets; called again it goes on where it was stopped.

    Parameters
    ----------
    workspace : Workspace
    request : TransferRequest
    progress : Progress, optional
        A bar in the terminal or notebook by default.

    Returns
    -------
    list of Run
        One an instance.

    Raises
    ------
    DataError
        If an image cannot be read, domains that are mixed have no class in common, or no test has a sample left.
    ModelError, WorkspaceError
        As :func:`latentviz.training.train`.
    """
    sources = image_sets(request)
    asked = TrainingRequest(
        family=request.family,
        recipe=request.recipe,
        heads=request.heads,
        seeds=request.seeds,
        checkpoints=1,
        sets=[
            SetRequest.model_validate({"name": name, "role": source.role, "source": source.title})
            for name, source in sources.items()
        ],
        preprocessing=request.preprocessing,
        attributes={"share": request.share},
    )
    _kept_apart(workspace, asked.run_names, sources)
    return train(workspace, asked, sources, progress)


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``transfer``: the parameters of a :class:`TransferRequest`."""
    made = run(Workspace(workspace), TransferRequest.model_validate(parameters), progress)
    return f"{len(made)} networks"


def image_sets(request: TransferRequest) -> dict[str, ImageSource]:
    """What is trained on, held out and tried, by name.

    No test has a sample that was trained on or held out of the training data, and nothing is held out that was mixed
    in; samples are the same if their files are.

    Raises
    ------
    DataError
        As :func:`run`.
    """
    parts = [_open(text, "fit", request) for text in request.fit]
    fit = parts[0] if len(parts) == 1 else joined(parts, _short([part.title for part in parts]))
    classes, seen = set(meant_classes(fit)), {key for part in parts for key in _keys(part)}
    held = None
    if isinstance(request.held_out, float):
        fit, held = split(fit, request.held_out, request.seed)
    if request.mixed is not None and request.share:
        other = _open(request.mixed, "fit", request)
        known = by_classes(other, classes)[0]
        if known is None:
            raise DataError(f"{fit.title} and {other.title} have no class in common; there is nothing to mix.")
        fit, rows = mixed(fit, known, request.share, request.seed, ("trained", "mixed-in"))
        keys = _keys(known)
        seen |= {keys[row] for row in rows}
    if held is None:
        held = _fresh(_open(str(request.held_out), "ind", request), seen, "the held-out set")
        if unknown := sorted(set(meant_classes(held)) - classes):
            raise DataError(f"{held.title} is held out, but its classes {', '.join(unknown[:8])} are not trained on.")
    sets = {FIT: replace(fit, role="fit"), HELD_OUT: replace(held, role="ind")}
    for name, text in request.tests.items():
        source = _fresh(_open(text, "shifted", request), seen, f'the test "{name}"')
        for made, part in _tests(name, source, classes).items():
            if made in sets:
                raise DataError(f'Two sets would be called "{made}"; give the tests other names.')
            sets[made] = part
    return sets


def _keys(source: ImageSource) -> list[tuple[Path, str]]:
    """What tells samples apart, wherever they are listed: their files."""
    root = Path(source.title).resolve()
    return [(root, id_) for id_ in source.ids]


def _fresh(source: ImageSource, seen: set[tuple[Path, str]], what: str) -> ImageSource:
    """A source without what was seen in training."""
    rows = [row for row, key in enumerate(_keys(source)) if key not in seen]
    if not rows:
        raise DataError(f"All samples of {what} ({source.title}) belong to the training data.")
    return source if len(rows) == len(source) else source.subset(rows)


def _kept_apart(workspace: Workspace, names: list[str], sources: dict[str, ImageSource]) -> None:
    """Runs that are there may only be gone on with from the same sources: files of one name may show other images."""
    for run_name in names:
        sets = workspace[run_name].sets if run_name in workspace else {}
        for name, source in sources.items():
            if name in sets and sets[name].entry.source != source.title:
                raise DataError(
                    f'"{run_name}" is there already, with "{name}" from {sets[name].entry.source}, not from '
                    f"{source.title}. Give this experiment a family of its own (--family)."
                )


def _short(titles: list[str]) -> list[str]:
    """Last parts of paths, as many as tell them apart."""
    for parts in range(1, 20):
        names = ["/".join(PurePath(title).parts[-parts:]) for title in titles]
        if len(set(names)) == len(names):
            return names
    return [str(number) for number in range(len(titles))]


def _open(text: str, role: str, request: TransferRequest) -> ImageSource:
    source = open_source(text, role)
    return replace(source, rename={name: request.rename.get(name, name) for name in source.classes})


def _tests(name: str, source: ImageSource, classes: set[str]) -> dict[str, ImageSource]:
    """A test as one or two sets, by whether the networks know the class."""
    known, unknown = by_classes(source, classes)
    found: dict[str, ImageSource] = {}
    if known is not None:
        found[name] = known
    if unknown is not None:
        found[name if known is None else name + OUT_OF_TASK] = replace(unknown, role="ood")
    return found
