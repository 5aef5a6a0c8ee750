"""Several networks as one file says them: what is given to `latentviz compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import DataError
from latentviz.extraction.request import Request, SetRequest
from latentviz.models.spec import ModelSpec
from latentviz.workspace.files import check_name, read_json

_OF_NETWORK = tuple(ModelSpec.model_fields)
_OF_IMAGES = tuple(Preprocessing.model_fields)
_OTHERS = ("name", "classes", "attributes", "batch")


def read_networks(path: Path, sets: list[SetRequest], *, skip_unreadable: bool = False) -> list[Request]:
    """The extractions that a file of networks asks for.

    The file is JSON: a list with an object a network. Its keys are ``name`` (of the run), those of
    :class:`~latentviz.models.spec.ModelSpec` (``architecture`` with ``checkpoint``, or ``onnx`` …), those of
    :class:`latentviz.Preprocessing` (``mean``, ``std``, ``resize`` …; what is left out is the architecture's own), and
    if wanted ``classes``, ``attributes`` (``family``, ``seed`` …) and ``batch``. Paths are relative to the file.

    Parameters
    ----------
    path : Path
    sets : list of SetRequest
    skip_unreadable : bool

    Returns
    -------
    list of Request

    Raises
    ------
    DataError
        If it is no such list, a network has an unknown or a wrong key, or two have one name; names file, entry and key.
    WorkspaceError
        If the file is missing or no JSON.
    """
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content) or not content:
        raise DataError(f'{path} holds no list of networks; expected [{{"name": …, "onnx": …}}, …].')
    found = []
    for number, entry in enumerate(content, 1):
        where = f"{path}, network {number}" + (f" ({entry['name']})" if isinstance(entry.get("name"), str) else "")
        found.append(_request(entry, where, path.parent, sets, skip_unreadable))
    names = [request.name for request in found]
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise DataError(f"{path} has two networks called {twice[0]}; every run needs a name of its own.")
    return found


def _request(entry: dict[str, Any], where: str, folder: Path, sets: list[SetRequest], skip_unreadable: bool) -> Request:
    known = {*_OF_NETWORK, *_OF_IMAGES, *_OTHERS}
    if unknown := [key for key in entry if key not in known]:
        raise DataError(f'{where} has the key "{unknown[0]}", which is none of {", ".join(sorted(known))}.')
    try:
        spec = ModelSpec.model_validate({key: entry[key] for key in _OF_NETWORK if key in entry})
        files = {
            key: (folder / file.expanduser()).absolute()
            for key in ("checkpoint", "onnx")
            if (file := getattr(spec, key)) is not None
        }
        spec = spec.model_copy(update=files)
        request = Request.model_validate(
            {
                "model": spec,
                "sets": sets,
                "name": check_name(str(entry.get("name", spec.run_name)), "a run"),
                "preprocessing": _preprocessing(spec, {key: entry[key] for key in _OF_IMAGES if key in entry}),
                "skip_unreadable": skip_unreadable,
                **{key: entry[key] for key in ("classes", "attributes", "batch") if key in entry},
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise DataError(f"{where}: {field + ': ' if field else ''}{said}.") from None
    return request


def _preprocessing(spec: ModelSpec, changes: dict[str, Any]) -> Preprocessing | None:
    from latentviz.models import default_preprocessing

    return default_preprocessing(spec).changed(**changes) if changes else None
