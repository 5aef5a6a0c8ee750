"""Training images in memory, and what happens to them on the way to the network."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from latentviz.datasets.decode import Decoder, look_of
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError
from latentviz.progress import Progress, silent
from latentviz.training.recipe import Augmentation

#: Pixels by which an image of 32 is shifted at most; of larger ones in proportion.
_SHIFT = 4 / 32
#: How much of the free memory they may take.
_SHARE = 0.8


@dataclass(frozen=True)
class Images:
    """All images of a set, as the network gets them.

    Attributes
    ----------
    pixels : Tensor of shape (N, channels, H, W), float32
    labels : Tensor of shape (N,), int64
    """

    pixels: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def fingerprint(self) -> str:
        """Name of the content: of the pixels as the network gets them, and of the labels."""
        digest = hashlib.blake2b(str(tuple(self.pixels.shape)).encode(), digest_size=16)
        for values in (self.pixels, self.labels):
            digest.update(np.ascontiguousarray(values.numpy()).data)
        return digest.hexdigest()

    def to(self, device: torch.device) -> Images:
        """On another device."""
        return Images(self.pixels.to(device), self.labels.to(device))


def read_images(
    source: ImageSource, labels: np.ndarray, preprocessing: Preprocessing, progress: Progress = silent
) -> Images:
    """Decode a set once; training would wait for the files in every epoch.

    Parameters
    ----------
    source : ImageSource
    labels : ndarray of shape (N,), int64
        Samples with −1 are left out.
    preprocessing : Preprocessing
    progress : Progress, optional

    Raises
    ------
    DataError
        If an image cannot be read, images differ in size, or all of them do not fit into memory.
    """
    known, pixels = labels >= 0, np.empty(0, np.float32)
    decoder, look, done, kept = Decoder(skip_unreadable=False), look_of(source, preprocessing), 0, 0
    try:
        for batch in decoder.batches(source, preprocessing, 0, 256, look):
            part = preprocessing.tensor(batch.pixels)[known[done : done + len(batch.pixels)]]
            if not pixels.size:
                pixels = _empty(int(known.sum()), part.shape[1:], source.title)
            pixels[kept : kept + len(part)] = part
            kept, done = kept + len(part), done + len(batch.pixels)
            progress(f"Reading {source.title}", done, len(source), "images")
    finally:
        decoder.stop()
    return Images(torch.from_numpy(pixels), torch.from_numpy(labels[known].astype(np.int64)))


def _empty(count: int, shape: tuple[int, ...], title: str) -> np.ndarray:
    """Room for all images; a sentence where there is none, before hours of decoding."""
    needed, free = 4 * count * math.prod(shape), psutil.virtual_memory().available
    if needed > _SHARE * free:
        raise DataError(
            f"The {count:,} images of {title} take {needed / 2**30:.1f} GB, of which {free / 2**30:.1f} GB are free; "
            "train on fewer or smaller ones (resize, crop)."
        )
    return np.empty((count, *shape), np.float32)


def augmented(images: torch.Tensor, how: Augmentation) -> torch.Tensor:
    """A batch (B, channels, H, W), every image shifted by itself and perhaps mirrored.

    Shifted by up to an eighth of the side (4 pixels of 32), with the border's values moving in; of zeros, as usual, a
    network could tell where the image was. Randomness is torch's, of the images' device.
    """
    if how == "none":
        return images
    batch, _, height, width = images.shape
    reach_y, reach_x = max(1, round(height * _SHIFT)), max(1, round(width * _SHIFT))
    padded = torch.nn.functional.pad(images, (reach_x, reach_x, reach_y, reach_y), mode="replicate")
    top = torch.randint(0, 2 * reach_y + 1, (batch, 1), device=images.device)
    left = torch.randint(0, 2 * reach_x + 1, (batch, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device)
    columns = left + torch.arange(width, device=images.device)
    if how == "crop-flip":
        mirrored = torch.rand(batch, 1, device=images.device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    number = torch.arange(batch, device=images.device)[:, None, None]
    # Indices of neighbouring dimensions, so that channels stay where they are: (B, H, W, channels) → channels second.
    return padded.permute(0, 2, 3, 1)[number, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
