"""Networks by name: ours, and every torchvision classifier."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torchvision import models as torchvision_models
from torchvision.models import WeightsEnum, resnet

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import ModelError
from latentviz.models.cifar import CifarResNet, small_stem
from latentviz.models.plain import PlainNetwork

#: Normalisation of the published CIFAR ResNets and of torchvision's ImageNet weights.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Architecture:
    """A network that can be built by name.

    Attributes
    ----------
    name, title : str
    build : callable(num_classes, channels) -> nn.Module
    preprocessing : Preprocessing
        What its published weights expect; the default when the user says nothing.
    renames : tuple of (str, str)
        Other names under which published checkpoints carry the same layers.
    """

    name: str
    title: str
    build: Callable[[int, int], nn.Module]
    preprocessing: Preprocessing
    renames: tuple[tuple[str, str], ...] = ()


_ARCHITECTURES: dict[str, Architecture] = {}


def register(architecture: Architecture) -> None:
    """Add an architecture; a second one under the same name is an error."""
    if architecture.name in _ARCHITECTURES:
        raise ModelError(f'An architecture called "{architecture.name}" is registered already.')
    _ARCHITECTURES[architecture.name] = architecture


def own_architectures() -> tuple[Architecture, ...]:
    """The registered networks for small images, in order of registration."""
    return tuple(_ARCHITECTURES.values())


def names() -> list[str]:
    """Every name :func:`architecture` accepts: ours first, then torchvision's classifiers."""
    classifiers = torchvision_models.list_models(module=torchvision_models)
    return [*_ARCHITECTURES, *(name for name in classifiers if name not in _ARCHITECTURES)]


def architecture(name: str) -> Architecture:
    """Look a network up by name.

    Raises
    ------
    ModelError
        If there is none, with the nearest names.
    """
    if name in _ARCHITECTURES:
        return _ARCHITECTURES[name]
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ModelError(f'There is no architecture called "{name}".{hint} `latentviz models` lists all.')
    return Architecture(name, f"torchvision {name}", _torchvision_builder(name), weights_preprocessing(name))


def weights_preprocessing(name: str, weights: str | None = None) -> Preprocessing:
    """The transform that torchvision ships with weights, as :class:`Preprocessing`.

    Parameters
    ----------
    name : str
        torchvision model name.
    weights : str, optional
        Name of the weights, e.g. ``"IMAGENET1K_V2"``; the model's default ones if left out.
    """
    transform = published_weights(name, weights).transforms()
    return Preprocessing(
        channels="rgb",
        resize=transform.resize_size[0],
        interpolation=transform.interpolation.value,
        crop=transform.crop_size[0],
        mean=tuple(transform.mean),
        std=tuple(transform.std),
    )


def published_weights(name: str, weights: str | None = None) -> WeightsEnum:
    """torchvision's weights by name, not downloaded yet; the model's default ones if left out.

    Raises
    ------
    ModelError
        If there are none of that name; lists those there are.
    """
    if name in _ARCHITECTURES:
        raise ModelError(f"There are no published weights for {name}; give a checkpoint file.")
    enum = torchvision_models.get_model_weights(name)
    if weights is not None and weights not in enum.__members__:
        listed = ", ".join(member.name for member in enum)
        raise ModelError(f'{name} has no weights called "{weights}"; there are {listed}.')
    return enum[weights or "DEFAULT"]


def _torchvision_builder(name: str) -> Callable[[int, int], nn.Module]:
    def build(num_classes: int, channels: int) -> nn.Module:
        network = torchvision_models.get_model(name, weights=None, num_classes=num_classes)
        if channels != 3:
            first, conv = next((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d))
            fresh = nn.Conv2d(
                channels,
                conv.out_channels,
                conv.kernel_size,
                conv.stride,
                conv.padding,
                bias=conv.bias is not None,
            )
            parent, _, child = first.rpartition(".")
            setattr(network.get_submodule(parent), child, fresh)
        return network

    return build


def _cifar(depth: int, latent: int | None = None) -> Architecture:
    def build(num_classes: int, channels: int) -> nn.Module:
        return CifarResNet((depth - 2) // 6, num_classes, channels, latent)

    name, title = f"resnet{depth}", f"CIFAR ResNet-{depth} (option A)"
    if latent is not None:
        name, title = f"{name}-{latent}", f"{title} with {latent} features"
    return Architecture(name, title, build, SMALL, (("fc.", "linear."),))


def _small_stem(depth: int, block: type, layers: list[int]) -> Architecture:
    def build(num_classes: int, channels: int) -> nn.Module:
        return small_stem(block, layers, num_classes, channels)

    renames = (("linear.", "fc."), (".shortcut.", ".downsample."))
    return Architecture(f"resnet{depth}_32", f"ResNet-{depth}, 32×32 stem", build, SMALL, renames)


def _plain(widths: tuple[int, ...]) -> Architecture:
    def build(num_classes: int, channels: int) -> nn.Module:
        return PlainNetwork(widths, num_classes, channels)

    return Architecture(f"cnn{len(widths)}", f"{len(widths)} convolutions, for small data", build, SMALL)


SMALL = Preprocessing(channels="rgb", resize=(32, 32), mean=IMAGENET_MEAN, std=IMAGENET_STD)

for _depth in (20, 32, 44, 56):
    register(_cifar(_depth))
register(_cifar(20, latent=256))
register(_small_stem(18, resnet.BasicBlock, [2, 2, 2, 2]))
register(_small_stem(50, resnet.Bottleneck, [3, 4, 6, 3]))
for _widths in ((16, 32, 64), (16, 32, 64, 128)):
    register(_plain(_widths))


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network without allocating or initialising its weights."""
    try:
        with torch.device("meta"):
            return build()
    except NotImplementedError:  # RegNet computes its widths with tensors, which need values
        return build()
