"""Names of SAMPLE's chips and of their relatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.datasets.sar.names import ChipName, metadata, parse, stem

SAMPLE = "2s1_real_A_elevDeg_015_azCenter_010_22_serial_b01.png"


def test_a_name_of_sample():
    chip = parse(SAMPLE)
    assert chip == ChipName("2s1", "measured", 15.0, 10.22, "b01", "A")


@pytest.mark.parametrize(
    ("word", "domain"),
    [
        ("real", "measured"),
        ("pseudo", "measured"),
        ("measured", "measured"),
        ("synth", "simulated"),
        ("SIM", "simulated"),
    ],
)
def test_the_domain(word, domain):
    chip = parse(f"light-tank_{word}_A_elevDeg_015_azCenter_010_22_serial_syn01.png")
    assert chip == ChipName("light-tank", domain, 15.0, 10.22, "syn01", "A")


@pytest.mark.parametrize(
    "spelling",
    [
        "png_images/qpm/real/2s1/" + SAMPLE,
        "C:\\SAMPLE\\real\\2s1\\" + SAMPLE,
        SAMPLE.replace(".png", ".mat"),
        SAMPLE.replace(".png", ""),
        SAMPLE.replace("elevDeg", "elev"),
        SAMPLE.replace("elevDeg_015", "elevDeg_15"),
        SAMPLE.replace("azCenter_010_22", "azCenter_10.22"),
        SAMPLE.replace("azCenter", "az"),
        SAMPLE.replace("2s1", "2S1").replace("elevDeg", "ELEVDEG").replace("real", "Real").replace(".png", ".PNG"),
    ],
)
def test_spellings_of_one_chip(spelling):
    assert parse(spelling) == parse(SAMPLE)


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("2s1_2s1_synth_A_elevDeg_015_azCenter_40.9894403723994_2difft.png", "2s1"),
        ("2s1_synth_A_elevDeg_015_azCenter_40.9894403723994_2difft.png", "2s1"),
        ("random_2s1_synth_A_elevDeg_015_azCenter_40.9894403723994.png", "2s1"),
        ("complex_zsu23_zsu234_synth_A_elevDeg_015_azCenter_40.9894403723994.png", "zsu23"),
        ("zsu234_synth_A_elevDeg_015_azCenter_40.9894403723994_2difft.png", "zsu23"),
        ("m35-3dscan_synth_A_elevDeg_015_azCenter_40.9894403723994_2difft.png", "m35"),
        ("m548_m548-fine_synth_A_elevDeg_015_azCenter_40.9894403723994_2difft.png", "m548"),
    ],
)
def test_names_of_approx_sample(name, class_name):
    assert parse(name) == ChipName(class_name, "simulated", 15.0, 40.9894403723994, "", "A")


def test_every_name_of_the_shared_folders_says_its_class(shared):
    files = [*(shared / "sar" / "simulated").rglob("*.png"), *(shared / "sar" / "pairs").rglob("*.png")]
    assert len(files) == 585 + 2 * 291
    for file in files:
        chip = parse(file.name)
        assert chip is not None, file.name
        assert chip.class_name == file.parent.name, file.name
        assert 13 < chip.elevation < 18
        assert 0 <= chip.azimuth < 360


@pytest.mark.parametrize(
    "name",
    [
        "",
        "HB03333.015",
        "HB15144_000.png",
        "0001.png",
        "my_elev_3.png",
        "azCenter_010_22.png",
        "_real_A_elevDeg_015_azCenter_010_22.png",
        "2s1_real_A_B_elevDeg_015_azCenter_010_22.png",
        "2s1_real_A_elevDeg_015_azCenter_010_22_other.png",
        "2s1_real_A_elevDeg_15x_azCenter_010_22.png",
        "2s1_real_A_elevDeg_095_azCenter_010_22.png",
        "2s1_real_A_elevDeg_015_azCenter_99999.png",
        "2s1_real_A.png",
    ],
)
def test_other_names_say_nothing(name):
    assert parse(name) is None


@given(st.text())
def test_no_name_is_an_error(name):
    parse(name)
    parse(f"2s1_real_A_elevDeg_015_azCenter_{name}")


@given(st.integers(0, 35999), st.integers(0, 90), st.booleans())
def test_angles_are_as_written(hundredths, elevation, as_sample_does):
    degrees, rest = divmod(hundredths, 100)
    azimuth = f"{degrees:03d}_{rest:02d}" if as_sample_does else f"{hundredths / 100}"
    chip = parse(f"t72_synth_A_elevDeg_{elevation:03d}_azCenter_{azimuth}_serial_812.mat")
    assert (chip.elevation, chip.azimuth) == (elevation, pytest.approx(hundredths / 100))


def test_azimuths_turn_around():
    assert parse("a_real_A_elevDeg_015_azCenter_-10.5").azimuth == 349.5
    assert parse("a_real_A_elevDeg_015_azCenter_360").azimuth == 0
    assert parse("a_real_A_elevDeg_015_azCenter_-0." + "0" * 29 + "1").azimuth == 0


def test_what_a_name_does_not_say():
    assert parse("t72_A_elevDeg_015_azCenter_010_22") == ChipName("t72", "", 15.0, 10.22, "", "A")
    assert parse("t72_elev15_az10.5.png") == ChipName("t72", "", 15.0, 10.5)
    assert parse("t72_real_A_azCenter_010_22.png") == ChipName("t72", "measured", None, 10.22, "", "A")
    assert parse("t72_real_A_elevDeg_015.png") == ChipName("t72", "measured", 15.0, None, "", "A")
    assert parse("center_elevDeg_015_azCenter_010.png").class_name == "center"


def test_a_stem_keeps_the_points_of_numbers():
    assert stem("a/b_azCenter_40.98_2difft.png") == stem("b_azCenter_40.98.mat") == "b_azCenter_40.98"


def test_columns_of_what_is_known():
    columns = metadata([SAMPLE, "HB03333.015", "t72_A_elevDeg_016_azCenter_350.png"])
    assert list(columns) == ["elevation", "azimuth", "serial", "domain"]
    np.testing.assert_array_equal(columns["elevation"], [15, np.nan, 16])
    np.testing.assert_array_equal(columns["azimuth"], [10.22, np.nan, 350])
    assert columns["serial"].tolist() == ["b01", "", ""]
    assert columns["domain"].tolist() == ["measured", "", ""]
    assert columns["serial"].dtype == columns["domain"].dtype == object


def test_no_column_of_what_nobody_says():
    assert metadata([]) == metadata(["HB03333.015", "x.png"]) == {}
    assert list(metadata(["t72_elev15_az10.5.png"])) == ["elevation", "azimuth"]
    assert "serial" not in metadata(["2s1_synth_A_elevDeg_015_azCenter_40.98_2difft.png"])
