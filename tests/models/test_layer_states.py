"""Sums of activations and gradients of inner layers, against a plain backward pass through the whole network."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import ModelError
from latentviz.models.classifier import wrap
from latentviz.models.layer_states import LayerStates, _channels_last, layer_names
from tests.transcription import by_backward

SMALL = Preprocessing(resize=(16, 16), mean=(0.5,), std=(0.25,))


class Net(nn.Module):
    """Stages, one of which changes its input in place; tokens at the end."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2), nn.BatchNorm2d(5))
        self.second = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(5, 6, 3, stride=2))
        self.unused = nn.Sequential(nn.Linear(2, 2))
        self.act = nn.ReLU()
        self.linear = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(self.first(x))
        return self.linear(self.act(self.act(x)).mean(dim=(2, 3)))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(70, 3, 16, 16)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("head", ["linear", "l2"])
def test_states_are_those_of_a_backward_pass_through_everything(threads, head, images):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)  # two threads: every core takes shares of the batch
    try:
        classifier = wrap(Net(), SMALL, head=head)
        found = LayerStates(classifier, ["first", "second", "second.1"])(images)
    finally:
        torch.set_num_threads(before)
    reference = wrap(Net(), SMALL, head=head).network
    for ours, theirs in zip(found, by_backward(reference, ["first", "second", "second.1"], images), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_tokens_are_summed_and_the_class_token_is_what_the_head_sees(images):
    from torchvision.models import vision_transformer

    torch.manual_seed(0)
    network = vision_transformer.VisionTransformer(16, 4, 2, 2, 12, 24, num_classes=5)
    nn.init.normal_(network.heads.head.weight)
    classifier = wrap(network, SMALL)
    layers = ["encoder.layers.encoder_layer_0", "encoder.ln"]
    logits, total, gradient, token, at_token = LayerStates(classifier, layers)(images[:20])
    reference = wrap(network, SMALL)
    expected = by_backward(reference.network, layers, images[:20])
    np.testing.assert_allclose(logits, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(total, expected[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient, expected[2], rtol=1e-3, atol=1e-6)
    features, _ = reference(images[:20])
    np.testing.assert_allclose(token, features, rtol=1e-5, atol=1e-6)
    weight = reference.head.weight.astype(np.float64)
    p = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    closed = (p / p.sum(axis=1, keepdims=True) - 1 / 5) @ weight
    np.testing.assert_allclose(at_token, closed, rtol=1e-3, atol=1e-5)


def test_a_module_cannot_have_the_name_of_the_features(images):
    network = nn.Sequential(OrderedDict(last=nn.Conv2d(3, 4, 3), flat=nn.Flatten(), end=nn.Linear(784, 2)))
    classifier = wrap(network, SMALL)
    assert layer_names(classifier) == ["flat"]
    with pytest.raises(ModelError, match='"last" means the penultimate features'):
        LayerStates(classifier, ["last"])


def test_channels_that_come_last_are_not_summed(images):
    from torchvision.models import swin_transformer

    torch.manual_seed(0)
    network = swin_transformer.SwinTransformer([2, 2], 12, [1, 1], [2, 2], [2, 2], num_classes=3)
    found = LayerStates(wrap(network, SMALL), ["features.0", "features.1"])(images[:3])
    assert [part.shape for part in found] == [(3, 3), (3, 12), (3, 12), (3, 12), (3, 12)]


@pytest.mark.parametrize("layer", ["features.1.0.attn", "features.1.0.mlp", "features.2"])
def test_channels_come_last_inside_of_a_swin_block_too(layer, images):
    from torchvision.models import swin_transformer

    torch.manual_seed(0)
    network = swin_transformer.SwinTransformer([2, 2], 12, [1, 1], [2, 2], [2, 2], num_classes=3)
    width = 24 if layer == "features.2" else 12
    assert LayerStates(wrap(network, SMALL), [layer])(images[:3])[1].shape == (3, width)


@pytest.mark.parametrize(
    ("module", "shape", "last"),
    [
        (nn.Linear(3, 8), (7, 5, 8), True),
        (nn.Conv2d(3, 8, 1), (8, 7, 5), False),
        (nn.Conv2d(3, 8, 1), (8, 7, 7), False),
        (nn.Sequential(nn.LayerNorm(8), nn.Conv2d(8, 8, 1)), (8, 5, 7), False),
        (nn.Linear(3, 8), (8, 8, 8), True),
    ],
)
def test_which_dimension_the_channels_are(module, shape, last):
    assert _channels_last(module, shape) == last


def test_maps_that_cannot_be_told_are_refused():
    with pytest.raises(ModelError, match="which of these are the channels cannot be told"):
        _channels_last(nn.Identity(), (7, 5, 8))


def test_layers_are_listed_the_outer_ones_first():
    assert layer_names(wrap(Net(), SMALL)) == ["first", "second"]
    flat = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert layer_names(wrap(flat, SMALL)) == ["0", "1", "2"]


class Broken(Net):
    """Changes in place what its own backward pass needs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.first(x))
        return self.linear(self.act(self.second(x)).mean(dim=(2, 3)))


def test_a_network_without_a_backward_pass_is_told(images):
    with pytest.raises(ModelError, match=r"No backward pass goes through Broken: .* inplace operation"):
        LayerStates(wrap(Broken(), SMALL), ["first"])(images[:2])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["third"], 'Net has no layer "third"; it has first, second'),
        ([""], 'has no layer ""'),
        (["linear"], 'is the last layer: its states are made of the features, and are called "last"'),
        (["unused"], 'The layer "unused" takes no part in a forward pass'),
        (["act"], 'The layer "act" runs more than once in a pass'),
    ],
)
def test_layers_that_have_no_states(layers, message, images):
    with pytest.raises(ModelError, match=message):
        LayerStates(wrap(Net(), SMALL), layers)(images[:2])
