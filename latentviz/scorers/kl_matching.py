"""KL-Matching (Hendrycks et al. 2022, arXiv 1911.11132)."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.info import Family, Needs, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.torch_ood import LIBRARY, LogitsDetector


@register
class KLMatching(LogitsDetector):
    r"""Predictions unlike every class's typical one are out-of-distribution.

    .. math:: s(x) = \min_c \mathrm{KL}(p(x) \,\|\, \bar p_c)

    with the mean prediction of the samples that are predicted as c. The paper takes them from validation data;
    here they come from the ``fit`` set, whose predictions are surer.
    """

    info = ScorerInfo(
        name="kl-matching",
        title="KL-Matching",
        family=Family.LOGITS,
        formula=r"\min_c \mathrm{KL}(p \,\|\, \bar p_c)",
        needs=Needs.LOGITS | Needs.FIT,
        paper=Paper(
            "Scaling Out-of-Distribution Detection for Real-World Settings",
            "ICML",
            2022,
            "https://arxiv.org/abs/1911.11132",
        ),
        library=LIBRARY,
    )

    def _fit(self, latents: Latents) -> None:
        import torch
        from pytorch_ood.detector import KLMatching as Detector

        fitted = Detector(None).fit_logits(torch.from_numpy(latents.logits.astype(np.float64)))
        self.typical_ = torch.stack(list(fitted.dists.values())).numpy()

    def _detector(self) -> Any:
        import torch
        from pytorch_ood.detector import KLMatching as Detector

        detector = Detector(None)
        for number, typical in enumerate(self.typical_):
            detector.dists[str(number)] = torch.nn.Parameter(torch.from_numpy(typical), requires_grad=False)
        return detector
