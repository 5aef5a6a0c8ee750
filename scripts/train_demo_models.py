"""Train the two networks of the demo: ResNet-20 on the digits 0–6, with and without an L2 head.

    python scripts/train_demo_models.py assets/models

About five minutes a network on two cores. SGD as in the DDU code (learning rate 0.1, momentum
0.9, weight decay 5e-4, batch 128), drops to a tenth at 2/3 and 5/6 of training; shifts of up to
two pixels instead of flips, which digits do not survive.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from latentviz.datasets.demo import KNOWN_DIGITS, demo_sets
from latentviz.demo import PREPROCESSING
from latentviz.models.cifar import CifarResNet
from latentviz.models.heads import with_l2_head


def tensors(images: np.ndarray, names: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(PREPROCESSING.tensor(images[..., None])), torch.tensor([int(name) for name in names])


def shifted(images: torch.Tensor, random: torch.Generator, reach: int = 2) -> torch.Tensor:
    """Every image moved by up to ``reach`` pixels; the background moves in."""
    padded = functional.pad(images, (reach,) * 4, value=float(images.min()))
    dy, dx = torch.randint(0, 2 * reach + 1, (2, len(images)), generator=random)
    side = images.shape[-1]
    return torch.stack([p[:, y : y + side, x : x + side] for p, y, x in zip(padded, dy, dx, strict=True)])


def train(head: str, epochs: int, seed: int, sets: dict) -> CifarResNet:
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    network = CifarResNet(3, num_classes=len(KNOWN_DIGITS), channels=1)
    if head == "l2":
        with_l2_head(network, "linear")
    x, y = tensors(*sets["train"])
    x_test, y_test = tensors(*sets["test"])
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    drops = [2 * epochs // 3, 5 * epochs // 6]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, drops, gamma=0.1)
    for epoch in range(epochs):
        network.train()
        losses = []
        for batch in torch.randperm(len(x), generator=random).split(128):
            loss = functional.cross_entropy(network(shifted(x[batch], random)), y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        schedule.step()
        network.eval()
        with torch.inference_mode():
            accuracy = (network(x_test).argmax(1) == y_test).float().mean()
        print(
            f"{head} epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, test accuracy {accuracy:.4f}",
            flush=True,
        )
    return network


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--epochs", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sets = demo_sets()
    for head in ("linear", "l2"):
        network = train(head, options.epochs, options.seed, sets)
        weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        save_file(weights, options.folder / f"digits-resnet20-{head}.safetensors")


if __name__ == "__main__":
    main()
