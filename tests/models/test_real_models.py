"""Published networks on real images, with their known accuracy."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.models import Classifier, ModelSpec, load, registry

pytestmark = pytest.mark.shared

NAMES = [
    "aka_resnet20", "aka_resnet32", "aka_resnet20_jpegft", "aka_resnet32_jpegft", "mlperf_tiny_resnet8",
    "abc_resnet2b_adv", "abc_resnet4b_adv", "abc_cnn_a_adv", "abc_cnn_a_mix", "abc_marabou_small",
    "abc_marabou_medium", "abc_oval_base_kw",
]  # fmt: skip


def described(shared: Path, name: str) -> dict:
    listed = json.loads((shared / "models" / "models.json").read_text())
    return next(model for model in listed if model["name"] == name)


def run(classifier: Classifier, folder: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, logits and labels of a tree of images."""
    files = sorted(folder.glob("*/*.png"))
    pixels = np.stack([classifier.preprocessing.pixels(Image.open(file)) for file in files])
    pieces = [classifier(classifier.preprocessing.tensor(pixels[s : s + 256])) for s in range(0, len(pixels), 256)]
    features, logits = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
    return features, logits, np.array([classes.index(file.parent.name) for file in files])


def test_the_listing_is_complete(shared):
    listed = json.loads((shared / "models" / "models.json").read_text())
    assert [model["name"] for model in listed] == [*NAMES, "mstar_smallcnn"]


@pytest.mark.parametrize("name", NAMES)
def test_cifar_networks_reach_their_accuracy(shared, name):
    model = described(shared, name)
    preprocessing = Preprocessing(resize=(32, 32), mean=tuple(model["mean"]), std=tuple(model["std"]))
    classifier = load(ModelSpec(onnx=shared / "models" / model["file"]), preprocessing)
    features, logits, labels = run(classifier, shared / "cifar10" / "lossless_test", model["classes"])
    assert len(labels) == 220
    assert (logits.argmax(axis=1) == labels).mean() == pytest.approx(model["accuracy_lossless_220"], abs=0.005)
    assert classifier.head.disagreement(features, logits) < 1e-5


def test_the_published_checkpoint_and_its_onnx_file_are_the_same_network(shared):
    model = described(shared, "aka_resnet20")
    checkpoint = shared / "models" / "cifar10" / "checkpoints" / "resnet20-12fca82f.th"
    torch_net = load(ModelSpec(architecture="resnet20", checkpoint=checkpoint))
    onnx_net = load(ModelSpec(onnx=shared / "models" / model["file"]), registry.SMALL)
    images = shared / "cifar10" / "lossless_test"
    features, logits, labels = run(torch_net, images, model["classes"])
    assert (logits.argmax(axis=1) == labels).sum() == 205
    assert torch_net.head.disagreement(features, logits) < 1e-5
    features_onnx, logits_onnx, _ = run(onnx_net, images, model["classes"])
    np.testing.assert_allclose(features_onnx, features, atol=1e-4)
    np.testing.assert_allclose(logits_onnx, logits, atol=1e-4)
    np.testing.assert_allclose(onnx_net.head.weight, torch_net.head.weight, atol=1e-6)


def test_radar_network_with_its_own_preprocessing(shared):
    model = described(shared, "mstar_smallcnn")
    preprocessing = Preprocessing(channels="grey", crop=64, compress="sqrt", standardise=True)
    classifier = load(ModelSpec(onnx=shared / "models" / model["file"]), preprocessing)
    features, logits, labels = run(classifier, shared / "sar" / "mstar" / "test_15deg", model["classes"])
    assert len(labels) == 2425
    assert (logits.argmax(axis=1) == labels).mean() == pytest.approx(0.970, abs=0.002)
    assert classifier.head.disagreement(features, logits) < 1e-5
