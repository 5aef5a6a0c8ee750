"""Several scorers on the same samples, with what they have in common computed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Head, Latents
from latentviz.progress import Progress, silent
from latentviz.scorers.base import Scorer


def fit_all(
    scorers: Mapping[str, Scorer], latents: Latents | None, head: Head | None, progress: Progress = silent
) -> tuple[dict[str, Scorer], dict[str, str]]:
    """Fit scorers on the same training samples.

    Parameters
    ----------
    scorers : dict of Scorer
        By any name.
    latents : Latents or None
        None if there are no training samples: scorers that need none still work.
    head : Head or None
        The network's last layer.
    progress : Progress, optional

    Returns
    -------
    fitted : dict of Scorer
        Those that can be used.
    problems : dict of str
        Why the others cannot.
    """
    fitted: dict[str, Scorer] = {}
    problems: dict[str, str] = {}
    if not scorers:
        return fitted, problems
    for number, (name, scorer) in enumerate(scorers.items()):
        progress("Fitting scorers", number, len(scorers), "scorers")
        if problem := scorer.problem(latents, head):
            problems[name] = problem
            continue
        try:
            fitted[name] = scorer if latents is None else scorer.fit(latents)
        except ScorerError as error:
            problems[name] = str(error)
    progress("Fitting scorers", len(scorers), len(scorers), "scorers")
    return fitted, problems


def score_all(
    scorers: Mapping[str, Scorer], blocks: Iterable[Latents], total: int, stage: str = "", progress: Progress = silent
) -> dict[str, np.ndarray]:
    """OOD scores of streamed samples.

    Parameters
    ----------
    scorers : dict of Scorer
        Fitted.
    blocks : iterable of Latents
        The samples piece by piece; scorers share what they compute of a piece.
    total : int
        How many samples M there are.
    stage : str
        What the progress is called.
    progress : Progress, optional

    Returns
    -------
    dict of ndarray of shape (M,), float64
        Larger is more out-of-distribution.
    """
    scores = {name: np.empty(total) for name in scorers}
    start = 0
    for block in blocks:
        for name, scorer in scorers.items():
            scores[name][start : start + len(block)] = scorer.score(block)
        start += len(block)
        progress(stage, start, total, "samples")
    return scores
