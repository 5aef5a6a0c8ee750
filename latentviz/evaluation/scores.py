"""OOD scores of a run's image sets: computed once, stored, shared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from latentviz.errors import LatentvizError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.fitting import EVERYTHING, FitOn
from latentviz.evaluation.work import Work
from latentviz.progress import Progress, silent
from latentviz.scorers import scorers
from latentviz.workspace import Run

#: Share of negative features from which on they are no longer those of a ReLU.
_NEGATIVE = 1e-4


@dataclass
class Scores:
    """OOD scores by scorer and image set.

    Attributes
    ----------
    by_scorer : dict of dict of ndarray of shape (N,), float64
        By :attr:`Asked.label`, then by set.
    notes : dict of list of str
        What fitting decided.
    problems : dict of str
        Why a scorer cannot be used.
    """

    by_scorer: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A scorer whose scores are stored.

    Attributes
    ----------
    asked : Asked
    fit_on : FitOn
        What it was fitted on.
    sets : tuple of str
        The sets that there are scores of.
    """

    asked: Asked
    fit_on: FitOn
    sets: tuple[str, ...]


def scores(
    run: Run,
    asked: Sequence[Asked],
    sets: Sequence[str] | None = None,
    fit_on: FitOn = EVERYTHING,
    progress: Progress = silent,
    again: bool = False,
) -> Scores:
    """OOD scores, stored ones or computed and stored.

    Parameters
    ----------
    run : Run
    asked : sequence of Asked
    sets : sequence of str, optional
        By default all of the run's but corrupted versions of others.
    fit_on : FitOn, optional
    progress : Progress, optional
        May raise ``Cancelled``; scorers that were fitted and sets that were finished are kept.
    again : bool
        Also try scorers of which it is stored that they cannot be used.

    Returns
    -------
    Scores
        A scorer that cannot be used on all of the sets is among the problems instead.

    Raises
    ------
    DataError, WorkspaceError
        If the run has no set of a name, something of a set is missing on disk, or the disk is full.
    """
    names = _names(run, sets)
    work, result = Work(run, fit_on, progress), Scores()
    result.problems = work.compute(asked, names, again)
    for a in asked:
        if a.label not in result.problems:
            result.by_scorer[a.label] = {name: run.derived.array(work.key(a, name), "scores") for name in names}
            result.notes[a.label] = work.notes(a)
    return result


def compute(
    run: Run,
    asked: Sequence[Asked],
    sets: Sequence[str] | None = None,
    fit_on: FitOn = EVERYTHING,
    progress: Progress = silent,
    again: bool = False,
) -> dict[str, str]:
    """As :func:`scores`, for work that only has to leave them in the store.

    Parameters
    ----------
    run, asked, sets, fit_on, progress, again
        As of :func:`scores`. The sets are scored in their order.

    Returns
    -------
    dict of str
        Why scorers cannot be used, by :attr:`Asked.label`.

    Raises
    ------
    DataError, WorkspaceError
        As :func:`scores`.
    """
    return Work(run, fit_on, progress).compute(asked, _names(run, sets), again)


def stored_scores(run: Run, asked: Asked, set_name: str, fit_on: FitOn = EVERYTHING) -> np.ndarray | None:
    """Scores of one set that were computed before.

    Parameters
    ----------
    run : Run
    asked : Asked
    set_name : str
    fit_on : FitOn, optional

    Returns
    -------
    ndarray of shape (N,), float64, or None

    Raises
    ------
    WorkspaceError
        If the run has no set of that name.
    """
    key = Work(run, fit_on).key(asked, set_name)
    return run.derived.array(key, "scores") if key in run.derived else None


def missing(run: Run, asked: Sequence[Asked], sets: Sequence[str], fit_on: FitOn = EVERYTHING) -> int:
    """How many scores of a scorer and a set are still to be computed; reads no features.

    Parameters
    ----------
    run : Run
    asked : sequence of Asked
    sets : sequence of str
    fit_on : FitOn, optional

    Returns
    -------
    int
        Those that are neither stored nor known to be impossible.

    Raises
    ------
    WorkspaceError
        If the run has no set of a name.
    """
    work = Work(run, fit_on)
    return sum(len(work.absent(a, sets)) for a in asked)


def stored_for(run: Run, sets: Sequence[str]) -> list[Stored]:
    """Scorers whose scores of at least one of these sets are stored; in the order of the registry.

    Parameters
    ----------
    run : Run
    sets : sequence of str

    Returns
    -------
    list of Stored
        With those of the sets that there are scores of. What another version made is left out.

    Raises
    ------
    WorkspaceError
        If the run has no set of a name.
    """
    found: list[Stored] = []
    works: dict[FitOn, Work] = {}
    for asked, fit_on in dict.fromkeys(_fits(run)):
        work = works.setdefault(fit_on, Work(run, fit_on))
        there = tuple(name for name in sets if work.key(asked, name) in run.derived)
        if there:
            found.append(Stored(asked, fit_on, there))
    order = list(scorers())
    found.sort(key=lambda s: (order.index(s.asked.name), s.asked.label, s.fit_on.per_class or 0, s.fit_on.seed))
    return found


def _fits(run: Run) -> Iterator[tuple[Asked, FitOn]]:
    """What the scores of a run were made by, as far as it can still be read."""
    for path in (run.derived.folder / "scores").glob("[!.]*"):
        try:
            meta = run.derived.meta(f"scores/{path.name}")
            fit = meta["fit"]
            yield Asked.read(meta["asked"]), FitOn(fit["per_class"], fit["seed"]) if fit else EVERYTHING
        except (LatentvizError, KeyError, TypeError):  # of a scorer or parameter that is gone, or damaged
            continue


def unusable(run: Run, fit_on: FitOn = EVERYTHING) -> dict[str, str]:
    """Why scorers cannot be used with a run, as far as it is known without reading features.

    Parameters
    ----------
    run : Run
    fit_on : FitOn, optional

    Returns
    -------
    dict of str
        By name, of scorers with the parameters by default: what is missing for them, and what turned out when they
        were used.
    """
    work = Work(run, fit_on)
    said = {name: work.refusal(Asked(name)) for name in scorers()}
    return {name: sentence for name, sentence in said.items() if sentence}


def warnings_of(run: Run, asked: Iterable[Asked]) -> list[str]:
    """What one should know before one trusts the scores.

    Parameters
    ----------
    run : Run
    asked : iterable of Asked

    Returns
    -------
    list of str
        Sentences; none if there is nothing to warn of.
    """
    titles = list(dict.fromkeys(a.info.title for a in asked if a.info.rectified))
    share = negative_share(run) if titles else 0.0
    if share <= _NEGATIVE:
        return []
    return [
        f"{100 * share:.2g} % of the features are negative, but {', '.join(titles)} take them for those of a ReLU; "
        "do not trust their scores here."
    ]


def negative_share(run: Run) -> float:
    """Share of the negative values among the features of the run's first filled set; computed once and stored."""
    filled = next((s for s in run if len(s)), None)
    if filled is None:
        return 0.0
    key = run.derived.key("negative", {}, [filled.fingerprint])
    if key not in run.derived:
        count = sum(int((chunk < 0).sum()) for chunk in filled.chunks("features"))
        run.derived.save(key, {}, {"set": filled.name, "share": count / (len(filled) * run.manifest.width)})
    return run.derived.meta(key)["share"]


def _names(run: Run, sets: Sequence[str] | None) -> list[str]:
    names = list(run.uncorrupted) if sets is None else list(dict.fromkeys(sets))
    for name in names:
        run[name]  # says which there are
    return names
