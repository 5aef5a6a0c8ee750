"""Networks of one task side by side: accuracy on corrupted versions of the same images, and what may go with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import Z95, share_right, wilson_interval
from latentviz.evaluation.checkpoints import training_of
from latentviz.evaluation.feature_statistics import Interval
from latentviz.evaluation.indicators import INDICATORS, USUAL, How, indicators
from latentviz.evaluation.reference import Reference, reference_weights
from latentviz.progress import Progress, silent
from latentviz.workspace import ImageSet, Run

#: Columns that every table of models has before the indicators.
MODEL_COLUMNS = [
    "run", "training", "clean", "clean_low", "clean_high", "samples", "corrupted", "corrupted_low", "corrupted_high",
    "mce", "mce_low", "mce_high", "versions",
]  # fmt: skip


def check_task(runs: Sequence[Run]) -> None:
    """Refuse networks that do not tell the same classes in the same order.

    Raises
    ------
    DataError
        Names the first two that differ, and how.
    """
    for other in runs[1:]:
        first = runs[0]
        if other.classes == first.classes:
            continue
        if sorted(other.classes) == sorted(first.classes):
            place = next(n for n, (a, b) in enumerate(zip(first.classes, other.classes, strict=True)) if a != b)
            raise DataError(
                f'"{first.name}" and "{other.name}" have the same classes in another order: output {place} is '
                f'"{first.classes[place]}" here and "{other.classes[place]}" there. Extract one of them with --classes '
                "in the order of its outputs."
            )
        only = sorted(set(other.classes) ^ set(first.classes))
        raise DataError(
            f'"{first.name}" ({len(first.classes)} classes) and "{other.name}" ({len(other.classes)}) are of different '
            f"tasks: {', '.join(map(str, only[:5]))}{' …' if len(only) > 5 else ''} only one of them has. Compare "
            "networks of one task."
        )


@dataclass(frozen=True, eq=False)
class Network:
    """One network on every corrupted version of a set.

    Attributes
    ----------
    run : Run
    versions : DataFrame
        Those that are complete: ``set``, ``corruption``, ``version`` (the corruption, with the seed if it is not the
        usual one), ``family``, ``severity``, ``content`` (a fingerprint, if made elsewhere), ``samples`` (with a
        label), ``accuracy``, ``low``, ``high`` (95 %).
    errors : DataFrame
        1 where an image (row, by its id) is classified wrongly on a version (column, by its set), 0 where not; NaN
        where a version lacks the image.
    """

    run: Run
    versions: pd.DataFrame
    errors: pd.DataFrame

    @classmethod
    def of(cls, run: Run, clean: str) -> Network:
        """Read the predictions of a run on all versions of a set."""
        rows, errors = [], {}
        for s in run:
            made = s.entry.corruption
            if made is None or made.of != clean or not s.complete or not s.labelled:
                continue
            errors[s.name] = wrong = _wrong(s)
            right, n = float(1 - wrong.mean()), len(wrong)
            about = s.name, made.name, made.label, made.family, made.severity, made.content
            rows.append((*about, n, right, *wilson_interval(right * n, n)))
        return cls(run, pd.DataFrame(rows, columns=_VERSION_COLUMNS), pd.DataFrame(errors, dtype=np.float32))


_VERSION_COLUMNS = [
    "set", "corruption", "version", "family", "severity", "content", "samples", "accuracy", "low", "high",
]  # fmt: skip


def _wrong(image_set: ImageSet) -> pd.Series:
    labels = image_set.labels
    ids = image_set.index["id"]
    if not ids.is_unique:  # one image twice
        ids = ids + "\0" + ids.groupby(ids).cumcount().astype(str)
    wrong = pd.Series(image_set.read("prediction") != labels, index=ids)
    return wrong[labels >= 0].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Robustness:
    """Networks of one task side by side.

    Attributes
    ----------
    models : DataFrame
        One row a network: :data:`MODEL_COLUMNS`, then of every indicator its ``name``, ``name_low`` and ``name_high``.
        ``corrupted`` is the mean accuracy over versions; ``mce`` is NaN without a reference; ``training`` is the same
        for checkpoints of one.
    versions : DataFrame
        Of :class:`Networks`, those that count.
    sentences : list of str
        What is left out, and why.
    """

    models: pd.DataFrame
    versions: pd.DataFrame
    sentences: list[str]

    @property
    def indicators(self) -> list[str]:
        """Those that at least one network has."""
        return [name for name in INDICATORS if self.models[name].notna().any()]

    @property
    def has_mce(self) -> bool:
        """Whether a reference was given."""
        return bool(self.models["mce"].notna().any())


@dataclass(frozen=True, eq=False)
class Networks:
    """What is read and computed once; :meth:`compared` chooses from it.

    Attributes
    ----------
    clean : str
    networks : list of Network
    indicators : list of dict
        Of every network; see :func:`latentviz.evaluation.indicators.indicators`.
    sentences : list of str
    """

    clean: str
    networks: list[Network]
    indicators: list[dict[str, Interval]]
    sentences: list[str]

    @classmethod
    def of(
        cls,
        runs: Sequence[Run],
        clean: str,
        how: How = USUAL,
        progress: Progress = silent,
        read: Callable[[Run, str], Network] = Network.of,
    ) -> Networks:
        """Read predictions, and compute the indicators that are not stored.

        Parameters
        ----------
        runs : sequence of Run
        clean : str
            Held-out in-distribution set with labels, whose corrupted versions are there.
        how : How, optional
            Of the indicators.
        progress : Progress, optional
            May raise ``Cancelled``; indicators of finished networks are stored.
        read : callable, optional
            :meth:`Network.of`, or what remembers it.

        Raises
        ------
        DataError
            If the networks are of different tasks.
        WorkspaceError
            If something is missing on disk.
        """
        check_task(runs)
        networks, values, sentences = [], [], []
        for number, run in enumerate(runs):
            progress("Networks", number, len(runs), "networks")
            if clean not in run.sets or not run[clean].labelled or not run[clean].complete:
                sentences.append(f"{run.name} is left out: it has no labelled set {clean}, or not all of it.")
                continue
            network = read(run, clean)
            if network.versions.empty:
                sentences.append(f"{run.name} is left out: it has no corrupted versions of {clean}.")
                continue
            found, problems = indicators(run, clean, how, progress)
            networks.append(network)
            values.append(found)
            sentences += problems
        progress("Networks", len(runs), len(runs), "networks")
        return cls(clean, networks, values, [*sentences, *_other_images([n.run for n in networks], clean)])

    @cached_property
    def versions(self) -> pd.DataFrame:
        """Every network on every version that all networks have: ``run``, and the columns of :class:`Network`."""
        tables = [network.versions.assign(run=network.run.name) for network in self.networks]
        if not tables:
            return pd.DataFrame(columns=["run", *_VERSION_COLUMNS])
        table = pd.concat(tables, ignore_index=True)
        there = table.groupby(["set", "content"])["run"].transform("nunique")
        return table.loc[there == len(tables), ["run", *_VERSION_COLUMNS]].reset_index(drop=True)

    @cached_property
    def lacking(self) -> list[str]:
        """Which versions are left out, in a sentence."""
        columns = ["set", "content"]
        names = {n.run.name: set(n.versions[columns].itertuples(index=False, name=None)) for n in self.networks}
        every = set[tuple[str, str]]().union(*names.values())
        common = set(self.versions[columns].itertuples(index=False, name=None))
        if every == common:
            return []
        rare = sorted(every - common)[0]
        which = f"{rare[0]}{' of the same files' if rare[1] else ''}"
        without = [name for name, sets in names.items() if rare not in sets]
        return [
            f"{len(every - common)} of {len(every)} corrupted versions are left out, as not all networks have them: "
            f"{which} is missing of {', '.join(without[:3])}{' …' if len(without) > 3 else ''}."
        ]

    def compared(
        self,
        corruptions: Sequence[str] | None = None,
        severities: Sequence[int] | None = None,
        reference: Reference | None = None,
    ) -> Robustness:
        """Networks side by side.

        Parameters
        ----------
        corruptions : sequence of str, optional
            Versions that count; all by default.
        severities : sequence of int, optional
        reference : dict, optional
            Errors of a reference network; see :mod:`latentviz.evaluation.reference`.

        Raises
        ------
        DataError
            If the reference lacks a version, or makes no error on a corruption.
        """
        table = self.versions
        if corruptions is not None:
            table = table[table["version"].isin(corruptions)]
        if severities is not None:
            table = table[table["severity"].isin(severities)]
        sets = table.drop_duplicates("set")
        alike = pd.Series(1 / max(1, len(sets)), index=sets["set"])
        weights = None if reference is None or sets.empty else reference_weights(sets, reference)
        rows = []
        for network, values in zip(self.networks, self.indicators, strict=True):
            wrong, low, high = _weighted(network.errors, alike)
            mce = (np.nan, np.nan, np.nan) if weights is None else _weighted(network.errors, weights)
            ends = np.clip([1 - high, 1 - low], 0, 1)
            numbers = *_clean(network.run, self.clean), 1 - wrong, *ends, *mce, len(sets)
            rows.append(
                (network.run.name, training_of(network.run), *numbers, *(v for of in values.values() for v in of))
            )
        columns = MODEL_COLUMNS + [name + end for name in INDICATORS for end in ("", "_low", "_high")]
        models = pd.DataFrame(rows, columns=columns)
        return Robustness(models, table.reset_index(drop=True), [*self.sentences, *self.lacking])


def by_corruption(found: Robustness) -> pd.DataFrame:
    """Mean accuracy over severities: one row a corruption, one column a network, the most robust first."""
    order = found.models.sort_values("corrupted", ascending=False)["run"]
    grid = found.versions.pivot_table(index="version", columns="run", values="accuracy", aggfunc="mean")
    return grid.reindex(index=list(dict.fromkeys(found.versions["version"])), columns=list(order))


def by_severity(found: Robustness) -> pd.DataFrame:
    """Mean accuracy over the corruptions that are there in every severity; others would make steps of their own.

    Returns
    -------
    DataFrame
        ``run``, ``severity`` (0: clean), ``accuracy``.
    """
    clean = found.models[["run", "clean"]].rename(columns={"clean": "accuracy"}).assign(severity=0)
    whole = found.versions.groupby("version")["severity"].transform("nunique")
    means = (
        found.versions[whole == found.versions["severity"].nunique()]
        .groupby(["run", "severity"], sort=False)["accuracy"]
        .mean()
        .reset_index()
    )
    return pd.concat([clean, means], ignore_index=True)[["run", "severity", "accuracy"]]


def _other_images(runs: Sequence[Run], clean: str) -> list[str]:
    """That a set of one name is not of the same images in all networks."""
    if not runs:
        return []
    first = set(runs[0][clean].index["id"])
    others = [run.name for run in runs[1:] if set(run[clean].index["id"]) != first]
    return [f"{clean} of {', '.join(others)} is not of the same images as of {runs[0].name}."] if others else []


def _clean(run: Run, name: str) -> tuple[float, float, float, int]:
    counted = int((run[name].labels >= 0).sum())
    right = share_right(run[name])
    return right, *wilson_interval(right * counted, counted), counted


def _weighted(errors: pd.DataFrame, weights: pd.Series) -> Interval:
    """Weighted sum of the error rates with its 95 % interval over images: versions of one image are not independent."""
    if weights.empty:
        return np.nan, np.nan, np.nan
    table, weight = errors[weights.index].to_numpy(np.float64), weights.to_numpy()
    counts = np.maximum(np.isfinite(table).sum(axis=0), 1)
    rates = np.nansum(table, axis=0) / counts
    influence = np.nansum((table - rates) * (weight / counts), axis=1)
    value, images = float(rates @ weight), len(table)
    half = Z95 * float(np.sqrt((influence**2).sum() * images / (images - 1))) if images > 1 else np.nan
    return value, float(np.maximum(value - half, 0)), value + half
