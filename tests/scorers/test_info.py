"""Parameters and what scorers say before they are fitted."""

import copy
import json
import pickle
from fractions import Fraction

import numpy as np
import pytest

from latentviz.errors import ScorerError
from latentviz.scorers import make


@pytest.mark.parametrize("k", [np.int64(10), np.uint8(10), np.float32(10), 10.0, Fraction(10)])
def test_numpys_numbers_are_numbers(k):
    parameters = make("knn", {"k": k}).parameters
    assert type(parameters["k"]) is int
    assert json.dumps(parameters) == '{"k": 10, "normalise": true}'


@pytest.mark.parametrize("percentile", [np.float32(65), np.int32(65), 65])
def test_they_become_pythons(percentile):
    found = make("ash-s", {"percentile": percentile}).parameters["percentile"]
    assert type(found) is float
    assert found == 65


@pytest.mark.parametrize("k", [True, np.True_, "10", np.nan, np.inf, 1j])
def test_what_is_no_number_is_not(k):
    with pytest.raises(ScorerError, match="k-NN: k is "):
        make("knn", {"k": k})


def test_the_parameter_that_is_wrong_is_named():
    with pytest.raises(ScorerError, match="Cluster distance: seed is -1; expected 0 to"):
        make("cluster-distance", {"clusters": 3, "seed": -1, "space": "raw"})


def test_whether_a_scorer_is_fitted_can_be_asked(toy):
    scorer = make("mahalanobis")
    assert not hasattr(scorer, "centres_")
    with pytest.raises(ScorerError, match="Mahalanobis is not fitted; call fit"):
        _ = scorer.centres_
    assert hasattr(scorer.fit(toy("fit")), "centres_")
    ind = toy("ind", 5)
    for again in (copy.deepcopy(scorer), pickle.loads(pickle.dumps(scorer))):
        np.testing.assert_array_equal(again.score(ind), scorer.score(ind))
    with pytest.raises(AttributeError, match="Mahalanobis has no attribute 'centre'"):
        _ = scorer.centre


def test_mini_batches_are_told(toy):
    assert make("cluster-distance").fit(toy("fit", 500)).notes() == []
    many = make("cluster-distance").fit(toy("fit", 20_001))
    assert many.notes() == ["20,001 training samples were clustered in mini-batches"]
