"""Corruptions of every kind, by what must hold for any image."""

# ruff: noqa: NPY002 - the global state is what it is about

import random as python_random
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loky import ProcessPoolExecutor
from PIL import Image
from sklearn.datasets import load_sample_images

from latentviz.datasets.corruptions import SEVERITIES, Corruption, corrupt, corruptions
from latentviz.datasets.corruptions.constants import GAUSSIAN_NOISE, JPEG_COMPRESSION, Strengths
from latentviz.datasets.corruptions.library import frost_photograph
from latentviz.datasets.corruptions.registry import find, register
from latentviz.datasets.corruptions.seeding import generator
from latentviz.errors import DataError, MissingDependencyError

pytest.importorskip("imagecorruptions", reason="the extra corruptions")

NAMES = list(corruptions())
SEEDED = [name for name, record in corruptions().items() if record.seeded]
PUBLISHED = {
    "noise": {"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"},
    "blur": {"defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"},
    "weather": {"snow", "frost", "fog", "brightness", "spatter"},
    "digital": {"contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"},
}


@cache
def photographs(side: int) -> list[np.ndarray]:
    """Squares of scikit-learn's two photographs."""
    squares = [
        Image.fromarray(photo).crop((left, 0, left + 427, 427)).resize((side, side), Image.Resampling.BILINEAR)
        for photo in load_sample_images().images
        for left in (0, 213)
    ]
    return [np.asarray(square) for square in squares]


def suited(name: str, image: np.ndarray) -> np.ndarray:
    """The image as the corruption wants it: in one channel for radars."""
    return image if corruptions()[name].kind == "common" else np.ascontiguousarray(image[..., 1])


# --- the list ---


def test_the_list_groups_as_published():
    common = corruptions("common")
    for family, names in PUBLISHED.items():
        assert {name for name, record in common.items() if record.family == family} == names
    assert len(common) == 19
    assert {name for name, record in common.items() if record.held_out} == {
        "speckle_noise",
        "gaussian_blur",
        "spatter",
        "saturate",
    }


def test_the_list_is_in_one_order():
    assert list(corruptions()) == [*corruptions("common"), *corruptions("sar")]
    families = [record.family for record in corruptions("common").values()]
    assert families == sorted(families, key=["noise", "blur", "weather", "digital"].index)
    assert all(isinstance(record, Corruption) and record.name == name for name, record in corruptions().items())
    assert len({record.title for record in corruptions().values()}) == len(corruptions())


def test_two_corruptions_have_two_names():
    def fog(pixels, random, strength):
        return pixels

    fog.__module__ = "another"
    with pytest.raises(DataError, match='Two corruptions are called "fog"'):
        register("Fog", "weather", GAUSSIAN_NOISE)(fog)


# --- constants ---


#: Which of several constants says how strong it is; the first, if not named here.
DECISIVE = {"motion_blur": 1, "frost": 1, "shot_noise": -1}
#: The published constants of these trade one thing for another, or turn back.
TRADING = {"glass_blur", "snow", "spatter", "elastic_transform", "saturate"}


@pytest.mark.parametrize("side", [8, 32, 40, 48, 63, 64, 224])
@pytest.mark.parametrize("name", sorted(set(corruptions("common")) - TRADING))
def test_constants_grow_or_fall_with_the_severity(name, side):
    values = [find(name).strengths.at(severity, side)[DECISIVE.get(name, 0)] for severity in SEVERITIES]
    assert values in (sorted(values), sorted(values, reverse=True))
    assert values[0] != values[-1]


@pytest.mark.parametrize("name", corruptions("sar"))
def test_constants_of_radars_do_not_depend_on_the_side(name):
    assert find(name).strengths.small == find(name).strengths.large
    assert len({find(name).strengths.at(severity, 40) for severity in SEVERITIES}) == 5


@pytest.mark.parametrize("name", corruptions("common"))
def test_constants_are_the_published_ones_at_both_ends(name):
    strengths = find(name).strengths
    for severity in SEVERITIES:
        assert strengths.at(severity, 1) == strengths.at(severity, 32) == strengths.small[severity - 1]
        assert strengths.at(severity, 64) == strengths.at(severity, 500) == strengths.large[severity - 1]


@given(
    side=st.integers(33, 63), severity=st.sampled_from(SEVERITIES), name=st.sampled_from(sorted(corruptions("common")))
)
def test_constants_in_between_lie_in_between(side, severity, name):
    strengths = find(name).strengths
    ends = np.array([strengths.small[severity - 1], strengths.large[severity - 1]])
    between = np.array(strengths.at(severity, side))
    assert (between >= ends.min(axis=0) - 1e-12).all()
    assert (between <= ends.max(axis=0) + 1e-12).all()


def test_constants_in_between_are_powers_of_the_side():
    quality = [JPEG_COMPRESSION.at(1, side)[0] for side in (36, 48)]
    assert quality[0] / quality[1] == pytest.approx((36 / 48) ** np.log2(25 / 80))
    from_zero = Strengths(((0.0,),) * 5, ((2.0,),) * 5)
    assert from_zero.at(1, 48) == (1.0,)


# --- randomness ---


def everything(image: np.ndarray, names: list[str]) -> dict[str, bytes]:
    return {name: corrupt(suited(name, image), name, 3, seed=5, key="cat/1.png").tobytes() for name in names}


@pytest.mark.parametrize("side", [32, 48, 64])
def test_the_same_bits_in_any_order_thread_and_global_state(side):
    image = photographs(side)[0]
    names = [name for name in NAMES if side < 64 or name != "glass_blur"]  # it compiles for seconds; see below
    first = everything(image, names)
    np.random.seed(99)
    assert everything(image, names[::-1]) == first
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(partial(everything, image), [names, names[::-1], names[5:] + names[:5]]):
            assert again == first


def test_the_same_bits_in_another_process():
    small, large = photographs(32)[1], photographs(64)[1]
    calls = [(small, name) for name in NAMES] + [(large, name) for name in NAMES if name != "glass_blur"]
    with ProcessPoolExecutor(1) as pool:
        running = [pool.submit(corrupt, suited(name, image), name, 2, key="é\udcff") for image, name in calls]
        for (image, name), done in zip(calls, running, strict=True):
            np.testing.assert_array_equal(done.result(), corrupt(suited(name, image), name, 2, key="é\udcff"))


@pytest.mark.parametrize("side", [32, 64])
def test_the_global_states_stay_as_they_are(side):
    np.random.seed(3)
    np.random.normal()  # the other of a pair is kept for the next call, and has to stay, too
    before, python_before = np.random.get_state(), python_random.getstate()
    for name in NAMES:
        if side < 64 or name != "glass_blur":
            corrupt(suited(name, photographs(side)[0]), name, 4)
    after = np.random.get_state()
    assert before[0] == after[0]
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    assert python_random.getstate() == python_before


def test_the_global_state_stays_if_the_library_fails(monkeypatch):
    import imagecorruptions.corruptions as library

    def broken(image, severity):
        np.random.normal(size=10)
        raise RuntimeError("broken")

    monkeypatch.setattr(library, "gaussian_noise", broken)
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    with pytest.raises(RuntimeError, match="broken"):
        corrupt(photographs(64)[0], "gaussian_noise", 1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("name", NAMES)
def test_seed_and_key_decide_what_is_random(name):
    image = suited(name, photographs(48)[2])
    results = [corrupt(image, name, 3, seed=seed, key=key) for seed, key in [(0, "a"), (0, "b"), (1, "a")]]
    different = [not np.array_equal(results[0], other) for other in results[1:]]
    assert different == [corruptions()[name].seeded] * 2


def test_generators_of_different_arguments_differ():
    states = {
        generator(seed, name, key).bit_generator.state["state"]["state"]
        for seed in (-1, 0, 1, 10)
        for name in ("fog", "snow")
        for key in ("", "0", "fog", "a/b", "a\0b")
    }
    assert len(states) == 40


def test_the_generator_is_the_same_for_ever():
    assert generator(0, "fog", "cat/1.png").integers(1000, size=4).tolist() == [328, 786, 997, 24]


@pytest.mark.parametrize(
    "name", ["gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise", "fog", "sar_speckle", "sar_thermal"]
)
def test_an_image_has_the_same_noise_at_every_severity(name):
    """Differences of neighbouring severities go the same way; independent noise would not correlate."""
    image = np.full((32, 32), 120, dtype=np.uint8)
    steps = [corrupt(image, name, severity, key="x").astype(float) - image for severity in SEVERITIES]
    for weaker, stronger in pairwise(steps):
        assert np.corrcoef(weaker.ravel(), stronger.ravel())[0, 1] > 0.5


# --- shapes and values ---


@settings(max_examples=150)
@given(
    name=st.sampled_from(NAMES),
    severity=st.sampled_from(SEVERITIES),
    height=st.integers(0, 50),
    width=st.integers(0, 50),
    channels=st.sampled_from([None, 1, 3]),
    fill=st.sampled_from(["random", "black", "white", "one dot"]),
)
def test_shape_and_type_stay(name, severity, height, width, channels, fill):
    record = corruptions()[name]
    shape = (height + record.min_side, width + record.min_side)
    image = {
        "random": np.random.default_rng(height * 64 + width).integers(0, 256, shape),
        "black": np.zeros(shape),
        "white": np.full(shape, 255),
        "one dot": np.pad([[255]], ((0, shape[0] - 1), (0, shape[1] - 1))),
    }[fill].astype(np.uint8)
    if channels:
        image = np.repeat(image[..., None], channels, axis=2)
    before = image.copy()
    image.flags.writeable = False
    if name == "glass_blur" and min(shape) >= 64 and channels == 3:
        return  # it compiles for seconds; see test_corruptions_library.py
    result = corrupt(image, name, severity, key="x")
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", NAMES)
def test_one_channel_is_one_channel_however_it_is_stored(name):
    grey = np.ascontiguousarray(photographs(32)[3][..., 0])
    np.testing.assert_array_equal(corrupt(grey[..., None], name, 4)[..., 0], corrupt(grey, name, 4))


@pytest.mark.parametrize(
    "name",
    sorted(set(corruptions("common")) - set(SEEDED) - {"saturate"} | {"glass_blur", "motion_blur", "snow", "fog"}),
)
def test_grey_in_three_channels_is_corrupted_as_in_one(name):
    """What treats channels alike, or draws for all of them at once, does not see the difference."""
    grey = photographs(40)[0][..., 0]
    one, three = (corrupt(image, name, 3).astype(int) for image in (grey, np.repeat(grey[..., None], 3, axis=2)))
    assert np.abs(three - one[..., None]).max() <= 1


def test_saturation_leaves_grey_as_it_is():
    for side in (32, 64):
        grey = photographs(side)[0][..., 0]
        np.testing.assert_array_equal(corrupt(grey, "saturate", 5), grey)


#: Their published constants turn back, or act on something else than the distance to the original.
TURNING = {"saturate", "elastic_transform", "glass_blur", "spatter", "frost"}


@pytest.mark.parametrize("side", [28, 32, 48, 96])
@pytest.mark.parametrize("name", NAMES)
def test_a_higher_severity_changes_more(name, side):
    if name == "glass_blur" and side >= 64:
        return  # it compiles for seconds; see test_corruptions_library.py
    if side < corruptions()[name].min_side:
        return
    images = [suited(name, image) for image in photographs(side)]
    change = [
        np.mean(
            [np.abs(corrupt(image, name, s, key=str(i)).astype(float) - image).mean() for i, image in enumerate(images)]
        )
        for s in SEVERITIES
    ]
    assert change[0] > 0
    if name not in TURNING:
        assert (np.diff(change) >= -0.02 * max(change)).all(), change
        assert change[-1] > 1.2 * change[0]


# --- refusals ---


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(DataError, match='no corruption "gausian_noise"; did you mean "gaussian_noise"'):
        corrupt(photographs(32)[0], "gausian_noise", 1)
    with pytest.raises(DataError, match=r"there are gaussian_noise, shot_noise, .*sar_clutter"):
        corrupt(photographs(32)[0], "zzz", 1)
    with pytest.raises(DataError, match='kind of corruption "rare"; there are common and sar'):
        corruptions("rare")


@pytest.mark.parametrize("severity", [0, 6, -1, 2.5])
def test_severities_are_1_to_5(severity):
    with pytest.raises(DataError, match=f"Fog has the severities 1 to 5, not {severity}"):
        corrupt(photographs(32)[0], "fog", severity)


@pytest.mark.parametrize("name", [name for name, record in corruptions().items() if record.min_side > 1])
def test_small_images_are_refused(name):
    record = corruptions()[name]
    side = record.min_side
    with pytest.raises(DataError, match=f'at least {side}×{side} pixels; sample "a" is {side - 1}×{side + 20}'):
        corrupt(np.zeros((side - 1, side + 20), dtype=np.uint8), name, 1, key="a")
    corrupt(np.zeros((side, side), dtype=np.uint8), name, 1)


@pytest.mark.parametrize(
    ("image", "name", "words"),
    [
        (np.zeros((0, 5), np.uint8), "contrast", "0×5, without a pixel"),
        (np.zeros((5, 5), np.float32), "contrast", "is float32; convert it to uint8"),
        (np.zeros((5, 5), np.uint16), "contrast", "is uint16; convert it to uint8"),
        (np.zeros((40, 40), np.int64), "sar_speckle", "is int64; convert it to uint8 or uint16"),
        (np.zeros((5, 5, 4), np.uint8), "contrast", r"shape \(5, 5, 4\)"),
        (np.zeros(5, np.uint8), "contrast", r"shape \(5,\)"),
    ],
)
def test_other_images_are_refused(image, name, words):
    with pytest.raises(DataError, match=words):
        corrupt(image, name, 1)


def test_colour_is_no_magnitude():
    with pytest.raises(DataError, match="the image is in colour; it needs magnitudes"):
        corrupt(photographs(32)[0], "sar_speckle", 1)


@pytest.mark.parametrize(("name", "side"), [("fog", 32), ("motion_blur", 32), ("frost", 32), ("gaussian_noise", 64)])
def test_without_the_library_it_says_what_to_install(monkeypatch, name, side):
    for module in ("imagecorruptions", "imagecorruptions.corruptions"):
        monkeypatch.setitem(sys.modules, module, None)
    frost_photograph.cache_clear()
    with pytest.raises(MissingDependencyError, match=r"pip install 'latentviz\[corruptions\]'"):
        corrupt(photographs(side)[0], name, 1)


def test_a_library_that_cannot_be_loaded_is_not_called_missing(monkeypatch):
    from latentviz.datasets.corruptions import library

    def fail(name):
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(library, "import_module", fail)
    with pytest.raises(MissingDependencyError, match=r"libGL\.so\.1.*opencv-python-headless"):
        corrupt(photographs(32)[0], "defocus_blur", 1)


def test_what_needs_only_numpy_runs_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecorruptions.corruptions", None)
    for name in ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise", "gaussian_blur", "contrast"):
        corrupt(photographs(32)[0], name, 1)
    for name in corruptions("sar"):
        corrupt(photographs(32)[0][..., 0], name, 1)
