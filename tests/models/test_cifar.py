"""Residual networks for small images: sizes from the papers, names from the published checkpoints."""

import pytest
import torch

from latentviz.models import checkpoints, registry


def parameters(name: str, classes: int = 10, channels: int = 3) -> int:
    network = registry.on_meta(lambda: registry.architecture(name).build(classes, channels))
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "count"),  # He et al. 2016, table 6: 0.27M, 0.46M, 0.66M, 0.85M
    [("resnet20", 269_722), ("resnet32", 464_154), ("resnet44", 658_586), ("resnet56", 853_018)],
)
def test_parameter_counts_of_the_paper(name, count):
    assert parameters(name) == count


def test_parameter_counts_of_the_small_stem():
    # torchvision's ResNet-18 with 10 classes, minus the 7×7 stem, plus the 3×3 one: kuangliu's 11,173,962
    assert parameters("resnet18_32") == 11_173_962


def test_classes_and_channels_change_only_the_ends():
    assert parameters("resnet20", classes=7) == 269_722 - 3 * 65
    assert parameters("resnet20", channels=1) == 269_722 - 2 * 16 * 9


@pytest.mark.parametrize(("size", "channels"), [(32, 3), (28, 1), (33, 3)])
def test_resnet20_takes_small_images_of_any_size(size, channels):
    network = registry.architecture("resnet20").build(10, channels).eval()
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 10)


def test_small_stem_keeps_the_resolution_up_to_the_first_stage():
    network = registry.architecture("resnet18_32").build(10, 3).eval()
    x = torch.zeros(1, 3, 32, 32)
    assert network.maxpool(network.conv1(x)).shape == (1, 64, 32, 32)


def test_names_of_kuangliu_checkpoints_are_understood():
    torch.manual_seed(0)
    architecture = registry.architecture("resnet18_32")
    network = architecture.build(10, 3).eval()
    theirs = {
        name.replace("downsample", "shortcut").replace("fc.", "linear."): tensor
        for name, tensor in network.state_dict().items()
    }
    assert "layer2.0.shortcut.0.weight" in theirs
    copy = architecture.build(10, 3).eval()
    copy.load_state_dict(checkpoints.rename(theirs, architecture.renames))
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(network(x), copy(x))
