"""Latents that scorers cannot or can hardly work with."""

import numpy as np
import pytest

from latentviz.errors import DataError, ScorerError
from latentviz.latents import Head, Latents
from latentviz.scorers import Needs, make, scorers
from latentviz.scorers.suite import fit_all, score_all

NAMES = list(scorers())


def few(samples: int, width: int, classes: int = 3, seed: int = 0) -> Latents:
    random = np.random.default_rng(seed)
    head = Head(random.normal(size=(classes, width)), random.normal(size=classes))
    features = np.abs(random.normal(size=(samples, width))).astype(np.float32)
    return Latents(features, head.logits(features), np.arange(samples) % classes, head)


@pytest.mark.parametrize("samples", [150, 100])
@pytest.mark.parametrize("name", NAMES)
def test_fewer_samples_a_class_than_features(name, samples):
    fit = few(samples, 80)
    assert np.isfinite(make(name).fit(fit).score(few(20, 80, seed=1))).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_class_with_one_sample_and_one_with_none(name):
    fit = few(200, 8, classes=4)
    labels = np.where(np.arange(200) == 0, 2, np.arange(200) % 2)
    fit = Latents(fit.features, fit.logits, labels, fit.head)
    assert np.isfinite(make(name).fit(fit).score(few(20, 8, classes=4, seed=1))).all()


@pytest.mark.parametrize("name", NAMES)
def test_two_classes(name):
    assert np.isfinite(make(name).fit(few(300, 8, classes=2)).score(few(20, 8, classes=2, seed=1))).all()


@pytest.mark.parametrize("constant", [0, 1000.7])
@pytest.mark.parametrize("name", NAMES)
def test_features_that_are_constant_or_zero(name, constant):
    fit = few(200, 8)
    features = fit.features.copy()
    features[:, 3] = constant
    fit = Latents(features, fit.head.logits(features), fit.labels, fit.head)
    asked = features[:20].copy()
    asked[0] = 0
    assert np.isfinite(make(name).fit(fit).score(Latents(asked, fit.head.logits(asked), None, fit.head))).all()


def test_classes_without_spread_are_told():
    fit = few(50, 4)
    equal = Latents(np.full_like(fit.features, 0.1), fit.logits, fit.labels, fit.head)
    collapsed = Latents(fit.features[fit.labels], fit.logits, fit.labels, fit.head)
    one_each = few(4, 8, classes=4)
    for latents in (equal, collapsed, one_each):
        for name in ("mahalanobis", "relative-mahalanobis"):
            with pytest.raises(ScorerError, match=r"ahalanobis needs training features that differ within classes"):
                make(name).fit(latents)


def test_more_neighbours_or_clusters_than_samples():
    with pytest.raises(ScorerError, match="k-NN with k = 50 needs as many training samples; there are 30"):
        make("knn").fit(few(30, 4))
    with pytest.raises(ScorerError, match="NNGuide with k = 100 needs"):
        make("nnguide").fit(few(30, 4))
    with pytest.raises(ScorerError, match="Cluster distance with 40 clusters needs"):
        make("cluster-distance", {"clusters": 40}).fit(few(30, 4))


def test_a_principal_subspace_that_leaves_no_room():
    with pytest.raises(ScorerError, match=r"ViM with dimension 8 leaves no room: there are 8 features. Choose 1 to 7"):
        make("vim", {"dimension": 8}).fit(few(50, 8))
    for name in ("ViM", "Residual"):
        with pytest.raises(
            ScorerError, match=f"{name} with dimension 40 leaves no room: there are 30 training samples. Choose 1 to 29"
        ):
            make(name.lower()).fit(few(30, 80))
    with pytest.raises(ScorerError, match="Residual needs at least two features and two training samples"):
        make("residual").fit(few(1, 8))


@pytest.mark.parametrize("filled", [1, 5])
def test_training_features_that_lie_in_the_principal_subspace(filled):
    full = few(50, 8)
    bias = np.zeros(3)  # the origin is 0
    features = full.features[:, :filled] @ np.random.default_rng(1).normal(size=(filled, 8)).astype(np.float32)
    head = Head(full.head.weight, bias)
    fit = Latents(features, head.logits(features), full.labels, head)
    advice = "Choose 1 to 4" if filled == 5 else "It cannot be used with them"
    for dimension in (filled, 7):
        with pytest.raises(
            ScorerError, match=f"ViM with dimension {dimension} leaves nothing.* {filled} dim.*{advice}"
        ):
            make("vim", {"dimension": dimension}).fit(fit)
    for dimension in range(1, filled):
        assert make("vim", {"dimension": dimension}).fit(fit).alpha_ < 1e3


def test_samples_of_another_network():
    scorer = make("mahalanobis").fit(few(50, 8))
    with pytest.raises(ScorerError, match="was fitted on 8 features and 3 logits; these samples have 7 and 3"):
        scorer.score(few(5, 7))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.full((50, 8), np.nan, np.float32)}, r"50 of 50 features are NaN or infinite \(first: row 0\)"),
        ({"features": np.full((50, 8), 1e300, np.longdouble)}, r"50 of 50 features are NaN or infinite"),
        ({"features": np.zeros((50, 8), int)}, r"The features are int64 of shape \(50, 8\); expected floats"),
        ({"logits": np.full((50, 3), np.inf, np.float32)}, r"50 of 50 logits are NaN or infinite"),
        ({"labels": np.full(50, 3)}, r"The label 3 is out of range for 3 logits"),
        ({"labels": np.zeros((50, 1), int)}, r"The labels are int64 of shape \(50, 1\)"),
        ({"logits": np.zeros((49, 3), np.float32)}, r"There are 50 features but 49 logits"),
        ({"logits": np.zeros((50, 4), np.float32)}, r"The head takes 8 features and gives 3 logits; there are 8 and 4"),
        ({"features": np.zeros(50, np.float32)}, r"The features are float32 of shape \(50,\)"),
    ],
)
def test_latents_that_do_not_fit_together(changes, message):
    good = few(50, 8)
    given = {"features": good.features, "logits": good.logits, "labels": good.labels, "head": good.head}
    with pytest.raises(DataError, match=message):
        Latents(**{**given, **changes})


def test_without_training_samples_those_that_need_none_still_work():
    asked = few(30, 8)
    made = {name: make(name) for name in NAMES}
    fitted, problems = fit_all(made, None, asked.head)
    assert set(fitted) == {n for n in NAMES if Needs.FIT not in scorers()[n].info.needs} >= {"msp", "energy", "ash-s"}
    assert problems["knn"] == 'k-NN is fitted on training samples; add a set with the role "fit".'
    scores, problems = score_all(fitted, [asked], 30)
    assert problems == {}
    assert all(np.isfinite(found).all() for found in scores.values())


def test_without_a_head_or_labels_the_others_still_work():
    fit = few(300, 8)
    bare = Latents(fit.features, fit.logits)
    fitted, problems = fit_all({name: make(name) for name in NAMES}, bare, None)
    assert "knn" in fitted
    assert "needs the last linear layer" in problems["vim"]
    assert "needs the classes of the training samples" in problems["mahalanobis"]
    assert set(fitted) | set(problems) == set(NAMES)


def test_one_pass_over_blocks_gives_what_each_scorer_gives_alone():
    fit, asked = few(400, 8), few(500, 8, seed=1)
    fitted, problems = fit_all({name: make(name) for name in NAMES}, fit, fit.head)
    assert problems == {}
    together, problems = score_all(fitted, asked.blocks(128), len(asked))
    assert problems == {}
    for name in NAMES:
        alone = make(name).fit(few(400, 8)).score(asked)
        np.testing.assert_allclose(together[name], alone, rtol=2e-5, atol=1e-5 * np.abs(alone).max())


def test_where_the_first_bad_row_of_many_is():
    features = np.zeros((10_000, 2), np.float32)
    features[[5000, 7000, 7001], 1] = np.inf
    with pytest.raises(DataError, match=r"3 of 10,000 features are NaN or infinite \(first: row 5000\)"):
        Latents(features, np.zeros((10_000, 2), np.float32))


def test_half_precision_is_worked_on_in_single():
    """Where lengths overflow, and a feature of zero has none."""
    z = np.array([[300, 300, 300], [0, 0, 0], [300, 0, 0]], dtype=np.float16)
    latents = Latents(z, np.zeros((3, 2), np.float16))
    assert latents.features.dtype == latents.logits.dtype == np.float32
    assert make("feature-norm").score(latents) == pytest.approx([-300 * 3**0.5, 0, -300])
    assert make("knn", {"k": 2}).fit(latents).score(latents) == pytest.approx(
        [(2 - 2 / 3**0.5) ** 0.5, 1, (2 - 2 / 3**0.5) ** 0.5]
    )


def test_views_that_run_backwards():
    fit, asked = few(60, 8), few(20, 8, seed=1)
    for name in ("knn", "nnguide", "mahalanobis", "vim"):
        scorer = make(name, {"k": 5} if "k" in dict(scorers()[name].info.defaults) else {})
        expected = scorer.fit(fit).score(asked)
        back = Latents(fit.features[::-1], fit.logits[::-1], fit.labels[::-1], fit.head)
        np.testing.assert_allclose(scorer.fit(back).score(asked[::-1])[::-1], expected, rtol=1e-5)
