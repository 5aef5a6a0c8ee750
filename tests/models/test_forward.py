"""One batch, divided among the cores."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from latentviz.models.forward import Forward


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.manual_seed(0)
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


class Remembering(nn.Module):
    """Reads back what it kept in itself, and waits for other threads that do the same at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm, self.last = nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)
        self.threads: set[int] = set()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.threads.add(threading.get_ident())
        self.kept = self.norm(self.body(images.flatten(1)))
        for _ in range(50):
            torch.randn(100, 100) @ torch.randn(100, 100)
        return self.last(self.kept)


@pytest.mark.parametrize("count", [1, 15, 32, 47, 48, 64, 100])
def test_shares_give_what_the_whole_batch_gives(count):
    network = Remembering().eval()
    images = torch.rand(count, 3, 2, 2)
    with torch.inference_mode():
        expected = network(images)
    features, logits = Forward(network, "last")(images)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(features, network.norm(network.body(images.flatten(1))))


def test_every_core_takes_a_share_and_torch_keeps_its_setting():
    network = Remembering().eval()
    forward = Forward(network, "last")
    forward(torch.rand(48, 3, 2, 2))
    assert len(forward._networks) == 3
    assert torch.get_num_threads() == 3
    assert len(network.threads) == 1
    assert threading.get_ident() not in network.threads


def test_weights_are_there_once():
    network = Remembering().eval()
    forward = Forward(network, "last")
    images = torch.rand(48, 3, 2, 2)
    before = forward(images)[1]
    with torch.no_grad():
        network.last.bias += 1
        network.norm.running_mean += 1
    after = forward(images)[1]
    with torch.inference_mode():
        torch.testing.assert_close(after, network(images))
    assert np.abs((after - before).numpy()).min() > 0


def test_a_network_that_cannot_be_copied_takes_the_batch_alone():
    network = Remembering().eval()
    network.lock = threading.Lock()
    images = torch.rand(48, 3, 2, 2)
    _, logits = Forward(network, "last")(images)
    with torch.inference_mode():
        torch.testing.assert_close(logits, network(images))
    assert network.threads == {threading.get_ident()}


def test_an_error_in_a_share_is_the_callers():
    forward = Forward(Remembering().eval(), "last")
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        forward(torch.rand(48, 3, 3, 3))
    assert torch.get_num_threads() == 3
