"""Train the two networks of the demo: ResNet-20 on the digits 0–6, with and without an L2 head.

    python scripts/train_demo_models.py assets/models

About five minutes a network on two cores; stopped, it goes on from the last epoch.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from latentviz.datasets.demo import KNOWN_DIGITS, Labelled, demo_sets
from latentviz.demo import PREPROCESSING
from latentviz.progress import bar
from latentviz.training import Recipe
from latentviz.training.images import Images
from latentviz.training.loop import fit


def tensors(labelled: Labelled) -> Images:
    images, names = labelled
    return Images(
        torch.from_numpy(PREPROCESSING.tensor(images[..., None])), torch.tensor([int(name) for name in names])
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--epochs", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    sets = demo_sets()
    for head in ("linear", "l2"):
        recipe = Recipe(
            architecture="resnet20", head=head, epochs=options.epochs, augmentation="crop", seed=options.seed
        )
        state = options.folder / "training" / head
        with bar() as progress:
            network, done = fit(
                recipe, tensors(sets["train"]), tensors(sets["test"]), len(KNOWN_DIGITS), state, progress=progress
            )
        print(f"{head}: test accuracy {done.history[-1].test_accuracy:.4f}")
        weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        save_file(weights, options.folder / f"digits-resnet20-{head}.safetensors")


if __name__ == "__main__":
    main()
