"""Distributions, curves and agreement: what is drawn is what the table says, and looks belong to their names."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from latentviz.evaluation.distributions import histogram
from latentviz.figures import scores
from latentviz.figures.scores import Axis, distribution, distributions
from latentviz.figures.style import CATEGORY_COLOURS, Look, look, looks_of_sets
from latentviz.scorers import scorers
from latentviz.workspace import Run

LOOKS = {"test": Look("#112233", samples=1000), "far": Look("#445566", "dash", "x", 500)}
KINDS = tuple(scores.KINDS)


def values(far: float = 3.0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {"test": random.normal(size=1000), "far": far + random.normal(size=500)}


def drawn(far: float, kind: str, threshold: float | None = None):
    sets = values(far)
    axis = Axis.of(sets, "test")
    return distributions(distribution(sets, kind, axis), kind, LOOKS, "Score", threshold, axis), sets, axis


def area(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.trapezoid(y, x))


def test_every_bin_of_a_histogram_is_as_wide_as_the_others():
    sets = values()
    table = histogram(sets)
    figure = distributions(table, "histogram", LOOKS, "Score")
    for trace, name in zip(figure.data, sets, strict=True):
        assert trace.line.shape == "hv"
        edges = np.asarray(trace.x)[1:]
        np.testing.assert_allclose(np.diff(edges), np.diff(edges)[0])
        middles = table.loc[table["set"] == name, "value"]
        np.testing.assert_allclose((edges[:-1] + edges[1:]) / 2, middles)
        np.testing.assert_allclose(np.asarray(trace.y)[1:-1], table.loc[table["set"] == name, "share"])
        assert (trace.y[0], trace.y[-1]) == (0, 0)
        assert area(np.repeat(edges, 2)[1:-1], np.repeat(trace.y[1:-1], 2)) == pytest.approx(np.diff(edges)[0])


def test_the_hover_of_a_bin_says_how_many_samples_it_holds():
    figure = distributions(histogram({"test": np.arange(10.0)}, bins=5), "histogram", LOOKS, "Score")
    (trace,) = figure.data
    assert trace.text[2] == "1.8 – 3.6: 20.0%, 2 samples"
    assert trace.text[1] == "up to 1.8: 20.0%, 2 samples"
    assert trace.text[-1] == "from 7.2 on: 20.0%, 2 samples"
    assert "test (n = 1,000)" in trace.hovertemplate


@pytest.mark.parametrize("kind", KINDS)
def test_sets_have_their_number_of_samples_and_look(kind):
    figure, _, axis = drawn(3.0, kind)
    assert [trace.name for trace in figure.data] == ["test (n = 1,000)", "far (n = 500)"]
    assert [trace.line.dash for trace in figure.data] == ["solid", "dash"]
    assert [trace.line.color for trace in figure.data] == ["#112233", "#445566"]
    assert figure.layout.xaxis.range == (axis.low, axis.high)
    assert figure.layout.legend.orientation == "h"


def test_the_threshold_says_what_it_is():
    figure, *_ = drawn(3.0, "histogram", 1.2345678)
    (line,) = figure.layout.shapes
    (said,) = figure.layout.annotations
    assert line.x0 == line.x1 == 1.2345678
    assert said.text == "threshold 1.235"


def test_an_axis_reaches_over_all_sets_that_are_not_very_far():
    sets = values(3.0)
    axis = Axis.of(sets, "test")
    assert axis == Axis.of(sets)
    assert not axis.open_low
    assert not axis.open_high
    everything = np.concatenate(list(sets.values()))
    assert np.mean((everything >= axis.low) & (everything <= axis.high)) > 0.99


@pytest.mark.parametrize("far", [1e3, -1e3, 1e12])
def test_a_set_that_is_very_far_does_not_squeeze_the_others(far):
    figure, sets, axis = drawn(far, "histogram")
    assert (axis.open_low, axis.open_high) == (far < 0, far > 0)
    test, beyond = figure.data
    assert np.count_nonzero(test.y) > 40  # of 80 bins
    last = 1 if far < 0 else -2
    assert beyond.y[last] == pytest.approx(1)
    assert sum(test.y) == pytest.approx(1)
    (said,) = figure.layout.annotations
    assert "here and beyond<br>far 100%" in said.text
    # The outermost bin is cut off rather than all others flat.
    assert figure.layout.yaxis.range[1] == pytest.approx(1.3 * max(test.y))
    # Nothing is said of the far set where it is not drawn; the axis stays.
    alone = axis.over({"test": sets["test"]})
    assert (alone.low, alone.high, alone.open_low, alone.open_high) == (axis.low, axis.high, False, False)


def test_a_density_of_which_a_part_is_drawn_has_the_area_of_that_part():
    random = np.random.default_rng(0)
    sets = {"test": random.normal(size=4000), "far": np.r_[random.normal(size=3000), np.full(1000, 1e6)]}
    axis = Axis.of(sets, "test")
    table = distribution(sets, "density", axis)
    for name, expected in (("test", 1), ("far", 0.75)):
        rows = table[table["set"] == name]
        assert area(rows["value"], rows["density"]) == pytest.approx(expected, abs=0.02)


def test_equal_values_have_an_axis():
    axis = Axis.of({"test": np.ones(5), "far": np.ones(3)}, "test")
    assert axis.low < 1 < axis.high


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_draw_says_so(kind):
    figure = distributions(distribution({}, kind, Axis(0, 1)), kind, LOOKS, "Score")
    assert figure.layout.annotations[0].text == "No samples to draw."


def roc(*labels: str) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"scorer": label, "fpr": [0, 0.5, 1], "tpr": [0, 0.9, 1]}) for label in labels])


def test_a_scorer_keeps_its_look_when_others_are_toggled():
    def looks(*labels: str) -> dict[str, tuple[str, str]]:
        titles = {label: scores.scorer_title(label) for label in labels}
        figure = scores.curves(roc(*labels), "fpr", "tpr", ("FPR", "TPR"), titles)
        return {trace.name: (trace.line.color, trace.line.dash) for trace in figure.data if trace.name}

    everything = looks(*scorers())
    assert len(set(everything.values())) == len(everything) > len(CATEGORY_COLOURS)
    assert looks("knn", "vim").items() <= everything.items()
    assert looks("knn(k=10)") == {"k-NN (k=10)": everything["k-NN"]}


def test_the_usual_scorers_have_different_colours():
    titles = {label: scores.scorer_title(label) for label in scores.USUAL}
    figure = scores.curves(roc(*scores.USUAL), "fpr", "tpr", ("FPR", "TPR"), titles)
    assert len({trace.line.color for trace in figure.data if trace.name}) == len(scores.USUAL)


def test_scores_are_called_by_their_scorer_and_its_parameters():
    assert scores.score_title("energy") == "OOD score: Energy"
    assert scores.score_title("knn(k=10, normalise=False)") == "OOD score: k-NN (k=10, normalise=False)"


@pytest.mark.parametrize("count", [2, 16, 30])
def test_agreement_is_written_into_every_cell(count):
    names = [f"scorer {number}" for number in range(count)]
    matrix = pd.DataFrame(np.eye(count), names, names)
    matrix.iloc[0, 1] = np.nan
    heat = scores.agreement(matrix).data[0]
    assert np.shape(heat.z) == (count, count)
    cells = written(scores.agreement(matrix))
    assert len(cells) == count**2 - 1
    assert cells["scorer 0", "scorer 0"][0] == "1.00"
    assert ("scorer 0", "scorer 1") not in cells


def written(figure: go.Figure) -> dict[tuple[str, str], tuple[str, str]]:
    """Text and colour by row and column."""
    _, cells = figure.data
    return {
        (row, column): (text, colour)
        for row, column, text, colour in zip(cells.y, cells.x, cells.text, cells.textfont.color, strict=True)
    }


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_can_be_read_on_their_cells(dark):
    """plotly's own choice cannot on a dark page. White on our blue has 4."""
    names = ["a", "b", "c"]
    values = pd.DataFrame([[1, 0.1, 0.7], [0.1, 1, 0.4], [0.7, 0.4, 1]], names, names)
    ground = np.array([17, 21, 28]) if dark else np.array([255, 255, 255])
    figure = scores.agreement(values, dark)
    for (row, column), (_, colour) in written(figure).items():
        strength = 0.06 + 0.94 * values.loc[row, column]
        cell = strength * np.array([59, 125, 216]) + (1 - strength) * ground
        assert contrast(cell, np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])) > 3.5


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG 2.1's contrast of two colours."""

    def luminance(rgb: np.ndarray) -> float:
        share = rgb / 255
        return float(
            np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        )

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_one_scorer_agrees_with_nobody():
    assert "at least two" in scores.agreement(pd.DataFrame()).layout.annotations[0].text


def test_a_set_has_one_look_whichever_sets_are_drawn():
    features = {name: np.ones((3, 4)) for name in ("train", "test", "far", "near")}
    run = Run.from_arrays(features, {name: np.ones((3, 2)) for name in features})
    found = looks_of_sets(run.sets)
    assert list(found) == list(run.sets)
    assert [f.colour for f in found.values()] == list(CATEGORY_COLOURS[:4])
    assert found["test"].dash != found["far"].dash != found["train"].dash
    assert found["test"].symbol != found["far"].symbol
    assert found["far"].samples == 3


def test_categories_beyond_the_colours_have_other_lines():
    looks = [look(number) for number in range(60)]
    assert len(set(looks)) == 60
