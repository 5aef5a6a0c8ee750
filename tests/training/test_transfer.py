"""Networks of one domain tried in another: which samples are in which set, and what comes out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latentviz as lv
from latentviz.errors import DataError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.detection import threshold_at
from latentviz.evaluation.flagged_shares import flagged_shares
from latentviz.evaluation.scores import scores
from latentviz.evaluation.selective import error_auroc
from latentviz.progress import silent
from latentviz.training import Recipe
from latentviz.training.transfer import image_sets, run, run_job
from latentviz.training.transfer_request import TransferRequest

pytestmark = pytest.mark.usefixtures("one_thread")

CLASSES = ("ring", "stripe", "dot")


def draw(folder: Path, classes: tuple[str, ...], count: int, noise: int, seed: int) -> Path:
    """Chips whose class shows in which quarter is bright."""
    random = np.random.default_rng(seed)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        top, left = divmod(number, 2)
        for chip in range(count):
            pixels = random.integers(0, noise, (16, 16), dtype=np.uint8)
            pixels[8 * top : 8 * top + 8, 8 * left : 8 * left + 8] += 110
            Image.fromarray(pixels).save(folder / name / f"{chip:03d}.png")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("domains")
    draw(root / "simulated", CLASSES, 30, 20, 0)
    draw(root / "measured", (*CLASSES[:2], "foreign", "ring-b"), 12, 140, 1)
    draw(root / "other", ("alien",), 10, 60, 2)
    draw(root / "far", CLASSES, 12, 100, 3)
    return root


def request(images: Path, **changes) -> TransferRequest:
    usual = {
        "family": "try",
        "recipe": Recipe(architecture="cnn3", epochs=4, batch=16, augmentation="none"),
        "seeds": [0, 1],
        "fit": [str(images / "simulated")],
        "held_out": 0.2,
        "tests": {name: str(images / name) for name in ("measured", "other", "far")},
        "rename": {"ring-b": "ring"},
        "preprocessing": lv.Preprocessing(channels="grey", standardise=True),
    }
    return TransferRequest.model_validate(usual | changes)


def sizes(found: dict) -> dict[str, tuple[str, int]]:
    return {name: (source.role, len(source)) for name, source in found.items()}


def test_tests_are_parted_by_what_was_trained(images):
    assert sizes(image_sets(request(images))) == {
        "train": ("fit", 72),
        "held-out": ("ind", 18),
        "measured": ("shifted", 36),  # ring, stripe and what means a ring
        "measured-out-of-task": ("ood", 12),
        "other": ("ood", 10),
        "far": ("shifted", 36),
    }


def test_what_is_mixed_in_is_not_tested(images):
    mixture = request(images, mixed=str(images / "measured"), share=0.25)
    found = image_sets(mixture)
    mixed_in = {id_.removeprefix("mixed-in/") for id_ in found["train"].ids if id_.startswith("mixed-in/")}
    # Of 24 a class a quarter; there are none of the third class.
    assert len(mixed_in) == 12
    assert mixed_in.isdisjoint(found["measured"].ids)
    assert sizes(found)["measured"] == ("shifted", 24)
    assert len(found["train"]) == 72
    again = image_sets(mixture)
    assert again["train"].ids == found["train"].ids


def test_a_held_out_source_of_its_own(images):
    found = image_sets(request(images, held_out=str(images / "far"), tests={}))
    assert sizes(found) == {"train": ("fit", 90), "held-out": ("ind", 36)}
    with pytest.raises(DataError, match="its classes foreign are not trained on"):
        image_sets(request(images, held_out=str(images / "measured")))


def test_several_sources_are_one_domain(images):
    found = image_sets(request(images, fit=[str(images / "simulated"), str(images / "far")], tests={}))
    assert len(found["train"]) + len(found["held-out"]) == 90 + 36
    assert {id_.split("/")[0] for id_ in found["train"].ids} == {"simulated", "far"}


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory) -> list[lv.Run]:
    return run(lv.Workspace(tmp_path_factory.mktemp("ws")), request(images), silent)


def test_one_run_an_instance(trained):
    assert [one.name for one in trained] == ["try-linear-s0-e4", "try-linear-s1-e4"]
    assert [one.manifest.attributes["seed"] for one in trained] == [0, 1]
    assert trained[0].manifest.attributes["share"] == 0
    assert trained[0].classes == tuple(sorted(CLASSES))
    assert set(trained[0].sets) == {"train", "held-out", "measured", "measured-out-of-task", "other", "far"}


def test_again_nothing_is_trained(trained, images, monkeypatch):
    workspace = lv.Workspace(trained[0].folder.parents[1])
    before = trained[0].fingerprint
    monkeypatch.setattr("latentviz.training.loop._epoch", None)
    assert run(workspace, request(images), silent)[0].fingerprint == before
    assert run_job(workspace.path, request(images).model_dump(mode="json"), silent) == "2 networks"


def test_flagged_shares_are_counts(trained):
    asked = Asked.of("knn", {"k": 5})
    found = flagged_shares(trained, asked, "held-out", 0.9)
    rows = found.rows.set_index(["run", "set"])
    assert len(rows) == 2 * 5  # without the training data
    for one in trained:
        by_set = scores(one, [asked], list(rows.loc[one.name].index)).by_scorer[asked.label]
        threshold = threshold_at(by_set["held-out"], 0.9)
        for name, values in by_set.items():
            assert rows.loc[(one.name, name), "flagged"] == (values > threshold).mean()
        far = one["far"]
        right = far.read("prediction") == far.labels
        assert rows.loc[(one.name, "far"), "accuracy"] == right.mean()
        expected = error_auroc(by_set["far"], right)
        assert rows.loc[(one.name, "far"), "errors_auroc"] == pytest.approx(expected.value, nan_ok=True)
    assert rows.xs("other", level="set")["accuracy"].isna().all()
    assert rows.xs("held-out", level="set")["auroc"].isna().all()
    assert found.relation.overall.n == 4  # two shifted sets, two networks
    assert found.sentences[0].startswith("Over 4 dots (2 shifted sets, 2 models)")
    means = found.means().set_index("set")
    assert means.loc["far", "accuracy"] == pytest.approx(rows.xs("far", level="set")["accuracy"].mean())
    assert means.loc["far", "networks"] == 2
    text = found.text()
    assert [row[0] for row in text.rows] == list(means.index)
    assert text.rows[0][6] == "–"


def test_what_makes_no_experiment(images, trained):
    with pytest.raises(ValueError, match="a share is mixed in, but of nothing"):
        request(images, share=0.2)
    with pytest.raises(ValueError, match='cannot be called "train"'):
        request(images, tests={"train": str(images / "far")})
    with pytest.raises(DataError, match="no class in common"):
        image_sets(request(images, mixed=str(images / "other"), share=0.5))
    with pytest.raises(DataError, match='All samples of the test "far"'):
        image_sets(
            request(images, mixed=str(images / "far"), share=1, tests={"far": str(images / "far")}, held_out=0.5)
        )
    with pytest.raises(DataError, match="no networks"):
        flagged_shares([], Asked.of("knn"), "held-out")


def test_training_chips_are_not_tested_however_their_folder_is_written(images, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(images / "simulated")
    for same in (images / "simulated", images / "far" / ".." / "simulated", link):
        with pytest.raises(DataError, match=r'All samples of the test "same".*belong to the training data'):
            image_sets(request(images, tests={"same": str(same)}))
    mixture = request(
        images, mixed=str(link), share=0.5, fit=[str(images / "far")], tests={"same": str(images / "simulated")}
    )
    found = image_sets(mixture)
    used = {id_.removeprefix("mixed-in/") for id_ in found["train"].ids if id_.startswith("mixed-in/")}
    assert used
    assert used.isdisjoint(found["same"].ids)


def test_what_is_mixed_in_is_not_held_out(images):
    mixture = request(images, mixed=str(images / "far"), share=0.2, held_out=str(images / "far"), tests={})
    found = image_sets(mixture)
    used = {id_.removeprefix("mixed-in/") for id_ in found["train"].ids if id_.startswith("mixed-in/")}
    assert used
    assert used.isdisjoint(found["held-out"].ids)


def test_two_tests_of_one_name(images):
    tests = {"measured-out-of-task": str(images / "far"), "measured": str(images / "measured")}
    with pytest.raises(DataError, match='Two sets would be called "measured-out-of-task"'):
        image_sets(request(images, tests=tests))


def test_other_images_of_the_same_names_need_another_family(trained, images, tmp_path):
    draw(tmp_path / "far", CLASSES, 12, 100, 9)
    changed = request(images, tests={**request(images).tests, "far": str(tmp_path / "far")})
    with pytest.raises(DataError, match=r'"try-linear-s0-e4" is there already, with "far" from .*--family'):
        run(lv.Workspace(trained[0].folder.parents[1]), changed, silent)


def test_a_threshold_needs_its_set(trained):
    with pytest.raises(DataError, match='has no samples of "elsewhere"'):
        flagged_shares(trained, Asked.of("knn", {"k": 5}), "elsewhere")
