"""Published detectors, run by pytorch-ood on features and logits that are there already."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from latentviz.latents import Head, Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.shared import in_space

#: `ScorerInfo.library` of what is run by it.
LIBRARY = "pytorch-ood"

# Rows at a time: DICE multiplies every feature with every weight before it sums.
_ROWS = 512


class LogitsDetector(Scorer):
    """A detector of pytorch-ood that takes logits."""

    @abstractmethod
    def _detector(self) -> Any:
        """The detector, as it is after fitting."""

    def _score(self, latents: Latents) -> np.ndarray:
        import torch

        # In float64: the probabilities that small entropies are made of have few digits in float32.
        with torch.inference_mode():
            return self._detector().predict_logits(torch.from_numpy(latents.logits.astype(np.float64))).numpy()


class FeaturesDetector(Scorer):
    """A detector of pytorch-ood that takes features; what an L2 head sees, if the network has one."""

    #: Name of the method that scores; feature maps are (n, D, 1, 1).
    predict = "predict_features"

    @abstractmethod
    def _detector(self, head: Any) -> Any:
        """The detector, as it is after fitting, with the last layer as a ``torch.nn.Linear``."""

    def _score(self, latents: Latents) -> np.ndarray:
        import torch

        assert latents.head is not None
        detector = self._detector(linear(latents.head))
        features = torch.from_numpy(np.ascontiguousarray(in_space(latents, "head"), dtype=np.float32))
        if self.predict == "predict_feature_maps":
            features = features[:, :, None, None]
        scores = getattr(detector, self.predict)
        with torch.inference_mode():
            return torch.cat([scores(part) for part in features.split(_ROWS)]).numpy()


class ShapedDetector(FeaturesDetector):
    """A detector of pytorch-ood that shapes feature maps; the pooled features are maps of one pixel.

    Where all features are 0 there is nothing to shape, and the score is the energy of the bias alone.
    """

    predict = "predict_feature_maps"

    def _score(self, latents: Latents) -> np.ndarray:
        assert latents.head is not None
        scores = super()._score(latents)
        bias = -float(np.log(np.exp(latents.head.bias.astype(np.float64)).sum()))
        limit = float(np.finfo(np.float32).max)  # factors overflow where features are negative
        return np.nan_to_num(scores.astype(np.float64), nan=bias, posinf=limit, neginf=-limit)


def share_below(percentile: float, head: Any) -> float:
    """Share of a sample's activations below a percentile; at least one is above it."""
    return min(percentile / 100, 1 - 1 / head.in_features)


def linear(head: Head) -> Any:
    """The last layer as a ``torch.nn.Linear``; an L2 head's on features that are normalised already."""
    import torch

    layer = torch.nn.Linear(head.width, head.classes)
    layer.weight.data, layer.bias.data = torch.from_numpy(head.weight), torch.from_numpy(head.bias)
    return layer


def on_maps(head: Any) -> Callable[[Any], Any]:
    """The last layer on feature maps (n, D, 1, 1)."""
    return lambda maps: head(maps.flatten(1))
