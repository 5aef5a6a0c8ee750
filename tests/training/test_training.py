"""Training: it learns, it is repeatable, and it goes on where it was stopped as if it never had been."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import latentviz as lv
from latentviz.errors import Cancelled, DataError, ModelError, RunLockedError
from latentviz.progress import silent
from latentviz.training import Recipe, TrainingRequest, train
from latentviz.training.images import Images, augmented
from latentviz.training.loop import accuracy_of, build, fit
from latentviz.training.state import FOLDER, State, state_of
from latentviz.workspace.files import writing_lock
from latentviz.workspace.manifest import write

pytestmark = pytest.mark.usefixtures("one_thread")

GREY = lv.Preprocessing(channels="grey", mean=(0.5,), std=(0.25,))


def images(per_class: int = 30, side: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of bright quarters in noise, uint8 (N, side, side)."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.arange(3), per_class)
    pixels = random.integers(0, 90, (len(labels), side, side), dtype=np.uint8)
    half = side // 2
    for number, label in enumerate(labels):
        top, left = divmod(int(label), 2)
        pixels[number, top * half : (top + 1) * half, left * half : (left + 1) * half] += 120
    return pixels, labels


def tensors(**how) -> Images:
    pixels, labels = images(**how)
    return Images(torch.from_numpy(GREY.tensor(pixels[..., None])), torch.from_numpy(labels))


def recipe(**changes) -> Recipe:
    usual = {"architecture": "resnet20", "epochs": 3, "batch": 16, "rate": 0.05, "augmentation": "crop"}
    return Recipe(**(usual | changes))


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("head", ["linear", "l2"])
def test_it_learns(tmp_path, head):
    network, state = fit(recipe(head=head, epochs=6), tensors(), tensors(seed=1), 3, tmp_path)
    assert [one.epoch for one in state.history] == [1, 2, 3, 4, 5, 6]
    assert [one.rate for one in state.history] == pytest.approx([0.05] * 4 + [0.005, 0.0005])
    assert state.history[-1].loss < state.history[0].loss
    assert state.history[-1].test_accuracy > 0.9
    assert state.history[-1].test_accuracy == accuracy_of(network, tensors(seed=1))
    assert state_of(tmp_path) == state


def test_one_seed_is_one_network_whatever_was_drawn_before(tmp_path):
    first, _ = fit(recipe(), tensors(), None, 3, tmp_path / "a")
    torch.rand(7)
    before = torch.get_rng_state()
    second, _ = fit(recipe(), tensors(), None, 3, tmp_path / "b")
    assert torch.equal(torch.get_rng_state(), before)
    other, _ = fit(recipe(seed=1), tensors(), None, 3, tmp_path / "c")
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(other))


class Stops:
    """A progress that ends the work after so many reports."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, *_step) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("enough")


@pytest.mark.parametrize("head", ["linear", "l2"])
@pytest.mark.parametrize("after", [2, 6, 9, 14])
def test_stopped_at_any_time_it_ends_in_the_same_weights(tmp_path, head, after):
    whole, state = fit(recipe(head=head), tensors(), tensors(seed=1), 3, tmp_path / "whole")
    with pytest.raises(Cancelled):
        fit(recipe(head=head), tensors(), tensors(seed=1), 3, tmp_path / "parts", progress=Stops(after))
    network, resumed = fit(recipe(head=head), tensors(), tensors(seed=1), 3, tmp_path / "parts")
    assert same(weights(network), weights(whole))
    assert resumed == state


def test_a_finished_training_is_not_repeated(tmp_path):
    network, _ = fit(recipe(), tensors(), None, 3, tmp_path)
    again, _ = fit(recipe(), tensors(), None, 3, tmp_path, progress=Stops(0))
    assert same(weights(network), weights(again))


def test_the_folder_of_another_recipe_is_refused(tmp_path):
    fit(recipe(epochs=1), tensors(), None, 3, tmp_path)
    with pytest.raises(ModelError, match="holds the training of another recipe"):
        fit(recipe(epochs=1, rate=0.01), tensors(), None, 3, tmp_path)


def test_a_loss_that_is_no_number_says_what_to_change(tmp_path):
    broken = Images(tensors().pixels * float("nan"), tensors().labels)
    with pytest.raises(
        ModelError, match=r"The loss is no finite number in epoch 1, after 0 images; train with a lower rate than 0\.05"
    ):
        fit(recipe(), broken, None, 3, tmp_path)


def test_the_l2_head_gives_features_no_radial_gradient():
    """∂L/∂z = (I − z̄z̄ᵀ)Wᵀ(p − y)/‖z‖, which is orthogonal to z."""
    network = build(recipe(head="l2"), 3, tensors().pixels[:1])
    z = torch.randn(5, 64, dtype=torch.float64, requires_grad=True)
    network.linear.double()
    loss = torch.nn.functional.cross_entropy(network.linear(z), torch.tensor([0, 1, 2, 0, 1]))
    (gradient,) = torch.autograd.grad(loss, z)
    assert gradient.norm() > 1e-3
    assert (gradient * z).sum(dim=1).abs().max() < 1e-12


def test_the_epochs_before_a_loss_that_is_no_number_are_kept(tmp_path, monkeypatch):
    fit(recipe(epochs=1), tensors(), None, 3, tmp_path)
    good = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    state = State.model_validate_json(good["state.json"])
    write(tmp_path / "state.json", state.model_copy(update={"recipe": recipe(epochs=2)}))
    monkeypatch.setattr("latentviz.training.loop.augmented", lambda batch, how: batch * float("inf"))
    with pytest.raises(ModelError, match=r"in epoch 2, after 0 images; .* The epochs before it are kept"):
        fit(recipe(epochs=2), tensors(), None, 3, tmp_path)
    assert state_of(tmp_path).history == state.history
    assert (tmp_path / "0001-state.safetensors").read_bytes() == good["0001-state.safetensors"]


def test_weights_that_are_no_numbers_never_take_the_place_of_good_ones(tmp_path):
    """One batch an epoch: the loss of it is fine, and the step breaks the weights."""
    whole = {"batch": 90, "epochs": 8, "rate": 1e30}
    with pytest.raises(ModelError, match=r"(A weight|The loss) is no finite number in epoch"):
        fit(recipe(**whole), tensors(), None, 3, tmp_path)
    for path in tmp_path.glob("*-state.safetensors"):
        assert all(value.isfinite().all() for value in load_file(path).values())


@pytest.mark.parametrize("change", ["pixels", "labels"])
def test_a_training_does_not_go_on_with_other_images(tmp_path, change):
    with pytest.raises(Cancelled):
        fit(recipe(), tensors(), None, 3, tmp_path, progress=Stops(9))
    mine = tensors()
    other = Images(1 - mine.pixels, mine.labels) if change == "pixels" else Images(mine.pixels, mine.labels.flip(0))
    with pytest.raises(ModelError, match="holds the training of other images or classes; give this one another name"):
        fit(recipe(), other, None, 3, tmp_path)


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    with writing_lock(tmp_path, "Another"), pytest.raises(RunLockedError, match="is being written by"):
        fit(recipe(), tensors(), None, 3, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_at_any_batch_it_ends_in_the_same_weights(tmp_path, wait_until):
    """A process of its own, killed without a chance to finish its sentence."""
    script = """if True:
        import sys
        from pathlib import Path
        from tests.training.test_training import fit, recipe, tensors
        def tell(stage, done, total, unit=""):
            Path(sys.argv[2]).write_text(f"{stage} {done}")
        fit(recipe(epochs=4), tensors(per_class=80), None, 3, Path(sys.argv[1]), progress=tell)
    """
    parts, told = tmp_path / "parts", tmp_path / "told"
    process = subprocess.Popen([sys.executable, "-c", script, parts, told], cwd=Path(__file__).parents[2])
    wait_until(lambda: told.exists() and told.read_text().startswith("Epoch 2"))
    process.kill()
    process.wait()
    assert len(state_of(parts).history) in (1, 2, 3)
    whole, _ = fit(recipe(epochs=4), tensors(per_class=80), None, 3, tmp_path / "whole")
    resumed, _ = fit(recipe(epochs=4), tensors(per_class=80), None, 3, parts)
    for name, value in weights(resumed).items():
        torch.testing.assert_close(value, weights(whole)[name], rtol=0, atol=1e-6)  # threads of its own sum otherwise


def test_a_class_with_one_image_is_trained(tmp_path):
    few = tensors()
    rows = np.r_[np.flatnonzero(few.labels < 2), np.flatnonzero(few.labels == 2)[:1]]
    _, state = fit(recipe(epochs=1), Images(few.pixels[rows], few.labels[rows]), None, 3, tmp_path)
    assert np.isfinite(state.history[0].loss)


# What happens to images


def test_nothing_happens_to_images_if_nothing_shall():
    batch = tensors().pixels[:4]
    assert augmented(batch, "none") is batch


@pytest.mark.parametrize("how", ["crop", "crop-flip"])
def test_every_image_is_shifted_by_itself(how):
    batch = torch.arange(2 * 16 * 16 * 3, dtype=torch.float32).reshape(2, 3, 16, 16).repeat(100, 1, 1, 1)
    torch.manual_seed(0)
    found = augmented(batch, how)
    assert found.shape == batch.shape
    padded = torch.nn.functional.pad(batch[:2], (2, 2, 2, 2), mode="replicate")
    windows = [padded[:, :, y : y + 16, x : x + 16] for y in range(5) for x in range(5)]
    if how == "crop-flip":
        windows += [window.flip(3) for window in windows]
    places = [
        next(k for k, window in enumerate(windows) if torch.equal(window[n % 2], image))
        for n, image in enumerate(found)
    ]
    assert len(set(places)) > 0.8 * len(windows)  # of 200 draws about 99.9 % or 98 % of the places
    assert (max(places) >= 25) is (how == "crop-flip")


# Series


def request(**changes) -> TrainingRequest:
    sets = [
        {"name": "train", "role": "fit", "source": "there"},
        {"name": "test", "role": "ind", "source": "there"},
        {"name": "far", "role": "ood", "source": "there"},
    ]
    usual = {"family": "quarters", "recipe": recipe(), "checkpoints": 2, "sets": sets, "preprocessing": GREY}
    return TrainingRequest(**(usual | changes))


def sources() -> dict:
    def named(role: str, seed: int):
        pixels, labels = images(10, seed=seed)
        return lv.arrays(pixels, [f"quarter {label}" for label in labels] if role != "ood" else None, role)

    return {"train": named("fit", 0), "test": named("ind", 1), "far": named("ood", 2)}


def test_every_checkpoint_is_a_run_with_its_features(workspace):
    runs = train(workspace, request(seeds=[0, 1]), sources(), silent)
    names = [f"quarters-{head}-s{seed}-e{epoch}" for seed in (0, 1) for head in ("linear", "l2") for epoch in (1, 3)]
    assert [run.name for run in runs] == names
    for run in runs:
        assert run.complete
        assert list(run.sets) == ["train", "test", "far"]
        assert run.classes == ("quarter 0", "quarter 1", "quarter 2")
        about = run.manifest.attributes
        assert run.name == f"quarters-{about['head']}-s{about['seed']}-e{about['epoch']}"
        assert run.head.kind == about["head"]
    # The last one is the network that came out.
    network, _ = fit(recipe(head="l2", seed=1), tensors(per_class=10), None, 3, workspace.path / "alone")
    pixels, _ = images(10, seed=1)
    with torch.inference_mode():
        logits = network(torch.from_numpy(GREY.tensor(pixels[..., None]))).numpy()
    np.testing.assert_allclose(workspace["quarters-l2-s1-e3"]["test"].logits, logits, atol=1e-4)


@pytest.mark.parametrize("after", [1, 3, 5, 8])
def test_a_series_that_was_stopped_goes_on(workspace, after):
    wanted = request(heads=["l2"])
    with pytest.raises(Cancelled):
        train(workspace, wanted, sources(), Stops(after))
    runs = train(workspace, wanted, sources(), silent)
    assert [run.name for run in runs] == ["quarters-l2-s0-e1", "quarters-l2-s0-e3"]
    folder = workspace.path / FOLDER / "quarters-l2-s0"
    assert len(state_of(folder).history) == 3
    assert len(list(folder.glob("*-state.safetensors"))) == 1
    # And a run that was deleted since is made from its checkpoint.
    workspace.delete("quarters-l2-s0-e1")
    train(workspace, wanted, sources(), silent)
    assert workspace["quarters-l2-s0-e1"].complete


def test_what_stops_an_extraction_costs_no_epoch(workspace):
    wanted = request(heads=["l2"])

    def stops_in_extraction(stage, *_):
        if stage == "l2, seed 0: test":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        train(workspace, wanted, sources(), stops_in_extraction)
    folder = workspace.path / FOLDER / "quarters-l2-s0"
    assert len(state_of(folder).history) == 1
    runs = train(workspace, wanted, sources(), silent)
    assert [run.complete for run in runs] == [True, True]


def test_the_last_checkpoints_get_corrupted_versions_of_the_held_out_set(workspace):
    wanted = request(heads=["linear"], seeds=[0, 1], corruptions=["contrast"], severities=[1, 5])
    runs = train(workspace, wanted, sources(), silent)
    for run in runs:
        made = {"test-contrast-1", "test-contrast-5"} & run.sets.keys()
        assert len(made) == (2 if run.manifest.attributes["epoch"] == 3 else 0)
    last = workspace["quarters-linear-s1-e3"]
    assert last["test-contrast-5"].index["id"].tolist() == last["test"].index["id"].tolist()
    again = train(workspace, wanted, sources(), silent)
    assert [run.fingerprint for run in again] == [run.fingerprint for run in runs]
    with pytest.raises(DataError, match="fogg"):
        train(workspace, request(corruptions=["fogg"]), sources(), silent)


def test_checkpoints_that_were_not_kept_cannot_be_asked_for(workspace):
    train(workspace, request(heads=["l2"]), sources(), silent)
    with pytest.raises(ModelError, match="is trained already and kept no checkpoint of epoch 2; ask for the same"):
        train(workspace, request(heads=["l2"], checkpoints=3), sources(), silent)


def test_images_of_different_size_or_too_many(monkeypatch, workspace, make_folder, tmp_path):
    make_folder(tmp_path / "mixed", {"a": 2}, side=8)
    make_folder(tmp_path / "mixed", {"b": 2}, side=12)
    mixed = {"train": lv.folder(tmp_path / "mixed", "fit")}
    only = request(sets=[{"name": "train", "role": "fit", "source": "there"}])
    with pytest.raises(DataError, match=r"is 12×12 after the preprocessing, .* Add a resize or a centre crop"):
        train(workspace, only, mixed, silent)
    monkeypatch.setattr("latentviz.training.images._SHARE", 0.0)
    with pytest.raises(DataError, match=r"The 30 images of .* take 0\.0 GB, of which .* GB are free"):
        train(workspace, request(), sources(), silent)


def test_one_class_is_not_trained(workspace):
    pixels, _ = images(4)
    only = {"train": lv.arrays(pixels, ["one"] * len(pixels), "fit")}
    sets = [{"name": "train", "role": "fit", "source": "there"}]
    with pytest.raises(DataError, match='"train" has 1 classes; a classifier needs two'):
        train(workspace, request(sets=sets), only, silent)
