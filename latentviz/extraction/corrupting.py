"""Corrupted versions of a run's set, made on the way to the network and kept as features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from latentviz.datasets.corruptions import SEVERITIES, Corruption, corruptions
from latentviz.datasets.corruptions import corrupt as corrupt_image
from latentviz.datasets.corruptions.registry import find
from latentviz.datasets.decode import first_of
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.reading import read_npy
from latentviz.datasets.source import Corrupted, ImageSource, arrays, row_name
from latentviz.errors import DataError
from latentviz.extraction.originals import network_of, originals
from latentviz.extraction.run import extract
from latentviz.models.classifier import Classifier
from latentviz.models.spec import ModelSpec
from latentviz.progress import Progress
from latentviz.thumbnails import thumbnail
from latentviz.workspace import ImageSet, Run, Workspace
from latentviz.workspace.manifest import fingerprint

#: Images that are compared to find out whether two sets are of the same ones, or files have changed.
_COMPARED = 40


def corrupt(
    run: Run,
    set_name: str,
    names: Sequence[str] = ("common",),
    severities: Sequence[int] = SEVERITIES,
    *,
    seed: int = 0,
    folder: Path | str | None = None,
    model: ModelSpec | Classifier | nn.Module | None = None,
    source: ImageSource | None = None,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Add corrupted versions of a set to its run, one set a corruption and severity.

    The images are corrupted after they were resized and cropped, as the network sees them, and only their features,
    logits and thumbnails are kept. Every corrupted sample has the id of its original. Called again, it goes on where
    it was stopped.

    Parameters
    ----------
    run : Run
    set_name : str
        A set with labels.
    names : sequence of str
        Corruptions, families or kinds ("common", "sar"), or "all"; see
        :func:`latentviz.datasets.corruptions.corruptions`. "all" leaves out those of radars where they do not apply.
    severities : sequence of int
        From 1 to 5.
    seed : int
        Of the noise; an image gets the same in every batch, order and process.
    folder : Path or str, optional
        Images that were corrupted elsewhere, in CIFAR-10-C's form: ``NAME.npy`` with the images of all five
        severities one after the other, and ``labels.npy``. "all" and "common" then mean all that are there. Samples
        have the ids of their originals if the images show that they are in the clean set's order.
    model : ModelSpec, Classifier or nn.Module, optional
        The run's network, if it was given as a Python object.
    source : ImageSource, optional
        The set's images, if they were given as arrays.
    skip_unreadable : bool
        Leave out images that cannot be read or corrupted, and count them, instead of stopping at the first.
    progress : Progress, optional
        A bar in the terminal or notebook by default.

    Returns
    -------
    Run

    Raises
    ------
    DataError
        If the set has no labels, is corrupted itself or not complete, its images are not there, or there is no such
        corruption or severity.
    ModelError, WorkspaceError
        As :func:`latentviz.extract`.
    """
    if not run.manifest.model:
        raise DataError(
            f'"{run.name}" was imported as arrays; there is no network to put corrupted images through. Extract the '
            "run from a model, or import the features of corrupted images as sets of role shifted."
        )
    clean = _checked(run, set_name)
    if wrong := [severity for severity in severities if severity not in SEVERITIES]:
        raise DataError(f"{wrong[0]} is not a severity; there are {', '.join(map(str, SEVERITIES))}.")
    network = network_of(run) if model is None else model
    preprocessing = Preprocessing.model_validate(run.manifest.preprocessing)
    if folder is not None:
        sources = _of_folder(Path(folder).expanduser().absolute(), clean, names, severities, preprocessing)
    else:
        images = originals(clean, source)
        fitting = _fitting(chosen(names), names, images, preprocessing)
        sources = _made_here(clean, images, fitting, severities, seed)
    return extract(
        network,
        {made.corrupted.set_name: made for made in sources if made.corrupted is not None},
        workspace=Workspace(run.folder.parents[1]),
        name=run.name,
        preprocessing=None if isinstance(network, Classifier) else preprocessing,
        classes=run.classes,
        skip_unreadable=skip_unreadable or bool(clean.state.skipped),
        progress=progress,
    )


def chosen(names: Sequence[str]) -> dict[str, Corruption]:
    """The corruptions that names, families, kinds and "all" mean, in the order of the registry.

    Raises
    ------
    DataError
        If there is no such corruption; names the one that may be meant.

    Examples
    --------
    >>> list(chosen(["noise", "fog"]))
    ['gaussian_noise', 'shot_noise', 'impulse_noise', 'speckle_noise', 'fog']
    """
    known = corruptions()
    meant: set[str] = set()
    for name in names:
        # Families of the common ones; "sar" is one group.
        of_group = [
            key for key, c in known.items() if name in ("all", c.kind) or (c.kind == "common" and name == c.family)
        ]
        meant |= set(of_group or [find(name).record.name])
    if not meant:
        raise DataError("No corruption was chosen.")
    return {key: c for key, c in known.items() if key in meant}


def _checked(run: Run, set_name: str) -> ImageSet:
    clean = run[set_name]
    if clean.entry.corruption is not None:
        raise DataError(f'"{set_name}" is corrupted already; choose the clean set "{clean.entry.corruption.of}".')
    if not clean.complete:
        raise DataError(f'"{set_name}" is not extracted to its end; go on with that first.')
    if not clean.labelled:
        raise DataError(
            f'"{set_name}" has no labels of the model\'s classes (role {clean.role}); corrupted versions of it would '
            "have no accuracy. Choose a set of role ind."
        )
    return clean


def _fitting(
    wanted: Mapping[str, Corruption], names: Sequence[str], source: ImageSource, preprocessing: Preprocessing
) -> dict[str, Corruption]:
    """The corruptions that the images can have: tried on one of them before anything is written.

    Raises
    ------
    DataError
        If one that was asked for cannot be; says why.
    MissingDependencyError
        If one needs packages that are not installed.
    """
    pixels, name = first_of(source, preprocessing)
    fitting = {}
    for key, corruption in wanted.items():
        try:
            corrupt_image(pixels, key, SEVERITIES[0], key=name)
        except DataError:
            if corruption.kind != "sar" or {key, "sar"} & set(names):
                raise
        else:
            fitting[key] = corruption
    return fitting


def _made_here(
    clean: ImageSet, source: ImageSource, wanted: Mapping[str, Corruption], severities: Sequence[int], seed: int
) -> list[ImageSource]:
    labels = clean.listing(["label"])["label"].to_numpy()
    return [
        replace(
            source,
            title=f"{clean.name}: {corruption.title.lower()} {severity}",
            role="shifted",
            indices=labels,
            rename={},
            reopen="",
            corrupted=Corrupted(clean.name, name, corruption.family, severity, seed),
        )
        for name, corruption in wanted.items()
        for severity in severities
    ]


def _of_folder(
    folder: Path, clean: ImageSet, names: Sequence[str], severities: Sequence[int], preprocessing: Preprocessing
) -> list[ImageSource]:
    """Images that were corrupted elsewhere (Hendrycks, Dietterich 2019: CIFAR-10-C)."""
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist.")
    labels = np.asarray(read_npy(folder / "labels.npy"))
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise DataError(f"{folder / 'labels.npy'} holds {labels.dtype} {labels.shape}; expected class indices (N,).")
    known, found = corruptions(), []
    for name, path in _files(folder, names).items():
        images = read_npy(path)
        if images.ndim not in (3, 4) or len(images) % len(SEVERITIES):
            raise DataError(
                f"{path} has the shape {images.shape}; expected five severities of the same images, one after the "
                "other: (5·N, H, W) or (5·N, H, W, channels)."
            )
        count = len(images) // len(SEVERITIES)
        if len(labels) not in (count, len(images)):
            raise DataError(f"{folder / 'labels.npy'} has {len(labels):,} labels for {count:,} images in {path.name}.")
        own = [f"{name}:{row_name(row)}" for row in range(count)]  # which no other sample has
        same = _is_in_order(clean, arrays(images[:count], labels[:count], "shifted", ids=own), preprocessing)
        ids = clean.listing(["id"])["id"].tolist() if same else own
        family = known[name].family if name in known else ""
        for severity in severities:
            rows = slice((severity - 1) * count, severity * count)
            made = arrays(images[rows], labels[:count], "shifted", ids=ids, title=f"{path}, severity {severity}")
            some = np.ascontiguousarray(images[rows][np.linspace(0, count - 1, min(count, _COMPARED)).astype(int)])
            content = fingerprint(str(some.dtype), list(some.shape), some.tobytes().hex())
            found.append(replace(made, corrupted=Corrupted(clean.name, name, family, severity, content=content)))
    return found


def _files(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """The files that names, families and kinds mean."""
    there = {path.stem: path for path in sorted(folder.glob("*.npy")) if path.stem != "labels"}
    if not there:
        raise DataError(f"{folder} holds no corrupted images (NAME.npy beside labels.npy).")
    wanted: set[str] = set()
    for name in names:
        if name in ("all", "common"):
            wanted |= there.keys()
        elif name in there:
            wanted.add(name)
        elif not (meant := chosen([name]).keys()) & there.keys():
            raise DataError(f"{folder} has no {next(iter(meant))}.npy; it has {', '.join(there)}.")
        else:
            wanted |= meant & there.keys()
    return {name: path for name, path in there.items() if name in wanted}


def _is_in_order(clean: ImageSet, corrupted: ImageSource, preprocessing: Preprocessing) -> bool:
    """Whether weakly corrupted images show the clean set's, one by one: labels alone are sorted in many sets."""
    listing = clean.listing(["label"])
    if len(listing) != len(corrupted) or clean.state.skipped or not clean.has_thumbnails:
        return False
    if corrupted.indices is None or not np.array_equal(listing["label"], corrupted.indices):
        return False
    rows = np.unique(np.linspace(0, len(clean) - 1, _COMPARED).astype(int))
    before, side = clean.thumbnails(rows).astype(float), clean.thumbnails(rows[:1]).shape[1]
    after = np.stack(
        [
            thumbnail(preprocessing.picture(preprocessing.pixels(image)), side)
            for n in rows
            for image in corrupted.part(n, n + 1)
        ]
    )
    apart = np.abs(before[:, None] - after[None].astype(float)).mean(axis=(2, 3, 4))
    return bool((apart.argmin(axis=1) == np.arange(len(rows))).mean() > 0.5)
