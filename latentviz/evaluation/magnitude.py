"""Lengths of a run's features, and what they have to do with confidence and mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentviz.evaluation.accuracy import wilson_interval
from latentviz.geometry.magnitude import Order, norms
from latentviz.workspace import ImageSet, Run

#: Groups of equally many samples by length.
GROUPS = 10


def set_norms(run: Run, image_set: ImageSet, order: Order = "L2", normalise: bool = False) -> np.ndarray:
    """Lengths (N,) of one set's features, float64; computed once and stored.

    Parameters
    ----------
    run : Run
    image_set : ImageSet
        One of the run's.
    order : {"L1", "L2", "L∞"}
    normalise : bool
        Of ``z / ‖z‖₂``.

    Returns
    -------
    ndarray of shape (N,), float64

    Raises
    ------
    WorkspaceError
        If something of the set is missing on disk, or the disk is full.
    """
    if order == "L2" and not normalise:  # stored with the features
        return image_set.read("norm").astype(np.float64)
    key = run.derived.key("norms", {"order": order, "normalise": normalise}, [image_set.fingerprint])
    if key not in run.derived:
        parts = [norms(chunk, order, normalise) for chunk in image_set.chunks("features")]
        meta = {"set": image_set.name, "order": order, "normalise": normalise}
        run.derived.save(key, {"norms": np.concatenate(parts) if parts else np.empty(0)}, meta)
    return run.derived.array(key, "norms")


def by_length(lengths: np.ndarray, table: pd.DataFrame, groups: int = GROUPS) -> pd.DataFrame:
    """Accuracy and confidence of a set's samples from the shortest features to the longest.

    Parameters
    ----------
    lengths : ndarray of shape (N,)
    table : DataFrame
        :meth:`latentviz.ImageSet.table` of the same samples: ``role``, ``correct``, ``confidence``. Accuracy does not
        exist for the role ``ood``, whatever the labels.
    groups : int
        Of equally many samples; fewer if there are fewer samples.

    Returns
    -------
    DataFrame
        ``length`` (mean of the group), ``low``, ``high`` (its range), ``confidence`` (mean), ``accuracy`` (missing
        without labels), ``accuracy_low``, ``accuracy_high`` (95 % interval), ``samples``, ``labelled`` (those that
        the accuracy counts).
    """
    counts = table["correct"].mask(table["role"] == "ood")
    rows = []
    for part in np.array_split(np.argsort(lengths, kind="stable"), min(groups, len(lengths))) if len(lengths) else []:
        correct = counts.iloc[part].dropna()
        right = int(correct.sum())
        low, high = wilson_interval(right, len(correct)) if len(correct) else (np.nan, np.nan)
        rows.append(
            {
                "length": lengths[part].mean(),
                "low": lengths[part].min(),
                "high": lengths[part].max(),
                "confidence": table["confidence"].iloc[part].mean(),
                "accuracy": right / len(correct) if len(correct) else np.nan,
                "accuracy_low": low,
                "accuracy_high": high,
                "samples": len(part),
                "labelled": len(correct),
            }
        )
    measures = ["length", "low", "high", "confidence", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=[*measures, "samples", "labelled"])
