"""The documentation's table of corruptions."""

from pathlib import Path

from latentviz.datasets.corruptions import corruptions
from latentviz.datasets.corruptions.catalogue import markdown

PAGE = Path(__file__).parents[2] / "docs" / "corruptions.md"


def test_the_page_in_the_repository_is_up_to_date():
    command = "python -m latentviz.datasets.corruptions.catalogue > docs/corruptions.md"
    assert PAGE.read_text() == markdown(), f"run: {command}"


def test_every_corruption_has_a_row_with_its_severities():
    rows = [row for row in markdown().splitlines() if row.startswith("| **")]
    assert len(rows) == len(corruptions())
    for row, record in zip(rows, corruptions().values(), strict=True):
        assert row.count("|") == 7
        assert f"**{record.title}**{'*' if record.held_out else ''} `{record.name}` | {record.family} |" in row
        small, large = (cell.split(";") for cell in row.split("|")[4:6])
        assert len(small) == 5
        assert len(large) == 5 or large == [" the same "]
