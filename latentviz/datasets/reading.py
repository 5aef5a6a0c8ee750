"""What image and array files hold, and why some cannot be read."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image, ImageFile

from latentviz.datasets.sar import matfile, phoenix
from latentviz.errors import DataError, UnreadableImageError

#: An image as it comes out of a file.
Decoded = Image.Image | np.ndarray

#: What PIL raises on files that it cannot decode.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".mat")


def is_image(path: Path) -> bool:
    """Whether a file is an image by its name, or one of MSTAR's, which end in three digits, by its first line."""
    ending = path.suffix.lower()
    return ending in SUFFIXES or (_is_numbered(ending) and phoenix.is_phoenix(path))


def _is_numbered(ending: str) -> bool:
    return len(ending) == 4 and ending[1:].isdigit()


def read_image(path: Path, name: str) -> Decoded:
    """Decode one file completely; of complex radar chips (.mat, Phoenix) the magnitude, as float32.

    A PIL image, or an array where PIL would drop the lower 8 bits of 16.

    Raises
    ------
    UnreadableImageError
        If it is missing, empty, truncated or not an image; names the file.
    """
    try:
        if (ending := path.suffix.lower()) == ".mat":
            return matfile.read_chip(path, name)
        if _is_numbered(ending):
            return phoenix.read_chip(path, name)
        with path.open("rb") as file:
            image = Image.open(file)
            if _loses_bits(image):
                return _deep_png(path) if image.format == "PNG" else _refuse_deep(image)
            image.load()
            return image
    except UnreadableImageError:
        raise
    except DAMAGE as error:
        raise UnreadableImageError(f"{path} cannot be read: {_reason(path, error)}.", name) from None


def _loses_bits(image: ImageFile.ImageFile) -> bool:
    """Whether the file has 16 bits a colour, of which PIL keeps 8; grey images keep all."""
    deep = image.format in ("PNG", "TIFF") and any(";16" in str(tile[3]) for tile in image.tile)
    return deep and image.mode[0] not in "IF"


def _deep_png(path: Path) -> np.ndarray:
    """A PNG file with 16 bits a colour as an array (H, W, channels), uint16."""
    # Torch takes seconds to import, and such files are rare.
    try:
        import torch
        from torchvision.io import decode_image
    except ImportError:
        raise ValueError("it has 16 bits a colour, and this torchvision does not decode it; save it with 8") from None
    try:
        values = decode_image(torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8))
    except RuntimeError as error:
        raise ValueError(f"it is damaged ({str(error).splitlines()[0]})") from None
    if values.dtype != torch.uint16:
        raise ValueError("it has 16 bits a colour, which needs torchvision 0.20 or newer")
    array = values.permute(1, 2, 0).numpy()
    return array[:, :, :1] if array.shape[2] == 2 else array  # grey with alpha


def _refuse_deep(image: Image.Image) -> NoReturn:
    raise ValueError(f"a {image.format} file with 16 bits a colour cannot be decoded; save it as PNG, or with 8 bits")


def _reason(path: Path, error: Exception) -> str:
    if not path.exists():
        return "the file does not exist"
    if path.stat().st_size == 0:
        return "the file is empty (0 bytes)"
    text = str(error).rstrip(".")
    return "it is not an image, or a damaged one" if "cannot identify" in text else text


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an npz file; pickled objects are refused."""
    if not path.is_file():
        raise DataError(f"{path} does not exist or is not a file.")
    if not zipfile.is_zipfile(path):  # numpy would take it for a pickle
        raise DataError(_refusal(path))
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except Exception as error:  # numpy, zipfile and zlib each raise types of their own
        raise DataError(_refusal(path, error)) from None


def read_npy(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"{path} does not exist or is not a file.")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # numpy's own parser of the header raises almost anything
        raise DataError(_refusal(path, error)) from None


def _refusal(path: Path, error: Exception | None = None) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return f"{path} contains pickled Python objects, which could run code; it was not loaded. Save plain arrays."
    return f"{path} is not a readable array file, or it is damaged."
