"""Original MSTAR chips."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.datasets.sar.phoenix import LARGEST_SIDE, LONGEST_HEADER, is_phoenix, read_chip, read_header
from latentviz.errors import UnreadableImageError

MAGNITUDE = np.random.default_rng(0).rayleigh(0.1, (5, 7)).astype(np.float32)

FIELDS = {
    "PhoenixSigNum": "0001",
    "native_header_length": "0",
    "Filename": "hb03333.015",
    "MeasuredDepression": "14.803300",
    "DesiredDepression": "15",
    "TargetType": "t72_tank",
    "TargetSerNum": "812",
    "TargetAz": "333.783081",
}


def write_chip(path, magnitude=MAGNITUDE, *, begin="\n[PhoenixHeaderVer01.04]\n", data=None, length=None, **fields):
    """A chip as mstar2raw reads it; a field of None is left out."""
    rows, columns = magnitude.shape
    data = np.stack([magnitude, np.full_like(magnitude, np.pi)]).astype(">f4").tobytes() if data is None else data
    said = {"NumberOfColumns": str(columns), "NumberOfRows": str(rows), **FIELDS, **fields}
    lines = "".join(f"{key}= {value}\n" for key, value in said.items() if value is not None)
    known = f"{begin}PhoenixHeaderLength= 00000\n{lines}[EndofPhoenixHeader]\n"
    text = known.replace("00000\n", f"{len(known) if length is None else length:05d}\n", 1)
    path.write_bytes(text.encode("latin-1") + data)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "HB03333.015"


def test_magnitudes_come_row_by_row_before_the_phases(path):
    chip = read_chip(write_chip(path), "t72/HB03333.015")
    assert chip.dtype == np.float32
    np.testing.assert_array_equal(chip, MAGNITUDE)


@pytest.mark.parametrize("shape", [(54, 54), (128, 129), (158, 158), (193, 192), (1, 1)])
def test_chips_of_many_sizes(path, shape):
    magnitude = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(read_chip(write_chip(path, magnitude), "x"), magnitude)


def test_what_the_header_says(path):
    header = read_header(write_chip(path))
    assert (header.rows, header.columns) == (5, 7)
    assert (header.depression, header.azimuth) == (14.8033, 333.783081)
    assert (header.serial, header.target) == ("812", "t72_tank")
    assert header.start == path.stat().st_size - 2 * 4 * 5 * 7
    assert header.fields["Filename"] == "hb03333.015"


def test_what_the_header_does_not_say(path):
    left_out = dict.fromkeys(("MeasuredDepression", "TargetAz", "TargetSerNum", "TargetType"))
    header = read_header(write_chip(path, **left_out))
    assert (header.depression, header.azimuth, header.serial, header.target) == (15, None, "", "")
    header = read_header(write_chip(path, MeasuredDepression="?", DesiredDepression="nan", TargetAz="-10"))
    assert (header.depression, header.azimuth) == (None, 350)


def test_headers_of_other_spellings(path):
    write_chip(path, begin="[PhoenixHeaderVer01.05]\n", native_header_length=None, Note="no number=1", Site="Münster")
    np.testing.assert_array_equal(read_chip(path, "x"), MAGNITUDE)
    path.write_bytes(path.read_bytes().replace(b"PhoenixHeaderLength=", b"x=", 1))
    np.testing.assert_array_equal(read_chip(path, "x"), MAGNITUDE)


def test_the_header_may_be_padded(path):
    write_chip(path)
    end = path.stat().st_size - 280
    write_chip(path, length=end + 16, data=b"\0" * 16 + np.stack([MAGNITUDE] * 2).astype(">f4").tobytes())
    np.testing.assert_array_equal(read_chip(path, "x"), MAGNITUDE)


def test_a_chip_is_known_by_its_first_bytes(path, tmp_path):
    assert is_phoenix(write_chip(path))
    other = tmp_path / "other.015"
    for content in (b"", b"\x89PNG", b"x" * 100 + path.read_bytes()):
        other.write_bytes(content)
        assert not is_phoenix(other)
        with pytest.raises(UnreadableImageError, match="not an MSTAR chip"):
            read_header(other)
    assert not is_phoenix(tmp_path)
    assert not is_phoenix(tmp_path / "missing")


def test_a_missing_file(path):
    with pytest.raises(UnreadableImageError, match=r"HB03333\.015 cannot be read: No such file"):
        read_chip(path, "t72/HB03333.015")


def test_errors_name_the_image(path):
    with pytest.raises(UnreadableImageError) as caught:
        read_chip(write_chip(path, NumberOfRows="0"), "t72/HB03333.015")
    assert caught.value.image == "t72/HB03333.015"
    with pytest.raises(UnreadableImageError) as caught:
        read_header(path)
    assert caught.value.image == "HB03333.015"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"NumberOfRows": None}, "NumberOfRows .* must be a whole number; it is missing"),
        ({"NumberOfColumns": "many"}, "NumberOfColumns .* must be a whole number; it is 'many'"),
        ({"NumberOfRows": "1e3"}, "it is '1e3'"),
        ({"NumberOfRows": "12²"}, "it is '12²'"),
        ({"NumberOfRows": "+-5"}, "it is '\\+-5'"),
        ({"NumberOfRows": "9" * 5000}, "must be a whole number"),
        ({"NumberOfRows": ""}, "it is ''"),
        ({"NumberOfRows": "0"}, "NumberOfRows .* is 0; chips have 1 to"),
        ({"NumberOfColumns": "-7"}, "NumberOfColumns .* is -7"),
        ({"NumberOfColumns": "999999999999"}, "is 999,999,999,999; chips have 1 to 4,096"),
        ({"NumberOfRows": str(LARGEST_SIDE)}, "shorter than its header says: 4,096 × 7 .* 229,376 bytes, 280 follow"),
        ({"NumberOfRows": "6"}, "shorter than its header says: 6 × 7 .* take 336 bytes, 280 follow"),
        ({"NumberOfRows": "4"}, "longer than its header says: 4 × 7 .* take 224 bytes, 280 follow"),
        ({"NumberOfRows": "10"}, "16-bit values, of a full scene or clutter"),
        ({"native_header_length": "512"}, "full scene of 5 × 7 pixels .*512 bytes.* Cut chips out"),
        ({"native_header_length": "x"}, "native_header_length .* must be a whole number"),
        ({"length": 20}, "says that it has 20 bytes, and it ends after"),
        ({"length": LONGEST_HEADER + 1}, "says that it has 65,537 bytes"),
        ({"data": b""}, "take 280 bytes, 0 follow"),
    ],
)
def test_headers_that_lie(path, wrong, message):
    write_chip(path, **wrong)
    with pytest.raises(UnreadableImageError, match=message):
        read_chip(path, "x")


def test_a_header_that_breaks_off(path):
    content = write_chip(path).read_bytes()
    path.write_bytes(content[:100])
    with pytest.raises(UnreadableImageError, match=r"does not end; .* first 100 bytes"):
        read_chip(path, "x")
    path.write_bytes(content[:60] + b"x" * LONGEST_HEADER + content[60:])
    with pytest.raises(UnreadableImageError, match="first 65,536 bytes"):
        read_chip(path, "x")


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5])
def test_impossible_magnitudes(path, value):
    magnitude = MAGNITUDE.copy()
    magnitude[2, 3:5] = value
    with pytest.raises(UnreadableImageError, match="2 of 35 magnitudes are negative or not finite"):
        read_chip(write_chip(path, magnitude), "x")


@given(st.binary(max_size=300), st.integers(0, 500))
def test_damage_is_told(tmp_path_factory, noise, place):
    path = tmp_path_factory.getbasetemp() / "damaged.015"
    content = write_chip(path).read_bytes()
    path.write_bytes(content[:place] + noise + content[place + len(noise) :])
    with suppress(UnreadableImageError):
        assert read_chip(path, "x").shape


def test_two_signs_are_no_number(tmp_path):
    path = tmp_path / "a.015"
    text = "[PhoenixHeaderVer01.04]\nNumberOfRows= -+5\nNumberOfColumns= 4\n[EndofPhoenixHeader]\n"
    path.write_bytes(text.encode() + bytes(64))
    with pytest.raises(UnreadableImageError, match="NumberOfRows of its Phoenix header must be a whole number"):
        read_header(path)
