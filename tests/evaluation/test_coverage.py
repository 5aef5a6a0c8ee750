"""Neuron coverage taken apart: every view agrees with the scorer, and the check fails where it must."""

import numpy as np
import pytest

import latentviz as lv
from latentviz.errors import DataError
from latentviz.evaluation import coverage
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coverage import QUANTITIES, Explorer, Memorisation, layers_of
from latentviz.evaluation.intervals import delong
from latentviz.evaluation.scores import scores
from latentviz.scorers.coverage_states import kl_gradient

CLASSES, WIDTH = 4, 9
USUAL = Asked.of("nac-ue", {"samples": 100, "bins": 20})


def drawn(workspace: lv.Workspace, memorised: float = 0.0, name: str = "run", **options) -> lv.Run:
    """Four classes; training features are nearer to their means than held-out ones by a share."""
    random = np.random.default_rng(0)
    means = 3 * np.eye(CLASSES, WIDTH)
    counts = {"train": 400, "test": 150, "near": 130}
    labels = {set_name: np.arange(n) % CLASSES for set_name, n in counts.items()}
    spread = {"train": 0.5 * (1 - memorised), "test": 0.5, "near": 0.7}
    features = {
        n: np.abs(means[of] + spread[n] * random.normal(size=(len(of), WIDTH))).astype(np.float32)
        for n, of in labels.items()
    }
    features["far"] = np.abs(random.normal(size=(120, WIDTH))).astype(np.float32)
    given = {
        "labels": labels,
        "head": lv.Head(means, np.zeros(CLASSES)),
        "roles": {"train": "fit", "test": "ind", "near": "shifted", "far": "ood"},
        **options,
    }
    return lv.Run.from_arrays(features, workspace=workspace, name=name, **given)


@pytest.fixture
def explorer(workspace) -> Explorer:
    return Explorer(drawn(workspace), "test", ["far", "near"])


def test_the_explorer_scores_as_everybody_else(explorer):
    found = scores(explorer.run, [USUAL]).by_scorer[USUAL.label]
    scorer = explorer.fitted(USUAL)
    table, of = explorer.detection(scorer)
    for name in ("test", "far", "near"):
        np.testing.assert_allclose(of[name], found[name], atol=1e-12)
    assert list(table["set"]) == ["far", "near"]
    for row in table.itertuples():
        assert (row.auroc, row.low, row.high) == pytest.approx(delong(found["test"], found[row.set]))
    assert layers_of(explorer.run, ["test"]) == ["last"]


def test_neurons_come_to_the_score_of_the_set(explorer):
    scorer = explorer.fitted(USUAL)
    table = explorer.neurons(scorer, "last", "far")
    assert table["ind"].mean() == pytest.approx(-explorer.scores(scorer, "test").mean())
    assert table["ood"].mean() == pytest.approx(-explorer.scores(scorer, "far").mean())
    np.testing.assert_allclose(table["separation"], table["ind"] - table["ood"])
    # Neurons that no class has a weight for have no gradient: their product is always 0.
    assert table.loc[table["off"], "neuron"].tolist() == [4, 5, 6, 7, 8]


def test_a_sample_is_explained_by_its_neurons(explorer):
    scorer = explorer.fitted(USUAL)
    of = explorer.scores(scorer, "far")
    row = int(of.argmax())
    table = explorer.sample(scorer, "last", "far", row)
    assert table["coverage"].mean() == pytest.approx(-of[row])
    usual = -explorer.scores(scorer, "test").mean()
    assert table["lost"].sum() == pytest.approx(usual + of[row])
    assert table["lost"].sum() > 0


def test_what_a_neuron_is_looked_at_by(explorer):
    scorer = explorer.fitted(USUAL)
    latents = explorer.run["far"].latents()
    found = {name: explorer.values(scorer, "last", 3, name) for name in QUANTITIES}
    assert {len(values["profile"]) for values in found.values()} == {100}
    z, g = latents.features[:, 3], kl_gradient(latents)[:, 3]
    np.testing.assert_allclose(found["activation"]["far"], z)
    np.testing.assert_allclose(found["gradient"]["far"], g)
    np.testing.assert_allclose(found["product"]["far"], z * g)
    np.testing.assert_allclose(found["state"]["far"], 1 / (1 + np.exp(-scorer.alpha_of("last") * z * g)))


@pytest.mark.parametrize("features", ["raw", "unit"])
def test_other_features_are_those_that_are_scored(explorer, features):
    scorer = explorer.fitted(Asked.of("nac-ue", {"samples": 100, "features": features}))
    product, state = (explorer.values(scorer, "last", 2, name)["far"] for name in ("product", "state"))
    np.testing.assert_allclose(state, 1 / (1 + np.exp(-scorer.alpha_of("last") * product)))
    table = explorer.neurons(scorer, "last", "far")
    assert table["ood"].mean() == pytest.approx(-explorer.scores(scorer, "far").mean())


def test_a_neuron_all_of_whose_bins_are_covered_is_filled(explorer):
    scorer = explorer.fitted(Asked.of("nac-ue", {"samples": 400, "bins": 4}))
    filled = explorer.neurons(scorer, "last", "far")["filled"]
    assert filled.max() == 1


def test_training_samples_without_a_class_are_left_out(workspace):
    labels = {"train": np.where(np.arange(400) < 40, -1, np.arange(400) % CLASSES)}
    labels |= {n: np.arange(count) % CLASSES for n, count in (("test", 150), ("near", 130))}
    explorer = Explorer(drawn(workspace, labels=labels), "test", ["far"])
    assert explorer.size == 360


def test_sizes_and_layers_hold_the_chosen_question(explorer):
    sizes = explorer.over_sizes(USUAL)
    assert sorted(sizes["samples"].unique()) == [50, 100, 200, 400]
    assert set(sizes.loc[sizes["samples"] == 400, "set"]) == {"far", "near"}  # nothing is held back
    table, _ = explorer.detection(explorer.fitted(USUAL))
    ours = sizes[(sizes["samples"] == 100) & (sizes["set"] != "")]["auroc"]
    np.testing.assert_allclose(ours, table["auroc"])
    layers = explorer.over_layers(USUAL)
    assert set(layers["layers"]) == {"last"}
    np.testing.assert_allclose(layers.loc[layers["set"] != "", "auroc"], table["auroc"])


def test_memorised_training_images_fail_the_check(workspace):
    for memorised, fails in ((0.0, False), (0.6, True)):
        run = drawn(workspace, memorised, f"run{memorised}")
        explorer = Explorer(run, "test", ["far"])
        scorer = explorer.fitted(USUAL)
        check = explorer.memorisation(scorer)
        assert (check.held_back, check.held_out) == (300, 150)
        assert check.fails == fails
        held_back = scorer.score(explorer.held_back(scorer))
        assert check.auroc == pytest.approx(delong(held_back, explorer.scores(scorer, "test"))[0])
    assert check.auroc > 0.55


@pytest.mark.parametrize(("auroc", "near"), [(0.44, False), (0.45, True), (0.5, True), (0.55, True), (0.56, False)])
def test_near_a_half(auroc, near):
    assert Memorisation(auroc, auroc - 0.1, auroc + 0.1, 100, 100).is_near_half == near
    assert not Memorisation(auroc, auroc - 0.1, auroc + 0.1, 20, 20).fails  # too few to tell
    assert Memorisation(auroc, auroc - 0.01, auroc + 0.01, 9000, 9000).fails == (not near)


def test_of_a_profile_of_all_training_images_half_are_kept_out_for_the_check(explorer, monkeypatch):
    scorer = explorer.fitted(Asked.of("nac-ue", {"samples": 1000}))
    assert explorer.held_back(scorer) is None
    check = explorer.memorisation(scorer)
    assert (check.held_back, check.halved) == (200, True)
    half = explorer.memorisation(explorer.fitted(Asked.of("nac-ue", {"samples": 200})))
    assert (check.auroc, half.halved) == (half.auroc, False)
    monkeypatch.setattr(coverage, "_FEWEST", 300)
    assert explorer.memorisation(scorer) is None


def test_large_sets_are_thinned(workspace, monkeypatch):
    monkeypatch.setattr(coverage, "LIMIT", 100)
    explorer = Explorer(drawn(workspace), "test", ["far"])
    assert explorer.size == 100
    assert np.bincount(explorer.training.labels).tolist() == [25] * CLASSES
    rows = explorer.rows("test")
    assert len(rows) == 100
    scorer = explorer.fitted(USUAL)
    whole = scorer.score(explorer.run["test"].latents())
    np.testing.assert_allclose(explorer.scores(scorer, "test"), whole[rows])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": None, "logits": True}, "was imported without its last linear layer"),
        ({"roles": {"train": "shifted", "test": "ind", "near": "shifted", "far": "ood"}}, "labelled set of role fit"),
    ],
)
def test_runs_without_what_coverage_needs(workspace, options, message):
    if options.pop("logits", None):
        reference = drawn(workspace, name="reference")
        options["logits"] = {s.name: s.logits for s in reference}
    with pytest.raises(DataError, match=message):
        Explorer(drawn(workspace, **options), "test", ["far"])
