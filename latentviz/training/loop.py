"""One network, epoch by epoch: stopped at any time, it goes on from the last whole epoch to the same result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.nn import functional

from latentviz.errors import ModelError
from latentviz.models.heads import find_last_linear, with_l2_head
from latentviz.models.registry import architecture
from latentviz.progress import Progress, silent
from latentviz.training.images import Images, augmented
from latentviz.training.recipe import Recipe
from latentviz.training.state import STATE, WEIGHTS, Epoch, State, state_of
from latentviz.workspace.files import disk_errors, write_atomically, writing_lock
from latentviz.workspace.manifest import write


def build(recipe: Recipe, classes: int, example: torch.Tensor) -> nn.Module:
    """An untrained network with the recipe's head and seed.

    Parameters
    ----------
    recipe : Recipe
    classes : int
    example : Tensor of shape (1, channels, H, W)

    Raises
    ------
    ModelError
        If there is no such architecture, or it has no last linear layer.
    """
    with seeded(recipe.seed, 0):
        network = architecture(recipe.architecture).build(classes, example.shape[1])
    if recipe.head == "l2":
        network.eval()
        with_l2_head(network, find_last_linear(network, example))
    return network


def fit(
    recipe: Recipe,
    train: Images,
    test: Images | None,
    classes: int,
    folder: Path,
    kept: Callable[[int, nn.Module], None] | None = None,
    done: Callable[[int], None] | None = None,
    progress: Progress = silent,
    device: torch.device | None = None,
) -> tuple[nn.Module, State]:
    """Train a network, or go on with it.

    Parameters
    ----------
    recipe : Recipe
    train : Images
    test : Images, optional
        Whose accuracy is written down after every epoch; nothing is chosen by it.
    classes : int
    folder : Path
        Where its state is kept.
    kept : callable, optional
        ``(epoch, network)`` after every epoch, in evaluation mode; before the epoch counts as done, so that what it
        writes is there when the training is taken up again.
    done : callable, optional
        ``(epoch)`` after every epoch, when it counts as done: what is interrupted here costs no epoch.
    progress : Progress, optional
        Is told after every batch; when it raises, the epoch is lost and those before it are not.
    device : torch.device, optional
        A GPU if there is one.

    Returns
    -------
    network : nn.Module
        In evaluation mode.
    state : State

    Raises
    ------
    ModelError
        If the loss or a weight is no longer finite, or the folder is of another recipe or of other images.
    RunLockedError
        If another process trains there.
    WorkspaceError
        If the disk is full.
    """
    with disk_errors("The training"):
        folder.mkdir(parents=True, exist_ok=True)
    with writing_lock(folder, f'Training "{folder.name}"'):
        return _fit(recipe, train, test, classes, folder, kept, done, progress, device)


def _fit(
    recipe: Recipe,
    train: Images,
    test: Images | None,
    classes: int,
    folder: Path,
    kept: Callable[[int, nn.Module], None] | None,
    done: Callable[[int], None] | None,
    progress: Progress,
    device: torch.device | None,
) -> tuple[nn.Module, State]:
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # Channels last: a small network trains in two thirds of the time on the processor, and no slower on a GPU.
    network = build(recipe, classes, train.pixels[:1]).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(
        network.parameters(), lr=recipe.rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    state = _resumed(folder, State(recipe=recipe, classes=classes, images=train.fingerprint), network, optimiser)
    train = train.to(device)
    test = None if test is None else test.to(device)
    for epoch in range(len(state.history), recipe.epochs):
        with seeded(recipe.seed, epoch + 1):
            loss, accuracy = _epoch(network, optimiser, train, recipe, epoch, progress)
        network.eval()
        if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
            raise ModelError(_diverged("A weight", epoch, recipe))
        came_to = Epoch(
            epoch=epoch + 1,
            rate=recipe.rate_at(epoch),
            loss=loss,
            accuracy=accuracy,
            test_accuracy=None if test is None else accuracy_of(network, test),
        )
        if kept is not None:
            kept(epoch + 1, network)
        state.history.append(came_to)
        _save(folder, state, network, optimiser)
        if done is not None:
            done(epoch + 1)
    network.eval()
    return network, state


def _epoch(
    network: nn.Module, optimiser: torch.optim.SGD, train: Images, recipe: Recipe, epoch: int, progress: Progress
) -> tuple[float, float]:
    """Loss and accuracy of one pass over the training images."""
    network.train()
    for group in optimiser.param_groups:
        group["lr"] = recipe.rate_at(epoch)
    device = train.pixels.device
    half = torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()
    order = torch.randperm(len(train)).to(device)
    loss_sum, right, seen = 0.0, 0, 0
    for rows in order.split(recipe.batch):
        if len(rows) < 2:  # of one image alone batch normalisation has no variance
            continue
        with half:
            logits = network(augmented(train.pixels[rows], recipe.augmentation))
            loss = functional.cross_entropy(logits.float(), train.labels[rows])
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(_diverged("The loss", epoch, recipe, seen))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss_sum += value * len(rows)
        right += int((logits.argmax(1) == train.labels[rows]).sum())
        seen += len(rows)
        progress(f"Epoch {epoch + 1} of {recipe.epochs}", seen, len(train), "images")
    return loss_sum / max(seen, 1), right / max(seen, 1)


def _diverged(what: str, epoch: int, recipe: Recipe, seen: int | None = None) -> str:
    where = f"epoch {epoch + 1}" if seen is None else f"epoch {epoch + 1}, after {seen:,} images"
    return (
        f"{what} is no finite number in {where}; train with a lower rate than {recipe.rate:g} or with warm-up. The "
        "epochs before it are kept."
    )


def accuracy_of(network: nn.Module, images: Images, batch: int = 256) -> float:
    """Share of the images that a network in evaluation mode gets right."""
    with torch.inference_mode():
        right = sum(
            int((network(x).argmax(1) == y).sum())
            for x, y in zip(images.pixels.split(batch), images.labels.split(batch), strict=True)
        )
    return right / max(len(images), 1)


@contextmanager
def seeded(seed: int, part: int) -> Iterator[None]:
    """torch's random numbers as they are in one part of one training, whatever was drawn before."""
    with torch.random.fork_rng():
        torch.manual_seed(seed * 1_000_003 + part)
        yield


def as_bytes(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Tensors as the content of a safetensors file; written by the library itself, a full disk has no name."""
    return save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})


def _save(folder: Path, state: State, network: nn.Module, optimiser: torch.optim.SGD) -> None:
    """The weights of an epoch, and then that it is done: a training that is killed between the two goes back one."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for number, one in optimiser.state_dict()["state"].items():
        if one.get("momentum_buffer") is not None:
            tensors[f"momentum.{number}"] = one["momentum_buffer"]
    with disk_errors("The training"):
        number = len(state.history)
        path = folder / f"{number:04d}-{WEIGHTS}"
        write_atomically(path, as_bytes(tensors))
        write(folder / STATE, state)
        for old in folder.glob(f"*-{WEIGHTS}"):
            if old != path:
                old.unlink()


def _resumed(folder: Path, wanted: State, network: nn.Module, optimiser: torch.optim.SGD) -> State:
    state = state_of(folder)
    if state is None:
        return wanted
    for what, same in (
        ("another recipe", state.recipe == wanted.recipe),
        ("other images or classes", (state.images, state.classes) == (wanted.images, wanted.classes)),
    ):
        if not same:
            raise ModelError(f"{folder} holds the training of {what}; give this one another name.")
    if not state.history:
        return state
    path = folder / f"{len(state.history):04d}-{WEIGHTS}"
    if not path.exists():
        raise ModelError(f"{path} is missing; delete {folder} to train from the start.")
    tensors = load_file(path)
    network.load_state_dict({n.removeprefix("network."): v for n, v in tensors.items() if n.startswith("network.")})
    stored = optimiser.state_dict()
    stored["state"] = {
        int(name.removeprefix("momentum.")): {"momentum_buffer": value}
        for name, value in tensors.items()
        if name.startswith("momentum.")
    }
    optimiser.load_state_dict(stored)
    return state
