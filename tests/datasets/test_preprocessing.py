"""The declared steps against torchvision, closed forms and every kind of image file."""

import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from torchvision import models as torchvision_models
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import DataError
from latentviz.models import registry

RGB, GREY = Preprocessing(), Preprocessing(channels="grey")

WEIGHTS = [
    ("resnet18", "IMAGENET1K_V1"),
    ("resnet50", "IMAGENET1K_V2"),
    ("vit_b_16", "IMAGENET1K_SWAG_LINEAR_V1"),
    ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1"),
    ("efficientnet_b0", "IMAGENET1K_V1"),
    ("efficientnet_v2_s", "IMAGENET1K_V1"),
    ("swin_t", "IMAGENET1K_V1"),
    ("inception_v3", "IMAGENET1K_V1"),
    ("mobilenet_v3_small", "IMAGENET1K_V1"),
]


def noise(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    random = np.random.default_rng(height * 1000 + width)
    shape = (height, width) if channels == 1 else (height, width, channels)
    return random.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


# --- torchvision ---


@pytest.mark.parametrize(("name", "weights"), WEIGHTS)
@pytest.mark.parametrize("size", [(301, 413), (97, 64), (500, 231)], ids=str)
def test_published_preprocessing_equals_torchvision(name, weights, size):
    image = Image.fromarray(noise(*size))
    ours = registry.weights_preprocessing(name, weights)
    expected = torchvision_models.get_model_weights(name)[weights].transforms()(image).numpy()
    np.testing.assert_allclose(ours.tensor(ours.pixels(image)[None])[0], expected, atol=1e-6)


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_centre_crop_equals_torchvision(height, width, crop_height, crop_width):
    image = noise(height, width)
    ours = Preprocessing(crop=(crop_height, crop_width)).pixels(image)
    expected = functional.center_crop(torch.from_numpy(image).permute(2, 0, 1), [crop_height, crop_width])
    np.testing.assert_array_equal(ours, expected.permute(1, 2, 0).numpy())


@settings(max_examples=40)
@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(1, 50),
    st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]),
)
def test_resize_of_the_shorter_side_equals_torchvision(height, width, side, interpolation):
    image = Image.fromarray(noise(height, width))
    ours = Preprocessing(resize=side, interpolation=interpolation).pixels(image)
    expected = functional.resize(image, [side], InterpolationMode(interpolation))
    np.testing.assert_array_equal(ours, np.asarray(expected))


# --- kinds of images ---


def through_file(image: Image.Image, format: str) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return Image.open(buffer)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_grey_and_rgb_files(format):
    grey, rgb = noise(5, 7, 1), noise(5, 7)
    grey_file = through_file(Image.fromarray(grey), format)
    rgb_file = through_file(Image.fromarray(rgb), format)
    np.testing.assert_array_equal(GREY.pixels(grey_file)[:, :, 0], grey)
    np.testing.assert_array_equal(RGB.pixels(grey_file), np.dstack([grey] * 3))
    np.testing.assert_array_equal(RGB.pixels(rgb_file), rgb)
    luma = rgb @ [0.299, 0.587, 0.114]  # ITU-R 601
    assert np.abs(GREY.pixels(rgb_file)[:, :, 0] - luma).max() <= 0.51


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_alpha_is_dropped_not_blended(format):
    rgba = noise(5, 7, 4)
    np.testing.assert_array_equal(RGB.pixels(through_file(Image.fromarray(rgba), format)), rgba[:, :, :3])
    grey_alpha = through_file(Image.fromarray(noise(5, 7, 2), "LA"), format)
    np.testing.assert_array_equal(GREY.pixels(grey_alpha)[:, :, 0], noise(5, 7, 2)[:, :, 0])
    np.testing.assert_array_equal(RGB.pixels(grey_alpha), np.dstack([noise(5, 7, 2)[:, :, 0]] * 3))


@pytest.mark.parametrize("transparency", [None, 2, bytes([0, 128, 255, 7])])
def test_palette_files_show_their_colours(transparency):
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]], dtype=np.uint8)
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.tobytes())
    if transparency is not None:
        image.info["transparency"] = transparency
    file = through_file(image, "PNG")
    assert file.mode == "P"
    np.testing.assert_array_equal(RGB.pixels(file), palette[indices])


def test_one_bit_files_are_black_and_white():
    bits = noise(5, 9, 1) > 127
    file = through_file(Image.fromarray(bits), "PNG")
    assert file.mode == "1"
    np.testing.assert_array_equal(GREY.pixels(file)[:, :, 0], bits * 255)
    np.testing.assert_array_equal(RGB.pixels(file), np.dstack([bits * 255] * 3))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_files_keep_all_bits(format):
    deep = noise(6, 5, 1, np.uint16)
    file = through_file(Image.fromarray(deep), format)
    pixels = GREY.pixels(file)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[:, :, 0], deep)
    np.testing.assert_array_equal(RGB.pixels(file), np.dstack([deep] * 3))
    np.testing.assert_allclose(GREY.tensor(pixels[None])[0, 0], deep / 65535, atol=1e-7)


def test_big_endian_tiff():
    deep = noise(6, 5, 1, np.uint16)
    file = Image.frombytes("I;16B", (5, 6), deep.astype(">u2").tobytes())
    np.testing.assert_array_equal(GREY.pixels(file)[:, :, 0], deep)


def test_float_tiff_is_taken_as_it_is():
    values = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    pixels = GREY.pixels(through_file(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(GREY.tensor(pixels[None])[0, 0], values)


def test_whole_numbers_beyond_sixteen_bits_are_refused():
    fits = Image.fromarray(np.array([[0, 65535]], dtype=np.int32))
    np.testing.assert_array_equal(GREY.pixels(fits)[:, :, 0], [[0, 65535]])
    for value in (-1, 65536):
        with pytest.raises(DataError, match="16 bits"):
            GREY.pixels(Image.fromarray(np.array([[0, value]], dtype=np.int32)))


# --- arrays ---


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_of_a_colourless_array_is_the_array(dtype):
    grey = noise(40, 40, 1, dtype)
    np.testing.assert_array_equal(GREY.pixels(np.dstack([grey] * 3))[:, :, 0], grey)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", ["rgb", "grey"])
def test_one_three_and_four_channels_agree(dtype, channels):
    rgb = noise(6, 7).astype(dtype)
    preprocessing = Preprocessing(channels=channels, resize=5, crop=4)
    opaque = np.dstack([rgb, np.ones((6, 7))]).astype(dtype)
    np.testing.assert_array_equal(preprocessing.pixels(opaque), preprocessing.pixels(rgb))
    grey = rgb[:, :, 0]
    np.testing.assert_array_equal(preprocessing.pixels(grey[:, :, None]), preprocessing.pixels(grey))
    assert preprocessing.pixels(grey).shape == (4, 4, preprocessing.depth)
    assert preprocessing.pixels(grey).dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64])
def test_deep_arrays_resize_like_bytes_up_to_one_rounding(dtype):
    narrower = Preprocessing(resize=(20, 5))  # PIL rounds bytes after each axis, so only one is resized
    small = narrower.pixels(noise(20, 30))
    deep = narrower.pixels(noise(20, 30).astype(dtype) * dtype(200))
    assert np.abs(deep / 200 - small).max() <= 0.51


def test_lanczos_stays_in_sixteen_bits():
    edge = np.zeros((16, 16), dtype=np.uint16)
    edge[:, 8:] = 65535
    pixels = Preprocessing(channels="grey", resize=37, interpolation="lanczos").pixels(edge)[:, :, 0]
    assert (pixels[:, 0].max(), pixels[:, -1].min()) == (0, 65535)
    assert (np.diff(pixels.astype(int), axis=1)[:, 17:20] >= 0).all()


@pytest.mark.parametrize("shape", [(4, 4, 2), (4, 4, 5), (4,), (2, 4, 4, 3), (0, 4, 3), (4, 0)], ids=str)
def test_shapes_that_are_no_image(shape):
    with pytest.raises(DataError, match="1, 3 or 4 channels"):
        RGB.pixels(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.int64, np.uint32, object])
def test_dtypes_that_are_no_pixels(dtype):
    with pytest.raises(DataError, match="uint8, uint16 or floating point, not"):
        RGB.pixels(np.zeros((4, 4, 3), dtype=dtype))


def test_complex_values_are_no_magnitudes():
    with pytest.raises(DataError, match=r"complex, but magnitudes are expected.*np.abs"):
        GREY.pixels(np.ones((4, 4), dtype=np.complex64))


# --- numbers ---


def test_scaling_by_bit_depth_or_by_hand():
    assert GREY.tensor(np.full((1, 1, 1, 1), 255, np.uint8)).item() == 1
    assert GREY.tensor(np.full((1, 1, 1, 1), 65535, np.uint16)).item() == 1
    assert GREY.tensor(np.full((1, 1, 1, 1), 0.25, np.float32)).item() == 0.25
    eleven_bits = Preprocessing(channels="grey", scale=2047)
    assert eleven_bits.tensor(np.full((1, 1, 1, 1), 2047, np.uint16)).item() == 1


def test_square_root_and_standardisation():
    pixels = noise(8, 9, 1)[None, :, :, None]
    x = Preprocessing(channels="grey", compress="sqrt", standardise=True).tensor(pixels)
    root = np.sqrt(pixels[0, :, :, 0] / 255)
    np.testing.assert_allclose(x[0, 0], (root - root.mean()) / root.std(), atol=1e-5)
    assert x.mean() == pytest.approx(0, abs=1e-6)
    assert x.std() == pytest.approx(1, abs=1e-6)


def test_compressions_are_what_they_are_called():
    x = np.array([-0.5, 0, 1e-4, 0.25, 1, 4], np.float32).reshape(1, 1, 6, 1)

    def compressed(**how):
        return Preprocessing(channels="grey", **how).tensor(x).ravel()

    magnitude = np.maximum(x.ravel(), 0)
    np.testing.assert_allclose(compressed(compress="sqrt"), magnitude**0.5, rtol=1e-6)
    np.testing.assert_allclose(compressed(compress="quarter-power"), magnitude**0.25, rtol=1e-6)
    decibels = 20 * np.log10(np.maximum(magnitude, 1e-3))
    np.testing.assert_allclose(compressed(compress="db"), 1 + decibels / 60, atol=1e-6)
    np.testing.assert_allclose(compressed(compress="db", floor=-20)[:4], [0, 0, 0, 1 - 12.0412 / 20], atol=1e-5)
    np.testing.assert_allclose(compressed(clip=(0, 0.5)), np.clip(x.ravel(), 0, 0.5))
    np.testing.assert_allclose(compressed(clip=(0, 0.25), compress="sqrt")[-1], 0.5)


def test_a_square_root_of_older_runs_is_read():
    old = {"channels": "grey", "crop": 64, "sqrt": True, "standardise": True}
    assert Preprocessing.model_validate(old) == Preprocessing(
        channels="grey", crop=64, compress="sqrt", standardise=True
    )
    assert Preprocessing.model_validate({"sqrt": False}) == Preprocessing()


def test_people_see_magnitudes_compressed():
    chip = np.array([[0, 1], [16, 81]], np.float32)[:, :, None]
    how = Preprocessing(channels="grey", compress="quarter-power", standardise=True)
    np.testing.assert_allclose(how.picture(chip)[:, :, 0], np.array([[0, 1], [2, 3]]) / 3, rtol=1e-6)
    clipped = Preprocessing(channels="grey", clip=(0, 16)).picture(chip)
    np.testing.assert_allclose(clipped[:, :, 0], np.array([[0, 1], [16, 16]]) / 16)
    small = np.full((2, 2, 1), 0.0625, np.float32)  # within 0–1: not stretched
    np.testing.assert_allclose(how.picture(small), 0.5)
    bytes_ = np.full((2, 2, 1), 7, np.uint8)
    assert how.picture(bytes_) is bytes_


def test_every_image_is_standardised_by_itself():
    both = np.stack([noise(8, 9), noise(8, 9) // 4])
    x = Preprocessing(standardise=True).tensor(both)
    np.testing.assert_allclose(x.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=(1, 2, 3)), 1, atol=1e-6)


def test_a_uniform_image_stays_finite():
    x = Preprocessing(standardise=True).tensor(np.full((1, 30, 30, 3), 77, np.uint8))
    assert np.abs(x).max() < 0.1


def test_one_mean_for_all_channels():
    pixels = noise(3, 3)[None]
    one, three = Preprocessing(mean=(0.5,), std=(0.2,)), Preprocessing(mean=(0.5,) * 3, std=(0.2,) * 3)
    np.testing.assert_array_equal(one.tensor(pixels), three.tensor(pixels))


def test_tensor_is_contiguous_and_leaves_the_pixels_alone():
    pixels = np.random.default_rng(0).random((2, 4, 5, 3), dtype=np.float32)
    before = pixels.copy()
    x = Preprocessing(standardise=True, mean=(0.5,)).tensor(pixels)
    assert x.shape == (2, 3, 4, 5)
    assert x.flags.c_contiguous
    np.testing.assert_array_equal(pixels, before)


# --- the declaration ---


@given(
    st.builds(
        Preprocessing,
        channels=st.just("rgb"),
        resize=st.none() | st.integers(1, 500) | st.tuples(st.integers(1, 500), st.integers(1, 500)),
        interpolation=st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]),
        crop=st.none() | st.integers(1, 500) | st.tuples(st.integers(1, 500), st.integers(1, 500)),
        scale=st.none() | st.floats(0.1, 1e5),
        clip=st.none() | st.tuples(st.floats(-1, 0), st.floats(0.1, 1)),
        compress=st.sampled_from(["none", "sqrt", "quarter-power", "db"]),
        floor=st.floats(-100, -1),
        standardise=st.booleans(),
        mean=st.none() | st.tuples(st.floats(-1, 1)) | st.tuples(*[st.floats(-1, 1)] * 3),
        std=st.none() | st.tuples(st.floats(0.01, 1)) | st.tuples(*[st.floats(0.01, 1)] * 3),
    )
)
def test_survives_json(preprocessing):
    text = json.dumps(preprocessing.model_dump(mode="json"))
    assert Preprocessing.model_validate(json.loads(text)) == preprocessing
    assert preprocessing.sentence().startswith("RGB")


def test_the_sentence_tells_the_steps_in_order():
    preprocessing = Preprocessing(channels="grey", resize=256, crop=64, compress="sqrt", standardise=True)
    assert preprocessing.sentence() == (
        "grey → resize to shorter side 256 (bilinear) → centre crop 64×64 → scale to 0–1 → square root → "
        "standardise each image"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mean": (0.5, 0.5)}, "mean has 2 values for 3 channels"),
        ({"channels": "grey", "std": (1.0, 1.0, 1.0)}, "std has 3 values for 1 channels"),
        ({"std": (1.0, 0.0, 1.0)}, "std must be positive"),
        ({"resize": 0}, "at least 1 pixel"),
        ({"clip": (1, 0)}, "clip needs a lower and a higher value"),
        ({"floor": 3}, "floor"),
        ({"floor": -2000}, "floor"),
        ({"clip": (0, float("inf"))}, "clip"),
        ({"scale": float("inf")}, "scale"),
        ({"crop": (5, -1)}, "at least 1 pixel"),
        ({"scale": 0}, "scale"),
        ({"channels": "bgr"}, "channels"),
        ({"flip": True}, "flip"),
    ],
)
def test_declarations_that_make_no_sense(settings, message):
    with pytest.raises(ValidationError, match=message):
        Preprocessing(**settings)


@pytest.mark.parametrize(
    ("settings", "size"),
    [({}, None), ({"resize": 8}, None), ({"resize": (8, 9)}, (8, 9)), ({"resize": 8, "crop": 7}, (7, 7))],
)
def test_known_size_of_the_result(settings, size):
    preprocessing = Preprocessing(**settings)
    assert preprocessing.size == size
    assert size is None or preprocessing.pixels(noise(20, 30)).shape[:2] == size
