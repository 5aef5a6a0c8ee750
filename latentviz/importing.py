"""Features that were made elsewhere, from npz files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from latentviz.datasets.reading import read_npz
from latentviz.errors import DataError
from latentviz.latents import Head, HeadKind
from latentviz.workspace import Run, Workspace

_KEYS = ("features", "logits", "labels", "ids", "images")


def import_files(
    files: Sequence[Path],
    workspace: Workspace,
    *,
    name: str = "arrays",
    roles: Mapping[str, Any] | None = None,
    classes: Sequence[str] | None = None,
    head: str = "linear",
) -> Run:
    """Store npz files as a run.

    Parameters
    ----------
    files : sequence of Path
        Keys ``features``, ``logits``, ``labels``, ``ids``, ``images``: the file is one set named after it. Keys
        ``SET/features`` …: several sets in one file. ``weight`` and ``bias`` in any file are the head.
    workspace : Workspace
    name : str
    roles : dict of str, optional
    classes : sequence of str, optional
    head : {"linear", "l2"}

    Raises
    ------
    DataError
        Naming the file and key.
    """
    found: dict[str, dict[str, np.ndarray]] = {key: {} for key in _KEYS}
    weights: dict[str, np.ndarray] = {}
    for path in files:
        for key, values in read_npz(path).items():
            set_name, _, what = key.rpartition("/")
            if key in ("weight", "bias"):
                if key in weights:
                    raise DataError(f'{path} has a second "{key}"; a run has one head.')
                weights[key] = values
            elif what not in _KEYS:
                raise DataError(
                    f'{path} has an array "{key}"; expected {", ".join(_KEYS)}, SET/features …, weight, bias.'
                )
            elif (set_name or path.stem) in found[what]:
                raise DataError(f'Two sets are called "{set_name or path.stem}"; every set needs a name of its own.')
            else:
                found[what][set_name or path.stem] = values
    if "bias" in weights and "weight" not in weights:
        raise DataError('There is a "bias" but no "weight"; the head needs both, or the weight alone.')
    layer = None
    if "weight" in weights:
        bias = weights.get("bias", np.zeros(weights["weight"].shape[:1]))
        layer = Head(weights["weight"], bias, cast(HeadKind, head))
    return Run.from_arrays(
        found["features"],
        found["logits"],
        found["labels"],
        head=layer,
        roles=cast(Any, roles),
        classes=classes,
        ids={key: values.astype(str).tolist() for key, values in found["ids"].items()},
        images=found["images"],
        workspace=workspace,
        name=name,
    )
