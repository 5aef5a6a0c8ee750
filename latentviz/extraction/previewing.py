"""What an extraction would do, told before it starts."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from latentviz.datasets.classes import suggest
from latentviz.datasets.decode import prepare, thumbnail_side
from latentviz.datasets.opening import open_source
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImageSource
from latentviz.errors import DataError
from latentviz.extraction.plan import class_names, plan_sets
from latentviz.extraction.request import Request, SetRequest
from latentviz.extraction.run import as_classifier, published_classes
from latentviz.thumbnails import thumbnail


class SetPreview(BaseModel):
    """What a set will be: sizes, classes, and what is wrong with it.

    Attributes
    ----------
    found, matched : int
        Classes in the source, and those among them that the model knows.
    unknown : dict of str
        Classes that the model does not know, with the one they may mean ("" if none comes near).
    problem : str
        Why the set cannot be used; "" if it can.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    role: str
    samples: int = 0
    found: int = 0
    matched: int = 0
    unknown: dict[str, str] = {}
    problem: str = ""
    images: np.ndarray | None = None
    captions: list[str] = []


class Preview(BaseModel):
    """What an extraction would do, told before it starts."""

    title: str
    layer: str
    head: str
    width: int
    classes: list[str]
    preprocessing: Preprocessing
    sets: list[SetPreview]

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way."""
        return not any(s.problem for s in self.sets)


def preview(request: Request, samples: int = 8, seed: int = 0) -> Preview:
    """Load the model, list the sets, match the classes, and show some images as the network will see them.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    DataError
        If the names of the model's classes cannot be told. What is wrong with a single set is in its preview.
    """
    classifier = as_classifier(request.model, request.preprocessing)
    sources: dict[str, ImageSource] = {}
    problems: dict[str, str] = {}
    for entry in request.sets:
        try:
            sources[entry.name] = open_source(entry.source, entry.role, entry.rename)
        except DataError as error:
            problems[entry.name] = str(error)
    names = class_names(classifier.head.classes, request.classes, published_classes(request.model), sources)
    sets = []
    for entry in request.sets:
        if entry.name in problems:
            sets.append(SetPreview(name=entry.name, role=entry.role, problem=problems[entry.name]))
        else:
            source = sources[entry.name]
            sets.append(_preview_set(entry, source, names, classifier.preprocessing, samples, seed))
    return Preview(
        title=request.model.title,
        layer=classifier.layer,
        head=classifier.head.kind,
        width=classifier.head.width,
        classes=names,
        preprocessing=classifier.preprocessing,
        sets=sets,
    )


def _preview_set(
    entry: SetRequest,
    source: ImageSource,
    classes: list[str],
    preprocessing: Preprocessing,
    samples: int,
    seed: int,
) -> SetPreview:
    shown = SetPreview(name=entry.name, role=entry.role, samples=len(source), found=len(source.classes))
    try:
        planned = plan_sets({entry.name: source}, classes)[0]
        shown.matched = planned.matched
    except DataError as error:
        shown.problem = str(error)
        known = set(classes) | set(entry.rename)
        shown.unknown = {name: suggest(name, classes) or "" for name in source.classes if name not in known}
    chosen = np.sort(np.random.default_rng(seed).permutation(len(source))[:samples])
    try:
        side = thumbnail_side(source, preprocessing)
        images = []
        for row in chosen:
            for image in source.part(int(row), int(row) + 1):
                seen = prepare(image, source.ids[row], preprocessing)
                images.append(thumbnail(preprocessing.picture(seen), side))
                shown.captions.append(source.class_names[row])
        shown.images = np.stack(images)
    except DataError as error:
        shown.problem = shown.problem or str(error)
    return shown
