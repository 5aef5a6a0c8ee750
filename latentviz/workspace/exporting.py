"""Tables for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.workspace.files import disk_errors
from latentviz.workspace.run import Run


def export_table(run: Run, path: Path, sets: Sequence[str] | None = None, features: bool = False) -> int:
    """Write :meth:`Run.table` as Parquet or CSV; returns the number of rows.

    Parameters
    ----------
    run : Run
    path : Path
        Ends in ``.parquet`` or ``.csv``.
    sets : sequence of str, optional
        All by default.
    features : bool
        Add the columns ``z0`` … of the penultimate features.

    Raises
    ------
    DataError
        If the ending is another one.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise DataError(f'"{path.name}" must end in .parquet or .csv.')
    table = run.table(sets)
    if features:
        names = sets if sets is not None else list(run.sets)
        z = np.concatenate([run[name].features for name in names])
        columns = pd.DataFrame(z, columns=[f"z{i}" for i in range(z.shape[1])])
        table = pd.concat([table, columns], axis=1)
    with disk_errors(str(path)):
        if path.suffix == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
    return len(table)
