"""Neuron coverage of a published network on real images: the definition, what it tells apart, and its check."""

from pathlib import Path

import numpy as np
import pytest

import latentviz as lv
from latentviz import Run, Workspace
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coverage import Explorer, layers_of
from latentviz.evaluation.intervals import delong
from latentviz.evaluation.scores import scores
from latentviz.extraction.layers import layer_states
from latentviz.models import default_preprocessing, load
from latentviz.progress import silent
from latentviz.scorers.coverage_states import balanced
from latentviz.workspace.layers import stored_layers
from tests.transcription import autograd_products, by_backward, transcribed

LAYERS = ["layer3", "layer2", "layer1"]
FAR = {"textures": "textures_32", "mnist": "mnist_28", "tiny": "tiny_imagenet_32"}


def extracted(shared: Path, folder: Path, head: str, sets: dict) -> Run:
    weights = shared / "models" / "cifar10" / "checkpoints" / "resnet20-12fca82f.th"
    spec = lv.ModelSpec(architecture="resnet20", checkpoint=weights, head=head)
    images = shared / "cifar10"
    own = {"train": lv.folder(images / "lossless_train", "fit"), "test": lv.folder(images / "lossless_test", "ind")}
    recipe = default_preprocessing(spec).changed(resize=(32, 32))
    run = lv.extract(spec, own | sets, workspace=Workspace(folder), preprocessing=recipe, progress=silent)
    return layer_states(run, LAYERS, progress=silent)


@pytest.fixture(scope="module")
def run(shared, tmp_path_factory) -> Run:
    sets = {name: lv.folder(shared / "ood" / folder, "ood") for name, folder in FAR.items()}
    return extracted(shared, tmp_path_factory.mktemp("coverage"), "linear", sets)


@pytest.fixture(scope="module")
def l2_run(shared, tmp_path_factory) -> Run:
    """The same weights behind a head that divides the features by their length."""
    return extracted(shared, tmp_path_factory.mktemp("coverage-l2"), "l2", {})


def rows_of_images(run: Run, name: str, rows: np.ndarray) -> np.ndarray:
    """What the network is given."""
    source = lv.folder(Path(run[name].entry.reopen), run[name].role)
    recipe = Preprocessing.model_validate(run.manifest.preprocessing)
    pixels = [recipe.pixels(image) for row in rows for image in source.part(int(row), int(row) + 1)]
    return recipe.tensor(np.stack(pixels))


def by_backward_of(run: Run, name: str, rows: np.ndarray) -> dict[str, np.ndarray]:
    """``z ⊙ g`` of the inner layers, float64, by backward passes through the whole network."""
    network = load(lv.ModelSpec.model_validate(run.manifest.model["spec"])).network
    images = rows_of_images(run, name, rows)
    passes = [by_backward(network, LAYERS, images[start : start + 64]) for start in range(0, len(images), 64)]
    _, *sums = (np.concatenate(parts) for parts in zip(*passes, strict=True))
    pairs = zip(LAYERS, sums[::2], sums[1::2], strict=True)
    return {layer: np.multiply(total, gradient, dtype=np.float64) for layer, total, gradient in pairs}


@pytest.mark.parametrize("head", ["linear", "l2"])
def test_states_are_those_of_a_backward_pass(head, run, l2_run):
    of = run if head == "linear" else l2_run
    rows = np.arange(0, 220, 5)
    network = load(lv.ModelSpec.model_validate(of.manifest.model["spec"])).network
    _, *expected = by_backward(network, LAYERS, rows_of_images(of, "test", rows))
    stored = stored_layers(of["test"])
    for layer, total, gradient in zip(LAYERS, expected[::2], expected[1::2], strict=True):
        ours, at_ours = stored[layer].read(rows)
        for a, b in ((ours, total), (at_ours, gradient)):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("layer", ["last", *LAYERS])
@pytest.mark.parametrize("head", ["linear", "l2"])
def test_scores_are_the_definitions(head, layer, run, l2_run):
    """To 1e-6, of the states of a backward pass as far as float32 gives the same ones twice."""
    of = run if head == "linear" else l2_run
    explorer = Explorer(of, "test", [], ["last", *LAYERS])
    scorer = explorer.fitted(Asked.of("nac-ue", {"layers": layer}))
    rows = balanced(explorer.training.labels, 10, 1000, 0)
    if layer == "last":
        parts = [autograd_products(explorer.training[rows]), autograd_products(of["test"].latents())]
    else:
        parts = [by_backward_of(of, "train", rows)[layer], by_backward_of(of, "test", np.arange(220))[layer]]
    states = [1 / (1 + np.exp(-scorer.alpha_of(layer) * part)) for part in parts]
    slow = transcribed(*states, 50, 50)
    difference = np.abs(-explorer.scores(scorer, "test") - slow)
    # A state within rounding of an edge may fall to either side of it: one neuron of one image, if any.
    assert np.quantile(difference, 0.98) < 1e-6
    assert difference.mean() < 1e-5


def test_what_it_tells_apart_is_known(run):
    """AUROC of the layers on real sets, as measured when this was written, within their sampling error."""
    explorer = Explorer(run, "test", list(FAR), layers_of(run, ["test", *FAR]))
    assert explorer.layers == ("last", *LAYERS)
    table = explorer.over_layers(Asked.of("nac-ue")).set_index(["layers", "set"])["auroc"]
    expected = {
        "last": (0.927, 0.962, 0.879),
        "layer3": (0.927, 0.962, 0.879),
        "layer2": (0.700, 0.993, 0.662),
        "layer1": (0.661, 0.942, 0.594),
        "last+layer3+layer2+layer1": (0.858, 0.995, 0.809),
    }
    for layers, values in expected.items():
        for name, value in zip(FAR, values, strict=True):
            assert table[layers, name] == pytest.approx(value, abs=0.015), (layers, name)
        assert 0.45 <= table[layers, ""] <= 0.55, "memorisation"


def test_it_stands_beside_other_scorers_of_the_same_run(run):
    """Coverage is better than energy on textures, and worse than k-NN."""
    asked = [Asked(name) for name in ("nac-ue", "energy", "knn")]
    found = scores(run, asked).by_scorer
    aurocs = {name: delong(of["test"], of["textures"])[0] for name, of in found.items()}
    assert aurocs["energy"] < aurocs["nac-ue"] < aurocs["knn"]


def test_the_memorisation_check_of_a_published_network(run):
    explorer = Explorer(run, "test", list(FAR))
    scorer = explorer.fitted(Asked("nac-ue"))
    check = explorer.memorisation(scorer)
    assert check is not None
    assert 0.45 <= check.auroc <= 0.55
    assert (check.held_back, check.held_out) == (2976, 220)
    assert not check.fails
