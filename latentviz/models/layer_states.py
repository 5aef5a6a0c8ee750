"""Activations of inner layers and how the output's certainty pulls at them: one forward and one backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from latentviz.errors import ModelError
from latentviz.models import heads
from latentviz.models.classifier import TorchClassifier
from latentviz.models.forward import Shares

#: What the penultimate features are called among the layers.
LAST = "last"

#: Names that an error lists.
_LISTED = 40


class LayerStates:
    """Sums over positions of a layer's activations ``z`` and of ``∂D_KL(u ‖ p)/∂z`` (arXiv 2306.02879).

    Of maps (N, C, H, W) the sums are over height and width, of tokens (N, T, C) over the tokens; of the layer whose
    first token is what the head sees, that token alone. The maps themselves are never kept.

    Parameters
    ----------
    classifier : TorchClassifier
    layers : sequence of str
        Names of modules that return one tensor and run once in a pass.

    Raises
    ------
    ModelError
        If there is no layer of a name; lists those there are.
    """

    def __init__(self, classifier: TorchClassifier, layers: Sequence[str]) -> None:
        network, self.layers = classifier.network, tuple(layers)
        known = dict(network.named_modules())
        if absent := [name for name in layers if name not in known or not name]:
            raise ModelError(
                f'{type(network).__name__} has no layer "{absent[0]}"; it has {", ".join(layer_names(classifier))}.'
            )
        if LAST in layers:
            raise ModelError(
                f'"{LAST}" means the penultimate features, which need no pass; rename that module to store its states.'
            )
        if classifier.layer in layers:
            raise ModelError(
                f'"{classifier.layer}" is the last layer: its states are made of the features, and are called "{LAST}".'
            )
        for parameter in network.parameters():
            parameter.requires_grad_(False)  # their gradients would be half of the backward pass
        self._device = classifier.device
        self._shares = Shares(network, lambda twin, images: _states(twin, self.layers, classifier.layer, images))

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of images (N, channels, H, W), float32.

        Returns
        -------
        tuple of ndarray, float32
            Logits (N, C), then of every layer (N, K) sums of the activations and (N, K) of the gradients.

        Raises
        ------
        ModelError
            If a layer takes no part in a pass, runs more than once, or returns something else than one tensor.
        """
        found = self._shares(torch.from_numpy(images).to(self._device))
        return tuple(part.float().cpu().numpy() for part in found)


def layer_names(classifier: TorchClassifier) -> list[str]:
    """Names of layers whose states can be asked for: modules of modules, or all if there are none; the outer first."""
    network, outputs = classifier.network, dict[str, list[Any]]()

    def note(name: str) -> Any:
        return lambda _module, _inputs, output: outputs.setdefault(name, []).append(output)

    modules = {name: module for name, module in network.named_modules() if name not in ("", LAST, classifier.layer)}
    sides = classifier.preprocessing.size or (224, 224)
    with ExitStack() as hooked, torch.inference_mode():
        for name, module in modules.items():
            hooked.callback(module.register_forward_hook(note(name)).remove)
        network(torch.zeros(1, classifier.preprocessing.depth, *sides, device=classifier.device))
    usable = [
        name
        for name, found in outputs.items()
        if len(found) == 1 and isinstance(found[0], torch.Tensor) and found[0].ndim in (2, 3, 4)
    ]
    blocks = [name for name in usable if any(modules[name].children())]
    order = list(modules)
    return sorted(blocks or usable, key=lambda name: (name.count("."), order.index(name)))[:_LISTED]


def _states(network: nn.Module, layers: Sequence[str], last: str, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Logits, then of every layer the sums of activations and gradients."""
    caught: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> torch.Tensor:
            if not isinstance(output, torch.Tensor) or output.ndim not in (2, 3, 4):
                raise ModelError(f'The layer "{name}" does not return one tensor; name a layer inside or around it.')
            if name in caught:
                raise ModelError(f'The layer "{name}" runs more than once in a pass; name a layer that runs once.')
            # What came before the first layer needs no gradient; from there on, it is wanted of every layer.
            caught[name] = output if output.requires_grad else output.detach().requires_grad_()
            return caught[name].clone()  # the network may change it in place

        return hook

    with ExitStack() as hooked, torch.enable_grad(), heads.capture(network, last) as head:
        for name in layers:
            hooked.callback(network.get_submodule(name).register_forward_hook(keep(name)).remove)
        network(images)
        if absent := [name for name in layers if name not in caught]:
            raise ModelError(f'The layer "{absent[0]}" takes no part in a forward pass.')
        features, logits = head[-1]
        logits = logits.flatten(1)
        divergence = -functional.log_softmax(logits, dim=1).mean(dim=1).sum()  # up to a constant
        try:
            gradients = torch.autograd.grad(divergence, [caught[name] for name in layers])
        except RuntimeError as error:
            text = str(error)
            if "unused" in text or "does not require grad" in text:
                raise ModelError("The output does not depend on one of the layers; leave it out.") from None
            if "inplace operation" in text:
                name = type(network).__name__
                raise ModelError(f"No backward pass goes through {name}: {text.splitlines()[0]}") from None
            raise
    with torch.no_grad():
        found = [logits.detach()]
        for name, gradient in zip(layers, gradients, strict=True):
            found += _summed(network.get_submodule(name), caught[name].detach(), gradient, features.flatten(1))
    return tuple(found)


def _summed(
    layer: nn.Module, values: torch.Tensor, gradient: torch.Tensor, features: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Over height and width, or over tokens."""
    if values.ndim == 2:
        return values, gradient
    if values.ndim == 3:
        if values[:, 0].shape == features.shape and torch.equal(values[:, 0], features):
            return values[:, 0], gradient[:, 0]  # the class token
        return values.sum(dim=1), gradient.sum(dim=1)
    inner = (1, 2) if _channels_last(layer, tuple(values.shape[1:])) else (2, 3)
    return values.sum(dim=inner), gradient.sum(dim=inner)


def _channels_last(layer: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether the channels are the last of three dimensions, as in a Swin transformer, or the first.

    Raises
    ------
    ModelError
        If that cannot be told.
    """
    first, middle, last = shape
    if first == middle != last:  # maps are mostly square
        return True
    if middle == last != first:
        return False
    inside = list(layer.modules())
    narrow = {m.normalized_shape[-1] for m in inside if isinstance(m, nn.LayerNorm)}
    narrow |= {m.out_features for m in inside if isinstance(m, nn.Linear)}
    convolved = {m.out_channels for m in inside if isinstance(m, nn.Conv2d)}
    if (last in narrow) != (first in convolved):
        return last in narrow
    raise ModelError(
        f"The maps of a {type(layer).__name__} are {first} × {middle} × {last}: which of these are the channels cannot "
        "be told. Name a layer inside or around it, or use images of another size."
    )
