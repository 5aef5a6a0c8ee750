"""Corrupted versions of a set: which images they are, and what is kept of them."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import latentviz as lv
from latentviz import Head, Preprocessing, Run, jobs
from latentviz.datasets.corruptions import corrupt, corruptions
from latentviz.datasets.decode import Decoder, decode, look_of
from latentviz.datasets.source import Corrupted
from latentviz.errors import Cancelled, DataError, UnreadableImageError, WorkspaceError
from latentviz.evaluation.accuracy import sets_table
from latentviz.evaluation.corrupted import corrupted_sets, in_grid
from latentviz.extraction.corrupting import chosen
from latentviz.progress import silent

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = Preprocessing(resize=(32, 32), mean=(0.5,), std=(0.25,))
COUNTS = {"cat": 5, "dog": 4}


class Net(nn.Module):
    """A convolution and a last layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten())
        self.last = nn.Linear(256, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(x))


@pytest.fixture
def folder(tmp_path, make_folder):
    """Nine images of two classes, larger than the network sees them."""
    return make_folder(tmp_path / "test", COUNTS, side=40)


@pytest.fixture
def run(folder, workspace) -> Run:
    return lv.extract(
        Net(),
        {"test": lv.folder(folder, "ind")},
        workspace=workspace,
        name="run",
        preprocessing=RECIPE,
        batch=4,
        progress=silent,
    )


def corrupted(run: Run, names=("gaussian_noise", "fog"), severities=(1, 5), **more) -> Run:
    return lv.corrupt(run, "test", names, severities, **{"model": Net(), "progress": silent, **more})


def pixels(folder, ids) -> np.ndarray:
    """The images as the network sees them."""
    return np.stack([RECIPE.pixels(Image.open(folder / name)) for name in ids])


def test_a_corrupted_set_is_the_network_on_corrupted_images(run, folder):
    made = corrupted(run, seed=3)
    assert list(made.uncorrupted) == ["test"]
    names = [f"test-{name}-{severity}-seed3" for name in ("gaussian_noise", "fog") for severity in (1, 5)]
    assert sorted(set(made.sets) - {"test"}) == sorted(names)
    clean = made["test"].index["id"].tolist()
    for name in names:
        made_of = made[name]
        _, corruption, severity, _ = name.split("-")
        images = [
            corrupt(image, corruption, int(severity), seed=3, key=key)
            for image, key in zip(pixels(folder, clean), clean, strict=True)
        ]
        np.testing.assert_array_equal(made_of.thumbnails(), images)
        with torch.inference_mode():
            expected = Net().eval().body(torch.from_numpy(RECIPE.tensor(np.stack(images))))
        np.testing.assert_allclose(made_of.features, expected.numpy(), atol=1e-5)
        assert made_of.role == "shifted"
        np.testing.assert_array_equal(made_of.labels, made["test"].labels)
        assert made_of.index["id"].tolist() == made["test"].index["id"].tolist()


def test_the_table_has_a_row_a_set_and_the_grid_a_column_a_severity(run):
    made = corrupted(run)
    table = corrupted_sets(made)
    assert table[["corruption", "family", "severity"]].to_numpy().tolist() == [
        ["gaussian_noise", "noise", 1],
        ["gaussian_noise", "noise", 5],
        ["fog", "weather", 1],
        ["fog", "weather", 5],
    ]
    grid = in_grid(table, "accuracy")
    assert list(grid.index) == ["gaussian_noise", "fog"]
    assert list(grid.columns) == [1, 5]
    assert grid.loc["fog", 5] == sets_table(made, ["test-fog-5"])["accuracy"].item()
    assert sets_table(made)["set"].tolist() == ["test"]
    assert corrupted_sets(made, "another").empty


def test_the_same_images_in_any_process_batch_and_order(folder):
    clean = lv.folder(folder, "ind")
    how = Corrupted("test", "glass_blur", "blur", 3, seed=1)
    source = lv.folder(folder, "shifted")
    source.corrupted = how
    look = look_of(source, RECIPE)
    expected = np.stack(
        [
            corrupt(image, "glass_blur", 3, seed=1, key=key)
            for image, key in zip(pixels(folder, clean.ids), clean.ids, strict=True)
        ]
    )
    for workers, batch in ((1, 4), (2, 2), (2, 9)):
        decoder = Decoder(skip_unreadable=False, workers=workers)
        try:
            batches = list(decoder.batches(source, RECIPE, 0, batch, look))
        finally:
            decoder.stop()
        np.testing.assert_array_equal(np.concatenate([b.pixels for b in batches]), expected)
    backwards = decode(source.part(5, 7), tuple(source.ids[5:7]), RECIPE, 32, False, look, how)
    np.testing.assert_array_equal(backwards.pixels, expected[5:7])


@pytest.mark.parametrize("after", [1, 9, 16])
def test_after_a_cancel_it_goes_on_where_it_was(run, after):
    steps = []

    def cancel(*step) -> None:
        steps.append(step)
        if len(steps) == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        corrupted(run, progress=cancel)
    there = {s.name: s.fingerprint for s in run.reopened() if s.complete}
    made = corrupted(run.reopened())
    assert made.complete
    assert there.items() <= {s.name: s.fingerprint for s in made}.items()
    whole = {s.name: s.features for s in made}
    before = {path: path.stat().st_mtime_ns for path in (made.folder / "sets").rglob("*")}
    again = corrupted(made)
    assert {path: path.stat().st_mtime_ns for path in (made.folder / "sets").rglob("*")} == before
    for name, features in whole.items():
        np.testing.assert_array_equal(again[name].features, features)


def test_another_seed_stands_beside_the_usual_one(run):
    made = corrupted(corrupted(run, ["gaussian_noise"], [1]), ["gaussian_noise"], [1], seed=1)
    one, other = made["test-gaussian_noise-1"], made["test-gaussian_noise-1-seed1"]
    assert (one.entry.corruption.seed, other.entry.corruption.seed) == (0, 1)
    assert (one.thumbnails() != other.thumbnails()).any()


def test_severities_are_in_their_order_whenever_they_were_made(run):
    made = corrupted(corrupted(run, ["contrast"], [5]), ["contrast"], [3, 1])
    assert list(in_grid(corrupted_sets(made), "accuracy").columns) == [1, 3, 5]


def test_what_does_not_fit_is_told_before_anything_is_written(run):
    """Colour images have no magnitudes: "all" leaves those of radars out, whoever asks for them is told."""
    with pytest.raises(DataError, match="needs magnitudes"):
        corrupted(run, ["contrast", "sar"], [1])
    assert list(run.reopened().sets) == ["test"]
    made = corrupted(run, ["all"], [1])
    assert {s.entry.corruption.name for s in made if s.name != "test"} == set(corruptions("common"))
    assert made.complete


def test_images_in_memory_are_given_again(workspace):
    images = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    source = lv.arrays(images, [0, 1, 0, 1, 0, 1], "ind")
    run = lv.extract(
        Net(),
        {"test": source},
        workspace=workspace,
        name="run",
        preprocessing=RECIPE,
        classes=["a", "b"],
        progress=silent,
    )
    with pytest.raises(DataError, match="were given as arrays; give them again"):
        corrupted(run)
    made = corrupted(run, ["contrast"], [2], source=source)
    np.testing.assert_array_equal(made["test-contrast-2"].thumbnails()[4], corrupt(images[4], "contrast", 2))


def test_a_published_folder_of_corrupted_images(run, tmp_path, folder):
    elsewhere, ids = tmp_path / "CIFAR-10-C", run["test"].index["id"].tolist()
    elsewhere.mkdir()
    clean = pixels(folder, ids)
    images = np.concatenate(
        [[corrupt(i, "fog", severity, key=key) for i, key in zip(clean, ids, strict=True)] for severity in range(1, 6)]
    )
    # The same images, sorted by class too, but in another order inside the classes.
    order = np.concatenate([np.flatnonzero(run["test"].labels == label)[::-1] for label in (0, 1)])
    np.save(elsewhere / "fog.npy", images)
    np.save(elsewhere / "own_blur.npy", images.reshape(5, len(ids), 32, 32, 3)[:, order].reshape(images.shape))
    np.save(elsewhere / "labels.npy", np.tile(run["test"].labels, 5).astype(np.uint8))
    made = corrupted(run, ["all"], [1, 2], folder=elsewhere)
    fog, other = made["test-fog-2-files"], made["test-own_blur-1-files"]
    np.testing.assert_array_equal(fog.thumbnails(), images[len(ids) : 2 * len(ids)])
    assert fog.index["id"].tolist() == ids
    assert fog.entry.corruption.family == "weather"
    assert other.entry.corruption.family == ""
    assert not set(other.index["id"]) & set(ids)
    with pytest.raises(DataError, match=r"has no snow\.npy; it has fog, own_blur"):
        corrupted(run, ["snow"], folder=elsewhere)
    with pytest.raises(DataError, match='no corruption "foog"'):
        corrupted(run, ["fog", "foog"], folder=elsewhere)
    # Again the same is done already; other images under the same name are not taken for them.
    corrupted(run, ["fog"], [1, 2], folder=elsewhere)
    np.save(elsewhere / "fog.npy", 255 - images)
    with pytest.raises(WorkspaceError, match="other corrupted images"):
        corrupted(run, ["fog"], [1, 2], folder=elsewhere)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda path: (path / "fog.npy").unlink(), "holds no corrupted images"),
        (lambda path: (path / "labels.npy").unlink(), r"labels\.npy does not exist"),
        (lambda path: np.save(path / "fog.npy", np.zeros((7, 4, 4))), r"shape \(7, 4, 4\); expected five severities"),
        (lambda path: np.save(path / "labels.npy", np.zeros(3, int)), "3 labels for 9 images"),
        (lambda path: np.save(path / "labels.npy", np.zeros(9)), r"holds float64 \(9,\); expected class indices"),
        (lambda path: np.save(path / "labels.npy", np.array(list("abcabcabc"))), "expected class indices"),
    ],
)
def test_a_folder_that_is_not_of_that_form(run, tmp_path, break_it, message):
    elsewhere = tmp_path / "corrupted"
    elsewhere.mkdir()
    np.save(elsewhere / "fog.npy", np.zeros((45, 32, 32, 3), np.uint8))
    np.save(elsewhere / "labels.npy", np.zeros(9, np.uint8))
    break_it(elsewhere)
    with pytest.raises(DataError, match=message):
        corrupted(run, ["all"], folder=elsewhere)


def test_names_families_and_kinds():
    assert list(chosen(["fog", "noise"])) == ["gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise", "fog"]
    assert len(chosen(["common"])) == 19
    assert list(chosen(["all"])) == list(corruptions())
    with pytest.raises(DataError, match=r'no corruption "gausian_noise"; did you mean "gaussian_noise"'):
        chosen(["gausian_noise"])
    with pytest.raises(DataError, match="No corruption was chosen"):
        chosen([])


def test_what_cannot_be_corrupted(run, folder, workspace):
    with pytest.raises(DataError, match="6 is not a severity"):
        corrupted(run, severities=[6])
    with pytest.raises(WorkspaceError, match='has no set "nothing"'):
        lv.corrupt(run, "nothing")
    with pytest.raises(DataError, match="was a Python object; give it again"):
        corrupted(run, model=None)
    made = corrupted(run, ["contrast"], [1])
    with pytest.raises(DataError, match='is corrupted already; choose the clean set "test"'):
        lv.corrupt(made, "test-contrast-1", model=Net())
    (folder / "cat" / "0000.png").unlink()
    with pytest.raises(DataError, match=r"no longer holds the images .* \(8 now, 9 then\)"):
        corrupted(run)
    features = {"test": np.ones((3, 2), np.float32)}
    head = Head(np.eye(2), np.zeros(2))
    bare = Run.from_arrays(features, labels={"test": np.zeros(3, int)}, head=head, workspace=workspace, name="bare")
    with pytest.raises(DataError, match="imported as arrays; there is no network"):
        lv.corrupt(bare, "test", model=Net())
    unlabelled = lv.arrays(np.zeros((2, 32, 32, 3), np.uint8))
    lv.extract(Net(), {"other": unlabelled}, workspace=workspace, name="new", preprocessing=RECIPE, progress=silent)
    with pytest.raises(DataError, match=r"has no labels .*\(role ood\)"):
        lv.corrupt(workspace["new"], "other", model=Net())


def test_images_that_are_too_small_are_named(workspace, tmp_path, make_folder):
    small = make_folder(tmp_path / "small", COUNTS, side=4)
    recipe = Preprocessing(resize=(4, 4), mean=(0.5,), std=(0.25,))
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    run = lv.extract(
        network,
        {"test": lv.folder(small, "ind")},
        workspace=workspace,
        name="run",
        preprocessing=recipe,
        progress=silent,
    )
    with pytest.raises(DataError, match=r"needs at least 16.16 pixels; sample .cat/0000\.png. is 4.4"):
        lv.corrupt(run, "test", ["fog"], [1], model=network, progress=silent)


class FailsOn(Corrupted):
    """A corruption that fails on one image."""

    def apply(self, pixels: np.ndarray, name: str) -> np.ndarray:
        if name.startswith("dog/0001"):
            raise ZeroDivisionError("division by zero")
        return pixels


def test_an_image_on_which_a_corruption_fails_is_named_or_left_out(folder):
    source, how = lv.folder(folder, "shifted"), FailsOn("test", "fog", "weather", 2, seed=0)
    part, names = source.part(0, len(source)), tuple(source.ids)
    with pytest.raises(UnreadableImageError, match=r"dog/0001\.png cannot be corrupted by fog 2: division by zero"):
        decode(part, names, RECIPE, 32, False, None, how)
    batch = decode(part, names, RECIPE, 32, True, None, how)
    assert len(batch.pixels) == 8
    assert list(batch.unreadable) == [names.index("dog/0001.png")]


def test_the_command_and_the_job(checkpoint, tmp_path, make_folder, workspace, call, wait_until):
    images = make_folder(tmp_path / "images", {"a": 3, "b": 3, "c": 3}, side=32)
    spec = lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint)
    lv.extract(spec, {"test": lv.folder(images, "ind")}, workspace=workspace, name="net", progress=silent)
    code, output, said = call(
        "corrupt", "-w", workspace.path, "--run", "net", "--corruptions", "contrast,brightness", "--severities", "1,3-4"
    )
    assert code == 0, said
    assert "brightness" in output
    assert set(workspace["net"].sets) == {
        "test",
        *(f"test-{name}-{severity}" for name in ("contrast", "brightness") for severity in (1, 3, 4)),
    }
    request = {"run": "net", "set_name": "test", "corruptions": ["pixelate"], "severities": [5]}
    job = jobs.submit(workspace.path, "corrupt", "Corrupt net", request)
    wait_until(lambda: not jobs.Job(job.folder).active)
    assert workspace["net"]["test-pixelate-5"].complete
    code, _, said = call("corrupt", "-w", workspace.path, "--run", "net", "--severities", "high")
    assert code != 0
    assert '"high" is not of the form' in said
    code, output, _ = call("corruptions")
    assert code == 0
    assert "gaussian_noise" in output
