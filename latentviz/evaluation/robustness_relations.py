"""Do indicators go with accuracy under corruption over networks, and beyond clean accuracy? In numbers and words."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from latentviz.evaluation import relations
from latentviz.evaluation.coefficients import KINDS, TITLES
from latentviz.evaluation.correlation import FEW, REPLICATES, Correlation, correlate
from latentviz.evaluation.indicators import INDICATORS
from latentviz.evaluation.partial import partial_correlation
from latentviz.evaluation.robustness import Robustness
from latentviz.evaluation.tables import TextTable
from latentviz.evaluation.verdict import direction, sentences, strength, written

#: The control: what an indicator must add to.
CLEAN = "clean"

#: What networks are judged by, as columns of :class:`~latentviz.evaluation.robustness.Robustness`, and in words.
TARGETS = {"corrupted": "Accuracy under corruption", "mce": "mCE"}


def title_of(name: str) -> str:
    """An indicator, or clean accuracy, as people read it."""
    return "Clean accuracy" if name == CLEAN else INDICATORS[name].title


@dataclass(frozen=True, eq=False)
class Relation:
    """How one indicator goes with the target over networks.

    Attributes
    ----------
    name : str
        An indicator, or ``"clean"``.
    target : str
        Of :data:`TARGETS`.
    kinds : dict of Correlation
        By coefficient; whole trainings are resampled.
    partial : dict of Correlation or None
        The same given clean accuracy; None for clean accuracy itself.
    without : DataFrame
        Each training left out in turn, which most often is one network: ``training``, ``n``, ``value``, ``low``,
        ``high``, ``change``, ``problem``.
    without_partial : DataFrame
        The partial correlation without each: ``training``, ``value``.
    """

    name: str
    target: str
    kinds: dict[str, Correlation]
    partial: dict[str, Correlation] | None
    without: pd.DataFrame
    without_partial: pd.DataFrame


def relation(
    models: pd.DataFrame, name: str, target: str = "corrupted", kind: str = "spearman", *, seed: int = 0
) -> Relation:
    """How an indicator goes with the target.

    Parameters
    ----------
    models : DataFrame
        Of :class:`~latentviz.evaluation.robustness.Robustness`.
    name : str
        A column: an indicator, or ``"clean"``.
    target : {"corrupted", "mce"}
    kind : {"spearman", "pearson", "kendall"}
        Of what is computed without each network.
    seed : int
        Of the resamples.
    """
    groups, x, y, z = (models[column] for column in ("training", name, target, CLEAN))
    controlled = name != CLEAN
    whole = relations.leave_one_out(models, name, target, "training", kind, groups="training", seed=seed)
    rest = []
    for training in groups.unique() if controlled else ():
        kept = groups != training
        rest.append((training, partial_correlation(x[kept], y[kept], z[kept], kind, replicates=1).value))
    return Relation(
        name,
        target,
        {k: correlate(x, y, k, groups=groups, seed=seed) for k in KINDS},
        {k: partial_correlation(x, y, z, k, groups=groups, seed=seed) for k in KINDS} if controlled else None,
        whole,
        pd.DataFrame(rest, columns=["training", "value"]),
    )


def table(found: Robustness, target: str = "corrupted", *, replicates: int = REPLICATES, seed: int = 0) -> pd.DataFrame:
    """Every indicator, clean accuracy first, with every coefficient, plain and given clean accuracy.

    Returns
    -------
    DataFrame
        ``name``, ``title``, ``n`` (networks), ``trainings`` (independent ones), then of every coefficient its name,
        ``…_low``, ``…_high``, ``partial_…``, ``partial_…_low``, ``partial_…_high``, and ``problem``.
    """
    models, rows = found.models, []
    for name in [CLEAN, *found.indicators]:
        row: dict[str, object] = {"name": name, "title": title_of(name)}
        x, y, z, groups = (models[column] for column in (name, target, CLEAN, "training"))
        for kind in KINDS:
            plain = correlate(x, y, kind, groups=groups, replicates=replicates, seed=seed)
            row |= {"n": plain.n, "trainings": plain.groups, "problem": row.get("problem") or plain.problem}
            row |= _flat(kind, plain)
            if name != CLEAN:
                rest = partial_correlation(x, y, z, kind, groups=groups, replicates=replicates, seed=seed)
                row |= _flat(f"partial_{kind}", rest)
        rows.append(row)
    columns = ["name", "title", "n", "trainings"]
    columns += [prefix + kind + end for kind in KINDS for prefix in ("", "partial_") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*columns, "problem"])


def _flat(name: str, found: Correlation) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def verdict(found: Relation, control: Relation, kind: str = "spearman") -> list[str]:
    """What the numbers of an indicator justify, sentence by sentence; never more.

    Parameters
    ----------
    found : Relation
        Of an indicator.
    control : Relation
        Of clean accuracy.
    kind : {"spearman", "pearson", "kendall"}

    Returns
    -------
    list of str
        The relation over networks, how much one network makes of it, the control, what is left given clean accuracy;
        the last one is what follows.
    """
    words, plain = inside(title_of(found.name)), found.kinds[kind]
    partial = None if found.partial is None else found.partial[kind]
    said = [_over_networks(plain, words, found.target), *_without(found.without)]
    if partial is None:
        return said
    said.append(f"Clean accuracy alone: {_numbers(control.kinds[kind])}.")
    said.append(_given_clean(partial, _judged(found.target)))
    return [*said, _conclusion(plain, partial, found, words)]


def _over_networks(found: Correlation, words: str, target: str) -> str:
    sentence = sentences(found, "networks", (), words, "trainings")[0]
    for word in ("higher", "lower"):
        sentence = sentence.replace(f", {word} accuracy", f", {word} {_judged(target)}")
    return sentence


def _judged(target: str) -> str:
    return "mCE" if target == "mce" else "accuracy under corruption"


def _given_clean(found: Correlation, judged: str) -> str:
    start = f"Given clean accuracy (partial {TITLES[found.kind]})"
    if found.problem:
        value = f"{written(found.value)} without an interval" if math.isfinite(found.value) else "none"
        return f"{start}: {value}; {found.problem[:1].lower()}{found.problem[1:]}"
    sign = direction(found)
    signed = f"a {strength(found)} relation is left, higher indicator, {'higher' if sign > 0 else 'lower'} {judged}"
    return f"{start}: {_ends(found)}, {signed if sign else 'nothing was found beyond clean accuracy'}."


def _without(table: pd.DataFrame) -> list[str]:
    rows = table.dropna(subset=["value"])
    if len(rows) < 2:
        return []
    most = rows.iloc[int(rows["change"].abs().argmax())]
    low, high = rows["value"].min(), rows["value"].max()
    sentence = (
        f"With any one of them left out this correlation lies between {written(low)} and {written(high)}; "
        f"{most['training']} moves it most, to {written(most['value'])}."
    )
    if low < 0 < high:
        sentence += " One of them decides the sign."
    return [sentence]


def _conclusion(plain: Correlation, partial: Correlation, found: Relation, words: str) -> str:
    if plain.groups < FEW and math.isfinite(plain.value):
        unit = "networks" if plain.groups == plain.n else "trainings"
        return f"No conclusion: {plain.groups} independent {unit} are too few."
    if plain.problem:
        return f"No conclusion: {plain.problem[:1].lower()}{plain.problem[1:]}"
    over, left = direction(plain), direction(partial)
    if partial.problem:
        return f"No conclusion beyond clean accuracy: {partial.problem[:1].lower()}{partial.problem[1:]}"
    if not left:
        if not over:
            return f"Nothing here shows that {words} tells robust networks from others."
        return f"Nothing here shows that {words} says more about robustness than clean accuracy does."
    robust = left if found.target == "corrupted" else -left  # a high mCE is a bad one
    so = f"the higher {words}, the {'more' if robust > 0 else 'less'} robust"
    holds = found.without_partial["value"] * left > 0  # NaN does not hold
    alone = "" if holds.all() else ", but not without every single one of these networks"
    if not over:
        return f"Only once clean accuracy is held fixed, {so}; over networks as they are nothing was found{alone}."
    if left != over:
        return f"Given clean accuracy the sign turns: {so}; over networks as they are it is the other way round{alone}."
    return f"Beyond what clean accuracy says, {so} among these networks{alone}."


def chance(count: int) -> str:
    """What several indicators at once mean for their intervals; "" for a single one."""
    if count < 2:
        return ""
    return (
        f"{count} indicators are compared, each plain and given clean accuracy: of {2 * count} unrelated numbers about "
        f"{count / 10:.1f} would have an interval without 0 by chance."
    )


def text_table(found: pd.DataFrame, kinds: Sequence[str] = KINDS) -> TextTable:
    """:func:`table` as people read it: coefficients with their intervals, plain and given clean accuracy."""
    columns = {TITLES[kind]: kind for kind in kinds} | {
        f"{TITLES[kind]} given clean accuracy": f"partial_{kind}" for kind in kinds
    }
    rows = [
        [str(row["title"]), *(_with_ends(row, name) for name in columns.values()), str(row["n"])]
        for row in found.to_dict("records")
    ]
    return TextTable(["", *(f"{title} (95 %)" for title in columns), "Networks"], rows)


def _with_ends(row: Mapping[Hashable, Any], name: str) -> str:
    value, low, high = (row[name + end] for end in ("", "_low", "_high"))
    if pd.isna(value):
        return "–"
    return written(value) + ("" if pd.isna(low) else f" ({written(low)} to {written(high)})")


def models_table(found: Robustness, names: Sequence[str] = ()) -> TextTable:
    """Networks as people read them, with some indicators."""
    headings = ["Network", "Clean accuracy", "Under corruption", *(["mCE"] if found.has_mce else [])]
    rows = []
    for row in found.models.to_dict("records"):
        cells = [str(row["run"]), _share(row, "clean"), _share(row, "corrupted")]
        if found.has_mce:
            cells.append(f"{row['mce']:.3f} ({row['mce_low']:.3f} – {row['mce_high']:.3f})")
        rows.append(cells + [_plain(row, name) for name in names])
    return TextTable([*headings, *(title_of(name) for name in names)], rows)


def _share(row: Mapping[Hashable, Any], name: str) -> str:
    if pd.isna(row[name]):
        return "–"
    return f"{row[name]:.1%} ({100 * row[f'{name}_low']:.1f} – {100 * row[f'{name}_high']:.1f})"


def _plain(row: Mapping[Hashable, Any], name: str) -> str:
    value, low, high = (row[name + end] for end in ("", "_low", "_high"))
    return "–" if pd.isna(value) else f"{value:.3g}" + ("" if pd.isna(low) else f" ({low:.3g} – {high:.3g})")


def _numbers(found: Correlation) -> str:
    return f"no {TITLES[found.kind]}" if math.isnan(found.value) else f"{TITLES[found.kind]} {_ends(found)}"


def with_ends(found: Correlation) -> str:
    """A correlation with its interval, as people read it; "–" if there is none."""
    return "–" if math.isnan(found.value) else _ends(found)


def _ends(found: Correlation) -> str:
    return written(found.value) + ("" if found.problem else f" [{written(found.low)}, {written(found.high)}]")


def inside(title: str) -> str:
    """A title inside a sentence."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]
