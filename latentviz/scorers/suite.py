"""Several scorers on the same samples, with what they have in common computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Head, Latents
from latentviz.progress import Progress, silent
from latentviz.scorers.base import Scorer


def fit_all(
    scorers: Mapping[str, Scorer],
    latents: Latents | None,
    head: Head | None,
    progress: Progress = silent,
    ready: Callable[[str, Scorer], None] | None = None,
) -> tuple[dict[str, Scorer], dict[str, str]]:
    """Fit scorers on the same training samples.

    Whatever goes wrong in one of them is its own problem; what ``progress`` and ``ready`` raise is not caught.

    Parameters
    ----------
    scorers : dict of Scorer
        By any name.
    latents : Latents or None
        None if there are no training samples: scorers that need none still work.
    head : Head or None
        The network's last layer.
    progress : Progress, optional
    ready : callable, optional
        Takes the name and the scorer as soon as the scorer can be used, before the next one is fitted.

    Returns
    -------
    fitted : dict of Scorer
        Those that can be used.
    problems : dict of str
        Why the others cannot.
    """
    fitted: dict[str, Scorer] = {}
    problems: dict[str, str] = {}
    for number, (name, scorer) in enumerate(scorers.items()):
        progress("Fitting scorers", number, len(scorers), "scorers")
        try:
            problem = scorer.problem(latents, head)
            if not problem and latents is not None:
                scorer.fit(latents)
        except Exception as error:
            problem = _sentence(scorer, "fitting", error)
        if problem:
            problems[name] = problem
            continue
        fitted[name] = scorer
        if ready is not None:
            ready(name, scorer)
    if scorers:
        progress("Fitting scorers", len(scorers), len(scorers), "scorers")
    return fitted, problems


def score_all(
    scorers: Mapping[str, Scorer], blocks: Iterable[Latents], total: int, stage: str = "", progress: Progress = silent
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """OOD scores of streamed samples.

    Whatever goes wrong in one scorer is its own problem; what ``blocks`` and ``progress`` raise is not caught.

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
    scores : dict of ndarray of shape (M,), float64
        Finite; larger is more out-of-distribution.
    problems : dict of str
        Why there are no scores of the others.
    """
    scores = {name: np.empty(total) for name in scorers}
    problems: dict[str, str] = {}
    start = 0
    for block in blocks:
        for name in list(scores):
            try:
                scores[name][start : start + len(block)] = _finite(scorers[name], block, start)
            except Exception as error:
                problems[name] = _sentence(scorers[name], "scoring", error)
                del scores[name]
        start += len(block)
        progress(stage, start, total, "samples")
    return scores, problems


def _finite(scorer: Scorer, block: Latents, start: int) -> np.ndarray:
    found = scorer.score(block)
    if found.shape != (len(block),):
        raise ScorerError(f"{scorer.info.title} gives scores of shape {found.shape} for {len(block):,} samples.")
    if not (finite := np.isfinite(found)).all():
        raise ScorerError(
            f"{scorer.info.title} gives scores that are NaN or infinite (first: sample {start + int(finite.argmin()):,}"
            "); try other parameters."
        )
    return found


def _sentence(scorer: Scorer, doing: str, error: Exception) -> str:
    """What went wrong, for people."""
    title = scorer.info.title
    if isinstance(error, ScorerError):  # names it
        return str(error)
    if isinstance(error, MemoryError):
        return f"{title} needs more memory for {doing} than there is; free some, or fit it on fewer samples."
    return f"{title} failed in {doing}: {type(error).__name__}: {error}"
