"""Which sets are corrupted versions of which, and how the classifier does on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from latentviz.evaluation.accuracy import sets_table
from latentviz.workspace import ImageSet, Run


def corrupted_sets(run: Run, of: str | None = None) -> pd.DataFrame:
    """One row a corrupted set.

    Parameters
    ----------
    run : Run
    of : str, optional
        Only versions of this set.

    Returns
    -------
    DataFrame
        ``set``, ``of`` (the clean one), ``corruption``, ``version`` (the corruption, with the seed if it is not the
        usual one), ``family``, ``severity``, ``complete``, then ``samples``, ``accuracy``, ``low``, ``high`` (95 %
        interval) and ``labelled`` as :func:`latentviz.evaluation.accuracy.sets_table` has them. Empty if there are
        none.
    """
    columns = ["set", "of", "corruption", "version", "family", "severity", "complete"]
    rows = [
        (s.name, c.of, c.name, c.label, c.family, c.severity, s.complete)
        for s in run
        if (c := s.entry.corruption) is not None and of in (None, c.of)
    ]
    records = pd.DataFrame(rows, columns=columns)
    numbers = sets_table(run, list(records["set"]))[["set", "samples", "accuracy", "low", "high", "labelled"]]
    return records.merge(numbers, on="set", how="left")


def in_grid(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column of :func:`corrupted_sets` of one clean set, one row a version and one column a severity.

    Corruptions keep the order in which they were made; what was not made is NaN.
    """
    order = list(dict.fromkeys(table["version"]))
    grid = table.pivot_table(index="version", columns="severity", values=column, sort=False, dropna=False)
    return grid.reindex(order).sort_index(axis=1)


def severity_paths(run: Run, sets: Sequence[str], name: str, row: int) -> dict[str, list[tuple[str, int]]]:
    """Where one image goes as it is corrupted more and more.

    Parameters
    ----------
    run : Run
    sets : sequence of str
        Where to look for its versions.
    name, row : str, int
        The image, clean or corrupted.

    Returns
    -------
    dict of list of (str, int)
        By version, as in :func:`corrupted_sets`: set and row,
        from the clean image (if its set is among the sets) to the highest severity.
        Versions of which fewer than two places are there are left out.
    """
    record = run[name].entry.corruption
    clean, wanted = record.of if record else name, run[name].index["id"].iloc[row]
    start = _row_of(run[clean], wanted, row) if clean in sets and clean in run.sets else -1
    found: dict[str, list[tuple[int, str, int]]] = {}
    for other in sets:
        made = run[other].entry.corruption
        if made is None or made.of != clean:
            continue
        at = _row_of(run[other], wanted, row)
        if at >= 0:
            found.setdefault(made.label, []).append((made.severity, other, at))
    paths = {
        version: [*([(clean, start)] if start >= 0 else []), *((other, at) for _, other, at in sorted(places))]
        for version, places in found.items()
    }
    return {version: path for version, path in paths.items() if len(path) > 1}


def _row_of(image_set: ImageSet, wanted: str, row: int) -> int:
    """Row of the sample of an id, most often the same as in the set beside it; −1 if it is not there."""
    ids = image_set.index["id"]
    if row < len(ids) and ids.iloc[row] == wanted:
        return row
    places = np.flatnonzero(ids.to_numpy() == wanted)
    return int(places[0]) if len(places) else -1
