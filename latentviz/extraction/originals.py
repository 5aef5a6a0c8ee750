"""The network and the images that a run was made of, found again."""

from __future__ import annotations

import os
from dataclasses import replace

from latentviz.datasets.opening import open_source
from latentviz.datasets.source import Corrupted, ImageSource
from latentviz.errors import DataError
from latentviz.models.spec import ModelSpec
from latentviz.workspace import ImageSet, Run


def network_of(run: Run) -> ModelSpec:
    """The description of a run's network.

    Raises
    ------
    DataError
        If there is none: it was given as a Python object, or the run was imported as arrays.
    """
    if not run.manifest.model:
        raise DataError(
            f'"{run.name}" was imported as arrays; there is no network to put images through. Extract the run from a '
            "model."
        )
    if "spec" not in run.manifest.model:
        raise DataError(f'The network of "{run.name}" was a Python object; give it again: model=network.')
    return ModelSpec.model_validate(run.manifest.model["spec"])


def originals(image_set: ImageSet, source: ImageSource | None = None) -> ImageSource:
    """The images that a set was made of; of a corrupted one the clean images, which its record says how to corrupt.

    Parameters
    ----------
    image_set : ImageSet
    source : ImageSource, optional
        The images, if they were given as arrays.

    Raises
    ------
    DataError
        If they are not there any more, or not the same ones.
    """
    if source is None:
        text = image_set.entry.reopen
        if not text and os.path.isdir(image_set.entry.source):  # of a run that was made before this was written down
            text = image_set.entry.source
        if not text:
            raise DataError(
                f'The images of "{image_set.name}" were given as arrays; give them again as arrays(…), or leave it out.'
            )
        source = open_source(text, image_set.role)
    listed = image_set.listing(["id"])["id"].tolist()
    if source.ids != listed and set(listed) <= (there := {name: row for row, name in enumerate(source.ids)}).keys():
        source = source.subset([there[name] for name in listed])  # the set was a part of what is opened by name
    if source.ids != listed:
        raise DataError(
            f'{source.title} no longer holds the images that "{image_set.name}" was made of ({len(source):,} now, '
            f"{len(listed):,} then). Put them back, or extract the set anew."
        )
    return source


def originals_in(run: Run, name: str, source: ImageSource | None = None) -> ImageSource:
    """:func:`originals` of a run's set, corrupted again on the way if it is a corrupted one.

    Raises
    ------
    DataError
        As :func:`originals`, or if it was corrupted elsewhere and its images were not given again.
    """
    record = run[name].entry.corruption
    if record is None or source is not None:
        return originals(run[name], source)
    if record.seed is None:
        raise DataError(
            f'The images of "{name}" were corrupted elsewhere; give them again as arrays(…), or leave it out.'
        )
    made = Corrupted(record.of, record.name, record.family, record.severity, record.seed)
    return replace(originals(run[record.of]), title=name, role="shifted", reopen="", corrupted=made)
