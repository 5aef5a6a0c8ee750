"""One pass over every set: decode, forward, store; resumable at every chunk."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from latentviz.datasets.decode import Batch, Decoder, first_pixels, thumbnail_side
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError, WorkspaceError
from latentviz.extraction.plan import PlannedSet, class_names, plan_sets
from latentviz.models.classifier import Classifier, load, wrap
from latentviz.models.spec import ModelSpec
from latentviz.progress import Progress, bar
from latentviz.workspace import Manifest, Run, Workspace
from latentviz.workspace.files import check_name
from latentviz.workspace.imageset import SetWriter
from latentviz.workspace.run import now

if TYPE_CHECKING:
    from torch import nn

#: Rows that are written together, about; a multiple of the batch.
CHUNK_ROWS = 1024
#: Images a forward pass: more fall out of a CPU's caches and are slower there.
BATCH = {"cpu": 64, "gpu": 256}


def extract(
    model: ModelSpec | Classifier | nn.Module,
    sets: Mapping[str, ImageSource],
    *,
    workspace: Workspace,
    name: str | None = None,
    preprocessing: Preprocessing | None = None,
    classes: Sequence[str] | None = None,
    skip_unreadable: bool = False,
    batch: int | None = None,
    attributes: Mapping[str, str | int | float] | None = None,
    progress: Progress | None = None,
) -> Run:
    """Put image sets through a classifier and store what comes out as a run.

    Called again with the same model it goes on where it was stopped, adds sets that are new, and
    leaves alone what is complete. The stored arrays do not depend on interruptions.

    Parameters
    ----------
    model : ModelSpec, Classifier or nn.Module
        An ``nn.Module`` must end in a linear layer and needs ``preprocessing``.
    sets : dict of ImageSource
        From :func:`latentviz.folder`, :func:`latentviz.arrays` or :func:`latentviz.torchvision_set`.
    workspace : Workspace
    name : str, optional
        Name of the run; by default the model's.
    preprocessing : Preprocessing, optional
        By default what the architecture's published weights expect.
    classes : sequence of str, optional
        Names of the logits in order; by default the weights' own, else the class folders of the ``fit`` set.
    skip_unreadable : bool
        Leave unreadable images out and count them, instead of stopping at the first.
    batch : int, optional
        Images a forward pass; by default as many as are fast and fit into memory.
    attributes : dict, optional
        Family, seed, epoch …: what groups runs.
    progress : Progress, optional
        A bar in the terminal or notebook by default.

    Returns
    -------
    Run

    Raises
    ------
    DataError, ModelError, WorkspaceError
        On bad input; chunks that were finished stay, and the same call goes on from them.
    """
    if progress is None:
        with bar() as shown:
            return _extract(
                model,
                sets,
                workspace,
                name,
                preprocessing,
                classes,
                skip_unreadable,
                batch,
                attributes,
                shown,
            )
    return _extract(model, sets, workspace, name, preprocessing, classes, skip_unreadable, batch, attributes, progress)


def _extract(
    model: Any,
    sets: Mapping[str, ImageSource],
    workspace: Workspace,
    name: str | None,
    preprocessing: Preprocessing | None,
    classes: Sequence[str] | None,
    skip_unreadable: bool,
    batch: int | None,
    attributes: Mapping[str, str | int | float] | None,
    progress: Progress,
) -> Run:
    if not sets:
        raise DataError("There is no image set; give at least one.")
    progress("Loading the model", 0, 0, "")
    spec = model if isinstance(model, ModelSpec) else None
    decoder = Decoder(skip_unreadable)
    try:
        if any(not source.part(0, 1).in_memory for source in sets.values()):
            decoder.start()
        classifier = as_classifier(model, preprocessing)
        names = class_names(classifier.head.classes, classes, published_classes(spec), sets)
        run_name = check_name(name or (spec.title.replace(" · ", "-") if spec else type(model).__name__), "a run")
        planned = plan_sets(sets, names)
        run = _open_run(workspace, run_name, classifier, names, spec, batch, attributes, planned)
        with run.writing():
            # All sets are opened first: the run tells from its start how much there is to do.
            writers = [_open_set(run, planned_set, classifier.preprocessing) for planned_set in planned]
            for planned_set, writer in zip(planned, writers, strict=True):
                _fill(run, planned_set, writer, classifier, decoder, progress)
    finally:
        decoder.stop()
    return run.reopened()


def as_classifier(model: Any, preprocessing: Preprocessing | None) -> Classifier:
    """The classifier that a spec describes, that wraps a network, or that was given."""
    if isinstance(model, ModelSpec):
        return load(model, preprocessing)
    if hasattr(model, "head") and hasattr(model, "fingerprint") and hasattr(model, "bytes_per_image"):
        if preprocessing not in (None, model.preprocessing):
            raise DataError(
                "This classifier has its own preprocessing; leave the argument out, or wrap the network anew."
            )
        return model
    if preprocessing is None:
        raise DataError(
            "A network of your own needs preprocessing=lv.Preprocessing(…): its size, channels, mean and std."
        )
    return wrap(model, preprocessing)


def published_classes(spec: ModelSpec | None) -> list[str] | None:
    """Class names that torchvision ships with published weights."""
    if spec is None or spec.architecture is None or spec.weights is None:
        return None
    from torchvision.models import get_model_weights

    return list(get_model_weights(spec.architecture)[spec.weights].meta["categories"])


def _open_run(
    workspace: Workspace,
    name: str,
    classifier: Classifier,
    classes: list[str],
    spec: ModelSpec | None,
    batch: int | None,
    attributes: Mapping[str, str | int | float] | None,
    planned: list[PlannedSet],
) -> Run:
    """The run to write into: a new one, or one that the same model made."""
    recipe = classifier.preprocessing.model_dump(mode="json")
    if name in workspace:
        run = workspace[name]
        same = (
            run.manifest.model.get("fingerprint") == classifier.fingerprint
            and run.manifest.preprocessing == recipe
            and list(run.classes) == classes
        )
        if not same:
            raise WorkspaceError(
                f'The workspace already has a run "{name}" made with another model, preprocessing or classes. '
                "Choose another name, or delete that run."
            )
        return run
    size = batch or _batch_size(classifier, planned[0].source)
    if classifier.batch_limit:
        size = classifier.batch_limit
    libraries = ("latentviz", "torch", "torchvision", "numpy", "pillow", "onnxruntime")
    return workspace.create_run(
        Manifest(
            name=name,
            created=now(),
            model={
                "title": spec.title if spec else type(getattr(classifier, "network", classifier)).__name__,
                "fingerprint": classifier.fingerprint,
                "layer": classifier.layer,
                **({"spec": spec.model_dump(mode="json", exclude_none=True)} if spec else {}),
            },
            classes=classes,
            width=classifier.head.width,
            head=classifier.head.kind,
            preprocessing=recipe,
            batch=size,
            chunk=size * max(1, CHUNK_ROWS // size),
            attributes=dict(attributes or {}),
            versions={library: version for library in libraries if (version := _version(library))},
        ),
        classifier.head,
    )


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _batch_size(classifier: Classifier, source: ImageSource) -> int:
    """The usual batch, halved until its activations fit into a quarter of the free memory."""
    height, width, channels = first_pixels(source, classifier.preprocessing).shape
    device = getattr(classifier, "device", None)
    if device is not None and device.type == "cuda":
        import torch

        free, size = torch.cuda.mem_get_info(device)[0], BATCH["gpu"]
    else:
        free, size = psutil.virtual_memory().available, BATCH["cpu"]
    needed = classifier.bytes_per_image((channels, height, width))
    while size > 1 and size * needed > free / 4:
        size //= 2
    return size


def _open_set(run: Run, planned: PlannedSet, preprocessing: Preprocessing) -> SetWriter:
    """The writer of a set that is new, unfinished or complete."""
    name = planned.entry.name
    complete = name in run.sets and run[name].complete
    return run.add_set(planned.entry, planned.listing, 0 if complete else thumbnail_side(planned.source, preprocessing))


def _fill(
    run: Run,
    planned: PlannedSet,
    writer: SetWriter,
    classifier: Classifier,
    decoder: Decoder,
    progress: Progress,
) -> None:
    source, total = planned.source, len(planned.source)
    done = writer.state.consumed
    progress(planned.entry.name, done, total, "images")
    if writer.state.complete:
        return
    side = thumbnail_side(source, classifier.preprocessing)
    chunk = _Chunk()
    for decoded in decoder.batches(source, classifier.preprocessing, done, run.manifest.batch, side):
        chunk.add(decoded, *_forward(classifier, decoded.pixels))
        done += len(decoded.pixels) + len(decoded.unreadable)
        if done - writer.state.consumed >= run.manifest.chunk or done == total:
            chunk.write(writer)
            chunk = _Chunk()
        progress(planned.entry.name, done, total, "images")
    writer.finish()


def _forward(classifier: Classifier, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features and logits of a batch, in halves if the accelerator's memory is too small for it."""
    if len(pixels) == 0:
        return np.empty((0, classifier.head.width), np.float32), np.empty((0, classifier.head.classes), np.float32)
    try:
        return classifier(classifier.preprocessing.tensor(pixels))
    except MemoryError:
        if len(pixels) == 1:
            raise WorkspaceError("The memory is too small for a single image; close other programs.") from None
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if "out of memory" not in str(error).lower() or len(pixels) == 1:
            raise
    half = len(pixels) // 2
    parts = [_forward(classifier, pixels[:half]), _forward(classifier, pixels[half:])]
    features, logits = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return features, logits


class _Chunk:
    """Batches that are written together."""

    def __init__(self) -> None:
        self.features: list[np.ndarray] = []
        self.logits: list[np.ndarray] = []
        self.thumbnails: list[np.ndarray] = []
        self.skipped: dict[int, str] = {}
        self.samples = 0

    def add(self, batch: Batch, features: np.ndarray, logits: np.ndarray) -> None:
        self.skipped.update({self.samples + offset: reason for offset, reason in batch.unreadable.items()})
        self.samples += len(batch.pixels) + len(batch.unreadable)
        self.features.append(features)
        self.logits.append(logits)
        if len(batch.pixels):
            self.thumbnails.append(batch.pixels if batch.thumbnails is None else batch.thumbnails)

    def write(self, writer: SetWriter) -> None:
        start = writer.state.consumed
        writer.append(
            np.concatenate(self.features),
            np.concatenate(self.logits),
            np.concatenate(self.thumbnails) if self.thumbnails else None,
            {start + offset: reason for offset, reason in self.skipped.items()},
        )
