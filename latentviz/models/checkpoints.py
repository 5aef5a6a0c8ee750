"""Weights files: read without running code, unwrapped, checked against the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from latentviz.errors import CheckpointError

SUFFIXES = (".pt", ".pth", ".th", ".bin", ".ckpt", ".safetensors")

#: Keys under which training scripts store the weights beside the optimiser and the epoch.
_WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights")
#: Prefixes that DataParallel, torch.compile and Lightning put before every name.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")

StateDict = dict[str, torch.Tensor]


def read_state_dict(path: Path | str) -> StateDict:
    """Weights by name from a ``.pt``, ``.pth``, ``.th`` or ``.safetensors`` file.

    Only tensors and plain containers are read (``weights_only=True``), so that a file cannot
    run code. Wrapping dictionaries and the prefixes of DataParallel, ``torch.compile`` and
    Lightning are taken off.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, contains pickled code, or holds no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist or is not a file.")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path.name} is empty (0 bytes).")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    weights = _unwrap(content)
    if weights is None:
        found = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(f"{path.name} holds no weights by name; found {found[:200]}.")
    return _strip_prefixes(weights)


def _read_safetensors(path: Path) -> StateDict:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} is not a readable safetensors file: {error}.") from None


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises almost anything on damaged files
        if _looks_like_code(error):
            raise CheckpointError(
                f"{path.name} contains pickled Python objects, which could run code; it was not loaded. "
                "Save the weights alone: torch.save(model.state_dict(), …) or safetensors."
            ) from None
        raise CheckpointError(f"{path.name} is not a PyTorch weights file, or it is damaged.") from None


def _looks_like_code(error: Exception) -> bool:
    return any(mark in str(error) for mark in ("GLOBAL", "Unsupported class", "TorchScript"))


def _unwrap(content: object) -> StateDict | None:
    if not isinstance(content, Mapping):
        return None
    tensors = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
    inner = next((content[k] for k in _WRAPPERS if isinstance(content.get(k), Mapping)), None)
    if inner is not None:
        return _unwrap(inner)
    return tensors or None


def _strip_prefixes(weights: StateDict) -> StateDict:
    while weights and (prefix := next((p for p in _PREFIXES if all(k.startswith(p) for k in weights)), None)):
        weights = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
    return weights


def as_named_in(network: nn.Module, weights: StateDict) -> StateDict:
    """Give weights back a prefix that every name in the network itself carries (``self.net = …``)."""
    own = network.state_dict()
    names = dict(zip(_strip_prefixes(own), own, strict=True))
    return {names.get(name, name): tensor for name, tensor in weights.items()}


def rename(weights: StateDict, renames: tuple[tuple[str, str], ...]) -> StateDict:
    """Translate other published names of the same layers (``old`` anywhere in a name becomes ``new``)."""
    renamed = {}
    for name, tensor in weights.items():
        for old, new in renames:
            name = name.replace(old, new)
        renamed[name] = tensor
    return renamed


def misfits(network: nn.Module, weights: StateDict) -> list[str]:
    """What keeps weights from fitting a network, as phrases with the first key; empty if they fit."""
    wanted = network.state_dict()
    optional = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = [name for name in wanted if name not in weights and name not in optional]
    unexpected = [name for name in weights if name not in wanted]
    shaped = [
        f"{name} is {tuple(weights[name].shape)}, expected {tuple(wanted[name].shape)}"
        for name in wanted
        if name in weights and weights[name].shape != wanted[name].shape
    ]
    phrases = []
    for names, what in ((missing, "missing"), (unexpected, "unexpected")):
        if names:
            phrases.append(f"{_count(len(names), 'weight')} {what} (first: {names[0]})")
    if shaped:
        phrases.append(f"{_count(len(shaped), 'weight')} of another shape (first: {shaped[0]})")
    return phrases


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
