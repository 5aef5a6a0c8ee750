"""Model × image sets → run."""

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn

import latentviz as lv
from latentviz import Head, Preprocessing, Run, Workspace
from latentviz.errors import Cancelled, DataError, ModelError, UnreadableImageError, WorkspaceError
from latentviz.extraction import Request, preview, run_request
from latentviz.models import load, wrap
from latentviz.progress import silent

EIGHT = Preprocessing(resize=(8, 8), mean=(0.5,), std=(0.25,))
ARRAYS = ("features", "logits", "prediction", "confidence", "norm", "thumbnails")


pytestmark = pytest.mark.usefixtures("one_thread")


class Net(nn.Module):
    """A convolution, a hidden layer, a last layer."""

    def __init__(self, classes: int = 3, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5), nn.ReLU())
        self.last = nn.Linear(5, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(x))


class Stubborn:
    """A classifier whose memory is full above a number of images."""

    head = Head(np.eye(3, 192, dtype=np.float32), np.zeros(3))
    layer, preprocessing, fingerprint, batch_limit = "last", EIGHT, "stubborn", None

    def __init__(self, limit: int = 4, error: Exception | None = None, needs: int | Exception = 1) -> None:
        self.limit, self.error, self.needs = limit, error or MemoryError(), needs
        self.sizes: list[int] = []

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(images) > self.limit:
            raise self.error
        self.sizes.append(len(images))
        features = images.reshape(len(images), -1)
        return features, self.head.logits(features)

    def bytes_per_image(self, shape: tuple[int, int, int]) -> int:
        if isinstance(self.needs, Exception):
            raise self.needs
        return self.needs


#: Three classes in a fit and a test set, another class in a third.
COUNTS = {"train": {"cat": 9, "dog": 8, "emu": 7}, "test": {"cat": 4, "emu": 5}, "other": {"fox": 6}}
ROLES = {"train": "fit", "test": "ind", "other": "ood"}
PIXELS = {
    name: np.random.default_rng(len(name)).integers(0, 256, (sum(counts.values()), 8, 8, 3), dtype=np.uint8)
    for name, counts in COUNTS.items()
}
NAMES = {name: [label for label, n in counts.items() for _ in range(n)] for name, counts in COUNTS.items()}


@pytest.fixture
def images(tmp_path):
    """The same images as files."""
    for name, pixels in PIXELS.items():
        for row, (image, label) in enumerate(zip(pixels, NAMES[name], strict=True)):
            (tmp_path / name / label).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(tmp_path / name / label / f"{row:02d}.png")
    return tmp_path


def folders(images, *names: str) -> dict:
    return {name: lv.folder(images / name, ROLES[name]) for name in names or ROLES}


def in_memory(name: str, role: str, labels=None, **more):
    return lv.arrays(PIXELS[name], NAMES[name] if labels is None else labels, role, **more)


def sources(*names: str) -> dict:
    return {name: in_memory(name, ROLES[name]) for name in names or ROLES}


def extract(workspace: Workspace, sets: dict, model=None, **more) -> Run:
    given = {"name": "run", "preprocessing": EIGHT, "progress": silent, "batch": 4, **more}
    return lv.extract(model or Net(), sets, workspace=workspace, **given)


def contents(run: Run) -> dict:
    """Everything that a run says about its sets, to the bit."""
    return {
        s.name: [
            s.role,
            s.complete,
            s.fingerprint,
            s.state.digests,
            s.state.skipped,
            s.index.to_dict("list"),
            *(s.read(name).tobytes() for name in ARRAYS),
        ]
        for s in run
    }


def files(run: Run) -> dict:
    """Every file of a run's sets and when it was written."""
    return {path: path.stat().st_mtime_ns for path in (run.folder / "sets").rglob("*") if path.is_file()}


@pytest.fixture
def small_chunks(monkeypatch):
    """Write every batch, so that short sets have several chunks."""
    monkeypatch.setattr("latentviz.extraction.run.CHUNK_ROWS", 4)


# --- what is stored ---


def test_a_run_is_a_forward_pass(images, workspace):
    run = extract(workspace, folders(images))
    network = Net().eval()
    for s in run:
        paths = sorted((images / s.name).rglob("*.png"))
        pixels = np.stack([np.asarray(Image.open(path)) for path in paths])
        x = torch.from_numpy((pixels.transpose(0, 3, 1, 2) / np.float32(255) - np.float32(0.5)) / np.float32(0.25))
        with torch.inference_mode():
            features = network.body(x)
            logits = network.last(features)
        np.testing.assert_allclose(s.features, features.numpy(), atol=1e-5)
        np.testing.assert_allclose(s.logits, logits.numpy(), atol=1e-5)
        np.testing.assert_array_equal(s.read("prediction"), logits.argmax(1).numpy())
        np.testing.assert_allclose(s.read("confidence"), logits.softmax(1).amax(1).numpy(), atol=1e-5)
        np.testing.assert_allclose(s.read("norm"), features.norm(dim=1).numpy(), atol=1e-5)
        np.testing.assert_array_equal(s.thumbnails(), pixels)
        assert s.index["id"].tolist() == [path.relative_to(images / s.name).as_posix() for path in paths]
    assert run.complete
    assert run.classes == ("cat", "dog", "emu")
    assert run["train"].labels.tolist() == [0] * 9 + [1] * 8 + [2] * 7
    assert run["test"].labels.tolist() == [0] * 4 + [2] * 5
    assert run["other"].labels.tolist() == [-1] * 6
    assert run["other"].index["class_name"].unique().tolist() == ["fox"]
    np.testing.assert_array_equal(run.head.weight, network.last.weight.detach().numpy())
    assert run.manifest.preprocessing == EIGHT.model_dump(mode="json")
    assert run.manifest.versions["numpy"] == np.__version__


def test_arrays_in_memory_go_the_same_way(images, workspace):
    labels = [["cat", "dog", "emu"].index(name) for name in NAMES["train"]]
    from_files = extract(workspace, folders(images, "train"), name="files")
    numbered = extract(workspace, {"train": in_memory("train", "fit", labels)}, name="memory", classes="abc")
    assert numbered.classes == ("a", "b", "c")
    assert numbered["train"].index["class_name"].tolist() == ["a"] * 9 + ["b"] * 8 + ["c"] * 7
    for name in ARRAYS:
        np.testing.assert_array_equal(numbered["train"].read(name), from_files["train"].read(name))
    np.testing.assert_array_equal(numbered["train"].labels, from_files["train"].labels)


def test_the_second_call_writes_nothing(workspace):
    before = files(extract(workspace, sources()))
    assert files(extract(workspace, sources())) == before


def test_a_set_is_added_later(workspace):
    before = files(extract(workspace, sources("train", "test")))
    run = extract(workspace, sources())
    assert list(run.sets) == ["train", "test", "other"]
    assert before.items() <= files(run).items()
    assert contents(run) == contents(extract(workspace, sources(), name="at once"))


def test_a_set_can_be_added_without_naming_those_that_are_there(workspace):
    extract(workspace, sources("train"))
    run = extract(workspace, sources("other"), classes=["cat", "dog", "emu"])
    assert list(run.sets) == ["train", "other"]


def test_the_batch_does_not_change_on_the_way(workspace):
    extract(workspace, sources("train"), batch=4)
    assert extract(workspace, sources(), batch=8).manifest.batch == 4


# --- classes ---


def test_the_order_of_the_classes_can_be_given(workspace):
    run = extract(workspace, sources(), classes=["emu", "cat", "dog"])
    assert run["train"].labels.tolist() == [1] * 9 + [2] * 8 + [0] * 7


def test_classes_come_from_the_fit_set_wherever_it_stands(workspace):
    sets = {"test": in_memory("other", "ood"), **sources("train")}
    assert extract(workspace, sets).classes == ("cat", "dog", "emu")


def test_outputs_are_numbered_where_no_set_names_them(workspace):
    assert extract(workspace, sources("other")).classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("model", "names", "more", "message"),
    [
        (Net(4), ["train"], {}, r'network has 4 outputs, but "train" has 3 classes \(cat, dog, emu\)'),
        (Net(), ["test"], {}, r'network has 3 outputs, but "test" has 2 classes \(cat, emu\)'),
        (Net(), ["train"], {"classes": ["a", "b"]}, "2 different class names were given for a network with 3 outputs"),
        (Net(), ["train"], {"classes": ["a", "b", "b"]}, "2 different class names"),
        (Net(), ["train"], {"classes": ["cat", "dog", "ewe"]}, 'class of "train" is not among the model\'s: emu'),
    ],
)
def test_classes_that_do_not_fit(workspace, model, names, more, message):
    with pytest.raises(DataError, match=message):
        extract(workspace, sources(*names), model, **more)
    assert workspace.names() == []


@pytest.mark.parametrize("role", ["ind", "shifted"])
def test_unknown_classes_need_the_role_ood(workspace, role):
    sets = {**sources("train"), "other": in_memory("other", role)}
    with pytest.raises(DataError, match=r'"other" is not among the model\'s: fox.*role "ood"'):
        extract(workspace, sets)


def test_renamed_classes_get_their_label(workspace):
    shifted = in_memory("other", "shifted", rename={"fox": "dog"})
    run = extract(workspace, {**sources("train"), "foxes": shifted})
    assert run["foxes"].labels.tolist() == [1] * 6
    assert run["foxes"].index["class_name"].unique().tolist() == ["fox"]


def test_labels_out_of_range_are_told_before_anything_is_read(workspace):
    numbered = lv.arrays(np.zeros((2, 8, 8), np.uint8), [0, 3], "ind")
    with pytest.raises(DataError, match='"test" has the label 3, out of range for 3 logits'):
        extract(workspace, {**sources("train"), "test": numbered})
    assert workspace.names() == []


@pytest.mark.parametrize(
    ("sets", "error", "message"),
    [
        ({}, DataError, "There is no image set"),
        ({"a/b": lv.arrays(np.zeros((1, 8, 8), np.uint8))}, WorkspaceError, '"a/b" cannot be the name of a set'),
        ({"a": lv.arrays(np.zeros((1, 8, 8), np.uint8), [0], "new")}, DataError, '"new" is not a role'),
    ],
)
def test_sets_that_cannot_be(workspace, sets, error, message):
    with pytest.raises(error, match=message):
        extract(workspace, sets)
    assert workspace.names() == []


def test_a_network_needs_its_preprocessing(workspace):
    with pytest.raises(DataError, match=r"needs preprocessing=lv\.Preprocessing"):
        extract(workspace, sources("train"), preprocessing=None)


def test_a_request_names_every_set_once():
    entry = {"name": "a", "role": "ood", "source": "."}
    with pytest.raises(ValidationError, match="two sets are called a"):
        Request.model_validate({"model": {"onnx": "a.onnx"}, "sets": [entry, entry]})


def test_a_request_survives_json(images, workspace, checkpoint):
    entry = {"name": "train", "role": "fit", "source": str(images / "train"), "rename": {"emu": "cat"}}
    model = {"architecture": "resnet20", "checkpoint": checkpoint}
    more = {"preprocessing": EIGHT, "classes": ["dog", "cat", "ewe"], "batch": 4, "attributes": {"seed": 3}}
    request = Request.model_validate({"model": model, "sets": [entry], **more})
    assert Request.model_validate(request.model_dump(mode="json")) == request
    run = run_request(workspace, request, silent)
    assert run.name == "resnet20-tiny"
    assert run.manifest.attributes == {"seed": 3}
    assert run["train"].labels.tolist() == [1] * 9 + [0] * 8 + [1] * 7


# --- runs of the same name ---


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (Net(seed=1), {}),
        (Net(), {"preprocessing": EIGHT.changed(mean=(0.4,))}),
        (Net(), {"classes": ["emu", "dog", "cat"]}),
    ],
    ids=["weights", "preprocessing", "classes"],
)
def test_another_model_needs_another_name(workspace, model, more):
    before = contents(extract(workspace, sources("train")))
    with pytest.raises(WorkspaceError, match='already has a run "run" made with another model, preprocessing or'):
        extract(workspace, sources("train"), model, **more)
    assert contents(workspace["run"]) == before


def test_other_images_need_another_set_name(workspace):
    extract(workspace, sources())
    fewer = lv.arrays(PIXELS["test"][1:], NAMES["test"][1:], "ind")
    with pytest.raises(WorkspaceError, match='already has a set "test" with other samples or labels'):
        extract(workspace, {**sources("train"), "test": fewer})
    with pytest.raises(WorkspaceError, match='already has a set "test" with another role'):
        extract(workspace, {**sources("train"), "test": in_memory("test", "shifted")})


def test_a_conflict_is_told_before_other_sets_are_extracted(workspace):
    extract(workspace, sources("train"))
    fewer = lv.arrays(PIXELS["train"][1:], NAMES["train"][1:], "fit")
    with pytest.raises(WorkspaceError, match='already has a set "train"'):
        extract(workspace, {"test": in_memory("test", "ind"), "train": fewer}, classes=["cat", "dog", "emu"])
    assert len(workspace["run"]["test"]) == 0


# --- unreadable images and images that do not fit ---


def test_unreadable_images_are_left_out_and_counted(images, workspace, small_chunks):
    for name in ("cat/01", "cat/08", "dog/09", "emu/23"):
        (images / "train" / f"{name}.png").write_bytes(b"")
    train = extract(workspace, folders(images), skip_unreadable=True)["train"]
    assert train.complete
    assert len(train) == len(train.features) == len(train.thumbnails()) == 20
    assert train.skipped["id"].tolist() == ["cat/01.png", "cat/08.png", "dog/09.png", "emu/23.png"]
    assert "0 bytes" in train.skipped["reason"][0]
    assert not set(train.skipped["id"]) & set(train.index["id"])
    assert train.labels.tolist() == [0] * 7 + [1] * 7 + [2] * 6
    for row, name in enumerate(train.index["id"]):
        np.testing.assert_array_equal(train.thumbnails()[row], np.asarray(Image.open(images / "train" / name)))


def test_after_a_repair_the_work_goes_on(images, workspace, small_chunks):
    whole = contents(extract(workspace, folders(images), name="whole"))
    damaged = images / "train" / "dog" / "12.png"
    good = damaged.read_bytes()
    damaged.write_bytes(good[:100])
    with pytest.raises(UnreadableImageError, match=r"dog/12\.png cannot be read"):
        extract(workspace, folders(images))
    part = workspace["run"]
    assert part.progress == (12, 24 + 9 + 6)
    assert not part.complete
    assert not part.busy
    kept = part["train"].features
    damaged.write_bytes(good)
    run = extract(workspace, folders(images))
    np.testing.assert_array_equal(run["train"].features[:12], kept)
    assert contents(run) == whole


def test_nothing_but_unreadable_images(images, workspace):
    for path in (images / "other" / "fox").iterdir():
        path.write_text("nothing")
    with pytest.raises(DataError, match=r"None of the 6 images of .*other can be read"):
        extract(workspace, folders(images), skip_unreadable=True)


def test_images_of_different_sizes_need_a_resize(images, workspace):
    Image.new("RGB", (9, 8)).save(images / "train" / "dog" / "12.png")
    model = Stubborn(64)
    model.preprocessing = Preprocessing()
    with pytest.raises(DataError, match=r"dog/12\.png is 8×9 .* first image 8×8\. Add a resize"):
        extract(workspace, folders(images), model, batch=64, preprocessing=None)


def test_features_that_are_not_finite_are_not_stored(workspace):
    network = Net()
    with torch.no_grad():
        network.body[0].weight[0] = float("nan")
    with pytest.raises(DataError, match='features of "train" are NaN or infinite'):
        extract(workspace, sources("train"), wrap(network, EIGHT, layer="last"))
    assert len(workspace["run"]["train"]) == 0


def test_images_of_other_bit_depths_are_found_in_every_batch(images, workspace):
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(images / "train" / "dog" / "12.png")
    with pytest.raises(DataError, match=r"dog/12\.png has values of uint16, the set's first image uint8"):
        extract(workspace, folders(images), batch=1)


def test_a_preview_names_an_image_that_cannot_be_prepared(images, checkpoint):
    Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(images / "train" / "cat" / "00.tif")
    entry = {"name": "train", "role": "fit", "source": str(images / "train")}
    request = Request.model_validate({"model": {"architecture": "resnet20", "checkpoint": checkpoint}, "sets": [entry]})
    told = preview(request, samples=25)
    assert not told.ready
    assert told.sets[0].problem.startswith("cat/00.tif cannot be used: ")


def test_images_that_cannot_be_prepared_are_left_out_too(images, workspace):
    for number in (0, 12):
        Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(images / "train" / "cat" / f"{number:02d}.tif")
    with pytest.raises(UnreadableImageError, match=r"cat/00\.tif cannot be used: .* 70000"):
        extract(workspace, folders(images))
    train = extract(workspace, folders(images), skip_unreadable=True, name="most")["train"]
    assert train.skipped["id"].tolist() == ["cat/00.tif", "cat/12.tif"]
    assert len(train) == 24


# --- the last layer ---


def test_a_network_that_ends_in_a_softmax_needs_the_name_of_its_layer(workspace):
    network = nn.Sequential(Net(), nn.Softmax(dim=1))
    with pytest.raises(ModelError, match=r"name the last one yourself .* 0\.last \(5 → 3\)"):
        extract(workspace, sources(), network)
    run = extract(workspace, sources(), wrap(network, EIGHT, layer="0.last"))
    plain = extract(workspace, sources(), Net(), name="plain")
    np.testing.assert_array_equal(run["test"].logits, plain["test"].logits)
    np.testing.assert_array_equal(run["test"].features, plain["test"].features)


def test_a_named_layer_that_is_not_the_last_has_outputs_of_its_own(workspace):
    hidden = wrap(Net(), EIGHT, layer="body.3")
    with pytest.raises(DataError, match='network has 5 outputs, but "train" has 3 classes'):
        extract(workspace, sources("train"), hidden)
    run = extract(workspace, sources("other"), hidden, classes="abcde")
    assert run["other"].logits.shape == (6, 5)


def test_what_is_no_model(workspace):
    with pytest.raises(ModelError, match=r"The model is a str; give a ModelSpec, an nn\.Module or a Classifier"):
        extract(workspace, sources(), "resnet20")


def test_a_run_is_called_after_its_network(workspace):
    for model in (Net(), wrap(Net(), EIGHT)):
        run = extract(workspace, sources("train"), model, name=None)
        assert (run.name, run.manifest.title) == ("Net", "Net")


def test_attributes_can_be_added_to_a_run_but_not_changed(workspace):
    extract(workspace, sources("train"), attributes={"seed": 1})
    run = extract(workspace, sources("train"), attributes={"seed": 1, "family": "small"})
    assert run.manifest.attributes == {"seed": 1, "family": "small"}
    with pytest.raises(WorkspaceError, match="attribute seed=1, not 2"):
        extract(workspace, sources(), attributes={"seed": 2})
    assert list(workspace["run"].sets) == ["train"]


# --- memory and interruptions ---


def test_a_batch_is_halved_until_it_fits(workspace):
    model = Stubborn()
    run = extract(workspace, sources(), model, batch=64)
    assert model.sizes == [3] * 8 + [4, 2, 3] + [3, 3]
    assert contents(run) == contents(extract(workspace, sources(), Stubborn(64), batch=64, name="enough"))


#: How libraries say that the memory is full.
FULL = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_memory_is_full_in_many_words(workspace, error):
    model = Stubborn(error=error)
    assert extract(workspace, sources(), model, batch=64).complete
    assert max(model.sizes) <= 4
    with pytest.raises(WorkspaceError, match="memory is too small for a single image"):
        extract(workspace, sources(), Stubborn(0, error), name="none")


def test_other_errors_are_not_taken_for_a_full_memory(workspace):
    model = Stubborn(error=RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        extract(workspace, sources(), model, batch=64)
    assert model.sizes == []


@pytest.mark.parametrize(("share", "batch"), [(1e-9, 64), (1 / 11, 8), (10, 1)])
def test_the_batch_is_what_fits_into_a_quarter_of_the_memory(workspace, share, batch):
    needs = int(psutil.virtual_memory().available * share / 4)  # 8 images of 1/11 fit, 16 do not
    run = extract(workspace, sources("train"), Stubborn(64, needs=needs), batch=None)
    assert run.manifest.batch == batch


def test_a_network_too_large_to_be_measured_is_a_sentence(workspace):
    with pytest.raises(WorkspaceError, match="memory is too small for a single image"):
        extract(workspace, sources(), Stubborn(needs=MemoryError()), batch=None)


@pytest.mark.parametrize("after", [1, 9, 24, 30])
def test_cancelling_keeps_the_finished_chunks(workspace, small_chunks, after):
    whole = contents(extract(workspace, sources(), name="whole"))
    seen = 0

    def impatient(stage: str, done: int, total: int, unit: str = "") -> None:
        nonlocal seen
        seen = done if stage == "train" else 24 + done
        if unit and seen >= after:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        extract(workspace, sources(), progress=impatient)
    part = workspace["run"]
    assert not part.busy
    assert part.progress[0] == seen // 4 * 4
    assert contents(extract(workspace, sources())) == whole


def test_progress_counts_every_set_to_its_end(workspace):
    told: dict[str, list[tuple[int, int]]] = {}

    def listen(stage: str, done: int, total: int, unit: str = "") -> None:
        told.setdefault(stage, []).append((done, total))

    extract(workspace, sources(), progress=listen)
    assert list(told) == ["Loading the model", "train", "test", "other"]
    assert told["test"] == [(0, 9), (4, 9), (8, 9), (9, 9)]
    assert told["train"][-1] == (24, 24)


def test_a_fixed_batch_of_an_onnx_file_is_kept(workspace, tmp_path):
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper, save

    weight = np.random.default_rng(0).normal(size=(192, 3)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["image"], ["z"]), helper.make_node("MatMul", ["z", "w"], ["logits"])]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [5, 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [5, 3])],
        [numpy_helper.from_array(weight, "w")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "a.onnx")
    run = extract(workspace, sources(), lv.ModelSpec(onnx=tmp_path / "a.onnx"), batch=64)
    assert run.manifest.batch == 5
    assert len(run["test"]) == 9
    np.testing.assert_allclose(run["test"].logits, run["test"].features @ weight, atol=1e-4)


def test_a_classifier_keeps_its_own_preprocessing(workspace, make_folder, tmp_path, checkpoint):
    classifier = load(lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint))
    sets = {"train": lv.folder(make_folder(tmp_path / "images", {"a": 2, "b": 2, "c": 2}), "fit")}
    with pytest.raises(DataError, match="its own preprocessing"):
        lv.extract(classifier, sets, workspace=workspace, preprocessing=lv.Preprocessing(), progress=silent)
