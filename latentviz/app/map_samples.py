"""What the card beside the pointer says about a sample."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pandas as pd

from latentviz.app import cached, show
from latentviz.app.scatter.served import Describe
from latentviz.workspace import Run

#: Pixels of the picture.
_SIDE = 64


def describer(run: Run, points: pd.DataFrame) -> Describe:
    """Say what is known of the sample in a row of a table of :func:`latentviz.app.cached.points`."""

    def describe(row: int) -> dict[str, Any]:
        sample = points.iloc[row]
        verdict = {True: " ✓", False: " ✗"}.get(sample["correct"], "")
        facts = [
            ("Set", f"{sample['set']} ({sample['role']})"),
            ("Class", sample["label"] or "–"),
            ("Predicted", f"{sample['prediction']}{verdict}"),
            ("Confidence", f"{sample['confidence']:.3f}"),
            ("Feature norm", f"{sample['feature_norm']:.3g}"),
        ]
        return {"title": sample["id"], "facts": facts, "image": _picture(run, sample)}

    return describe


def _picture(run: Run, sample: pd.Series) -> str | None:
    images = cached.thumbnails(run[sample["set"]], np.array([sample["row"]]))
    if images is None:
        return None
    content = io.BytesIO()
    show.enlarged(images[0], _SIDE).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
