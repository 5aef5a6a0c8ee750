"""Image sets from folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from latentviz.datasets.reading import SUFFIXES, Decoded, is_image, read_image
from latentviz.datasets.sar import layout
from latentviz.datasets.sar.metadata import metadata_of
from latentviz.datasets.source import WITHOUT_LABELS, ImageSource
from latentviz.errors import DataError, UnreadableImageError


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


def folder(path: Path | str, role: str = "ood", *, rename: Mapping[str, str] | None = None) -> ImageSource:
    """Images in ``path/class/…/image`` files (PNG, JPEG, BMP, TIFF; radar chips as .mat or with a Phoenix header).

    Of radar chips the metadata are read, too: see :func:`latentviz.datasets.sar.metadata.metadata_of`.

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
    if advice := layout.advice(root):
        raise DataError(advice)
    ids: list[str] = []
    classes: list[str] = []
    empty: list[str] = []
    children = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    *inside, flat = _without_notes([*(_images(child, recursive=True) for child in children), _images(root, False)])
    for child, images in zip(children, inside, strict=True):
        if not images:
            empty.append(child.name)
        ids += [image.relative_to(root).as_posix() for image in images]
        classes += [child.name] * len(images)
    if not ids and not flat:
        raise DataError(f"The folder {root} holds no images ({', '.join(SUFFIXES)}, or MSTAR chips).")
    if empty:
        raise DataError(f"In {root} these class folders hold no images: {', '.join(empty[:12])}. Remove or fill them.")
    if flat and (ids or role not in WITHOUT_LABELS):
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
        metadata=metadata_of(root, ids),
    )


def _images(path: Path, recursive: bool) -> list[Path]:
    found = path.rglob("*") if recursive else path.iterdir()
    images = (p for p in found if is_image(p) and p.is_file())
    return sorted(p for p in images if not any(part.startswith(".") for part in p.relative_to(path).parts))


def _without_notes(listed: list[list[Path]]) -> list[list[Path]]:
    """Without .mat files among other images: there they are no chips, but lists of labels or boxes."""
    if all(path.suffix.lower() == ".mat" for paths in listed for path in paths):
        return listed
    return [[path for path in paths if path.suffix.lower() != ".mat"] for paths in listed]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of another encoding, which cannot be stored as text
        return False
    return True
