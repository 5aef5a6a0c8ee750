"""Tables of OOD scores for people and other programs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentviz.evaluation.scores import Scores
from latentviz.workspace import Run


def score_table(run: Run, found: Scores) -> pd.DataFrame:
    """Every sample with its scores.

    Parameters
    ----------
    run : Run
    found : Scores

    Returns
    -------
    DataFrame
        As :meth:`latentviz.Run.table` of the scored sets, with a column a scorer.
    """
    if not found.by_scorer:
        return run.table([])
    sets = list(next(iter(found.by_scorer.values())))
    columns = {label: np.concatenate([of[name] for name in sets]) for label, of in found.by_scorer.items()}
    return run.table(sets).assign(**columns)


def summary(run: Run, found: Scores) -> pd.DataFrame:
    """Median score of every set: ``scorer``, a column a set, as text."""
    rows = [
        {"scorer": label, **{name: f"{np.median(v):.4g}" if len(v) else "–" for name, v in of.items()}}
        for label, of in found.by_scorer.items()
    ]
    return pd.DataFrame(rows)
