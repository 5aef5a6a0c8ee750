"""SAMPLE's complex chips in MATLAB files."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from latentviz.datasets.sar.matfile import LARGEST_SIDE, read_chip, read_metadata
from latentviz.errors import UnreadableImageError

RANDOM = np.random.default_rng(0)
CHIP = RANDOM.normal(size=(5, 7)) + 1j * RANDOM.normal(size=(5, 7))

#: The variables of SAMPLE's files, as its verify.py lists them.
SAMPLE = {
    "aligned": 1,
    "azimuth": 10.22,
    "bandwidth": 591e6,
    "center_freq": 9.6e9,
    "complex_img": CHIP,
    "complex_img_unshifted": np.roll(CHIP, 2, axis=1),
    "elevation": 15.0,
    "explanation": "A chip.",
    "range_pixel_spacing": 0.2021,
    "range_resolution": 0.3047,
    "source_mstar_file": "hb19872.015",
    "target_name": "2s1",
    "taylor_weights": np.ones((1, 7)),
    "xrange_pixel_spacing": 0.2031,
    "xrange_resolution": 0.3047,
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "2s1_real_A_elevDeg_015_azCenter_010_22_serial_b01.mat"


def written(path, content, **options):
    savemat(path, content, **options)
    return path


@pytest.mark.parametrize("options", [{}, {"do_compression": True}])
def test_a_file_of_sample(path, options):
    written(path, SAMPLE, **options)
    chip = read_chip(path, "2s1/x.mat")
    assert chip.dtype == np.float32
    np.testing.assert_allclose(chip, np.abs(CHIP), rtol=1e-6)
    assert read_metadata(path) == {"azimuth": 10.22, "elevation": 15.0}


def test_the_only_matrix_is_the_image(path):
    content = {
        "chip": CHIP.astype(np.complex64),
        "note": "text",
        "mask": CHIP.real > 0,
        "list": np.ones((1, 9)),
        "az": 3,
    }
    np.testing.assert_allclose(read_chip(written(path, content), "x"), np.abs(CHIP), rtol=1e-6)
    np.testing.assert_allclose(read_chip(written(path, {"a": CHIP}, format="4"), "x"), np.abs(CHIP), rtol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int64, np.float32, np.float64])
def test_real_magnitudes_stay_as_they_are(path, kind):
    values = np.arange(12).reshape(3, 4).astype(kind)
    chip = read_chip(written(path, {"chip": values}), "x")
    np.testing.assert_array_equal(chip, values)
    assert chip.dtype == np.float32


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": CHIP, "b": CHIP}, r"2 matrices that could be the image. It has a \(5 × 7 double\), b \(5 × 7 double\)"),
        ({"azimuth": 10.0, "note": "text"}, r"no matrix of numbers. It has azimuth \(1 × 1 double\), note"),
        ({}, "It has no variables"),
        ({"complex_img": {"re": 1.0}, "b": CHIP}, "'complex_img' is not a matrix of numbers"),
        ({"complex_img": np.ones((3, 4, 5))}, "'complex_img' is not a matrix of numbers"),
        ({"complex_img": "text"}, "'complex_img' is not a matrix of numbers"),
        ({"chip": -20 * np.ones((3, 4))}, r"'chip' is real and has negative values \(least: -20\)"),
        ({"chip": np.full((3, 4), -128, np.int8)}, r"least: -128"),
        ({"chip": np.where(np.eye(3), np.nan, 1j)}, "3 of 9 values of 'chip' are not finite"),
        ({"chip": np.full((3, 4), 1e300)}, "12 of 12 values of 'chip' are not finite"),
        ({"chip": np.ones((2, LARGEST_SIDE + 1))}, "has 2 × 4,097 values; chips have at most 4,096"),
    ],
)
def test_files_without_a_chip(path, content, message):
    written(path, content)
    with pytest.raises(UnreadableImageError, match=message) as caught:
        read_chip(path, "2s1/x.mat")
    assert caught.value.image == "2s1/x.mat"
    assert str(path) in str(caught.value)


def test_objects_are_not_loaded(path):
    cells = np.empty((2, 2), dtype=object)
    cells[:] = "text"
    with pytest.raises(UnreadableImageError, match=r"no matrix of numbers. It has things \(2 × 2 cell\)"):
        read_chip(written(path, {"things": cells}), "x")


@pytest.mark.parametrize(
    ("content", "known"),
    [
        ({"az": -10, "elev": 15}, {"azimuth": 350.0, "elevation": 15.0}),
        ({"Azimuth_Deg": "10.5", "serial": " b01 "}, {"azimuth": 10.5, "serial": "b01"}),
        ({"serial_number": 812.0}, {"serial": "812"}),
        ({"azimuth": np.nan, "elevation": "high", "serial": ""}, {}),
        ({"azimuth": np.arange(5.0), "elevation": {"a": 1}, "serial": 1j}, {}),
        ({"chip": CHIP}, {}),
    ],
)
def test_what_a_file_knows(path, content, known):
    assert read_metadata(written(path, content)) == known


def test_files_of_matlab_7_3(path):
    hdf5 = b"\x89HDF\r\n\x1a\n" + bytes(100)
    for content in (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + hdf5, bytes(512) + hdf5, hdf5):
        path.write_bytes(content)
        for read in (read_chip, read_metadata):
            with pytest.raises(UnreadableImageError, match=r"MATLAB 7\.3 \(HDF5\).* save with -v7"):
                read(path, "x")


def test_no_file(path):
    for read in (read_chip, read_metadata):
        with pytest.raises(UnreadableImageError, match="cannot be read: No such file"):
            read(path, "x")


def test_damaged_files(path):
    content = written(path, SAMPLE, do_compression=True).read_bytes()
    for damaged, message in ((b"", "is empty"), (b"text" * 99, "damaged"), (content[:300], "damaged")):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableImageError, match=message):
            read_chip(path, "x")


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=8), st.booleans())
def test_damage_is_told(tmp_path_factory, place, noise, compressed):
    path = tmp_path_factory.getbasetemp() / "damaged.mat"
    content = written(path, {"complex_img": CHIP, "azimuth": 3.0}, do_compression=compressed).read_bytes()
    place %= len(content)
    path.write_bytes(content[:place] + noise + content[place + len(noise) :])
    for read in (read_chip, read_metadata):
        with suppress(UnreadableImageError):
            read(path, "x")
