"""Networks by name."""

import pytest
import torch
from torch import nn

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import ModelError
from latentviz.models import registry


def test_names_are_unique_and_ours_come_first():
    names = registry.names()
    assert len(set(names)) == len(names)
    assert names[:4] == ["resnet20", "resnet32", "resnet44", "resnet56"]
    assert {"resnet18", "vit_b_16", "densenet121"} <= set(names)
    assert "fcn_resnet50" not in names


def test_unknown_names_suggest_near_ones():
    with pytest.raises(ModelError, match=r'"resnet21"\. Did you mean .*resnet20'):
        registry.architecture("resnet21")
    with pytest.raises(ModelError, match=r'"qqq"\. `latentviz models`'):
        registry.architecture("qqq")


def test_a_second_architecture_of_one_name_is_an_error():
    with pytest.raises(ModelError, match='"resnet20" is registered already'):
        registry.register(registry.architecture("resnet20"))


def test_published_preprocessing():
    assert registry.weights_preprocessing("resnet50", "IMAGENET1K_V2") == Preprocessing(
        resize=232, crop=224, mean=registry.IMAGENET_MEAN, std=registry.IMAGENET_STD
    )
    default = registry.weights_preprocessing("resnet50")
    assert default == registry.weights_preprocessing("resnet50", "DEFAULT")


def test_unknown_weights_list_those_there_are():
    with pytest.raises(ModelError, match='resnet50 has no weights called "V9"; there are IMAGENET1K_V1, IMAGENET1K_V2'):
        registry.weights_preprocessing("resnet50", "V9")
    with pytest.raises(ModelError, match="no published weights for resnet20"):
        registry.weights_preprocessing("resnet20", "IMAGENET1K_V1")


@pytest.mark.parametrize("name", ["resnet20", "resnet50_32", "resnet18", "regnet_y_400mf", "swin_t", "vit_b_16"])
def test_networks_can_be_measured_without_their_weights(name):
    network = registry.on_meta(lambda: registry.architecture(name).build(17, 3))
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    assert last.out_features == 17


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "resnet18", "squeezenet1_1"])
def test_published_networks_can_take_grey_images(name):
    network = registry.architecture(name).build(5, 1).eval()
    assert network(torch.rand(1, 1, 64, 64)).shape == (1, 5)
