"""The page "Neuron coverage": numbers of the library, the check on every tab, and what it says to bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz import launch
from latentviz.app import coverage
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coverage import Explorer
from latentviz.evaluation.nac_me import nac_me
from latentviz.extraction.layers import layer_states
from latentviz.jobs import jobs
from latentviz.progress import silent
from tests.evaluation.test_coverage import drawn
from tests.evaluation.test_nac_me import trained
from tests.families import family

TABS = ("Detection", "Neurons", "One sample", "Profile size", "Layers", "NAC-ME")


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(element.value for kind in kinds for element in kind)


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def unharmed(app: AppTest) -> AppTest:
    """There is no error but the one that the check is."""
    assert [e.value for e in app.error if not e.value.startswith("Memorisation check failed")] == []
    return app


def shown(workspace: lv.Workspace, monkeypatch) -> AppTest:
    monkeypatch.setenv(launch.WORKSPACES, str(workspace.path))
    app = AppTest.from_file(str(launch.home() / "app.py"), default_timeout=120).run()
    return unharmed(app.switch_page("app_pages/neuron_coverage.py").run())


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state[coverage.TABS_KEY] = name
    return unharmed(app.run())


def slider(app: AppTest, label: str):
    return next(one for one in app.select_slider if one.label == label)


@pytest.fixture(scope="module")
def workspace_of_one(tmp_path_factory) -> lv.Workspace:
    workspace = lv.Workspace(tmp_path_factory.mktemp("coverage"))
    drawn(workspace)
    return workspace


@pytest.mark.parametrize("name", TABS)
def test_every_tab_stands_and_the_check_is_on_all_of_them(workspace_of_one, monkeypatch, name):
    app = tab(shown(workspace_of_one, monkeypatch), name)
    assert "Memorisation check passed" in said(app)
    assert name == "NAC-ME" or figures(app) or "Only the last layer's states are there" in said(app)


def test_numbers_are_the_librarys(workspace_of_one, monkeypatch):
    app = shown(workspace_of_one, monkeypatch)
    slider(app, "Profile images").set_value(100)
    slider(app, "O, enough").set_value(20)
    slider(app, "α, steepness").set_value(5.0)
    app = unharmed(app.run())
    asked = Asked.of("nac-ue", {"samples": 100, "enough": 20, "alpha": 5.0})
    explorer = Explorer(workspace_of_one["run"], "test", ["far"])
    scorer = explorer.fitted(asked)
    table, found = explorer.detection(scorer)
    cell = next(t.value for t in app.table if "NAC-UE" in t.value)["NAC-UE"].iloc[0]
    row = table.iloc[0]
    assert cell.replace("\u00a0", " ") == f"{row.auroc:.3f} ({row.low:.3f} – {row.high:.3f})"
    check = explorer.memorisation(scorer, found["test"])
    assert f"**{check.auroc:.3f}** ({check.low:.3f}\u00a0–\u00a0{check.high:.3f})" in said(app)
    assert "α = 5" in said(app)
    # The same parameters hold where scorers are chosen on other pages.
    assert app.session_state["parameter-nac-ue-samples"] == 100


def test_a_memorised_profile_is_red(tmp_path, monkeypatch):
    workspace = lv.Workspace(tmp_path)
    drawn(workspace, memorised=0.6)
    app = shown(workspace, monkeypatch)
    slider(app, "Profile images").set_value(100)
    app = unharmed(app.run())
    assert "Memorisation check failed" in app.error[0].value


def test_a_preset_says_where_it_comes_from(workspace_of_one, monkeypatch):
    app = shown(workspace_of_one, monkeypatch)
    next(one for one in app.get("button_group") if one.label == "Preset").set_value("imagenet-resnet50")
    app = unharmed(app.run())
    assert "searched by the authors on OOD validation data" in said(app)
    assert slider(app, "α, steepness").disabled
    assert "α = 3e+03" in said(app)


def test_a_sample_that_another_page_sent_is_explained(workspace_of_one, monkeypatch):
    app = shown(workspace_of_one, monkeypatch)
    folder = str(workspace_of_one["run"].folder)
    app.session_state[coverage.SAMPLE_KEY] = (folder, "far", 7)
    app = tab(app, coverage.SAMPLE_TAB)
    assert "**000007**  \nof far" in said(app)
    explorer = Explorer(workspace_of_one["run"], "test", ["far"])
    table = explorer.sample(explorer.fitted(Asked("nac-ue")), "last", "far", 7)
    worst = table.sort_values("lost", ascending=False)["neuron"].iloc[0]
    assert figures(app)[0]["data"][0]["x"][0] == str(worst)
    next(b for b in app.button if b.label == "Choose another").click()
    assert "**000007**  \nof far" not in said(unharmed(app.run()))


def test_nac_me_is_compared_over_models(tmp_path, monkeypatch):
    workspace = lv.Workspace(tmp_path)
    for n, quality in enumerate((0.0, 0.6, 1.2)):
        trained(workspace, quality, f"q{n}", seed=n)
    app = tab(shown(workspace, monkeypatch), "NAC-ME")
    next(one for one in app.number_input if one.label == "O").set_value(5)
    app = unharmed(app.run())
    assert len(figures(app)) == 2
    text = said(app)
    assert "Neither is shown to be better in general" in text
    assert "3 trainings are too few for a conclusion" in text
    x = next(f["data"][0]["x"] for f in figures(app) if "NAC-ME" in f["layout"]["xaxis"]["title"]["text"])
    values = np.frombuffer(__import__("base64").b64decode(x["bdata"])) if isinstance(x, dict) else np.array(x)
    assert len(values) == 3


def test_one_network_alone_has_its_number(tmp_path, monkeypatch):
    workspace = lv.Workspace(tmp_path)
    run = trained(workspace, 0.5, "alone")
    app = tab(shown(workspace, monkeypatch), "NAC-ME")
    assert f"NAC-ME of alone is {nac_me(run).value:.4f}" in said(app)
    assert "It says something beside other networks of the same task" in said(app)


def test_a_run_with_two_held_out_sets_has_the_tab_too(tmp_path, monkeypatch):
    workspace = lv.Workspace(tmp_path)
    drawn(workspace, roles={"train": "fit", "test": "ind", "near": "ind", "far": "ood"})
    app = tab(shown(workspace, monkeypatch), "NAC-ME")
    assert "one under shift (role shifted), both with labels, are needed" in said(app)


def test_a_family_without_shifted_sets_says_what_is_missing(tmp_path, monkeypatch):
    workspace = lv.Workspace(tmp_path)
    family(workspace, seeds=1)
    app = tab(shown(workspace, monkeypatch), "NAC-ME")
    assert "one under shift (role shifted), both with labels, are needed" in said(app)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": None}, "was imported without its last linear layer"),
        ({"roles": {"train": "shifted", "test": "ind", "near": "shifted", "far": "ood"}}, "labels and the role fit"),
    ],
)
def test_runs_that_coverage_cannot_be_counted_for(tmp_path, monkeypatch, options, message):
    if "head" in options:
        reference = drawn(lv.Workspace(tmp_path / "reference"))
        options = {**options, "logits": {s.name: s.logits for s in reference}}
    workspace = lv.Workspace(tmp_path / "w")
    drawn(workspace, **options)
    assert message in said(shown(workspace, monkeypatch))


def test_other_layers_are_stored_by_a_job_and_then_chosen(tmp_path, monkeypatch, make_folder, checkpoint, wait_until):
    classes = ["cat", "dog", "emu"]
    sets = {"train": ("fit", 0), "test": ("ind", 1), "far": ("ood", 2)}
    sources = {}
    for name, (role, seed) in sets.items():
        names = {"fish": 8} if role == "ood" else dict.fromkeys(classes, 8)
        sources[name] = lv.folder(make_folder(tmp_path / name, names, side=16, seed=seed), role)
    workspace = lv.Workspace(tmp_path / "w")
    spec = lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint)
    recipe = lv.Preprocessing(resize=(16, 16), mean=(0.5,), std=(0.25,))
    lv.extract(spec, sources, workspace=workspace, name="r", preprocessing=recipe, progress=silent)
    app = tab(shown(workspace, monkeypatch), "Layers")
    next(b for b in app.button if b.label == "Choose layers").click()
    app = unharmed(app.run())
    chosen = next(one for one in app.multiselect if one.label == "Layers to store")
    assert chosen.options[:3] == ["layer1", "layer2", "layer3"]
    assert chosen.value == ["layer1", "layer2", "layer3"]
    next(b for b in app.button if b.label == "Store states").click()
    app = unharmed(app.run())
    wait_until(lambda: not any(job.active for job in jobs(workspace.path)), 120)
    (job,) = jobs(workspace.path)
    assert job.state.status == "done", job.state.message + job.log
    app = unharmed(app.run())
    pills = next(one for one in app.get("button_group") if one.label == "Layers")
    assert list(pills.options) == ["last", "layer3", "layer2", "layer1"]
    pills.set_value(["last", "layer2"])
    app = unharmed(app.run())
    assert "layer2: α" in said(app)
    layer_states(workspace["r"], ["layer1.0"], progress=silent)
    next(one for one in app.get("button_group") if one.label == "Preset").set_value("cifar10-resnet18")
    app = unharmed(app.run())
    assert "The preset says nothing of layer1.0" in said(app)


def test_an_onnx_run_has_the_last_layer_and_says_so(tmp_path, monkeypatch):
    workspace = lv.Workspace(tmp_path)
    run = drawn(workspace)
    manifest = Path(run.folder / "manifest.json")
    about = json.loads(manifest.read_text())
    about["model"] = {"spec": {"onnx": "/somewhere/net.onnx"}, "title": "net"}
    manifest.write_text(json.dumps(about))
    app = tab(shown(workspace, monkeypatch), "Layers")
    assert "extracted from an ONNX file, which has no gradients of inner layers" in said(app)
