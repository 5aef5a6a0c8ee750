"""The table of all scorers for the documentation: ``python -m latentviz.scorers.catalogue > docs/scorers.md``."""

from __future__ import annotations

from itertools import groupby

from latentviz.scorers.info import Needs, Number, Parameter, ScorerInfo
from latentviz.scorers.registry import scorers

_HEAD = """# OOD scorers

An OOD score is larger for samples that are more out-of-distribution. This page is made from the scorers' own records
(`python -m latentviz.scorers.catalogue`).
"""


def markdown() -> str:
    """The page: a table a family, a row a scorer."""
    parts = [_HEAD]
    for family, kinds in groupby(scorers().values(), key=lambda kind: kind.info.family):
        records = [kind.info for kind in kinds]
        parts.append(f"\n## {family.value}\n\n| name | score s(x) | needs | parameters | from | runs in |")
        parts.append("| --- | --- | --- | --- | --- | --- |")
        parts += map(_row, records)
        parts += ["", "Caveats:", ""] if any(info.warnings for info in records) else []
        parts += [f"- **{info.title}**: {' '.join(info.warnings)}" for info in records if info.warnings]
    return "\n".join(parts) + "\n"


def _row(info: ScorerInfo) -> str:
    formula = info.formula.replace(r"\|", r"\Vert ").replace("|", r"\vert ")  # a bar would end the cell
    paper = f"[{info.paper.venue} {info.paper.year}]({info.paper.link})" if info.paper else "this project"
    parameters = ", ".join(f"`{p.name}` = {_default(p)} ({p.range})" for p in info.parameters) or "–"
    cells = (f"**{info.title}** `{info.name}`", f"${formula}$", needs(info), parameters, paper, info.library)
    return "| " + " | ".join(cells) + " |"


def _default(parameter: Parameter) -> str:
    default = parameter.default
    return "auto" if default is None else f"{default:.10g}" if isinstance(parameter, Number) else str(default)


def needs(info: ScorerInfo) -> str:
    """What a scorer needs besides the samples, in words."""
    words = {Needs.HEAD: "last layer", Needs.FIT: "fit set", Needs.LABELS: "its classes"}
    said = [word for need, word in words.items() if need in info.needs]
    said += ["z ≥ 0"] if info.rectified else []
    return ", ".join(said) or "–"


if __name__ == "__main__":
    print(markdown(), end="")
