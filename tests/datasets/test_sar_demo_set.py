"""The radar demo's folders."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentviz.datasets.sar import demo_set
from latentviz.datasets.sar.demo_set import ROLES, chips, write_demo_set
from latentviz.datasets.sar.targets import CONFUSERS, TARGETS
from latentviz.errors import DataError

NAME = re.compile(
    r"(?P<type>[a-z-]+)_(?P<domain>synth|pseudo)_A_elevDeg_(?P<elevation>\d{3})"
    r"_azCenter_(?P<azimuth>\d{3}_\d{2})_serial_(?P<serial>b\d\d)\.png"
)

STEP = 14.0  # six azimuths: five to train, one to test


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("radar")
    write_demo_set(folder, step=STEP)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


def names(folder: Path, name: str) -> set[str]:
    return {path.relative_to(folder / name).as_posix() for path in (folder / name).rglob("*.png")}


def test_folders_and_classes(written):
    assert {path.name for path in written.iterdir() if path.is_dir()} == set(ROLES)
    for name, role in ROLES.items():
        classes = {path.name for path in (written / name).iterdir()}
        assert classes == (set(CONFUSERS) if role == "ood" else set(TARGETS))
    assert not list(written.rglob("*.partial"))


def test_names_say_what_the_images_show(written):
    for name in ROLES:
        for path in (written / name).rglob("*.png"):
            match = NAME.fullmatch(path.name)
            assert match, path.name
            assert match["type"] == path.parent.name
            assert match["domain"] == ("synth" if name.endswith("simulated") else "pseudo")
            assert int(match["elevation"]) in ((30,) if name == "steeper" else (14, 15, 16, 17))
            assert 10 <= float(match["azimuth"].replace("_", ".")) <= 80
            assert (match["serial"] == "b01") == (name != "other-serials")


@pytest.mark.parametrize("half", ["train", "test"])
def test_the_two_of_a_pair_have_one_name_but_for_the_domain(written, half):
    simulated, measured = names(written, f"{half}-simulated"), names(written, f"{half}-pseudo-measured")
    assert {name.replace("_synth_", "_pseudo_") for name in simulated} == measured
    assert len(simulated) == (50 if half == "train" else 10)


def test_images_are_of_8_bits_and_not_alike(written):
    images = [np.asarray(Image.open(path)) for path in written.rglob("*.png")]
    assert {(image.shape, image.dtype) for image in images} == {((64, 64), np.dtype(np.uint8))}
    assert len({image.tobytes() for image in images}) == len(images)


def test_a_second_call_writes_nothing(written, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an image was simulated again")

    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    monkeypatch.setattr(demo_set, "simulate", refuse)
    write_demo_set(written, step=STEP)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_what_is_missing_is_written_again(written):
    before = files(written)
    lost = next((written / "steeper").rglob("*.png"))
    lost.unlink()
    write_demo_set(written, step=STEP)
    assert files(written) == before


def test_the_same_seed_gives_the_same_bytes(written, tmp_path):
    reports = []
    write_demo_set(tmp_path / "again", step=STEP, progress=lambda *report: reports.append(report))
    assert files(tmp_path / "again") == files(written)
    total = len(files(written))
    assert reports[0] == ("Writing radar chips", 0, total, "images")
    assert reports[-1] == ("Writing radar chips", total, total, "images")


def test_chips_of_two_seeds_are_not_mixed(written):
    for other in ({"step": STEP, "seed": 1}, {"step": 13.0}):
        with pytest.raises(DataError, match="another step, seed or version"):
            write_demo_set(written, **other)


def test_the_whole_set():
    plan = list(chips())
    assert Counter(chip.folder for chip in plan) == {
        "train-simulated": 570,
        "train-pseudo-measured": 570,
        "test-simulated": 140,
        "test-pseudo-measured": 140,
        "other-serials": 140,
        "steeper": 140,
        "confusers": 28,
    }
    assert len({chip.path for chip in plan}) == len(plan)
    for name in ("train-simulated", "test-simulated", "other-serials"):
        assert {chip.elevation for chip in plan if chip.folder == name} == {14, 15, 16, 17}
    assert {chip.target.serial for chip in plan if chip.folder == "other-serials"} == {"b02", "b03"}


def test_test_azimuths_were_not_trained_on():
    plan = [chip for chip in chips() if chip.target.name == "tank"]
    train, test = (
        np.array([chip.azimuth for chip in plan if chip.folder == f"{half}-simulated"]) for half in ("train", "test")
    )
    assert np.abs(train[:, None] - test[None, :]).min() > 0.3
    assert test == pytest.approx(np.arange(12, 80, 5), abs=0.3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"step": 0.0}, "step is 0.0"), ({"step": 40.0}, "step is 40.0"), ({"seed": -1}, "seed is -1")],
)
def test_impossible_sets(tmp_path, wrong, sentence):
    with pytest.raises(DataError, match=sentence):
        write_demo_set(tmp_path / "none", **wrong)
    assert not (tmp_path / "none").exists()


def test_the_two_of_a_pair_have_speckle_of_their_own(written):
    found = []
    for one, other in zip(sorted((written / "test-simulated").rglob("*.png")),
                          sorted((written / "test-pseudo-measured").rglob("*.png")), strict=True):  # fmt: skip
        corners = [np.asarray(Image.open(path))[:14, :14].ravel().astype(float) for path in (one, other)]  # no target
        found.append(np.corrcoef(corners)[0, 1])
    assert len(found) > 5
    assert np.mean(found) == pytest.approx(0, abs=0.08)
