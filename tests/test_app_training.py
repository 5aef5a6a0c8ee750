"""The pages of trainings: neural collapse, L2 against plain, and training itself."""

import json
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz import launch
from latentviz.app import cached, roots
from latentviz.evaluation.collapse import METRICS, collapse
from latentviz.jobs import jobs
from latentviz.training.state import trainings
from tests.families import EPOCHS, checkpoint, family
from tests.test_app import shown, unharmed

COLLAPSE_TABS = ("Over training", "Geometry", "AUROC against collapse")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> lv.Workspace:
    workspace = lv.Workspace(tmp_path_factory.mktemp("family"))
    family(workspace)
    return workspace


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind)


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def table(app: AppTest, heading: str):
    return next(one.value for one in app.table if heading in one.value)


def slider(app: AppTest, label: str):
    return next(one for one in app.select_slider if one.label == label)


def box(app: AppTest, label: str):
    return next(one for one in [*app.selectbox, *app.multiselect, *app.number_input] if one.label == label)


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["collapse"] = name
    return unharmed(app.run())


def choose(app: AppTest, run: str) -> AppTest:
    app.session_state["run"] = run
    return unharmed(app.run())


# Neural collapse


@pytest.mark.parametrize("name", COLLAPSE_TABS)
def test_every_tab_has_figures(whole, monkeypatch, name):
    app = tab(shown(whole, "neural_collapse", monkeypatch), name)
    assert figures(app)
    assert not app.warning
    assert "was not shown to cause detection" in said(app)


def test_the_epoch_moves_the_map_the_simplex_the_lengths_and_the_auroc(whole, monkeypatch):
    app = choose(shown(whole, "neural_collapse", monkeypatch), "fam-linear-s0-e10")
    last = figures(app)
    assert len(last) == 4
    slider(app, "Epoch").set_value(1)
    first = figures(unharmed(app.run()))
    for before, after in zip(last, first, strict=True):
        assert before != after
    marked = [one["layout"]["shapes"][-1]["x0"] for one in (last[-1], first[-1])]
    assert marked == [10, 1]
    assert first[0]["layout"]["xaxis"]["range"] == last[0]["layout"]["xaxis"]["range"]


def test_metrics_and_intervals_are_the_librarys(whole, monkeypatch):
    app = tab(choose(shown(whole, "neural_collapse", monkeypatch), "fam-linear-s1-e10"), "Over training")
    found = collapse(whole["fam-linear-s1-e10"], "train")
    shown_ones = table(app, "Metric").set_index("Metric")["Value (95 % interval)"]
    for name, (title, _) in METRICS.items():
        assert shown_ones[title].startswith(f"{found.metrics[name]:.3g}")
        assert ("(" in shown_ones[title]) == (name in found.intervals)


def test_heads_and_seeds_can_be_left_out(whole, monkeypatch):
    app = tab(shown(whole, "neural_collapse", monkeypatch), "Over training")
    names = {t["name"] for t in figures(app)[0]["data"] if t.get("name")}
    assert names == {"plain", "L2-normalised"}
    next(g for g in app.button_group if g.label == "Heads").set_value(["l2"])
    assert {t["name"] for t in figures(unharmed(app.run()))[0]["data"] if t.get("name")} == {"L2-normalised"}


def test_auroc_against_collapse_says_how_little_few_trainings_say(whole, monkeypatch):
    app = tab(shown(whole, "neural_collapse", monkeypatch), "AUROC against collapse")
    assert "over 12 checkpoints of 4 trainings" in said(app)
    assert "4 trainings are too few for a conclusion" in said(app)
    assert len(table(app, "Head")) == 4


def test_a_run_of_no_family_is_shown_by_itself_and_offers_one(workspace, monkeypatch):
    checkpoint(workspace, name="zz", family="other", epoch=5)
    alone = checkpoint(workspace, name="alone")
    alone.manifest.attributes.clear()
    lv.workspace.manifest.write(alone.folder / "manifest.json", alone.manifest)
    app = choose(shown(workspace, "neural_collapse", monkeypatch), "alone")
    assert "alone is a single network" in said(app)
    assert [one.label for one in app.tabs] == ["This network", "Geometry"]
    assert list(table(app, "AUROC (95 % interval)")["Set"]) == ["far"]
    app.session_state["collapse-alone"] = "Geometry"
    assert len(figures(unharmed(app.run()))) == 4
    next(button for button in app.button if button.label == "other").click()
    assert app.run().session_state["run"] == "zz"


def test_strangers_in_a_family_are_named(workspace, monkeypatch):
    family(workspace, seeds=1)
    checkpoint(workspace, epoch=20, name="stranger", classes=["a", "b", "c"])
    app = choose(shown(workspace, "neural_collapse", monkeypatch), "fam-linear-s0-e10")
    assert [w.value for w in app.warning] == ["stranger is left out: its classes are not those of fam-linear-s0-e10."]


def test_twins_are_of_the_same_seed_and_epoch(whole):
    assert cached.twin(whole, whole["fam-linear-s1-e03"]) == "fam-l2-s1-e03"


def test_a_run_that_is_deleted_meanwhile_disturbs_nobody(workspace, monkeypatch):
    runs = family(workspace, seeds=1)
    gone, glob = runs[0].folder / "manifest.json", Path.glob

    def deletes(path, pattern):
        found = list(glob(path, pattern))
        gone.unlink(missing_ok=True)
        return iter(found)

    monkeypatch.setattr(Path, "glob", deletes)
    assert runs[0].name not in [run.name for run in cached.runs(workspace)]


# L2 against plain


def test_both_heads_seed_by_seed(workspace, monkeypatch):
    family(workspace, seeds=3)
    app = shown(workspace, "l2_against_plain", monkeypatch)
    assert "the feature norm tells far apart better with L2 normalisation" in said(app)
    found = table(app, "L2 − plain (95 % interval)")
    assert set(found["What"]) >= {"Accuracy", "AUROC, Feature norm", "AUROC, DDU density"}
    assert set(found["Pairs"]) == {"3"}
    assert len(figures(app)) == 3  # all networks, and the lengths of two
    assert list(table(app, "L2 (z / ‖z‖)")["Metric"]) == [title for title, _ in METRICS.values()]
    slider(app, "After epoch").set_value(EPOCHS[0])
    assert not table(unharmed(app.run()), "What").equals(found)


def test_one_head_is_not_compared(workspace, monkeypatch):
    checkpoint(workspace)
    app = shown(workspace, "l2_against_plain", monkeypatch)
    assert "is not one of several networks that were trained with and without an L2 head" in said(app)


# Training


@pytest.fixture
def images(make_folder, tmp_path, monkeypatch):
    root = tmp_path / "images"
    make_folder(root / "train", {"a": 12, "b": 12}, side=16)
    make_folder(root / "test", {"a": 4, "b": 4}, side=16, seed=1)
    monkeypatch.setenv(launch.DATA_ROOTS, str(root))
    for listing in (roots.files, roots.image_folders):
        listing.clear()
    return root


@pytest.mark.usefixtures("one_thread")
def test_the_form_trains_and_shows_the_curves(workspace, images, monkeypatch, wait_until):
    app = shown(workspace, "train", monkeypatch)
    assert "Nothing was trained in this workspace yet" in said(app)
    box(app, "Image folders").set_value([str(images / "train"), str(images / "test")])
    app = unharmed(app.run())
    next(g for g in app.button_group if g.label == "Images").set_value("grey")
    box(app, "Architecture").set_value("cnn3")
    box(app, "Epochs").set_value(2)
    box(app, "Seeds").set_value(1)
    app = unharmed(app.run())
    assert "2 networks; checkpoints after epoch 1, 2." in said(app)
    app = unharmed(app.button(key="train").click().run())
    (job,) = jobs(workspace.path)
    wait_until(lambda: not job.active)
    assert job.state.status == "done", job.state.message + job.log
    assert workspace.names() == [f"cnn3-{head}-s0-e{epoch}" for head in ("l2", "linear") for epoch in (1, 2)]
    assert {name: len(state.history) for name, state in trainings(workspace.path).items()} == {
        "cnn3-l2-s0": 2,
        "cnn3-linear-s0": 2,
    }
    app = shown(workspace, "train", monkeypatch)
    assert list(table(app, "Epochs")["Epochs"]) == ["2 of 2", "2 of 2"]
    assert figures(app)


def test_folders_that_were_not_allowed_are_refused(workspace, images, monkeypatch, tmp_path):
    app = shown(workspace, "train", monkeypatch)
    box(app, "Image folders").set_value([str(images / "train"), str(images / "test")])
    app = unharmed(app.run())
    monkeypatch.setenv(launch.DATA_ROOTS, os.devnull)
    monkeypatch.setattr(roots, "allowed", lambda: [tmp_path / "elsewhere"])
    app = app.button(key="train").click().run()
    assert any("is not in a folder that was allowed with --data-root" in e.value for e in app.error)
    assert jobs(workspace.path) == []


def test_without_a_set_to_train_on_the_page_says_so(workspace, images, monkeypatch):
    app = shown(workspace, "train", monkeypatch)
    box(app, "Image folders").set_value([str(images / "test")])
    app = app.run()
    assert [e.value for e in app.error] == ["Give exactly one set of role fit, which is trained on."]
