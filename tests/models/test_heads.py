"""The L2 head's properties, and finding the last linear layer of networks of all kinds."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision import models as torchvision_models

from latentviz.errors import ModelError
from latentviz.models import heads


@pytest.fixture
def l2() -> heads.L2Linear:
    torch.manual_seed(0)
    return heads.L2Linear(16, 5)


@pytest.mark.parametrize("scale", [1e-3, 0.5, 7.0, 1e4])
def test_l2_logits_do_not_depend_on_the_length_of_the_features(l2, scale):
    z = torch.randn(6, 16)
    torch.testing.assert_close(l2(scale * z), l2(z), atol=1e-5, rtol=1e-5)


def test_l2_loss_sends_no_gradient_along_the_features(l2):
    z = torch.randn(32, 16, dtype=torch.float64, requires_grad=True)
    loss = functional.cross_entropy(l2.double()(z), torch.arange(32) % 5, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, z)
    assert gradient.norm(dim=1).min() > 1e-3
    torch.testing.assert_close((z * gradient).sum(dim=1), torch.zeros(32, dtype=torch.float64), atol=1e-12, rtol=0)


def test_l2_and_linear_heads_share_their_checkpoints(l2):
    plain = nn.Linear(16, 5)
    plain.load_state_dict(l2.state_dict())
    z = functional.normalize(torch.randn(4, 16))
    torch.testing.assert_close(plain(z), l2(z))
    assert list(plain.state_dict()) == list(l2.state_dict())


@pytest.mark.parametrize("bias", [True, False])
def test_swapping_the_head_keeps_weights_dtype_and_place(bias):
    network = nn.Sequential(nn.Flatten(), nn.ModuleDict({"last": nn.Linear(4, 3, bias=bias, dtype=torch.float64)}))
    before = network.state_dict()
    heads.with_l2_head(network, "1.last")
    after = network.state_dict()
    assert isinstance(network.get_submodule("1.last"), heads.L2Linear)
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) and after[name].dtype == torch.float64 for name in before)


def test_only_linear_layers_can_get_an_l2_head():
    with pytest.raises(ModelError, match='"0" is a Conv2d, not a linear layer'):
        heads.with_l2_head(nn.Sequential(nn.Conv2d(1, 1, 1)), "0")


def test_head_as_arrays(l2):
    z = torch.randn(3, 16)
    head = heads.read_head(l2)
    assert head.kind == "l2"
    np.testing.assert_allclose(head.logits(z.numpy()), l2(z).detach().numpy(), atol=1e-6)
    assert heads.read_head(nn.Linear(4, 2, bias=False)).bias.tolist() == [0, 0]


# --- the last linear layer ---


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("resnet18", "fc", 64),
        ("mobilenet_v3_small", "classifier.3", 64),
        ("densenet121", "classifier", 64),
        ("swin_t", "head", 64),
        ("squeezenet1_1", None, 64),
    ],
)
def test_last_linear_layer_of_published_networks(name, layer, size):
    network = torchvision_models.get_model(name, weights=None, num_classes=10).eval()
    image = torch.rand(1, 3, size, size)
    if layer is None:
        with pytest.raises(ModelError, match="no linear layer"):
            heads.find_last_linear(network, image)
    else:
        assert heads.find_last_linear(network, image) == layer


def test_last_linear_layer_of_a_transformer_with_attention():
    network = torchvision_models.VisionTransformer(32, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8)
    nn.init.normal_(network.heads.head.weight)
    assert heads.find_last_linear(network.eval(), torch.rand(1, 3, 32, 32)) == "heads.head"


def test_last_of_several_linear_layers():
    network = torchvision_models.vgg11(num_classes=10, init_weights=False)
    network.features = nn.AdaptiveAvgPool2d(1)  # VGG's classifier alone
    network.classifier[0] = nn.Linear(3 * 7 * 7, 4096)
    assert heads.find_last_linear(network.eval(), torch.rand(1, 3, 8, 8)) == "classifier.6"


def test_a_softmax_at_the_end_hides_the_layer_and_the_message_lists_all():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=1))
    with pytest.raises(ModelError, match=r"no linear layer returns .* 1 \(12 → 8\), 3 \(8 → 3\)"):
        heads.find_last_linear(network, torch.rand(1, 3, 2, 2))


class InPlaceTemperature(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        logits = self.fc(x.flatten(1))
        logits /= 2
        return logits


def test_logits_changed_in_place_are_not_the_layers():
    with pytest.raises(ModelError, match="no linear layer returns"):
        heads.find_last_linear(InPlaceTemperature().eval(), torch.rand(1, 3, 2, 2))


def test_two_layers_that_return_the_output_are_not_guessed_between():
    twin = nn.Linear(12, 3)

    class Twins(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = twin, nn.Linear(12, 3)
            self.b.load_state_dict(twin.state_dict())

        def forward(self, x):
            return torch.maximum(self.a(x.flatten(1)), self.b(x.flatten(1)))

    with pytest.raises(ModelError, match=r"several linear layers return .* a \(12 → 3\), b \(12 → 3\)"):
        heads.find_last_linear(Twins(), torch.rand(1, 3, 2, 2))


@pytest.mark.parametrize(
    "pack", [lambda y: y, lambda y: (y, "aux"), lambda y: [[y]], lambda y: {"aux": 1, "logits": y}, lambda y: {"x": y}]
)
def test_the_tensor_in_what_a_network_returns(pack):
    logits = torch.zeros(1, 3)
    assert heads.only_tensor(pack(logits)) is logits


@pytest.mark.parametrize("output", [None, (), {}, "text", [None]])
def test_outputs_without_a_tensor(output):
    with pytest.raises(ModelError, match="expected a tensor of logits"):
        heads.only_tensor(output)


def test_a_network_of_nan_says_so():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    nn.init.constant_(network[1].weight, float("nan"))
    with pytest.raises(ModelError, match="NaN or infinity"):
        heads.find_last_linear(network, torch.zeros(1, 3, 2, 2))
