"""Image sets from torchvision's collections."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentviz.datasets.reading import DAMAGE, Decoded
from latentviz.datasets.source import ImageSource, arrays, row_name
from latentviz.errors import DataError, UnreadableImageError

#: How a text begins that names one; see :func:`latentviz.datasets.open_source`.
COLLECTION = "torchvision:"


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
    reopen = f"{COLLECTION}{name}:{split}:{options['root']}"
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
