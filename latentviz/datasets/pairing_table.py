"""Pairs of samples that a table in a file names."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import pandas as pd

from latentviz.datasets.pairing import Pairing, checked_tables, pairing_of
from latentviz.datasets.sar.names import stem
from latentviz.errors import DataError

#: Columns of a table of pairs that name the first and the second set, in either order.
TABLE_COLUMNS = (("simulated", "measured"), ("one", "other"), ("a", "b"))


def by_table(one: pd.DataFrame, other: pd.DataFrame, table: pd.DataFrame) -> Pairing:
    """Pairs that a table names.

    Parameters
    ----------
    one, other : DataFrame
        Columns ``id`` and ``class_name``, and ``azimuth`` (degrees) if it is known: an ImageSet's index.
    table : DataFrame
        A row a pair. The columns of :data:`TABLE_COLUMNS` name the samples, else the first two; if exchanging them
        names more samples, they are exchanged. An entry is an id, else folder and file name, file name or stem.

    Raises
    ------
    DataError
        If the table has not two columns, or no row names a sample of both sets.
    """
    tables = checked_tables(one, other)
    if table.shape[1] < 2:
        raise DataError(f"The table of pairs has {table.shape[1]} columns; expected two, one a set.")
    lower = {str(column).strip().lower(): place for place, column in reversed(list(enumerate(table.columns)))}
    columns = next(([lower[a], lower[b]] for a, b in TABLE_COLUMNS if a in lower and b in lower), [0, 1])
    entries = [["" if pd.isna(e) else str(e).strip() for e in table.iloc[:, place]] for place in columns]
    finders = [_finder(table_["id"]) for table_ in tables]
    as_written, exchanged = (
        [[finders[side](entry) for entry in entries[column]] for side, column in enumerate(order)]
        for order in ((0, 1), (1, 0))
    )
    if _both(exchanged) > _both(as_written):
        entries, as_written = entries[::-1], exchanged
    if not _both(as_written):
        names = " and ".join(repr(str(table.columns[place])) for place in columns)
        first = " and ".join(repr(column[0]) for column in entries) if len(table) else "nothing"
        raise DataError(
            f"No row of the table of pairs names a sample of both sets. Its columns {names} begin with {first}; the "
            f"sets have {_first(tables[0])} and {_first(tables[1])}. Name the samples by id or file name."
        )
    used: list[dict[int, list[int]]] = [defaultdict(list), defaultdict(list)]
    for side in (0, 1):
        for n, rows in enumerate(as_written[side]):
            for row in rows:
                used[side][row].append(n)
    sure = [
        [rows[0] if len(rows) == 1 and len(used[side][rows[0]]) == 1 else None for rows in as_written[side]]
        for side in (0, 1)
    ]
    pairs = [(a, b) for a, b in zip(*sure, strict=True) if a is not None and b is not None]

    def reason(side: int, row: int) -> str:
        lines = used[side].get(row, [])
        if not lines:
            return "no row in the table"
        if len(lines) > 1:
            return f"several rows of the table: rows {', '.join(str(n + 1) for n in lines)}"
        if len(as_written[side][lines[0]]) > 1:
            return f"an entry that names other samples too: row {lines[0] + 1}, {entries[side][lines[0]]!r}"
        return f"a partner that is not one sample in one row: row {lines[0] + 1}, {entries[1 - side][lines[0]]!r}"

    wrong = [
        (side, entry, f"{_what_is_wrong(entry, len(rows))}: row {n + 1}")
        for side in (0, 1)
        for n, (entry, rows) in enumerate(zip(entries[side], as_written[side], strict=True))
        if len(rows) != 1
    ]
    return pairing_of("table", tables, sorted(pairs), reason, wrong)


def read_pairs_table(path: Path) -> pd.DataFrame:
    """A CSV file as text; columns are separated by commas, semicolons or tabs.

    Raises
    ------
    DataError
        If it is missing, empty or not UTF-8, has a single column, or a row has more entries than the header.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
            separator = max(",;\t", key=header.count)
            file.seek(0)
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                table = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, index_col=False)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text. Save it as CSV with the encoding UTF-8.") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty; expected a header and a row a pair.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path} is not a CSV table with a header: {str(error).splitlines()[0].rstrip('.')}.") from None
    if table.shape[1] < 2:
        raise DataError(
            f"{path} has a single column, {header.strip()[:60]!r}; expected two, one a set, with a comma between."
        )
    if table.empty:
        raise DataError(f"{path} has a header and no rows; expected a row a pair.")
    return table


def _finder(ids: pd.Series) -> Callable[[str], list[int]]:
    """Rows that an entry may mean; the most exact way to name them that names any."""
    known: list[dict[Hashable, list[int]]] = [defaultdict(list) for _ in range(4)]
    for row, name in enumerate(ids.astype(str)):
        for level, spelling in zip(known, _spellings(name), strict=True):
            level[spelling].append(row)
    return lambda entry: next(
        (level[s] for level, s in zip(known, _spellings(entry), strict=True) if entry and s in level), []
    )


def _spellings(name: str) -> Iterator[str]:
    path = name.replace("\\", "/").lower()
    yield path
    yield "/".join(path.split("/")[-2:])
    yield path.rsplit("/", 1)[-1]
    yield stem(path)


def _both(found: list[list[list[int]]]) -> int:
    return sum(bool(a and b) for a, b in zip(*found, strict=True))


def _first(table: pd.DataFrame) -> str:
    return repr(str(table["id"].iloc[0])) if len(table) else "no samples"


def _what_is_wrong(entry: str, count: int) -> str:
    if not entry:
        return "an empty entry"
    return "an entry that names several samples" if count else "an entry that names no sample"
