"""Numbers in a legend are short, and arrays are fetched once."""

import pytest


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (1, "1"),
        (0.123456, "0.123"),
        (-2.5, "\u22122.5"),
        (1234.5, "1230"),
        (999999, "1000000"),
        (1e6, "1.0e+6"),
        (0.00012345, "1.2e\u22124"),
        (-0.00012345, "\u22121.2e\u22124"),
        (0.001, "0.001"),
    ],
)
def test_numbers_are_short(javascript, value, expected):
    assert javascript("legend.js", "return m.number(value);", value=value) == expected
