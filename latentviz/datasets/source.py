"""Where a set's images come from; listing is cheap, decoding happens piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from latentviz.datasets.reading import Decoded
from latentviz.errors import DataError, UnreadableImageError


class ImagePart(Protocol):
    """Some consecutive images of a source, small enough to send to another process.

    Attributes
    ----------
    in_memory : bool
        The images are decoded already: sending them elsewhere would cost more than it saves.
    """

    in_memory: bool

    def __iter__(self) -> Iterator[Decoded | UnreadableImageError]:
        """The images in order; an unreadable one as the error that says why."""


@dataclass(frozen=True)
class Corrupted:
    """A corruption of a clean set's images.

    Attributes
    ----------
    of : str
        The clean set.
    name, family : str
        See :func:`latentviz.datasets.corruptions.corruptions`.
    severity : int
    seed : int or None
        None: the images are corrupted already.
    content : str
        Then a fingerprint of some of them.
    """

    of: str
    name: str
    family: str
    severity: int
    seed: int | None = None
    content: str = ""

    @property
    def set_name(self) -> str:
        """What the set is called: those of other seeds, and those made elsewhere, stand beside the usual ones."""
        made = {None: "-files", 0: ""}.get(self.seed, f"-seed{self.seed}")
        return f"{self.of}-{self.name}-{self.severity}{made}"

    def apply(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """An image (H, W, channels) as it is in the set; ``name`` is its id."""
        if self.seed is None:
            return pixels
        from latentviz.datasets.corruptions import corrupt  # few sets are corrupted, and it needs libraries of its own

        return corrupt(pixels, self.name, self.severity, seed=self.seed, key=name)


#: Roles of sets of which accuracy need not be known.
WITHOUT_LABELS = ("shifted", "ood")


@dataclass
class ImageSource:
    """Listed samples of one set.

    Attributes
    ----------
    title : str
        Where they are, for people.
    ids : list of str
    class_names : list of str
        The set's own name of each sample's class; "" where there is none.
    role : str
    indices : ndarray of shape (N,), int64, optional
        The model's class indices, where the source numbers classes instead of naming them.
    rename : dict of str
        Class names of this set that mean another of the model's.
    part : callable(start, stop) -> ImagePart
    reopen : str
        What :func:`open_source` opens it with again; "" if it cannot.
    corrupted : Corrupted, optional
        What is done to the images once they are resized and cropped, or was done to them elsewhere.
    metadata : dict of ndarray of shape (N,)
        What else is known of the samples, e.g. ``azimuth`` in degrees: numbers (NaN where unknown) or text ("").
    """

    title: str
    ids: list[str]
    class_names: list[str]
    part: Any
    role: str = "ood"
    indices: np.ndarray | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    reopen: str = ""
    corrupted: Corrupted | None = None
    metadata: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> list[str]:
        """Distinct class names, sorted as torchvision's ImageFolder sorts them."""
        return sorted(set(self.class_names) - {""})

    def subset(self, rows: Sequence[int] | np.ndarray) -> ImageSource:
        """Some of the samples, in the order of their row numbers given; opened again, it is the whole."""
        chosen = [int(row) for row in rows]
        return replace(
            self,
            ids=[self.ids[row] for row in chosen],
            class_names=[self.class_names[row] for row in chosen],
            part=lambda start, stop: Parts(tuple(self.part(row, row + 1) for row in chosen[start:stop])),
            indices=None if self.indices is None else self.indices[chosen],
            metadata={name: values[chosen] for name, values in self.metadata.items()},
        )


@dataclass(frozen=True)
class Parts:
    """Images of several parts, one after the other."""

    parts: tuple[ImagePart, ...]

    @property
    def in_memory(self) -> bool:
        """Whether all of them are."""
        return all(part.in_memory for part in self.parts)

    def __iter__(self) -> Iterator[Decoded | UnreadableImageError]:
        for part in self.parts:
            yield from part


@dataclass(frozen=True)
class ArrayPart:
    """Rows of an array of images."""

    images: np.ndarray
    in_memory: bool = True

    def __iter__(self) -> Iterator[Decoded | UnreadableImageError]:
        yield from self.images


def arrays(
    images: np.ndarray,
    labels: Sequence[Any] | np.ndarray | None = None,
    role: str = "ood",
    *,
    ids: Sequence[str] | np.ndarray | None = None,
    rename: Mapping[str, str] | None = None,
    title: str = "arrays",
) -> ImageSource:
    """Images in memory.

    Parameters
    ----------
    images : ndarray of shape (N, H, W) or (N, H, W, channels)
        uint8, uint16 or floats.
    labels : sequence of N class indices or class names, optional
    role : {"fit", "ind", "shifted", "ood"}
    ids : sequence of N str, optional
        Row numbers by default.

    Raises
    ------
    DataError
        If the shapes do not fit, or a set of role ``fit`` or ``ind`` comes without labels.
    """
    images = np.asanyarray(images)
    if images.ndim not in (3, 4) or len(images) == 0:
        raise DataError(f"{title}: images have shape {images.shape}; expected (N, H, W) or (N, H, W, channels).")
    known = None if labels is None else np.asarray(labels)
    if known is not None and known.ndim != 1:
        raise DataError(f"{title}: labels have shape {known.shape}; expected ({len(images)},), one a sample.")
    if known is None and role not in WITHOUT_LABELS:
        raise DataError(f'{title}: a set of role "{role}" needs labels.')
    for what, other in (("labels", known), ("ids", ids)):
        if other is not None and len(other) != len(images):
            raise DataError(f"{title}: {len(images):,} images but {len(other):,} {what}.")
    indices = None
    if known is not None and known.dtype.kind in "iu":
        indices = known.astype(np.int64)
    elif known is not None and known.dtype.kind not in "UO":
        raise DataError(f"{title}: labels are {known.dtype}; expected class indices or names.")
    return ImageSource(
        title,
        [str(i) for i in ids] if ids is not None else [row_name(row) for row in range(len(images))],
        [""] * len(images) if known is None else [str(label) for label in known],
        lambda start, stop: ArrayPart(images[start:stop]),
        role,
        indices,
        dict(rename or {}),
    )


def row_name(row: int) -> str:
    """Name of a sample that has none."""
    return f"{row:06d}"
