"""Scores of a run: computed once, stored, and those of the scorers themselves."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz import Head, Run
from latentviz.errors import Cancelled, ScorerError, WorkspaceError
from latentviz.evaluation.job import request, run_job
from latentviz.evaluation.scores import (
    Asked,
    FitOn,
    fit_latents,
    missing,
    negative_share,
    scores,
    stored_scores,
    unusable,
)
from latentviz.jobs import JobRecord
from latentviz.progress import silent
from latentviz.scorers import Choice, Needs, make
from latentviz.scorers import scorers as registered
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
    assert ("knn", {"per_class": 30, "seed": 4}) in said
    assert ("knn", {"per_class": None, "seed": 0}) in said
    assert ("msp", None) in said
    assert {meta["samples"] for meta in run.derived.list("scorers").values()} == {160, 120}


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
    assert missing(run, ALL, ["test"]) == len(expected)


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


def test_share_of_negative_features():
    features = near_means(60, 2)
    features[::2, 0] = -1
    run = make_run(features={"test": features}, labels=None)
    assert negative_share(run) == 30 / features.size
    hide(run, "test")
    assert negative_share(run) == 30 / features.size


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
        elif parameter.whole:
            values = st.integers(int(parameter.low), int(parameter.high))
        else:
            values = st.floats(parameter.low, parameter.high)
        if not isinstance(parameter, Choice) and parameter.optional:
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


def test_the_job_scores_all_sets(workspace, tmp_path):
    run = make_run(workspace=workspace, name="toy")
    asked = [Asked.of("feature-norm", {"order": np.inf}), Asked.of("knn", {"k": 3}), Asked.of("knn", {"k": 999})]
    fit_on = FitOn(25, 1)
    record = JobRecord(kind="score", title="", parameters=request("toy", asked, fit_on), created="")
    manifest.write(tmp_path / "job.json", record)
    parameters = manifest.read(tmp_path / "job.json", JobRecord).parameters
    assert parameters == record.parameters == json.loads(json.dumps(record.parameters, allow_nan=False))
    watching = Watching()
    assert run_job(workspace.path, parameters, watching) == "2 scorers on 3 sets, 1 cannot be used"
    assert watching.totals["Scoring noise"] == 50
    assert missing(run, asked[:2], list(run.sets), fit_on) == 0
    hide(run, "train", "test", "noise")
    assert run_job(workspace.path, {**parameters, "scorers": parameters["scorers"][:2]}, silent) == (
        "2 scorers on 3 sets"
    )
