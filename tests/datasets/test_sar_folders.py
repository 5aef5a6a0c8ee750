"""Folders of radar chips: SAMPLE's layout, MSTAR's files, tables beside images, and what is told of odd ones."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from latentviz.datasets import Preprocessing, folder, open_source
from latentviz.datasets.decode import Decoder, look_of
from latentviz.datasets.opening import source_paths
from latentviz.errors import DataError, UnreadableImageError

SAMPLE = "{name}_{domain}_A_elevDeg_015_azCenter_{azimuth}_serial_b01{ending}"


def png(path: Path, size: int = 8, value: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size), value, np.uint8)).save(path)


def phoenix(path: Path, magnitude: np.ndarray, **fields: object) -> None:
    """A chip as MSTAR's: header, magnitudes, phases."""
    rows, columns = magnitude.shape
    known = {"NumberOfRows": rows, "NumberOfColumns": columns, "native_header_length": 0} | fields
    body = "".join(f"{key}= {value}\n" for key, value in known.items())
    frame = "[PhoenixHeaderVer01.04]\nPhoenixHeaderLength= {:05d}\n{}[EndofPhoenixHeader]\n"
    text = frame.format(len(frame.format(0, body)), body).encode()
    values = magnitude.astype(">f4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text + values + struct.pack(f">{magnitude.size}f", *[0.0] * magnitude.size))


@pytest.fixture
def sample(tmp_path) -> Path:
    """SAMPLE's layout with two classes, two azimuths and both domains."""
    for rendering in ("qpm", "decibel"):
        for domain in ("real", "synth"):
            for name in ("2s1", "m1"):
                for azimuth in ("010_22", "033_50"):
                    file = SAMPLE.format(name=name, domain=domain, azimuth=azimuth, ending=".png")
                    png(tmp_path / "png_images" / rendering / domain / name / file, value=len(rendering) * 10)
    for domain in ("real", "synth"):
        file = SAMPLE.format(name="2s1", domain=domain, azimuth="010_22", ending=".mat")
        path = tmp_path / "mat_files" / domain / "2s1" / file
        path.parent.mkdir(parents=True)
        savemat(path, {"complex_img": np.full((8, 8), 3 - 4j), "azimuth": 10.22, "elevation": 15.0})
    return tmp_path


def test_samples_layout(sample):
    source = open_source(f"sample:{sample}:real", "shifted")
    assert source.classes == ["2s1", "m1"]
    assert source.metadata["azimuth"].tolist() == [10.22, 33.5] * 2
    assert source.metadata["elevation"].tolist() == [15.0] * 4
    assert source.metadata["serial"].tolist() == ["b01"] * 4
    assert "domain" not in source.metadata
    again = open_source(source.reopen, "shifted")
    assert again.ids == source.ids
    assert [path.name for path in source_paths(f"sample:{sample}:real")] == [sample.name]


def test_samples_renderings_and_complex_chips(sample):
    brightness = {}
    for rendering in ("qpm", "decibel"):
        image = next(iter(open_source(f"sample:{sample}:synth:{rendering}", "ood").part(0, 1)))
        brightness[rendering] = np.asarray(image).max()
    assert brightness == {"qpm": 30, "decibel": 70}
    chip = next(iter(open_source(f"sample:{sample}:synth:mat", "ood").part(0, 1)))
    assert chip.dtype == np.float32
    np.testing.assert_allclose(chip, 5)  # the magnitude of 3 − 4j


@pytest.mark.parametrize("below", ["", "png_images", "png_images/qpm"])
def test_a_folder_above_the_domains_is_told_what_to_write(sample, below):
    with pytest.raises(DataError, match=f"sample:{sample}:real"):
        folder(sample / below, "shifted")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample:{}:measured", "not of the form"),
        ("sample:{}:real:tiff", "not of the form"),
        ("sample:{}/x:real", "no folder"),
    ],
)
def test_what_is_no_part_of_sample(sample, text, message):
    with pytest.raises(DataError, match=message):
        open_source(text.format(sample), "shifted")


def test_mstars_own_files(tmp_path):
    random = np.random.default_rng(0)
    chips = {f"HB0333{n}.015": random.uniform(0, 3, (10, 12)) for n in range(3)}
    for n, (name, chip) in enumerate(chips.items()):
        phoenix(tmp_path / "BMP2" / "SN_9563" / name, chip, TargetAz=40 + n, MeasuredDepression=15.2, TargetSerNum=9563)
    (tmp_path / "BMP2" / "notes.001").write_text("not a chip")
    source = folder(tmp_path, "shifted")
    assert source.ids == [f"BMP2/SN_9563/{name}" for name in chips]
    assert source.class_names == ["BMP2"] * 3
    assert source.metadata["azimuth"].tolist() == [40, 41, 42]
    assert source.metadata["elevation"].tolist() == [15.2] * 3
    assert source.metadata["serial"].tolist() == ["9563"] * 3
    for image, expected in zip(source.part(0, 3), chips.values(), strict=True):
        np.testing.assert_allclose(image, expected, rtol=1e-6)


def test_a_header_that_lies_names_its_file(tmp_path):
    phoenix(tmp_path / "bmp2" / "a.015", np.ones((4, 4)))
    phoenix(tmp_path / "bmp2" / "b.015", np.ones((4, 4)), NumberOfRows=5)
    found = list(folder(tmp_path, "shifted").part(0, 2))
    assert isinstance(found[1], UnreadableImageError)
    assert "b.015" in str(found[1])


def test_chips_of_several_sizes_need_a_crop(tmp_path):
    png(tmp_path / "t72" / "a.png", size=8)
    png(tmp_path / "t72" / "b.png", size=10)
    source = folder(tmp_path, "shifted")

    def decoded(preprocessing: Preprocessing) -> int:
        decoder = Decoder(skip_unreadable=False)
        try:
            batches = decoder.batches(source, preprocessing, 0, 8, look_of(source, preprocessing))
            return sum(len(batch.pixels) for batch in batches)
        finally:
            decoder.stop()

    with pytest.raises(DataError, match=r"10×10 after the preprocessing, the set's first image 8×8.*centre crop"):
        decoded(Preprocessing(channels="grey"))
    assert decoded(Preprocessing(channels="grey", crop=6)) == 2


def test_a_table_beside_the_images(tmp_path):
    for name in ("a", "b", "c"):
        png(tmp_path / "set" / "t72" / f"{name}.png")
    table = tmp_path / "set" / "metadata.csv"
    table.write_text("file,azimuth,elev,site,label\na.png,12.5,17,north,x\nt72/b.png,,15,south,y\n")
    source = folder(tmp_path / "set", "shifted")
    np.testing.assert_array_equal(source.metadata["azimuth"], [12.5, np.nan, np.nan])
    np.testing.assert_array_equal(source.metadata["elevation"], [17, 15, np.nan])
    assert source.metadata["site"].tolist() == ["north", "south", ""]
    assert "label" not in source.metadata  # a column that every table of samples has
    table.write_text("file,azimuth\na.png,1\na.png,2\n")
    with pytest.raises(DataError, match=r'2 rows of "t72/a\.png"'):
        folder(tmp_path / "set", "shifted")
    table.write_bytes(b"file,site\na.png,\xff\n")
    with pytest.raises(DataError, match="cannot be read as a table"):
        folder(tmp_path / "set", "shifted")


def test_names_say_more_than_tables(tmp_path):
    name = SAMPLE.format(name="2s1", domain="real", azimuth="010_22", ending="")
    png(tmp_path / "set" / "2s1" / f"{name}.png")
    (tmp_path / "pairs.csv").write_text(f"pair_id,sim_az,ncc\n{name},99,0.8\n")
    source = folder(tmp_path / "set", "shifted")
    assert source.metadata["azimuth"].tolist() == [10.22]
    assert source.metadata["similarity"].tolist() == [0.8]


def test_the_shared_pairs_say_that_they_were_matched(shared):
    for side in ("simulated", "measured"):
        source = folder(shared / "sar" / "pairs" / side, "shifted")
        assert len(source) == 291
        assert np.isfinite(source.metadata["similarity"]).all()
        assert np.isfinite(source.metadata["azimuth"]).all()


def test_folders_without_any_of_it_have_no_metadata(tmp_path):
    png(tmp_path / "cat" / "a.png")
    assert folder(tmp_path, "ood").metadata == {}


def test_tables_of_every_dialect(tmp_path):
    for name in ("a", "b"):
        png(tmp_path / "set" / "t72" / f"{name}.png")
    table = tmp_path / "set" / "metadata.csv"
    for text in (
        "File;Azimuth;Serial\na.png;-10;9563\nb.png;370;c21\n",
        "file\tazimuth\tserial\na\t350\t9563\nb\t10\tc21\n",
    ):
        table.write_text(text)
        found = folder(tmp_path / "set", "shifted").metadata
        assert found["azimuth"].tolist() == [350, 10]
        assert found["serial"].tolist() == ["9563", "c21"]  # never numbers
    table.write_text("file, azimuth, ID, self, lot, note\na.png, east, 7, x, 1_0, 0012\n, 3, 8, y, 2,\n, 4, 9, z, 3,\n")
    found = folder(tmp_path / "set", "shifted").metadata
    assert np.isnan(found["azimuth"]).all()  # an angle is a number or unknown
    assert "id" not in found
    assert found["lot"].tolist() == ["1_0", ""]
    assert found["note"][0] == 12


def test_a_table_of_something_else_does_no_harm(tmp_path):
    png(tmp_path / "set" / "t72" / "a.png")
    (tmp_path / "metadata.csv").write_text("name,city\nsmith,x\nsmith,y\n")
    assert folder(tmp_path / "set", "shifted").metadata == {}
    (tmp_path / "pairs.csv").write_text("name,azimuth,az\na,5,6\n")
    found = folder(tmp_path / "set", "shifted").metadata  # the next one is looked at
    assert found["azimuth"].tolist() == [5]
    assert found["az"].tolist() == [6]


def test_columns_of_a_table_cannot_be_the_listings(tmp_path, workspace):
    from latentviz.extraction.plan import plan_sets

    png(tmp_path / "set" / "t72" / "a.png")
    (tmp_path / "set" / "metadata.csv").write_text("file,ID,self,azimuth\na.png,7,x,3\n")
    listing = plan_sets({"set": folder(tmp_path / "set", "shifted")}, ["t72"])[0].listing
    assert listing["id"].tolist() == ["t72/a.png"]
    assert listing["self"].tolist() == ["x"]


def test_mat_files_beside_pictures_are_no_chips(tmp_path):
    png(tmp_path / "rose" / "a.png")
    savemat(tmp_path / "imagelabels.mat", {"labels": [1, 2]})
    savemat(tmp_path / "rose" / "digitStruct.mat", {"boxes": [1, 2]})
    assert folder(tmp_path, "ind").ids == ["rose/a.png"]


def test_classes_may_be_called_real_and_synth(tmp_path):
    for name in ("real", "synth"):
        png(tmp_path / "faces" / name / "a.png")
    assert folder(tmp_path / "faces", "ind").classes == ["real", "synth"]


def test_a_folder_of_sample_may_have_a_colon(tmp_path):
    from latentviz.datasets.sar import layout

    assert layout.parts("sample:C:\\data:real")[0].name.endswith("data")
    assert layout.parts("sample:/a:b:synth:mat")[1:] == ("synth", "mat")
    with pytest.raises(DataError, match="not of the form"):
        layout.parts("sample:real")
