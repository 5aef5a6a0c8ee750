"""Image sets made of others: a held-out part, some classes, two domains mixed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from latentviz.datasets.source import ImageSource, Parts
from latentviz.errors import DataError


def meant_classes(source: ImageSource) -> list[str]:
    """Class of every sample after the set's renames."""
    return [source.rename.get(name, name) for name in source.class_names]


def split(source: ImageSource, share: float, seed: int = 0) -> tuple[ImageSource, ImageSource]:
    """Hold out a share of every class, at least one sample of it.

    Parameters
    ----------
    source : ImageSource
    share : float
        Above 0 and below 1.
    seed : int

    Returns
    -------
    (rest, held out) : ImageSource

    Raises
    ------
    DataError
        If the share is out of range, or a class has a single sample.
    """
    if not 0 < share < 1:
        raise DataError(f"The held-out share is {share:g}; expected more than 0 and less than 1.")
    random, held = np.random.default_rng([seed, 0]), []
    classes = np.array(meant_classes(source), dtype=object)
    for name in sorted(set(classes)):
        rows = np.flatnonzero(classes == name)
        if len(rows) < 2:
            raise DataError(f'The class "{name}" of {source.title} has a single sample; nothing of it can be held out.')
        count = min(len(rows) - 1, max(1, round(share * len(rows))))
        held.append(random.permutation(rows)[:count])
    chosen = np.sort(np.concatenate(held))
    return source.subset(np.setdiff1d(np.arange(len(source)), chosen)), source.subset(chosen)


def by_classes(source: ImageSource, classes: Collection[str]) -> tuple[ImageSource | None, ImageSource | None]:
    """The samples of some classes, and those of others; None for a side without any."""
    inside = np.array([name in classes for name in meant_classes(source)])
    return tuple(source.subset(np.flatnonzero(side)) if side.any() else None for side in (inside, ~inside))  # type: ignore[return-value]


def mixed(
    one: ImageSource, other: ImageSource, share: float, seed: int = 0, names: tuple[str, str] = ("one", "other")
) -> tuple[ImageSource, np.ndarray]:
    """Training data of two domains: every class as large as in the one, a share of it from the other.

    What the literature on simulated radar images calls K is the share of measured chips: 0 is the one domain alone, 1
    the other. Where the other domain has too few samples of a class for its share, both parts of the class shrink; a
    class that it does not have stays as it is.

    Parameters
    ----------
    one, other : ImageSource
    share : float
        From 0 to 1.
    seed : int
    names : (str, str)
        Of the domains; the ids of the samples begin with them.

    Returns
    -------
    source : ImageSource
    used : ndarray of int
        Rows of the other domain that are in it, ascending: no test may show them again.

    Raises
    ------
    DataError
        If the share is out of range, or the domains have no class in common.

    References
    ----------
    B. Lewis et al., A SAR dataset for ATR development: the Synthetic and Measured Paired Labeled Experiment (SAMPLE),
    SPIE 10987 (2019).
    """
    if not 0 <= share <= 1:
        raise DataError(f"The share of {names[1]} samples is {share:g}; expected 0 to 1.")
    random = np.random.default_rng([seed, 1])
    first, second = (np.array(meant_classes(source), dtype=object) for source in (one, other))
    if share and not set(first) & set(second):
        raise DataError(f"{one.title} and {other.title} have no class in common; there is nothing to mix.")
    kept: list[np.ndarray] = []
    used: list[np.ndarray] = []
    for name in sorted(set(first)):
        rows, there = (random.permutation(np.flatnonzero(of == name)) for of in (first, second))
        if not share or not len(there):
            kept.append(rows)
            continue
        total = min(len(rows), int(len(there) / share + 1e-9))
        count = min(len(there), round(share * total))
        kept.append(rows[: total - count])
        used.append(there[:count])
    chosen = [np.sort(np.concatenate(rows)) if rows else np.zeros(0, np.int64) for rows in (kept, used)]
    return joined([s.subset(rows) for s, rows in zip((one, other), chosen, strict=True)], names), chosen[1]


def joined(sources: Sequence[ImageSource], names: Sequence[str]) -> ImageSource:
    """Samples of several sources, one after the other, by what their classes mean.

    Parameters
    ----------
    sources : sequence of ImageSource
    names : sequence of str
        One a source; the ids of its samples begin with it.
    """
    filled = [(source, name) for source, name in zip(sources, names, strict=True) if len(source)]
    places = [(source, row) for source, _ in filled for row in range(len(source))]
    columns = set.intersection(*(set(source.metadata) for source, _ in filled))
    kept = [c for c in filled[0][0].metadata if c in columns and len({s.metadata[c].dtype for s, _ in filled}) == 1]
    return replace(
        filled[0][0],
        title=" and ".join(f"{len(source):,} of {source.title}" for source, _ in filled),
        ids=[f"{name}/{id_}" for source, name in filled for id_ in source.ids],
        class_names=[name for source, _ in filled for name in meant_classes(source)],
        part=lambda start, stop: Parts(tuple(source.part(row, row + 1) for source, row in places[start:stop])),
        indices=_indices([source for source, _ in filled]),
        rename={},
        reopen="",
        corrupted=None,
        metadata={c: np.concatenate([source.metadata[c] for source, _ in filled]) for c in kept},
    )


def _indices(sources: Sequence[ImageSource]) -> np.ndarray | None:
    """Class numbers of all samples, if all sources number their classes."""
    numbered = [source.indices for source in sources if source.indices is not None]
    if not numbered:
        return None
    if len(numbered) < len(sources):
        raise DataError("Some of the sets that are joined name their classes, others number them; make them alike.")
    return np.concatenate(numbered)
