"""What the README shows is what one gets."""

import doctest
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]


def test_the_examples_print_what_they_show(demo, tmp_path, monkeypatch):
    (tmp_path / "demo").symlink_to(demo)
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    with pd.option_context("display.width", 120, "display.max_columns", 20):
        result = doctest.testfile(
            str(ROOT / "README.md"), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
        )
    assert result.attempted >= 8
    assert result.failed == 0
