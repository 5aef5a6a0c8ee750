"""The page "Robustness across models": numbers of the library, one network, tasks that do not fit, long work."""

import pytest
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz.app import scoring_work
from latentviz.evaluation.robustness import Networks
from latentviz.evaluation.robustness_relations import CLEAN, relation, table, verdict, with_ends
from latentviz.jobs import jobs
from tests.families import checkpoint
from tests.test_app import figures, shown, unharmed, words
from tests.versions import clean_run, corrupted_run

PAGE = "robustness_across_models"
TABS = ("One indicator", "All indicators", "Networks", "Corruptions")


@pytest.fixture(scope="module")
def six(tmp_path_factory) -> lv.Workspace:
    workspace = lv.Workspace(tmp_path_factory.mktemp("six"))
    for seed in range(6):
        corrupted_run(workspace, name=f"net{seed}", seed=seed)
    return workspace


@pytest.fixture
def app(six, monkeypatch) -> AppTest:
    return shown(six, PAGE, monkeypatch)


@pytest.fixture(scope="module")
def found(six):
    return Networks.of(list(six), "test").compared()


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["robustness-tabs-True"] = name
    return unharmed(app.run())


@pytest.mark.parametrize("name", TABS)
def test_every_tab_stands(app, name):
    app = tab(app, name)
    assert figures(app)
    assert "6 networks, 3 corruptions × 3 severities of test (60 images)." in words(app)


def test_one_indicator_is_the_librarys(app, found):
    app.selectbox(key="robustness-indicator").set_value("distance-auroc")
    app = unharmed(app.run())
    of, control = relation(found.models, "distance-auroc"), relation(found.models, CLEAN)
    *numbers, conclusion = verdict(of, control)
    assert f"**{conclusion}**" in words(app)
    assert all(sentence in words(app) for sentence in numbers)
    shown_table = app.table[0].value
    assert shown_table["Over networks (95 %)"].tolist() == [with_ends(of.kinds[k]) for k in of.kinds]
    assert shown_table["Given clean accuracy (95 %)"].iloc[0] == with_ends(of.partial["spearman"])


def test_all_indicators_are_the_librarys(app, found):
    app = tab(app, "All indicators")
    expected = table(found)
    shown_table = app.dataframe[0].value
    assert shown_table["Indicator"].tolist() == expected["title"].tolist()
    assert figures(app)[0]["data"][0]["name"] == "over networks"


def test_networks_and_their_accuracies(app, found):
    rows = tab(app, "Networks").dataframe[0].value.set_index("Network")
    for row in found.models.itertuples():
        assert rows.loc[row.run, "Under corruption"].startswith(f"{row.corrupted:.1%} (")


def test_severities_can_be_chosen(app, six):
    next(one for one in app.get("button_group") if one.label == "Severities").set_value([1])
    app = tab(unharmed(app.run()), "Networks")
    expected = Networks.of(list(six), "test").compared(severities=[1]).models.set_index("run")
    rows = app.dataframe[0].value.set_index("Network")
    assert rows.loc["net3", "Under corruption"].startswith(f"{expected.loc['net3', 'corrupted']:.1%} (")


def test_nothing_chosen_is_a_sentence(app):
    next(one for one in app.get("button_group") if one.label == "Severities").set_value([])
    assert "Choose at least one corruption and severity." in words(unharmed(app.run()))
    app.multiselect[0].set_value([])
    assert "Choose at least one network." in words(unharmed(app.run()))


def test_with_a_reference_networks_are_judged_by_mce(app, six):
    app.selectbox(key="robustness-reference").set_value("net2")
    app = tab(unharmed(app.run()), "Networks")
    rows = app.dataframe[0].value.set_index("Network")
    assert rows.loc["net2", "mCE"].startswith("1.000 (")
    assert figures(tab(app, "One indicator"))[0]["layout"]["yaxis"]["title"]["text"] == "mCE"


def test_a_single_network_is_explained(workspace, monkeypatch):
    corrupted_run(workspace, name="alone")
    app = shown(workspace, PAGE, monkeypatch)
    assert "alone is the only network here" in words(app)
    assert [t.label for t in app.tabs] == ["Networks", "Corruptions"]
    assert app.dataframe[0].value["Network"].tolist() == ["alone"]


def test_two_networks_are_too_few_for_a_correlation(workspace, monkeypatch):
    for seed in range(2):
        corrupted_run(workspace, name=f"net{seed}", seed=seed)
    app = shown(workspace, PAGE, monkeypatch)
    assert "**No conclusion: there are 2 dots; a correlation needs at least 3.**" in words(app)
    for name in TABS:
        tab(app, name)


def test_other_tasks_are_not_chosen_and_refused_if_they_are(six, workspace, monkeypatch):
    for name, classes in (("first", "abc"), ("second", "abc"), ("turned", "acb")):
        corrupted_run(workspace, name=name, classes=list(classes))
    app = shown(workspace, PAGE, monkeypatch)
    assert app.multiselect[0].value == ["first", "second"]
    app.multiselect[0].set_value(["first", "turned"])
    app = app.run()
    assert 'the same classes in another order: output 1 is "b" here and "c" there' in app.error[0].value
    assert not app.exception


def test_without_versions_the_page_says_how_to_make_them(workspace, monkeypatch):
    clean_run(workspace, name="clean")
    app = shown(workspace, PAGE, monkeypatch)
    assert "Corrupted versions of test are needed" in words(app)
    assert "latentviz compare --workspace" in words(app)
    assert "--runs clean --clean test" in words(app)


def test_networks_without_versions_can_be_given_them(workspace, monkeypatch, make_folder, checkpoint, tmp_path):
    from latentviz.progress import silent

    images = make_folder(tmp_path / "images", {"a": 2, "b": 2, "c": 2}, side=32)
    for name in ("one", "two"):
        lv.extract(
            lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint), {"test": lv.folder(images, "ind")},
            workspace=workspace, name=name, progress=silent,
        )  # fmt: skip
    lv.corrupt(workspace["one"], "test", ["fog", "contrast"], [1, 3], progress=silent)
    app = shown(workspace, PAGE, monkeypatch)
    assert "2 corruptions × 2 severities of test through 1 network," in words(app)
    monkeypatch.setattr("latentviz.app.jobs_panel.submit", lambda *asked: made.append(asked))
    made = []
    next(one for one in app.button if one.label == "Make versions").click()
    app.run()
    assert made[0][1] == "versions"
    assert made[0][3]["runs"] == ["two"]
    assert made[0][3]["corruptions"] == ["fog", "contrast"]


def test_indicators_that_take_long_are_a_job(workspace, monkeypatch):
    for seed in range(2):
        corrupted_run(workspace, name=f"net{seed}", seed=seed)
    monkeypatch.setattr(scoring_work, "AT_ONCE", 1.0)
    app = shown(workspace, PAGE, monkeypatch)
    assert "Indicators of 2 networks are not computed yet" in words(app)
    next(one for one in app.button if one.label == "Compute").click()
    unharmed(app.run())
    job = jobs(workspace.path)[0]
    assert job.record.kind == "indicators"
    assert job.record.parameters["runs"] == ["net0", "net1"]
    job.cancel()


def test_a_network_that_lacks_something_is_told_and_the_rest_stands(workspace, monkeypatch):
    corrupted_run(workspace, name="whole")
    corrupted_run(workspace, name="poor", seed=1, roles={"train": "shifted", "test": "ind", "far": "ood"})
    app = shown(workspace, PAGE, monkeypatch)
    assert "poor: Multicut of the clean set" in words(app)
    for name in TABS:
        tab(app, name)


def test_checkpoints_of_a_training_without_versions_do_not_disturb(workspace, monkeypatch):
    checkpoint(workspace, epoch=1)
    checkpoint(workspace, epoch=3)
    app = shown(workspace, PAGE, monkeypatch)
    assert "Corrupted versions of test are needed" in words(app)
