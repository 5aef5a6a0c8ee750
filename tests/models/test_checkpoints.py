"""Weights files of every wrapping, and files that are damaged, foreign or hostile."""

import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from latentviz.errors import CheckpointError
from latentviz.models import checkpoints

WEIGHTS = {"conv1.weight": torch.rand(4, 3, 3, 3), "linear.weight": torch.rand(2, 4), "linear.bias": torch.rand(2)}


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in WEIGHTS.items()}


def is_ours(read: dict[str, torch.Tensor]) -> bool:
    return list(read) == list(WEIGHTS) and all(torch.equal(read[n], WEIGHTS[n]) for n in WEIGHTS)


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 90, "best_prec1": 92.6, "args": {"lr": 0.1}},
        {"model": WEIGHTS, "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}}},
        {"model_state_dict": WEIGHTS, "loss": torch.tensor(0.1)},
        {"model": {"state_dict": WEIGHTS}},
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("module._orig_mod."),
        prefixed("_orig_mod.module."),
        {"state_dict": prefixed("model."), "pytorch-lightning_version": "2.4"},
        {"net": prefixed("module."), "acc": 95.4},
    ],
    ids=lambda content: next(iter(content)),
)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_wrappings_and_prefixes_come_off(tmp_path, content, legacy):
    path = tmp_path / "weights.pth"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    assert is_ours(checkpoints.read_state_dict(path))


def test_safetensors(tmp_path):
    save_file(prefixed("module."), tmp_path / "weights.safetensors")
    read = checkpoints.read_state_dict(tmp_path / "weights.safetensors")
    assert {n: t.tolist() for n, t in read.items()} == {n: t.tolist() for n, t in WEIGHTS.items()}


def test_a_prefix_that_only_some_names_have_stays(tmp_path):
    mixed = {"module.a": torch.zeros(1), "b": torch.zeros(1)}
    torch.save(mixed, tmp_path / "mixed.pt")
    assert list(checkpoints.read_state_dict(tmp_path / "mixed.pt")) == ["module.a", "b"]


# --- what cannot be read ---


def test_a_network_without_weights_has_no_prefixes():
    weights = {"module.weight": torch.zeros(2)}
    assert checkpoints.as_named_in(nn.Flatten(), weights) == weights


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing.pt does not exist"):
        checkpoints.read_state_dict(tmp_path / "nothing.pt")
    with pytest.raises(CheckpointError, match="does not exist or is not a file"):
        checkpoints.read_state_dict(tmp_path)
    for name in ("empty.pt", "empty.safetensors"):
        (tmp_path / name).touch()
        with pytest.raises(CheckpointError, match=f"{name} is empty"):
            checkpoints.read_state_dict(tmp_path / name)


@pytest.mark.parametrize("content", [{"epoch": 3, "lr": 0.1}, [1, 2], {}, {"state_dict": {}}], ids=str)
def test_files_without_weights_say_what_they_hold(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(
        CheckpointError, match=r"other.pt holds no weights by name; found (epoch, lr|list|\.|state_dict)"
    ):
        checkpoints.read_state_dict(tmp_path / "other.pt")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=300), st.sampled_from(["noise.pt", "noise.safetensors"]))
@example(b"\x95" * 20, "noise.pt")
@example(b"<html>404</html>", "noise.pt")
@example(b"0", "noise.pt")
def test_no_bytes_whatsoever_escape_as_another_error(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        checkpoints.read_state_dict(tmp_path / name)


@pytest.mark.parametrize(
    "content", [b"\x00" * 64, b"\x95\x80\x04" * 30, b"<!DOCTYPE html>", b"version https://git-lfs"]
)
def test_noise_is_called_damaged_not_dangerous(tmp_path, content):
    (tmp_path / "noise.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"noise.pt is not a PyTorch weights file, or it is damaged\."):
        checkpoints.read_state_dict(tmp_path / "noise.pt")


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.99])
def test_truncated_files_are_called_damaged(tmp_path, kind, share):
    path = tmp_path / ("cut.safetensors" if kind == "safetensors" else "cut.pth")
    if kind == "safetensors":
        save_file(WEIGHTS, path)
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, int(share * len(whole)))])
    said = r"is not a (PyTorch weights|readable safetensors) file"
    if kind == "legacy":  # where the cut goes through a class's name, that class is unknown
        said += "|contains pickled Python objects"
    with pytest.raises(CheckpointError, match=rf"{path.name} ({said})"):
        checkpoints.read_state_dict(path)


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self):
        return Path.touch, (self.victim,)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_code_in_a_checkpoint_is_not_run(tmp_path, legacy):
    victim, path = tmp_path / "touched", tmp_path / "hostile.pt"
    torch.save({"state_dict": WEIGHTS, "extra": Hostile(victim)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=r"hostile.pt contains pickled Python objects, which could run code"):
        checkpoints.read_state_dict(path)
    assert not victim.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_plain_pickle_is_not_run(tmp_path, protocol):
    victim, path = tmp_path / "touched", tmp_path / "hostile.pt"
    path.write_bytes(pickle.dumps(Hostile(victim), protocol))
    with pytest.raises(CheckpointError, match=r"hostile\.pt"):
        checkpoints.read_state_dict(path)
    assert not victim.exists()
    pickle.loads(path.read_bytes())
    assert victim.exists(), "the file would have run code"


def test_a_pickled_network_is_refused_with_a_way_out(tmp_path):
    torch.save(nn.Sequential(nn.Linear(3, 2)), tmp_path / "whole.pt")
    with pytest.raises(CheckpointError, match=r"whole.pt contains pickled .* torch.save\(model.state_dict\(\)"):
        checkpoints.read_state_dict(tmp_path / "whole.pt")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_torchscript_archive_is_refused_as_code_not_as_damage(tmp_path):
    torch.jit.trace(nn.Linear(3, 2), torch.zeros(1, 3)).save(tmp_path / "script.pt")
    with pytest.raises(CheckpointError, match=r"script.pt contains pickled .* could run code"):
        checkpoints.read_state_dict(tmp_path / "script.pt")


# --- does it fit ---


def test_what_does_not_fit_is_counted_and_the_first_named():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    weights = network.state_dict()
    assert checkpoints.misfits(network, weights) == []
    del weights["1.num_batches_tracked"], weights["0.bias"]
    assert checkpoints.misfits(network, weights) == ["1 weight missing (first: 0.bias)"]
    weights |= {"extra": torch.zeros(1), "0.bias": torch.zeros(5)}
    assert checkpoints.misfits(network, weights) == [
        "1 weight unexpected (first: extra)",
        "1 weight of another shape (first: 0.bias is (5,), expected (2,))",
    ]
