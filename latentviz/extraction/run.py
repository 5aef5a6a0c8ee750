"""One pass over every set: decode, forward, store; resumable at every chunk."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn

from latentviz.datasets.decode import Batch, Decoder, Look, look_of, needs_workers
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError, ModelError, WorkspaceError
from latentviz.extraction.plan import PlannedSet, class_names, plan_sets
from latentviz.interrupts import deferred
from latentviz.models.classifier import Classifier, load, wrap
from latentviz.models.spec import ModelSpec
from latentviz.progress import Progress, bar
from latentviz.workspace import Manifest, Run, Workspace
from latentviz.workspace.files import check_name
from latentviz.workspace.imageset import SetWriter
from latentviz.workspace.run import now

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
        Name of the run; by default the model's, see :attr:`ModelSpec.run_name`, or the network's class.
    preprocessing : Preprocessing, optional
        By default what the architecture's published weights expect.
    classes : sequence of str, optional
        Names of the logits in order; by default the weights' own, else the class folders of the ``fit`` set.
    skip_unreadable : bool
        Leave unreadable images out and count them, instead of stopping at the first.
    batch : int, optional
        Images a forward pass; by default as many as are fast and fit into memory. A run that is there keeps its own.
    attributes : dict, optional
        Family, seed, epoch …: what groups runs. A run that is there gets those that are new.
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
    if not sets:
        raise DataError("There is no image set; give at least one.")
    spec = model if isinstance(model, ModelSpec) else None
    decoder = Decoder(skip_unreadable)
    with bar() if progress is None else nullcontext(progress) as shown:
        shown("Loading the model", 0, 0, "")
        try:
            if any(map(needs_workers, sets.values())):
                decoder.start()
            classifier = as_classifier(model, preprocessing)
            title = spec.title if spec else type(getattr(classifier, "network", classifier)).__name__
            run_name = check_name(name or (spec.run_name if spec else title), "a run")
            names = class_names(classifier.head.classes, classes, published_classes(spec), sets)
            planned = plan_sets(sets, names)
            look = cache(lambda name: look_of(sets[name], classifier.preprocessing))  # decodes an image
            about = {"title": title, **({"spec": spec.model_dump(mode="json", exclude_none=True)} if spec else {})}
            run = _open_run(workspace, run_name, classifier, names, about, batch, lambda: look(planned[0].entry.name))
            with run.writing(), deferred() as stop_if_asked:
                run.add_attributes(attributes or {})
                # All sets are opened first: the run tells from its start how much there is to do.
                writers = [_open_set(run, planned_set, look) for planned_set in planned]
                for planned_set, writer in zip(planned, writers, strict=True):
                    _fill(run, planned_set, writer, classifier, decoder, look, shown, stop_if_asked)
        finally:
            decoder.stop()
    return run.reopened()


def as_classifier(model: Any, preprocessing: Preprocessing | None) -> Classifier:
    """The classifier that a spec describes, that wraps a network, or that was given."""
    if isinstance(model, ModelSpec):
        return load(model, preprocessing)
    if isinstance(model, nn.Module):
        if preprocessing is None:
            raise DataError(
                "A network of your own needs preprocessing=lv.Preprocessing(…): its size, channels, mean and std."
            )
        return wrap(model, preprocessing)
    if not isinstance(model, Classifier):
        raise ModelError(f"The model is a {type(model).__name__}; give a ModelSpec, an nn.Module or a Classifier.")
    if preprocessing not in (None, model.preprocessing):
        raise DataError("This classifier has its own preprocessing; leave the argument out, or wrap the network anew.")
    return model


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
    about: dict[str, Any],
    batch: int | None,
    look: Callable[[], Look],
) -> Run:
    """The run to write into: a new one, or one that the same model made."""
    if name in workspace:
        run = workspace[name]
        same = (
            run.manifest.model.get("fingerprint") == classifier.fingerprint
            and Preprocessing.model_validate(run.manifest.preprocessing or {}) == classifier.preprocessing
            and list(run.classes) == classes
        )
        if not same:
            raise WorkspaceError(
                f'The workspace already has a run "{name}" made with another model, preprocessing or classes. '
                "Choose another name, or delete that run."
            )
        return run
    size = classifier.batch_limit or batch or _batch_size(classifier, look())
    libraries = ("latentviz", "torch", "torchvision", "numpy", "pillow", "onnxruntime")
    return workspace.create_run(
        Manifest(
            name=name,
            created=now(),
            model={"fingerprint": classifier.fingerprint, "layer": classifier.layer, **about},
            classes=classes,
            width=classifier.head.width,
            head=classifier.head.kind,
            preprocessing=classifier.preprocessing.model_dump(mode="json"),
            batch=size,
            chunk=size * max(1, CHUNK_ROWS // size),
            versions={library: version for library in libraries if (version := _version(library))},
        ),
        classifier.head,
    )


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _batch_size(classifier: Classifier, look: Look) -> int:
    """The usual batch, halved until its activations fit into a quarter of the free memory."""
    height, width, channels = look.shape
    device = getattr(classifier, "device", None)
    if device is not None and device.type == "cuda":
        free, size = torch.cuda.mem_get_info(device)[0], BATCH["gpu"]
    else:
        free, size = psutil.virtual_memory().available, BATCH["cpu"]
    try:
        needed = classifier.bytes_per_image((channels, height, width))
    except (MemoryError, RuntimeError) as error:
        if _is_out_of_memory(error):
            raise WorkspaceError(_TOO_SMALL) from None
        raise
    while size > 1 and size * needed > free / 4:
        size //= 2
    return size


def _open_set(run: Run, planned: PlannedSet, look: Callable[[str], Look]) -> SetWriter:
    """The writer of a set that is new, unfinished or complete."""
    name = planned.entry.name
    complete = name in run.sets and run[name].complete
    return run.add_set(planned.entry, planned.listing, 0 if complete else look(name).thumbnail_side)


def _fill(
    run: Run,
    planned: PlannedSet,
    writer: SetWriter,
    classifier: Classifier,
    decoder: Decoder,
    look: Callable[[str], Look],
    progress: Progress,
    stop_if_asked: Callable[[], None],
) -> None:
    name, source, total = planned.entry.name, planned.source, len(planned.source)
    done = writer.state.consumed
    progress(name, done, total, "images")
    if writer.state.complete:
        return
    chunk = _Chunk()
    for decoded in decoder.batches(source, classifier.preprocessing, done, run.manifest.batch, look(name)):
        chunk.add(decoded, *_features_and_logits(classifier, decoded.pixels))
        done += len(decoded.pixels) + len(decoded.unreadable)
        if done - writer.state.consumed >= run.manifest.chunk or done == total:
            chunk.write(writer)
            chunk = _Chunk()
        progress(name, done, total, "images")
        stop_if_asked()
    writer.finish()


def _features_and_logits(classifier: Classifier, pixels: np.ndarray) -> tuple[np.ndarray, ...]:
    if len(pixels) == 0:
        return np.empty((0, classifier.head.width), np.float32), np.empty((0, classifier.head.classes), np.float32)
    return within_memory(classifier, classifier.preprocessing.tensor(pixels))


def within_memory(
    network: Callable[[np.ndarray], tuple[np.ndarray, ...]], images: np.ndarray
) -> tuple[np.ndarray, ...]:
    """What a network makes of images (N, channels, H, W), in halves if the memory is too small for all.

    Raises
    ------
    WorkspaceError
        If it is too small for one.
    """
    try:
        return network(images)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        if len(images) == 1:
            raise WorkspaceError(_TOO_SMALL) from None
    half = len(images) // 2
    parts = [within_memory(network, images[:half]), within_memory(network, images[half:])]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


_TOO_SMALL = "The memory is too small for a single image; close other programs, or choose a smaller resize."

#: How torch says it, for a GPU, for the CPU on Linux and on Windows, and for libraries of a GPU.
_FULL = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _FULL)


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
