"""From 64 pixels on colour images are corrupted by the library imagecorruptions itself."""

# ruff: noqa: NPY002 - the global state is what it is about

import warnings
from functools import cache

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from latentviz.datasets.corruptions import SEVERITIES, corrupt, corruptions
from latentviz.datasets.corruptions.seeding import generator, number

library = pytest.importorskip("imagecorruptions", reason="the extra corruptions")


@cache
def photograph(width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(load_sample_images().images[1]).resize((width, height)))


def called(image: np.ndarray, name: str, severity: int, seed: int) -> np.ndarray:
    """The library with NumPy's global state seeded."""
    state = np.random.get_state()
    np.random.seed(seed)
    options = {"seed": seed} if name in ("impulse_noise", "glass_blur") else {}
    result = library.corrupt(image, severity=severity, corruption_name=name, **options)
    np.random.set_state(state)
    return result


@pytest.mark.parametrize("size", [(64, 64), (100, 70), (65, 130)])
@pytest.mark.parametrize("name", corruptions("common"))
def test_it_is_the_library(name, size, capsys):
    image = photograph(*size)
    for severity in SEVERITIES if size == (64, 64) else (5,):
        seed = number(generator(3, name, "a"))
        expected = called(image, name, severity, seed)
        result = corrupt(image, name, severity, seed=3, key="a")
        np.testing.assert_array_equal(result, expected)
    assert capsys.readouterr().out == ""


def test_glass_is_the_same_every_time_and_keeps_the_state():
    """The library shuffles with numba, whose random state is another than NumPy's."""
    image = photograph(64, 64)
    before = np.random.get_state()[1].copy()
    first = corrupt(image, "glass_blur", 3, key="a")
    np.testing.assert_array_equal(corrupt(image, "glass_blur", 3, key="a"), first)
    assert (corrupt(image, "glass_blur", 3, key="b") != first).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_what_the_library_leaves_undefined_stays(monkeypatch):
    """Where no drop forms, rarely at this size, the library divides 0 by 0 and would paint the image black."""
    image = photograph(64, 64)
    monkeypatch.setattr(library.corruptions.np.random, "normal", lambda size, loc, scale: np.full(size, 0.6))
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert library.corrupt(image, severity=1, corruption_name="spatter").max() == 0
    np.testing.assert_array_equal(corrupt(image, "spatter", 1), image)


@pytest.mark.parametrize("name", sorted(set(corruptions("common")) - {"saturate"}))
def test_grey_images_are_corrupted_as_strongly_as_colour(name):
    """The library's own path for one channel fails or blurs across columns, so ours runs with its constants."""
    colour = photograph(64, 64)
    grey = np.asarray(Image.fromarray(colour).convert("L"))
    stacked = np.repeat(grey[..., None], 3, axis=2)
    change = [
        np.mean([np.abs(corrupt(image, name, 3, key=str(key)).astype(float) - image).mean() for key in range(8)])
        for image in (grey, stacked)
    ]
    assert change[0] == pytest.approx(change[1], rel=0.35)
