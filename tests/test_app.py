"""The pages on runs that are not as whole as the demo's, and what the page "Add a run" refuses."""

import os
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz import launch
from latentviz.app import roots
from latentviz.errors import Cancelled, DataError
from latentviz.extraction import Request, SetRequest
from latentviz.launch import home

PAGES = ("overview", "latent_map", "add_run")


def shown(workspace: lv.Workspace, page: str, monkeypatch) -> AppTest:
    monkeypatch.setenv(launch.WORKSPACES, str(workspace.path))
    app = AppTest.from_file(str(home() / "app.py"), default_timeout=120).run()
    app = app.switch_page(f"app_pages/{page}.py").run()
    assert [error.value for error in app.error] == []
    assert not app.exception
    return app


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
    ):
        with pytest.raises(DataError, match="--data-root"):
            roots.check(refused)
    (inside / "link").symlink_to(outside)
    with pytest.raises(DataError, match="--data-root"):
        roots.check(request(inside / "link", inside / "w.pt"))
    code = Request(model=lv.ModelSpec(factory="os:getcwd"), sets=[])
    with pytest.raises(DataError, match="runs code"):
        roots.check(code)
