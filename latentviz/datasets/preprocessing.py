"""From a decoded image to what the network eats: declared, stored in the run, the same everywhere."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentviz.errors import DataError

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_CHANNELS = {"rgb": 3, "grey": 1}

Compression = Literal["none", "sqrt", "quarter-power", "db"]

#: What compresses the dynamic range, in words.
COMPRESSIONS: dict[Compression, str] = {
    "none": "none",
    "sqrt": "square root",
    "quarter-power": "fourth root",
    "db": "decibels",
}


class Preprocessing(BaseModel):
    """What happens to an image before the network, in this order.

    channels → resize → centre crop → division by the largest value of the bit depth → clip →
    compression of the dynamic range → per-image standardisation → ``(x − mean) / std``.

    Attributes
    ----------
    channels : {"rgb", "grey"}
        Grey images are repeated for RGB; RGB becomes grey by ITU-R 601 luma; alpha is dropped.
    resize : int or (height, width), optional
        An int is the length of the shorter side. Antialiased, as torchvision does on PIL images.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos"}
    crop : int or (height, width), optional
        Centre crop; images that are smaller are padded with zeros.
    scale : float, optional
        Divisor of the raw values; by default 255 for 8 and 65,535 for 16 bits, 1 for floats.
    clip : (float, float), optional
        Lowest and highest scaled value; what is beyond becomes the limit itself, and nothing is stretched.
    compress : {"none", "sqrt", "quarter-power", "db"}
        What makes radar magnitudes, of which few are large, less uneven: their square root, their fourth root, or
        their decibels: ``20 log₁₀ x`` from ``floor`` to 0 dB, as numbers from 0 to 1 (larger ones stay larger).
        Negative values count as 0.
    floor : float
        Of ``"db"``, in dB below 1.
    standardise : bool
        Give each image mean 0 and standard deviation 1.
    mean, std : tuple of float, optional
        One value a channel, or one for all, on the 0–1 scale.

    Examples
    --------
    >>> grey = Preprocessing(channels="grey", crop=2)
    >>> pixels = grey.pixels(np.full((4, 4), 255, dtype=np.uint8))
    >>> grey.tensor(pixels[None]).shape
    (1, 1, 2, 2)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    channels: Literal["rgb", "grey"] = "rgb"
    resize: int | tuple[int, int] | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    crop: int | tuple[int, int] | None = None
    scale: float | None = Field(default=None, gt=0)
    clip: tuple[float, float] | None = None
    compress: Compression = "none"
    floor: float = Field(default=-60, lt=0, ge=-600)
    standardise: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_older_runs(cls, values: Any) -> Any:
        """``sqrt`` is what the square root was asked for with before there were others."""
        if isinstance(values, dict) and "sqrt" in values:
            values = dict(values)
            if values.pop("sqrt"):
                values.setdefault("compress", "sqrt")
        return values

    @model_validator(mode="after")
    def _one_value_a_channel(self) -> Preprocessing:
        for name in ("mean", "std"):
            values = getattr(self, name)
            if values is not None and len(values) not in (1, self.depth):
                raise ValueError(f"{name} has {len(values)} values for {self.depth} channels")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("std must be positive")
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError("clip needs a lower and a higher value, in this order")
        if any(min(_pair(sides)) < 1 for sides in (self.resize, self.crop) if sides is not None):
            raise ValueError("resize and crop must be at least 1 pixel")
        return self

    def changed(self, **updates: Any) -> Preprocessing:
        """A copy with other values; a mean and std of another channel count are dropped."""
        values = self.model_dump()
        if updates.get("channels", self.channels) != self.channels:
            values |= {"mean": None, "std": None}
        return Preprocessing.model_validate(values | updates)

    @property
    def depth(self) -> int:
        """Number of channels the network gets."""
        return _CHANNELS[self.channels]

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the result; None if it depends on the image."""
        if self.crop is not None:
            return _pair(self.crop)
        return None if self.resize is None or isinstance(self.resize, int) else self.resize

    def pixels(self, image: Image.Image | np.ndarray) -> np.ndarray:
        """Channels, resize and crop: everything that runs in the decoding workers.

        Parameters
        ----------
        image : PIL image, or ndarray of shape (H, W) or (H, W, channels)
            uint8, uint16 or floating point.

        Returns
        -------
        ndarray of shape (height, width, channels)
            uint8, uint16 or float32, as the image.

        Raises
        ------
        DataError
            If an array has a channel count other than 1, 3 or 4, or a dtype that is not listed above, or an
            image has whole numbers beyond 16 bits.
        """
        planes, dtype = _planes(_checked(image) if isinstance(image, np.ndarray) else image, self.channels)
        height, width = planes[0].height, planes[0].width
        if self.resize is not None:
            target = _resized((height, width), self.resize)
            if target != (height, width):
                planes = [p.resize(target[::-1], _RESAMPLING[self.interpolation]) for p in planes]
        pixels = np.dstack([np.asarray(plane) for plane in planes])
        if dtype == np.uint16:
            pixels = pixels.round().clip(0, 65535)
        pixels = pixels.astype(dtype, copy=False)
        return pixels if self.crop is None else _centre_crop(pixels, _pair(self.crop))

    def tensor(self, pixels: np.ndarray) -> np.ndarray:
        """Scale, clip, compression, standardisation and normalisation of a batch.

        Parameters
        ----------
        pixels : ndarray of shape (N, height, width, channels)
            As returned by :meth:`pixels`.

        Returns
        -------
        ndarray of shape (N, channels, height, width), float32, C-contiguous
        """
        x = self._scaled(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
        if self.standardise:
            x -= x.mean(axis=(1, 2, 3), keepdims=True)
            x /= np.maximum(x.std(axis=(1, 2, 3), keepdims=True), 1e-6)
        if self.mean is not None:
            x -= np.asarray(self.mean, dtype=np.float32).reshape(1, -1, 1, 1)
        if self.std is not None:
            x /= np.asarray(self.std, dtype=np.float32).reshape(1, -1, 1, 1)
        return x

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """An image as people should see it.

        Parameters
        ----------
        pixels : ndarray of shape (height, width, channels)

        Returns
        -------
        ndarray of shape (height, width, channels)
            8 bits as they are; others scaled, clipped and compressed as for the network. Where values go beyond 1, as
            magnitudes without a full scale do, they are shown relative to the image's largest.
        """
        if pixels.dtype == np.uint8 or (self.scale, self.clip, self.compress) == (None, None, "none"):
            return pixels
        full = self.scale or _full_scale(pixels.dtype)
        seen = self._scaled(pixels, full if self.clip else max(full, float(pixels.max(initial=0))))
        return seen / np.maximum(seen.max(initial=0), 1)

    def _scaled(self, pixels: np.ndarray, scale: float | None = None) -> np.ndarray:
        """Scaled, clipped and compressed, as a new array of float32."""
        x = pixels.astype(np.float32)
        x /= np.float32(scale or self.scale or _full_scale(pixels.dtype))
        if self.clip is not None:
            np.clip(x, *self.clip, out=x)
        if self.compress != "none":
            _COMPRESSIONS[self.compress](np.maximum(x, 0, out=x), self.floor)
        return x

    def sentence(self) -> str:
        """The steps in words, for the app and the command line."""
        steps = ["RGB" if self.channels == "rgb" else "grey"]
        if self.resize is not None:
            side = f"shorter side {self.resize}" if isinstance(self.resize, int) else _times(self.resize)
            steps.append(f"resize to {side} ({self.interpolation})")
        if self.crop is not None:
            steps.append(f"centre crop {_times(_pair(self.crop))}")
        steps.append(f"÷ {self.scale:g}" if self.scale else "scale to 0–1")
        if self.clip is not None:
            steps.append(f"clip to {self.clip[0]:g} … {self.clip[1]:g}")
        if self.compress != "none":
            steps.append(f"dB above {self.floor:g}" if self.compress == "db" else COMPRESSIONS[self.compress])
        if self.standardise:
            steps.append("standardise each image")
        for name in ("mean", "std"):
            if (values := getattr(self, name)) is not None:
                steps.append(f"{name} {', '.join(f'{v:.4g}' for v in values)}")
        return " → ".join(steps)


def _root(x: np.ndarray, floor: float) -> None:
    np.sqrt(x, out=x)


def _fourth_root(x: np.ndarray, floor: float) -> None:
    np.sqrt(np.sqrt(x, out=x), out=x)


def _decibels(x: np.ndarray, floor: float) -> None:
    np.maximum(x, np.float32(10 ** (floor / 20)), out=x)
    np.log10(x, out=x)
    x *= np.float32(20 / -floor)
    x += 1


#: Change values of at least 0 in place.
_COMPRESSIONS = {"sqrt": _root, "quarter-power": _fourth_root, "db": _decibels}


def _pair(side: int | tuple[int, int]) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else side


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def _full_scale(dtype: np.dtype) -> float:
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def _resized(size: tuple[int, int], resize: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width after the resize; the longer side rounds down as torchvision's does."""
    if not isinstance(resize, int):
        return resize
    height, width = size
    if height <= width:
        return resize, int(resize * width / height)
    return int(resize * height / width), resize


def _centre_crop(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Centre crop as torchvision's: zero padding first where the image is too small."""
    height, width = size
    missing = max(height - pixels.shape[0], 0), max(width - pixels.shape[1], 0)
    if any(missing):
        halves = [(m // 2, (m + 1) // 2) for m in missing]
        pixels = np.pad(pixels, (*halves, (0, 0)))
    top, left = round((pixels.shape[0] - height) / 2), round((pixels.shape[1] - width) / 2)
    return pixels[top : top + height, left : left + width]


def _planes(image: Image.Image | np.ndarray, channels: str) -> tuple[list[Image.Image], np.dtype]:
    """The image as planes that PIL can resize, and the dtype to return to.

    One RGB or L plane for 8 bits; one 32-bit float plane a channel (exact for 16 bits) otherwise.
    """
    deep = _deep(image)
    if deep is not None:
        if channels == "grey" and deep.shape[2] == 3:
            grey = deep @ np.array([0.299, 0.587, 0.114])
            deep = (grey.round() if deep.dtype == np.uint16 else grey).astype(deep.dtype)[:, :, None]
        if channels == "rgb" and deep.shape[2] == 1:
            deep = np.repeat(deep, 3, axis=2)
        planes = [Image.fromarray(deep[:, :, c].astype(np.float32)) for c in range(deep.shape[2])]
        return planes, deep.dtype
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    mode = "RGB" if channels == "rgb" else "L"
    return [image if image.mode == mode else image.convert("RGB").convert(mode)], np.dtype(np.uint8)


def _deep(image: Image.Image | np.ndarray) -> np.ndarray | None:
    """More than 8 bits as an array (H, W, 1 or 3) of uint16 or float32; None for 8 bits."""
    if isinstance(image, np.ndarray):
        return None if image.dtype == np.uint8 else image[:, :, None] if image.ndim == 2 else image
    if image.mode == "F":
        return np.asarray(image)[:, :, None]
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise DataError(
                f"A whole-number image has values from {values.min()} to {values.max()}; 8 or 16 bits can be "
                "used (0 to 65,535). Convert it to 16 bits or to floats."
            )
        return values.astype(np.uint16)[:, :, None]
    return None


def _checked(array: np.ndarray) -> np.ndarray:
    """An image array without alpha, as uint8, uint16 or float32."""
    if array.ndim == 3 and array.shape[2] in (1, 4):
        array = array[:, :, 0] if array.shape[2] == 1 else array[:, :, :3]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or 0 in array.shape:
        raise DataError(
            f"An image array has shape {array.shape}; expected (height, width) or (height, width, channels) "
            "with 1, 3 or 4 channels, and at least one pixel."
        )
    if array.dtype.kind == "c":
        raise DataError("An image array is complex, but magnitudes are expected; give the absolute values (np.abs).")
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype not in (np.uint8, np.uint16):
        raise DataError(f"Image arrays must be uint8, uint16 or floating point, not {array.dtype}.")
    return np.ascontiguousarray(array)
