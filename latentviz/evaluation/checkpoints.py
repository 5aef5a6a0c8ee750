"""Runs that are checkpoints of one family of trainings: which belong together, and what they come to over epochs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from latentviz.evaluation.accuracy import share_right
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.correlation import Correlation, correlate
from latentviz.evaluation.fitting import EVERYTHING, FitOn
from latentviz.evaluation.intervals import delong
from latentviz.evaluation.scores import scores
from latentviz.progress import Progress, silent
from latentviz.workspace import Run

#: What tells a checkpoint in all tables.
COLUMNS = ["run", "head", "seed", "epoch"]


def family_of(run: Run) -> str | None:
    """What a run's trainings have in common; None if it is no checkpoint."""
    about = run.manifest.attributes
    return str(about["family"]) if "family" in about and "epoch" in about else None


def head_of(run: Run) -> str:
    """``"linear"`` or ``"l2"``; "" if it is not known."""
    return str(run.manifest.head or "")


def seed_of(run: Run) -> int:
    """Of its training; 0 if that is not said."""
    return _number(run, "seed")


def epoch_of(run: Run) -> int:
    """After which it was kept; 0 if that is not said."""
    return _number(run, "epoch")


def training_of(run: Run) -> str:
    """What checkpoints of one training share; any other network is a training of its own."""
    family = family_of(run)
    return run.name if family is None else f"{family} {head_of(run)} {seed_of(run)}"


def _number(run: Run, key: str) -> int:
    try:
        return int(run.manifest.attributes.get(key, 0))
    except (TypeError, ValueError):
        return 0


@dataclass(frozen=True, eq=False)
class Family:
    """Checkpoints that can be compared.

    Attributes
    ----------
    runs : list of Run
        By head, seed and epoch; no two are alike in all three.
    left_out : dict of str
        Name of every run that says it belongs here but cannot be compared, and why.
    """

    runs: list[Run]
    left_out: dict[str, str]

    @classmethod
    def of(cls, run: Run, others: Iterable[Run]) -> Family:
        """The checkpoints of a run's family; empty if it is none.

        A run that is still being extracted is left out, one of another architecture, of other classes or with another
        number of features, and a second one of the same head, seed and epoch.

        Parameters
        ----------
        run : Run
            What the others are compared with.
        others : iterable of Run
        """
        family, found, left_out = family_of(run), {_place(run): run}, dict[str, str]()
        if family is None:
            return cls([], {})
        for other in others:
            if other.name == run.name or family_of(other) != family:
                continue
            if reason := _unlike(run, other):
                left_out[other.name] = reason
            elif _place(other) in found:
                left_out[other.name] = f"{found[_place(other)].name} is of the same head, seed and epoch"
            else:
                found[_place(other)] = other
        return cls([found[place] for place in sorted(found)], left_out)

    def training(self, run: Run) -> list[Run]:
        """The checkpoints of the training a run is of, by epoch."""
        return [r for r in self.runs if (head_of(r), seed_of(r)) == (head_of(run), seed_of(run))]

    def at(self, epoch: int) -> list[Run]:
        """The checkpoint of an epoch of every training that has one."""
        return [run for run in self.runs if epoch_of(run) == epoch]

    @property
    def shared_epochs(self) -> list[int]:
        """Epochs of which there is a checkpoint with an L2 head and one without, of the same seed."""
        heads: dict[tuple[int, int], set[str]] = {}
        for run in self.runs:
            heads.setdefault((epoch_of(run), seed_of(run)), set()).add(head_of(run))
        return sorted({epoch for (epoch, _), found in heads.items() if found >= {"linear", "l2"}})

    @property
    def sentences(self) -> list[str]:
        """What was left out, for people."""
        return [f"{name} is left out: {reason}." for name, reason in self.left_out.items()]


def _place(run: Run) -> tuple[str, int, int]:
    return head_of(run), seed_of(run), epoch_of(run)


def _architecture(run: Run) -> str:
    spec = run.manifest.model.get("spec", {})
    return str(spec.get("architecture") or spec.get("factory") or "unknown")


def _unlike(run: Run, other: Run) -> str:
    one, its = run.manifest, other.manifest
    if not other.sets or not all(s.complete for s in other.uncorrupted.values()):
        return "its extraction is not finished"
    if _architecture(other) != _architecture(run):
        return f"its architecture is {_architecture(other)}, that of {run.name} is {_architecture(run)}"
    if its.width != one.width:
        return f"it has {its.width} features, {run.name} has {one.width}"
    if list(other.classes) != list(run.classes):
        return f"its classes are not those of {run.name}"
    return ""


def detection_over(
    runs: Sequence[Run],
    asked: Asked,
    ind: str,
    sets: Sequence[str],
    fit_on: FitOn = EVERYTHING,
    progress: Progress = silent,
) -> pd.DataFrame:
    """How well a scorer tells sets from the in-distribution one at every checkpoint, and the accuracy on that.

    Parameters
    ----------
    runs : sequence of Run
    asked : Asked
    ind : str
    sets : sequence of str
        A run that lacks one has no row of it; neither has one on which the scorer cannot be used.
    fit_on : FitOn, optional
    progress : Progress, optional
        May raise ``Cancelled``; scores that were computed are kept.

    Returns
    -------
    DataFrame
        One row a run and set: :data:`COLUMNS`, ``accuracy`` (on the in-distribution set), ``set``, ``auroc``, ``low``,
        ``high`` (DeLong's 95 % interval).
    """
    rows = []
    for number, run in enumerate(runs):
        progress("OOD scores of checkpoints", number, len(runs), "runs")
        there = [name for name in sets if name in run.sets and len(run[name])]
        if ind not in run.sets or not len(run[ind]) or not there:
            continue
        found = scores(run, [asked], [ind, *there], fit_on)
        if asked.label not in found.by_scorer:
            continue
        of = found.by_scorer[asked.label]
        about = (run.name, head_of(run), seed_of(run), epoch_of(run), share_right(run[ind]))
        rows += [(*about, name, *delong(of[ind], of[name])) for name in there]
    return pd.DataFrame(rows, columns=[*COLUMNS, "accuracy", "set", "auroc", "low", "high"])


def collapse_against_detection(table: pd.DataFrame) -> dict[str, Correlation]:
    """Rank correlation of a metric of neural collapse with AUROC over the checkpoints, by set.

    Checkpoints of one training are not independent: whole trainings are drawn.

    Parameters
    ----------
    table : DataFrame
        As :func:`detection_over` returns, with the metric in the column ``collapse``.
    """
    found = {}
    for name, rows in table.groupby("set", sort=False):
        trainings = rows["head"].astype(str) + " " + rows["seed"].astype(str)
        found[str(name)] = correlate(rows["collapse"], rows["auroc"], groups=trainings.to_numpy())
    return found
