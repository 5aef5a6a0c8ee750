"""A statistic of sets and the accuracy on them: every correlation that the dots allow, and the verdict in words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from latentviz.evaluation import relations
from latentviz.evaluation.correlation import Correlation, all_kinds, correlate
from latentviz.evaluation.relations import Average
from latentviz.evaluation.verdict import Inside, sentences


@dataclass(frozen=True, eq=False)
class Relation:
    """How a statistic goes with accuracy over sets, and where that comes from.

    Attributes
    ----------
    kinds : DataFrame
        Every coefficient over all dots.
    overall : Correlation
        The chosen one.
    inside : DataFrame
        Inside each corruption; of several models inside each model.
    across : DataFrame
        Inside each severity, over corruptions.
    ranks_severities, ranks_corruptions : Average
    ranks_sets : Average or None
        Inside each of several models, over its sets.
    without : DataFrame
        Without each family in turn.
    """

    units: str
    kinds: pd.DataFrame
    overall: Correlation
    inside: pd.DataFrame
    across: pd.DataFrame
    ranks_severities: Average
    ranks_corruptions: Average
    ranks_sets: Average | None
    without: pd.DataFrame


def relation(table: pd.DataFrame, kind: str = "spearman") -> Relation:
    """Correlations over dots, inside what they are of, and without each family.

    Parameters
    ----------
    table : DataFrame
        One row a model and set: ``run``, ``set``, ``of``, ``corruption``, ``version``, ``family``, ``severity`` (of
        :func:`latentviz.evaluation.set_statistics.shifted_sets`), ``accuracy``, and the statistic as ``value``.
    kind : {"spearman", "pearson", "kendall"}

    Returns
    -------
    Relation

    Raises
    ------
    DataError
        If there is no such column or kind.
    """
    # What is independent: corruptions, not their severities, and not the same corruption under several models. A set
    # that is no corrupted version stands for itself.
    table = table.assign(unit=table["corruption"].where(table["corruption"] != "", table["set"]))
    made = table[table["corruption"] != ""]
    several = len(set(table["run"])) > 1
    whose = made["run"] + ", " if several else pd.Series("", made.index)
    whose += made["of"] + ", " if len(set(made["of"])) > 1 else ""
    made = made.assign(path=whose + made["version"], step=whose + "severity " + made["severity"].astype(str))
    columns = ("value", "accuracy")
    inside = (
        relations.within(table, *columns, by="run", kind=kind, groups="unit")
        if several
        else relations.within(made, *columns, by="path", kind=kind)
    )
    return Relation(
        units="corruptions" if len(made) == len(table) else "corruptions and other sets" if len(made) else "sets",
        kinds=all_kinds(table["value"], table["accuracy"], groups=table["unit"]),
        overall=correlate(table["value"], table["accuracy"], kind, groups=table["unit"]),
        inside=inside,
        across=relations.within(made, *columns, by="step", kind=kind),
        ranks_severities=relations.average_within(made, *columns, by="path", kind=kind, groups="corruption"),
        ranks_corruptions=relations.average_within(made, *columns, by="step", kind=kind, groups="corruption"),
        ranks_sets=relations.average_within(table, *columns, by="run", kind=kind, groups="unit") if several else None,
        without=relations.leave_one_out(
            table.assign(family=table["family"].mask(table["family"] == "")), *columns, kind=kind, groups="unit"
        ),
    )


def conclusion(found: Relation, table: pd.DataFrame, statistic: str) -> list[str]:
    """The verdict in words, sentence by sentence; see :func:`latentviz.evaluation.verdict.sentences`.

    Parameters
    ----------
    found : Relation
    table : DataFrame
        What it was found in.
    statistic : str
        What the statistic is called inside a sentence.
    """
    count, of_one = table["run"].nunique(), "shifted set" if len(table) == 1 else "shifted sets"
    over = f"{of_one} of one model" if count == 1 else f"dots ({table['set'].nunique()} shifted sets, {count} models)"
    # What a step, and what a path is of besides.
    made = table[table["corruption"] != ""]
    of_step = ["model"] * (count > 1) + ["clean set"] * (len(set(made["of"])) > 1)
    of_path = of_step + ["seed"] * (len(set(made["version"])) > len(set(made["corruption"])))
    parts = [
        Inside(average, one, f"combinations of {', '.join([one, *besides])}" if besides else many, ranked, units)
        for average, one, many, besides, ranked, units in (
            (found.ranks_sets, "model", "models", [], "sets", found.units),
            (found.ranks_severities, "corruption", "corruptions", of_path, "severities", "corruptions" * bool(of_path)),
            (found.ranks_corruptions, "severity", "severities", of_step, "corruptions", "corruptions"),
        )
        if average is not None and average.averaged
    ]
    return sentences(found.overall, over, parts, statistic, found.units)
