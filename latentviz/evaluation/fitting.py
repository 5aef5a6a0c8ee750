"""Which training samples scorers are fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentviz.errors import DataError
from latentviz.latents import BLOCK, Latents
from latentviz.workspace import ImageSet, Run
from latentviz.workspace.layers import stored_layers


@dataclass(frozen=True)
class FitOn:
    """Which of the samples with the role ``fit`` scorers are fitted on.

    Attributes
    ----------
    per_class : int or None
        At most so many of each class, drawn at random; None for all.
    seed : int
    """

    per_class: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.per_class is not None and self.per_class < 1) or self.seed < 0:
            raise DataError(
                f"per_class is {self.per_class} and seed {self.seed}; expected at least 1 of each class, or None for "
                "all, and a seed of at least 0."
            )
        if self.per_class is None:  # nothing is drawn
            object.__setattr__(self, "seed", 0)


EVERYTHING = FitOn()


@dataclass(frozen=True)
class Fitted:
    """What scorers were fitted on, in numbers.

    Attributes
    ----------
    sets : tuple of str
        The sets with the role ``fit``.
    samples : int
    labelled : bool
        Whether all of the samples have classes.
    on : FitOn
    """

    sets: tuple[str, ...]
    samples: int
    labelled: bool
    on: FitOn

    @classmethod
    def of(cls, run: Run, fit_on: FitOn = EVERYTHING) -> Fitted:
        """Of a run; reads labels at most.

        Parameters
        ----------
        run : Run
        fit_on : FitOn, optional

        Returns
        -------
        Fitted
        """
        sets = _sets(run)
        names = tuple(s.name for s in sets)
        if fit_on.per_class is None or not sets:
            return cls(names, sum(map(len, sets)), all((s.labels >= 0).all() for s in sets), fit_on)
        labels = np.concatenate([s.labels for s in sets])
        counts = np.bincount(labels[labels >= 0], minlength=len(run.classes))
        return cls(names, int(np.minimum(counts, fit_on.per_class).sum()), True, fit_on)

    @property
    def record(self) -> dict[str, Any]:
        """JSON-like, for what is stored."""
        return {**vars(self.on), "sets": list(self.sets), "samples": self.samples}

    def __str__(self) -> str:
        """For people.

        Examples
        --------
        >>> str(Fitted(("train",), 30, True, FitOn(10, 4)))
        'train (n = 30; at most 10 of each class, drawn with seed 4)'
        """
        drawn = ""
        if self.on.per_class is not None:
            drawn = f"; at most {self.on.per_class:,} of each class, drawn with seed {self.on.seed}"
        return f"{', '.join(self.sets)} (n = {self.samples:,}{drawn})" if self.sets else "no samples"


def fit_latents(run: Run, fit_on: FitOn = EVERYTHING, layers: Sequence[str] = ()) -> Latents | None:
    """The samples with the role ``fit``, in memory; None if there are none.

    Parameters
    ----------
    run : Run
    fit_on : FitOn, optional
        A class-balanced part needs labels; samples without one are left out of it.
    layers : sequence of str, optional
        Also the states of these layers, which must be stored.

    Returns
    -------
    Latents or None
        With labels, if all of the samples have one. Of a part no other rows are read.

    Raises
    ------
    WorkspaceError
        If something of a set is missing on disk.
    """
    parts = _parts(run, fit_on)
    if not parts:
        return None
    samples = sum(len(rows) for _, rows in parts)
    features = np.empty((samples, run.manifest.width), np.float32)
    logits = np.empty((samples, len(run.classes)), np.float32)
    start = 0
    for image_set, rows in parts:
        whole = len(rows) == len(image_set)
        for first in range(0, len(rows), BLOCK):
            # Slices are read quicker than chosen rows.
            block = slice(first, first + BLOCK) if whole else rows[first : first + BLOCK]
            into = slice(start + first, start + min(first + BLOCK, len(rows)))
            features[into], logits[into] = image_set.read("features", block), image_set.read("logits", block)
        start += len(rows)
    labels = np.concatenate([image_set.labels[rows] for image_set, rows in parts])
    states = {}
    for layer in layers:
        read = [stored_layers(image_set)[layer].read(rows) for image_set, rows in parts]
        total, gradient = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
        states[layer] = total, gradient
    return Latents(features, logits, None if (labels < 0).any() else labels, run.head, states)


def _sets(run: Run) -> list[ImageSet]:
    return [s for s in run if s.role == "fit" and len(s)]


def _parts(run: Run, fit_on: FitOn) -> list[tuple[ImageSet, np.ndarray]]:
    """The sets and the rows of each that are taken, ascending."""
    sets = _sets(run)
    if fit_on.per_class is None or not sets:
        return [(s, np.arange(len(s))) for s in sets]
    labels = np.concatenate([s.labels for s in sets])
    random = np.random.default_rng(fit_on.seed)
    kept = [random.permutation(np.flatnonzero(labels == c))[: fit_on.per_class] for c in range(len(run.classes))]
    chosen, start = np.sort(np.concatenate(kept)), 0
    parts = []
    for s in sets:
        inside = chosen[(chosen >= start) & (chosen < start + len(s))]
        parts.append((s, inside - start))
        start += len(s)
    return parts
