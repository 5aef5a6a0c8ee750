"""Where a set's images come from; listing is cheap, decoding happens piece by piece."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from latentviz.datasets.reading import DAMAGE, Decoded, read_image, read_npy, read_npz
from latentviz.errors import DataError, UnreadableImageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


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
_WITHOUT_LABELS = ("shifted", "ood")


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

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> list[str]:
        """Distinct class names, sorted as torchvision's ImageFolder sorts them."""
        return sorted(set(self.class_names) - {""})


@dataclass(frozen=True)
class FilePart:
    """Image files below a folder."""

    root: Path
    names: tuple[str, ...]
    in_memory: bool = False

    def __iter__(self) -> Iterator[Decoded | UnreadableImageError]:
        for name in self.names:
            try:
                yield read_image(self.root / name, name)
            except UnreadableImageError as error:
                yield error


@dataclass(frozen=True)
class ArrayPart:
    """Rows of an array of images."""

    images: np.ndarray
    in_memory: bool = True

    def __iter__(self) -> Iterator[Decoded | UnreadableImageError]:
        yield from self.images


@dataclass(frozen=True)
class CollectionPart:
    """Items of one of torchvision's collections, decoded by its own code.

    Only its name and options go to a decoding process, which opens it again once: with its list of files it may be
    larger than the images of a batch.
    """

    name: str
    options: tuple[tuple[str, Any], ...]
    start: int
    stop: int
    opened: Any = None
    in_memory: bool = False

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.name, self.options, self.start, self.stop)

    def __iter__(self) -> Iterator[Decoded | UnreadableImageError]:
        dataset = _opened_again(self.name, self.options) if self.opened is None else self.opened
        for number in range(self.start, self.stop):
            try:
                image = dataset[number][0]
            except DAMAGE as error:
                reason = str(error).rstrip(".")
                name = row_name(number)
                yield UnreadableImageError(f"Image {name} of torchvision {self.name} cannot be read: {reason}.", name)
                continue
            if not isinstance(image, Image.Image | np.ndarray):
                raise DataError(f"torchvision {self.name} gives {type(image).__name__}; images are needed.")
            yield image


def folder(path: Path | str, role: str = "ood", *, rename: Mapping[str, str] | None = None) -> ImageSource:
    """Images in ``path/class/…/image`` files (PNG, JPEG, BMP, TIFF).

    Parameters
    ----------
    path : Path or str
    role : {"fit", "ind", "shifted", "ood"}
        Images directly in the folder, whose classes nobody knows, are accepted for ``shifted`` and ``ood``.
    rename : dict of str, optional
        Class folders that mean another of the model's classes, e.g. ``{"t72a64": "t72"}``.

    Raises
    ------
    DataError
        If the folder is missing or has no images, or a class folder has none.
    """
    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        what = "is a file, not a folder of images" if root.exists() else "does not exist"
        raise DataError(f"The folder {root} {what}.")
    ids: list[str] = []
    classes: list[str] = []
    empty: list[str] = []
    for child in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
        images = _images(child, recursive=True)
        if not images:
            empty.append(child.name)
        ids += [image.relative_to(root).as_posix() for image in images]
        classes += [child.name] * len(images)
    flat = _images(root, recursive=False)
    if not ids and not flat:
        raise DataError(f"The folder {root} holds no images ({', '.join(SUFFIXES)}).")
    if empty:
        raise DataError(f"In {root} these class folders hold no images: {', '.join(empty[:12])}. Remove or fill them.")
    if flat and (ids or role not in _WITHOUT_LABELS):
        rest = "" if ids else ", or give the set the role ood, or shifted if they are of the model's classes"
        raise DataError(
            f"{root} holds images outside of class folders (first: {flat[0].name}). Move them into a folder a class"
            f"{rest}."
        )
    ids += [image.name for image in flat]
    classes += [""] * len(flat)
    if odd := [name for name in ids if not _is_text(name)]:
        raise DataError(f"In {root} the file name {odd[0]!r} is not UTF-8; rename it.")
    title = str(root)
    return ImageSource(
        title,
        ids,
        classes,
        lambda start, stop: FilePart(root, tuple(ids[start:stop])),
        role,
        rename=dict(rename or {}),
        reopen=title,
    )


def _images(path: Path, recursive: bool) -> list[Path]:
    found = path.rglob("*") if recursive else path.iterdir()
    images = (p for p in found if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(p for p in images if not any(part.startswith(".") for part in p.relative_to(path).parts))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of another encoding, which cannot be stored as text
        return False
    return True


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
    if known is None and role not in _WITHOUT_LABELS:
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


def torchvision_set(
    name: str,
    role: str = "ood",
    *,
    split: str = "test",
    root: Path | str = "data",
    download: bool = False,
    rename: Mapping[str, str] | None = None,
) -> ImageSource:
    """One of torchvision's collections, on disk or downloaded by name.

    Parameters
    ----------
    name : str
        Class in ``torchvision.datasets``, e.g. ``"CIFAR10"``.
    split : str
        ``"train"``, ``"test"`` or what the collection calls its parts.
    root : Path or str
        Where it is, or is downloaded to.
    download : bool
    rename : dict of str, optional
        Its classes that mean another of the model's.

    Raises
    ------
    DataError
        If there is no such collection or part, or it is not on disk.
    """
    from torchvision import datasets

    kind: Any = getattr(datasets, name, None)
    accepted = inspect.signature(kind).parameters if inspect.isclass(kind) else {}
    if "root" not in accepted:
        raise DataError(f'torchvision has no collection called "{name}".')
    options: dict[str, Any] = {"download": download} if "download" in accepted else {}
    if "split" in accepted:
        options["split"] = split
    elif "train" in accepted:
        if split not in ("train", "test"):
            raise DataError(f'torchvision {name} has the parts train and test, not "{split}".')
        options["train"] = split == "train"
    options["root"] = str(Path(root).expanduser().absolute())
    dataset = _open_collection(name, options)
    title = f"torchvision {name} {split}"
    try:
        targets = _targets(dataset)
    except DAMAGE as error:  # of a collection that has no list of its labels: every image is read
        raise DataError(f"The labels of {title} cannot be read: {error}") from None
    classes: Sequence[Any] = getattr(dataset, "classes", None) or ()
    # ImageNet's classes are tuples of synonyms, some in two classes; its numbers are those of every network.
    named = all(isinstance(c, str) for c in classes)
    labels = np.array([classes[t] for t in targets], dtype=object) if classes and named else targets
    stacked = _stacked(dataset)
    reopen = f"{_COLLECTION}{name}:{split}:{options['root']}"
    if stacked is not None:
        return replace(arrays(stacked, labels, role, rename=rename, title=title), reopen=reopen)
    source = arrays(np.empty((len(dataset), 0, 0)), labels, role, rename=rename, title=title)
    recipe = tuple((key, value) for key, value in options.items() if key != "download")
    source.part = lambda start, stop: CollectionPart(name, recipe, start, stop, dataset)
    source.reopen = reopen
    return source


def _open_collection(name: str, options: Mapping[str, Any]) -> Any:
    from torchvision import datasets

    try:
        return getattr(datasets, name)(**options)
    except (RuntimeError, ValueError, OSError, TypeError) as error:
        part = options.get("split", "train" if options.get("train") else "test")
        raise DataError(f"torchvision {name} ({part}) cannot be opened in {options['root']}: {error}") from None


@lru_cache(maxsize=4)
def _opened_again(name: str, options: tuple[tuple[str, Any], ...]) -> Any:
    """A collection in a decoding process."""
    return _open_collection(name, dict(options))


def _targets(dataset: Any) -> np.ndarray:
    for attribute in ("targets", "labels", "_labels", "y"):
        if (found := getattr(dataset, attribute, None)) is not None:
            return np.asarray(found, dtype=np.int64)
    return np.array([int(dataset[number][1]) for number in range(len(dataset))], dtype=np.int64)


def _stacked(dataset: Any) -> np.ndarray | None:
    """The images of a collection that keeps them in memory, channels last."""
    data = getattr(dataset, "data", None)
    if data is None or not hasattr(data, "shape") or len(data.shape) not in (3, 4):
        return None
    images = np.asarray(data)
    return images.transpose(0, 2, 3, 1) if images.ndim == 4 and images.shape[1] == 3 else images


def open_source(
    text: str, role: str, rename: Mapping[str, str] | None = None, *, download: bool = False
) -> ImageSource:
    """A source as it is written on the command line.

    ``DIR``, ``file.npz`` (keys ``images``, ``labels``, ``ids``), ``images.npy,labels.npy``, or
    ``torchvision:NAME[:SPLIT[:ROOT]]``, which is downloaded to the root if it is not there and ``download`` says so.

    Raises
    ------
    DataError
        If it cannot be opened; says why.
    """
    paths = source_paths(text)
    if text.startswith(_COLLECTION):
        _, name, split, *_ = [*text.split(":", 3), ""]
        return torchvision_set(name, role, split=split or "test", root=paths[0], rename=rename, download=download)
    if text.endswith(".npz"):
        content = read_npz(paths[0])
        images = next((content[k] for k in ("images", "x", "data", "arr_0") if k in content), None)
        if images is None:
            raise DataError(f'{text} has no array "images"; it has {", ".join(content)}.')
        labels = next((content[k] for k in ("labels", "y", "arr_1") if k in content), None)
        source = arrays(images, labels, role, ids=content.get("ids"), rename=rename, title=text)
        return replace(source, reopen=str(paths[0]))
    if text.endswith(".npy"):
        images, *rest = map(read_npy, paths)
        source = arrays(images, rest[0] if rest else None, role, rename=rename, title=text)
        return replace(source, reopen=",".join(map(str, paths)))
    return folder(paths[0], role, rename=rename)


_COLLECTION = "torchvision:"


def source_paths(text: str) -> list[Path]:
    """Every file or folder that :func:`open_source` opens for a text: what to check before it does.

    Examples
    --------
    >>> [path.name for path in source_paths("/data/images.npy,/data/labels.npy")]
    ['images.npy', 'labels.npy']
    >>> [path.as_posix() for path in source_paths("torchvision:CIFAR10:test:/data")]
    ['/data']
    """
    if text.startswith(_COLLECTION):
        named = [[*text.split(":", 3), "", ""][3] or "data"]
    elif text.endswith(".npy"):
        named = [part for part in text.split(",", 1) if part]
    else:
        named = [text]
    return [Path(os.path.expanduser(name)).absolute() for name in named]  # Path's own fails on unknown users
