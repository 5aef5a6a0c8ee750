"""The documentation's table of scorers."""

from pathlib import Path

from latentviz.scorers.catalogue import markdown


def test_the_page_in_the_repository_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "scorers.md"
    assert page.read_text() == markdown(), "run: python -m latentviz.scorers.catalogue > docs/scorers.md"
