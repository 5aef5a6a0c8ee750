"""Scores of a run: computed once, stored, and those of the scorers themselves."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz import Head, Run
from latentviz.errors import Cancelled, DataError, ScorerError, WorkspaceError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.fitting import EVERYTHING, FitOn, Fitted, fit_latents
from latentviz.evaluation.job import in_order, request, run_job
from latentviz.evaluation.scores import (
    Stored,
    compute,
    missing,
    negative_share,
    scores,
    stored_for,
    stored_scores,
    unusable,
    warnings_of,
)
from latentviz.jobs import JobRecord
from latentviz.progress import silent
from latentviz.scorers import Choice, Family, Needs, Number, Scorer, ScorerInfo, make, registry
from latentviz.scorers import scorers as registered
from latentviz.scorers.info import Names
from latentviz.workspace import manifest
from latentviz.workspace.manifest import SetEntry
from latentviz.workspace.run import listing_fingerprint, listing_of

NAMES = list(registered())
LEARNING = [name for name in NAMES if Needs.FIT in registered()[name].info.needs]
ALL = [Asked(name) for name in NAMES]

CLASSES, WIDTH = 4, 12
_random = np.random.default_rng(0)
MEANS = 3 * np.abs(_random.normal(size=(CLASSES, WIDTH)))
HEAD = Head(MEANS - MEANS.mean(axis=0), 0.1 * _random.normal(size=CLASSES))


def labels_of(samples: int) -> np.ndarray:
    return np.arange(samples) % CLASSES


def near_means(samples: int, seed: int) -> np.ndarray:
    """ReLU-like features around the mean of their class."""
    noise = np.random.default_rng(seed).normal(size=(samples, WIDTH))
    return np.maximum(MEANS[labels_of(samples)] + noise, 0).astype(np.float32)


def make_run(train: int = 1, **changes) -> Run:
    """Train (160, by seed), test (60) and noise (50)."""
    given = {
        "features": {"train": near_means(160, train), "test": near_means(60, 2), "noise": near_means(50, 3)[:, ::-1]},
        "labels": {"train": labels_of(160), "test": labels_of(60)},
        "head": HEAD,
    }
    return Run.from_arrays(**{**given, **changes})


def without_head(run: Run, labels: dict[str, np.ndarray] | None) -> Run:
    return Run.from_arrays({s.name: s.features for s in run}, {s.name: s.logits for s in run}, labels)


def add_set(run: Run, name: str, role: str, features: np.ndarray, labels: np.ndarray | None = None) -> Run:
    listing = listing_of([str(i) for i in range(len(features))], [""] * len(features), labels)
    with run.writing():
        entry = SetEntry(name=name, role=role, listed=len(listing), listing=listing_fingerprint(listing))
        writer = run.add_set(entry, listing, 0)
        if len(features):
            writer.append(features, HEAD.logits(features))
        writer.finish()
    return run.reopened()


def hide(run: Run, *names: str) -> None:
    """Take the arrays away from which scores could be computed."""
    for name in names:
        for array in ("features", "logits"):
            (run[name].folder / array).rename(run[name].folder / f"{array}-hidden")


class Watching:
    """A progress that remembers what was reported."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        self.totals[stage] = total


@pytest.fixture(scope="module")
def shared_run() -> Run:
    return make_run()


@pytest.fixture
def run() -> Run:
    return make_run()


def direct(run: Run, asked: Asked, name: str) -> np.ndarray:
    return asked.make().fit(run["train"].latents()).score(run[name].latents())


def same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


# Computed once


def test_stored_scores_are_the_scorers_own(shared_run):
    found = scores(shared_run, ALL)
    assert found.problems == {}
    for asked in ALL:
        for name in shared_run.sets:
            same(found.by_scorer[asked.label][name], direct(shared_run, asked, name))
            np.testing.assert_array_equal(
                stored_scores(shared_run, asked, name), found.by_scorer[asked.label][name], strict=True
            )
        assert found.notes[asked.label] == asked.make().fit(shared_run["train"].latents()).notes()


def test_a_second_call_computes_nothing(run):
    first = scores(run, ALL)
    hide(run, "train", "test", "noise")
    watching = Watching()
    second = scores(run.reopened(), ALL, progress=watching)
    assert watching.totals == {}
    assert second.problems == {}
    assert second.notes == first.notes
    for asked in ALL:
        for name in run.sets:
            np.testing.assert_array_equal(second.by_scorer[asked.label][name], first.by_scorer[asked.label][name])


def test_restored_scorers_score_as_fresh_ones(run, shared_run):
    scores(run, ALL, ["test"])
    watching = Watching()
    found = scores(run.reopened(), ALL, ["noise"], progress=watching)
    assert watching.totals["Fitting scorers"] == len(NAMES) - len(LEARNING)
    for asked in ALL:
        same(found.by_scorer[asked.label]["noise"], direct(shared_run, asked, "noise"))


def test_a_new_parameter_computes_only_that_scorer(run):
    scores(run, [Asked("msp"), Asked("knn"), Asked("mahalanobis")])
    before = run.derived.list("scores")
    asked = [Asked("msp"), Asked.of("knn", {"k": 7}), Asked("mahalanobis")]
    assert missing(run, asked, list(run.sets)) == 3
    watching = Watching()
    scores(run, asked, progress=watching)
    assert watching.totals["Fitting scorers"] == 1
    new = [meta for key, meta in run.derived.list("scores").items() if key not in before]
    assert {(meta["scorer"], meta["set"]) for meta in new} == {("knn(k=7)", name) for name in run.sets}
    assert missing(run, asked, list(run.sets)) == 0


def test_a_new_set_computes_only_that_set(run):
    asked = [Asked("msp"), Asked("mahalanobis"), Asked("vim")]
    scores(run, asked)
    hide(run, "train", "test", "noise")
    watching = Watching()
    run = add_set(run, "more", "ood", near_means(9, 4))
    found = scores(run, asked, progress=watching)
    assert watching.totals["Scoring more"] == 9
    assert not {"Scoring test", "Scoring noise", "Reading the training features"} & set(watching.totals)
    assert {len(of["more"]) for of in found.by_scorer.values()} == {9}


def test_training_samples_count_for_scorers_that_learn_from_them_only():
    keys = []
    for run in (make_run(train=1), make_run(train=10)):
        scores(run, ALL, ["test"])
        keys.append({meta["scorer"]: key for key, meta in run.derived.list("scores").items()})
    assert {name for name in NAMES if keys[0][name] != keys[1][name]} == set(LEARNING)


def test_more_training_samples_make_scores_anew(run):
    asked = [Asked("msp"), Asked("knn"), Asked("mahalanobis")]
    scores(run, asked)
    run = add_set(run, "extra", "fit", near_means(40, 5), labels_of(40))
    assert stored_scores(run, Asked("msp"), "test") is not None
    assert stored_scores(run, Asked("knn"), "test") is None
    found = scores(run, asked, ["test"])
    both = fit_latents(run)
    assert len(both) == 200
    for name in ("knn", "mahalanobis"):
        same(found.by_scorer[name]["test"], make(name).fit(both).score(run["test"].latents()))


def test_two_sets_of_equal_content_both_have_scores():
    features = {"train": near_means(160, 1), "a": near_means(30, 2), "b": near_means(30, 2)}
    run = make_run(features=features, labels={"train": labels_of(160)})
    found = scores(run, [Asked("knn")])
    np.testing.assert_array_equal(found.by_scorer["knn"]["a"], found.by_scorer["knn"]["b"])
    assert len(found.by_scorer["knn"]["b"]) == 30


def test_an_empty_set_has_no_scores(run):
    run = add_set(run, "none", "ood", near_means(0, 0))
    for _ in range(2):
        found = scores(run, ALL)
        assert {of["none"].shape for of in found.by_scorer.values()} == {(0,)}


def test_a_set_that_is_not_there(run):
    with pytest.raises(WorkspaceError, match='has no set "nosie"; it has train, test, noise'):
        scores(run, [Asked("msp")], ["nosie"])


def test_cancelling_keeps_the_sets_that_were_finished(run):
    asked = [Asked("msp"), Asked("mahalanobis")]

    def cancel(stage: str, done: int, total: int, unit: str = "") -> None:
        if stage == "Scoring noise":
            raise Cancelled

    with pytest.raises(Cancelled):
        scores(run, asked, progress=cancel)
    assert [missing(run, asked, [name]) for name in run.sets] == [0, 0, 2]
    hide(run, "train", "test")
    found = scores(run, asked)
    assert found.problems == {}
    assert missing(run, asked, list(run.sets)) == 0


def test_cancelling_keeps_the_scorers_that_were_fitted(run):
    asked = [Asked("vim"), Asked("mahalanobis"), Asked("she")]

    def cancel(stage: str, done: int, total: int, unit: str = "") -> None:
        if (stage, done) == ("Fitting scorers", 2):
            raise Cancelled

    with pytest.raises(Cancelled):
        scores(run, asked, progress=cancel)
    assert {meta["scorer"] for meta in run.derived.list("scorers").values()} == {"vim", "mahalanobis"}
    watching = Watching()
    scores(run, asked, progress=watching)
    assert watching.totals["Fitting scorers"] == 1


# Fitted on a part


@pytest.fixture(scope="module")
def uneven() -> Run:
    """Training samples 0–9 of the first class, 10–15 of the second, then 144 of all, of which 20 have no class."""
    labels = np.r_[[0] * 10, [1] * 6, labels_of(144)]
    labels[16:36] = -1
    labels[labels == 3] = np.r_[[3, 3], [2] * (np.sum(labels == 3) - 2)]
    return make_run(labels={"train": labels, "test": labels_of(60)})


@given(per_class=st.integers(1, 70), seed=st.integers(0, 5))
def test_a_part_has_as_many_samples_of_every_class_as_there_are(uneven, per_class, seed):
    part = fit_latents(uneven, FitOn(per_class, seed))
    labels = uneven["train"].labels
    there = np.bincount(labels[labels >= 0], minlength=CLASSES)
    np.testing.assert_array_equal(np.bincount(part.labels, minlength=CLASSES), np.minimum(there, per_class))
    known = {features.tobytes(): label for features, label in zip(uneven["train"].features, labels, strict=True)}
    assert [known[features.tobytes()] for features in part.features] == part.labels.tolist()
    assert len({features.tobytes() for features in part.features}) == len(part)
    np.testing.assert_array_equal(part.logits, HEAD.logits(part.features))


def test_only_the_rows_of_a_part_are_read():
    labels = np.r_[[-1] * 1024, labels_of(200)]  # of which the first fill a chunk
    run = make_run(features={"train": near_means(1224, 1)}, labels={"train": labels})
    for name in ("features", "logits"):
        shutil.rmtree(run["train"].folder / name / "c" / "0")
    np.testing.assert_array_equal(fit_latents(run, FitOn(50)).features, near_means(1224, 1)[1024:])
    with pytest.raises(WorkspaceError, match="damaged"):
        fit_latents(run)


def test_the_part_follows_the_seed(uneven):
    first, again, other = (fit_latents(uneven, FitOn(5, seed)).features for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_scores_state_the_part_they_were_fitted_on(run):
    fit_on = FitOn(30, 4)
    asked = [Asked("mahalanobis"), Asked("knn"), Asked("msp")]
    scores(run, asked, ["test"])
    found = scores(run, asked, ["test"], fit_on)
    part = fit_latents(run, fit_on)
    for name in ("mahalanobis", "knn"):
        same(found.by_scorer[name]["test"], make(name).fit(part).score(run["test"].latents()))
        assert (found.by_scorer[name]["test"] != stored_scores(run, Asked(name), "test")).any()
        np.testing.assert_array_equal(stored_scores(run, Asked(name), "test", fit_on), found.by_scorer[name]["test"])
    said = [(meta["scorer"], meta["fit"]) for meta in run.derived.list("scores").values()]
    assert len(said) == 5  # msp learns nothing, its scores are the same
    assert ("knn", {"per_class": 30, "seed": 4, "sets": ["train"], "samples": 120}) in said
    assert ("knn", {"per_class": None, "seed": 0, "sets": ["train"], "samples": 160}) in said
    assert ("msp", None) in said
    assert {meta["fit"]["samples"] for meta in run.derived.list("scorers").values()} == {160, 120}
    assert {meta["parameters"]["k"] for meta in run.derived.list("scorers").values() if meta["scorer"] == "knn"} == {50}
    assert str(Fitted.of(run, fit_on)) == "train (n = 120; at most 30 of each class, drawn with seed 4)"


def test_a_part_by_classes_does_without_the_samples_that_have_none(uneven):
    assert (
        "needs the classes of the training samples; some of them have none"
        in (scores(uneven, [Asked("mahalanobis")], ["test"]).problems["mahalanobis"])
    )
    found = scores(uneven, [Asked("mahalanobis")], ["test"], FitOn(20))
    same(
        found.by_scorer["mahalanobis"]["test"],
        make("mahalanobis").fit(fit_latents(uneven, FitOn(20))).score(uneven["test"].latents()),
    )


def test_two_fit_sets_are_taken_together(shared_run):
    whole = near_means(160, 1)
    run = make_run(
        features={"a": whole[:90], "b": whole[90:], "test": near_means(60, 2)},
        labels={"a": labels_of(160)[:90], "b": labels_of(160)[90:]},
        roles={"a": "fit", "b": "fit"},
    )
    together = fit_latents(run)
    np.testing.assert_array_equal(together.features, whole)
    np.testing.assert_array_equal(together.labels, labels_of(160))
    expected = scores(shared_run, ALL, ["test"])
    for label, of in scores(run, ALL, ["test"]).by_scorer.items():
        same(of["test"], expected.by_scorer[label]["test"])


def test_two_fit_sets_of_which_one_has_no_classes():
    run = make_run(
        features={"a": near_means(80, 1), "b": near_means(80, 5), "test": near_means(60, 2)},
        labels={"a": labels_of(80)},
        roles={"a": "fit", "b": "fit"},
    )
    assert fit_latents(run).labels is None
    np.testing.assert_array_equal(np.bincount(fit_latents(run, FitOn(15)).labels), [15] * CLASSES)
    found = scores(run, [Asked("knn"), Asked("ddu")], ["test"])
    assert set(found.by_scorer) == {"knn"}
    assert "needs the classes of the training samples" in found.problems["ddu"]


# Runs that lack something


def needing(*needs: Needs) -> set[str]:
    return {name for name in NAMES if any(need in registered()[name].info.needs for need in needs)}


#: Runs that lack something, and the scorers that cannot be used with them.
LACKING: dict[str, tuple[Callable[[], Run], set[str]]] = {
    "nothing": (make_run, set()),
    "fit set": (lambda: make_run(features={"test": near_means(60, 2)}, labels=None), set(LEARNING)),
    "head": (lambda: without_head(make_run(), {"train": labels_of(160)}), needing(Needs.HEAD)),
    "head and labels": (lambda: without_head(make_run(), None), needing(Needs.HEAD, Needs.LABELS)),
}


@pytest.mark.parametrize("what", LACKING)
def test_scorers_that_lack_something_say_so_and_the_others_work(what):
    build, expected = LACKING[what]
    run = build()
    found = scores(run, ALL, ["test"])
    assert set(found.problems) == expected
    assert set(found.by_scorer) == set(NAMES) - expected
    assert all(np.isfinite(of["test"]).all() for of in found.by_scorer.values())
    assert unusable(run) == found.problems
    assert missing(run, ALL, ["test"]) == 0


@pytest.mark.parametrize(
    ("what", "name", "sentence"),
    [
        ("fit set", "knn", 'k-NN is fitted on training samples; add a set with the role "fit".'),
        ("head", "vim", "ViM needs the last linear layer (weight and bias), which this run was imported without."),
        ("head and labels", "ddu", "DDU density needs the classes of the training samples; some of them have none."),
    ],
)
def test_what_is_lacking_in_words(what, name, sentence):
    assert scores(LACKING[what][0](), [Asked(name)], ["test"]).problems == {name: sentence}


def test_a_part_by_classes_of_samples_without_any():
    found = scores(LACKING["head and labels"][0](), [Asked("knn"), Asked("msp")], ["test"], FitOn(10))
    assert set(found.by_scorer) == {"msp"}
    assert found.problems == {
        "knn": "k-NN is to be fitted on 10 training samples of each class, but none of them has a class; fit it on all."
    }


def test_a_parameter_that_the_training_samples_do_not_allow(run):
    found = scores(run, [Asked.of("knn", {"k": 161}), Asked("knn")], ["test"])
    assert found.problems == {"knn(k=161)": "k-NN with k = 161 needs as many training samples; there are 160."}
    assert set(found.by_scorer) == {"knn"}


def test_a_refusal_is_remembered(run):
    asked = [Asked.of("knn", {"k": 161}), Asked.of("vim", {"dimension": WIDTH}), Asked("msp")]
    assert missing(run, asked, ["test"]) == 3
    first = scores(run, asked, ["test"])
    assert set(first.problems) == {"knn(k=161)", f"vim(dimension={WIDTH})"}
    assert missing(run, asked, list(run.sets)) == 2  # msp on the other sets
    hide(run, "train", "test", "noise")
    watching = Watching()
    assert scores(run.reopened(), asked, ["test"], progress=watching).problems == first.problems
    assert watching.totals == {}


@pytest.mark.parametrize("fit_on", [EVERYTHING, FitOn(40), FitOn(3), FitOn(1)])
@pytest.mark.parametrize("which", ["all classes", "some without", "none"])
def test_what_cannot_be_used_depends_on_the_part(which, fit_on):
    labels = {"all classes": labels_of(160), "some without": np.where(np.arange(160) < 20, -1, labels_of(160))}
    run = make_run(labels={"train": labels[which]} if which in labels else None)
    before = unusable(run, fit_on)
    found = scores(run, ALL, ["test"], fit_on)
    assert before.items() <= found.problems.items()
    assert unusable(run, fit_on) == found.problems
    if which == "none" and fit_on.per_class:
        assert set(before) == set(LEARNING)
    elif which != "all classes" and fit_on.per_class is None:
        assert set(before) == needing(Needs.LABELS)
    else:
        assert before == {}


# Scorers of other packages


def offer(monkeypatch: pytest.MonkeyPatch, name: str, needs: Needs = Needs.LOGITS, **members: object) -> type[Scorer]:
    """Another package's scorer."""
    info = ScorerInfo(name, f"Foreign {name}", Family.LOGITS, "s", needs, parameters=members.pop("parameters", ()))
    kind = type(f"Foreign{name}", (Scorer,), {"info": info, **members})
    registered()
    monkeypatch.setitem(registry._known, name, kind)
    return kind


def raises(self, latents):
    raise ZeroDivisionError("by nothing")


def test_scorers_that_fail_spoil_nothing(run, monkeypatch):
    offer(monkeypatch, "nan", _score=lambda self, latents: np.full(len(latents), np.nan))
    offer(monkeypatch, "raising", _score=raises)
    offer(monkeypatch, "unfit", Needs.LOGITS | Needs.FIT, _fit=raises, _score=raises)
    asked = [Asked("nan"), Asked("msp"), Asked("raising"), Asked("unfit"), Asked("knn")]
    found = scores(run, asked, ["test", "noise"])
    assert set(found.by_scorer) == {"msp", "knn"}
    assert found.problems == {
        "nan": 'On "test": Foreign nan gives scores that are NaN or infinite (first: sample 0); try other parameters.',
        "raising": 'On "test": Foreign raising failed in scoring: ZeroDivisionError: by nothing',
        "unfit": "Foreign unfit failed in fitting: ZeroDivisionError: by nothing",
    }
    assert {meta["scorer"] for meta in run.derived.list("scores").values()} == {"msp", "knn"}
    assert missing(run, asked, ["test", "noise"]) == 0
    hide(run, "train", "test", "noise")
    assert scores(run.reopened(), asked, ["test", "noise"]).problems == found.problems


def test_a_scorer_that_fails_on_one_set_is_kept_on_the_others(run, monkeypatch):
    def fails_on_noise(self, latents):
        return np.full(len(latents), np.inf if len(latents) == 50 else 1.0)

    offer(monkeypatch, "picky", _score=fails_on_noise)
    assert set(scores(run, [Asked("picky")]).problems) == {"picky"}
    assert scores(run, [Asked("picky")], ["test"]).problems == {}
    assert stored_scores(run, Asked("picky"), "noise") is None
    assert stored_scores(run, Asked("picky"), "test") is not None


def test_what_failed_can_be_tried_again(run, monkeypatch):
    kind = offer(monkeypatch, "flaky", Needs.LOGITS | Needs.FIT, _fit=raises, _score=lambda self, latents: np.ones(60))
    assert set(compute(run, [Asked("flaky")], ["test"])) == {"flaky"}
    kind._fit = lambda self, latents: None
    assert set(compute(run, [Asked("flaky")], ["test"])) == {"flaky"}
    assert compute(run, [Asked("flaky")], ["test"], again=True) == {}
    assert scores(run, [Asked("flaky")], ["test"]).problems == {}


def test_what_cannot_be_stored_is_learnt_anew(run, monkeypatch):
    def learn(self, latents):
        self.lookup_ = {1: object()}

    offer(monkeypatch, "odd", Needs.LOGITS | Needs.FIT, _fit=learn, _score=lambda self, latents: np.ones(len(latents)))
    assert set(scores(run, [Asked("odd"), Asked("knn")]).by_scorer) == {"odd", "knn"}
    assert {meta["scorer"] for meta in run.derived.list("scorers").values()} == {"knn"}


def test_names_of_foreign_parameters_cannot_collide(run, monkeypatch):
    for name in ("first", "second"):
        value = {"first": 1.0, "second": 2.0}[name]
        offer(
            monkeypatch,
            name,
            parameters=(Choice("scorer", "a", ("a", "b")), Choice("fit", "a", ("a", "b"))),
            __init__=lambda self, scorer="a", fit="a": vars(self).update(scorer=scorer, fit=fit),
            _score=lambda self, latents, value=value: np.full(len(latents), value),
        )
    asked = [Asked.of(name, {"scorer": "b", "fit": "b"}) for name in ("first", "second")]
    found = scores(run, asked, ["test"]).by_scorer
    assert [of["test"][0] for of in found.values()] == [1, 2]


def test_another_version_of_a_scorer_has_scores_of_its_own(run, monkeypatch):
    scores(run, [Asked("msp"), Asked("knn")], ["test"])
    for name in ("msp", "knn"):
        kind = registered()[name]
        monkeypatch.setattr(kind, "info", dataclasses.replace(kind.info, version=kind.info.version + 1))
    assert missing(run, [Asked("msp"), Asked("knn")], ["test"]) == 2
    assert stored_for(run, ["test"]) == []


# What is stored


def test_which_scores_are_stored_of_which_sets(run):
    knn, few = Asked.of("knn", {"k": 3}), FitOn(30, 4)
    scores(run, [Asked("msp"), knn], ["test", "noise"])
    scores(run, [knn, Asked("vim")], ["noise"], few)
    stored = stored_for(run, ["noise", "test"])
    assert stored == [
        Stored(Asked("msp"), EVERYTHING, ("noise", "test")),
        Stored(Asked("vim"), few, ("noise",)),
        Stored(knn, EVERYTHING, ("noise", "test")),
        Stored(knn, few, ("noise",)),
    ]
    assert [one.asked.name for one in stored_for(run, ["train", "test"])] == ["msp", "knn"]
    assert stored_for(run, ["train"]) == stored_for(run, []) == []
    for one in stored:
        for name in one.sets:
            assert stored_scores(run, one.asked, name, one.fit_on) is not None


def test_stored_scores_that_cannot_be_read_any_more_are_passed_over(run, monkeypatch):
    offer(monkeypatch, "gone", _score=lambda self, latents: np.ones(len(latents)))
    scores(run, [Asked("gone"), Asked("msp"), Asked.of("knn", {"k": 3})], ["test"])
    monkeypatch.undo()
    for key, meta in run.derived.list("scores").items():
        if meta["scorer"] == "knn(k=3)":
            path = run.derived.folder / key / "meta.json"
            path.write_text(json.dumps({**meta, "asked": "knn:neighbours=3"}))
    for name, content in (("damaged", "{"), ("foreign", "[]"), ("empty", "{}")):
        folder = run.derived.folder / "scores" / name
        folder.mkdir()
        (folder / "meta.json").write_text(content)
    assert stored_for(run, ["test"]) == [Stored(Asked("msp"), EVERYTHING, ("test",))]


def test_scores_of_other_training_samples_are_not_listed(run):
    scores(run, [Asked("msp"), Asked("knn")], ["test"])
    run = add_set(run, "extra", "fit", near_means(40, 5), labels_of(40))
    assert stored_for(run, ["test"]) == [Stored(Asked("msp"), EVERYTHING, ("test",))]


def test_two_processes_score_the_same_at_once(workspace):
    run = make_run(workspace=workspace, name="toy")
    program = (
        "import sys; from pathlib import Path; from latentviz import Workspace\n"
        "from latentviz.evaluation.job import request, run_job; from latentviz.evaluation.scores import Asked, FitOn\n"
        "asked = [Asked(name) for name in ('msp', 'knn', 'mahalanobis')]\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(run_job(Path(sys.argv[1]), request('toy', asked, FitOn()), lambda *state: None))"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", program, str(workspace.path)], **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        said, complaint = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, "3 scorers on 2 sets\n"), complaint
    assert len(run.derived.list("scores")) == 6
    assert not list((run.derived.folder / "scores").glob(".*"))
    for name in ("msp", "knn", "mahalanobis"):
        same(stored_scores(run, Asked(name), "noise"), direct(run, Asked(name), "noise"))


def test_share_of_negative_features():
    features = near_means(60, 2)
    features[::2, 0] = -1
    run = make_run(features={"test": features}, labels=None)
    assert negative_share(run) == 30 / features.size
    hide(run, "test")
    assert negative_share(run) == 30 / features.size
    [sentence] = warnings_of(run, [Asked("react"), Asked("msp")])
    assert sentence.startswith("4.2 % of the features are negative, but ReAct take")
    assert warnings_of(run, [Asked("msp")]) == warnings_of(make_run(), [Asked("react")]) == []


# What is asked for


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("msp", "msp", {}),
        ("knn:k=10", "knn", {"k": 10}),
        ("knn:k=10:normalise=false", "knn", {"k": 10, "normalise": False}),
        ("knn:normalise=False:k=1e1", "knn", {"k": 10, "normalise": False}),
        ("knn:k=50", "knn", {}),
        ("ddu:covariance=shared:space=unit", "ddu", {"covariance": "shared", "space": "unit"}),
        ("feature-norm:order=inf", "feature-norm", {"order": np.inf}),
        ("feature-norm:order=1", "feature-norm", {"order": 1}),
        ("residual:dimension=3", "residual", {"dimension": 3}),
        ("residual:dimension=auto", "residual", {}),
    ],
)
def test_what_a_command_line_asks_for(text, name, parameters):
    asked = Asked.read(text)
    assert asked == Asked.of(name, parameters)
    assert asked.make().parameters == {**registered()[name].info.defaults, **parameters}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r'There is no scorer "";'),
        ("knnn:k=3", r'There is no scorer "knnn"; there are .*knn'),
        ("knn:", r'"knn:" is not of the form NAME:PARAMETER=VALUE'),
        ("knn:k", r'"knn:k" is not of the form NAME:PARAMETER=VALUE'),
        ("knn:k10", r"is not of the form"),
        ("knn:kk=10", r'k-NN has no parameter "kk"; it has k, normalise'),
        ("knn:k=ten", r'k-NN: k is "ten"; expected a number'),
        ("knn:k=auto", r'k-NN: k is "auto"; expected a number'),
        ("knn:k=nan", r"k-NN: k is nan; expected 1 to 2000"),
        ("knn:k=inf", r"k-NN: k is inf; expected 1 to 2000"),
        ("knn:k=2.5", r"k-NN: k is 2.5; expected a whole number"),
        ("knn:normalise=perhaps", r"k-NN: normalise is 'perhaps'; choose True, False"),
        ("feature-norm:order=3", r"Feature norm: order is '3'; choose 1, 2, inf"),
        ("msp:t=1", r'Max softmax has no parameter "t"; it has none'),
    ],
)
def test_a_command_line_that_cannot_be_read(text, message):
    with pytest.raises(ScorerError, match=message):
        Asked.read(text)


@st.composite
def asked_for(draw) -> Asked:
    """Any scorer with any parameters that it allows."""
    name = draw(st.sampled_from(NAMES))
    given = {}
    for parameter in registered()[name].info.parameters:
        if isinstance(parameter, Choice):
            values = st.sampled_from(parameter.options)
        elif isinstance(parameter, Names):
            values = st.lists(st.sampled_from(["last", "layer1", "encoder.layer-2"]), min_size=1, unique=True).map(
                "+".join
            )
        elif parameter.whole:
            step = parameter.multiple_of
            values = st.integers(-(-int(parameter.low) // step), int(parameter.high) // step).map(step.__mul__)
        else:
            values = st.floats(parameter.low, parameter.high)
        if isinstance(parameter, Number) and parameter.optional:
            values |= st.none()
        if draw(st.booleans()):
            given[parameter.name] = draw(values)
    return Asked.of(name, given)


@given(asked_for())
def test_whatever_is_asked_for_can_be_written_and_read(asked):
    assert Asked.read(asked.text) == asked
    assert Asked.of(asked.name, asked.make().parameters) == asked
    assert hash(Asked.read(asked.text)) == hash(asked)


def test_labels_name_what_is_not_the_default():
    assert Asked.of("knn", {"k": 50, "normalise": True}).label == "knn"
    assert Asked.of("knn", {"k": 5, "normalise": True}).label == "knn(k=5)"
    assert Asked.of("feature-norm", {"order": np.inf}).label == "feature-norm(order=inf)"


# As a job


def test_an_infinite_parameter_is_stored_and_found_again(run):
    asked = [Asked.of("feature-norm", {"order": order}) for order in (1, 2, np.inf)]
    found = scores(run, asked, ["test"]).by_scorer
    hide(run, "test")
    assert missing(run, asked, ["test"]) == 0
    again = scores(run, asked, ["test"]).by_scorer
    np.testing.assert_array_equal(found["feature-norm(order=inf)"]["test"], -near_means(60, 2).max(axis=1))
    for label in found:
        np.testing.assert_array_equal(again[label]["test"], found[label]["test"])


def test_the_job_scores_the_sets(workspace, tmp_path):
    run = make_run(workspace=workspace, name="toy")
    asked = [Asked.of("feature-norm", {"order": np.inf}), Asked.of("knn", {"k": 3}), Asked.of("knn", {"k": 999})]
    fit_on = FitOn(25, 1)
    record = JobRecord(kind="score", title="", parameters=request("toy", asked, fit_on), created="")
    manifest.write(tmp_path / "job.json", record)
    parameters = manifest.read(tmp_path / "job.json", JobRecord).parameters
    assert parameters == record.parameters == json.loads(json.dumps(record.parameters, allow_nan=False))
    watching = Watching()
    assert run_job(workspace.path, parameters, watching) == (
        "2 scorers on 2 sets. k-NN with k = 999 needs as many training samples; there are 100."
    )
    assert watching.totals["Scoring noise"] == 50
    assert [missing(run, asked[:2], [name], fit_on) for name in ("test", "noise", "train")] == [0, 0, 2]
    hide(run, "train", "test", "noise")
    assert run_job(workspace.path, {**parameters, "scorers": parameters["scorers"][:1]}, silent) == "1 scorer on 2 sets"


def test_the_job_begins_with_what_is_waited_for(workspace):
    roles = {"a": "fit", "b": "ood", "c": "ind", "d": "shifted"}
    features = {name: near_means(20, 1) for name in roles}
    run = make_run(features=features, labels=None, roles=roles, workspace=workspace, name="toy")
    assert in_order(run) == ["c", "b", "d"]
    assert in_order(run, ["a", "d", "b", "c", "b"]) == ["c", "d", "b", "a"]
    with pytest.raises(WorkspaceError, match='no set "e"'):
        in_order(run, ["e"])
    stages = []
    run_job(
        workspace.path,
        request("toy", [Asked("msp")], EVERYTHING, ["d", "a", "c"]),
        lambda stage, *_: stages.append(stage),
    )
    assert [stage for stage in dict.fromkeys(stages) if stage.startswith("Scoring")] == [
        "Scoring c",
        "Scoring d",
        "Scoring a",
    ]


@pytest.mark.parametrize("given", [{"per_class": 0}, {"per_class": -5}, {"per_class": 3, "seed": -1}])
def test_a_part_that_makes_no_sense_is_refused(given):
    with pytest.raises(DataError, match="at least"):
        FitOn(**given)
