"""Corruptions, by what must hold for any image."""

import numpy as np
import pytest

from latentviz.datasets import corruptions

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 16, 12, 3), dtype=np.uint8)


@pytest.mark.parametrize("images", [IMAGES, IMAGES[..., 0]], ids=["rgb", "grey"])
def test_no_strength_no_change(images):
    np.testing.assert_array_equal(corruptions.gaussian_noise(images, 0, seed=0), images)
    np.testing.assert_array_equal(corruptions.gaussian_blur(images, 0), images)


def test_noise_has_the_deviation_asked_for():
    grey = np.full((4, 100, 100), 128, dtype=np.uint8)
    noisy = corruptions.gaussian_noise(grey, 0.1, seed=1)
    assert noisy.dtype == np.uint8
    assert noisy.std() == pytest.approx(25.5, rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.5)


def test_the_seed_decides_the_noise():
    first = corruptions.gaussian_noise(IMAGES, 0.2, seed=1)
    np.testing.assert_array_equal(first, corruptions.gaussian_noise(IMAGES, 0.2, seed=1))
    assert (first != corruptions.gaussian_noise(IMAGES, 0.2, seed=2)).mean() > 0.5


def test_values_are_clipped_not_wrapped():
    white = np.full((1, 50, 50), 255, dtype=np.uint8)
    assert corruptions.gaussian_noise(white, 0.1, seed=0).min() > 100


def test_blur_keeps_what_is_even():
    even = np.broadcast_to(np.array([10, 200, 77], dtype=np.uint8), (2, 9, 9, 3))
    np.testing.assert_array_equal(corruptions.gaussian_blur(even, 2.5), even)


def test_blur_stays_within_an_image_and_a_channel():
    images = np.zeros((3, 15, 15, 3), dtype=np.uint8)
    images[1, 7, 7, 1] = 255
    blurred = corruptions.gaussian_blur(images, 1)
    assert blurred[[0, 2]].max() == 0
    assert blurred[1, :, :, [0, 2]].max() == 0
    assert blurred[1, 7, 7, 1] == round(255 / (2 * np.pi))  # the kernel's peak, 1 / (2πσ²)
    assert int(blurred[1].sum()) == pytest.approx(255, abs=8)
