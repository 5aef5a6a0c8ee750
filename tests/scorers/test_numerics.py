"""Where numbers are large, small or many."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import logsumexp

from latentviz.latents import Head, HeadKind, Latents
from latentviz.scorers import make


def of_logits(logits: np.ndarray, labels: np.ndarray | None = None) -> Latents:
    return Latents(np.ones((len(logits), 3), np.float32), logits, labels)


def rectified(samples: int, width: int, classes: int = 4, kind: HeadKind = "linear", seed: int = 0) -> Latents:
    random = np.random.default_rng(seed)
    head = Head(random.normal(size=(classes, width)), random.normal(size=classes), kind)
    features = np.maximum(random.normal(size=(samples, width)), 0).astype(np.float32)
    return Latents(features, head.logits(features), random.integers(0, classes, samples), head)


def test_sure_predictions_differ():
    """By how far the largest of four logits is from three equal ones."""
    margins = np.array([1.0, 20, 25, 30, 60, 300])
    logits = np.zeros((len(margins), 4))
    logits[:, 2] = margins
    asked = of_logits(logits)
    odds = np.exp(-margins)
    each, top, rest = odds / (1 + 3 * odds), 1 / (1 + 3 * odds), 3 * odds / (1 + 3 * odds)
    gen = (top * rest) ** 0.1 + 3 * (each * (1 - each)) ** 0.1
    np.testing.assert_allclose(make("gen").score(asked), gen, rtol=1e-10)
    np.testing.assert_allclose(make("entropy").score(asked), np.log1p(3 * odds) + 3 * each * margins, rtol=1e-10)
    np.testing.assert_allclose(make("gen", {"top": 1}).score(asked), (top * rest) ** 0.1, rtol=1e-10)


def test_sure_predictions_of_one_class():
    asked = of_logits(np.array([[3.0], [-500.0]]))
    for name, expected in (("msp", -1), ("entropy", 0), ("gen", 0)):
        assert make(name).score(asked).tolist() == [expected, expected]


def test_factors_that_do_not_fit_into_single_precision():
    """Almost equal features: the five largest of 512 are a hundredth of the sum, and e¹⁰⁰ is above 1e38."""
    random = np.random.default_rng(0)
    head = Head(random.normal(size=(10, 512)), random.normal(size=10))
    features = (1 + 0.05 * random.random((20, 512))).astype(np.float32)
    asked = Latents(features, head.logits(features), None, head)
    z = features.astype(np.float64)
    top = np.sort(z, axis=1)[:, -5:].sum(axis=1)
    factor = np.exp(z.sum(axis=1) / top)[:, None]
    kept = np.where(z >= np.sort(z, axis=1)[:, [-5]], z, 0)
    for name, shaped in (("scale", z * factor), ("ash-s", kept * factor)):
        expected = -logsumexp(shaped @ head.weight.T + head.bias, axis=1)
        np.testing.assert_allclose(make(name, {"percentile": 99}).score(asked), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["scale", "ash-s", "lts"])
def test_features_whose_largest_add_up_to_nothing(name):
    head = Head(np.eye(3, 4), np.zeros(3))
    features = np.array([[1e-3, -1e-3 + 1e-8, -5, -6], [-5, -6, 1e-3, -1e-3 + 1e-8]], np.float32)
    scores = make(name, {"top": 50} if name == "lts" else {"percentile": 50}).score(
        Latents(features, head.logits(features), None, head)
    )
    assert np.isfinite(scores).all()
    assert np.isfinite(scores.var())


ORDERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as drawn": lambda z: z,
    "sorted": lambda z: np.sort(z, axis=None).reshape(z.shape),
    "every other one large": lambda z: z + 100 * (np.arange(len(z)) % 2)[:, None],
    "negative": lambda z: z - 2,
    "constant": lambda z: np.full_like(z, 3),
    "few values": lambda z: np.round(z),
}


@pytest.mark.parametrize("kind", ["linear", "l2"])
@pytest.mark.parametrize("order", ORDERS)
def test_reacts_threshold_is_the_percentile(order, kind):
    fit = rectified(4000, 8, kind=kind)
    features = ORDERS[order](fit.features).astype(np.float32)
    fit = Latents(features, fit.head.logits(features), fit.labels, fit.head)
    seen = features if kind == "linear" else features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)
    for percentile in (50, 50.01, 75, 90, 99.99, 100):
        found = make("react", {"percentile": percentile}).fit(fit).threshold_
        assert found == pytest.approx(np.percentile(seen, percentile), rel=1e-6), percentile


@pytest.mark.parametrize("kind", ["linear", "l2"])
def test_vras_range_is_that_of_what_the_head_sees(kind):
    fit = rectified(500, 70, kind=kind)
    seen = fit.features
    if kind == "l2":
        seen = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    scorer = make("vra", {"low": 5, "high": 80}).fit(fit)
    np.testing.assert_allclose([scorer.low_, scorer.high_], np.percentile(seen, [5, 80], axis=0), rtol=1e-5, atol=1e-7)


def growth(work: Callable[[], object]) -> int:
    """Bytes that NumPy's arrays need at most while it works."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["temperature-scaling", "openmax", "kl-matching"])
def test_learning_from_many_logits_does_not_copy_them(name):
    random = np.random.default_rng(0)
    logits = random.normal(size=(60_000, 40)).astype(np.float32)
    fit = of_logits(logits, random.integers(0, 40, 60_000))
    make(name).fit(fit[:1000])  # libraries are loaded
    assert growth(lambda: make(name).fit(fit)) < logits.nbytes


@pytest.mark.parametrize("kind", ["linear", "l2"])
@pytest.mark.parametrize("name", ["react", "vra"])
def test_percentiles_of_many_features_do_not_copy_them(name, kind):
    fit = rectified(60_000, 128, kind=kind)
    assert growth(lambda: make(name).fit(fit)) < 0.8 * fit.features.nbytes


def test_openmax_that_revises_many_classes_needs_no_array_of_all_their_distances():
    random = np.random.default_rng(0)
    fit = of_logits(random.normal(size=(400, 100)), np.arange(400) % 100)
    scorer = make("openmax", {"alpha": 100}).fit(fit)
    assert growth(lambda: scorer.score(fit)) < 20 * fit.logits.nbytes
