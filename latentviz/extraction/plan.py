"""Everything that can be told before the first image goes through the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentviz.datasets.classes import match_labels
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError
from latentviz.workspace.arrays import check_range
from latentviz.workspace.files import check_name
from latentviz.workspace.manifest import CorruptionRecord, SetEntry, check_role
from latentviz.workspace.run import listing_fingerprint, listing_of


@dataclass(frozen=True)
class PlannedSet:
    """One set with its labels decided.

    Attributes
    ----------
    entry : SetEntry
    source : ImageSource
    listing : DataFrame
        ``id``, ``class_name``, ``label``.
    """

    entry: SetEntry
    source: ImageSource
    listing: pd.DataFrame

    @property
    def matched(self) -> int:
        """Number of the model's classes that occur."""
        labels = self.listing["label"]
        return int(labels[labels >= 0].nunique())


def plan_sets(sources: Mapping[str, ImageSource], classes: Sequence[str]) -> list[PlannedSet]:
    """Match the classes of every set to the model's.

    Raises
    ------
    DataError
        If a role is unknown, or a set of role ``fit``, ``ind`` or ``shifted`` has a class that the model does not know.
    WorkspaceError
        If a set's name cannot be a folder's.
    """
    if not sources:
        raise DataError("There is no image set; give at least one.")
    return [_plan_set(name, source, classes) for name, source in sources.items()]


def _plan_set(name: str, source: ImageSource, classes: Sequence[str]) -> PlannedSet:
    check_name(name, "a set")
    role = check_role(source.role)
    labels, names = None, source.class_names
    if role != "ood" and (source.classes or source.indices is not None):
        labels = source.indices
        if labels is None:
            labels = match_labels(name, names, classes, source.rename)
        else:
            check_range(name, labels, len(classes))
            names = np.array([*classes, ""], dtype=object)[labels].tolist()
    listing = pd.concat([listing_of(source.ids, names, labels), pd.DataFrame(dict(source.metadata))], axis=1)
    entry = SetEntry(
        name=name,
        role=role,
        source=source.title,
        listed=len(source),
        listing=listing_fingerprint(listing),
        reopen=source.reopen,
        corruption=None if source.corrupted is None else CorruptionRecord(**vars(source.corrupted)),
    )
    return PlannedSet(entry, source, listing)


def class_names(
    outputs: int,
    given: Sequence[str] | None,
    published: Sequence[str] | None,
    sources: Mapping[str, ImageSource],
) -> list[str]:
    """Names of the logits, in order.

    Taken from what the user gave, else from the published weights, else from the class folders of the
    first set of role ``fit`` (or ``ind``) in alphabetical order, which is how torchvision's ImageFolder
    numbers them; numbers if there is no such set.

    Raises
    ------
    DataError
        If their number is not the network's.
    """
    if given is not None:
        if len(given) != outputs or len(set(given)) != len(given):
            raise DataError(f"{len(set(given))} different class names were given for a network with {outputs} outputs.")
        return list(given)
    if published is not None and len(published) == outputs:
        return list(published)
    for role in ("fit", "ind", "shifted"):
        for name, source in sources.items():
            if source.role != role or source.indices is not None or not source.classes:
                continue
            found = sorted({source.rename.get(c, c) for c in source.classes})
            if len(found) == outputs:
                return found
            raise DataError(
                f'The network has {outputs} outputs, but "{name}" has {len(found)} classes ({", ".join(found[:12])}'
                f"{' …' if len(found) > 12 else ''}). Give the names of all outputs in order (--classes)."
            )
    return [str(number) for number in range(outputs)]
