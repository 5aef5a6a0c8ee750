"""Decoding in worker processes."""

import subprocess
import sys
from concurrent.futures import BrokenExecutor
from contextlib import suppress

import numpy as np
import psutil
import pytest
from PIL import Image

from latentviz.datasets import Preprocessing, arrays, folder, torchvision_set
from latentviz.datasets.decode import Decoder, Look, decode, look_of, thumbnail_side
from latentviz.errors import DataError, UnreadableImageError


class Prepared:
    """A decoder that always prepares images in one way."""

    def __init__(self, skip_unreadable: bool, preprocessing: Preprocessing) -> None:
        self.decoder, self.preprocessing = Decoder(skip_unreadable, workers=1), preprocessing
        self.stop = self.decoder.stop

    def batches(self, source, start, batch):
        return self.decoder.batches(source, self.preprocessing, start, batch, look_of(source, self.preprocessing))


@pytest.fixture
def decoder():
    started: list[Prepared] = []

    def make(skip_unreadable: bool = False, **preprocessing) -> Prepared:
        started.append(Prepared(skip_unreadable, Preprocessing(**preprocessing)))
        return started[-1]

    yield make
    for one in started:
        one.stop()


def test_workers_and_this_process_decode_alike(tmp_path, make_folder, decoder):
    source = folder(make_folder(tmp_path, {"a": 13, "b": 10}, side=12))
    preprocessing = Preprocessing(resize=(9, 7), crop=6)
    here = decode(source.part(0, 23), tuple(source.ids), preprocessing, 6, False)
    batches = list(decoder(resize=(9, 7), crop=6).batches(source, 0, 4))
    assert [len(b.pixels) for b in batches] == [4, 4, 4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([b.pixels for b in batches]), here.pixels)


def test_decoding_goes_on_from_any_sample(tmp_path, make_folder, decoder):
    source = folder(make_folder(tmp_path, {"a": 7}))
    one = decoder()
    whole = np.concatenate([b.pixels for b in one.batches(source, 0, 3)])
    rest = np.concatenate([b.pixels for b in one.batches(source, 3, 3)])
    np.testing.assert_array_equal(rest, whole[3:])
    assert list(one.batches(source, 7, 3)) == []


def test_pixels_that_are_thumbnails_are_not_sent_twice(tmp_path, make_folder, decoder):
    source = folder(make_folder(tmp_path, {"a": 2}))
    (same,) = decoder().batches(source, 0, 2)
    assert same.thumbnails is None
    (grey,) = decoder(channels="grey").batches(source, 0, 2)
    assert grey.pixels.shape == (2, 8, 8, 1)
    assert grey.thumbnails.shape == (2, 8, 8, 3)
    np.testing.assert_array_equal(grey.thumbnails[..., 1], grey.pixels[..., 0])


def test_an_unreadable_image_stops_the_work(tmp_path, make_folder, decoder):
    source = folder(make_folder(tmp_path, {"a": 5}))
    (tmp_path / "a" / "0003.png").write_bytes(b"")
    batches = decoder().batches(source, 0, 2)
    assert len(next(batches).pixels) == 2
    with pytest.raises(UnreadableImageError, match=r"0003\.png cannot be read: the file is empty") as caught:
        next(batches)
    assert caught.value.image == "a/0003.png"


def test_an_unreadable_image_is_left_out(tmp_path, make_folder, decoder):
    source = folder(make_folder(tmp_path, {"a": 6}))
    for number in (1, 4, 5):
        (tmp_path / "a" / f"000{number}.png").write_text("damaged")
    batches = list(decoder(skip_unreadable=True).batches(source, 0, 2))
    assert [len(b.pixels) for b in batches] == [1, 2, 0]
    assert [list(b.unreadable) for b in batches] == [[1], [], [0, 1]]
    assert "0001.png" in batches[0].unreadable[1]


def test_an_image_that_cannot_be_prepared_counts_as_unreadable(tmp_path, make_folder, decoder):
    make_folder(tmp_path, {"a": 2})
    Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(tmp_path / "a" / "0.tif")  # the first of the set
    with pytest.raises(UnreadableImageError, match=r"a/0\.tif cannot be used: .*values from 70000 to 70000") as caught:
        list(decoder().batches(folder(tmp_path), 0, 2))
    assert caught.value.image == "a/0.tif"
    batches = list(decoder(skip_unreadable=True).batches(folder(tmp_path), 0, 2))
    assert [len(b.pixels) for b in batches] == [1, 1]
    assert "a/0.tif cannot be used" in batches[0].unreadable[0]


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (
            np.zeros((8, 9), np.uint8),
            r"a/9\.png is 8×9 after the preprocessing, the set's first image 8×8. Add a resize",
        ),
        (np.zeros((8, 8), np.uint16), r"a/9\.png has values of uint16, the set's first image uint8"),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 4])
def test_images_of_different_kinds_are_told_apart_in_any_batch(tmp_path, make_folder, decoder, odd, message, batch):
    make_folder(tmp_path, {"a": 3})
    Image.fromarray(odd).save(tmp_path / "a" / "9.png")
    with pytest.raises(DataError, match=message):
        list(decoder().batches(folder(tmp_path), 0, batch))


def test_a_collection_is_decoded_in_the_workers(tmp_path, make_folder, decoder):
    make_folder(tmp_path / "eurosat" / "2750", {"River": 5})
    (tmp_path / "eurosat" / "2750" / "River" / "0003.png").write_bytes(b"half")
    source = torchvision_set("EuroSAT", split="all", root=tmp_path)
    one = decoder(skip_unreadable=True)
    batches = list(one.batches(source, 0, 2))
    assert one.decoder._pool is not None
    assert [len(b.pixels) for b in batches] == [2, 1, 1]
    assert "Image 000003 of torchvision EuroSAT cannot be read" in batches[1].unreadable[1]


def kill_workers():
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it may have ended by itself, or be a zombie of another test
            if "LokyProcess" in " ".join(child.cmdline()):
                child.kill()


def test_a_decoding_process_that_dies_is_told(tmp_path, make_folder, decoder):
    source = folder(make_folder(tmp_path, {"a": 300}, side=64))
    batches = decoder(resize=600).batches(source, 0, 20)
    next(batches)
    kill_workers()
    with pytest.raises(DataError, match="process that decodes images was ended from outside"):
        list(batches)


def test_a_decoding_process_that_died_before_the_next_batch_is_told(tmp_path, make_folder, decoder, wait_until):
    one = decoder()
    one.decoder.start()
    kill_workers()

    def broken() -> bool:
        try:
            one.decoder._pool.submit(int)
        except BrokenExecutor:
            return True
        return False

    wait_until(broken)
    with pytest.raises(DataError, match="process that decodes images was ended from outside"):
        list(one.batches(folder(make_folder(tmp_path, {"a": 3})), 0, 2))


def test_the_first_readable_image_tells_the_size(tmp_path, make_folder):
    make_folder(tmp_path, {"a": 70}, side=8)
    for file in sorted((tmp_path / "a").iterdir())[:66]:
        file.write_bytes(b"")
    assert look_of(folder(tmp_path), Preprocessing()) == Look((8, 8, 3), np.dtype(np.uint8))
    make_folder(tmp_path / "bad", {"a": 2})
    for file in (tmp_path / "bad" / "a").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"None of the 2 images of .*bad can be read. The first: .*0000\.png.*0 bytes"):
        look_of(folder(tmp_path / "bad"), Preprocessing())


def test_thumbnails_are_no_larger_than_64_pixels():
    def side(height: int, width: int) -> int:
        return thumbnail_side(arrays(np.zeros((1, height, width), np.uint8)), Preprocessing())

    assert [side(10, 30), side(64, 64), side(20, 300)] == [30, 64, 64]


def test_workers_do_not_load_torch():
    check = "import latentviz.datasets.decode, sys; assert not {'torch', 'streamlit', 'zarr'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_a_script_needs_no_main_guard(tmp_path, make_folder):
    make_folder(tmp_path / "images", {"a": 20, "b": 20})
    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\n"
        "import latentviz as lv\n"
        "from torch import nn\n"
        "network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))\n"
        f"run = lv.extract(network, {{'test': lv.folder({str(tmp_path / 'images')!r}, 'ind')}}, name='run', batch=8,\n"
        f"    workspace=lv.Workspace({str(tmp_path / 'workspace')!r}), preprocessing=lv.Preprocessing(crop=8))\n"
        "print(len(run['test']), 'rows')\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines.count("once") == 1
    assert lines[-1] == "40 rows"
