"""What a training does when: rates, kept epochs, names."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from latentviz.errors import WorkspaceError
from latentviz.training import Recipe, TrainingRequest, kept_epochs

TRAIN = {"name": "train", "role": "fit", "source": "images"}


def test_the_rate_falls_to_a_tenth_at_two_thirds_and_five_sixths():
    recipe = Recipe(architecture="resnet20", epochs=60)
    rates = [recipe.rate_at(epoch) for epoch in range(60)]
    assert rates == pytest.approx([0.1] * 40 + [0.01] * 10 + [0.001] * 10)


@pytest.mark.parametrize(("epochs", "rates"), [(1, [0.1]), (2, [0.1, 0.1]), (3, [0.1, 0.1, 0.01])])
def test_few_epochs_begin_with_the_full_rate(epochs, rates):
    recipe = Recipe(architecture="resnet20", epochs=epochs)
    assert [recipe.rate_at(epoch) for epoch in range(epochs)] == pytest.approx(rates)


def test_a_cosine_with_warm_up():
    recipe = Recipe(architecture="resnet20", epochs=12, schedule="cosine", warmup=2, rate=0.3)
    rates = [recipe.rate_at(epoch) for epoch in range(12)]
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert rates[2:] == pytest.approx([0.15 * (1 + math.cos(math.pi * k / 10)) for k in range(10)])
    with pytest.raises(ValidationError, match="rises for 12 of 12 epochs"):
        Recipe(architecture="resnet20", epochs=12, warmup=12)


@given(st.integers(1, 400), st.integers(1, 40))
def test_kept_epochs_are_few_and_have_the_last(epochs, count):
    kept = kept_epochs(epochs, count)
    assert kept == sorted(set(kept))
    assert kept[-1] == epochs
    assert len(kept) <= max(count, 1)
    assert set(kept) <= set(range(1, epochs + 1))
    if count > 1:
        assert kept[0] == 1
    if count >= epochs:
        assert kept == list(range(1, epochs + 1))


def test_recipes_come_in_pairs_of_a_seed():
    request = TrainingRequest(
        family="digits", recipe=Recipe(architecture="resnet20", epochs=30), seeds=[3, 4, 3], sets=[TRAIN]
    )
    assert [(r.seed, r.head) for r in request.recipes] == [(3, "linear"), (3, "l2"), (4, "linear"), (4, "l2")]
    assert request.run_name(request.recipes[1], 7) == "digits-l2-s3-e07"
    assert request.kept == kept_epochs(30, 15)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"heads": []}, "at least one head and one seed"),
        ({"sets": []}, "exactly one set of role fit"),
        ({"sets": [TRAIN, TRAIN | {"name": "more"}]}, "exactly one set of role fit"),
        ({"checkpoints": 0}, "checkpoints"),
        ({"sets": [TRAIN, TRAIN | {"role": "ood"}]}, "two sets are called train"),
        ({"corruptions": ["fog"], "severities": [9]}, "from 1 to 5"),
        ({"corruptions": ["fog"], "severities": []}, "at least one of them"),
        ({"corruptions": ["fog"]}, "corrupted versions are made of a held-out set"),
    ],
)
def test_requests_that_cannot_be_trained(change, sentence):
    with pytest.raises(ValidationError, match=sentence):
        TrainingRequest(**({"family": "f", "recipe": Recipe(architecture="resnet20"), "sets": [TRAIN]} | change))


def test_a_family_names_folders():
    with pytest.raises(WorkspaceError, match='"a/b" cannot be the name of a family'):
        TrainingRequest(family="a/b", recipe=Recipe(architecture="resnet20"), sets=[TRAIN])
