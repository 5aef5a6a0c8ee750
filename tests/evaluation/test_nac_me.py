"""NAC-ME: a slow transcription, how sure it is, what it would choose, and what the words may say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import latentviz as lv
from latentviz.errors import DataError
from latentviz.evaluation.choosing import (
    Selection,
    conclusion,
    correlations,
    doubts,
    over,
    said,
    selection,
    text_table,
)
from latentviz.evaluation.correlation import Correlation
from latentviz.evaluation.feature_statistics import feature_statistics, of_features
from latentviz.evaluation.nac_me import NacMe, nac_me
from latentviz.scorers.coverage_states import products
from tests.families import checkpoint, family

HOW = NacMe(enough=5, bins=20, alpha=3.0)
WITH_SHIFT = {"roles": {"train": "fit", "test": "ind", "far": "ood", "near": "shifted"}}


def trained(workspace, quality: float, name: str, seed: int = 0, **attributes) -> lv.Run:
    """A network whose features lie around their class means, the nearer the better it is."""
    random = np.random.default_rng(seed)
    means, counts = 3 * np.eye(3, 6), {"train": 240, "test": 90, "near": 120, "nearer": 60}
    labels = {n: np.arange(count) % 3 for n, count in counts.items()}
    spread = {"train": 0.3, "test": 1.5 - quality, "near": 2.5 - quality, "nearer": 2.0 - quality}
    features = {
        n: np.abs(means[of] + spread[n] * random.normal(size=(len(of), 6))).astype(np.float32)
        for n, of in labels.items()
    }
    roles = {"train": "fit", "test": "ind", "near": "shifted", "nearer": "shifted"}
    head = lv.Head(means, np.zeros(3))
    return lv.Run.from_arrays(
        features, labels=labels, head=head, roles=roles, workspace=workspace, name=name, attributes=attributes
    )


def slow(run: lv.Run, how: NacMe) -> tuple[float, np.ndarray]:
    """The definition, bin by bin; and the states."""
    latents = run["train"].latents()
    right = latents.logits.argmax(axis=1) == latents.labels
    states = 1 / (1 + np.exp(-how.alpha * products(latents[np.flatnonzero(right)])))
    edges = np.linspace(0, 1, how.bins)
    total = 0.0
    for neuron in states.T:
        counts = [np.sum((low <= neuron) & (neuron < high)) for low, high in zip(edges, [*edges[1:], 2], strict=True)]
        total += sum(min(count / how.enough, 1) for count in counts) / how.bins
    return total / states.shape[1], states


@pytest.mark.parametrize("how", [HOW, NacMe(), NacMe(enough=1, bins=3, alpha=50.0)])
def test_it_is_the_definitions(workspace, how):
    run = trained(workspace, 0.5, "run")
    found = nac_me(run, how)
    expected, states = slow(run, how)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.samples == len(states)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert nac_me(run, how) == found  # stored


def test_the_usual_values_are_the_authors():
    assert NacMe() == NacMe(enough=500, bins=50, alpha=0.1, layer="last")


def test_the_interval_covers_other_draws(workspace):
    """How often the mean over many draws lies inside: about 95 of 100."""
    found = [nac_me(trained(workspace, 0.5, f"run{n}", seed=n), HOW) for n in range(60)]
    mean = np.mean([one.value for one in found])
    inside = sum(one.low <= mean <= one.high for one in found)
    assert 50 <= inside <= 60


def test_the_automatic_steepness_is_the_networks_own(workspace):
    run = trained(workspace, 0.5, "run")
    found = nac_me(run, replace(HOW, alpha=None))
    latents = run["train"].latents()
    right = np.flatnonzero(latents.logits.argmax(axis=1) == latents.labels)
    assert found.alpha == pytest.approx(2 / products(latents[right]).std())


def test_too_few_images_and_states_are_told(workspace):
    runs = [trained(workspace, q, f"q{q}") for q in (0.1, 0.5)]
    table, _ = over(runs, "test", ["near"], NacMe())
    said_of = " ".join(doubts(table, NacMe()))
    assert "No bin of any network holds O = 500 of its training images (at most 240" in said_of
    table, _ = over(runs, "test", ["near"], NacMe(enough=5, bins=50, alpha=1e-6))
    assert "α is too small to tell states apart" in " ".join(doubts(table, NacMe(5, 50, 1e-6)))
    assert doubts(over(runs, "test", ["near"], HOW)[0], HOW) == []


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"enough": 0}, "O is 0"),
        ({"enough": np.nan}, "O is nan"),
        ({"bins": 40_000}, "M is 40000"),
        ({"bins": 2}, "M is 2"),
        ({"alpha": 0.0}, "α is 0"),
        ({"alpha": np.inf}, "α is inf"),
    ],
)
def test_values_that_cannot_be(how, message):
    with pytest.raises(DataError, match=message):
        NacMe(**how)


def test_networks_without_what_it_needs_are_left_out_and_named(workspace):
    whole = trained(workspace, 0.5, "whole")
    lacking = checkpoint(workspace, name="no-shift", family="other")
    head = lv.Head(3 * np.eye(3, 6), np.zeros(3))
    z = np.random.default_rng(0).random((30, 6), dtype=np.float32)
    labels = {n: np.arange(30) % 3 for n in ("test", "near")}
    unfitted = lv.Run.from_arrays(
        {"test": z, "near": z}, labels=labels, head=head, roles={"test": "ind", "near": "shifted"},
        workspace=workspace, name="unfitted",
    )  # fmt: skip
    wrong = {"train": (head.logits(z).argmax(axis=1) + 1) % 3, **labels}
    failing = lv.Run.from_arrays(
        {"train": z, "test": z, "near": z}, labels=wrong, head=head,
        roles={"train": "fit", "test": "ind", "near": "shifted"}, workspace=workspace, name="failing",
    )  # fmt: skip
    table, left_out = over([whole, lacking, unfitted, failing], "test", ["near"], HOW)
    assert list(table["run"]) == ["whole"]
    assert [sentence.split()[0] for sentence in left_out] == ["no-shift", "unfitted", "failing"]
    assert "it has no labels of near" in left_out[0]
    assert "needs its last linear layer, and training samples with classes" in left_out[1]
    assert "classifies none of its training images correctly" in left_out[2]
    with pytest.raises(DataError, match='no states of the layer "layer1" on "train"'):
        nac_me(whole, replace(HOW, layer="layer1"))


def test_choosing_by_either_and_what_it_gains(workspace):
    runs = [trained(workspace, q, f"q{q}", seed=n) for n, q in enumerate((0.0, 0.4, 0.8, 1.2))]
    sets = ["near", "nearer"]
    table, _ = over(runs, "test", sets, HOW)
    assert table["shifted"].tolist() == pytest.approx(
        [np.mean([(r[s].read("prediction") == r[s].labels).mean() for s in sets]) for r in runs]
    )
    found = selection(runs, table, sets)
    assert found.chosen["validation"] == "q1.2"
    best = table.set_index("run")
    assert found.chosen["nac_me"] == best["nac_me"].idxmax()
    assert found.gain == pytest.approx(found.accuracy["nac_me"] - found.accuracy["validation"])
    assert found.best == table["shifted"].max()
    assert found.low <= found.gain <= found.high
    same = selection(runs, table.assign(nac_me=table["validation"]), sets)
    assert (same.gain, same.low, same.high) == (0, 0, 0)
    assert "both choose q1.2" in conclusion(table, same)


def test_answers_to_other_images_are_not_paired(workspace):
    a, b = trained(workspace, 0.3, "a"), trained(workspace, 0.9, "b", seed=1)
    table, _ = over([a, b], "test", ["near"], HOW)
    table["nac_me"] = [1.0, 0.0]
    paired = selection([a, b], table, ["near"])
    b["near"].index["id"] += "x"
    apart = selection([a, b], table, ["near"])
    assert apart.gain == pytest.approx(paired.gain)
    right = [(r["near"].read("prediction") == r["near"].labels) for r in (a, b)]
    half = 1.96 * np.sqrt(sum(x.var() / (len(x) - 1) for x in right))
    assert apart.high - apart.gain == pytest.approx(half, rel=1e-3)


def test_of_equally_good_checkpoints_the_later_one_is_chosen(workspace):
    runs = [trained(workspace, 0.5, f"e{e}", family="f", epoch=e, head="linear") for e in (7, 3)]
    table, _ = over(runs, "test", ["near"], HOW)
    assert selection(runs, table, ["near"]).chosen == {"nac_me": "e7", "validation": "e7"}
    assert len(set(table["training"])) == 1


@pytest.mark.parametrize(
    ("gain", "ends", "words"),
    [
        (0.05, (0.02, 0.08), "+5.0 points (+2.0 to +8.0), more."),
        (-0.05, (-0.08, -0.02), "−5.0 points (−8.0 to −2.0), less."),
        (0.01, (-0.02, 0.04), "+1.0 points (−2.0 to +4.0), no difference that these images could tell."),
    ],
)
def test_words_say_no_more_than_the_interval(gain, ends, words):
    chosen = Selection({"nac_me": "a", "validation": "b"}, {"nac_me": 0.6, "validation": 0.55}, 0.7, gain, *ends)
    assert words in conclusion(pd.DataFrame(), chosen)


def test_correlations_draw_whole_trainings(workspace):
    runs = family(workspace, seeds=2)
    with_shift, _ = over(runs, "test", ["test"], HOW)
    found = correlations(with_shift)
    assert {one.groups for one in found.values()} == {4}
    assert {one.n for one in found.values()} == {12}
    sentences = said(found)
    assert sentences[0].startswith("Spearman's correlation of NAC-ME with accuracy under shift over 12 networks")
    constant = Correlation("spearman", np.nan, np.nan, np.nan, 3, 3, "The statistic is constant.")
    assert said({"validation": constant})[0].endswith("networks: none. The statistic is constant.")
    assert len(text_table(with_shift).rows) == 12


def test_it_is_a_statistic_of_sets_the_same_for_all_of_a_network(workspace):
    run = trained(workspace, 0.5, "run")
    assert "nac-me" in feature_statistics()
    table = of_features(run, "test", ["near", "nearer"], "nac-me")
    assert table["value"].tolist() == [nac_me(run).value] * 2
    assert (table["value_low"] <= table["value"]).all()


def test_the_command_compares_networks(call, workspace, tmp_path):
    for n, q in enumerate((0.0, 0.6, 1.2)):
        trained(workspace, q, f"q{n}", seed=n)
    target = tmp_path / "table.csv"
    code, out, said_of = call(
        "nac-me", "-w", workspace.path, "--run", "q0", "--enough", 5, "--alpha", "auto", "-o", target
    )
    assert code == 0, said_of
    assert "NAC-ME over 3 networks; shifted: near, nearer" in out
    assert "Neither is shown to be better in general" in said_of
    assert list(pd.read_csv(target)["run"]) == ["q0", "q1", "q2"]
    code, _, said_of = call("nac-me", "-w", workspace.path, "--run", "q0", "--alpha", "steep")
    assert (code, '--alpha is "steep"; expected a number, or auto.' in said_of) == (1, True)
