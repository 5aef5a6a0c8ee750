"""Multicut: the optimum by brute force, planted clusters, invariants, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from latentviz.errors import DataError
from latentviz.geometry.multicut import contracted, cost, multicut, mutual_edges

EPSILON = 1e-9


def partitions(count: int) -> np.ndarray:
    """All partitions of a set, as restricted growth strings (B, N)."""
    rows = np.zeros((1, 1), np.int64)
    for _ in range(count - 1):
        tops = rows.max(axis=1) + 2
        rows = np.column_stack([np.repeat(rows, tops, axis=0), np.concatenate([np.arange(top) for top in tops])])
    return rows


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A random graph with costs of both signs."""
    random = np.random.default_rng(seed)
    every = np.column_stack(np.triu_indices(count, 1))
    edges = every[random.random(len(every)) < random.uniform(0.3, 1)]
    return edges, random.normal(loc=random.uniform(-0.5, 0.7), size=len(edges))


def optimum(count: int, edges: np.ndarray, costs: np.ndarray, every: np.ndarray) -> float:
    return float(((every[:, edges[:, 0]] != every[:, edges[:, 1]]) @ costs).min())


def test_all_partitions_are_as_many_as_bell_counted():
    assert [len(partitions(n)) for n in range(1, 8)] == [1, 2, 5, 15, 52, 203, 877]


def test_the_optimum_is_found_on_small_graphs_and_never_beaten():
    every = {count: partitions(count) for count in range(3, 10)}
    exact = 0
    for seed in range(200):
        count = 3 + seed % 7
        edges, costs = drawn(seed, count)
        found, best = cost(edges, costs, multicut(count, edges, costs)), optimum(count, edges, costs, every[count])
        assert found >= best - EPSILON
        exact += found <= best + EPSILON
    assert exact >= 190


@pytest.mark.parametrize(("clusters", "size"), [(5, 40), (12, 25), (2, 150)])
def test_planted_clusters_are_recovered(clusters, size):
    random = np.random.default_rng(clusters)
    truth = np.repeat(np.arange(clusters), size)
    count = len(truth)
    outside = random.integers(0, count, (6 * count, 2))
    ours = np.repeat(np.arange(count), 8)
    inside = np.column_stack([ours, ours // size * size + random.integers(0, size, len(ours))])
    edges = np.unique(np.sort(np.concatenate([outside, inside]), axis=1), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    same = truth[edges[:, 0]] == truth[edges[:, 1]]
    costs = np.where(same, 1.0, -1.0) + random.normal(scale=0.7, size=len(edges))
    assert adjusted_rand_score(truth, multicut(count, edges, costs)) >= 0.98


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_it_is_no_worse_than_greedy_than_together_and_than_apart(seed, count):
    edges, costs = drawn(seed, count)
    labels = multicut(count, edges, costs)
    found = cost(edges, costs, labels)
    assert found <= cost(edges, costs, contracted(count, edges, costs)) + EPSILON
    assert found <= min(0.0, costs.sum()) + EPSILON
    assert sorted(set(labels)) == list(range(labels.max() + 1))
    sizes = np.bincount(labels)
    assert (np.diff(sizes) <= 0).all()
    np.testing.assert_array_equal(multicut(count, edges, costs), labels)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_the_scale_of_the_costs_does_not_matter(seed, count):
    edges, costs = drawn(seed, count)
    labels = multicut(count, edges, costs)
    np.testing.assert_array_equal(multicut(count, edges, 128 * costs), labels)  # exactly: a power of two


def test_edges_that_are_given_twice_add_up():
    edges = np.array([[0, 1], [1, 0], [1, 2]])
    assert multicut(3, edges, np.array([1.0, -2.0, 1.0])).tolist() == [1, 0, 0]
    assert multicut(3, edges, np.array([1.0, 2.0, -1.0])).tolist() == [0, 0, 1]


def test_nodes_without_edges_are_alone():
    assert multicut(3, np.zeros((0, 2), np.int64), np.zeros(0)).tolist() == [0, 1, 2]
    assert multicut(1, np.zeros((0, 2)), np.zeros(0)).tolist() == [0]


def test_neighbours_are_mutual():
    neighbours = np.array([[1, 2], [0, 3], [0, 3], [4, 1], [3, 2]])
    assert mutual_edges(neighbours).tolist() == [[0, 1], [0, 2], [1, 3], [3, 4]]


@pytest.mark.parametrize(
    ("count", "edges", "costs", "message"),
    [
        (0, np.zeros((0, 2), int), np.zeros(0), "without nodes"),
        (3, np.array([[0, 3]]), np.ones(1), "names node 3 of 3"),
        (3, np.array([[-1, 2]]), np.ones(1), "names node -1 of 3"),
        (3, np.array([[1, 1]]), np.ones(1), "Edge 0 ends where it begins"),
        (3, np.array([[0, 1], [1, 2]]), np.array([1.0, np.nan]), "Cost 1 is NaN"),
        (3, np.array([[0, 1]]), np.ones(2), "expected integers"),
        (3, np.array([[0.5, 1]]), np.ones(1), "expected integers"),
    ],
)
def test_graphs_that_are_none(count, edges, costs, message):
    with pytest.raises(DataError, match=message):
        multicut(count, edges, costs)
