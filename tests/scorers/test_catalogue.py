"""The documentation's table of scorers."""

from pathlib import Path

from latentviz.scorers import scorers
from latentviz.scorers.catalogue import markdown


def test_the_page_in_the_repository_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "scorers.md"
    assert page.read_text() == markdown(), "run: python -m latentviz.scorers.catalogue > docs/scorers.md"


def test_bars_in_formulas_neither_end_the_cell_nor_break_the_line():
    page = markdown()
    assert r"\mathrm{KL}(p \,\Vert \, \bar p_c)" in page
    for row in page.splitlines():
        if row.startswith("| **"):
            assert row.count("|") == 7
            assert r"\\vert" not in row
            assert r"\\Vert" not in row


def test_ranges_and_caveats_are_there():
    page = markdown()
    assert "`k` = 50 (1 to 2000), `normalise` = True (True or False)" in page
    assert "`dimension` = auto (1 to 4096)" in page
    assert "`percentile` = 90 (50 to 100)" in page
    for kind in scorers().values():
        for sentence in kind.info.warnings:
            assert sentence in page
            assert sentence.endswith(".")
