"""Statistics against accuracy: what is drawn is what the table says, and what is not there is not drawn."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from latentviz.figures.against_accuracy import COLOURED_BY, bins, curves, dots, estimates, grid, ranges, words
from latentviz.figures.style import OTHER_COLOUR, look

SEVERITIES = (1, 3, 5)


def table(runs: tuple[str, ...] = ("net",)) -> pd.DataFrame:
    """Two corruptions of every model, in no order, and two sets that are none."""
    rows = []
    for number, run in enumerate(runs):
        for name, family in (("gaussian_noise", "noise"), ("fog", "weather")):
            for severity in (3, 1, 5):
                accuracy = 0.9 - 0.1 * severity - 0.01 * number - (0.02 if name == "fog" else 0)
                rows.append((run, f"test-{name}-{severity}", name, family, severity, accuracy, -accuracy))
        rows += [(run, "jpeg", "", "", 0, 0.8, -0.7), (run, "photos", "", "", 0, 0.7, -0.8)]
    found = pd.DataFrame(rows, columns=["run", "set", "corruption", "family", "severity", "accuracy", "value"])
    for column in ("accuracy", "value"):
        names = ("low", "high") if column == "accuracy" else ("value_low", "value_high")
        found[names[0]], found[names[1]] = found[column] - 0.05, found[column] + 0.05
    of = np.where(found["corruption"] == "", "", "test")
    return found.assign(labelled=1234, of=of, version=found["corruption"])


def clean() -> pd.DataFrame:
    return (
        table().iloc[:1].assign(set="test", corruption="", version="", family="", severity=0, value=-1.0, accuracy=0.95)
    )


def said(figure: go.Figure) -> str:
    """What an empty figure says."""
    assert not figure.data
    return figure.layout.annotations[0].text


def joined(trace: go.Scatter) -> list[list[tuple[float, float]]]:
    """The pieces of a line between its gaps."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(trace.x, trace.y, strict=True):
        if np.isnan(x):
            pieces.append([])
        else:
            pieces[-1].append((x, y))
    return [piece for piece in pieces if piece]


# Dots


@pytest.mark.parametrize("by", COLOURED_BY)
def test_one_trace_a_category_and_every_set_once(by):
    data = table(("net", "other"))
    figure = dots(data, "Mean score", by)
    assert len(figure.data) == data[by].nunique()
    assert len({(trace.line.color, trace.line.dash) for trace in figure.data}) == len(figure.data)
    drawn = sorted(point for trace in figure.data for piece in joined(trace) for point in piece)
    assert drawn == sorted(zip(data["value"], data["accuracy"], strict=True))
    assert figure.layout.xaxis.title.text == "Mean score"


def test_categories_are_called_as_people_read_them():
    names = [[trace.name for trace in dots(table(), "Mean score", by).data] for by in COLOURED_BY]
    assert names == [
        ["gaussian noise", "fog", "other sets"],
        ["noise", "weather", "other sets"],
        ["severity 3", "severity 1", "severity 5", "other sets"],
        ["net"],
        list(table()["set"].unique()),
    ]


def test_a_line_goes_from_severity_to_severity_and_not_on_to_another_model():
    noisy, _, others = dots(table(("net", "other")), "Mean score").data
    assert noisy.mode == "lines+markers"
    first, second = joined(noisy)
    for piece, less in ((first, 0), (second, 0.01)):
        assert [y for _, y in piece] == pytest.approx([0.8 - less, 0.6 - less, 0.4 - less])
    # Other sets have no order, and so no line between them.
    assert [len(piece) for piece in joined(others)] == [1, 1, 1, 1]


def test_versions_of_two_sets_are_two_lines():
    data = table()
    other = data[data["of"] == "test"].assign(of="photos", set=lambda t: t["set"].str.replace("test", "photos"))
    noisy, fog, _ = dots(pd.concat([data, other]), "Mean score").data
    assert [len(piece) for trace in (noisy, fog) for piece in joined(trace)] == [3, 3, 3, 3]


def test_dots_grow_with_severity():
    noisy, _, others = dots(table(), "Mean score").data
    sizes = noisy.marker.size[:3]
    assert sizes[0] < sizes[1] < sizes[2]
    assert others.marker.size[0] < sizes[0]


def test_without_lines():
    assert {trace.mode for trace in dots(table(), "Mean score", lines=False).data} == {"markers"}


def test_the_clean_set_is_a_star():
    *_, star = dots(table(), "Mean score", clean=clean()).data
    assert (star.name, star.marker.symbol) == ("clean", "star")
    assert (list(star.x), list(star.y)) == ([-1.0], [0.95])
    assert "<b>test</b>" in star.text[0]
    assert "star" not in [t.marker.symbol for t in dots(table(), "Mean score", clean=clean().iloc[:0]).data]


def test_a_dot_says_what_it_is():
    noisy, _, others = dots(table(), "Mean score").data
    assert noisy.text[0] == (
        "<b>gaussian noise, severity 1</b><br>net, test-gaussian_noise-1"
        "<br>accuracy 0.8 [0.75, 0.85]<br>-0.8 [-0.85, -0.75]<br>n = 1,234"
    )
    assert others.text[0].startswith("<b>jpeg</b><br>net")
    assert noisy.text[3] == ""  # the gap
    without = dots(table().assign(value_low=np.nan, value_high=np.nan), "Fréchet distance").data[0]
    assert "<br>-0.8<br>" in without.text[0]


@pytest.mark.parametrize("column", ["value", "accuracy"])
def test_what_is_not_finite_is_left_out(column):
    data = table()
    data.loc[data["set"] == "test-fog-3", column] = np.nan
    data.loc[data["corruption"] == "gaussian_noise", column] = np.nan
    fog, others = dots(data, "Mean score").data
    assert (fog.name, others.name) == ("fog", "other sets")
    assert [len(piece) for piece in joined(fog)] == [2]


@pytest.mark.parametrize("data", [table().iloc[:0], table().assign(accuracy=np.nan)], ids=["no rows", "no accuracy"])
def test_no_dots_say_why(data):
    assert "no set with labels" in said(dots(data, "Mean score"))
    assert "no set with labels" in said(dots(data, "Mean score", clean=clean()))


def test_names_as_people_read_them():
    assert words("jpeg_compression") == "jpeg compression"
    assert words("") == "other sets"


# The grid


def values() -> pd.DataFrame:
    return pd.DataFrame([[0.9, 0.5, 0.1], [0.8, np.nan, 0.25]], ["gaussian_noise", "fog"], SEVERITIES)


def test_the_numbers_are_in_the_cells():
    heat, cells = grid(values(), "Accuracy").data
    np.testing.assert_array_equal(heat.z, values().to_numpy())
    assert list(heat.y) == ["gaussian noise", "fog"]
    assert list(heat.x) == ["1", "3", "5"]
    assert (heat.zmin, heat.zmax) == (0.1, 0.9)
    written = {(y, x): text for y, x, text in zip(cells.y, cells.x, cells.text, strict=True)}
    assert written == {
        ("gaussian noise", "1"): "90%",
        ("gaussian noise", "3"): "50%",
        ("gaussian noise", "5"): "10%",
        ("fog", "1"): "80%",
        ("fog", "5"): "25%",
    }


def test_numbers_that_are_no_shares():
    heat, cells = grid(-123.456 * values(), "Mean score", percent=False).data
    assert cells.text[0] == "-111"
    assert heat.colorbar.title.text == "Mean score"
    assert "%{z:.3g}" in heat.hovertemplate


def test_all_numbers_alike():
    heat, cells = grid(pd.DataFrame([[0.5, 0.5]], ["fog"], [1, 2]), "Accuracy").data
    assert (heat.zmin, heat.zmax) == (0.5, 0.5)
    assert list(cells.text) == ["50%", "50%"]


def test_an_empty_grid_says_why():
    assert "is not defined for any of these sets." in said(grid(values().iloc[:0], "Accuracy"))
    assert "is not defined for any of these sets." in said(grid(values() * np.nan, "Accuracy"))


# Correlations, curves, bins, estimates


def correlations() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": ["fog", "shot_noise", "snow"],
            "value": [-0.5, 0.25, np.nan],
            "low": [-0.75, 0.0, np.nan],
            "high": [-0.125, 0.5, np.nan],
            "n": [5, 4, 2],
            "problem": ["", "", "There are 2 dots; a correlation needs at least 3."],
        }
    )


def test_intervals_reach_from_low_to_high_and_undefined_ones_are_left_out():
    figure = ranges(correlations(), "path", "Spearman")
    (trace,) = figure.data
    assert list(trace.y) == ["shot noise", "fog"]
    assert list(trace.x) == [0.25, -0.5]
    np.testing.assert_allclose(np.add(trace.x, trace.error_x.array), [0.5, -0.125])
    np.testing.assert_allclose(np.subtract(trace.x, trace.error_x.arrayminus), [0, -0.75])
    assert list(trace.customdata) == [4, 5]
    assert figure.layout.xaxis.title.text == "Spearman"
    assert figure.layout.xaxis.range == (-1.05, 1.05)


def test_no_correlation_says_why():
    assert "a correlation needs at least 3" in said(ranges(correlations().iloc[2:], "path", "Spearman"))
    assert "Too few sets" in said(ranges(correlations().iloc[:0], "path", "Spearman"))


def test_the_first_curve_stands_out():
    coverage = np.linspace(0.25, 1, 4)
    figure = curves({"Energy": (coverage, coverage / 4), "best possible": (coverage, coverage / 8)})
    energy, best = figure.data
    assert (energy.name, best.name) == ("Energy", "best possible")
    assert (energy.line.dash, best.line.dash) == ("solid", "dash")
    assert (energy.line.color, best.line.color) == (look(0).colour, OTHER_COLOUR)
    np.testing.assert_array_equal(energy.y, coverage / 4)
    assert figure.layout.xaxis.range == (0, 1)


def test_accuracy_in_bins_with_intervals():
    data = pd.DataFrame(
        {"score": [-2.0, -1.0], "accuracy": [0.75, 0.5], "low95": [0.5, 0.25], "high95": [0.875, 0.75], "n": [10, 10]}
    )
    figure = bins(data, "Energy")
    (trace,) = figure.data
    assert (list(trace.x), list(trace.y)) == ([-2, -1], [0.75, 0.5])
    np.testing.assert_array_equal(np.add(trace.y, trace.error_y.array), data["high95"])
    np.testing.assert_array_equal(np.subtract(trace.y, trace.error_y.arrayminus), data["low95"])
    assert figure.layout.xaxis.title.text == "Energy"


def test_estimates_lie_on_the_dashed_line_where_they_are_right():
    data = pd.DataFrame({"set": ["a", "b"], "truth": [0.5, 0.75], "ind": [0.9, 0.9], "atc": [0.5, np.nan]})
    figure = estimates(data, ["ind", "atc"], {"ind": "as on InD", "atc": "threshold"})
    line, first, second = figure.data
    assert (list(line.x), list(line.y), line.line.dash) == ([0.5, 0.9], [0.5, 0.9], "dash")
    assert (first.name, second.name) == ("as on InD", "threshold")
    assert list(first.x) == [0.5, 0.75]
    assert list(first.y) == [0.9, 0.9]
    assert first.marker.symbol != second.marker.symbol
    assert list(second.text) == ["a", "b"]


def test_no_estimates_say_why():
    assert "no labelled set" in said(estimates(pd.DataFrame(columns=["set", "truth", "ind"]), ["ind"], {"ind": ""}))
