"""pytorch-ood's detectors that convert everything to float32, held to ours in float64, on a real network's features."""

import numpy as np
import pytest
import torch
from pytorch_ood import detector as reference

from latentviz.latents import Head
from latentviz.scorers import make


def in_double(head: Head) -> torch.nn.Linear:
    layer = torch.nn.Linear(head.width, head.classes, dtype=torch.float64)
    layer.weight.data, layer.bias.data = (torch.from_numpy(a.astype(np.float64)) for a in (head.weight, head.bias))
    return layer


@pytest.mark.parametrize(
    ("name", "parameters", "detector"),
    [
        ("vim", {"dimension": 20}, lambda head: reference.ViM(None, 20, head.weight, head.bias)),
        ("vim", {}, lambda head: reference.ViM(None, 32, head.weight, head.bias)),
        ("pnml", {}, lambda head: reference.PNML(None, head)),
    ],
)
def test_scores_are_pytorch_oods(cifar_latents, monkeypatch, name, parameters, detector):
    fit, asked = cifar_latents["train"], cifar_latents["textures"]
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    built = detector(in_double(fit.head))
    built.fit_features(torch.from_numpy(fit.features), torch.from_numpy(fit.labels))
    with torch.no_grad():
        theirs = built.predict_features(torch.from_numpy(asked.features)).numpy()
    assert theirs.dtype == np.float64
    ours = make(name, parameters).fit(fit).score(asked)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())
