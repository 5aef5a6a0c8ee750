"""Figures of neuron coverage show what the tables hold."""

import numpy as np
import pandas as pd
import pytest

from latentviz.figures import coverage as figures
from latentviz.figures.style import Look
from latentviz.scorers.coverage_states import geometric_edges

LOOKS = {"test": Look("#111111"), "far": Look("#222222", "dash", "x")}


@pytest.fixture
def edges() -> np.ndarray:
    return geometric_edges(10)


def test_of_a_thousand_samples_each_is_in_one_bin(edges):
    values = {"test": np.linspace(0, 1, 37), "far": np.full(5, 0.5)}
    found = figures.a_thousand(values, edges)
    assert {name: counts.sum() for name, counts in found.items()} == pytest.approx({"test": 1000, "far": 1000})
    assert found["far"].argmax() == np.searchsorted(edges, 0.5, side="right") - 1


def test_states_have_the_steps_of_phi_and_the_line_of_o(edges):
    counts = figures.a_thousand({"profile": np.linspace(0.4, 0.6, 50), "far": np.linspace(0, 1, 20)}, edges)
    phi = np.linspace(0, 0.9, 10)
    figure = figures.states(counts, LOOKS, edges, phi, 50, marked=0.7)
    named = {trace.name: trace for trace in figure.data}
    assert list(named) == ["profile", "far", "coverage Φ"]
    assert list(named["coverage Φ"].y[:-1]) == pytest.approx(phi[:8])  # what begins below 1
    assert list(named["profile"].x) == [*edges[edges <= 1], 1.0]
    assert {trace.line.shape for trace in figure.data} == {"hv"}
    lines = [(shape.x0, shape.y0) for shape in figure.layout.shapes]
    assert (0, 50) in lines  # the whole width
    assert any(x == 0.7 for x, _ in lines)
    assert "O = 50" in [note.text for note in figure.layout.annotations]


def test_the_heat_map_has_neurons_in_their_order(edges):
    phi = np.arange(30.0).reshape(10, 3) / 30
    figure = figures.heat_map(phi, np.array([2, 0, 1]), edges, marked=0)
    heat = figure.data[0]
    np.testing.assert_allclose(heat.z, np.round(phi[:8][:, [2, 0, 1]], 3))
    assert heat.customdata[0].tolist() == [2, 0, 1]
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.5, 1.5)
    assert "No neurons" in figures.heat_map(phi, np.array([], int), edges).layout.annotations[0].text


def table(**columns) -> pd.DataFrame:
    rows = {"set": ["far", "far", "", ""], "auroc": [0.9, 0.95, 0.5, 0.52]}
    return pd.DataFrame({**rows, **columns}).assign(low=lambda t: t["auroc"] - 0.02, high=lambda t: t["auroc"] + 0.02)


def test_sizes_and_layers_name_the_check():
    by_size = figures.sizes(table(samples=[50, 1000, 50, 1000]), LOOKS, 1000)
    shown = [trace for trace in by_size.data if trace.showlegend is not False]
    assert [trace.name for trace in shown] == ["far", "memorisation check"]
    assert list(shown[0].y) == [0.9, 0.95]
    assert list(by_size.layout.xaxis.ticktext) == ["50", "1,000"]
    by_layer = figures.layers(table(layers=["last", "last+layer1"] * 2), LOOKS)
    assert [trace.name for trace in by_layer.data] == ["far", "memorisation check"]
    assert list(by_layer.data[0].y) == ["last", "last + layer1"]
    assert list(by_layer.data[0].error_x.array) == pytest.approx([0.02, 0.02])


def test_the_neuron_that_loses_most_comes_first():
    lost = pd.DataFrame(
        {
            "neuron": range(30), "state": 0.5, "usual": 0.9,
            "coverage": np.linspace(0.9, 0, 30), "lost": np.linspace(0, 0.03, 30),
        }
    )  # fmt: skip
    figure = figures.lost(lost)
    assert list(figure.data[0].x) == [str(n) for n in range(29, 9, -1)]
    assert [trace.name for trace in figure.data] == ["usual, in-distribution", "this sample"]


def test_criteria_mark_the_network_they_choose():
    networks = pd.DataFrame(
        {
            "run": ["a", "b"], "head": ["linear", "l2"], "seed": 0, "epoch": [3, 9], "nac_me": [0.2, 0.4],
            "low": [0.1, 0.3], "high": [0.3, 0.5], "validation": [0.9, 0.8], "shifted": [0.5, 0.6],
        }
    )  # fmt: skip
    figure = figures.criterion(networks, "nac_me", "NAC-ME", "b", "deg30")
    assert [trace.name for trace in figure.data] == ["plain", "L2-normalised", "chosen: b"]
    assert (figure.data[-1].x, figure.data[-1].y) == ((0.4,), (0.6,))
    assert list(figure.data[0].error_x.array) == pytest.approx([0.1])
    assert figure.layout.yaxis.title.text == "Accuracy on deg30"
    validation = figures.criterion(networks, "validation", "Validation accuracy", "a", "deg30")
    assert validation.data[0].error_x.array is None


@pytest.mark.parametrize(
    "empty",
    [
        lambda: figures.sizes(table(samples=0)[:0], LOOKS, 1),
        lambda: figures.layers(table(layers="")[:0], LOOKS),
        lambda: figures.criterion(pd.DataFrame({"run": []}), "nac_me", "NAC-ME", "a", "x"),
    ],
)
def test_empty_figures_say_why(empty):
    figure = empty()
    assert not figure.data
    assert figure.layout.annotations[0].text
