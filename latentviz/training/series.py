"""Several trainings, head by head and seed by seed; every kept checkpoint becomes a run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError, ModelError
from latentviz.extraction.corrupting import chosen, corrupt
from latentviz.extraction.plan import PlannedSet, plan_sets
from latentviz.extraction.run import extract
from latentviz.models.registry import architecture
from latentviz.models.spec import ModelSpec
from latentviz.progress import Progress, bar, titled
from latentviz.training.images import read_images
from latentviz.training.loop import as_bytes, fit
from latentviz.training.recipe import Recipe
from latentviz.training.request import TrainingRequest
from latentviz.training.state import FOLDER, state_of
from latentviz.workspace import Run, Workspace
from latentviz.workspace.files import disk_errors, write_atomically


def train(
    workspace: Workspace,
    request: TrainingRequest,
    sources: Mapping[str, ImageSource] | None = None,
    progress: Progress | None = None,
) -> list[Run]:
    """Train every head with every seed, keep checkpoints, and extract the features of each at once.

    Called again it goes on where it was stopped: trainings from their last whole epoch, to the same weights, and
    extractions from their last whole chunk.

    Parameters
    ----------
    workspace : Workspace
    request : TrainingRequest
    sources : dict of ImageSource, optional
        The sets, if they are not to be opened by name.
    progress : Progress, optional
        A bar in the terminal or notebook by default.

    Returns
    -------
    list of Run
        One a checkpoint, in the order in which they were made.

    Raises
    ------
    DataError
        If an image cannot be read, or a class is not among those that are trained.
    ModelError, WorkspaceError
        As :func:`latentviz.training.loop.fit`.
    """
    chosen(request.corruptions or ["common"])  # a wrong name is told before the first epoch
    opened = request_sources(request) if sources is None else dict(sources)
    preprocessing = request.preprocessing or architecture(request.recipe.architecture).preprocessing
    planned, classes = _planned(request, opened)
    runs, last = list[Run](), list[Run]()
    with bar() if progress is None else nullcontext(progress) as shown:
        fitted = next(one for one in planned if one.entry.role == "fit")
        held_out = next((one for one in planned if one.entry.role == "ind"), None)
        images = read_images(fitted.source, fitted.listing["label"].to_numpy(), preprocessing, shown)
        test = (
            None
            if held_out is None
            else read_images(held_out.source, held_out.listing["label"].to_numpy(), preprocessing, shown)
        )
        for recipe in request.recipes:
            title = f"{recipe.head}, seed {recipe.seed}"
            told = titled(shown, title)
            kept = _Kept(workspace, request, recipe, opened, preprocessing, classes, told)
            kept.check()
            fit(recipe, images, test, len(classes), kept.folder, kept.store, kept.extract, told)
            runs += (made := kept.all())
            last.append(made[-1])
        if request.corruptions and held_out is not None:
            for run in last:
                asked = (run, held_out.entry.name, request.corruptions, request.severities)
                corrupt(*asked, source=held_out.source, progress=titled(shown, run.name))
    return [run.reopened() for run in runs]


def request_sources(request: TrainingRequest) -> dict[str, ImageSource]:
    """The sets of a request, opened and listed."""
    from latentviz.datasets.opening import open_source

    return {entry.name: open_source(entry.source, entry.role, entry.rename) for entry in request.sets}


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``train``; returns how many runs there are."""
    made = train(Workspace(workspace), TrainingRequest.model_validate(parameters), progress=progress)
    return f"{len(made)} runs"


def _planned(request: TrainingRequest, sources: Mapping[str, ImageSource]) -> tuple[list[PlannedSet], list[str]]:
    fitted = next(entry.name for entry in request.sets if entry.role == "fit")
    source = sources[fitted]
    classes = request.classes or sorted({source.rename.get(c, c) for c in source.classes})
    if len(classes) < 2:
        raise DataError(f'"{fitted}" has {len(classes)} classes; a classifier needs two at least.')
    return plan_sets(sources, classes), list(classes)


class _Kept:
    """What is done with a checkpoint: its weights are stored, and its run is extracted."""

    def __init__(
        self,
        workspace: Workspace,
        request: TrainingRequest,
        recipe: Recipe,
        sources: Mapping[str, ImageSource],
        preprocessing: Preprocessing,
        classes: list[str],
        progress: Progress,
    ) -> None:
        self.workspace, self.request, self.recipe = workspace, request, recipe
        self.sources, self.preprocessing, self.classes, self.progress = sources, preprocessing, classes, progress
        self.folder = workspace.path / FOLDER / request.training_name(recipe)

    def check(self) -> None:
        """A training that is there cannot be asked for checkpoints that it has not kept."""
        state = state_of(self.folder)
        passed = [] if state is None else [e for e in self.request.kept if e <= len(state.history)]
        if lacking := [epoch for epoch in passed if not self._weights(epoch).exists()]:
            raise ModelError(
                f"{self.folder.name} is trained already and kept no checkpoint of epoch "
                f"{', '.join(map(str, lacking))}; ask for the same number of checkpoints, or give another family."
            )

    def store(self, epoch: int, network: nn.Module) -> None:
        """Before the epoch counts as done."""
        if epoch in self.request.kept:
            self._store(epoch, network)

    def extract(self, epoch: int) -> None:
        """Once it does: an extraction may take longer than an epoch, and is taken up again by :meth:`all`."""
        if epoch in self.request.kept:
            self._extract(epoch)

    def all(self) -> list[Run]:
        """The runs of all checkpoints, those too whose extraction was stopped or whose run was deleted since."""
        return [self._extract(epoch) for epoch in self.request.kept]

    def _weights(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04d}.safetensors"

    def _store(self, epoch: int, network: nn.Module) -> None:
        with disk_errors("The checkpoint"):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._weights(epoch), as_bytes(network.state_dict()))

    def _extract(self, epoch: int) -> Run:
        recipe = self.recipe
        return extract(
            ModelSpec(architecture=recipe.architecture, checkpoint=self._weights(epoch), head=recipe.head),
            self.sources,
            workspace=self.workspace,
            name=self.request.run_name(recipe, epoch),
            preprocessing=self.preprocessing,
            classes=self.classes,
            attributes={
                **self.request.attributes,
                "family": self.request.family,
                "head": recipe.head,
                "seed": recipe.seed,
                "epoch": epoch,
                "epochs": recipe.epochs,
            },
            progress=self.progress,
        )
