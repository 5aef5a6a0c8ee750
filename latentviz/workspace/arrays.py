"""Arrays that a user brings, checked before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError
from latentviz.latents import Head
from latentviz.thumbnails import THUMBNAIL_LIMIT, thumbnail
from latentviz.workspace.imageset import NO_LABEL
from latentviz.workspace.manifest import Role, check_role

#: Roles that set names stand for where the user gives none.
USUAL_ROLES: dict[str, Role] = {
    "train": "fit",
    "fit": "fit",
    "test": "ind",
    "val": "ind",
    "valid": "ind",
    "ind": "ind",
}


@dataclass(frozen=True)
class SetArrays:
    """One set's arrays, of equal length."""

    features: np.ndarray
    logits: np.ndarray
    labels: np.ndarray | None
    ids: Sequence[str]
    thumbnails: np.ndarray | None


def default_roles(sets: Iterable[str], roles: Mapping[str, Role] | None) -> dict[str, Role]:
    """Role of every set: the given one, or the one its name stands for, else ``ood``.

    Raises
    ------
    DataError
        If a role is unknown or belongs to a set that does not exist.
    """
    names, given = list(sets), dict(roles or {})
    if extra := [name for name in given if name not in names]:
        raise DataError(f'There is no set "{extra[0]}"; the sets are {", ".join(names)}.')
    for role in given.values():
        check_role(role)
    return {name: given.get(name) or USUAL_ROLES.get(name, "ood") for name in names}


def checked_sets(
    features: Mapping[str, np.ndarray],
    logits: Mapping[str, np.ndarray] | None,
    labels: Mapping[str, np.ndarray] | None,
    head: Head | None,
    images: Mapping[str, np.ndarray] | None,
    ids: Mapping[str, Sequence[str]] | None,
) -> dict[str, SetArrays]:
    """Every set's arrays with the right shapes and dtypes.

    Raises
    ------
    DataError
        Naming the set and what does not fit.
    """
    if not features:
        raise DataError("There is no set: features is empty.")
    for what, mapping in (("logits", logits), ("labels", labels), ("images", images), ("ids", ids)):
        if extra := [name for name in mapping or () if name not in features]:
            raise DataError(f'There are {what} for "{extra[0]}", but no features; the sets are {", ".join(features)}.')
    sets: dict[str, SetArrays] = {}
    for name, given in features.items():
        z = _matrix(name, "features", given)
        if head is not None and z.shape[1] != head.width:
            raise DataError(f'"{name}" has {z.shape[1]} features, the head takes {head.width}.')
        if logits is not None and name in logits:
            scores = _matrix(name, "logits", logits[name])
            if head is not None and scores.shape[1] != head.classes:
                raise DataError(f'"{name}" has {scores.shape[1]} logits, the head makes {head.classes}.')
        elif head is not None:
            scores = head.logits(z)
        else:
            raise DataError(f'"{name}" has no logits; give them, or the head to compute them with.')
        known = _labels(name, labels.get(name) if labels else None, scores.shape[1])
        names = [str(i) for i in ids[name]] if ids and name in ids else [f"{row:06d}" for row in range(len(z))]
        pictures = np.asarray(images[name]) if images is not None and name in images else None
        for what, other in (("logits", scores), ("labels", known), ("ids", names), ("images", pictures)):
            if other is not None and len(other) != len(z):
                raise DataError(f'"{name}" has {len(z):,} features but {len(other):,} {what}.')
        small = None if pictures is None else make_thumbnails(name, pictures)
        sets[name] = SetArrays(z, scores, known, names, small)
    for what in ("features", "logits"):
        widths = {name: getattr(s, what).shape[1] for name, s in sets.items()}
        if len(set(widths.values())) > 1:
            listed = ", ".join(f"{name}: {width}" for name, width in widths.items())
            raise DataError(f"All sets must have {what} of one width; got {listed}.")
    return sets


def _matrix(name: str, what: str, values: np.ndarray) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise DataError(
            f'The {what} of "{name}" are {array.dtype} of shape {array.shape}; expected numbers (N, width).'
        )
    if 0 in array.shape:
        raise DataError(f'The {what} of "{name}" are empty: shape {array.shape}.')
    return array.astype(np.float32, copy=False)


def _labels(name: str, values: np.ndarray | None, classes: int) -> np.ndarray | None:
    if values is None:
        return None
    labels = np.asarray(values)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f'The labels of "{name}" are {labels.dtype} of shape {labels.shape}; expected whole numbers (N,).'
        )
    check_range(name, labels, classes)
    return labels.astype(np.int64)


def check_range(name: str, labels: np.ndarray, classes: int) -> None:
    """Refuse class indices that no logit has.

    Raises
    ------
    DataError
        Naming the set and the first label that is out of range.
    """
    wrong = labels[(labels < NO_LABEL) | (labels >= classes)]
    if len(wrong):
        raise DataError(
            f'"{name}" has the label {wrong[0]}, out of range for {classes} logits: 0 to {classes - 1}, or −1 for none.'
        )


def make_thumbnails(name: str, images: np.ndarray) -> np.ndarray:
    """Thumbnails (N, side, side, 3) of images (N, H, W) or (N, H, W, 3), uint8."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3):
        raise DataError(
            f'The images of "{name}" are {images.dtype} of shape {images.shape}; '
            "expected uint8 (N, H, W) or (N, H, W, 3)."
        )
    side = min(THUMBNAIL_LIMIT, max(images.shape[1:3]))
    return np.stack([thumbnail(image, side) for image in images])
