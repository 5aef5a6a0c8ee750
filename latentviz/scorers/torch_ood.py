"""Published detectors, run by pytorch-ood on features that are there already."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from latentviz.latents import Head, Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.shared import in_space, log_sum_exp

#: `ScorerInfo.library` of what is run by it.
LIBRARY = "pytorch-ood"

# Largest score: its square is still a number.
_LARGEST = 1e150


class FeaturesDetector(Scorer):
    """A detector of pytorch-ood that takes features; what an L2 head sees, if the network has one."""

    #: Name of the method that scores; feature maps are (n, D, 1, 1).
    predict: ClassVar[str] = "predict_features"
    #: What it calculates in.
    precision: ClassVar[type[np.floating]] = np.float32

    @abstractmethod
    def _detector(self, head: Any) -> Any:
        """The detector, as it is after fitting, with the last layer as a ``torch.nn.Linear``."""

    def _score(self, latents: Latents) -> np.ndarray:
        import torch

        assert latents.head is not None
        features = torch.from_numpy(np.ascontiguousarray(in_space(latents, "head"), dtype=self.precision))
        if self.predict == "predict_feature_maps":
            features = features[:, :, None, None]
        with torch.inference_mode():
            detector = self._detector(linear(latents.head).to(features.dtype))
            return getattr(detector, self.predict)(features).numpy()


class ShapedDetector(FeaturesDetector):
    """A detector of pytorch-ood that shapes feature maps; the pooled features are maps of one pixel.

    A sample without positive features has nothing to shape: where that leaves no number, its score is the energy.
    """

    predict = "predict_feature_maps"

    def _score(self, latents: Latents) -> np.ndarray:
        scores = super()._score(latents).astype(np.float64)
        lost = np.isnan(scores)
        active = (in_space(latents, "head")[lost] > 0).any(axis=1)
        # Features of both signs can add up to about 0, and what is divided by that overflows.
        scores[lost] = np.where(active, -_LARGEST, -log_sum_exp(latents)[lost])
        return scores.clip(-_LARGEST, _LARGEST)


def share_below(percentile: float, head: Any) -> float:
    """Share of a sample's activations below a percentile; at least one is above it."""
    return min(percentile / 100, 1 - 1 / head.in_features)


def linear(head: Head) -> Any:
    """The last layer as a ``torch.nn.Linear``; an L2 head's on features that are normalised already."""
    import torch

    layer = torch.nn.utils.skip_init(torch.nn.Linear, head.width, head.classes)  # draws no random numbers
    layer.weight.data, layer.bias.data = torch.from_numpy(head.weight), torch.from_numpy(head.bias)
    return layer


def on_maps(head: Any) -> Callable[[Any], Any]:
    """The last layer on feature maps (n, D, 1, 1)."""
    return lambda maps: head(maps.flatten(1))
