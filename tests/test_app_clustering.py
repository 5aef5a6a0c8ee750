"""The page "Clustering": numbers of the library, every tab on rich and poor sets, long work as a job."""

import base64

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz.app import scoring_work
from latentviz.evaluation.clustered import Multicut, clusters, distances
from latentviz.geometry.clustering import METHODS, Clustering
from latentviz.jobs import jobs
from tests.evaluation.test_clustered import drawn
from tests.test_app import figures, on_map, shown, unharmed, words

PAGE = "clustering"
TABS = ("Map", "Contingency", "Distances", "Silhouettes", "Stability", "Images", "Other sets")


@pytest.fixture(scope="module")
def workspace_of_one(tmp_path_factory) -> lv.Workspace:
    workspace = lv.Workspace(tmp_path_factory.mktemp("clustering"))
    drawn(workspace)
    return workspace


@pytest.fixture(scope="module")
def run(workspace_of_one) -> lv.Run:
    return workspace_of_one["linear"]


@pytest.fixture
def app(workspace_of_one, monkeypatch) -> AppTest:
    return shown(workspace_of_one, PAGE, monkeypatch)


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["clustering-tabs"] = name
    return unharmed(app.run())


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def array(written) -> np.ndarray:
    """An array as plotly writes it into a figure."""
    if isinstance(written, list):
        return np.array(written)
    shape = [int(n) for n in str(written.get("shape", "-1")).split(",")]
    return np.frombuffer(base64.b64decode(written["bdata"]), written["dtype"]).reshape(shape)


def choose(app: AppTest, label: str, value) -> AppTest:
    kinds = (app.get("button_group"), app.selectbox, app.slider, app.number_input)
    widget = next(one for kind in kinds for one in kind if one.label == label)
    widget.set_value(value)
    return unharmed(app.run())


# As many clusters as asked for cannot be found among two different points, of which scikit-learn warns.
EQUAL = pytest.mark.filterwarnings("ignore:Number of distinct clusters")


@pytest.mark.parametrize("name", TABS)
def test_every_tab_stands(app, name):
    app = tab(app, name)
    assert metrics(app)["Clusters"] == "5"
    assert figures(app) or name in ("Map", "Images")


def test_numbers_are_the_librarys(app, run):
    app = choose(app, "Clusters K", 7)
    found = clusters(run, "test", Clustering(clusters=7))
    for name, title in (("nmi", "NMI"), ("ari", "ARI"), ("purity", "Purity"), ("accuracy", "Cluster accuracy")):
        assert metrics(app)[title] == f"{found.with_classes.values[name]:.3f}"
        low, high = found.with_classes.intervals[name]
        assert next(one for one in app.metric if one.label == title).delta == f"{low:.3f} – {high:.3f}"
    assert metrics(app)["Silhouette"] == f"{found.silhouette[0]:.3f}"


@pytest.mark.parametrize("method", [*METHODS, "multicut"])
def test_every_method_finds_clusters(app, run, method):
    app = choose(app, "Clusters by", method)
    title = "Clusters found" if method in ("hdbscan", "multicut") else "Clusters"
    how = Multicut() if method == "multicut" else Clustering(method, clusters=5)
    assert metrics(app)[title] == str(clusters(run, "test", how).count)


def test_both_maps_show_the_same_samples_in_the_colours_of_their_classes(app, run):
    state, arrays = on_map(app)
    assert [panel["title"] for panel in state["panels"]] == ["Cluster", "Class"]
    assert state["count"] == len(run["test"])
    assert state["panels"][0]["layout"] == state["panels"][1]["layout"]
    colours = [
        dict(zip(panel["colour"]["names"], panel["colour"]["colours"], strict=True)) for panel in state["panels"]
    ]
    assert all(colours[0][name] == colours[1][name.split(" (")[1][:-1]] for name in colours[0])
    shown_of_cluster = arrays[state["panels"][0]["colour"]["values"]["name"]]
    np.testing.assert_array_equal(shown_of_cluster, clusters(run, "test", Clustering(clusters=5)).labels)


def test_the_overlap_is_the_librarys(app, run):
    app = tab(app, "Distances")
    found = distances(run, "test")
    assert metrics(app)["Overlap"] == f"{found.values['overlap']:.3f}"
    assert figures(app)[0]["data"][0]["name"] == f"overlap {found.values['overlap']:.3f}"


def test_the_contingency_has_matched_pairs_on_its_diagonal(app, run):
    heat = figures(tab(app, "Contingency"))[0]["data"][0]
    assert heat["x"] == list(run.classes)
    found = clusters(run, "test", Clustering(clusters=5))
    counts = array(heat["customdata"])[..., 0]
    assert counts.sum() == len(run["test"])
    assert np.trace(counts) / counts.sum() == pytest.approx(found.with_classes.values["accuracy"])


def test_a_set_without_labels_has_what_needs_none(app):
    app = choose(app, "Image set", "far")
    assert "NMI" not in metrics(app)
    assert metrics(app)["NMI with predictions"]
    assert "far has no labels of the model's classes" in words(app)
    for name in TABS:
        tab(app, name)
    assert "far has no labels" in words(tab(app, "Distances"))


def test_more_clusters_than_samples_are_a_sentence(workspace, monkeypatch):
    features = {"train": np.random.default_rng(0).random((40, 4), dtype=np.float32), "test": np.eye(2, 4)}
    labels = {"train": np.arange(40) % 2, "test": np.array([0, 1])}
    lv.Run.from_arrays(
        {name: values.astype(np.float32) for name, values in features.items()}, labels=labels,
        head=lv.Head(np.eye(2, 4), np.zeros(2)), workspace=workspace, name="two",
    )  # fmt: skip
    app = shown(workspace, PAGE, monkeypatch)
    next(one for one in app.slider if one.label == "Clusters K").set_value(3)
    app = app.run()
    assert [e.value for e in app.error] == ["There are 2 samples for 3 clusters; choose at most 2."]


def test_a_single_class_has_clusters_and_no_distances_between_classes(workspace, monkeypatch):
    features = np.random.default_rng(0).random((60, 4), dtype=np.float32)
    lv.Run.from_arrays(
        {"train": features, "test": features}, labels={"train": np.arange(60) % 2, "test": np.zeros(60, int)},
        head=lv.Head(np.eye(2, 4), np.zeros(2)), workspace=workspace, name="one",
    )  # fmt: skip
    app = shown(workspace, PAGE, monkeypatch)
    for name in TABS:
        if name != "Distances":
            tab(app, name)
    app.session_state["clustering-tabs"] = "Distances"
    app = app.run()
    assert [e.value for e in app.error] == [
        "Distances within and between classes need two classes with two samples each."
    ]


@EQUAL
def test_equal_samples_are_clustered_without_harm(workspace, monkeypatch):
    features = np.ones((30, 4), dtype=np.float32)
    features[15:] = 2
    lv.Run.from_arrays(
        {"train": features, "test": features}, labels={n: np.arange(30) // 15 for n in ("train", "test")},
        head=lv.Head(np.eye(2, 4), np.zeros(2)), workspace=workspace, name="twice",
    )  # fmt: skip
    app = shown(workspace, PAGE, monkeypatch)
    for name in TABS:
        tab(app, name)
    assert metrics(app)["NMI"] == "1.000"


def test_what_takes_long_is_a_job(workspace, monkeypatch):
    drawn(workspace)
    monkeypatch.setattr(scoring_work, "AT_ONCE", 1.0)
    app = shown(workspace, PAGE, monkeypatch)
    assert "runs in the background" in words(app)
    next(one for one in app.button if one.label == "Find clusters").click()
    unharmed(app.run())
    assert [job.record.kind for job in jobs(workspace.path)] == ["cluster"]
    for job in jobs(workspace.path):
        job.cancel()


def test_the_stability_that_takes_long_is_a_job(workspace, monkeypatch):
    run = drawn(workspace)
    clusters(run, "test", Clustering(clusters=5))
    monkeypatch.setattr(scoring_work, "AT_ONCE", 1.0)
    app = tab(shown(workspace, PAGE, monkeypatch), "Stability")
    assert "clusterings of 200 samples take longer" in words(app)
    assert not figures(app)


def test_samples_of_other_sets_are_counted(app, run):
    app = tab(app, "Other sets")
    heat = figures(app)[0]["data"][0]
    assert heat["y"] == ["test", "far"]
    assert array(heat["customdata"])[..., 0].sum(axis=1).tolist() == [len(run["test"]), len(run["far"])]
