"""What every scorer promises, one test a promise over all that are registered."""

import inspect
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from latentviz.errors import ScorerError
from latentviz.latents import Head, Latents, directions
from latentviz.scorers import Choice, Needs, Number, make, register, scorers
from latentviz.scorers.info import FEATURES, Names

NAMES = list(scorers())

#: Other arrays of the same numbers, or of what is left of them in half precision.
LAYOUTS = {
    "half": lambda array: array.astype(np.float16),
    "fortran": np.asfortranarray,
    "reversed": lambda array: np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1],
}


def changed(latents: Latents, change: Callable[[np.ndarray], np.ndarray]) -> Latents:
    return Latents(change(latents.features), change(latents.logits), latents.labels, latents.head)


def turned(latents: Latents) -> Latents:
    """As long as they were, but in other directions, and not in the subspace of the class means."""
    features = np.roll(latents.features, 7, axis=1)
    return Latents(features, latents.head.logits(features), None, latents.head)


def auroc(ind: np.ndarray, ood: np.ndarray) -> float:
    return float(roc_auc_score(np.r_[np.zeros(len(ind)), np.ones(len(ood))], np.r_[ind, ood]))


@pytest.fixture(params=NAMES)
def scorer(request, toy):
    return make(request.param).fit(toy("fit", 900))


def test_there_are_at_least_25():
    assert len(NAMES) >= 25


@pytest.mark.parametrize("kind", ["linear", "l2"])
@pytest.mark.parametrize("name", NAMES)
def test_scores_are_finite_numbers_one_a_sample(name, kind, toy):
    ind = toy("ind", 301, kind=kind)
    scores = make(name).fit(toy("fit", kind=kind)).score(ind)
    assert scores.shape == (301,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


def test_batches_and_order_do_not_matter(scorer, toy):
    ind = toy("ind", 500)
    whole = scorer.score(ind)
    order = np.random.default_rng(0).permutation(500)
    tolerance = {"rtol": 2e-5, "atol": 1e-5 * np.abs(whole).max()}
    np.testing.assert_allclose(
        np.concatenate([scorer.score(ind[i : i + 7]) for i in range(0, 500, 7)]), whole, **tolerance
    )
    np.testing.assert_allclose(scorer.score(ind[order]), whole[order], **tolerance)


def test_more_than_one_block(scorer, toy):
    ind = toy("ind", 9000)
    last = scorer.score(ind[8990:])
    np.testing.assert_allclose(scorer.score(ind)[8990:], last, rtol=2e-5, atol=1e-5 * np.abs(last).max())


@pytest.mark.parametrize("name", NAMES)
def test_single_and_double_precision_agree(name, toy):
    fit, ind = toy("fit", 900), toy("ind", 200)
    wide_fit, wide = (changed(latents, lambda array: array.astype(np.float64)) for latents in (fit, ind))
    single = make(name).fit(fit).score(ind)
    for scores in (make(name).fit(fit).score(wide), make(name).fit(wide_fit).score(wide)):
        np.testing.assert_allclose(scores, single, rtol=1e-4, atol=1e-5 * np.abs(single).max())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", NAMES)
def test_how_the_numbers_lie_in_memory_does_not_matter(name, layout, toy):
    fit, ind = (changed(toy(what, 600), LAYOUTS[layout]) for what in ("fit", "ind"))
    plain_fit, plain = (changed(x, lambda array: np.ascontiguousarray(array, np.float32)) for x in (fit, ind))
    expected = make(name).fit(plain_fit).score(plain)
    np.testing.assert_allclose(make(name).fit(fit).score(ind), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", NAMES)
def test_random_numbers_of_others_stay_the_same(name, toy):
    def states() -> tuple[bytes, bytes, int]:
        _, keys, position, *_ = np.random.get_state()  # noqa: NPY002 - the one that all share
        return torch.random.get_rng_state().numpy().tobytes(), keys.tobytes(), position

    before = states()
    make(name).fit(toy("fit")).score(toy("ind", 50))
    assert states() == before


def test_no_samples_have_no_scores(scorer, toy):
    assert scorer.score(toy("ind", 10)[:0]).shape == (0,)


@pytest.mark.parametrize("name", [n for n in NAMES if Needs.FIT in scorers()[n].info.needs])
def test_unfitted_scorers_say_so(name, toy):
    with pytest.raises(ScorerError, match="is not fitted; call fit"):
        make(name).score(toy("ind", 5))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_again_gives_the_same(name, toy):
    first, second = (make(name).fit(toy("fit")).score(toy("ind", 100)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_was_learnt_can_be_stored_and_restored(scorer, toy):
    for value in scorer.fitted.values():
        assert isinstance(value, np.ndarray | float | int)
    restored = make(scorer.info.name).restore(scorer.fitted, toy("fit", 900) if scorer.keeps_samples else None)
    ind = toy("ind", 100)
    np.testing.assert_array_equal(restored.score(ind), scorer.score(ind))
    assert restored.notes() == scorer.notes()


def test_far_samples_are_told_apart_and_alike_ones_are_not(scorer, toy):
    ind = scorer.score(toy("ind", 1000))
    # Short ones have little outside of any subspace, turned ones are as long as others: none finds both for certain.
    assert max(auroc(ind, scorer.score(far)) for far in (toy("far", 1000), turned(toy("ind", 1000, seed=3)))) > 0.9
    assert auroc(ind, scorer.score(toy("ind", 1000, seed=2))) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_the_record_is_the_constructors(name):
    kind = scorers()[name]
    arguments = inspect.signature(kind.__init__).parameters.values() if "__init__" in dir(kind) else ()
    expected = {a.name: a.default for a in arguments if a.name != "self" and a.kind == a.POSITIONAL_OR_KEYWORD}
    if FEATURES in kind.info.parameters:  # every scorer of features has it, whatever its constructor
        expected["features"] = "usual"
    assert kind.info.defaults == expected
    assert make(name).parameters == expected
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert kind.__doc__ is not None
    assert kind.info.formula
    for parameter in kind.info.parameters:
        assert parameter.help or parameter.name in ("seed",)
        assert parameter.checked(parameter.default) == parameter.default
        assert not isinstance(parameter, Number) or not parameter.logarithmic or parameter.low > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_a_parameter_that_is_offered_can_be_used(name, toy):
    fit, ind = toy("fit", 2500), toy("ind", 50)
    for parameter in scorers()[name].info.parameters:
        if isinstance(parameter, Names):  # of layers that must be stored
            continue
        offered = parameter.options if isinstance(parameter, Choice) else (parameter.low, parameter.high)
        for value in offered:
            scorer = make(name, {parameter.name: value})
            if scorer.problem(fit, fit.head) or (isinstance(parameter, Number) and parameter.name == "seed"):
                continue
            assert np.isfinite(scorer.fit(fit).score(ind)).all()


GIVEN = [name for name in NAMES if FEATURES in scorers()[name].info.parameters]


def test_every_scorer_of_features_sees_raw_and_normalised_ones():
    for name in NAMES:
        info = scorers()[name].info
        choices = {"space", "normalise", "features"} & set(info.defaults)
        assert bool(choices) == (Needs.FEATURES in info.needs), name


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("kind", ["linear", "l2"])
def test_given_features_are_those_of_a_network_that_has_them(name, kind, toy):
    """The logits stay; raw features go to the head as they are, normalised ones are normalised before."""
    fit, ind = toy("fit", 500, kind=kind), toy("ind", 60, kind=kind)

    def scored(change, **parameters):
        sets = [Latents(*change(latents)) for latents in (fit, ind)]
        scorer = make(name, parameters)
        assert not scorer.problem(sets[0], sets[0].head)
        return scorer.fit(sets[0]).score(sets[1])

    def same(z):
        return z.features, z.logits, z.labels, z.head

    def linear(z):
        return z.features, z.logits, z.labels, Head(z.head.weight, z.head.bias)

    def normalised(z):
        return directions(z.features), z.logits, z.labels, z.head

    np.testing.assert_allclose(scored(same, features="raw"), scored(linear), rtol=1e-6)
    np.testing.assert_allclose(scored(same, features="unit"), scored(normalised), rtol=1e-6)
    if kind == "linear":
        np.testing.assert_array_equal(scored(same, features="raw"), scored(same))


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("features", ["raw", "unit"])
def test_what_was_learnt_of_given_features_is_restored(name, features, toy):
    fit, ind = toy("fit", 500, kind="l2"), toy("ind", 60, kind="l2")
    scorer = make(name, {"features": features}).fit(fit)
    restored = make(name, {"features": features}).restore(dict(scorer.fitted), fit if scorer.keeps_samples else None)
    np.testing.assert_array_equal(restored.score(ind), scorer.score(ind))


def test_two_scorers_of_one_name_are_an_error():
    class Other(scorers()["msp"]):
        pass

    with pytest.raises(ScorerError, match=r'Two scorers are called "msp": MaxSoftmax and .*Other'):
        register(Other)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("knnn", {}, r'There is no scorer "knnn"; there are energy, .*knn'),
        ("knn", {"kk": 3}, r'k-NN has no parameter "kk"; it has k, normalise'),
        ("msp", {"k": 3}, r'Max softmax has no parameter "k"; it has none'),
        ("knn", {"k": 0}, r"k-NN: k is 0; expected 1 to 2000"),
        ("knn", {"k": 2.5}, r"k-NN: k is 2.5; expected a whole number"),
        ("knn", {"k": "many"}, r"k-NN: k is 'many'; expected a number"),
        ("ddu", {"covariance": "none"}, r"DDU density: covariance is 'none'; choose class, shared, ledoit-wolf"),
    ],
)
def test_wrong_names_and_parameters(name, given, message):
    with pytest.raises(ScorerError, match=message):
        make(name, given)
