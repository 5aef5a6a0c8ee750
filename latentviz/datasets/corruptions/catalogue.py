"""The table of all corruptions for the documentation.

``python -m latentviz.datasets.corruptions.catalogue > docs/corruptions.md``
"""

from __future__ import annotations

from itertools import groupby

from latentviz.datasets.corruptions.constants import LARGE_SIDE, SMALL_SIDE, Row, Strengths
from latentviz.datasets.corruptions.registry import Registered, corruptions, find

_HEAD = f"""# Corruptions

Images are corrupted as the network sees them: resized and cropped, before they are normalised. Constants of the
severities 1 to 5 are divided by semicolons. Up to {SMALL_SIDE} pixels of the shorter side they are CIFAR-10-C's, from
{LARGE_SIDE} pixels on ImageNet-C's, and in between every constant is a power of the side. Those with a star were
published as extra ones; the benchmark's mean is over the other fifteen. This page is made from the corruptions' own
records (`python -m latentviz.datasets.corruptions.catalogue`).
"""

_KINDS = {"common": "Common corruptions", "sar": "Corruptions of radar images"}


def markdown() -> str:
    """The page: a table a kind, a row a corruption."""
    parts = [_HEAD]
    for kind, records in groupby(corruptions().values(), key=lambda record: record.kind):
        known = [find(record.name) for record in records]
        sources = dict.fromkeys(one.record.source for one in known)
        parts.append(f"## {_KINDS[kind]}\n\nFrom {', '.join(sources)}.\n")
        parts.append(f"| name | family | what it does | to {SMALL_SIDE} px | from {LARGE_SIDE} px | least side |")
        parts.append("| --- | --- | --- | --- | --- | --- |")
        parts += [*map(_row, known), ""]
    return "\n".join(parts)


def _row(known: Registered) -> str:
    record, strengths = known.record, known.strengths
    first = (known.function.__doc__ or "").partition("\n")[0].rstrip(".").replace("|", r"\|")
    name = f"**{record.title}**{'*' if record.held_out else ''} `{record.name}`"
    small = _severities(strengths.small)
    large = "the same" if _is_one(strengths) else _severities(strengths.large)
    return "| " + " | ".join((name, record.family, first, small, large, f"{record.min_side} px")) + " |"


def _is_one(strengths: Strengths) -> bool:
    return strengths.small == strengths.large


def _severities(rows: tuple[Row, ...]) -> str:
    return "; ".join(", ".join(f"{value:g}" for value in row) for row in rows)


if __name__ == "__main__":
    print(markdown(), end="")
