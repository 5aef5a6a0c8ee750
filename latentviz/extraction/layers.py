"""States of other layers than the last, added to a run whose features are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache

import numpy as np
from torch import nn

from latentviz.datasets.decode import Decoder, look_of, needs_workers
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError, ModelError
from latentviz.extraction.originals import network_of, originals_in
from latentviz.extraction.run import as_classifier, within_memory
from latentviz.interrupts import deferred
from latentviz.models.classifier import Classifier, TorchClassifier
from latentviz.models.layer_states import LayerStates
from latentviz.models.layer_states import layer_names as names_in
from latentviz.models.spec import ModelSpec
from latentviz.progress import Progress, bar
from latentviz.workspace import ImageSet, Run
from latentviz.workspace.layers import CHUNK, LayerWriter

#: Largest difference of logits, relative to the largest, with which two passes are of the same network and images.
_SAME = 1e-2


def layer_states(
    run: Run,
    layers: Sequence[str],
    sets: Sequence[str] | None = None,
    *,
    model: ModelSpec | Classifier | nn.Module | None = None,
    sources: Mapping[str, ImageSource] | None = None,
    progress: Progress | None = None,
) -> Run:
    """Store what neuron coverage needs of inner layers: sums of activations and of gradients, never the maps.

    The images go through the network once more, forward and backward. Called again, it goes on where it was stopped,
    and leaves alone what is complete.

    Parameters
    ----------
    run : Run
        Extracted from a PyTorch network.
    layers : sequence of str
        Names of modules; :func:`layer_names` lists them.
    sets : sequence of str, optional
        By default all of the run's but corrupted versions of others.
    model : ModelSpec, Classifier or nn.Module, optional
        The run's network, if it was given as a Python object.
    sources : dict of ImageSource, optional
        Images of sets that were given as arrays.
    progress : Progress, optional
        A bar in the terminal or notebook by default.

    Returns
    -------
    Run

    Raises
    ------
    DataError
        If there is no layer or set named, a set is not complete, or its images are not there any more.
    ModelError
        If the network has no layer of a name, or is an ONNX file.
    WorkspaceError
        If the disk is full, or another process writes the run.
    """
    if not layers:
        raise DataError("No layer was named; latentviz layers without --layers lists those of a run.")
    names = list(run.uncorrupted) if sets is None else list(dict.fromkeys(sets))
    for name in names:
        if not run[name].complete:
            raise DataError(f'"{name}" is not extracted to its end; go on with that first.')
    decoder = Decoder(skip_unreadable=True)
    with bar() if progress is None else nullcontext(progress) as shown:
        shown("Loading the model", 0, 0, "")
        try:
            classifier = torch_classifier(run, model)
            passes = cache(lambda wanted: LayerStates(classifier, wanted))
            passes(tuple(dict.fromkeys(layers)))  # says what is wrong with a name before anything is decoded
            images = {name: originals_in(run, name, (sources or {}).get(name)) for name in names}
            if any(map(needs_workers, images.values())):
                decoder.start()
            with run.writing(), deferred() as stop_if_asked:
                for name in names:
                    for wanted in _equally_far(run[name], list(dict.fromkeys(layers))):
                        states, batch = passes(wanted), run.manifest.batch
                        _store(run[name], images[name], states, classifier, batch, decoder, shown, stop_if_asked)
        finally:
            decoder.stop()
    return run.reopened()


def layer_names(run: Run, model: ModelSpec | Classifier | nn.Module | None = None) -> list[str]:
    """Names of a network's layers whose states can be stored, the outer ones first.

    Raises
    ------
    DataError, ModelError
        As :func:`layer_states`.
    """
    return names_in(torch_classifier(run, model))


def torch_classifier(run: Run, model: ModelSpec | Classifier | nn.Module | None) -> TorchClassifier:
    """The network of a run, with which gradients can be computed.

    Raises
    ------
    DataError
        If it was given as a Python object, or the run was imported as arrays.
    ModelError
        If it is an ONNX file, or another network than the run's.
    """
    network = network_of(run) if model is None else model
    preprocessing = Preprocessing.model_validate(run.manifest.preprocessing)
    classifier = _with_gradients(network, None if isinstance(network, Classifier) else preprocessing)
    if classifier.fingerprint != run.manifest.model.get("fingerprint"):
        raise ModelError(
            f'This is not the network that "{run.name}" was extracted from: its weights are others. Put back the '
            "weights file, or extract the run anew."
        )
    return classifier


def check_layers(model: ModelSpec, layers: Sequence[str], preprocessing: Preprocessing | None = None) -> None:
    """Whether a network has layers whose states can be stored.

    Raises
    ------
    ModelError
        If it has not; lists those it has.
    """
    LayerStates(_with_gradients(model, preprocessing), layers)


def _with_gradients(
    network: ModelSpec | Classifier | nn.Module, preprocessing: Preprocessing | None
) -> TorchClassifier:
    onnx = isinstance(network, ModelSpec) and network.onnx is not None
    classifier = None if onnx else as_classifier(network, preprocessing)
    if not isinstance(classifier, TorchClassifier):
        raise ModelError(
            'An ONNX file has no gradients of inner layers: neuron coverage has its last layer only (layer "last"). '
            "Extract the run from the PyTorch network for others."
        )
    return classifier


def _equally_far(image_set: ImageSet, layers: Sequence[str]) -> list[tuple[str, ...]]:
    """The layers that are not stored to their end, those together of which the same rows are."""
    groups: dict[int, list[str]] = {}
    for layer in layers:
        writer = LayerWriter(image_set, layer)
        if not writer.complete and len(image_set):
            groups.setdefault(writer.state.rows, []).append(layer)
    return [tuple(names) for names in groups.values()]


def _store(
    image_set: ImageSet,
    source: ImageSource,
    states: LayerStates,
    classifier: TorchClassifier,
    batch: int,
    decoder: Decoder,
    progress: Progress,
    stop_if_asked: Callable[[], None],
) -> None:
    """Put the samples of a set that are not stored yet through the network; the layers are all equally far."""
    writers, name = [LayerWriter(image_set, layer) for layer in states.layers], image_set.name
    done, total = writers[0].state.rows, len(image_set)
    stage = f"{name}: {', '.join(states.layers)}"
    progress(stage, done, total, "images")
    read = np.setdiff1d(np.arange(len(source)), list(image_set.state.skipped))
    kept: list[tuple[np.ndarray, ...]] = []
    look = look_of(source, classifier.preprocessing)
    # Those that could not be read before are left out again: what is read stands in the order of the rows.
    for decoded in decoder.batches(source, classifier.preprocessing, int(read[done]), batch, look):
        if len(decoded.pixels):
            kept.append(within_memory(states, classifier.preprocessing.tensor(decoded.pixels)))
        waiting = sum(len(logits) for logits, *_ in kept)
        last = done + waiting >= total
        if not waiting or not (last or waiting >= CHUNK):
            continue
        logits, *sums = (np.concatenate(parts) for parts in zip(*kept, strict=True))
        rows = waiting if last else waiting // CHUNK * CHUNK  # whole chunks on disk
        _check_same(image_set, logits[:rows], done)
        for writer, total_sum, gradient in zip(writers, sums[::2], sums[1::2], strict=True):
            writer.append(total_sum[:rows], gradient[:rows])
        kept = [(logits[rows:], *(values[rows:] for values in sums))]
        done += rows
        progress(stage, done, total, "images")
        stop_if_asked()
    if done < total:
        raise DataError(
            f'{total - done:,} images of "{name}" are missing that were there when it was extracted: they cannot be '
            "read any more. Put them back, or extract the set anew."
        )


def _check_same(image_set: ImageSet, logits: np.ndarray, start: int) -> None:
    """That these logits are those that were stored.

    Raises
    ------
    DataError
        If the images or the network are others now.
    """
    known = image_set.read("logits", slice(start, start + len(logits)))
    if known.shape == logits.shape and np.abs(known - logits).max() <= _SAME * max(np.abs(known).max(), 1e-30):
        return
    raise DataError(
        f'The images of "{image_set.name}" give other logits now than when they were extracted (rows {start:,}–'
        f"{start + len(logits):,}): the images were changed, or cannot be read any more. Extract the set anew."
    )
