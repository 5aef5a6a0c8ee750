"""How a network is trained, as data; imports no torch."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentviz.latents import HeadKind

#: What happens to a training image: shifted and mirrored, shifted only (digits, radar chips), or nothing.
Augmentation = Literal["crop-flip", "crop", "none"]


class Recipe(BaseModel):
    """How a network is trained. The defaults are those of the DDU code, on which Haas, Yolland and Rabus build.

    Attributes
    ----------
    architecture : str
        A name of :func:`latentviz.models.names`.
    head : {"linear", "l2"}
        ``"l2"`` divides the features by their length just before the last layer.
    epochs : int
    batch : int
    rate : float
        Learning rate of SGD at its highest.
    momentum, weight_decay : float
    schedule : {"steps", "cosine"}
        A tenth from 2/3 and a hundredth from 5/6 of training, or half a cosine down to 0.
    warmup : int
        Epochs in which the rate rises linearly.
    augmentation : {"crop-flip", "crop", "none"}
    seed : int
        Of the weights, the order of the images and their augmentation.

    References
    ----------
    J. Mukhoti et al., Deep deterministic uncertainty, CVPR 2023, github.com/omegafragger/DDU.
    J. Haas, W. Yolland, B. Rabus, Linking neural collapse and L2 normalization with improved out-of-distribution
    detection in deep neural networks, TMLR 2023, arXiv 2209.08378.

    Examples
    --------
    >>> [round(Recipe(architecture="resnet20", epochs=60).rate_at(epoch), 6) for epoch in (0, 39, 40, 50)]
    [0.1, 0.1, 0.01, 0.001]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    head: HeadKind = "linear"
    epochs: int = Field(default=60, ge=1)
    batch: int = Field(default=128, ge=2)
    rate: float = Field(default=0.1, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    schedule: Literal["steps", "cosine"] = "steps"
    warmup: int = Field(default=0, ge=0)
    augmentation: Augmentation = "crop-flip"
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _warms_up_before_the_end(self) -> Recipe:
        if self.warmup >= self.epochs:
            raise ValueError(f"the rate rises for {self.warmup} of {self.epochs} epochs; warm up for fewer")
        return self

    def rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        if epoch < self.warmup:
            return self.rate * (epoch + 1) / (self.warmup + 1)
        if self.schedule == "cosine":
            share = (epoch - self.warmup) / (self.epochs - self.warmup)
            return self.rate * (1 + math.cos(math.pi * share)) / 2
        drops = (3 * epoch >= 2 * self.epochs) + (6 * epoch >= 5 * self.epochs)
        return self.rate * 0.1**drops


def kept_epochs(epochs: int, count: int) -> list[int]:
    """After which epochs a checkpoint is kept: about evenly on a log scale, the first and the last among them.

    Collapse is fastest at the start. Fewer than ``count`` where a scale of whole epochs has no more.

    Examples
    --------
    >>> kept_epochs(60, 6)
    [1, 2, 5, 12, 26, 60]
    >>> kept_epochs(3, 15)
    [1, 2, 3]
    """
    if count >= epochs:
        return list(range(1, epochs + 1))
    if count == 1:
        return [epochs]
    kept, number = {1, epochs}, 2
    while True:  # more points than asked for, as long as no more than that differ
        number += 1
        scale = {round(epochs ** (k / (number - 1))) for k in range(number)}
        if len(scale) > count:
            return sorted(kept)
        kept = scale
