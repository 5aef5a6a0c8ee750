"""NAC-UE: against a slow transcription of its definition, on closed forms, on real networks, and on bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentviz.errors import ScorerError
from latentviz.latents import Head, Latents
from latentviz.scorers import make
from latentviz.scorers.coverage import PRESETS, NeuronCoverage
from latentviz.scorers.coverage_states import (
    LAST,
    Bins,
    balanced,
    binned,
    counted,
    covered,
    factors,
    geometric_edges,
    kl_gradient,
    products,
    squashed,
    uniform_edges,
    usual_alpha,
)
from tests.transcription import autograd_products, edges_of_the_definition, intervals, transcribed


def in_double(latents: Latents) -> Latents:
    """The same with logits that the head gives in float64."""
    assert latents.head is not None
    z, head = latents.features.astype(np.float64), latents.head
    seen = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12) if head.kind == "l2" else z
    return Latents(z, seen @ head.weight.T.astype(np.float64) + head.bias, latents.labels, head)


@pytest.mark.parametrize("kind", ["linear", "l2"])
def test_the_gradient_is_that_of_a_backward_pass(kind, toy):
    latents = in_double(toy("ind", 80, kind=kind))
    np.testing.assert_allclose(latents.features * kl_gradient(latents), autograd_products(latents), atol=1e-12)


def test_an_l2_head_has_no_gradient_along_the_feature(toy):
    latents = toy("ind", 50, kind="l2")
    assert np.abs(products(latents).sum(axis=1)).max() < 1e-6


def test_the_gradient_of_a_feature_of_no_length_is_finite():
    head = Head(np.eye(3, 4), np.zeros(3), "l2")
    latents = Latents(np.zeros((2, 4), np.float32), np.zeros((2, 3), np.float32), None, head)
    assert np.isfinite(kl_gradient(latents)).all()
    assert not products(latents).any()


@pytest.mark.parametrize("bins", [4, 6, 50, 500, 1000])
def test_bins_are_those_of_the_definition(bins):
    edges = geometric_edges(bins)
    np.testing.assert_allclose(edges, edges_of_the_definition(bins), atol=1e-15)
    assert len(edges) == bins
    assert (np.diff(edges) > 0).all()
    states = np.random.default_rng(0).random((200, 30)) ** 3
    states[0, :3] = 1e-300, 0.5, 1 - 1e-15
    values = np.log(states) - np.log1p(-states)
    ours = binned((values / 7, np.ones_like(values)), 7.0, Bins(edges))
    np.testing.assert_array_equal(ours, intervals(states, bins).argmax(axis=0))


@pytest.mark.parametrize("bins", [0, 1, 2, 3, 51])
def test_numbers_of_bins_without_a_definition(bins):
    with pytest.raises(ValueError, match="expected an even number of at least 4"):
        geometric_edges(bins)


@given(
    st.lists(st.floats(-1e300, 1e300) | st.floats(-40, 40) | st.floats(-1e-9, 1e-9), min_size=1, max_size=40),
    st.integers(2, 200).map(lambda n: 2 * n),
    st.booleans(),
    st.sampled_from([1.0, 1e-3, 100.0, 1e5]),
)
def test_a_state_is_where_a_search_finds_it(values, bins, geometric, alpha):
    edges = geometric_edges(bins) if geometric else uniform_edges(bins)
    products_of = np.array([[*values, 0.0]]).T
    states = squashed(products_of, alpha)
    # What lies on an edge to the last digit may be rounded to either side of it; but 0 is σ(0) = 0.5 exactly.
    clear = (np.abs(states - edges) > 1e-14).all(axis=1) | (products_of[:, 0] == 0)
    expected = np.searchsorted(edges, states, side="right") - 1
    found = binned((products_of, np.ones_like(products_of)), alpha, Bins(edges))
    np.testing.assert_array_equal(found[clear], expected[clear])


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 9), st.floats(0.01, 1e6), st.sampled_from([4, 10, 50, 500]))
def test_coverage_is_a_mean_of_shares(seed, width, alpha, bins):
    random = np.random.default_rng(seed)
    values, profile = random.normal(size=(30, width)), random.normal(size=(60, width))
    edges = Bins(geometric_edges(bins))
    counts = counted(whole(profile), alpha, edges)
    assert counts.sum() == profile.size  # every state is in one bin
    phi = np.minimum(counts / 5, 1)
    found = covered(whole(values), alpha, edges, phi)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found, transcribed_with(phi, squashed(values, alpha), bins), atol=1e-12)
    more = covered(whole(values), alpha, edges, np.minimum(counts / 2, 1))  # a smaller O covers no less
    assert (more >= found - 1e-12).all()


def whole(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products as factors."""
    return values, np.ones_like(values)


def transcribed_with(phi: np.ndarray, states: np.ndarray, bins: int) -> np.ndarray:
    return (intervals(states, bins) * phi[:-1, None]).sum(axis=0).mean(axis=1)


@pytest.mark.parametrize("kind", ["linear", "l2"])
@pytest.mark.parametrize("parameters", [{}, {"alpha": 100, "enough": 20}, {"bins": 500, "samples": 200}])
def test_the_score_is_the_definitions(kind, parameters, toy):
    fit, ind = (in_double(toy(what, 700, kind=kind)) for what in ("fit", "ind"))
    scorer = make("nac-ue", parameters).fit(fit)
    profile = fit[balanced(fit.labels, fit.classes, scorer.samples, 0)]
    alpha = scorer.alpha or 2 / autograd_products(profile).std()
    assert scorer.alpha_of(LAST) == pytest.approx(alpha, rel=1e-9)
    states = [1 / (1 + np.exp(-scorer.alpha_of(LAST) * autograd_products(part))) for part in (profile, ind)]
    np.testing.assert_allclose(-scorer.score(ind), transcribed(*states, scorer.bins, scorer.enough), atol=1e-9)


def test_the_score_of_several_layers_is_their_mean(toy):
    fit, ind = (with_layers(toy(what, 500)) for what in ("fit", "ind"))
    alone = [make("nac-ue", {"layers": name}).fit(fit).score(ind) for name in ("last", "inner")]
    both = make("nac-ue", {"layers": "last+inner"}).fit(fit).score(ind)
    np.testing.assert_allclose(both, np.mean(alone, axis=0), atol=1e-12)
    assert not np.allclose(*alone)


def with_layers(latents: Latents) -> Latents:
    random = np.random.default_rng(len(latents))
    states = {"inner": (latents.features[:, :7] ** 2, random.normal(size=(len(latents), 7)).astype(np.float32))}
    return Latents(latents.features, latents.logits, latents.labels, latents.head, states)


def test_presets_are_the_authors():
    assert {name: [(s.enough, s.bins, s.alpha) for s in layers.values()] for name, layers in PRESETS.items()} == {
        "cifar10-resnet18": [(50, 50, 100), (100, 500, 1000), (5, 50, 0.001), (100, 500, 0.001)],
        "cifar100-resnet18": [(50, 50, 50), (500, 1000, 10), (500, 50, 1), (5, 50, 0.005)],
        "imagenet-resnet50": [(10, 50, 3000), (500, 50, 300), (50, 500, 0.01), (5000, 1000, 1)],
    }


def test_a_preset_counts_for_every_layer(toy):
    fit = with_layers(toy("fit", 500))
    fit = Latents(fit.features, fit.logits, fit.labels, fit.head, {"layer3": fit.layers["inner"]})
    scorer = make("nac-ue", {"layers": "last+layer3", "preset": "cifar10-resnet18"}).fit(fit)
    assert scorer.alpha_.tolist() == [100, 1000]
    assert [len(scorer.edges(name)) for name in scorer.names] == [50, 500]


def test_o_goes_with_the_size_of_the_profile(toy):
    fit = toy("fit", 2400)
    scorer = make("nac-ue", {"samples": 500, "enough": 100}).fit(fit)
    assert scorer.enough_in(LAST) == 50
    profile = factors(fit[balanced(fit.labels, 6, 500, 0)])
    counts = counted(profile, scorer.alpha_of(LAST), Bins(scorer.edges(LAST)))
    np.testing.assert_array_equal(scorer.phi(LAST), np.minimum(counts / 50, 1))


def test_profiles_are_class_balanced_and_nested_in_nothing_but_the_seed():
    labels = np.repeat([0, 1, 2, 3], [100, 100, 100, 7])
    rows = balanced(labels, 4, 100, 0)
    assert np.bincount(labels[rows]).tolist() == [31, 31, 31, 7]
    assert len(np.unique(rows)) == 100
    np.testing.assert_array_equal(rows, balanced(labels, 4, 100, 0))
    assert not np.array_equal(rows, balanced(labels, 4, 100, 1))
    np.testing.assert_array_equal(balanced(labels, 4, 10_000, 3), np.arange(307))


def test_the_automatic_steepness_spreads_the_states():
    values = np.random.default_rng(0).normal(scale=1e-7, size=(500, 20))
    assert (usual_alpha(values) * values).std() == pytest.approx(2)
    assert usual_alpha(np.zeros((5, 3))) == 1


def test_neurons_that_are_always_off_are_told_and_change_no_order(toy):
    fit, ind, far = toy("fit", 900), toy("ind", 300), toy("far", 300)

    def padded(latents: Latents) -> Latents:
        head = Head(np.pad(latents.head.weight, ((0, 0), (0, 6))), latents.head.bias)
        return Latents(np.pad(latents.features, ((0, 0), (0, 6))), latents.logits, latents.labels, head)

    scorer = make("nac-ue", {"alpha": 5}).fit(padded(fit))
    own = int((~products(fit).any(axis=0)).sum())
    assert f"{6 + own} of 30 neurons have z ⊙ g = 0 on every profile image" in " ".join(scorer.notes())
    plain = make("nac-ue", {"alpha": 5}).fit(fit)
    for latents in (ind, far):
        # They are covered in full: 6 of 30 neurons have Φ = 1.
        np.testing.assert_allclose(-scorer.score(padded(latents)), (-24 * plain.score(latents) + 6) / 30, atol=1e-12)


def test_saturated_states_are_told(toy):
    scorer = make("nac-ue", {"alpha": 1e5}).fit(toy("fit", 900))
    assert "of the states are 0 or 1 to a thousandth; choose a smaller α" in " ".join(scorer.notes())
    assert np.isfinite(scorer.score(toy("ind"))).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bins": 51}, "NAC-UE: bins is 51; expected an even number"),
        ({"bins": 2}, "NAC-UE: bins is 2; expected 4 to 1000"),
        ({"enough": 0}, "NAC-UE: enough is 0; expected 1 to 5000"),
        ({"alpha": 0}, "NAC-UE: alpha is 0; expected"),
        ({"layers": ""}, 'NAC-UE: layers is ""; expected names with \\+ between them'),
        ({"layers": "last+last"}, 'NAC-UE: layers names "last" twice'),
        ({"layers": "../etc"}, "expected names"),
        ({"preset": "mnist"}, "NAC-UE: preset is 'mnist'; choose none, cifar10-resnet18"),
    ],
)
def test_parameters_that_cannot_be(parameters, message):
    with pytest.raises(ScorerError, match=message):
        make("nac-ue", parameters)


def test_layers_that_are_not_there(toy):
    fit = with_layers(toy("fit"))
    with pytest.raises(ScorerError, match=r'states of the layer "layer9"; those of inner are stored. Store them with'):
        make("nac-ue", {"layers": "layer9"}).fit(fit)
    scorer = make("nac-ue", {"layers": "inner"}).fit(fit)
    with pytest.raises(ScorerError, match='states of the layer "inner"; none are stored'):
        scorer.score(toy("ind"))
    with pytest.raises(ScorerError, match='preset imagenet-resnet50 says nothing of "inner"; it knows last, layer3'):
        make("nac-ue", {"layers": "inner", "preset": "imagenet-resnet50"}).fit(fit)


def test_fewer_images_than_classes():
    head = Head(np.random.default_rng(0).normal(size=(40, 8)), np.zeros(40))
    z = np.random.default_rng(1).random((200, 8), dtype=np.float32)
    fit = Latents(z, head.logits(z), np.arange(200) % 40, head)
    with pytest.raises(ScorerError, match="profile of 20 images cannot hold one of each of 40 classes"):
        make("nac-ue", {"samples": 20}).fit(fit)
    assert isinstance(make("nac-ue", {"samples": 40}).fit(fit), NeuronCoverage)


def test_states_of_other_shapes_are_refused(toy):
    latents = toy("ind", 20)
    with pytest.raises(Exception, match='states of "inner" have shape'):
        Latents(latents.features, latents.logits, None, latents.head, {"inner": (np.zeros((3, 2)), np.zeros((3, 2)))})
