"""A trained classifier as the rest of the project sees it: pixels in, features and logits out."""

from __future__ import annotations

import copy
import hashlib
import importlib
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import CheckpointError, ModelError
from latentviz.latents import Head, HeadKind
from latentviz.models import checkpoints, heads, registry
from latentviz.models.forward import Forward
from latentviz.models.spec import ModelSpec


@runtime_checkable
class Classifier(Protocol):
    """A network in evaluation mode with a known last linear layer.

    Attributes
    ----------
    head : Head
    layer : str
        Name of the last linear layer.
    preprocessing : Preprocessing
        What its weights were trained with, as far as that is known.
    fingerprint : str
        Changes when a weight, the last layer's name or the head's kind changes.
    batch_limit : int or None
        The only batch size it accepts, if it has one.
    """

    head: Head
    layer: str
    preprocessing: Preprocessing
    fingerprint: str
    batch_limit: int | None

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, D) and logits (N, C), float32, of images (N, channels, H, W), float32."""

    def bytes_per_image(self, shape: tuple[int, int, int]) -> int:
        """Rough memory that one image of (channels, H, W) needs inside the network."""


def load(spec: ModelSpec, preprocessing: Preprocessing | None = None) -> Classifier:
    """Load the classifier that ``spec`` describes.

    Parameters
    ----------
    spec : ModelSpec
    preprocessing : Preprocessing, optional
        Overrides what the architecture's published weights expect.

    Raises
    ------
    CheckpointError
        If the weights cannot be read, are refused, or belong to another network.
    ModelError
        If the network is unknown or its last linear layer cannot be told.
    """
    if spec.onnx:
        from latentviz.models.onnx import OnnxClassifier

        return OnnxClassifier(spec.onnx, spec.layer, preprocessing)
    if spec.factory:
        network = _call_factory(spec.factory)
        if spec.checkpoint:
            _fill(network, checkpoints.read_state_dict(spec.checkpoint), spec.checkpoint.name, spec.factory)
    else:
        network = _build(spec)
    return TorchClassifier(network, preprocessing or default_preprocessing(spec), spec.layer, spec.head, device=None)


def default_preprocessing(spec: ModelSpec) -> Preprocessing:
    """What the model's published weights expect, as far as that is known; loads no weights."""
    if spec.onnx:
        from latentviz.models.onnx import default_preprocessing as from_onnx

        return from_onnx(spec.onnx)
    if spec.architecture is None:
        return Preprocessing()
    if spec.weights:
        return registry.weights_preprocessing(spec.architecture, spec.weights)
    return registry.architecture(spec.architecture).preprocessing


def wrap(
    network: nn.Module,
    preprocessing: Preprocessing,
    *,
    layer: str | None = None,
    head: HeadKind | None = None,
    device: str | None = None,
) -> Classifier:
    """Make a classifier of any ``nn.Module`` that ends in a linear layer.

    The classifier works on a copy: the network given stays in training mode, on its device and with its head.

    Parameters
    ----------
    network : nn.Module
        A network that Python cannot copy is used itself, and stays changed.
    preprocessing : Preprocessing
        Tells the network's input.
    layer : str, optional
        Name of the last linear layer; found by a forward pass if left out.
    head : {"linear", "l2"}, optional
        ``"l2"`` divides the features by their length before the last layer; by default as the network is.
    device : str, optional
        By default a GPU when there is one.
    """
    with suppress(Exception):  # a network's attributes can be anything
        network = copy.deepcopy(network)
    return TorchClassifier(network, preprocessing, layer, head, device)


class TorchClassifier:
    """A PyTorch network; see :class:`Classifier`."""

    batch_limit: int | None = None

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Preprocessing,
        layer: str | None,
        head: HeadKind | None,
        device: str | None,
    ) -> None:
        self.device = torch.device(device or _best_device())
        # Convolutions on a CPU are about a third faster with the channels innermost.
        innermost = torch.channels_last if self.device.type == "cpu" else torch.contiguous_format
        self.network = network.eval().to(self.device, memory_format=innermost)
        self.preprocessing = preprocessing
        _check_channels(network, preprocessing)
        example = torch.zeros(1, preprocessing.depth, *(preprocessing.size or (224, 224)), device=self.device)
        try:
            self.layer = layer or heads.find_last_linear(self.network, example)
        except ModelError:
            raise
        except Exception as error:  # a network's own code can raise anything
            raise ModelError(
                f"{type(network).__name__} does not accept images of shape {tuple(example.shape[1:])} "
                f"(channels, height, width), which the preprocessing makes: {_first_line(error)}"
            ) from None
        try:
            last = self.network.get_submodule(self.layer)
        except AttributeError:
            raise ModelError(f'{type(network).__name__} has no layer called "{layer}".') from None
        if head == "l2" and not isinstance(last, heads.L2Linear):
            heads.with_l2_head(self.network, self.layer)
            last = self.network.get_submodule(self.layer)
        self.head = heads.read_head(last)
        self.fingerprint = _fingerprint(self.network, self.layer, self.head.kind)
        self._forward = Forward(self.network, self.layer)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, D) and logits (N, C), float32."""
        # The first convolution puts the channels innermost. Done here, by all of torch's threads, these would go on
        # waiting for work for a while, on the cores that the network needs.
        features, logits = self._forward(torch.from_numpy(images).to(self.device))
        return features.float().cpu().numpy(), logits.float().cpu().numpy()

    def bytes_per_image(self, shape: tuple[int, int, int]) -> int:
        """Size of all activations of one image, an upper bound for inference."""
        sizes: list[int] = []

        def add(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                sizes.append(output.nelement() * output.element_size())

        leaves = [m for m in self.network.modules() if not any(True for _ in m.children())]
        hooks = [leaf.register_forward_hook(add) for leaf in leaves]
        try:
            self(np.zeros((1, *shape), dtype=np.float32))
        finally:
            for hook in hooks:
                hook.remove()
        return sum(sizes)


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _check_channels(network: nn.Module, preprocessing: Preprocessing) -> None:
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and first.in_channels != preprocessing.depth:
        raise ModelError(
            f"The network takes {first.in_channels} channel{'s' if first.in_channels > 1 else ''}, but the "
            f'preprocessing makes {preprocessing.depth} ("{preprocessing.channels}"). '
            'Choose channels "rgb" for 3 and "grey" for 1.'
        )


def _fingerprint(network: nn.Module, layer: str, head: HeadKind) -> str:
    digest = hashlib.blake2b(f"{layer} {head}".encode(), digest_size=16)
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _call_factory(path: str) -> nn.Module:
    module, _, name = path.partition(":")
    try:
        network = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(f'"{path}" cannot be called ({error}); expected package.module:function.') from None
    if not isinstance(network, nn.Module):
        raise ModelError(f'"{path}" returned {type(network).__name__}; expected an nn.Module.')
    return network


def _build(spec: ModelSpec) -> nn.Module:
    """The architecture with its weights, sized to what the weights say."""
    assert spec.architecture is not None
    architecture = registry.architecture(spec.architecture)
    if spec.checkpoint is None:
        from torchvision.models import get_model

        published = registry.published_weights(spec.architecture, spec.weights)
        try:
            return get_model(spec.architecture, weights=published)
        except OSError as error:
            raise ModelError(
                f"The weights {spec.weights} of {spec.architecture} could not be downloaded: {error}. "
                "Give a checkpoint file, or go online once."
            ) from None
    weights = checkpoints.rename(checkpoints.read_state_dict(spec.checkpoint), architecture.renames)
    network = architecture.build(*_sizes(architecture, weights))
    _fill(network, weights, spec.checkpoint.name, spec.architecture)
    return network


def _sizes(architecture: registry.Architecture, weights: checkpoints.StateDict) -> tuple[int, int]:
    """Classes and channels in the weights: rows of the last linear layer, columns of the first convolution."""
    blank = registry.on_meta(lambda: architecture.build(10, 3))
    linear = [name for name, module in blank.named_modules() if isinstance(module, nn.Linear)]
    convolutions = [name for name, module in blank.named_modules() if isinstance(module, nn.Conv2d)]
    last = weights.get(f"{linear[-1]}.weight") if linear else None
    first = weights.get(f"{convolutions[0]}.weight") if convolutions else None
    classes = last.shape[0] if last is not None and last.ndim == 2 else 10
    channels = first.shape[1] if first is not None and first.ndim == 4 else 3
    return classes, channels


def _fill(network: nn.Module, weights: checkpoints.StateDict, file: str, name: str) -> None:
    weights = checkpoints.as_named_in(network, weights)
    phrases = checkpoints.misfits(network, weights)
    if phrases:
        fitting = _architecture_that_fits(weights)
        advice = f"It fits {fitting}." if fitting else "Choose the architecture it was trained with."
        raise CheckpointError(f"{file} does not fit {name}: {'; '.join(phrases)}. {advice}")
    network.load_state_dict(weights, strict=False)


def _architecture_that_fits(weights: checkpoints.StateDict) -> str | None:
    """One of our own architectures that the weights fit, to name in an error."""
    for candidate in registry.own_architectures():
        renamed = checkpoints.rename(weights, candidate.renames)
        build = partial(candidate.build, *_sizes(candidate, renamed))
        if not checkpoints.misfits(registry.on_meta(build), renamed):
            return candidate.name
    return None
