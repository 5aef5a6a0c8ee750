"""The page "OOD scorers" where there is more to say than a table: long work, scorers that refuse, nothing chosen."""

import numpy as np
import pytest

import latentviz as lv
from latentviz.app import pickers, scoring_work
from latentviz.evaluation.scores import Asked, missing
from latentviz.jobs import jobs
from tests.test_app import shown, unharmed

SETS = ("test", "far")


@pytest.fixture
def run(workspace):
    """Three classes in eight dimensions, and a set far from them."""
    random = np.random.default_rng(0)
    labels = {name: np.arange(60) % 3 for name in ("train", "test")}
    features = {name: np.abs(4 * np.eye(8)[of] + random.normal(size=(60, 8))) for name, of in labels.items()}
    features["far"] = np.abs(3 * random.normal(size=(40, 8)))
    head = lv.Head(np.eye(3, 8), np.zeros(3))
    features = {name: values.astype(np.float32) for name, values in features.items()}
    return lv.Run.from_arrays(features, labels=labels, head=head, workspace=workspace, name="run")


def said(app) -> list[str]:
    return [element.value for kind in (app.info, app.warning, app.markdown, app.caption) for element in kind]


def test_long_work_is_offered_and_done_in_the_background(run, workspace, monkeypatch, wait_until):
    # As for a hundred thousand samples: what compares every sample with all training samples is too long to wait for.
    monkeypatch.setattr(scoring_work, "AT_ONCE", 30_000)
    app = shown(workspace, "ood_scorers", monkeypatch)
    (offer,) = [text for text in said(app) if text.startswith("Not computed yet")]
    assert "k-NN" in offer
    assert "Max softmax" not in offer
    assert len(app.dataframe) == 1
    assert jobs(workspace.path) == []
    unharmed(app.button(key=f"start-score-{pickers.id_of(run)}").click().run())
    (job,) = jobs(workspace.path)
    wait_until(lambda: not job.active)
    assert job.state.status == "done"
    assert missing(run, [Asked.of("knn")], SETS) == 0
    unharmed(app.run())
    assert not any(text.startswith("Not computed yet") for text in said(app))
    assert "k-NN" in app.dataframe[0].value.index
    # Not once more, whatever is toggled.
    unharmed(app.run())
    assert len(jobs(workspace.path)) == 1


def test_a_scorer_that_refuses_says_why_and_the_others_stay(run, workspace, monkeypatch):
    app = shown(workspace, "ood_scorers", monkeypatch)
    unharmed(app.select_slider(key="parameter-knn-k").set_value(2000).run())
    (reason,) = [warning.value for warning in app.warning]
    assert "k-NN" in reason
    assert "60" in reason
    assert list(app.dataframe[0].value.index) == ["Energy", "Max softmax", "Mahalanobis", "ViM"]
    assert missing(run, [Asked.of("knn", {"k": 2000})], SETS) == 0  # the refusal is known: nothing is read again
    unharmed(app.button(key="scorers-again").click().run())
    assert [warning.value for warning in app.warning] == [reason]
    unharmed(app.button(key="parameter-defaults").click().run())
    assert not app.warning
    assert "k-NN" in app.dataframe[0].value.index


def test_nothing_chosen_asks_for_a_scorer(run, workspace, monkeypatch):
    app = shown(workspace, "ood_scorers", monkeypatch)
    for group in app.button_group:
        if str(group.key).startswith("scorers-"):
            group.set_value([])
    unharmed(app.run())
    assert [info.value for info in app.info] == ["Choose at least one scorer."]


def test_negative_features_are_a_warning_where_a_relu_is_assumed(workspace, monkeypatch):
    random = np.random.default_rng(0)
    features = {name: random.normal(size=(60, 8)).astype(np.float32) for name in ("train", *SETS)}
    labels = {name: np.arange(60) % 3 for name in ("train", "test")}
    head = lv.Head(np.eye(3, 8), np.zeros(3))
    lv.Run.from_arrays(features, labels=labels, head=head, workspace=workspace, name="run")
    app = shown(workspace, "ood_scorers", monkeypatch)
    assert not app.warning
    (shaped,) = [group for group in app.button_group if str(group.key).startswith("scorers-SHAPING")]
    unharmed(shaped.set_value(["react"]).run())
    (warning,) = [warning.value for warning in app.warning]
    assert "ReAct" in warning
    assert "negative" in warning
