"""States of inner layers beside a run's features: what is stored, resumed, scored and refused."""

import numpy as np
import pytest
import torch
from torch import nn

import latentviz as lv
from latentviz import Preprocessing, Run
from latentviz.errors import Cancelled, DataError, ModelError, WorkspaceError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coverage import Explorer, layers_of
from latentviz.evaluation.scores import scores
from latentviz.extraction import layer_names, layer_states
from latentviz.models.classifier import wrap
from latentviz.progress import silent
from latentviz.workspace import layers as storing
from latentviz.workspace.layers import stored_layers

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = Preprocessing(resize=(16, 16), mean=(0.5,), std=(0.25,))


class Net(nn.Module):
    """Two stages and a last layer."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.one = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU())
        self.two = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2), nn.ReLU())
        self.last = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.two(self.one(x)).mean(dim=(2, 3)))


@pytest.fixture
def folders(tmp_path, make_folder) -> dict[str, lv.datasets.source.ImageSource]:
    train = make_folder(tmp_path / "train", {"cat": 15, "dog": 14}, side=16)
    test = make_folder(tmp_path / "test", {"cat": 5, "dog": 6}, side=16, seed=1)
    far = make_folder(tmp_path / "far", {"emu": 7}, side=16, seed=2)
    return {"train": lv.folder(train, "fit"), "test": lv.folder(test, "ind"), "far": lv.folder(far, "ood")}


@pytest.fixture
def run(folders, workspace) -> Run:
    return lv.extract(Net(), folders, workspace=workspace, name="run", preprocessing=RECIPE, batch=4, progress=silent)


def stored(run: Run, layers=("one", "two"), **options) -> Run:
    return layer_states(run, list(layers), **{"model": Net(), "progress": silent, **options})


def test_what_is_stored_is_what_the_network_does(run, folders):
    made = stored(run)
    assert layers_of(made, ["test", "far"]) == ["last", "two", "one"]
    for name, source in folders.items():
        pixels = np.stack([RECIPE.pixels(image) for image in source.part(0, len(source))])
        network = wrap(Net(), RECIPE).network
        kept = {}
        network.one.register_forward_hook(lambda _m, _i, output, kept=kept: kept.update(one=output))
        for parameter in network.parameters():
            parameter.requires_grad_(True)
        logits = network(torch.from_numpy(RECIPE.tensor(pixels)))
        (gradient,) = torch.autograd.grad(-torch.log_softmax(logits, 1).mean(1).sum(), kept["one"])
        layer = stored_layers(made[name])["one"]
        assert layer.width == 4
        total, found = layer.read()
        np.testing.assert_allclose(total, kept["one"].detach().sum(dim=(2, 3)), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found, gradient.sum(dim=(2, 3)), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(layer.read(np.array([3, 1]))[0], total[[3, 1]])
        np.testing.assert_array_equal(layer.read(slice(2, 5))[1], found[2:5])


def test_layers_are_scored_alone_and_together(run):
    made, text = stored(run), "nac-ue:layers={}:samples=20"
    asked = [Asked.read(text.format(names)) for names in ("one", "two", "last+one+two")]
    found = scores(made, asked)
    assert not found.problems
    assert len({of["test"].tobytes() for of in found.by_scorer.values()}) == 3
    explorer = Explorer(made, "test", ["far"], ["last", "one", "two"])
    scorer = explorer.fitted(asked[2])
    np.testing.assert_allclose(explorer.scores(scorer, "far"), found.by_scorer[asked[2].label]["far"], atol=1e-12)


def test_scores_without_states_say_what_to_do_and_come_once_they_are_there(run):
    asked = Asked.read("nac-ue:layers=one")
    problem = scores(run, [asked]).problems[asked.label]
    assert (
        'needs the states of the layer "one" of "train"; none are stored. Store them with latentviz layers' in problem
    )
    some = stored(run, ["one"], sets=["train", "test"])
    problem = scores(some, [asked]).problems[asked.label]
    assert 'states of the layer "one" of "far"; none are stored' in problem
    assert not scores(stored(run, ["one"]), [asked]).problems


def test_stopped_work_goes_on_to_the_same_bits(run, folders, workspace, monkeypatch):
    whole = lv.extract(
        Net(), folders, workspace=workspace, name="whole", preprocessing=RECIPE, batch=4, progress=silent
    )
    monkeypatch.setattr("latentviz.extraction.layers.CHUNK", 8)
    monkeypatch.setattr(storing, "CHUNK", 8)
    whole = stored(whole)

    def stop(stage: str, done: int, total: int, unit: str = "") -> None:
        if "train" in stage and done >= 16:
            raise Cancelled

    with pytest.raises(Cancelled):
        stored(run, progress=stop)
    half = stored_layers(run["train"], unfinished=True)["one"]
    assert (half.state.rows, half.complete) == (16, False)
    assert stored_layers(run["train"]) == {}
    stored(run, ["two"])  # one layer alone is farther than the other now
    made = stored(run)
    for name in run.sets:
        for layer in ("one", "two"):
            a, b = (stored_layers(of[name])[layer] for of in (made, whole))
            for ours, theirs in zip(a.read(), b.read(), strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_what_is_complete_is_left_alone(run):
    made, seen = stored(run), []
    before = [stored_layers(s)["one"].fingerprint for s in made]
    again = stored(made, progress=lambda stage, *_: seen.append(stage))
    assert seen == ["Loading the model"]
    assert [stored_layers(s)["one"].fingerprint for s in again] == before


def test_images_that_were_left_out_are_left_out_again(tmp_path, make_folder, workspace):
    path = make_folder(tmp_path / "train", {"cat": 6, "dog": 6}, side=16)
    (path / "cat" / "0002.png").write_bytes(b"no image")
    run = lv.extract(
        Net(), {"train": lv.folder(path, "fit")}, workspace=workspace, name="run", preprocessing=RECIPE,
        skip_unreadable=True, progress=silent,
    )  # fmt: skip
    made = stored(run)
    assert len(stored_layers(made["train"])["one"].read()[0]) == 11


def test_an_image_that_can_no_longer_be_read_is_told(run, tmp_path):
    (tmp_path / "test" / "dog" / "0005.png").write_bytes(b"no image")
    with pytest.raises(DataError, match='1 images of "test" are missing that were there'):
        stored(run)


def test_images_that_changed_are_refused(run, tmp_path, make_folder):
    make_folder(tmp_path / "test", {"cat": 5, "dog": 6}, side=16, seed=9)
    with pytest.raises(DataError, match='images of "test" give other logits now than when they were extracted'):
        stored(run)
    assert "one" in stored_layers(run["train"])  # what was finished stays


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layers": ["three"]}, ModelError, 'Net has no layer "three"; it has one, two'),
        ({"layers": []}, DataError, "No layer was named"),
        ({"sets": ["nowhere"]}, WorkspaceError, 'has no set "nowhere"'),
        ({"model": Net(1)}, ModelError, "This is not the network that .* was extracted from: its weights are others"),
        ({"model": None}, DataError, "was a Python object; give it again"),
    ],
)
def test_what_cannot_be_stored(run, options, error, message):
    with pytest.raises(error, match=message):
        stored(run, **options)


def test_an_onnx_file_has_the_last_layer_only(folders, workspace, tmp_path):
    pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    torch.onnx.export(Net().eval(), (torch.zeros(1, 3, 16, 16),), path, dynamo=False)
    run = lv.extract(
        lv.ModelSpec(onnx=path), folders, workspace=workspace, name="onnx", preprocessing=RECIPE, progress=silent
    )
    with pytest.raises(ModelError, match=r"An ONNX file has no gradients of inner layers: .* its last layer only"):
        layer_states(run, ["one"], progress=silent)
    assert not scores(run, [Asked.read("nac-ue")]).problems


def test_states_that_are_gone_are_told(run):
    made = stored(run)
    (made.folder / "sets" / "test" / "layers" / "one" / "sum" / "zarr.json").unlink()
    with pytest.raises(WorkspaceError, match="sum is missing"):
        stored_layers(made["test"])["one"].read()


def test_a_set_that_was_extracted_anew_has_no_states(run, folders, workspace):
    made = stored(run)
    state = made["test"].folder / "layers" / "one" / "state.json"
    state.write_text(state.read_text().replace(made["test"].fingerprint, "0" * 32))
    assert layers_of(made, ["test"]) == ["last", "two"]
    assert layers_of(stored(made), ["test"]) == ["last", "two", "one"]


def test_the_command_lists_layers_and_stores_them(call, folders, tmp_path, checkpoint):
    images = ["--set", f"train={tmp_path / 'train'}:fit", "--set", f"test={tmp_path / 'test'}:ind"]
    start = ["extract", "-w", tmp_path / "w", "--model", "resnet20", "--checkpoint", checkpoint, "--name", "r"]
    sides = ["--resize", "16x16", "--classes", "cat,dog,emu"]
    code, _, said = call(*start, *images, *sides, "--layers", "layer7")
    assert code
    assert 'has no layer "layer7"; it has layer1, layer2, layer3' in said
    assert not (tmp_path / "w" / "runs").exists() or not list((tmp_path / "w" / "runs").iterdir())
    code, _, said = call(*start, *images, *sides, "--layers", "layer3")
    assert code == 0, said
    code, out, _ = call("layers", "-w", tmp_path / "w", "--run", "r")
    assert out.split()[:3] == ["layer1", "layer2", "layer3"]
    code, out, said = call("layers", "-w", tmp_path / "w", "--run", "r", "--layers", "layer1,layer2")
    assert code == 0, said
    assert "layer1 (16), layer2 (32), layer3 (64)" in out
    code, out, said = call("score", "-w", tmp_path / "w", "--run", "r", "-s", "nac-ue:layers=last+layer1:samples=20")
    assert code == 0, said


def test_layers_of_corrupted_sets_can_be_stored_too(run):
    pytest.importorskip("imagecorruptions")
    made = lv.corrupt(run, "test", ["contrast"], [1], model=Net(), progress=silent)
    name = next(n for n in made.sets if "contrast" in n)
    assert "one" in stored_layers(stored(made, ["one"], sets=[name])[name])


def test_names_of_a_python_object(run):
    assert layer_names(run, Net()) == ["one", "two"]
