"""The page "Simulated against measured": every tab on rich and poor sets, pairs, the note, the switch."""

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz.app import domains as page
from latentviz.app import domains_map, scoring_work
from latentviz.app.cached import points
from latentviz.evaluation import domain_statistics
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.detection import threshold_at
from latentviz.evaluation.domains import shares
from latentviz.evaluation.scores import scores
from latentviz.jobs import jobs
from tests.paired import ROWS, domains_of, paired_run
from tests.test_app import figures, on_map, shown, unharmed, words
from tests.versions import add_shifted, clean_run

PAGE = "simulated_against_measured"
TABS = (
    "Map",
    "Pairs",
    "Shift vectors",
    "Pose",
    "Distance and correctness",
    "By class",
    "Without the shift",
    "Flagged share",
)


@pytest.fixture(scope="module")
def workspace_of_one(tmp_path_factory) -> lv.Workspace:
    workspace = lv.Workspace(tmp_path_factory.mktemp("domains"))
    paired_run(workspace, extra=3)
    return workspace


@pytest.fixture(scope="module")
def run(workspace_of_one) -> lv.Run:
    return workspace_of_one["run"]


@pytest.fixture
def app(workspace_of_one, monkeypatch) -> AppTest:
    return shown(workspace_of_one, PAGE, monkeypatch)


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["domains-tabs"] = name
    return unharmed(app.run())


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def choose(app: AppTest, label: str, value) -> AppTest:
    kinds = (app.get("button_group"), app.selectbox, app.slider, app.number_input)
    widget = next(one for kind in kinds for one in kind if one.label == label)
    widget.set_value(value)
    return unharmed(app.run())


def tables(app: AppTest) -> list[pd.DataFrame]:
    return [one.value for one in app.dataframe]


@pytest.mark.parametrize("name", TABS)
def test_every_tab_stands(app, name):
    app = tab(app, name)
    assert "Accuracy, simulated" in metrics(app)
    assert figures(app) or tables(app) or name == "Map"
    assert "60 pairs by name; 3 of measured are left alone" in words(app)


def test_numbers_are_the_librarys(app, run):
    knn = Asked.of("knn", {"k": 50})
    by_set = scores(run, [knn], ["test", "simulated", "measured"]).by_scorer[knn.label]
    found = shares(domains_of(run), [by_set["simulated"], by_set["measured"]], threshold_at(by_set["test"], 0.95)).iloc[
        0
    ]
    assert metrics(app)["Accuracy, measured"] == f"{found['accuracy_other']:.1%}"
    assert metrics(app)["Flagged, measured"] == f"{found['flagged_other']:.1%}"
    few = Asked.of("knn", {"k": 3})
    by_set = scores(run, [few], ["test", "simulated", "measured"]).by_scorer[few.label]
    app = choose(choose(app, "k", 3), "Threshold keeps (%)", 80.0)
    flagged = (by_set["measured"] > threshold_at(by_set["test"], 0.8)).mean()
    assert metrics(app)["Flagged, measured"] == f"{flagged:.1%}"


def test_taking_the_shift_away_moves_every_number(app, run):
    before = metrics(app)
    after = metrics(choose(app, "Shift removed", "mean"))
    assert after["Accuracy, simulated"] == before["Accuracy, simulated"]
    moved = domains_of(run, without="mean")
    right = (moved.prediction[1] == moved.labels[1]).mean()
    assert after["Accuracy, measured"] == f"{right:.1%}"
    assert after["Accuracy, measured"] != before["Accuracy, measured"]


def test_the_domain_that_the_network_knows_stays(app):
    before = metrics(app)
    app = choose(app, "The network knows", "other")
    after = metrics(choose(app, "Shift removed", "mean"))
    assert after["Accuracy, measured"] == before["Accuracy, measured"]


def test_lines_join_the_pairs(app, run):
    state = on_map(tab(app, "Map"))[0]
    assert len(state["paths"]) == ROWS
    assert all(path["thin"] for path in state["paths"])
    # Rows of the map: all simulated chips come first.
    assert state["paths"][7]["rows"] == [7, ROWS + 7]
    wrong = int((run["measured"].read("prediction") != run["measured"].labels)[:ROWS].sum())
    assert sum(path["colour"] == "#c9425f" for path in state["paths"]) == wrong
    state = on_map(choose(app, "Lines", "longest"))[0]
    assert len(state["paths"]) == 20
    state = on_map(choose(app, "How many", 5))[0]
    apart = np.linalg.norm(run["simulated"].features - run["measured"].features[:ROWS], axis=1)
    assert {path["rows"][0] for path in state["paths"]} == set(np.argsort(-apart)[:5].tolist())
    state = on_map(choose(app, "Lines", "class"))[0]
    assert len(state["paths"]) == ROWS // 3
    assert not on_map(choose(app, "Lines", "none"))[0]["paths"]


def test_the_card_shows_both_chips(run):
    of = page.Shown(
        domains_of(run),
        None,
        Asked.of("knn"),
        None,
        "test",
        0.95,
        (np.zeros(60), np.zeros(63)),
        (np.zeros(60), np.zeros(63)),
        np.zeros(60),
    )
    describe = domains_map.describer(of, points(run, ("simulated", "measured")))
    told = describe(ROWS + 4)
    facts = dict(told["facts"])
    assert facts["Set"].startswith("measured")
    assert facts["Partner predicted"].startswith(run["simulated"].table()["prediction"][4])
    assert describe(4)["image"] == told["image"]  # of one pair
    assert describe(5)["image"] != told["image"]
    assert dict(describe(ROWS + 61)["facts"])["Pair"] == "none"


def test_pairs_by_pose_and_none(app):
    app = choose(app, "Pairs", "pose")
    assert "60 pairs by pose" in words(app)
    app = choose(app, "Azimuth within (°)", 0.0)
    assert "60 pairs by pose" in words(app)
    app = tab(choose(app, "Pairs", "none"), "Pairs")
    assert any("There are no pairs" in info.value for info in app.info)
    assert "No pairs are looked for" in words(app)


def test_who_is_left_alone_and_why(app):
    table = next(one for one in tables(app) if "reason" in one)
    assert table["set"].tolist() == ["measured"] * 3
    assert table["id"].str.contains("alone").all()
    assert table["reason"].str.contains("partner").all()


def test_the_note_on_pairs_that_were_matched(workspace, monkeypatch):
    paired_run(workspace, similarity=True)
    app = shown(workspace, PAGE, monkeypatch)
    for name in TABS:
        app = tab(app, name)
        assert any("matched by similarity" in warning.value for warning in app.warning), name
    app = choose(app, "Pairs", "none")
    assert not app.warning


def test_registered_pairs_have_no_such_note(app):
    assert not app.warning


def test_of_the_wrong_ones_only(app, run):
    app = tab(app, "Pairs")
    app.toggle(key="domains-wrong").set_value(True)
    app = unharmed(app.run())
    listed = next(one for one in tables(app) if "distance" in one)
    measured = run["measured"].table()
    wrong = (~measured["correct"].astype(bool))[:ROWS].sum()
    assert len(listed) == wrong
    assert listed["distance"].is_monotonic_decreasing


def test_the_tables_by_class_have_intervals(app, run):
    app = tab(app, "By class")
    well = next(one for one in tables(app) if "Accuracy, measured" in one)
    apart = next(one for one in tables(app) if "MMD²" in one)
    for table in (well, apart):
        assert table["Class"].tolist() == ["all classes", *run.classes]
    assert well["n"][0] == "60 + 63"
    for table, column in (
        (well, "Accuracy, measured"),
        (well, "Flagged, simulated"),
        (apart, "Domain AUC"),
        (apart, "MMD²"),
        (apart, "Henze–Penrose"),
    ):
        assert table[column].str.contains(r"\[.+, .+\]").all(), column
    assert apart["p (MMD)"].str.fullmatch(r"0\.\d{3}").all()


def test_what_a_dash_means_is_said_where_it_is_one_of_the_auc(app):
    note = "with equal means held-out folds"
    assert note not in words(tab(app, "By class"))
    assert note in words(choose(app, "Shift removed", "mean"))


def test_long_comparisons_are_jobs(workspace, monkeypatch):
    paired_run(workspace)
    monkeypatch.setattr(scoring_work, "AT_ONCE", 1e6)
    app = tab(shown(workspace, PAGE, monkeypatch), "By class")
    button = next((one for one in app.button if one.label == "Compare"), None)
    assert button is not None
    unharmed(button.click().run())
    job = next(job for job in jobs(workspace.path) if job.record.kind == "domains")
    assert job.record.parameters["one"] == "simulated"
    assert len(job.record.parameters["pairs"]) == ROWS
    of = domain_statistics.run_job(workspace.path, job.record.parameters, lambda *_: None)
    assert of == "3 classes"


def test_instances_of_one_training_are_dots(workspace, monkeypatch):
    for seed in (0, 1, 2):
        attributes = {"family": "try", "seed": seed, "epoch": 4}
        run = paired_run(workspace, name=f"try-{seed}", seed=seed, attributes=attributes)
        add_shifted(run, "worse", 2 + run["test"].features, run["test"].labels)
    paired_run(workspace, name="elsewhere")
    app = tab(shown(workspace, PAGE, monkeypatch), "Flagged share")
    app.selectbox(key="run").set_value("try-1")
    app = unharmed(app.run())
    assert next(one for one in app.toggle if one.key == "transfer-instances").label == "All 3 instances"
    assert "Over 9 dots (3 shifted sets, 3 models)" in words(app)
    assert "dots of one set under several models are not independent" in words(app)
    assert "Within a severity" not in words(app)  # nothing was corrupted
    table = next(one for one in tables(app) if "AUROC for errors" in one)
    assert set(table["Set"]) == {"test", "simulated", "measured", "worse", "far"}
    assert table.set_index("Set").loc["far", "Accuracy"] == "–"
    app.toggle(key="transfer-instances").set_value(False)
    assert "Over 3 shifted sets of one model" in words(unharmed(app.run()))


# Poor sets


@pytest.mark.parametrize("name", TABS)
def test_sets_without_pairs_poses_or_pictures(workspace, monkeypatch, name):
    run = clean_run(workspace)
    add_shifted(run, "measured", run["test"].features + 1, run["test"].labels)
    app = tab(shown(workspace, PAGE, monkeypatch), name)
    assert figures(app) or tables(app) or app.info or name == "Map"
    assert "No pairs are looked for" in words(app)


@pytest.mark.parametrize("name", TABS)
def test_domains_without_a_class_in_common(workspace, monkeypatch, name):
    run = clean_run(workspace)
    for number, side in enumerate(("simulated", "measured")):
        rows = run["test"].labels == number
        run = add_shifted(run, side, run["test"].features[rows], run["test"].labels[rows])
    app = tab(shown(workspace, PAGE, monkeypatch), name)
    assert "have no class in common" in words(app) or any("in common" in info.value for info in app.info)


@pytest.mark.parametrize("name", TABS)
def test_an_out_of_distribution_set_beside_the_held_out_one(workspace, monkeypatch, name):
    clean_run(workspace)
    app = shown(workspace, PAGE, monkeypatch)
    for label, value in (("Simulated", "test"), ("Measured", "far")):
        app = choose(app, label, value)
    app = tab(app, name)
    assert metrics(app)["Accuracy, far"] == "–"


def test_simulated_chips_are_beside_the_held_out_ones_where_none_are_called_measured(workspace, monkeypatch):
    run = clean_run(workspace)
    for name in ("other-serials", "simulated-center"):
        run = add_shifted(run, name, run["test"].features + 1, run["test"].labels)
    app = shown(workspace, PAGE, monkeypatch)
    chosen = {box.label: box.value for box in app.selectbox}
    assert (chosen["Simulated"], chosen["Measured"]) == ("simulated-center", "test")


def test_a_single_set_asks_for_another(workspace, monkeypatch):
    lv.Run.from_arrays(
        {"test": np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)},
        labels={"test": np.arange(20) % 2},
        head=lv.Head(np.eye(2, 4), np.zeros(2)),
        workspace=workspace,
        name="one",
    )
    app = shown(workspace, PAGE, monkeypatch)
    assert any("latentviz sar-demo" in info.value for info in app.info)


def test_a_run_without_its_head_keeps_the_shift(workspace, monkeypatch):
    run = clean_run(None)
    lv.Run.from_arrays(
        {name: run[name].features for name in ("train", "test", "far")},
        logits={name: run[name].logits for name in ("train", "test", "far")},
        labels={name: run[name].labels for name in ("train", "test")},
        workspace=workspace,
        name="headless",
    )
    app = tab(shown(workspace, PAGE, monkeypatch), "Without the shift")
    options = next(one for one in app.get("button_group") if one.label == "Shift removed").options
    assert len(options) == 1


def test_the_latent_map_is_coloured_by_what_is_known_of_chips(workspace, monkeypatch):
    paired_run(workspace)
    app = shown(workspace, "latent_map", monkeypatch)
    box = next(one for one in app.selectbox if one.label == "Colour by")
    assert "Azimuth" in box.options
    state, _ = on_map(unharmed(box.set_value("azimuth").run()))
    assert state["panels"][0]["colour"]["title"] == "Azimuth"
    assert state["panels"][0]["colour"]["full"] == [10, 69]
