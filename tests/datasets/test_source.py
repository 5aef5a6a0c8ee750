"""Image sets from folders, arrays and torchvision's collections."""

import os
import pickle
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from latentviz.datasets import Preprocessing, arrays, folder, open_source, torchvision_set
from latentviz.datasets.opening import source_paths
from latentviz.datasets.reading import SUFFIXES, read_image
from latentviz.errors import DataError, UnreadableImageError
from latentviz.extraction.plan import class_names, plan_sets

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (6, 5, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (6, 5), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (6, 5), dtype=np.uint16)


def pixels_of(source, channels="rgb") -> list[np.ndarray]:
    return [Preprocessing(channels=channels).pixels(image) for image in source.part(0, len(source))]


# --- folders ---


def test_a_tree_of_classes(tmp_path, make_folder):
    make_folder(tmp_path / "set", {"dog": 2, "cat": 3})
    source = folder(tmp_path / "set", "ind")
    assert source.ids == ["cat/0000.png", "cat/0001.png", "cat/0002.png", "dog/0000.png", "dog/0001.png"]
    assert source.class_names == ["cat"] * 3 + ["dog"] * 2
    assert source.classes == ["cat", "dog"]
    assert len(source) == 5
    assert source.title == str(tmp_path / "set")


def test_nested_folders_belong_to_the_class_above(tmp_path, make_folder):
    make_folder(tmp_path, {"cat/indoors/night": 1, "cat": 1, "dog/out": 1})
    source = folder(tmp_path)
    assert source.ids == ["cat/0000.png", "cat/indoors/night/0000.png", "dog/out/0000.png"]
    assert source.class_names == ["cat", "cat", "dog"]


def test_hidden_files_and_folders_do_not_count(tmp_path, make_folder):
    make_folder(tmp_path, {"cat": 1, ".git": 2, "cat/.ipynb_checkpoints": 2})
    (tmp_path / "cat" / "._0000.png").write_bytes(b"resource fork")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    assert folder(tmp_path).ids == ["cat/0000.png"]


def test_a_folder_whose_own_path_is_hidden_counts(tmp_path, make_folder):
    make_folder(tmp_path / ".cache" / "set", {"cat": 1})
    assert folder(tmp_path / ".cache" / "set").ids == ["cat/0000.png"]


def test_endings_in_any_case(tmp_path):
    (tmp_path / "cat").mkdir()
    names = [f"{n}{suffix}" for n, suffix in enumerate((*(s for s in SUFFIXES if s != ".mat"), ".PNG", ".Tif"))]
    for name in names:
        (tmp_path / "cat" / name).write_bytes(b"")
    assert folder(tmp_path).ids == [f"cat/{name}" for name in names]


def test_images_without_classes_are_an_ood_set(tmp_path, make_folder):
    make_folder(tmp_path, {".": 3})
    source = folder(tmp_path, "ood")
    assert source.ids == ["0000.png", "0001.png", "0002.png"]
    assert source.class_names == [""] * 3
    assert source.classes == []
    with pytest.raises(DataError, match=r"outside of class folders \(first: 0000.png\).*give the set the role ood"):
        folder(tmp_path, "ind")


def test_shifted_images_need_no_classes(tmp_path, make_folder):
    """Their accuracy is what one would like to estimate."""
    source = folder(make_folder(tmp_path / "new", {".": 3}), "shifted")
    (planned,) = plan_sets({"new": source}, ["cat", "dog"])
    assert planned.listing["label"].tolist() == 3 * [-1]
    (planned,) = plan_sets({"new": arrays(np.zeros((2, 4, 4)), None, "shifted")}, ["cat", "dog"])
    assert planned.listing["label"].tolist() == [-1, -1]
    # They do not name the classes either.
    assert class_names(2, None, None, {"new": source}) == ["0", "1"]


def test_images_beside_class_folders_are_refused(tmp_path, make_folder):
    make_folder(tmp_path, {"cat": 1})
    (tmp_path / "stray.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"outside of class folders \(first: stray.png\)"):
        folder(tmp_path, "ood")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda p: None, "set does not exist"),
        (lambda p: p.write_text(""), "set is a file, not a folder"),
        (lambda p: p.mkdir(), "set holds no images"),
        (lambda p: (p / "cat").mkdir(parents=True), "set holds no images"),
    ],
)
def test_what_is_no_folder_of_images(tmp_path, prepare, message):
    prepare(tmp_path / "set")
    with pytest.raises(DataError, match=message):
        folder(tmp_path / "set")


def test_empty_class_folders_are_named(tmp_path, make_folder):
    make_folder(tmp_path, {"cat": 1, "bird": 0, "emu": 0})
    with pytest.raises(DataError, match="class folders hold no images: bird, emu"):
        folder(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="file names are Unicode there")
def test_a_file_name_that_is_not_text_is_named(tmp_path, make_folder):
    make_folder(tmp_path, {"cat": 1})
    os.rename(tmp_path / "cat" / "0000.png", os.fsencode(tmp_path / "cat") + b"/B\xe4r.png")
    with pytest.raises(DataError, match="is not UTF-8; rename it"):
        folder(tmp_path)


# --- decoding ---


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
@pytest.mark.parametrize("array", [RGB, GREY], ids=["rgb", "grey"])
def test_lossless_files_give_their_pixels(tmp_path, suffix, array):
    Image.fromarray(array).save(tmp_path / f"a{suffix}")
    (found,) = pixels_of(folder(tmp_path))
    np.testing.assert_array_equal(found, array if array.ndim == 3 else np.repeat(array[:, :, None], 3, 2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_files_keep_their_values(tmp_path, suffix):
    Image.fromarray(DEEP).save(tmp_path / f"a{suffix}")
    (found,) = pixels_of(folder(tmp_path), "grey")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[:, :, 0], DEEP)


def deep_png(path, array: np.ndarray) -> None:
    """A PNG file of 16 bits a channel, which PIL cannot write."""

    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, channels = array.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    )


@pytest.mark.parametrize("channels", [2, 3, 4], ids=["grey with alpha", "rgb", "rgb with alpha"])
def test_16_bit_colour_png_files_keep_their_values(tmp_path, channels):
    deep = RANDOM.integers(0, 65536, (6, 5, channels), dtype=np.uint16)
    deep_png(tmp_path / "a.png", deep)
    (found,) = pixels_of(folder(tmp_path))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, deep[:, :, :3] if channels > 2 else np.repeat(deep[:, :, :1], 3, 2))


def test_a_damaged_16_bit_colour_png_file_is_named(tmp_path):
    deep_png(tmp_path / "a.png", RANDOM.integers(0, 65536, (60, 50, 3), dtype=np.uint16))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:1000])
    with pytest.raises(UnreadableImageError, match=r"a\.png cannot be read: it is damaged"):
        read_image(tmp_path / "a.png", "a.png")


def test_16_bit_colour_tiff_files_are_refused(tmp_path):
    values = RANDOM.integers(0, 65536, (6, 5, 3), dtype=np.uint16).astype("<u2").tobytes()
    end = 8 + len(values)
    depths = end + 2 + 9 * 12 + 4
    # width, height, bits, no compression, RGB, where the values are, channels, rows, bytes
    tags = [(256, 5), (257, 6), (258, depths), (259, 1), (262, 2), (273, 8), (277, 3), (278, 6), (279, len(values))]
    entries = b"".join(struct.pack("<HHII", tag, 3 if tag == 258 else 4, 3 if tag == 258 else 1, v) for tag, v in tags)
    listing = struct.pack("<H", len(tags)) + entries + bytes(4) + struct.pack("<HHH", 16, 16, 16)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", end) + values + listing)
    with pytest.raises(UnreadableImageError, match=r"a\.tif cannot be read: a TIFF file with 16 bits a colour cannot"):
        read_image(tmp_path / "a.tif", "a.tif")


def test_alpha_is_dropped(tmp_path):
    alpha = np.full((6, 5, 1), 7, dtype=np.uint8)
    Image.fromarray(np.dstack([RGB, alpha])).save(tmp_path / "a.png")
    (found,) = pixels_of(folder(tmp_path))
    np.testing.assert_array_equal(found, RGB)


def test_palettes_are_looked_up(tmp_path):
    image = Image.fromarray(np.arange(4, dtype=np.uint8).reshape(2, 2), mode="P")
    colours = [(10, 20, 30), (40, 50, 60), (70, 80, 90), (1, 2, 3)]
    image.putpalette([value for colour in colours for value in colour])
    image.save(tmp_path / "a.png")
    (found,) = pixels_of(folder(tmp_path))
    np.testing.assert_array_equal(found.reshape(4, 3), colours)


def test_jpeg_is_what_pil_decodes(tmp_path):
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 3
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    (found,) = pixels_of(folder(tmp_path), "grey")
    np.testing.assert_allclose(found[:, :, 0], smooth, atol=4)


def damaged(path):
    """Files that look like images and are none."""
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path / "whole.png")
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path / "whole.jpg")
    for suffix in ("png", "jpg"):
        content = (path / f"whole.{suffix}").read_bytes()
        (path / f"half.{suffix}").write_bytes(content[: len(content) // 2])
    (path / "empty.png").write_bytes(b"")
    (path / "text.png").write_text("This is not a picture.")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("empty.png", r"the file is empty \(0 bytes\)"),
        ("text.png", "it is not an image, or a damaged one"),
        ("half.png", "truncated"),
        ("half.jpg", "truncated"),
        ("gone.png", "the file does not exist"),
    ],
)
def test_unreadable_files_are_named_with_the_reason(tmp_path, name, reason):
    damaged(tmp_path)
    with pytest.raises(UnreadableImageError, match=f"{name} cannot be read: .*{reason}") as caught:
        read_image(tmp_path / name, name)
    assert caught.value.image == name
    again = pickle.loads(pickle.dumps(caught.value))  # as it comes back from a decoding process
    assert (str(again), again.image) == (str(caught.value), name)


def test_an_unreadable_file_leaves_the_others(tmp_path):
    damaged(tmp_path)
    source = folder(tmp_path)
    kinds = {name: type(image) for name, image in zip(source.ids, source.part(0, len(source)), strict=True)}
    assert [name for name, kind in kinds.items() if kind is not UnreadableImageError] == ["whole.jpg", "whole.png"]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["PNG", "JPEG", "BMP", "TIFF", "GIF"]), st.data())
def test_damage_of_any_kind_is_told(tmp_path, kind, data):
    path = tmp_path / "image"
    Image.fromarray(RGB).save(path, kind)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(UnreadableImageError):  # and nothing else
        assert isinstance(read_image(path, "image"), Image.Image)


# --- arrays ---


def test_arrays_with_numbers_or_names():
    images = np.stack([RGB, RGB])
    numbered = arrays(images, [1, 0], "ind")
    assert numbered.indices.tolist() == [1, 0]
    assert numbered.ids == ["000000", "000001"]
    named = arrays(images, ["cat", "dog"], "ind", ids=["x", "y"])
    assert named.indices is None
    assert named.class_names == ["cat", "dog"]
    assert named.ids == ["x", "y"]
    np.testing.assert_array_equal(pixels_of(named), images)


@pytest.mark.parametrize(
    ("images", "labels", "role", "message"),
    [
        (np.zeros((3, 4)), None, "ood", r"shape \(3, 4\)"),
        (np.zeros((0, 4, 4)), None, "ood", r"shape \(0, 4, 4\)"),
        (np.zeros((2, 4, 4)), [0], "ind", "2 images but 1 labels"),
        (np.zeros((2, 4, 4)), None, "ind", 'role "ind" needs labels'),
        (np.zeros((2, 4, 4)), [[0], [1]], "ind", r"labels have shape \(2, 1\); expected \(2,\)"),
        (np.zeros((2, 4, 4)), np.eye(2), "ind", r"labels have shape \(2, 2\); expected \(2,\)"),
        (np.zeros((2, 4, 4)), "cat", "ind", r"labels have shape \(\); expected \(2,\)"),
        (np.zeros((2, 4, 4)), [0.5, 1.0], "ind", "labels are float64"),
    ],
)
def test_arrays_that_do_not_fit(images, labels, role, message):
    with pytest.raises(DataError, match=message):
        arrays(images, labels, role)


def test_an_npz_file(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.stack([GREY] * 3), labels=[2, 0, 1], ids=["a", "b", "c"])
    source = open_source(str(tmp_path / "a.npz"), "ind")
    assert source.ids == ["a", "b", "c"]
    assert source.indices.tolist() == [2, 0, 1]
    np.testing.assert_array_equal(pixels_of(source, "grey")[1][:, :, 0], GREY)


def test_a_pair_of_npy_files(tmp_path):
    np.save(tmp_path / "x.npy", np.stack([RGB] * 2))
    np.save(tmp_path / "y.npy", np.array(["dog", "cat"]))
    source = open_source(f"{tmp_path}/x.npy,{tmp_path}/y.npy", "ind", {"dog": "wolf"})
    assert source.class_names == ["dog", "cat"]
    assert source.rename == {"dog": "wolf"}
    assert len(open_source(f"{tmp_path}/x.npy", "ood")) == 2


def test_pickled_objects_are_refused_with_the_files_name(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "x.npz", images=np.array([{"a": 1}], dtype=object))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DataError, match=f"{name} contains pickled Python objects"):
            open_source(str(tmp_path / name), "ood")


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_array_files_that_are_none(tmp_path, name):
    with pytest.raises(DataError, match=f"{name} does not exist"):
        open_source(str(tmp_path / name), "ood")
    for content in (b"", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00broken", pickle.dumps([1, 2])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} (is not a readable array file|contains pickled)"):
            open_source(str(tmp_path / name), "ood")


def test_an_npz_file_without_images(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=np.zeros(3))
    with pytest.raises(DataError, match='no array "images"; it has pictures'):
        open_source(str(tmp_path / "a.npz"), "ood")


# --- torchvision's collections ---


@pytest.fixture
def cifar(tmp_path):
    """CIFAR-10's folder with two images a file. Its checksums are torchvision's only test of completeness."""
    batches = tmp_path / "cifar-10-batches-py"
    batches.mkdir()
    images = RANDOM.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
        (batches / name).write_bytes(pickle.dumps({"data": images.reshape(2, -1), "labels": [3, 0]}))
    meta = {"label_names": ["airplane", "automobile", "bird", "cat"]}
    (batches / "batches.meta").write_bytes(pickle.dumps(meta))
    return tmp_path, images


def test_a_collection_in_memory(cifar, monkeypatch):
    from torchvision.datasets import CIFAR10

    root, images = cifar
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    source = open_source(f"torchvision:CIFAR10:test:{root}", "ind", {"cat": "kitten"})
    assert source.title == "torchvision CIFAR10 test"
    assert source.class_names == ["cat", "airplane"]
    assert source.rename == {"cat": "kitten"}
    np.testing.assert_array_equal(pixels_of(source), images.transpose(0, 2, 3, 1))
    assert len(torchvision_set("CIFAR10", "fit", split="train", root=root)) == 10
    with pytest.raises(DataError, match='has the parts train and test, not "validation"'):
        torchvision_set("CIFAR10", split="validation", root=root)


def test_a_collection_of_files(tmp_path, make_folder):
    make_folder(tmp_path / "eurosat" / "2750", {"River": 2, "Forest": 1})
    source = open_source(f"torchvision:EuroSAT:all:{tmp_path}", "ind")
    assert source.class_names == ["Forest", "River", "River"]
    written = Image.open(tmp_path / "eurosat" / "2750" / "River" / "0001.png")
    np.testing.assert_array_equal(pixels_of(source)[2], np.asarray(written))


def test_a_collection_of_files_is_decoded_elsewhere(tmp_path, make_folder):
    make_folder(tmp_path / "eurosat" / "2750", {"River": 2, "Forest": 1})
    part = open_source(f"torchvision:EuroSAT:all:{tmp_path}", "ind").part(1, 3)
    assert not part.in_memory
    sent = pickle.dumps(part)
    assert b"River" not in sent  # not its list of files
    for here, there in zip(part, pickle.loads(sent), strict=True):
        np.testing.assert_array_equal(np.asarray(here), np.asarray(there))


def test_a_damaged_image_of_a_collection_is_named_and_leaves_the_others(tmp_path, make_folder):
    make_folder(tmp_path / "eurosat" / "2750", {"River": 3})
    (tmp_path / "eurosat" / "2750" / "River" / "0001.png").write_bytes(b"half")
    source = open_source(f"torchvision:EuroSAT:all:{tmp_path}", "ind")
    first, damaged, last = source.part(0, 3)
    assert isinstance(damaged, UnreadableImageError)
    assert damaged.image == source.ids[1] == "000001"
    assert "Image 000001 of torchvision EuroSAT cannot be read: cannot identify" in str(damaged)
    assert isinstance(first, Image.Image)
    assert isinstance(last, Image.Image)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/images", ["/a/images"]),
        ("/a/b.npz", ["/a/b.npz"]),
        ("/a/b.npy", ["/a/b.npy"]),
        ("/a/b.npy,/c/d.npy", ["/a/b.npy", "/c/d.npy"]),
        ("/a/b.npy,c,/d/e.npy", ["/a/b.npy", "{here}/c,/d/e.npy"]),
        ("~/a", ["{home}/a"]),
        ("torchvision:CIFAR10:test:/a/b", ["/a/b"]),
        ("torchvision:CIFAR10:test", ["{here}/data"]),
        ("torchvision:CIFAR10", ["{here}/data"]),
    ],
)
def test_every_path_that_a_text_names(tmp_path, monkeypatch, text, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    paths = [str(path) for path in source_paths(text)]
    assert paths == [path.format(here=tmp_path, home="/home/somebody") for path in expected]


def test_imagenet_is_numbered_like_every_network(tmp_path, make_folder):
    synonyms = {"n01": ("crane", "bird"), "n02": ("crane",)}
    torch.save((synonyms, ["n01", "n02"]), tmp_path / "meta.bin")
    make_folder(tmp_path / "val", {"n01": 1, "n02": 2}, suffix=".JPEG")
    source = torchvision_set("ImageNet", "ind", split="val", root=tmp_path)
    assert source.indices.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("torchvision:CIFAR10:test:{}", r"torchvision CIFAR10 \(test\) cannot be opened in"),
        ("torchvision:EuroSAT:test:{}", r"torchvision EuroSAT \(test\) cannot be opened in"),
        ("torchvision:STL10:nosuch:{}", r"torchvision STL10 \(nosuch\) cannot be opened in"),
        ("torchvision:Unknown:test:{}", 'no collection called "Unknown"'),
        ("torchvision:Unknown", 'no collection called "Unknown"'),
        ("torchvision:FakeData:test:{}", 'no collection called "FakeData"'),
        ("torchvision:folder:test:{}", 'no collection called "folder"'),
    ],
)
def test_collections_that_cannot_be_opened(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        open_source(text.format(tmp_path), "ood")
