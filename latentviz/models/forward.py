"""Passes of a network over a batch, with every core at work."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import torch
from torch import nn

from latentviz.errors import ModelError
from latentviz.models import heads

#: Images that a core takes at least: with fewer, starting an operation costs more than the operation.
_SHARE = 16

#: Shares of a batch that there are for each core: a core that also does something else takes fewer.
_SHARES = 2

#: What is made of a share of the images: tensors with one row an image.
Pass = Callable[[nn.Module, torch.Tensor], tuple[torch.Tensor, ...]]


class Shares:
    """Passes of a network in evaluation mode.

    On a CPU torch divides every single operation among its threads, which then wait for each other: as soon as
    anything else runs on one of the cores, most of the time is that wait. Here every core takes shares of the
    batch through the whole network instead (on two busy cores about twice as fast; benchmarks/extraction.py).

    Parameters
    ----------
    network : nn.Module
    work : callable
        Takes a network and images (n, channels, H, W), gives tensors of n rows.
    """

    def __init__(self, network: nn.Module, work: Pass) -> None:
        self._work = work
        # A network's own code may keep things in its modules during a forward pass: one network a share.
        self._networks = [network]
        self._pool: ThreadPoolExecutor | None = None

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The tensors of all images (N, channels, H, W)."""
        cores = torch.get_num_threads()
        shares = min(_SHARES * cores, len(images) // _SHARE) if images.device.type == "cpu" else 1
        if min(cores, shares) < 2 or not self._has_networks(shares):
            return self._work(self._networks[0], images)
        threads = max(1, cores // shares)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(cores, thread_name_prefix="forward")
        try:
            parts = zip(
                *self._pool.map(self._with_threads, repeat(threads), self._networks, images.chunk(shares)),
                strict=True,
            )
            return tuple(torch.cat(tensors) for tensors in parts)
        finally:
            torch.set_num_threads(cores)  # part of the setting is the whole process's

    def _with_threads(self, threads: int, network: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        torch.set_num_threads(threads)
        return self._work(network, images)

    def _has_networks(self, count: int) -> bool:
        """Make that many networks; False if this one cannot be copied."""
        try:
            while len(self._networks) < count:
                self._networks.append(_twin(self._networks[0]))
        except Exception:  # a network's attributes can be anything
            return False
        return True


class Forward(Shares):
    """Features and logits of images; see :class:`Shares`.

    Parameters
    ----------
    network : nn.Module
    layer : str
        Name of the layer whose input are the features and whose output are the logits.
    """

    def __init__(self, network: nn.Module, layer: str) -> None:
        super().__init__(network, lambda twin, images: _features_and_logits(twin, layer, images))

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (N, D) and logits (N, C) of images (N, channels, H, W)."""
        features, logits = super().__call__(images)
        return features, logits


def _twin(network: nn.Module) -> nn.Module:
    """Modules of its own on the same weights."""
    return copy.deepcopy(network, {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())})


def _features_and_logits(network: nn.Module, layer: str, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.inference_mode(), heads.capture(network, layer) as caught:
        network(images)
    if not caught:
        raise ModelError(f'The layer "{layer}" takes no part in a forward pass; name the last linear layer that does.')
    features, logits = caught[-1]
    return features.flatten(1), logits.flatten(1)
