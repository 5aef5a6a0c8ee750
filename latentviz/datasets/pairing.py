"""Which samples of two image sets show the same scene: by name, by pose, or by a table that somebody wrote.

Every chip is in one pair at most, and every chip that is in none is listed with the reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from latentviz.datasets.sar.names import parse, without_domain
from latentviz.errors import DataError

#: Compared poses a class at most; each takes 8 bytes, some times over.
MOST_COMPARED = 50_000_000

ORDINAL = {"one": "first", "other": "second"}
_ROUNDING = 1e-9  # degrees: 10.1 − 9.1 is a little more than 1


@dataclass(frozen=True)
class Pairing:
    """Pairs of two sets, and who has no partner.

    Attributes
    ----------
    by : {"name", "pose", "table"}
    pairs : DataFrame
        Columns ``one`` and ``other`` (row numbers in the two tables) and ``azimuth_difference`` (degrees in [0, 180],
        NaN if unknown); in the order of the first set.
    alone : DataFrame
        Columns ``set`` ("one" or "other"), ``row``, ``id`` and ``reason``. An entry of a table that is no sample of the
        set has the row −1 and itself as the id.
    """

    by: str
    pairs: pd.DataFrame
    alone: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """How many ``pairs``, samples of ``one`` and ``other`` left alone, and ``entries`` that are not one sample."""
        samples = self.alone[self.alone["row"] >= 0]
        sides = {side: int((samples["set"] == side).sum()) for side in ORDINAL}
        return {"pairs": len(self.pairs), **sides, "entries": len(self.alone) - len(samples)}

    @property
    def sentence(self) -> str:
        """How many pairs there are, and why the others have no partner."""
        return self.described(*(f"the {word} set" for word in ORDINAL.values()))

    def described(self, one: str, other: str) -> str:
        """:attr:`sentence` with the names of the sets."""
        n, names = self.counts, {"one": one, "other": other}
        text = f"{n['pairs']:,} {'pair' if n['pairs'] == 1 else 'pairs'} by {self.by}"
        left = [f"{n[side]:,} of {names[side]}" for side in ORDINAL if n[side]]
        if left:
            text += f"; {' and '.join(left)} {'is' if n['one'] + n['other'] == 1 else 'are'} left alone"
        if n["entries"]:
            text += f"; {n['entries']:,} {'entry' if n['entries'] == 1 else 'entries'} of the table could not be used"
        kinds = Counter(reason.split(":")[0] for reason in self.alone["reason"])
        return f"{text}{': ' if kinds else ''}{', '.join(f'{k:,} with {kind}' for kind, k in kinds.most_common())}."


def find(
    one: pd.DataFrame,
    other: pd.DataFrame,
    by: str = "name",
    azimuth_tolerance: float = 1.0,
    elevation_tolerance: float = 0.5,
    same_serial: bool = False,
) -> Pairing:
    """Pairs by name, by pose, or by a table in a file.

    Parameters
    ----------
    one, other : DataFrame
        An ImageSet's index.
    by : str
        "name" (:func:`by_name`), "pose" (:func:`by_pose`), or the path of a CSV file
        (:func:`latentviz.datasets.pairing_table.by_table`).
    azimuth_tolerance, elevation_tolerance : float
        In degrees, for the pose.
    same_serial : bool
        For the pose: only chips of one vehicle.

    Raises
    ------
    DataError
        As the functions named above.
    """
    if by == "name":
        return by_name(one, other)
    if by == "pose":
        return by_pose(one, other, azimuth_tolerance, elevation_tolerance, same_serial)
    from latentviz.datasets.pairing_table import by_table, read_pairs_table

    return by_table(one, other, read_pairs_table(Path(by)))


def by_name(one: pd.DataFrame, other: pd.DataFrame) -> Pairing:
    """Pairs of one class and one file name.

    Suffixes do not count, nor does the case, nor the word for the domain ("real", "synth", …) in a name of SAMPLE's
    kind. Of a name that a set has twice no chip is paired.

    Parameters
    ----------
    one, other : DataFrame
        Columns ``id`` and ``class_name``, and ``azimuth`` (degrees) if it is known: an ImageSet's index.

    Raises
    ------
    DataError
        If a column is missing.
    """
    tables = checked_tables(one, other)
    keys = [list(map(_key, table["id"], table["class_name"])) for table in tables]
    rows: list[dict[tuple[str, str], list[int]]] = [defaultdict(list), defaultdict(list)]
    for side in (0, 1):
        for row, key in enumerate(keys[side]):
            rows[side][key].append(row)
    single = {key for key in rows[0].keys() & rows[1].keys() if len(rows[0][key]) == len(rows[1][key]) == 1}
    pairs = [(row, rows[1][key][0]) for row, key in enumerate(keys[0]) if key in single]

    def reason(side: int, row: int) -> str:
        key = keys[side][row]
        for set_, here in ((side, rows[side][key]), (1 - side, rows[1 - side].get(key, []))):
            if key in rows[1 - side] and len(here) > 1:
                listed = ", ".join(str(tables[set_]["id"].iloc[n]) for n in here[:4]) + (", …" if len(here) > 4 else "")
                return f"{len(here)} chips of this name (doubly paired): {listed}"
        return "no partner of this name"

    return pairing_of("name", tables, pairs, reason)


def by_pose(
    one: pd.DataFrame,
    other: pd.DataFrame,
    azimuth_tolerance: float = 1.0,
    elevation_tolerance: float = 0.5,
    same_serial: bool = False,
) -> Pairing:
    """Pairs of one class and nearly one pose: as many as possible, and of those choices the one that is nearest.

    Nearest is the least sum over the pairs of both differences in degrees; azimuths are compared around the circle.

    Parameters
    ----------
    one, other : DataFrame
        Columns ``id``, ``class_name``, ``azimuth`` and ``elevation`` (degrees), and ``serial`` if it has to agree.
    azimuth_tolerance, elevation_tolerance : float
        Degrees; a difference that equals it is accepted.
    same_serial : bool
        Only chips of one vehicle are paired; those of unknown serial number are left alone.

    Raises
    ------
    DataError
        If a column is missing, a tolerance is not a number of degrees, or a class is too large to compare all poses.
    """
    for what, tolerance in (("azimuth", azimuth_tolerance), ("elevation", elevation_tolerance)):
        if not 0 <= tolerance < np.inf:
            raise DataError(f"The tolerance in {what} is {tolerance}; expected degrees, 0 or more.")
    tables = checked_tables(one, other, ("azimuth", "elevation", *(("serial",) if same_serial else ())))
    poses = [np.stack([_degrees(table, angle) for angle in ("azimuth", "elevation")]) for table in tables]
    groups, unknown = zip(*(_groups(t, p, same_serial) for t, p in zip(tables, poses, strict=True)), strict=True)
    reasons: list[dict[int, str]] = [dict(of_set) for of_set in unknown]
    classes = [set(table["class_name"].str.lower()) for table in tables]
    pairs: list[tuple[int, int]] = []
    for key in groups[0].keys() | groups[1].keys():
        rows = [np.array(of_set.get(key, []), dtype=np.int64) for of_set in groups]
        if len(rows[0]) * len(rows[1]) > MOST_COMPARED:
            raise DataError(
                f"The class {key[0]!r} has {len(rows[0]):,} and {len(rows[1]):,} samples, too many to compare all "
                "poses. Split it, or pair by name."
            )
        azimuth = _around(poses[0][0, rows[0]][:, None], poses[1][0, rows[1]])
        elevation = np.abs(poses[0][1, rows[0]][:, None] - poses[1][1, rows[1]])
        near = (azimuth <= azimuth_tolerance + _ROUNDING) & (elevation <= elevation_tolerance + _ROUNDING)
        found = _nearest(azimuth + elevation, near)
        pairs += [(int(rows[0][a]), int(rows[1][b])) for a, b in found]
        for side in (0, 1):
            here, there = (tables[n]["id"].iloc[rows[n]].tolist() for n in (side, 1 - side))
            taken_by = {pair[1 - side]: here[pair[side]] for pair in found}
            differences = [d if side == 0 else d.T for d in (azimuth, elevation, near)]
            for n in set(range(len(here))) - {pair[side] for pair in found}:
                row = int(rows[side][n])
                if there:
                    reasons[side][row] = _why_alone(there, taken_by, *(d[n] for d in differences))
                elif key[0] not in classes[1 - side]:
                    reasons[side][row] = f"a class that only this set has: {key[0]}"
                else:
                    what = f" and serial number: {key[0]}, {key[1]}" if same_serial else f": {key[0]}"
                    reasons[side][row] = f"no chip of known pose in the other set of its class{what}"
    return pairing_of("pose", tables, sorted(pairs), lambda side, row: reasons[side][row])


def checked_tables(
    one: pd.DataFrame, other: pd.DataFrame, angles: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables.

    Raises
    ------
    DataError
        If one lacks ``id``, ``class_name`` or an angle.
    """
    for side, table in zip(ORDINAL, (one, other), strict=True):
        missing = [column for column in ("id", "class_name", *angles) if column not in table]
        if missing:
            hint = " Pair by name instead." if set(missing) <= set(angles) else ""
            raise DataError(f"The {ORDINAL[side]} set knows no {' and no '.join(missing)} of its samples.{hint}")
    return one, other


def pairing_of(
    by: str,
    tables: Sequence[pd.DataFrame],
    pairs: list[tuple[int, int]],
    reason: Callable[[int, int], str],
    wrong: Sequence[tuple[int, str, str]] = (),
) -> Pairing:
    """Pairs of rows, and of every other row the reason; ``wrong`` are entries of a table: side, entry, reason."""
    rows = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    azimuths = [_degrees(table, "azimuth")[rows[:, side]] for side, table in enumerate(tables)]
    table = pd.DataFrame({"one": rows[:, 0], "other": rows[:, 1], "azimuth_difference": _around(*azimuths)})
    alone = [
        (set_, int(row), str(tables[side]["id"].iloc[row]), reason(side, int(row)))
        for side, set_ in enumerate(ORDINAL)
        for row in np.setdiff1d(np.arange(len(tables[side])), rows[:, side])
    ]
    alone += [(list(ORDINAL)[side], -1, entry, why) for side, entry, why in wrong]
    return Pairing(by, table, pd.DataFrame(alone, columns=["set", "row", "id", "reason"]))


def _key(name: str, class_name: str) -> tuple[str, str]:
    chip = None if class_name else parse(name)  # a folder of chips without class folders may have their names
    return (class_name.lower() if chip is None else chip.class_name), without_domain(name)


def _degrees(table: pd.DataFrame, angle: str) -> np.ndarray:
    if angle not in table:
        return np.full(len(table), np.nan)
    values = pd.to_numeric(table[angle], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _around(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Difference of azimuths around the circle, degrees."""
    return 180 - np.abs(180 - np.abs(one - other) % 360)


def _groups(
    table: pd.DataFrame, pose: np.ndarray, same_serial: bool
) -> tuple[dict[tuple[str, str], list[int]], dict[int, str]]:
    """Rows of every class (and serial number), and the reasons of those that cannot be compared."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    unknown: dict[int, str] = {}
    serials = table["serial"].fillna("").astype(str).str.lower() if same_serial else [""] * len(table)
    for row, (class_name, serial) in enumerate(zip(table["class_name"], serials, strict=True)):
        lacks = [angle for angle, value in zip(("azimuth", "elevation"), pose[:, row], strict=True) if np.isnan(value)]
        lacks += ["serial number"] if same_serial and not serial else []
        if lacks:
            unknown[row] = f"no known {' and '.join(lacks)}"
        else:
            groups[class_name.lower(), serial].append(row)
    return groups, unknown


def _nearest(total: np.ndarray, near: np.ndarray) -> list[tuple[int, int]]:
    """As many pairs that are near as possible, of the least total."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(rows):
        return []
    cost, allowed = total[np.ix_(rows, columns)], near[np.ix_(rows, columns)]
    # One pair that is not near costs more than all near ones together, so that their number comes first.
    forbidden = (min(cost.shape) + 1) * (cost[allowed].max() + 1)
    chosen = linear_sum_assignment(np.where(allowed, cost, forbidden))
    return [(int(rows[a]), int(columns[b])) for a, b in zip(*chosen, strict=True) if allowed[a, b]]


def _why_alone(
    ids: list[str], taken_by: dict[int, str], azimuth: np.ndarray, elevation: np.ndarray, near: np.ndarray
) -> str:
    """Of a chip without a partner, by its differences to the chips ``ids`` (M,) of its class."""
    nearest = int(np.where(near if near.any() else True, azimuth + elevation, np.inf).argmin())
    if near.any():
        return f"every chip within the tolerance taken by another: {ids[nearest]} by {taken_by[nearest]}"
    return (
        f"no chip within the tolerance: the nearest, {ids[nearest]}, differs by {azimuth[nearest]:.4g}° in azimuth "
        f"and {elevation[nearest]:.4g}° in elevation"
    )
