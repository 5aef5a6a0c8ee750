"""Image sets by what is written on the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from latentviz.datasets.folders import folder
from latentviz.datasets.reading import read_npy, read_npz
from latentviz.datasets.sar import layout
from latentviz.datasets.source import ImageSource, arrays
from latentviz.datasets.torchvision_sets import COLLECTION, torchvision_set
from latentviz.errors import DataError


def open_source(
    text: str, role: str, rename: Mapping[str, str] | None = None, *, download: bool = False
) -> ImageSource:
    """A source as it is written on the command line.

    ``DIR``, ``file.npz`` (keys ``images``, ``labels``, ``ids``), ``images.npy,labels.npy``,
    ``torchvision:NAME[:SPLIT[:ROOT]]``, which is downloaded to the root if it is not there and ``download`` says so, or
    ``sample:DIR:real`` and ``sample:DIR:synth:qpm``: one domain and rendering of the SAMPLE data set.

    Raises
    ------
    DataError
        If it cannot be opened; says why.
    """
    paths = source_paths(text)
    if text.startswith(COLLECTION):
        _, name, split, *_ = [*text.split(":", 3), ""]
        return torchvision_set(name, role, split=split or "test", root=paths[0], rename=rename, download=download)
    if text.startswith(layout.SAMPLE):
        return replace(folder(layout.sample_folder(text), role, rename=rename), reopen=text)
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


def source_paths(text: str) -> list[Path]:
    """Every file or folder that :func:`open_source` opens for a text: what to check before it does.

    Examples
    --------
    >>> [path.name for path in source_paths("/data/images.npy,/data/labels.npy")]
    ['images.npy', 'labels.npy']
    >>> [path.as_posix() for path in source_paths("torchvision:CIFAR10:test:/data")]
    ['/data']
    """
    if text.startswith(COLLECTION):
        named = [[*text.split(":", 3), "", ""][3] or "data"]
    elif text.startswith(layout.SAMPLE):
        return [layout.parts(text)[0]]
    elif text.endswith(".npy"):
        named = [part for part in text.split(",", 1) if part]
    else:
        named = [text]
    return [Path(os.path.expanduser(name)).absolute() for name in named]  # Path's own fails on unknown users
