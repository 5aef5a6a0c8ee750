"""The table of all scorers for the documentation: ``python -m latentviz.scorers.catalogue > docs/scorers.md``."""

from __future__ import annotations

from latentviz.scorers.info import Needs, Parameter, ScorerInfo
from latentviz.scorers.registry import scorers

_HEAD = """# OOD scorers

An OOD score is larger for samples that are more out-of-distribution. This page is made from the scorers' own records
(`python -m latentviz.scorers.catalogue`).
"""


def markdown() -> str:
    """The page: a table a family, a row a scorer."""
    parts = [_HEAD]
    family = None
    for kind in scorers().values():
        if kind.info.family is not family:
            family = kind.info.family
            parts.append(f"\n## {family.value}\n\n| name | score s(x) | needs | parameters | from | runs in |")
            parts.append("| --- | --- | --- | --- | --- | --- |")
        parts.append(_row(kind.info))
    return "\n".join(parts) + "\n"


def _row(info: ScorerInfo) -> str:
    formula = info.formula.replace("|", r"\vert ")
    paper = f"[{info.paper.venue} {info.paper.year}]({info.paper.link})" if info.paper else "this project"
    parameters = ", ".join(f"`{p.name}` = {_default(p)}" for p in info.parameters) or "–"
    cells = (f"**{info.title}** `{info.name}`", f"${formula}$", needs(info), parameters, paper, info.library)
    return "| " + " | ".join(cells) + " |"


def _default(parameter: Parameter) -> str:
    return "auto" if parameter.default is None else f"{parameter.default}"


def needs(info: ScorerInfo) -> str:
    """What a scorer needs besides the samples, in words."""
    words = {Needs.HEAD: "last layer", Needs.FIT: "fit set", Needs.LABELS: "its classes"}
    said = [word for need, word in words.items() if need in info.needs]
    said += ["z ≥ 0"] if info.rectified else []
    return ", ".join(said) or "–"


if __name__ == "__main__":
    print(markdown(), end="")
