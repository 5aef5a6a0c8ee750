"""The pages on runs that are not as whole as the demo's, and what the page "Add a run" refuses."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz import launch, projection
from latentviz.app import cached, roots
from latentviz.app.scatter.payload import decode
from latentviz.errors import Cancelled, DataError
from latentviz.evaluation.detection import threshold_at
from latentviz.evaluation.scores import Asked, FitOn, scores
from latentviz.extraction import Request, SetRequest
from latentviz.jobs import jobs, submit
from latentviz.launch import home
from latentviz.projection import LayoutSpec, fast, live
from latentviz.projection.fast import Frame
from latentviz.projection.job import request
from latentviz.workspace import SetEntry
from latentviz.workspace.run import listing_of

PAGES = (
    "overview",
    "latent_map",
    "ood_scorers",
    "feature_magnitude",
    "neuron_coverage",
    "clustering",
    "robustness_across_models",
    "simulated_against_measured",
    "neural_collapse",
    "l2_against_plain",
    "train",
    "add_run",
)


@pytest.fixture(autouse=True)
def no_worker_outlives_its_test(tmp_path):
    """The page "Latent map" starts one, which would go on computing for nobody."""
    yield
    for folder in tmp_path.glob("*/jobs"):  # not deeper, where a worker's files come and go
        for job in jobs(folder.parent):
            job.cancel()


def shown(workspace: lv.Workspace | list[lv.Workspace], page: str, monkeypatch) -> AppTest:
    """A page as a new session sees it; it must show no error."""
    listed = workspace if isinstance(workspace, list) else [workspace]
    monkeypatch.setenv(launch.WORKSPACES, os.pathsep.join(str(w.path) for w in listed))
    app = AppTest.from_file(str(home() / "app.py"), default_timeout=120).run()
    return unharmed(app.switch_page(f"app_pages/{page}.py").run())


def unharmed(app: AppTest) -> AppTest:
    assert [error.value for error in app.error] == []
    assert not app.exception
    return app


def figures(app: AppTest) -> list[dict]:
    """The page's plotly figures."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def words(app: AppTest) -> str:
    """All sentences of the page but errors."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.success)
    return "\n".join(element.value for kind in kinds for element in kind)


def on_map(app: AppTest) -> tuple[dict, dict[str, np.ndarray]]:
    """What the map's browser side is told: its state, and arrays by name."""
    arrays = decode(app.get("bidi_component")[0].proto.bytes)
    return json.loads(arrays.pop("state").tobytes()), arrays


def shown_on_map(app: AppTest) -> np.ndarray:
    """Which samples the page shows (N,), bool."""
    state, arrays = on_map(app)
    if state["shown"] is None:
        return np.ones(state["count"], dtype=bool)
    bits = arrays[state["shown"]["name"]]
    return np.unpackbits(bits, count=state["count"], bitorder="little").astype(bool)


def arrays(workspace: lv.Workspace, name: str = "arrays", rows: int = 40, sets: tuple[str, ...] = ("train", "far")):
    """A small run of random features; the same for the same arguments."""
    random = np.random.default_rng(0)
    features = {s: random.normal(size=(rows, 5)).astype(np.float32) for s in sets}
    head = lv.Head(np.eye(3, 5), np.zeros(3))
    return lv.Run.from_arrays(features, head=head, workspace=workspace, name=name)


@pytest.mark.parametrize("rows", [0, 60])
@pytest.mark.parametrize("page", PAGES)
def test_an_interrupted_extraction_can_be_looked_at(
    workspace, make_folder, checkpoint, tmp_path, monkeypatch, page, rows
):
    folder = make_folder(tmp_path / "images", {"a": 40, "b": 40, "c": 40})

    monkeypatch.setattr("latentviz.extraction.run.CHUNK_ROWS", 20)

    def stop(stage: str, done: int, total: int, unit: str = "") -> None:
        if total and done >= rows:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        lv.extract(
            lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint),
            {"train": lv.folder(folder, "fit"), "test": lv.folder(folder, "ind")},
            workspace=workspace,
            name="half",
            batch=20,
            progress=stop,
        )
    app = shown(workspace, page, monkeypatch)
    if page == "overview":
        assert any(f"stopped at {rows} of 240 images" in warning.value for warning in app.warning)


@pytest.mark.parametrize("page", PAGES)
def test_arrays_without_images_head_or_names(workspace, monkeypatch, page):
    random = np.random.default_rng(0)
    features = {name: random.normal(size=(90, 5)).astype(np.float32) for name in ("train", "far")}
    logits = {name: random.normal(size=(90, 40)).astype(np.float32) for name in features}
    lv.Run.from_arrays(features, logits, {"train": random.integers(0, 40, 90)}, workspace=workspace)
    shown(workspace, page, monkeypatch)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_workspace_says_what_to_do(workspace, monkeypatch, page):
    app = shown(workspace, page, monkeypatch)
    assert any("latentviz" in info.value for info in app.info)


def labelled(workspace: lv.Workspace, roles: dict[str, str], classes: int = 3, name: str = "arrays", **options):
    """A small run of features that are never negative, with labels where the role says that there are some."""
    random = np.random.default_rng(0)
    features = {s: np.abs(random.normal(size=(60, 5)) + n).astype(np.float32) for n, s in enumerate(roles)}
    labels = {s: random.integers(0, classes, 60) for s, role in roles.items() if role != "ood"}
    head = lv.Head(random.normal(size=(classes, 5)), np.zeros(classes), options.pop("head", "linear"))
    return lv.Run.from_arrays(
        features, labels=labels, head=head, roles=roles, workspace=workspace, name=name, **options
    )


ROLES = {"train": "fit", "test": "ind", "blur": "shifted", "far": "ood"}


@pytest.mark.parametrize("missing", ROLES.values())
@pytest.mark.parametrize("page", PAGES)
def test_a_run_without_a_role(workspace, monkeypatch, page, missing):
    labelled(workspace, {name: role for name, role in ROLES.items() if role != missing})
    app = shown(workspace, page, monkeypatch)
    if page == "feature_magnitude" and missing == "ind":
        assert 'arrays has no set with the role "ind", so there is no threshold.' in [c.value for c in app.caption]
    if page == "ood_scorers" and missing == "ind":
        assert any('add a set with the role "ind"' in info.value for info in app.info)


@pytest.mark.parametrize("page", PAGES)
def test_a_model_with_one_class(workspace, monkeypatch, page):
    labelled(workspace, ROLES, classes=1)
    shown(workspace, page, monkeypatch)


def test_no_two_options_look_the_same(tmp_path, monkeypatch):
    roots_ = [tmp_path / "one" / "data", tmp_path / "two" / "data"]
    paths = [str(root / "resnet" / "best.pt") for root in roots_] + [str(roots_[0] / "vgg" / "best.pt")]
    for root in roots_:
        root.mkdir(parents=True)
    monkeypatch.setenv(launch.DATA_ROOTS, os.pathsep.join(map(str, roots_)))
    shown = [roots.labels(paths)(path) for path in paths]
    assert shown == ["one/data/resnet/best.pt", "two/data/resnet/best.pt", "data/vgg/best.pt"]
    assert [roots.labels(paths[1:])(path) for path in paths[1:]] == ["data/resnet/best.pt", "data/vgg/best.pt"]


def test_what_is_chosen_is_what_is_meant(workspace, make_folder, checkpoint, tmp_path, monkeypatch):
    roots_ = [tmp_path / "one" / "SAR", tmp_path / "two" / "SAR"]
    for root, count in zip(roots_, (2, 3), strict=True):
        make_folder(root / "chips", {"a": count, "b": 1, "c": 1})
        shutil.copy(checkpoint, root / "w.safetensors")
    monkeypatch.setenv(launch.DATA_ROOTS, os.pathsep.join(map(str, roots_)))
    roots.files.clear()
    roots.image_folders.clear()
    app = shown(workspace, "add_run", monkeypatch)
    weights = app.selectbox(key="weights-file")
    assert weights.options == ["one/SAR/w.safetensors", "two/SAR/w.safetensors"]
    app.selectbox(key="architecture").select("resnet20")
    weights.select_index(1)
    folders = app.multiselect(key="folders")
    assert folders.options == ["one/SAR/chips", "two/SAR/chips"]
    unharmed(folders.set_value([str(roots_[1] / "chips")]).run())
    assert app.session_state["weights-file"] == str(roots_[1] / "w.safetensors")
    unharmed(app.button(key="check").click().run())
    assert any("5 images in 3 classes" in m.value for m in app.markdown)
    # The same check again looks at the files again.
    make_folder(roots_[1] / "chips", {"a": 4})
    unharmed(app.run())
    assert any("5 images in 3 classes" in m.value for m in app.markdown)
    unharmed(app.button(key="check").click().run())
    assert any("6 images in 3 classes" in m.value for m in app.markdown)
    # Names of sets are told as they are written.
    for root in roots_:
        (root / "chips").rename(root / "MSTAR")
    roots.image_folders.clear()
    app.run()
    app.multiselect(key="folders").set_value([str(root / "MSTAR") for root in roots_]).run()
    assert [e.value for e in app.error] == ["Two sets are called MSTAR; every set needs a name of its own."]


def test_folders_with_many_other_files_are_found(make_folder, tmp_path, monkeypatch):
    images = make_folder(tmp_path / "data" / "images", {"a": 1})
    for number in range(60):
        (images / "a" / f"{number:04d}.txt").touch()
    monkeypatch.setenv(launch.DATA_ROOTS, str(tmp_path / "data"))
    roots.image_folders.clear()
    assert roots.image_folders() == [str(images)]


def test_workspaces_of_one_name_can_be_told_apart(tmp_path, monkeypatch):
    both = [lv.Workspace(tmp_path / where / "runs") for where in ("here", "there")]
    for workspace, name in zip(both, ("first", "second"), strict=True):
        arrays(workspace, name)
    app = shown(both, "overview", monkeypatch)
    assert app.title[0].value == "first"
    picker = app.selectbox(key="workspace")
    assert picker.options == [str(w.path) for w in both]
    unharmed(picker.select_index(1).run())
    assert app.title[0].value == "second"
    assert [c.value for c in app.sidebar.caption] == [f"`{both[1].path}`"]


def test_the_run_of_another_workspace_has_its_own_map(tmp_path, monkeypatch):
    first, second = lv.Workspace(tmp_path / "first"), lv.Workspace(tmp_path / "second")
    arrays(first, sets=("train", "far"))
    arrays(second, sets=("test", "far", "near"))
    app = shown([first, second], "latent_map", monkeypatch)
    chosen = app.multiselect[0]
    assert (chosen.label, chosen.value) == ("Sets in the layout", ["train", "far"])
    chosen.set_value(["train"])
    unharmed(apply(app))
    assert app.multiselect[0].value == ["train"]
    unharmed(app.selectbox(key="workspace").select_index(1).run())
    assert app.multiselect[0].value == ["test", "far", "near"]


def apply(app: AppTest) -> AppTest:
    """Press the button of the form "Parameters"."""
    return next(button for button in app.button if button.label == "Apply").click().run()


def test_applied_sets_that_are_gone_are_left_out(workspace, monkeypatch):
    arrays(workspace, sets=("train", "far", "near"))
    app = shown(workspace, "latent_map", monkeypatch)
    app.multiselect[0].set_value(["far", "near"])
    unharmed(apply(app))
    workspace.delete("arrays")
    arrays(workspace, sets=("train", "near"))
    unharmed(app.run())
    assert app.multiselect[0].value == ["near"]


def set_pills(app: AppTest):
    return next(group for group in app.button_group if group.label == "Show sets")


def test_only_what_somebody_hid_is_hidden(workspace, monkeypatch):
    arrays(workspace, sets=("train", "far"))
    app = shown(workspace, "latent_map", monkeypatch)
    assert set_pills(app).value == ["train", "far"]
    set_pills(app).set_value(["far"])
    unharmed(app.run())
    np.testing.assert_array_equal(shown_on_map(app), np.arange(80) >= 40)
    workspace.delete("arrays")
    arrays(workspace, sets=("train", "far", "near"))
    unharmed(app.run())
    assert set_pills(app).value == ["far", "near"]
    np.testing.assert_array_equal(shown_on_map(app), np.arange(120) >= 40)
    # Another page in between changes nothing.
    app = unharmed(app.switch_page("app_pages/overview.py").run())
    app = unharmed(app.switch_page("app_pages/latent_map.py").run())
    assert set_pills(app).value == ["far", "near"]


def test_a_browser_that_missed_a_run_is_told_which_sets_are_shown(workspace, monkeypatch):
    """Else it shows none as chosen, although all are drawn."""
    arrays(workspace, sets=("train", "far"))
    app = unharmed(shown(workspace, "latent_map", monkeypatch).run())
    told = set_pills(app).proto
    assert told.set_value
    assert list(told.raw_values) == ["train", "far"]


def test_a_sample_is_found_by_its_id(workspace, monkeypatch):
    arrays(workspace)
    app = shown(workspace, "latent_map", monkeypatch)

    def find(text: str) -> AppTest:
        return unharmed(app.text_input(key="find-id").set_value(text).run())

    assert "No sample has an id with “nothing”." in [c.value for c in find("nothing").caption]
    many = find("1")
    assert [heading.value for heading in many.subheader] == ["Nothing selected"]
    found = next(frame.value for frame in many.dataframe if "prediction" in frame.value)
    expected = [(s, f"{n:06d}") for s in ("train", "far") for n in range(40) if "1" in str(n)]
    assert list(zip(found["set"], found["id"], strict=True)) == expected
    workspace.delete("arrays")
    arrays(workspace, sets=("train",))
    assert [heading.value for heading in find("39").subheader] == ["Nothing selected", "000039"]


def choose_engine(app: AppTest, engine: str) -> AppTest:
    """Of UMAP, in the form "Parameters"."""
    next(radio for radio in app.radio if radio.label == "UMAP by").set_value(engine)
    return unharmed(apply(app))


def test_parameters_are_applied_and_then_computed(workspace, monkeypatch):
    run = arrays(workspace)
    spec = LayoutSpec(sets=tuple(run.sets), engine="umap-learn")
    app = choose_engine(shown(workspace, "latent_map", monkeypatch), "umap-learn")
    (first,) = jobs(workspace.path)  # the first map is computed unasked
    assert first.record.parameters == request("arrays", spec)
    first.cancel()
    sliders = {slider.label: slider for slider in app.slider}
    sliders["n_neighbors"].set_value(30)
    sliders["min_dist"].set_value(0.5)
    next(box for box in app.selectbox if box.label == "Metric").select("cosine")
    assert len(jobs(workspace.path)) == 1
    unharmed(apply(app))
    assert any("has not been computed yet; the map below is **PCA**" in m.value for m in app.markdown)
    assert len(jobs(workspace.path)) == 1
    unharmed(app.button(key="compute-umap").click().run())
    (second,) = (job for job in jobs(workspace.path) if job.id != first.id)
    changed = spec.model_copy(update={"n_neighbors": 30, "min_dist": 0.5, "metric": "cosine"})
    assert second.record.parameters == request("arrays", changed)


class Underway:
    """A map that is being computed and goes nowhere."""

    def __init__(self, run: lv.Run, spec: LayoutSpec, start: projection.Layout | None = None) -> None:
        self.spec, self.start = spec, start
        self.status, self.error, self.stage, self.layout, self.seconds = "running", None, None, None, 1.5
        places = np.random.default_rng(0).normal(size=(80, spec.dimensions)).astype(np.float32)
        self.frame = Frame(places, epoch=10, epochs=200)

    def cancel(self) -> None:
        if self.status == "running":
            self.status = "cancelled"

    release = cancel  # nobody else looks at it


@pytest.fixture
def underway(monkeypatch) -> list[Underway]:
    """What the page computes, which never ends."""
    started: list[Underway] = []
    monkeypatch.setattr(live, "start", lambda *given: started.append(Underway(*given)) or started[-1])
    monkeypatch.setattr(live, "warm", lambda: None)
    return started


@pytest.mark.skipif(not fast.available(), reason="needs scranpy")
def test_a_map_underway_can_be_cancelled_and_goes_on_from_its_last_frame(workspace, monkeypatch, underway):
    arrays(workspace)
    app = shown(workspace, "latent_map", monkeypatch)
    assert app.get("progress")[0].proto.text == "UMAP: epoch 10 of 200, 1.5 s"
    unharmed(app.button(key="cancel-layout").click().run())
    (first,) = underway
    assert first.status == "cancelled"
    assert "Cancelled; this is the last frame." in [c.value for c in app.caption]
    state, sections = on_map(app)
    np.testing.assert_array_equal(sections[state["panels"][0]["xy"]["name"]], first.frame.coordinates)
    unharmed(app.button(key="go-on").click().run())
    assert len(underway) == 2
    np.testing.assert_array_equal(underway[1].start.coordinates, first.frame.coordinates)
    # Other parameters go on from the frame that is shown.
    {slider.label: slider for slider in app.slider}["min_dist"].set_value(0.4)
    unharmed(apply(app))
    assert underway[1].status == "cancelled"
    assert underway[2].spec.min_dist == 0.4
    np.testing.assert_array_equal(underway[2].start.coordinates, underway[1].frame.coordinates)


@pytest.mark.skipif(not fast.available(), reason="needs scranpy")
def test_a_map_that_failed_says_why_and_can_be_tried_again(workspace, monkeypatch, underway):
    arrays(workspace)
    app = shown(workspace, "latent_map", monkeypatch)
    underway[0].status, underway[0].error = "failed", "Something is wrong."
    app.run()
    assert [error.value for error in app.error] == ["Something is wrong."]
    app.button(key="again").click().run()
    assert [one.status for one in underway] == ["failed", "running"]
    assert underway[1].start is None


def magnitude_page(workspace, monkeypatch):
    app = shown(workspace, "feature_magnitude", monkeypatch)
    return app, lambda: next(slider for slider in app.slider if slider.label == "Threshold")


def group(app: AppTest, label: str):
    return next(group for group in app.button_group if group.label == label)


def go(app: AppTest, page: str) -> AppTest:
    return unharmed(app.switch_page(f"app_pages/{page}.py").run())


def test_percentile_and_threshold_tell_each_other(workspace, monkeypatch):
    run = labelled(workspace, ROLES)
    lengths = {s.name: s.read("norm").astype(float) for s in run}
    app, threshold = magnitude_page(workspace, monkeypatch)

    def level() -> float:
        return app.number_input(key="level").value

    assert level() == 95
    assert threshold().value == -threshold_at(-lengths["test"], 0.95)
    unharmed(app.number_input(key="level").set_value(80.0).run())
    assert threshold().value == -threshold_at(-lengths["test"], 0.8)
    moved = float(np.sort(lengths["test"])[18]) - 1e-3  # of 60
    unharmed(threshold().set_value(moved).run())
    assert threshold().value == moved
    assert level() == 70
    rows = app.table[0].value.set_index("Set")["Called OOD"]
    assert rows["test"].startswith(f"FPR {np.mean(lengths['test'] < moved):.1%} (")
    assert rows["far"].startswith(f"TPR {np.mean(lengths['far'] < moved):.1%} (")
    # Neither other sets nor other pages lose it, and the other page has the share.
    group(app, "Image sets").set_value(["test", "train", "blur"])
    unharmed(app.run())
    assert threshold().value == moved
    app = go(app, "ood_scorers")
    assert level() == 70
    app = go(app, "feature_magnitude")
    assert (threshold().value, level()) == (moved, 70)
    assert group(app, "Image sets").value == ["test", "train", "blur"]
    # A share chosen on another page moves it.
    app = go(app, "ood_scorers")
    unharmed(app.number_input(key="level").set_value(90.0).run())
    app = go(app, "feature_magnitude")
    assert threshold().value == -threshold_at(-lengths["test"], 0.9)


def test_a_threshold_that_keeps_all_or_next_to_none(workspace, monkeypatch):
    run = labelled(workspace, ROLES)
    lengths = run["test"].read("norm").astype(float)
    app, threshold = magnitude_page(workspace, monkeypatch)
    unharmed(app.number_input(key="level").set_value(100.0).run())
    assert app.table[0].value.set_index("Set")["Called OOD"]["test"].startswith("FPR 0.0% (")
    unharmed(threshold().set_value(threshold().max).run())
    assert app.number_input(key="level").value == pytest.approx(max(100 * np.mean(lengths >= threshold().max), 0.1))
    assert threshold().value == threshold().max


def test_balanced_accuracy_is_said_of_ood_sets_only(workspace, monkeypatch):
    labelled(workspace, {**ROLES, "test2": "ind"})
    app, _ = magnitude_page(workspace, monkeypatch)
    group(app, "Image sets").set_value(["train", "test", "test2", "blur", "far"])
    unharmed(app.run())
    table = app.table[0].value.set_index("Set")
    assert (table["Balanced accuracy"] != "–").to_dict() == {
        name: name == "far" for name in ("train", "test", "test2", "blur", "far")
    }
    assert table["Called OOD"].str[:3].to_dict() | {"train": "", "blur": ""} == {
        "train": "",
        "blur": "",
        "test": "FPR",
        "test2": "FPR",
        "far": "TPR",
    }


def test_the_in_distribution_set_is_the_same_on_both_pages(workspace, monkeypatch):
    run = labelled(workspace, {**ROLES, "test2": "ind"})
    app, threshold = magnitude_page(workspace, monkeypatch)
    chosen = next(box for box in app.selectbox if box.label == "In-distribution")
    assert chosen.options == ["test", "test2"]
    unharmed(chosen.select("test2").run())
    lengths = run["test2"].read("norm").astype(float)
    assert threshold().value == -threshold_at(-lengths, 0.95)
    app = go(app, "ood_scorers")
    chosen = next(box for box in app.selectbox if box.label == "In-distribution")
    assert chosen.value == "test2"
    unharmed(chosen.select("test").run())
    app = go(app, "feature_magnitude")
    assert threshold().value == -threshold_at(-run["test"].read("norm").astype(float), 0.95)


def test_samples_without_images_are_a_table_whose_numbers_differ(workspace, monkeypatch):
    labelled(workspace, ROLES)
    app, threshold = magnitude_page(workspace, monkeypatch)
    longer, shorter = (frame.value for frame in app.dataframe)
    assert list(longer.columns) == ["Feature norm ‖z‖₂", "id", "label", "prediction"]
    numbers = longer["Feature norm ‖z‖₂"].astype(float)
    assert numbers.is_unique
    assert numbers.is_monotonic_increasing
    assert (shorter["Feature norm ‖z‖₂"].astype(float) < threshold().value).all()


def test_both_runs_are_named_in_every_tab(workspace, monkeypatch):
    labelled(workspace, ROLES, name="plain", attributes={"family": "a"})
    labelled(workspace, ROLES, name="normalised", attributes={"family": "a"}, head="l2")
    app, _ = magnitude_page(workspace, monkeypatch)
    assert [heading.value for heading in app.subheader] == ["normalised", "plain"] * 2
    for tab in ("Confidence and mistakes", "By class"):
        app.session_state["magnitude-tabs"] = tab
        unharmed(app.run())
        assert [heading.value for heading in app.subheader] == ["normalised", "plain"] * 2


def test_the_run_to_compare_with_is_of_the_same_family_and_has_the_other_head(workspace, monkeypatch):
    def usual(name: str) -> str | None:
        return cached.twin(workspace, workspace[name])

    labelled(workspace, ROLES, name="a", attributes={"family": "x"})
    labelled(workspace, ROLES, name="b", attributes={"family": "x"})
    labelled(workspace, ROLES, name="c", head="l2", attributes={"family": "y"})
    labelled(workspace, ROLES, name="d", head="l2")
    labelled(workspace, ROLES, name="e")
    labelled(workspace, dict(list(ROLES.items())[1:]), name="f", head="l2", attributes={"family": "x"})
    assert [usual(name) for name in "abcdef"] == [None] * 6
    labelled(workspace, ROLES, name="0", head="l2", attributes={"family": "x"})
    assert usual("a") == usual("b") == "0"
    assert usual("0") == "a"
    # A run that cannot be opened is not chosen by itself, and harms the others only where somebody chooses it.
    (workspace.folder("a") / "manifest.json").write_text("{}")
    assert usual("0") == "b"
    app, threshold = magnitude_page(workspace, monkeypatch)
    beside = next(box for box in app.selectbox if box.label == "Beside it")
    assert beside.value == "b"
    unharmed(beside.select("a").run())
    assert any("manifest.json" in warning.value for warning in app.warning)
    assert threshold()


def test_the_map_is_coloured_by_stored_scores(workspace, monkeypatch):
    run = labelled(workspace, ROLES)
    projection.compute(run, LayoutSpec(sets=tuple(run.sets)))
    asked = [Asked.of("energy"), Asked.of("knn", {"k": 5})]
    scores(run, asked, ["test", "far"])
    scores(run, [Asked.of("knn", {"k": 5})], ["test"], FitOn(4, 1))
    damaged = run.derived.folder / "scores" / "damaged"
    damaged.mkdir()
    (damaged / "meta.json").write_text("{")
    app = shown(workspace, "latent_map", monkeypatch)
    by = app.selectbox(key="colour-by")
    titles = ["Energy", "k-NN (k=5)", "k-NN (k=5), fitted on 4 a class, seed 1"]
    assert [option for option in by.options if option.startswith("OOD score")] == [f"OOD score: {t}" for t in titles]
    unharmed(by.select("OOD score: Energy").run())
    assert "Grey: train, blur without scores. Compute them on the page **OOD scorers**." in [
        c.value for c in app.caption
    ]
    # It stays chosen when more is computed, and what is computed is coloured.
    scores(run, [Asked.of("energy")], ["train", "blur"])
    unharmed(app.run())
    assert app.selectbox(key="colour-by").value == "OOD score: Energy"
    assert not any("Grey" in c.value for c in app.caption)


def test_a_point_has_its_own_score_and_arrays_are_read_once(workspace):
    run = labelled(workspace, ROLES)
    layout = projection.compute(run, LayoutSpec(method="pca", sets=("far", "train", "test")))
    found = scores(run, [Asked.of("energy")], ["far", "test"]).by_scorer["energy"]
    (stored,) = cached.stored_for(run, layout.spec.sets)
    assert stored.sets == ("far", "test")
    points, colour = cached.points(run, layout.spec.sets), cached.colour(run, layout, stored)
    assert colour.title == "OOD score: Energy"
    for name in ("far", "test"):
        np.testing.assert_array_equal(colour.values[points["set"] == name], found[name].astype(colour.values.dtype))
    assert np.isnan(colour.values[points["set"] == "train"]).all()
    assert cached.colour(run, layout, stored) is colour
    assert cached.points(run, layout.spec.sets) is points


def test_a_cancelled_umap_says_so_and_can_be_tried_again(workspace, monkeypatch):
    run = arrays(workspace)
    spec = LayoutSpec(sets=tuple(run.sets), engine="umap-learn")
    submit(workspace.path, "project", "UMAP of arrays", request("arrays", spec)).cancel()
    app = choose_engine(shown(workspace, "latent_map", monkeypatch), "umap-learn")
    assert any(w.value.startswith("UMAP of arrays: cancelled.") for w in app.warning)
    unharmed(app.button(key="again-umap").click().run())
    (job,) = jobs(workspace.path)
    assert job.active
    assert app.button(key="cancel-umap")


def test_what_the_page_waits_for_shows_how_far_it_is(workspace, monkeypatch):
    told: list[str] = []
    bar = DeltaGenerator.progress
    monkeypatch.setattr(
        DeltaGenerator, "progress", lambda self, value, text=None, **o: told.append(text) or bar(self, value, text, **o)
    )
    run = arrays(workspace)
    shown(workspace, "latent_map", monkeypatch)
    assert "PCA: 240 of 240 samples" in told
    projection.compute(run, LayoutSpec(sets=tuple(run.sets)))
    shown(workspace, "latent_map", monkeypatch)
    assert "Map quality: 160 of 160 samples" in told


def test_work_that_the_page_waits_for_can_be_stopped():
    def script() -> None:
        import streamlit as st

        from latentviz.app import show

        with show.sentences(), show.progress() as progress:
            progress("PCA", 5, 10, "samples")
            st.stop()

    app = unharmed(AppTest.from_function(script).run())
    assert app.get("progress")[0].proto.text == "PCA: 5 of 10 samples"


def test_a_job_that_another_session_resumed_or_forgot(workspace, monkeypatch):
    run = arrays(workspace)
    job = submit(workspace.path, "project", "UMAP", request("arrays", LayoutSpec(sets=tuple(run.sets))))
    job.cancel()
    app = shown(workspace, "add_run", monkeypatch)
    job.start()
    unharmed(app.button(key=f"resume-{job.id}").click().run())
    assert app.button(key=f"cancel-{job.id}")
    job.cancel()
    unharmed(app.run())
    job.forget()
    unharmed(app.button(key=f"forget-{job.id}").click().run())
    assert "No job was started in this workspace yet." in [c.value for c in app.caption]


def test_a_run_that_is_finished_without_new_rows_is_complete(workspace):
    run = arrays(workspace)
    listing = listing_of(["0", "1"], ["", ""], None)
    writer = run.add_set(SetEntry(name="late", role="ood", listed=2, listing="x"), listing, 0)
    features = np.ones((2, 5), np.float32)
    writer.append(features, run.head.logits(features))
    assert not cached.run(workspace, "arrays").complete
    writer.finish()
    assert cached.run(workspace, "arrays").complete


def test_neighbours_are_looked_up_once(workspace):
    run = arrays(workspace)
    layout = projection.compute(run, LayoutSpec(method="pca", sets=tuple(run.sets)))
    expected = projection.neighbours_of(run, list(run.sets), "far", 3, 12)
    pd.testing.assert_frame_equal(cached.neighbours(run, layout, "far", 3, 12), expected)
    for name in run.sets:
        shutil.rmtree(run.folder / "sets" / name / "features")
    pd.testing.assert_frame_equal(cached.neighbours(run, layout, "far", 3, 12), expected)
    assert len(cached.neighbours(run, layout, "far", 3, 40)) == 40
    rows = cached.rows_of(cached.points(run, layout.spec.sets), expected)
    tables = {s.name: s.table() for s in run}
    assert rows["id"].tolist() == [tables[s]["id"][r] for s, r in zip(expected["set"], expected["row"], strict=True)]
    assert rows[["set", "row"]].equals(expected[["set", "row"]])


def test_only_allowed_folders_can_be_used(tmp_path, monkeypatch):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
    monkeypatch.setenv(launch.DATA_ROOTS, os.pathsep.join([str(inside), str(tmp_path / "missing")]))
    assert roots.allowed() == [inside]

    def request(images: Path, weights: Path) -> Request:
        model = lv.ModelSpec(architecture="resnet20", checkpoint=weights)
        return Request(model=model, sets=[SetRequest(name="a", role="ood", source=str(images))])

    roots.check(request(inside / "images", inside / "w.pt"))
    for refused in (
        request(outside, inside / "w.pt"),
        request(inside, outside / "w.pt"),
        request(inside / ".." / "outside", inside / "w.pt"),
        request(Path("torchvision:CIFAR10:test"), inside / "w.pt"),
        request(Path(f"torchvision:LSUN:test:{inside}"), inside / "w.pt"),
        request(Path(f"{inside}/images.npy,{outside}/labels.npy"), inside / "w.pt"),
        request(Path(f"{inside}/images.npy,labels.npy"), inside / "w.pt"),
    ):
        with pytest.raises(DataError, match="--data-root"):
            roots.check(refused)
    (inside / "link").symlink_to(outside)
    with pytest.raises(DataError, match="--data-root"):
        roots.check(request(inside / "link", inside / "w.pt"))
    code = Request(model=lv.ModelSpec(factory="os:getcwd"), sets=[])
    with pytest.raises(DataError, match="runs code"):
        roots.check(code)
