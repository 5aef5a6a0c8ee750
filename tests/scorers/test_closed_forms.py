"""Scorers where the outcome is known: by hand, by brute force, or by another library."""

import gc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_ood import detector as reference
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, weibull_min
from sklearn.cluster import KMeans

from latentviz.errors import ScorerError
from latentviz.latents import Head, Latents
from latentviz.scorers import Needs, make, scorers
from latentviz.scorers.ddu import JITTER

LOGITS_ALONE = [name for name, kind in scorers().items() if kind.info.needs == Needs.LOGITS]
THROUGH_HEAD = [n for n, kind in scorers().items() if Needs.HEAD in kind.info.needs] + ["gradnorm"]


def of_features(features, labels=None, head: Head | None = None) -> Latents:
    z = np.asarray(features, dtype=np.float32)
    logits = np.zeros((len(z), 2), np.float32) if head is None else head.logits(z)
    return Latents(z, logits, labels, head)


def of_logits(logits, labels=None) -> Latents:
    logits = np.asarray(logits, dtype=np.float64)
    return Latents(np.ones((len(logits), 3), np.float32), logits, labels)


def some(samples: int, width: int, seed: int = 0, classes: int = 3) -> Latents:
    random = np.random.default_rng([seed, samples, width])
    head = Head(*(np.random.default_rng(9).normal(size=shape) for shape in ((classes, width), classes)))
    return of_features(np.abs(random.normal(size=(samples, width))), np.arange(samples) % classes, head)


# Lengths


@pytest.mark.parametrize(("order", "length"), [(1, 7), (2, 5), (np.inf, 4)])
def test_feature_norm_is_minus_the_length(order, length):
    scorer = make("feature-norm", {"order": order})
    assert scorer.score(of_features([[0, 3, -4], [0, 0, 0]])) == pytest.approx([-length, 0])
    z = some(50, 8)
    np.testing.assert_allclose(scorer.score(z), [-np.linalg.norm(row, ord=order) for row in z.features], rtol=1e-6)


# Neighbours


def kth(queries: np.ndarray, training: np.ndarray, k: int, normalise: bool) -> np.ndarray:
    """Distances to the k-th nearest training sample, from all distances."""
    a, b = (np.asarray(z, dtype=np.float64) for z in (queries, training))
    if normalise:
        a, b = (z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12) for z in (a, b))
    return np.sort(np.linalg.norm(a[:, None] - b[None], axis=2), axis=1)[:, k - 1]


def knn(training, queries, k: int, normalise: bool) -> np.ndarray:
    return make("knn", {"k": k, "normalise": normalise}).fit(of_features(training)).score(of_features(queries))


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("k", [1, 2, 17, 90])
def test_knn_is_brute_force(k, normalise):
    training, queries = some(90, 6).features, some(40, 6).features
    expected = kth(queries, training, k, normalise)  # k = 90: the farthest
    np.testing.assert_allclose(knn(training, queries, k, normalise), expected, rtol=1e-4)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(("samples", "queries"), [(3000, 300), (70_000, 9)])
def test_knn_of_many_training_samples_and_queries(samples, queries, normalise):
    training, asked = some(samples, 3).features, some(queries, 3, seed=1).features
    for k in (1, 20, 800):
        np.testing.assert_allclose(
            knn(training, asked, k, normalise), kth(asked, training, k, normalise), rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("normalise", [True, False])
def test_duplicates_are_neighbours_each(normalise):
    once = some(30, 5).features
    training = np.repeat(once, 3, axis=0)
    for k in (1, 3):
        np.testing.assert_allclose(knn(training, once, k, normalise), 0, atol=1e-3)
    np.testing.assert_allclose(knn(training, once, 4, normalise), kth(once, once, 2, normalise), rtol=1e-4)
    np.testing.assert_allclose(knn(training, once, 90, normalise), kth(once, once, 30, normalise), rtol=1e-4)


small = st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=1, max_size=12)


@given(training=small, queries=small, normalise=st.booleans(), data=st.data())
def test_knn_of_points_on_a_grid(training, queries, normalise, data):
    """With ties, duplicates and zeros."""
    k = data.draw(st.integers(1, len(training)))
    found = knn(training, queries, k, normalise)
    np.testing.assert_allclose(found, kth(queries, training, k, normalise), atol=2e-3)


def test_a_training_feature_of_zero_is_as_far_as_its_distance():
    training = [[1.0, 0], [-1, 0], [0, 0]]
    # The query's direction is (0, 1).
    for k, expected in ((1, 1), (2, np.sqrt(2)), (3, np.sqrt(2))):
        assert knn(training, [[0, 5.0]], k, True) == pytest.approx([expected])
    assert knn(training, [[0.0, 0]], 1, True) == [0]


def test_neighbours_are_those_of_the_scorers_own_training_samples():
    """Queries that outlive scorers must not answer with the neighbours of one that is gone."""
    queries = some(20, 4, seed=99)
    for seeds in (range(100), range(100, 200)):
        training = {seed: some(50, 4, seed) for seed in seeds}
        fitted = {seed: make("knn", {"k": 3}).fit(training[seed]) for seed in seeds}
        for seed in seeds:
            expected = kth(queries.features, training[seed].features, 3, True)
            np.testing.assert_allclose(fitted[seed].score(queries), expected, rtol=1e-3, atol=1e-4)
        del training, fitted
        gc.collect()  # the memory of these scorers is used again by the next ones


@pytest.mark.parametrize("k", [1, 5, 70])
def test_nnguide_is_brute_force(k):
    training, queries = some(70, 6), some(25, 6, seed=1)
    a, b = (z.features / np.linalg.norm(z.features, axis=1, keepdims=True) for z in (queries, training))
    guidance = np.sort((a @ b.T) * logsumexp(training.logits, axis=1), axis=1)[:, ::-1][:, :k].mean(axis=1)
    found = make("nnguide", {"k": k}).fit(training).score(queries)
    np.testing.assert_allclose(found, -logsumexp(queries.logits, axis=1) * guidance, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("space", ["raw", "unit"])
@pytest.mark.parametrize("clusters", [1, 3, 8])
def test_cluster_distance_is_kmeans(clusters, space):
    training, queries = some(120, 5), some(30, 5, seed=1)
    a, b = training.features, queries.features
    if space == "unit":
        a, b = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (a, b))
    kmeans = KMeans(clusters, n_init=3, random_state=4).fit(a)
    scorer = make("cluster-distance", {"clusters": clusters, "space": space, "seed": 4}).fit(training)
    np.testing.assert_allclose(scorer.score(queries), kmeans.transform(b).min(axis=1), rtol=1e-4)


def test_as_many_clusters_as_samples_leave_no_distance():
    training = some(20, 4)
    scorer = make("cluster-distance", {"clusters": 20}).fit(training)
    np.testing.assert_allclose(scorer.score(training), 0, atol=1e-5)
    assert len(make("cluster-distance").fit(training).centres_) == training.classes


# Subspaces


@pytest.mark.parametrize("bias", [0.0, 1.0])
@pytest.mark.parametrize("dimension", [1, 3])
def test_residual_is_zero_in_the_training_features_subspace_and_the_distance_from_it_outside(dimension, bias):
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.normal(size=(8, 8)))[0]
    inside, outside = basis[:, :dimension], basis[:, dimension:]
    head = Head(random.normal(size=(5, 8)), bias * random.normal(size=5))
    origin = -np.linalg.pinv(head.weight.astype(float)) @ head.bias

    def at(coordinates: np.ndarray, away: np.ndarray) -> Latents:
        return of_features(origin + coordinates @ inside.T + away @ outside.T, head=head)

    fit = at(random.normal(size=(100, dimension)), np.zeros((100, 8 - dimension)))
    scorer = make("residual", {"dimension": dimension}).fit(fit)
    np.testing.assert_allclose(
        scorer.score(at(10 * random.normal(size=(20, dimension)), np.zeros((20, 8 - dimension)))), 0, atol=1e-5
    )
    away = random.normal(size=(20, 8 - dimension))
    found = scorer.score(at(random.normal(size=(20, dimension)), away))
    np.testing.assert_allclose(found, np.linalg.norm(away, axis=1), rtol=1e-5)
    assert scorer.notes() == [f"{dimension} of 8 dimensions are principal"]


def test_the_origin_of_weights_that_add_up_to_zero():
    """As after training with weight decay; rounding to float32 leaves a rest, whose inverse is enormous."""
    random = np.random.default_rng(0)
    weight = random.normal(size=(4, 8))
    exact = weight - weight.mean(axis=0)
    head = Head(exact, random.normal(size=4))
    fit = of_features(random.normal(size=(200, 8)), head=head)
    scorer = make("residual", {"dimension": 2}).fit(fit)
    np.testing.assert_allclose(scorer.origin_, -np.linalg.pinv(exact, rcond=1e-10) @ head.bias, rtol=1e-4, atol=1e-5)


def test_vim_behind_weights_that_add_up_to_zero_is_pytorch_oods(toy):
    fit, asked = toy("fit", 900), toy("ind", 200)
    assert np.linalg.svd(fit.head.weight.astype(float), compute_uv=False)[-1] < 1e-6
    theirs = reference.ViM(None, 12, *(torch.from_numpy(a) for a in (fit.head.weight, fit.head.bias)))
    theirs.fit_features(torch.from_numpy(fit.features), torch.from_numpy(fit.labels))
    expected = theirs.predict_features(torch.from_numpy(asked.features)).numpy()
    found = make("vim", {"dimension": 12}).fit(fit).score(asked)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.ptp(expected))


def test_vim_is_the_residual_and_the_energy_and_alpha_makes_them_equally_large():
    fit, asked = some(200, 8), some(50, 8, seed=1)
    vim, residual = make("vim", {"dimension": 3}).fit(fit), make("residual", {"dimension": 3}).fit(fit)
    expected = vim.alpha_ * residual.score(asked) - logsumexp(asked.logits.astype(float), axis=1)
    np.testing.assert_allclose(vim.score(asked), expected, rtol=1e-6)
    assert vim.alpha_ * residual.score(fit).mean() == pytest.approx(fit.logits.max(axis=1).mean())


# Densities


def few_a_class() -> Latents:
    """Classes of 6, 3 and 9 samples in 5 dimensions."""
    labels = np.repeat([0, 1, 2], [6, 3, 9])
    features = np.random.default_rng(0).normal(size=(18, 5)).astype(np.float32)
    return Latents(features, np.zeros((18, 3), np.float32), labels)


def covariances(latents: Latents) -> list[np.ndarray]:
    centred = []
    for label in np.unique(latents.labels):
        own = latents.features[latents.labels == label].astype(np.float64)
        centred.append(own - own.mean(axis=0))
    return [own.T @ own / (len(own) - 1) for own in centred]


def factorises(covariance: np.ndarray, epsilon: float) -> bool:
    try:
        np.linalg.cholesky(covariance + epsilon * np.eye(len(covariance)))
    except np.linalg.LinAlgError:
        return False
    return True


def test_ddus_epsilon_is_the_smallest_with_which_every_class_factorises():
    fit = few_a_class()
    scorer = make("ddu").fit(fit)
    works = [all(factorises(covariance, epsilon) for covariance in covariances(fit)) for epsilon in JITTER]
    assert scorer.epsilon_ == JITTER[works.index(True)]
    assert 0 < scorer.epsilon_ < 1e-12
    assert scorer.notes() == [
        f"ε = {scorer.epsilon_:g}",
        "The smallest class has 3 samples for 5 features: ε decides the score.",
    ]


@pytest.mark.parametrize(("scale", "epsilon"), [(1, 1e-15), (2**7, 1e-11), (2**-10, 1e-20)])
def test_ddus_epsilon_is_the_first_that_counts_beside_the_variance(scale, epsilon):
    """Two samples a class, (0, 0) and √2 (1, 1): variances and covariance of 1, and 1 + 1e-16 is 1."""
    two = np.array([[0, 0], [1, 1]]) * np.sqrt(2) * scale
    fit = Latents(np.r_[two, two + scale], np.zeros((4, 2)), np.array([0, 0, 1, 1]))
    assert make("ddu").fit(fit).epsilon_ == pytest.approx(epsilon, rel=1e-9)


def test_ddu_with_enough_samples_is_scipys_density():
    fit, asked = some(300, 4), some(20, 4, seed=1)
    scorer = make("ddu").fit(fit)
    assert scorer.epsilon_ == 0
    assert scorer.notes() == ["ε = 0"]
    logs = [
        multivariate_normal(fit.features[fit.labels == label].astype(float).mean(axis=0), covariance).logpdf(
            asked.features
        )
        for label, covariance in enumerate(covariances(fit))
    ]
    np.testing.assert_allclose(scorer.score(asked), -logsumexp(logs, axis=0), rtol=1e-6)


def test_ddu_with_one_covariance_for_all():
    fit, asked = few_a_class(), some(20, 5, seed=1)
    scorer = make("ddu", {"covariance": "shared"}).fit(fit)
    within = sum((n - 1) * covariance for n, covariance in zip([6, 3, 9], covariances(fit), strict=True)) / (18 - 3)
    logs = [
        multivariate_normal(fit.features[fit.labels == label].astype(float).mean(axis=0), within).logpdf(asked.features)
        for label in range(3)
    ]
    assert scorer.notes() == ["ε = 0"]
    np.testing.assert_allclose(scorer.score(asked), -logsumexp(logs, axis=0), rtol=1e-5)


# Gradients


@pytest.mark.parametrize("kind", ["linear", "l2"])
def test_gradnorm_is_the_gradient_found_by_differences(kind):
    random = np.random.default_rng(0)
    classes, width, step = 3, 4, 1e-6
    head = Head(random.normal(size=(classes, width)), random.normal(size=classes), kind)
    asked = of_features(random.normal(size=(5, width)), head=head)
    for z, score in zip(asked.features.astype(np.float64), make("gradnorm").score(asked), strict=True):
        if kind == "l2":
            z = z / np.linalg.norm(z)

        def divergence(weight: np.ndarray, z: np.ndarray = z) -> float:
            """KL of the uniform distribution from the prediction."""
            p = softmax(weight @ z + head.bias)
            return -np.log(classes * p).mean()

        total = 0.0
        for c in range(classes):
            for d in range(width):
                change = np.zeros((classes, width))
                change[c, d] = step
                weight = head.weight.astype(np.float64)
                total += abs(divergence(weight + change) - divergence(weight - change)) / (2 * step)
        assert score == pytest.approx(-classes * total, rel=1e-4)


# Logits


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("scale", [1e-4, 3, 1e4])
def test_temperature_scaling_recovers_the_temperature_that_labels_were_drawn_with(temperature, scale):
    random = np.random.default_rng(0)
    logits = scale * random.normal(size=(20_000, 5))
    labels = (logits * (3 / scale / temperature) + random.gumbel(size=logits.shape)).argmax(axis=1)
    scorer = make("temperature-scaling").fit(of_logits(logits, labels))
    assert scorer.temperature_ == pytest.approx(temperature * scale / 3, rel=0.04)
    assert scorer.notes() == [f"T* = {scorer.temperature_:.3g}"]
    np.testing.assert_allclose(
        scorer.score(of_logits(logits[:9])), -softmax(logits[:9] / scorer.temperature_, axis=1).max(axis=1), rtol=1e-9
    )


@pytest.mark.parametrize("scale", [1, 500])
def test_openmax_that_revises_one_class(scale):
    random = np.random.default_rng(0)
    labels = np.arange(300) % 3
    fit = of_logits(scale * (4 * np.eye(3)[labels] + random.normal(size=(300, 3))), labels)
    scorer = make("openmax", {"alpha": 1, "tail": 30}).fit(fit)
    asked = np.r_[fit.logits[:40], scale * 5 * random.normal(size=(20, 3))]
    top = asked.argmax(axis=1)
    distances = np.linalg.norm(asked - np.stack([fit.logits[labels == c].mean(axis=0) for c in range(3)])[top], axis=1)
    outlying = weibull_min.cdf(distances + scorer.offsets_[top], scorer.shapes_[top], scale=scorer.scales_[top])
    revised = np.zeros((60, 4))
    revised[:, 1:] = asked
    revised[np.arange(60), top + 1] *= 1 - outlying
    revised[:, 0] = asked.max(axis=1) * outlying
    np.testing.assert_allclose(scorer.score(of_logits(asked)), softmax(revised, axis=1)[:, 0], rtol=1e-5 * scale)


def test_temperature_scaling_of_samples_that_are_all_classified_correctly_is_max_softmax():
    """Their likelihood has no maximum, and at a small temperature all of them would score -1."""
    random = np.random.default_rng(0)
    labels = np.arange(300) % 10
    fit = of_logits(random.normal(size=(300, 10)) + 14 * np.eye(10)[labels], labels)
    scorer = make("temperature-scaling").fit(fit)
    asked = of_logits(5 * random.normal(size=(50, 10)))
    np.testing.assert_allclose(scorer.score(asked), make("msp").score(asked), rtol=1e-12)
    assert scorer.notes()[0].startswith("T = 1: the training samples are classified correctly")


def test_openmax_at_a_classs_centre_and_far_away():
    labels = np.arange(300) % 3
    logits = 4 * np.eye(3)[labels] + np.random.default_rng(0).normal(size=(300, 3))
    scorer = make("openmax", {"alpha": 1}).fit(of_logits(logits, labels))
    centre = logits[labels == 1].mean(axis=0)
    far = np.array([0.0, 0.0, 60.0])
    at_centre, away = scorer.score(of_logits([centre, far]))
    assert at_centre == pytest.approx(1 / (1 + np.exp(centre).sum()), rel=0.05)  # hardly anything is revised
    assert away == pytest.approx(1)


def test_openmaxs_weibull_is_scipys_most_likely_one():
    labels = np.repeat(0, 500)
    logits = np.random.default_rng(0).normal(size=(500, 2))
    scorer = make("openmax", {"tail": 200}).fit(of_logits(logits, labels))
    far = np.sort(np.linalg.norm(logits - logits.mean(axis=0), axis=1))[-200:] + scorer.offsets_[0]
    ours = weibull_min.logpdf(far, scorer.shapes_[0], scale=scorer.scales_[0]).sum()
    for shape, scale in ((1.01, 1), (0.99, 1), (1, 1 + 1e-6), (1, 1 - 1e-6)):
        assert ours >= weibull_min.logpdf(far, scorer.shapes_[0] * shape, scale=scorer.scales_[0] * scale).sum()


@pytest.mark.parametrize("temperature", [0.1, 1.0, 1000.0])
def test_the_energy_of_large_logits(temperature):
    logits = np.array([[1e4, 0, -1e4], [1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]])
    found = make("energy", {"temperature": temperature}).score(of_logits(logits))
    np.testing.assert_allclose(found, -temperature * logsumexp(logits / temperature, axis=1), rtol=1e-6)
    if temperature == 1:
        assert found == pytest.approx([-1e4, -1e4 - np.log(3), 1e4 - np.log(3)])


@pytest.mark.parametrize("name", LOGITS_ALONE)
def test_scores_of_large_logits_are_finite(name):
    logits = 1e4 * np.random.default_rng(0).normal(size=(20, 5))
    assert np.isfinite(make(name).score(of_logits(logits))).all()


def test_closed_forms_of_a_sure_and_an_undecided_prediction():
    asked = of_logits([[0, 0, 0, 0], [np.log(5), np.log(3), 0, 0]])  # p = 1/4 each; .5, .3, .1, .1
    p = np.array([[0.25] * 4, [0.5, 0.3, 0.1, 0.1]])
    assert make("msp").score(asked) == pytest.approx([-0.25, -0.5])
    assert make("max-logit").score(asked) == pytest.approx([0, -np.log(5)])
    assert make("energy").score(asked) == pytest.approx([-np.log(4), -np.log(10)])
    assert make("entropy").score(asked) == pytest.approx(-(p * np.log(p)).sum(axis=1))
    expected = ((p * (1 - p)) ** 0.5)[:, :2].sum(axis=1)
    assert make("gen", {"gamma": 0.5, "top": 2}).score(asked) == pytest.approx(expected)


# Features and the last layer, by hand

HEAD = Head(np.array([[1, 0, 0, 0], [0, 1, 1, 1]]), np.array([0.5, -0.5]))


@pytest.mark.parametrize(
    ("name", "given", "logits"),
    [  # of z = (1, 4, 3, 2): a sum of 10, of which 7 are in the upper half
        ("ash-p", {"percentile": 50}, [0.5, 7 - 0.5]),
        ("ash-b", {"percentile": 50}, [0.5, 10 - 0.5]),
        ("ash-s", {"percentile": 50}, [0.5, np.exp(10 / 7) * 7 - 0.5]),
        ("scale", {"percentile": 50}, [np.exp(10 / 7) + 0.5, np.exp(10 / 7) * 9 - 0.5]),
        ("lts", {"top": 50}, [(10 / 7) ** 2 * 1.5, (10 / 7) ** 2 * 8.5]),
    ],
)
def test_shaped_activations_by_hand(name, given, logits):
    asked = of_features([[1, 4, 3, 2], [0, 0, 0, 0]], head=HEAD)
    assert make(name, given).score(asked) == pytest.approx([-logsumexp(logits), -logsumexp(HEAD.bias)], rel=1e-6)


def test_lts_does_not_scale_samples_without_positive_features():
    asked = of_features([[-1, -4, -3, -2], [2, -1, 0, 0]], head=HEAD)
    assert make("lts", {"top": 25}).score(asked) == pytest.approx(-logsumexp(asked.logits, axis=1), rel=1e-6)


def test_she_by_hand():
    head = Head(np.eye(2), np.zeros(2))
    # The last sample is not classified correctly: the patterns are (3, 0) and (0, 4).
    fit = of_features([[2, 0], [4, 0], [0, 2], [0, 6], [5, 1]], np.array([0, 0, 1, 1, 1]), head)
    assert make("she").fit(fit).score(of_features([[1, 2], [3, 1]], head=head)) == pytest.approx([-8, -9])


def test_she_without_a_correctly_classified_sample_is_refused():
    fit = of_features([[2, 0], [0, 3]], np.array([1, 0]), Head(np.eye(2), np.zeros(2)))
    with pytest.raises(ScorerError, match="SHE needs training samples that are classified correctly; none of the 2 is"):
        make("she").fit(fit)


@pytest.mark.parametrize("twin", [False, True])
def test_fdbd_by_hand(twin):
    """A class with the weights of another has no boundary to it and does not count."""
    head = Head(np.array([[3, 0], [0, 4], [0, 0], [3, 0]][: 4 if twin else 3]), np.zeros(4 if twin else 3))
    scorer = make("fdbd").fit(of_features([[0, 2], [2, 0]], head=head))  # the mean is (1, 1)
    # Logits 12, 4, 0 and distances 5, 3 between weights; then at the mean, where pytorch-ood divides by 1e-8.
    found = scorer.score(of_features([[4, 1], [1, 1]], head=head))
    second = (1 / 5 + 4 / 4) / 2 if not twin else (2 / 5 + 4 / 4) / 3
    assert found == pytest.approx([-(8 / 5 + 12 / 3) / 2 / 3, -second / 1e-8])


def test_fdbd_without_any_boundary():
    head = Head(np.ones((1, 2)), np.zeros(1))
    fit = of_features([[0, 2], [2, 0]], head=head)
    assert make("fdbd").fit(fit).score(fit).tolist() == [0, 0]


def test_nci_by_hand():
    head = Head(np.array([[3, 0], [0, 4]]), np.zeros(2))
    scorer = make("nci", {"alpha": 0.01}).fit(of_features([[0, 2], [2, 0]], head=head))  # the mean is (1, 1)
    found = scorer.score(of_features([[4, 1], [1, 1]], head=head))
    assert found == pytest.approx([-3 - 0.05, -0.02])  # the second points nowhere


def test_kl_matching_by_hand():
    fit, asked = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]]), np.array([[0.5, 0.5], [0.7, 0.3], [0.2, 0.8]])
    found = make("kl-matching").fit(of_logits(np.log(fit))).score(of_logits(np.log(asked)))
    # The typical predictions are (0.7, 0.3) and (0.1, 0.9).
    last = 0.2 * np.log(0.2 / 0.1) + 0.8 * np.log(0.8 / 0.9)
    assert found == pytest.approx([0.5 * np.log(0.5 / 0.7) + 0.5 * np.log(0.5 / 0.3), 0, last], abs=1e-12)


# What an L2 head sees


def scaled(latents: Latents, factor: float) -> Latents:
    features = latents.features * np.float32(factor)
    return Latents(features, latents.head.logits(features), latents.labels, latents.head)


@pytest.mark.parametrize("name", THROUGH_HEAD)
@pytest.mark.parametrize("factor", [0.01, 30])
def test_behind_an_l2_head_the_length_does_not_count(name, factor, toy):
    fit, asked = toy("fit", 400, kind="l2"), toy("ind", 60, kind="l2")
    scorer = make(name).fit(fit)
    expected = scorer.score(asked)
    spread = np.ptp(expected)
    np.testing.assert_allclose(scorer.score(scaled(asked, factor)), expected, rtol=1e-4, atol=1e-4 * spread)
    again = make(name).fit(scaled(fit, factor))
    np.testing.assert_allclose(again.score(asked), expected, rtol=1e-3, atol=1e-3 * spread)


@pytest.mark.parametrize("name", ["react", "dice", "vim", "gradnorm"])
def test_behind_a_linear_head_it_does(name, toy):
    fit, asked = toy("fit", 400), toy("ind", 60)
    scorer = make(name).fit(fit)
    assert (np.abs(scorer.score(scaled(asked, 2)) - scorer.score(asked)) > 1e-3).mean() > 0.9


@pytest.mark.parametrize("kind", ["linear", "l2"])
def test_the_feature_norm_grows_with_the_length_whatever_the_head(kind, toy):
    asked = toy("ind", 60, kind=kind)
    np.testing.assert_allclose(make("feature-norm").score(scaled(asked, 3)), 3 * make("feature-norm").score(asked))


def test_react_that_cuts_nothing_off_is_the_energy(toy):
    fit, asked = toy("fit", 400), toy("ind", 60)
    inside = asked[asked.features.max(axis=1) <= fit.features.max()]
    found = make("react", {"percentile": 100}).fit(fit).score(inside)
    np.testing.assert_allclose(found, make("energy").score(inside), rtol=1e-5)


@pytest.mark.parametrize("percentile", [0, 50, 90])
def test_dice_is_the_energy_of_the_weights_that_contribute_most(percentile, toy):
    fit, asked = toy("fit", 400), toy("ind", 60)
    contribution = fit.head.weight * fit.features.mean(axis=0)
    weight = np.where(contribution > np.percentile(contribution, percentile), fit.head.weight, 0)
    found = make("dice", {"percentile": percentile}).fit(fit).score(asked)
    np.testing.assert_allclose(found, -logsumexp(asked.features @ weight.T + fit.head.bias, axis=1), rtol=1e-5)


def test_mahalanobis_is_the_class_distance_in_units_of_the_spread(toy):
    fit, asked = toy("fit", 400), toy("ind", 60)
    z, labels = fit.features.astype(float), fit.labels
    means = np.stack([z[labels == c].mean(axis=0) for c in range(6)])
    inverse = np.linalg.pinv((z - means[labels]).T @ (z - means[labels]) / len(z), hermitian=True)
    away = asked.features[:, None] - means
    expected = np.einsum("ncd,de,nce->nc", away, inverse, away).min(axis=1)
    np.testing.assert_allclose(make("mahalanobis").fit(fit).score(asked), expected, rtol=1e-6)


def test_an_l2_head_that_is_missing_is_told():
    bare = Latents(np.ones((3, 4), np.float32), np.ones((3, 2), np.float32))
    with pytest.raises(ScorerError, match="needs the last linear layer"):
        make("react").fit(bare)
