"""Simplified Hopfield energy (Zhang et al. 2023)."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import class_sums, in_space
from latentviz.scorers.torch_ood import LIBRARY, FeaturesDetector


@register
class SHE(FeaturesDetector):
    r"""Features unlike the predicted class's pattern are out-of-distribution.

    .. math:: s(x) = -\langle z(x), S_{\hat y} \rangle

    with the mean features of the training samples that are correctly classified as ŷ. A class of which no training
    sample is correctly classified gets the mean of all of them, where pytorch-ood gives up.

    Attributes
    ----------
    patterns_ : ndarray of shape (C, D), float32
    """

    info = ScorerInfo(
        name="she",
        title="SHE",
        family=Family.FEATURES,
        formula=r"-\langle z, S_{\hat y} \rangle",
        needs=Needs.FEATURES | Needs.HEAD | Needs.FIT | Needs.LABELS,
        paper=Paper(
            "Out-of-Distribution Detection based on In-Distribution Data Patterns Memorization with Modern Hopfield "
            "Energy",
            "ICLR",
            2023,
            "https://openreview.net/forum?id=KkazG4lgKL",
        ),
        library=LIBRARY,
    )

    def _fit(self, latents: Latents) -> None:
        sums = np.zeros((latents.classes, latents.width))
        counts = np.zeros(latents.classes)
        for block in latents.blocks():
            predicted = block.logits.argmax(axis=1)
            right = predicted == block.labels
            sums += class_sums(in_space(block, "head")[right], predicted[right], latents.classes)
            counts += np.bincount(predicted[right], minlength=latents.classes)
        if not counts.any():
            raise ScorerError(
                f"{self.info.title} needs training samples that are classified correctly; none of the {len(latents):,} "
                "is. Check that their labels are the model's classes."
            )
        overall = sums.sum(axis=0) / counts.sum()
        patterns = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], overall)
        self.patterns_ = patterns.astype(np.float32)

    def _detector(self, head: Any) -> Any:
        import torch
        from pytorch_ood.detector import SHE as Detector

        detector = Detector(None, head)
        detector.patterns = torch.from_numpy(self.patterns_)
        return detector
