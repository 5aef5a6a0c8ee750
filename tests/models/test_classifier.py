"""From a description to features and logits."""

import re
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn
from torchvision import models as torchvision_models

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import CheckpointError, ModelError
from latentviz.models import ModelSpec, heads, load, registry, wrap

GREY = Preprocessing(channels="grey", resize=(28, 28))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def images(count: int = 4, channels: int = 3, side: int = 32) -> np.ndarray:
    return np.random.default_rng(0).random((count, channels, side, side), dtype=np.float32)


def build(name: str, classes: int = 10, channels: int = 3) -> nn.Module:
    return registry.architecture(name).build(classes, channels)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "seven.pt"
    torch.save(build("resnet20", classes=7).state_dict(), path)
    return path


# --- descriptions ---


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of an architecture, an ONNX file and a factory"),
        ({"architecture": "resnet20", "checkpoint": "a.pt", "onnx": "a.onnx"}, "exactly one"),
        ({"onnx": "a.onnx", "factory": "a:b"}, "exactly one"),
        ({"factory": ""}, "exactly one"),
        ({"architecture": "resnet20"}, "resnet20 needs a checkpoint file or the name of published weights"),
        ({"onnx": "a.onnx", "checkpoint": "a.pt"}, "brings its own weights and head"),
        ({"factory": "a:b", "weights": "DEFAULT"}, "factory's network gets its weights from a checkpoint file"),
        ({"onnx": "a.onnx", "head": "l2"}, "brings its own weights and head"),
        ({"architecture": "resnet20", "checkpoint": "a.pt", "head": "cosine"}, "linear"),
        ({"arch": "resnet20"}, "arch"),
    ],
)
def test_descriptions_that_make_no_sense(given, message):
    with pytest.raises(ValidationError, match=message):
        ModelSpec(**given)


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"architecture": "resnet20", "checkpoint": "runs/epoch-90.pt"}, "resnet20 · epoch-90"),
        ({"architecture": "resnet50", "weights": "IMAGENET1K_V2"}, "resnet50 · IMAGENET1K_V2"),
        ({"onnx": "models/small.onnx"}, "small"),
        ({"factory": "package.module:net"}, "net"),
        ({"factory": "package.module:net", "checkpoint": "a.pt"}, "net · a"),
    ],
)
def test_descriptions_have_a_title_and_survive_json(given, title):
    spec = ModelSpec(**given)
    assert spec.title == title
    assert ModelSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"architecture": "resnet20", "checkpoint": "runs/epoch-90.pt"}, "resnet20-epoch-90"),
        ({"architecture": "resnet20", "checkpoint": "resnet20-12fca82f.th"}, "resnet20-12fca82f"),
        ({"onnx": "models/small.onnx"}, "small"),
        ({"factory": "package.module:net"}, "net"),
    ],
)
def test_a_run_is_called_as_its_model_but_nothing_twice(given, name):
    assert ModelSpec(**given).run_name == name


# --- features and logits ---


@pytest.mark.parametrize("head", ["linear", "l2"])
@pytest.mark.parametrize("name", ["resnet20", "resnet18", "mobilenet_v3_small", "densenet121"])
def test_features_through_the_head_are_the_logits(name, head):
    classifier = wrap(build(name).eval(), Preprocessing(resize=(32, 32)), head=head, device="cpu")
    features, logits = classifier(images())
    assert classifier.head.kind == head
    assert features.shape == (4, classifier.head.width)
    assert logits.shape == (4, classifier.head.classes) == (4, 10)
    assert features.dtype == logits.dtype == np.float32
    assert classifier.head.disagreement(features, logits) < 1e-5


def test_logits_are_the_networks_own():
    network = build("resnet20").eval()
    _, logits = wrap(network, Preprocessing(resize=(32, 32)), device="cpu")(images())
    with torch.inference_mode():
        np.testing.assert_allclose(logits, network(torch.from_numpy(images())).numpy(), rtol=1e-5, atol=1e-5)


def test_the_network_given_stays_as_it_was():
    network = build("resnet20").train()
    classifier = wrap(network, Preprocessing(resize=(32, 32)), head="l2", device="cpu")
    classifier(images())
    assert network.training
    assert type(network.linear) is nn.Linear
    assert network.conv1.weight.is_contiguous()
    assert classifier.head.kind == "l2"


def test_batch_statistics_are_not_used():
    classifier = wrap(build("resnet20").train(), Preprocessing(resize=(32, 32)), device="cpu")
    together, alone = classifier(images())[0], classifier(images()[:1])[0]
    np.testing.assert_allclose(alone[0], together[0], atol=1e-5)


def test_a_named_layers_own_output_are_the_logits():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=1))
    classifier = wrap(network, Preprocessing(resize=(2, 2)), layer="3", device="cpu")
    features, logits = classifier(images(side=2))
    with torch.inference_mode():
        np.testing.assert_allclose(logits, network[:4](torch.from_numpy(images(side=2))).numpy(), atol=1e-6)
    np.testing.assert_allclose(logits, classifier.head.logits(features), atol=1e-6)


class Unusual(nn.Module):
    """Calls its last layer by keyword, changes what it returns in place, and has a layer that it never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.idle, self.fc = nn.Linear(12, 3), nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.fc(input=x.flatten(1))
        logits /= 2
        return logits.softmax(1)


def test_a_named_layer_may_be_called_by_keyword_and_its_output_changed():
    classifier = wrap(Unusual(), Preprocessing(resize=(2, 2)), layer="fc", device="cpu")
    features, logits = classifier(images(side=2))
    np.testing.assert_array_equal(features, images(side=2).reshape(4, 12))
    np.testing.assert_allclose(logits, classifier.head.logits(features), atol=1e-6)


def test_a_named_layer_that_is_never_called():
    classifier = wrap(Unusual(), Preprocessing(resize=(2, 2)), layer="idle", device="cpu")
    with pytest.raises(ModelError, match='"idle" takes no part in a forward pass'):
        classifier(images(side=2))


def test_fingerprint_follows_weights_layer_and_head():
    network = build("resnet20")
    small = Preprocessing(resize=(32, 32))
    first = wrap(network, small, device="cpu").fingerprint
    assert wrap(network, small, device="cpu").fingerprint == first
    with torch.no_grad():
        network.bn1.running_mean[3] += 1e-3
    changed = wrap(network, small, device="cpu").fingerprint
    assert changed != first
    assert wrap(network, small, head="l2", device="cpu").fingerprint not in (first, changed)


def test_memory_of_an_image_is_at_least_its_largest_activation():
    classifier = wrap(build("resnet20"), Preprocessing(resize=(32, 32)), device="cpu")
    assert 16 * 32 * 32 * 4 < classifier.bytes_per_image((3, 32, 32)) < 100e6


# --- what cannot be wrapped ---


def test_channels_that_do_not_fit():
    with pytest.raises(ModelError, match=r"takes 3 channels, but the preprocessing makes 1 \(\"grey\"\)"):
        wrap(build("resnet20"), GREY, device="cpu")


def test_layers_that_do_not_exist_or_are_not_linear():
    with pytest.raises(ModelError, match='CifarResNet has no layer called "classifier"'):
        wrap(build("resnet20"), Preprocessing(), layer="classifier", device="cpu")
    with pytest.raises(ModelError, match="The layer is a Conv2d; the last layer must be linear"):
        wrap(build("resnet20"), Preprocessing(), layer="conv1", device="cpu")


def test_images_of_a_size_the_network_does_not_take():
    network = torchvision_models.VisionTransformer(32, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8)
    with pytest.raises(ModelError, match=r"does not accept images of shape \(3, 48, 48\)"):
        wrap(network, Preprocessing(crop=48), device="cpu")


class Broken(nn.Module):
    def forward(self, x):
        return x.no_such_attribute


def test_errors_in_the_networks_own_code_are_told():
    with pytest.raises(ModelError, match=r"Broken does not accept .*no_such_attribute"):
        wrap(Broken(), Preprocessing(), device="cpu")


# --- loading ---


def test_classes_come_from_the_checkpoint(checkpoint):
    classifier = load(ModelSpec(architecture="resnet20", checkpoint=checkpoint))
    assert (classifier.head.classes, classifier.head.width, classifier.layer) == (7, 64, "linear")
    assert classifier.preprocessing.size == (32, 32)
    assert load(ModelSpec(architecture="resnet20", checkpoint=checkpoint, head="l2")).head.kind == "l2"


def test_channels_come_from_the_checkpoint(tmp_path):
    path = tmp_path / "grey.safetensors"
    save_file(build("resnet20", 7, 1).state_dict(), path)
    spec = ModelSpec(architecture="resnet20", checkpoint=path)
    assert load(spec, GREY)(images(channels=1, side=28))[1].shape == (4, 7)
    with pytest.raises(ModelError, match=r'takes 1 channel, but the preprocessing makes 3 .* "grey" for 1'):
        load(spec)


def test_regnet_checkpoints_load(tmp_path):
    torch.save(build("regnet_y_400mf", 5).state_dict(), tmp_path / "regnet.pt")
    spec = ModelSpec(architecture="regnet_y_400mf", checkpoint=tmp_path / "regnet.pt")
    assert load(spec, Preprocessing(resize=(64, 64))).head.classes == 5


def test_weights_of_another_network_are_told_with_the_one_they_fit(tmp_path):
    torch.save({"state_dict": build("resnet32").state_dict()}, tmp_path / "deep.pt")
    with pytest.raises(
        CheckpointError,
        match=re.escape("deep.pt does not fit resnet20: 72 weights unexpected (first: layer1.3.conv1.weight). "),
    ) as caught:
        load(ModelSpec(architecture="resnet20", checkpoint=tmp_path / "deep.pt"))
    assert str(caught.value).endswith("It fits resnet32.")


def test_weights_of_an_unknown_network_are_told_apart(tmp_path):
    torch.save({"conv1.weight": torch.zeros(3), "other": torch.zeros(2, 2)}, tmp_path / "odd.pt")
    with pytest.raises(CheckpointError, match=r"missing \(first: bn1.weight\).*Choose the architecture it was"):
        load(ModelSpec(architecture="resnet20", checkpoint=tmp_path / "odd.pt"))


def test_unknown_architectures_and_weights(checkpoint):
    with pytest.raises(ModelError, match="Did you mean"):
        load(ModelSpec(architecture="resnet200", checkpoint=checkpoint))
    with pytest.raises(ModelError, match="no published weights for resnet20"):
        load(ModelSpec(architecture="resnet20", weights="DEFAULT"))


def test_published_weights_without_a_network_connection(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request._opener", None)  # made by the first request of the process, with its proxies
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    for exception in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(exception, raising=False)
    with pytest.raises(ModelError, match="DEFAULT of mobilenet_v3_small could not be downloaded"):
        load(ModelSpec(architecture="mobilenet_v3_small", weights="DEFAULT"))


# --- factories ---

FACTORY = """
from torch import nn

class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2))
    def forward(self, x):
        return self.net(x)

def text():
    return "network"
"""


@pytest.fixture
def factory(tmp_path, monkeypatch):
    (tmp_path / "some_factory.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    yield "some_factory"
    sys.modules.pop("some_factory", None)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_factory_whose_names_look_like_a_wrapping(factory, tmp_path, prefix):
    own = load(ModelSpec(factory=f"{factory}:Wrapper"), Preprocessing(resize=(2, 2)))
    weights = {prefix + name: tensor for name, tensor in own.network.state_dict().items()}
    torch.save(weights, tmp_path / "own.pt")
    spec = ModelSpec(factory=f"{factory}:Wrapper", checkpoint=tmp_path / "own.pt")
    again = load(spec, Preprocessing(resize=(2, 2)))
    np.testing.assert_array_equal(again(images(side=2))[1], own(images(side=2))[1])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module:f", "cannot be called .*package.module:function"),
        ("some_factory:nothing", "cannot be called"),
        ("some_factory", "cannot be called"),
        ("some_factory:text", "returned str; expected an nn.Module"),
    ],
)
def test_factories_that_do_not_make_a_network(factory, path, message):
    with pytest.raises(ModelError, match=message):
        load(ModelSpec(factory=path))


def test_a_network_with_an_l2_head_stays_one():
    network = build("resnet20")
    heads.with_l2_head(network, "linear")
    assert wrap(network, Preprocessing(resize=(32, 32)), device="cpu").head.kind == "l2"
