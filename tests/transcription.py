"""Neuron coverage as its authors' code defines it, slowly: intervals compared one by one, states by backward passes."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from latentviz.latents import Latents


def edges_of_the_definition(bins: int) -> list[float]:
    n = bins // 2
    a = [math.log(1 + j * (math.sqrt(1000) - 1) / (n - 1), 1000) for j in range(n - 1)] + [0.5]
    upper = [1 - value for value in reversed(a)]
    return [*a[:-1], *upper[:-1], upper[-1] + 0.01, 1.2]


def intervals(states: np.ndarray, bins: int) -> np.ndarray:
    """Whether each state lies in each bin (M − 1, N, K), by comparison."""
    edges = edges_of_the_definition(bins)
    return np.array([(low <= states) & (states < high) for low, high in pairwise(edges)])


def transcribed(profile: np.ndarray, states: np.ndarray, bins: int, enough: float) -> np.ndarray:
    """NAC-UE's coverage (N,) of states (N, K), as section 3 of the paper's code says it, without any shortcut."""
    phi = np.minimum(intervals(profile, bins).sum(axis=1) / (enough * len(profile) / 1000), 1)
    inside = intervals(states, bins)
    assert (inside.sum(axis=0) == 1).all()
    return (inside * phi[:, None]).sum(axis=0).mean(axis=1)


def autograd_products(latents: Latents) -> np.ndarray:
    """``z ⊙ ∂D_KL(u‖p)/∂z`` in float64 by a backward pass through the head."""
    assert latents.head is not None
    z = torch.from_numpy(latents.features.astype(np.float64)).requires_grad_()
    weight, bias = (torch.from_numpy(x.astype(np.float64)) for x in (latents.head.weight, latents.head.bias))
    logits = functional.linear(functional.normalize(z, dim=1) if latents.head.kind == "l2" else z, weight, bias)
    uniform = torch.full_like(logits, 1 / logits.shape[1])
    functional.kl_div(functional.log_softmax(logits, dim=1), uniform, reduction="sum").backward()
    assert z.grad is not None
    return (z * z.grad).detach().numpy()


def by_backward(network: nn.Module, layers: list[str], images: np.ndarray) -> list[np.ndarray]:
    """Of every layer the sums of ``z`` and of ``∂D_KL(u‖p)/∂z`` over all but the first and the channel dimension."""
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str):
        def hook(_module, _inputs, output):
            output.retain_grad()
            kept[name] = output
            return output.clone()  # the next layer changes it in place

        return hook

    hooks = [network.get_submodule(name).register_forward_hook(keep(name)) for name in layers]
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    logits = network(torch.from_numpy(images))
    uniform = torch.full_like(logits, 1 / logits.shape[1])
    functional.kl_div(functional.log_softmax(logits, dim=1), uniform, reduction="sum").backward()
    for hook in hooks:
        hook.remove()
    found = [logits.detach().numpy()]
    for name in layers:
        z, g = kept[name].detach(), kept[name].grad
        dims = {2: (), 3: (1,), 4: (2, 3)}[z.ndim]
        found += [x.sum(dim=dims).numpy() if dims else x.numpy() for x in (z, g)]
    return found
