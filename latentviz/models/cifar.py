"""Residual networks for 32×32 images (He et al. 2016, arXiv 1512.03385, section 4.2)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import resnet


class BasicBlock(nn.Module):
    """Two 3×3 convolutions; the option-A shortcut subsamples and pads with zero channels."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.padding = stride, (outputs - inputs) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps of shape (N, outputs, H/stride, W/stride)."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.stride != 1 or self.padding:
            x = x[:, :, :: self.stride, :: self.stride]
            x = functional.pad(x, (0, 0, 0, 0, self.padding, self.padding))
        return functional.relu(y + x)


class CifarResNet(nn.Module):
    """ResNet-(6n+2) with 16, 32 and 64 channels and a 64-dimensional penultimate layer.

    The modules carry the names of the widely used checkpoints of Y. Idelbayev's
    ``pytorch_resnet_cifar10`` (``conv1``, ``layer1.0.conv1`` …, ``linear``).

    Parameters
    ----------
    blocks : int
        Residual blocks a stage (n): 3 for ResNet-20, 5 for -32, 7 for -44, 9 for -56.
    num_classes, channels : int
    latent : int, optional
        Features, by one more layer with ReLU (``embedding``) after the mean over the map; 64 without it.
    """

    def __init__(self, blocks: int, num_classes: int = 10, channels: int = 3, latent: int | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, blocks, 1)
        self.layer2 = self._stage(16, 32, blocks, 2)
        self.layer3 = self._stage(32, 64, blocks, 2)
        self.embedding = nn.Identity() if latent is None else nn.Sequential(nn.Linear(64, latent), nn.ReLU())
        self.linear = nn.Linear(latent or 64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    @staticmethod
    def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
        first = BasicBlock(inputs, outputs, stride)
        return nn.Sequential(first, *(BasicBlock(outputs, outputs, 1) for _ in range(blocks - 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, C)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(self.embedding(x.mean(dim=(2, 3))))


def small_stem(block: type, layers: list[int], num_classes: int = 10, channels: int = 3) -> nn.Module:
    """torchvision's ResNet with the stem for small images: one 3×3 convolution, no pooling."""
    network = resnet.ResNet(block, layers, num_classes=num_classes)
    network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network
