"""The last linear layer: the L2-normalised variant, and how to find it in any network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from latentviz.errors import ModelError
from latentviz.latents import L2_EPSILON, Head, HeadKind


class L2Linear(nn.Linear):
    """Linear layer on features divided by their Euclidean length.

    ``logits = W · z / max(‖z‖₂, 1e-12) + b``, plain cross-entropy, no temperature
    (Haas, Yolland, Rabus 2023, arXiv 2209.08378). The parameters carry the names of
    ``nn.Linear``, so that a checkpoint fits both heads.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, C) of features of shape (N, D)."""
        return super().forward(functional.normalize(input, dim=1, eps=L2_EPSILON))


def replace_layer(network: nn.Module, name: str, layer: nn.Module) -> None:
    """Put ``layer`` in the place of the submodule called ``name``."""
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, layer)


def with_l2_head(network: nn.Module, name: str) -> None:
    """Turn the linear layer called ``name`` into an :class:`L2Linear` with the same weights."""
    old = network.get_submodule(name)
    if not isinstance(old, nn.Linear):
        raise ModelError(f'"{name}" is a {type(old).__name__}, not a linear layer; it cannot get an L2 head.')
    new = L2Linear(
        old.in_features,
        old.out_features,
        bias=old.bias is not None,
        device=old.weight.device,
        dtype=old.weight.dtype,
    )
    new.load_state_dict(old.state_dict())
    replace_layer(network, name, new)


def find_last_linear(network: nn.Module, example: torch.Tensor) -> str:
    """Name of the linear layer whose output is the network's output.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    example : Tensor of shape (1, channels, height, width)

    Raises
    ------
    ModelError
        If no linear layer, or more than one, returns the network's output; the message
        lists the linear layers there are, any of which can be named instead.
    """
    outputs: list[tuple[str, torch.Tensor]] = []
    linear = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    hooks = [
        # A copy: what the network does to its output in place must not pass for the layer's own.
        module.register_forward_hook(lambda _m, _i, out, name=name: outputs.append((name, out.clone())))
        for name, module in linear
    ]
    try:
        with torch.inference_mode():
            final = only_tensor(network(example))
    finally:
        for hook in hooks:
            hook.remove()
    if not torch.isfinite(final).all():
        raise ModelError(
            f"{type(network).__name__} answers a black image with NaN or infinity; its weights may be damaged, or "
            "belong to another network."
        )
    found = {name for name, out in outputs if out.shape == final.shape and torch.equal(out, final)}
    if len(found) == 1:
        return found.pop()
    listed = ", ".join(f"{name or '(the network itself)'} ({m.in_features} → {m.out_features})" for name, m in linear)
    if not linear:
        raise ModelError(f"{type(network).__name__} has no linear layer, so it has no penultimate features.")
    problem = "several linear layers return" if found else "no linear layer returns"
    raise ModelError(
        f"In {type(network).__name__} {problem} the network's output; name the last one yourself "
        f"(--layer NAME). Linear layers: {listed}."
    )


def only_tensor(output: Any) -> torch.Tensor:
    """The logits in what a network returns: a tensor, or the first tensor of a tuple, list or dict."""
    if isinstance(output, dict):
        output = next((output[k] for k in ("logits", "out") if k in output), next(iter(output.values()), None))
    while isinstance(output, tuple | list) and len(output) > 0:
        output = output[0]
    if not isinstance(output, torch.Tensor):
        raise ModelError(f"The network returns {type(output).__name__}; expected a tensor of logits.")
    return output


@contextmanager
def capture(network: nn.Module, name: str) -> Iterator[list[tuple[torch.Tensor, torch.Tensor]]]:
    """While active, every call of the layer ``name`` appends its input and output to the yielded list."""
    caught: list[tuple[torch.Tensor, torch.Tensor]] = []

    def keep(_layer: nn.Module, args: tuple[Any, ...], named: dict[str, Any], output: torch.Tensor) -> None:
        given = args[0] if args else next(iter(named.values()))
        # Copies: what the network does to them in place afterwards is not the layer's.
        caught.append((given.clone(), output.clone()))

    hook = network.get_submodule(name).register_forward_hook(keep, with_kwargs=True)
    try:
        yield caught
    finally:
        hook.remove()


def read_head(layer: nn.Module) -> Head:
    """Weights and kind of a linear layer as arrays."""
    if not isinstance(layer, nn.Linear):
        raise ModelError(f"The layer is a {type(layer).__name__}; the last layer must be linear.")
    weight = layer.weight.detach().float().cpu().numpy()
    bias = torch.zeros(len(weight)) if layer.bias is None else layer.bias.detach().float().cpu()
    kind: HeadKind = "l2" if isinstance(layer, L2Linear) else "linear"
    return Head(weight, bias.numpy(), kind)
