"""Making corrupted versions in the app, and seeing them on the latent map."""

import os
import shutil
import signal

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

import latentviz as lv
from latentviz import launch
from latentviz.app import cached, roots, versions
from latentviz.evaluation.corrupted import severity_paths
from latentviz.figures.style import OTHER_COLOUR, look
from latentviz.jobs import jobs
from latentviz.progress import silent
from tests.test_app import apply, on_map, set_pills, shown, shown_on_map, unharmed
from tests.test_app_against import PAGE, TABS, group, opened, said, verdict
from tests.versions import add_shifted, add_version, clean_run, corrupted_run, noise


def extracted(workspace: lv.Workspace, make_folder, checkpoint, folder) -> lv.Run:
    """A small network on nine random images."""
    images = make_folder(folder, {"a": 3, "b": 3, "c": 3}, side=32)
    spec = lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint)
    return lv.extract(spec, {"test": lv.folder(images, "ind")}, workspace=workspace, name="net", progress=silent)


def corrupt_button(app: AppTest):
    return next(button for button in app.button if button.label == "Corrupt")


def fill_in(app: AppTest, names: list[str], severities: list[int]) -> AppTest:
    """The form, up to its button."""
    next(box for box in app.multiselect if box.label == "Corruptions").set_value(names)
    group(app, "Severities").set_value(severities)
    return unharmed(corrupt_button(app).click().run())


def test_a_run_of_arrays_says_why_it_has_no_versions(workspace, monkeypatch):
    clean_run(workspace)
    app = shown(workspace, PAGE, monkeypatch)
    assert any("needs sets whose labels still hold" in text for text in said(app))
    assert any("This run was imported as arrays" in text for text in said(app))
    assert not app.get("tab")
    assert "Corrupt" not in [button.label for button in app.button]


def test_a_network_that_was_a_python_object_is_to_be_given_again(workspace, make_folder, tmp_path, monkeypatch):
    images = make_folder(tmp_path / "images", {"a": 2, "b": 2}, side=8)
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    how = lv.Preprocessing(resize=(8, 8), mean=(0.5,), std=(0.25,))
    sets = {"test": lv.folder(images, "ind")}
    lv.extract(network, sets, workspace=workspace, name="net", preprocessing=how, progress=silent)
    app = shown(workspace, PAGE, monkeypatch)
    assert any("`lv.corrupt(run, …, model=network)`" in text for text in said(app))
    assert "Corrupt" not in [button.label for button in app.button]


@pytest.mark.usefixtures("one_thread")
def test_a_set_without_labels_cannot_be_corrupted(workspace, make_folder, checkpoint, tmp_path, monkeypatch):
    images = make_folder(tmp_path / "images", {"x": 3}, side=32)
    spec = lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint)
    lv.extract(spec, {"other": lv.folder(images, "ood")}, workspace=workspace, name="net", progress=silent)
    app = shown(workspace, PAGE, monkeypatch)
    assert any("A complete set with labels is needed" in text for text in said(app))


@pytest.mark.usefixtures("one_thread")
def test_the_form_makes_versions(workspace, make_folder, checkpoint, tmp_path, monkeypatch, wait_until):
    extracted(workspace, make_folder, checkpoint, tmp_path / "images")
    app = shown(workspace, PAGE, monkeypatch)
    assert any("needs sets whose labels still hold" in text for text in said(app))
    app = fill_in(app, [], [1])
    assert [warning.value for warning in app.warning] == ["Choose at least one corruption and one severity."]
    app = fill_in(app, ["contrast", "brightness"], [])
    assert [warning.value for warning in app.warning] == ["Choose at least one corruption and one severity."]
    assert jobs(workspace.path) == []
    app = fill_in(app, ["contrast", "brightness"], [5, 1])
    (job,) = jobs(workspace.path)
    assert job.record.title == "Corrupt test of net"
    wanted = {
        "run": "net",
        "set_name": "test",
        "corruptions": ["contrast", "brightness"],
        "severities": [1, 5],
        "seed": 0,
    }
    assert wanted.items() <= job.record.parameters.items()
    wait_until(lambda: not job.active)
    assert job.state.status == "done", job.state.message
    unharmed(app.run())
    assert verdict(app).startswith("Over 4 shifted sets of one model")
    # The form is there for more.
    app = opened(app, "Corruptions")
    assert corrupt_button(app)
    for tab in TABS:
        opened(app, tab)


@pytest.mark.usefixtures("one_thread")
def test_a_job_underway_is_found_again_and_can_be_cancelled(
    workspace, make_folder, checkpoint, tmp_path, monkeypatch, wait_until
):
    extracted(workspace, make_folder, checkpoint, tmp_path / "images")
    fill_in(shown(workspace, PAGE, monkeypatch), ["common"], [1, 2, 3, 4, 5])
    (job,) = jobs(workspace.path)
    wait_until(lambda: (job.folder / "pid").exists())
    process = int((job.folder / "pid").read_text())
    os.killpg(process, signal.SIGSTOP)  # it must not be done before the page has shown it
    app = shown(workspace, PAGE, monkeypatch)  # another session
    assert "Corrupt test of net" in [caption.value for caption in app.caption]
    assert "Corrupt" not in [button.label for button in app.button]  # one at a time
    app.button(key="cancel-corrupt").click().run()
    os.killpg(process, signal.SIGCONT)
    wait_until(lambda: not job.active)
    assert job.state.status == "cancelled"
    app = shown(workspace, PAGE, monkeypatch)
    if any("needs sets whose labels still hold" in text for text in said(app)):
        assert any("Corrupt test of net: cancelled" in warning.value for warning in app.warning)
    else:
        opened(app, "Corruptions")
    assert corrupt_button(app)


@pytest.mark.usefixtures("one_thread")
def test_a_job_that_failed_is_found_again(workspace, make_folder, checkpoint, tmp_path, monkeypatch, wait_until):
    folder = tmp_path / "images"
    extracted(workspace, make_folder, checkpoint, folder)
    shutil.move(folder, tmp_path / "elsewhere")
    fill_in(shown(workspace, PAGE, monkeypatch), ["contrast"], [2])
    (job,) = jobs(workspace.path)
    wait_until(lambda: not job.active)
    assert job.state.status == "failed"
    app = shown(workspace, PAGE, monkeypatch)  # another session
    (warning,) = (warning.value for warning in app.warning)
    assert warning.startswith("Corrupt test of net: failed. ")
    assert str(folder) in warning
    shutil.move(tmp_path / "elsewhere", folder)
    unharmed(app.button(key="again-corrupt").click().run())
    wait_until(lambda: not job.active)
    unharmed(app.run())
    assert workspace["net"]["test-contrast-2"].complete
    assert verdict(app)


@pytest.mark.usefixtures("one_thread")
def test_after_a_job_that_failed_others_can_be_made(
    workspace, make_folder, checkpoint, tmp_path, monkeypatch, wait_until
):
    """Not only the same once more, which may never succeed."""
    folder = tmp_path / "images"
    extracted(workspace, make_folder, checkpoint, folder)
    shutil.rmtree(folder)
    fill_in(shown(workspace, PAGE, monkeypatch), ["contrast"], [2])
    (job,) = jobs(workspace.path)
    wait_until(lambda: not job.active)
    assert corrupt_button(shown(workspace, PAGE, monkeypatch))


@pytest.mark.usefixtures("one_thread")
def test_images_that_were_corrupted_elsewhere(workspace, make_folder, checkpoint, tmp_path, monkeypatch, wait_until):
    extracted(workspace, make_folder, checkpoint, tmp_path / "images")
    there = tmp_path / "images-c"
    there.mkdir()
    np.save(there / "labels.npy", np.repeat([0, 1, 2], 3))
    np.save(there / "fog.npy", np.random.default_rng(0).integers(0, 256, (45, 32, 32, 3), dtype=np.uint8))
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "other" / "labels.npy", np.zeros(3))  # nothing beside it
    app = shown(workspace, PAGE, monkeypatch)
    assert "Images" not in [box.label for box in app.selectbox]  # no folder may be read
    monkeypatch.setenv(launch.DATA_ROOTS, str(tmp_path))
    roots.corrupted_folders.clear()
    app = shown(workspace, PAGE, monkeypatch)
    (images,) = (box for box in app.selectbox if box.label == "Images")
    assert images.options == ["corrupted here", f"{tmp_path.name}/images-c"]
    images.set_value(str(there))
    fill_in(app, ["common"], [1, 5])
    (job,) = jobs(workspace.path)
    assert job.record.parameters["folder"] == str(there)
    wait_until(lambda: not job.active)
    assert job.state.status == "done", job.state.message
    assert [s.name for s in workspace["net"] if s.role == "shifted"] == ["test-fog-1-files", "test-fog-5-files"]


def test_versions_in_which_the_image_is_not_are_named(workspace, monkeypatch):
    run = add_version(clean_run(workspace), "fog", 1, noise(1))
    ids = [f"snow:{number:06d}" for number in range(60)]
    record = run["test-fog-1"].entry.corruption.model_copy(update={"name": "snow", "seed": None})
    add_shifted(run, "test-snow-1-files", run["test"].features, run["test"].labels, ids, record)
    app = opened(shown(workspace, PAGE, monkeypatch), "One image")
    (caption,) = (text for text in said(app) if text.startswith("This image is not among the versions by "))
    assert caption.startswith("This image is not among the versions by snow (files): ")


# On the map


@pytest.fixture
def versions_on_map(workspace, monkeypatch) -> AppTest:
    """The map of a run with versions, reached from one image by its path of gaussian noise."""
    corrupted_run(workspace)
    app = opened(shown(workspace, PAGE, monkeypatch), "One image")
    (box,) = (box for box in app.text_input if box.label == "or by its id")
    unharmed(box.set_value("000042").run())
    unharmed(next(box for box in app.selectbox if box.label == "Path of").set_value("gaussian_noise").run())
    app.session_state["method"] = "pca"
    unharmed(next(b for b in app.button if b.label == "Show it on the latent map").click().run())
    assert app.title[0].value == "Latent map"
    return unharmed(app.switch_page("app_pages/latent_map.py").run())  # which the test's session does not do itself


NOISY = ("train", "test", *(f"test-gaussian_noise-{severity}" for severity in (1, 3, 5)), "far")


def severities(app: AppTest, where: str):
    return next(group for group in app.button_group if (group.key or "").startswith(f"severities-{where}"))


def test_from_one_image_to_its_path(versions_on_map, workspace):
    app, run = versions_on_map, workspace["run"]
    state, _ = on_map(app)
    assert state["count"] == sum(len(run[name]) for name in NOISY)
    points = cached.points(run, NOISY)
    path = severity_paths(run, NOISY, "test", 42)["gaussian_noise"]
    expected = [int(points.index[(points["set"] == name) & (points["row"] == row)][0]) for name, row in path]
    assert state["paths"] == [{"rows": expected, "colour": look(0).colour, "thin": False}]
    assert app.subheader[0].value == "000042"
    (legend,) = (element.proto.body for element in app.get("html") if "Paths of" in element.proto.body)
    assert "gaussian noise" in legend
    assert look(0).colour in legend
    # Coloured by corruption, as the path is.
    assert app.selectbox(key="colour-by").value == "corruption"
    assert any(text.endswith("raw features of train, test, far and 3 corrupted versions") for text in said(app))


def test_the_map_is_coloured_by_corruption_and_severity(workspace):
    run = corrupted_run(workspace)
    sets = (*NOISY, "test-fog-3")
    by = versions.colour(run, sets, "corruption")
    assert by.categories == ("not corrupted", "gaussian noise", "fog")
    assert by.colours == (OTHER_COLOUR, look(0).colour, look(1).colour)
    lengths = [len(run[name]) for name in sets]
    np.testing.assert_array_equal(by.values, np.repeat([0, 0, 1, 1, 1, 0, 2], lengths))
    strength = versions.colour(run, sets, "severity")
    # Of sets that were not corrupted there is none but the clean images' 0.
    np.testing.assert_array_equal(strength.values, np.repeat([np.nan, 0, 1, 3, 5, np.nan, 3], lengths))


def test_versions_are_shown_by_corruption_and_severity(versions_on_map, workspace):
    app, run = versions_on_map, workspace["run"]
    lengths = [len(run[name]) for name in NOISY]
    assert set_pills(app).options == ["train", "test", "far", "corrupted"]
    unharmed(severities(app, "shown").set_value([3, 5]).run())
    np.testing.assert_array_equal(shown_on_map(app), np.repeat([True, True, False, True, True, True], lengths))
    unharmed(set_pills(app).set_value(["test", ""]).run())
    np.testing.assert_array_equal(shown_on_map(app), np.repeat([False, True, False, True, True, False], lengths))
    unharmed(set_pills(app).set_value(["test"]).run())
    np.testing.assert_array_equal(shown_on_map(app), np.repeat([False, True, False, False, False, False], lengths))


def test_the_layout_has_the_corruptions_and_severities_that_are_chosen(versions_on_map, workspace):
    app, run = versions_on_map, workspace["run"]
    sets, corrupted = app.multiselect[0], app.multiselect[1]
    assert (sets.label, sets.value) == ("Sets in the layout", ["train", "test", "far"])
    assert (corrupted.label, corrupted.value) == ("Corrupted versions", ["gaussian noise"])
    assert corrupted.options == ["gaussian noise", "shot noise", "fog"]
    sets.set_value(["test"])
    corrupted.set_value(["shot noise", "fog"])
    severities(app, "layout").set_value([5])
    unharmed(apply(app))
    expected = ["test", "test-shot_noise-5", "test-fog-5"]
    assert on_map(app)[0]["count"] == sum(len(run[name]) for name in expected)
    assert any(text.endswith("raw features of test and 2 corrupted versions") for text in said(app))
