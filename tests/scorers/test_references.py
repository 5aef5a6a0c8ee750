"""Scorers against pytorch-ood and scikit-learn, on the features of a real network."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytorch_ood import detector as reference
from sklearn.metrics import roc_auc_score

from latentviz.latents import Latents
from latentviz.scorers import make
from latentviz.scorers.shared import probabilities
from latentviz.scorers.torch_ood import linear, on_maps


@pytest.fixture(scope="module")
def fit(cifar_latents) -> Latents:
    return cifar_latents["train"]


@pytest.fixture(scope="module")
def asked(cifar_latents) -> Latents:
    return cifar_latents["textures"]


def on_features(detector: Callable, fit: Latents, asked: Latents) -> np.ndarray:
    built = detector(linear(fit.head))
    if hasattr(built, "fit_features"):
        built.fit_features(torch.from_numpy(fit.features), torch.from_numpy(fit.labels))
    with torch.no_grad():
        return torch.cat([built.predict_features(p) for p in torch.from_numpy(asked.features).split(256)]).numpy()


def on_maps_of(detector: Callable, fit: Latents, asked: Latents) -> np.ndarray:
    built = detector(on_maps(linear(fit.head)))
    if hasattr(built, "fit_feature_maps"):
        maps = torch.from_numpy(fit.features)[:, :, None, None]
        built.fit_feature_maps(maps, torch.from_numpy(fit.labels))
    with torch.no_grad():
        return built.predict_feature_maps(torch.from_numpy(asked.features)[:, :, None, None]).numpy()


def on_logits(detector, fit: Latents, asked: Latents) -> np.ndarray:
    if hasattr(detector, "fit_logits"):
        detector.fit_logits(torch.from_numpy(fit.logits), torch.from_numpy(fit.labels))
    with torch.no_grad():
        return detector.predict_logits(torch.from_numpy(asked.logits)).numpy()


def same(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("name", "parameters", "detector"),
    [
        ("msp", {}, lambda: reference.MaxSoftmax(None)),
        ("max-logit", {}, lambda: reference.MaxLogit(None)),
        ("energy", {"temperature": 2}, lambda: reference.EnergyBased(None, t=2)),
        ("entropy", {}, lambda: reference.Entropy(None)),
        ("kl-matching", {}, lambda: reference.KLMatching(None)),
    ],
)
def test_scores_of_logits(fit, asked, name, parameters, detector):
    same(make(name, parameters).fit(fit).score(asked), on_logits(detector(), fit, asked))


def test_gen_is_the_sum_where_pytorch_ood_has_the_mean(fit, asked):
    p = np.sort(probabilities(asked), axis=1)
    for top in (3, 100):
        rows = (p[:, -min(top, 10)] > 1e-7) & (p[:, -1] < 1 - 1e-7)  # theirs keeps them within
        assert rows.mean() > 0.1
        # In float64: 1 − p of a sure prediction has no digits in float32, and its tenth root shows it.
        logits = torch.from_numpy(asked.logits[rows].astype(np.float64))
        theirs = reference.GEN.score(logits, gamma=0.1, M=top).numpy() * min(top, 10)
        same(make("gen", {"top": top}).fit(fit).score(asked[rows]), theirs)


def test_temperature_minimises_the_likelihood_at_least_as_well(fit):
    scorer = make("temperature-scaling").fit(fit)
    theirs = reference.TemperatureScaling(None)
    on_logits(theirs, fit, fit)

    def loss(temperature: float) -> float:
        logits = torch.from_numpy(fit.logits.astype(np.float64)) / temperature
        return float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(fit.labels)))

    assert loss(scorer.temperature_) <= loss(float(theirs.t.detach()))
    assert loss(scorer.temperature_) <= min(loss(scorer.temperature_ * f) for f in (0.999, 1.001))


@pytest.mark.parametrize("alpha", [1, 3, 10])
def test_openmax(fit, asked, alpha):
    theirs = on_logits(reference.OpenMax(None, tailsize=20, alpha=alpha), fit, asked)
    ours = make("openmax", {"alpha": alpha}).fit(fit).score(asked)
    # scipy's search stops near the maximum of the likelihood.
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_openmax_with_the_same_weibull_distributions_is_the_same(fit, asked):
    theirs = reference.OpenMax(None, tailsize=20, alpha=3)
    expected = on_logits(theirs, fit, asked)
    ours = make("openmax").fit(fit)
    for c, model in theirs._openmax.distributions.items():
        ours.shapes_[c], ours.scales_[c] = model.c, model.scale
    same(ours.score(asked), expected)


@pytest.mark.parametrize(
    ("name", "parameters", "detector"),
    [
        ("react", {}, lambda head: reference.ReAct(None, head)),
        ("ash-s", {}, lambda head: reference.ASH(None, head, "ash-s", 0.9)),
        ("ash-b", {"percentile": 65}, lambda head: reference.ASH(None, head, "ash-b", 0.65)),
        ("ash-p", {}, lambda head: reference.ASH(None, head, "ash-p", 0.9)),
        ("scale", {}, lambda head: reference.SCALE(None, head, 0.85)),
        ("vra", {}, lambda head: reference.VRA(None, head)),
    ],
)
def test_shaped_activations(fit, asked, name, parameters, detector):
    same(make(name, parameters).fit(fit).score(asked), on_maps_of(detector, fit, asked))


@pytest.mark.parametrize(
    ("name", "parameters", "detector", "factor"),
    [
        ("lts", {}, lambda head: reference.LTS(None, head), 1),
        ("dice", {}, lambda head: reference.DICE(None, head.weight, head.bias, 0.9), 1),
        ("she", {}, lambda head: reference.SHE(None, head), 1),
        ("fdbd", {}, lambda head: reference.fDBD(None, head), 1),
        ("nci", {}, lambda head: reference.NCI(None, head, alpha=1e-4), 1),
        ("mahalanobis", {}, lambda head: reference.Mahalanobis(None), "2N"),
        ("relative-mahalanobis", {}, lambda head: reference.RMD(None), "N"),
        ("vim", {"dimension": 20}, lambda head: reference.ViM(None, 20, head.weight, head.bias), 1),
        ("knn", {}, lambda head: reference.KNN(None, k=50), 1),
        ("knn", {"normalise": False, "k": 5}, lambda head: reference.KNN(None, k=5, normalize=False), 1),
        ("nnguide", {}, lambda head: reference.NNGuide(None, head, k=100), 1),
        ("pnml", {}, lambda head: reference.PNML(None, head), 1),
    ],
)
def test_features(fit, asked, name, parameters, detector, factor):
    theirs = on_features(detector, fit, asked) * {"N": len(fit), "2N": 2 * len(fit)}.get(factor, 1)
    # Covariances in float32 have lost digits that ours in float64 has.
    tolerance = 1e-3 if name in ("mahalanobis", "relative-mahalanobis", "vim", "pnml") else 1e-5
    same(make(name, parameters).fit(fit).score(asked), theirs, tolerance)


@pytest.mark.parametrize(
    ("name", "detector", "factor"),
    [
        ("mahalanobis", lambda head: reference.Mahalanobis(None), 2),
        ("relative-mahalanobis", lambda head: reference.RMD(None), 1),
    ],
)
def test_covariances_against_pytorch_ood_in_double_precision(fit, asked, name, detector, factor):
    built = detector(None)
    torch.set_default_dtype(torch.float64)
    try:
        built.fit_features(torch.from_numpy(fit.features.astype(np.float64)), torch.from_numpy(fit.labels))
        theirs = built.predict_features(torch.from_numpy(asked.features.astype(np.float64))).numpy()
    finally:
        torch.set_default_dtype(torch.float32)
    same(make(name).fit(fit).score(asked), theirs * factor * len(fit))


def test_ddu_is_a_gaussian_mixture_with_equal_weights(fit, asked):
    equal = 300
    rows = np.concatenate([np.flatnonzero(fit.labels == c)[:equal] for c in range(10)])
    fit = fit[rows]
    theirs = reference.GMM(None, reg=0.0)
    theirs.fit_features(torch.from_numpy(fit.features.astype(np.float64)), torch.from_numpy(fit.labels))
    # theirs divides by n and weighs every class with 1/C; ours divides by n − 1 and does not weigh
    theirs._precision *= (equal - 1) / equal
    theirs._log_det += fit.width * np.log(equal / (equal - 1))
    expected = theirs.predict_features(torch.from_numpy(asked.features)).numpy() - np.log(10)
    scorer = make("ddu").fit(fit)
    assert scorer.epsilon_ == 0
    same(scorer.score(asked), expected)


def test_gradnorm_in_closed_form_is_the_gradients_norm(fit, asked):
    head = linear(fit.head)
    built = reference.GradNorm(head, param_filter=lambda name: name == "weight").to("cpu")
    theirs = built.predict(torch.from_numpy(asked.features[:100])).numpy()
    same(make("gradnorm").score(asked[:100]), theirs * 10)


def auroc(scorer, ind: Latents, ood: Latents) -> float:
    both = np.r_[scorer.score(ind), scorer.score(ood)]
    return float(roc_auc_score(np.r_[np.zeros(len(ind)), np.ones(len(ood))], both))


@pytest.mark.parametrize(
    ("name", "textures", "mnist", "tiny"), [("msp", 0.891, 0.942, 0.905), ("energy", 0.907, 0.987, 0.937)]
)
def test_known_outcomes_of_resnet20(cifar_latents, name, textures, mnist, tiny):
    scorer = make(name).fit(cifar_latents["train"])
    found = [auroc(scorer, cifar_latents["test"], cifar_latents[far]) for far in ("textures", "mnist", "tiny")]
    assert found == pytest.approx([textures, mnist, tiny], abs=0.005)
