"""Figures of the Feature magnitude page."""

import numpy as np
import pandas as pd
import pytest

from latentviz.evaluation.magnitude import by_length
from latentviz.figures import magnitude
from latentviz.figures.style import Look

LOOKS = {"test": Look("#112233"), "far": Look("#445566", "dash", "x")}
TITLES = ("Feature norm", "Share")


def grouped(samples: int = 100, factor: float = 2.0) -> pd.DataFrame:
    """Two sets of which only "test" has labels; the first ten of them have none either."""
    random = np.random.default_rng(0)
    frames = []
    for name, role in (("test", "ind"), ("far", "ood")):
        correct = pd.array(random.random(samples) < 0.9, dtype="boolean")
        correct[: samples if role == "ood" else 10] = pd.NA
        table = pd.DataFrame({"role": role, "correct": correct, "confidence": random.random(samples)})
        lengths = np.geomspace(1, factor, samples)
        frames.append(by_length(lengths, table).assign(set=name))
    return pd.concat(frames, ignore_index=True)


def test_confidence_is_a_mean_and_accuracy_a_share_of_the_labelled():
    table = grouped()
    confidence = magnitude.against(table, "confidence", LOOKS, TITLES)
    assert [trace.name for trace in confidence.data] == ["test (n = 100)", "far (n = 100)"]
    assert "on average over %{customdata[2]" in confidence.data[0].hovertemplate
    assert [row[2] for row in confidence.data[0].customdata] == [10] * 10
    accuracy = magnitude.against(table, "accuracy", LOOKS, TITLES)
    assert [trace.name for trace in accuracy.data] == ["test (n = 90)"]
    assert "%{y:.1%} of %{customdata[2]" in accuracy.data[0].hovertemplate
    assert accuracy.layout.showlegend


def test_sets_are_told_apart_by_more_than_their_colour():
    figure = magnitude.against(grouped(), "confidence", LOOKS, TITLES)
    assert [(t.line.color, t.line.dash, t.marker.symbol) for t in figure.data] == [
        ("#112233", "solid", "circle"),
        ("#445566", "dash", "x"),
    ]


def test_lengths_of_very_different_size_are_all_seen():
    assert magnitude.against(grouped(), "confidence", LOOKS, TITLES).layout.xaxis.type is None
    figure = magnitude.against(grouped(factor=1000), "confidence", LOOKS, TITLES)
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.title.text == "Feature norm, logarithmic"


def test_without_labels_there_is_no_accuracy():
    table = grouped()
    figure = magnitude.against(table[table["set"] == "far"], "accuracy", LOOKS, TITLES)
    assert "so there is no accuracy" in figure.layout.annotations[0].text


def of_classes(count: int) -> pd.DataFrame:
    """Class c has c % 3 + 1 samples, all of the length count − c."""
    sizes = np.arange(count) % 3 + 1
    return pd.DataFrame(
        {
            "class": np.repeat([f"c{c}" for c in range(count)], sizes),
            "length": np.repeat(count - np.arange(count), sizes),
        }
    )


@pytest.mark.parametrize("count", [1, 40])
def test_few_classes_are_all_drawn_the_shortest_first(count):
    figure = magnitude.classes(of_classes(count), "Feature norm")
    assert list(figure.layout.yaxis.categoryarray) == [f"c{c}" for c in reversed(range(count))]
    assert figure.layout.xaxis.title.text == "Feature norm: median, quartiles, 5–95 %"


def test_of_many_classes_the_shortest_and_the_longest_are_drawn_and_the_axis_says_so():
    figure = magnitude.classes(of_classes(1000), "Feature norm")
    expected = [f"c{c}" for c in [*range(999, 979, -1), *range(19, -1, -1)]]
    assert list(figure.data[0].y) == list(figure.data[1].y) == expected
    assert "The 20 shortest and the 20 longest of 1,000 classes" in figure.layout.xaxis.title.text
    assert figure.layout.height < 1200
    assert figure.layout.yaxis.ticktext[0] == "c999 (n = 1)"
    np.testing.assert_allclose(figure.data[0].median, [1000 - int(name[1:]) for name in expected])


def test_the_hover_names_the_class_and_how_many_samples_it_has():
    figure = magnitude.classes(of_classes(3), "Feature norm")
    assert "%{y} (n = %{customdata[0]:,})" in figure.data[1].hovertemplate
    assert [row[0] for row in figure.data[1].customdata] == [3, 2, 1]


def test_a_set_without_samples_says_so():
    table = pd.DataFrame({"class": [], "length": []})
    assert magnitude.classes(table, "Feature norm").layout.annotations[0].text == "This set has no samples."
