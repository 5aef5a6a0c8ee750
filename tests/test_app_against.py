"""The page "Detection against accuracy": every tab on whole and on poor runs, and what it says."""

import base64
import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from streamlit.testing.v1 import AppTest

import latentviz as lv
from latentviz.app import pickers, scoring_work
from latentviz.evaluation.accuracy import sets_table
from latentviz.evaluation.coefficients import TITLES
from latentviz.evaluation.corrupted import corrupted_sets, severity_paths
from latentviz.evaluation.estimation import METHODS
from latentviz.evaluation.feature_statistics import feature_statistics, missing, of_features
from latentviz.evaluation.scores import Asked, scores
from latentviz.evaluation.set_statistics import OF_SCORES, of_scores, shifted_sets
from latentviz.jobs import jobs
from tests.evaluation.test_nac_me import trained
from tests.test_app import shown, unharmed
from tests.versions import FAMILIES, add_shifted, add_version, clean_run, corrupted_run, noise

PAGE = "detection_against_accuracy"
TABS = ("Across sets", "Errors within a set", "Estimated accuracy", "Corruptions", "One image")
OF_FEATURES = {name: known.title for name, known in feature_statistics().items()}
STATISTICS = OF_SCORES | OF_FEATURES
SHIFTED = [f"test-{name}-{severity}" for name in FAMILIES for severity in (1, 3, 5)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> lv.Workspace:
    """Three models with the same corrupted sets; nothing is written to them but results."""
    workspace = lv.Workspace(tmp_path_factory.mktemp("corrupted"))
    for seed, name in enumerate(("a", "b", "c")):
        corrupted_run(workspace, name=name, seed=seed)
    return workspace


@pytest.fixture(scope="module")
def run(whole) -> lv.Run:
    """What the page shows first."""
    return whole["a"]


@pytest.fixture
def app(whole, monkeypatch) -> AppTest:
    return shown(whole, PAGE, monkeypatch)


def opened(app: AppTest, tab: str) -> AppTest:
    app.session_state["against"] = tab
    return unharmed(app.run())


def said(app: AppTest) -> list[str]:
    return [element.value for kind in (app.markdown, app.caption, app.info, app.warning) for element in kind]


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def something(app: AppTest) -> bool:
    """Whether there is more than pickers."""
    captions = [c.value for c in app.caption if "(role fit)" not in c.value and "the role fit" not in c.value]
    return bool(captions or app.info or app.table or app.get("plotly_chart") or app.get("html"))


def verdict(app: AppTest) -> str:
    """The sentence in bold above the figure."""
    return next(text for text in said(app) if text.startswith("**Over ")).strip("*")


def details(app: AppTest) -> str:
    """The sentences below it."""
    return next((text for text in said(app) if text.startswith("- ")), "")


def columns(app: AppTest, heading: str) -> pd.DataFrame:
    """The table with a column of that name."""
    return next(table.value for table in app.table if heading in table.value)


def group(app: AppTest, label: str):
    return next(group for group in app.button_group if group.label == label)


# Whole runs


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_has_something_to_see(app, tab):
    app = opened(app, tab)
    assert not app.warning
    assert len(app.get("plotly_chart")) + len(app.get("html")) > 0


def test_the_verdict_is_the_correlation_with_its_numbers(app, run):
    """At first of the mean score of Energy, by Spearman."""
    found = scores(run, [Asked.of("energy")], ("test", *SHIFTED)).by_scorer["energy"]
    table = of_scores(found["test"], {name: found[name] for name in SHIFTED})
    means = table[table["statistic"] == "mean"].set_index("set")["value"]
    accuracy = sets_table(run, SHIFTED).set_index("set")["accuracy"]
    expected = stats.spearmanr(means[SHIFTED], accuracy[SHIFTED]).statistic
    sentence = verdict(app)
    assert sentence.startswith("Over 9 shifted sets of one model in 3 corruptions, Spearman ")
    assert float(numbers(sentence)[0]) == pytest.approx(expected, abs=0.005)
    assert "Within a corruption the mean is " in details(app)
    assert "Within a severity the mean is " in details(app)
    assert "too few to say more" in sentence  # than three corruptions allow


def numbers(sentence: str) -> list[str]:
    """Those with two decimals."""
    return [number.replace("−", "-") for number in re.findall(r"−?\d\.\d\d", sentence)]


@pytest.mark.parametrize("kind", TITLES)
@pytest.mark.parametrize("statistic", STATISTICS)
def test_every_statistic_and_correlation(app, run, statistic, kind):
    app.selectbox(key="statistic").set_value(statistic)
    unharmed(app.run())
    unharmed(group(app, "Correlation").set_value(kind).run())
    if statistic == "nac-me":  # of a model, not of its sets
        assert "the statistic is the same for all" in verdict(app)
    else:
        assert TITLES[kind] in verdict(app)
    first = figures(app)[0]
    title = first["layout"]["xaxis"]["title"]["text"]
    assert title == (f"{STATISTICS[statistic]}: Energy" if statistic in OF_SCORES else STATISTICS[statistic])
    assert any(box.label == "Scorer" for box in app.selectbox) is (statistic in OF_SCORES)
    assert any(box.label == "Threshold keeps (%)" for box in app.number_input) is (statistic == "flagged")
    if statistic in OF_FEATURES and statistic != "nac-me":
        values = of_features(run, "test", SHIFTED, statistic)["value"]
        accuracy = sets_table(run, SHIFTED)["accuracy"]
        with_scipy = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}[kind]
        expected = with_scipy(values.to_numpy(), accuracy.to_numpy()).statistic
        assert float(numbers(verdict(app))[0]) == pytest.approx(expected, abs=0.005)


def test_the_tables_beside_the_figure(app):
    kinds = columns(app, "Correlation")
    assert kinds["Correlation"].tolist() == list(TITLES.values())
    assert kinds["n"].tolist() == 3 * ["9"]
    without = columns(app, "Without")
    assert without["Without"].tolist() == ["noise", "weather"]
    assert without["n"].tolist() == ["3", "6"]
    dots, inside, across = figures(app)
    assert [trace["name"] for trace in dots["data"]] == ["gaussian noise", "shot noise", "fog", "clean"]
    assert set(inside["data"][0]["y"]) <= {"gaussian noise", "shot noise", "fog"}
    assert set(across["data"][0]["y"]) <= {"severity 1", "severity 3", "severity 5"}
    assert any("Intervals: bootstrap of 3 corruptions" in text for text in said(app))


def test_dots_are_coloured_and_joined_as_chosen(app):
    assert all("lines" in trace["mode"] for trace in figures(app)[0]["data"][:-1])
    unharmed(app.toggle(key="dots-lines").set_value(False).run())
    assert {trace["mode"] for trace in figures(app)[0]["data"]} == {"markers"}
    unharmed(group(app, "Colour by").set_value("severity").run())
    assert [trace["name"] for trace in figures(app)[0]["data"]] == ["severity 1", "severity 3", "severity 5", "clean"]


def test_a_model_without_training_images_is_left_out_of_nac_me(tmp_path, monkeypatch):
    workspace = lv.Workspace(tmp_path)
    for n, quality in enumerate((0.0, 0.5, 1.0)):
        trained(workspace, quality, f"q{n}", seed=n)
    features = {s.name: s.features for s in workspace["q0"] if s.role != "fit"}
    labels = {name: workspace["q0"][name].labels for name in features}
    roles = {name: workspace["q0"][name].role for name in features}
    head = workspace["q0"].head
    lv.Run.from_arrays(features, labels=labels, roles=roles, head=head, workspace=workspace, name="unfitted")
    app = shown(workspace, "detection_against_accuracy", monkeypatch)
    unharmed(app.toggle(key="all-models").set_value(True).run())  # without corrupted versions, whatever the statistic
    assert verdict(app).startswith("Over 8 dots")
    app.selectbox(key="statistic").set_value("nac-me")
    unharmed(app.run())
    (left_out,) = [w.value for w in app.warning if "is left out" in w.value]
    assert left_out.startswith("unfitted is left out: ")
    assert 'NAC-ME of "unfitted" needs its last linear layer, and training samples with classes' in left_out
    assert verdict(app).startswith("Over 6 dots")  # three models with two shifted sets


def test_all_models_together(app, whole):
    assert "Model" not in group(app, "Colour by").options
    unharmed(app.toggle(key="all-models").set_value(True).run())
    assert verdict(app).startswith("Over 27 dots (9 shifted sets, 3 models) in 3 corruptions, Spearman ")
    assert any("Scores of different models may have different scales" in text for text in said(app))
    assert "**Across models**" in said(app)
    assert any(
        text.startswith("Means over the 9 sets that all 3 models have. Spearman of the models' means: ")
        for text in said(app)
    )
    models = columns(app, "Model").set_index("Model")
    assert models.index.tolist() == ["a", "b", "c"]
    expected = [sets_table(whole[name], ["test"])["accuracy"].item() for name in "abc"]
    assert models["Clean accuracy"].tolist() == [f"{accuracy:.1%}" for accuracy in expected]
    expected = [sets_table(whole[name], SHIFTED)["accuracy"].mean() for name in "abc"]
    assert models["Mean accuracy"].tolist() == [f"{accuracy:.1%}" for accuracy in expected]
    assert [trace["name"] for trace in figures(app)[-1]["data"]] == ["a", "b", "c"]
    np.testing.assert_allclose([decoded(trace["y"]) for trace in figures(app)[-1]["data"]], np.c_[expected])
    assert any(text.startswith("On the same set, over models: median ") for text in said(app))
    unharmed(group(app, "Colour by").set_value("run").run())
    assert [trace["name"] for trace in figures(app)[0]["data"]] == ["a", "b", "c", "clean"]
    assert len(figures(app)[0]["data"][-1]["text"]) == 3  # a star a model


def test_errors_within_a_set(app, run):
    app = opened(app, "Errors within a set")
    box = next(box for box in app.selectbox if box.label == "Image set")
    assert box.options == ["test", *SHIFTED]
    unharmed(box.set_value("test-fog-5").run())
    found = scores(run, [Asked.of("energy")], ("test", "test-fog-5")).by_scorer["energy"]
    wrong = (run["test-fog-5"].read("prediction") != run["test-fog-5"].labels).sum()
    assert any(f"({wrong} errors among 60)" in text for text in said(app))
    kept = int(np.sum(found["test-fog-5"] <= np.sort(found["test"])[56]))  # the 57th of 60 keeps 95 %
    assert any(text.startswith(f"Kept: n = {kept} (") for text in said(app))
    assert any(text.startswith(f"Flagged: n = {60 - kept} (") for text in said(app))
    assert any("at the threshold that keeps 95.0% of test" in text for text in said(app))


def test_the_errors_of_every_set(app, run):
    app = opened(app, "Errors within a set")
    (every,) = (frame.value for frame in app.dataframe if "AUROC for errors" in frame.value)
    assert every["Set"].tolist() == ["test", *SHIFTED]
    found = scores(run, [Asked.of("energy")], ("test", *SHIFTED)).by_scorer["energy"]
    for name, area in every.set_index("Set")["AUROC for errors"].items():
        wrong = run[name].read("prediction") != run[name].labels
        assert area == pytest.approx(roc_auc_score(wrong, found[name]), abs=1e-12)


def test_estimates_beside_the_truth(app, run):
    app = opened(app, "Estimated accuracy")
    assert columns(app, "Estimate")["Estimate"].tolist() == list(METHODS.values())
    assert columns(app, "Estimate")["Sets"].tolist() == 3 * ["9"]
    listed = app.dataframe[0].value
    assert len(listed) == 3 * 9
    truth = listed.drop_duplicates("set").set_index("set")["truth"]
    expected = sets_table(run, SHIFTED).set_index("set")["accuracy"]
    np.testing.assert_allclose(truth[SHIFTED], expected[SHIFTED])
    as_on_ind = listed[listed["method"] == METHODS["ind"]]["estimate"]
    np.testing.assert_allclose(as_on_ind, sets_table(run, ["test"])["accuracy"].item())
    assert any(text.startswith("An estimate, not a measurement") for text in said(app))


@pytest.mark.parametrize("what", ["accuracy", "mean", "auroc", "norm"])
def test_the_grid_of_corruptions(app, run, what):
    app = opened(app, "Corruptions")
    unharmed(group(app, "Shown").set_value(what).run())
    heat = figures(app)[0]["data"][0]
    assert heat["y"] == ["gaussian noise", "shot noise", "fog"]
    assert heat["x"] == ["1", "3", "5"]
    cells = np.array(decoded(heat["z"])).reshape(3, 3)
    if what == "accuracy":
        expected = corrupted_sets(run).set_index("set")["accuracy"]
    elif what == "norm":
        expected = of_features(run, "test", SHIFTED, "norm").set_index("set")["value"]
    else:
        found = scores(run, [Asked.of("energy")], ("test", *SHIFTED)).by_scorer["energy"]
        table = of_scores(found["test"], {name: found[name] for name in SHIFTED})
        expected = table[table["statistic"] == what].set_index("set")["value"]
    np.testing.assert_allclose(cells.ravel(), expected[SHIFTED])


def decoded(values) -> list[float]:
    """Numbers as plotly writes them: a list, or bytes."""
    if isinstance(values, list):
        return values
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()


def alts(app: AppTest) -> list[str]:
    (element,) = app.get("html")
    return re.findall(r'<img alt="([^"]*)"', element.proto.body)


def test_one_image_under_every_corruption(app, run):
    app = opened(app, "One image")
    row = next(n for n in range(60) if any(f"**{n:06d}**, class " in text for text in said(app)))
    expected = [described("clean", run["test"], row)]
    for name, path in severity_paths(run, list(run.sets), "test", row).items():
        for set_name, at in path[1:]:
            severity = set_name.rsplit("-", 1)[1]
            expected.append(described(f"{name.replace('_', ' ')} severity {severity}", run[set_name], at))
    assert alts(app) == expected


def described(what: str, image_set: lv.ImageSet, row: int) -> str:
    sample = image_set.table().iloc[row]
    return f"{what}: {sample['prediction']}" + ("" if sample["correct"] else ", wrong")


def test_another_image_and_one_by_its_id(app):
    app = opened(app, "One image")

    def named() -> str:
        return next(text for text in said(app) if re.fullmatch(r"\*\*\d{6}\*\*, class .*", text))

    first = named()
    unharmed(next(button for button in app.button if button.label == "Another image").click().run())
    assert named() != first
    (box,) = (box for box in app.text_input if box.label == "or by its id")
    unharmed(box.set_value("00042").run())
    assert named() == "**000042**, class 0"
    unharmed(box.set_value("(nothing").run())
    assert "No image of test has an id with “(nothing”." in said(app)
    assert not app.get("html")


# Poor runs


@pytest.mark.parametrize("tab", TABS)
def test_images_that_could_not_be_read(workspace, monkeypatch, tab):
    run = add_version(clean_run(workspace), "fog", 1, noise(1), skipped=[0, 7])
    run = add_version(run, "fog", 2, noise(2))
    add_version(run, "snow", 2, noise(2), skipped=[59])
    app = opened(shown(workspace, PAGE, monkeypatch), tab)
    if tab == "One image":
        (box,) = (box for box in app.text_input if box.label == "or by its id")
        unharmed(box.set_value("000007").run())
        assert [alt.partition(":")[0] for alt in alts(app)] == ["clean", "fog severity 2", "snow severity 2"]


@pytest.mark.parametrize("written", [0, 20])
@pytest.mark.parametrize("tab", TABS)
def test_versions_whose_extraction_was_stopped(workspace, monkeypatch, tab, written):
    run = clean_run(workspace)
    for severity in (1, 2, 3):
        run = add_version(run, "fog", severity, noise(severity), written=written if severity == 3 else None)
    app = opened(shown(workspace, PAGE, monkeypatch), tab)
    assert any("stopped at" in text for text in said(app))
    if tab == "Corruptions":
        for what in ("mean", "auroc", "norm"):
            unharmed(group(app, "Shown").set_value(what).run())


@pytest.mark.parametrize("tab", TABS)
def test_a_set_without_labels_has_no_dot_and_does_no_harm(workspace, monkeypatch, tab):
    run = corrupted_run(workspace)
    add_shifted(run, "unlabelled", run["test"].features[:9], np.full(9, -1))
    app = opened(shown(workspace, PAGE, monkeypatch), tab)
    if tab == "Across sets":
        assert verdict(app).startswith("Over 9 shifted sets")
        assert "other sets" not in [trace["name"] for trace in figures(app)[0]["data"]]
    if tab == "Errors within a set":
        box = next(box for box in app.selectbox if box.label == "Image set")
        assert box.options == ["test", *SHIFTED]
    if tab == "Estimated accuracy":  # which is what estimates are for
        listed = app.dataframe[0].value.set_index("set").loc["unlabelled"]
        assert listed["estimate"].between(0, 1).all()
        assert listed["truth"].isna().all()
        unknown = columns(app, "Set")
        assert unknown["Set"].tolist() == ["unlabelled"]
        estimate, low, high = listed[listed["method"] == METHODS["atc"]][["estimate", "low", "high"]].iloc[0]
        assert unknown[METHODS["atc"]].tolist() == [f"{estimate:.1%} [{low:.1%}, {high:.1%}]"]


def test_only_sets_without_labels_have_estimates_and_nothing_to_hold_them_against(workspace, monkeypatch):
    run = clean_run(workspace)
    add_shifted(run, "unlabelled", run["test"].features[:9], np.full(9, -1))
    app = shown(workspace, PAGE, monkeypatch)
    assert any("needs sets whose labels still hold" in text for text in said(app))
    for tab in TABS[1:]:
        assert something(opened(app, tab))
    assert columns(opened(app, "Estimated accuracy"), "Set")["Set"].tolist() == ["unlabelled"]
    assert not app.get("plotly_chart")


@pytest.mark.parametrize("tab", TABS)
def test_another_in_distribution_set_can_be_chosen(workspace, monkeypatch, tab):
    run = clean_run(workspace, roles={"train": "ind", "test": "ind", "far": "ood"})
    for severity in (1, 2, 3):
        run = add_version(run, "fog", severity, noise(severity), family="weather")
    app = opened(shown(workspace, PAGE, monkeypatch), tab)
    (picker,) = (box for box in app.selectbox if box.label == "In-distribution")
    assert picker.options == ["train", "test"]
    unharmed(picker.set_value("test").run())
    if tab == "Across sets":
        stars = figures(app)[0]["data"][-1]
        assert decoded(stars["y"]) == [sets_table(run, ["test"])["accuracy"].item()]
    if tab == "Estimated accuracy":
        assert "test" not in app.dataframe[0].value["set"].to_numpy()


def test_a_set_of_one_sample_is_left_out_by_name(workspace, monkeypatch):
    run = corrupted_run(workspace)
    add_shifted(run, "single", run["test"].features[:1], np.zeros(1, int))
    app = shown(workspace, PAGE, monkeypatch)
    unharmed(app.selectbox(key="statistic").set_value("frechet").run())
    assert "1 left out, without a finite value: single." in said(app)
    assert verdict(app).startswith("Over 9 shifted sets of one model")


def test_versions_of_two_clean_sets_are_counted_as_what_they_are(workspace, monkeypatch):
    run = clean_run(workspace)
    for of in ("train", "test"):
        for number, name in enumerate(("fog", "snow", "frost")):
            for severity in (1, 2, 3):
                run = add_version(run, name, severity, noise(severity, number), of=of, family="weather")
    app = shown(workspace, PAGE, monkeypatch)
    assert verdict(app).startswith("Over 18 shifted sets of one model in 3 corruptions, Spearman")
    assert re.search(r"Within a corruption the mean is .* \(6 combinations of corruption, clean set", details(app))
    assert re.search(r"Within a severity the mean is .* \(6 combinations of severity, clean set", details(app))


def test_two_corruptions_have_a_correlation_but_no_interval(workspace, monkeypatch):
    run = clean_run(workspace)
    for name in ("fog", "snow"):
        for severity in (1, 2, 3):
            run = add_version(run, name, severity, noise(severity), family="weather")
    app = shown(workspace, PAGE, monkeypatch)
    value = numbers(verdict(app))[0].replace("-", "−")
    problem = "without an interval: the 6 dots are of 2 groups; an interval needs at least 3 groups."
    assert verdict(app).startswith(f"Over 6 shifted sets of one model, Spearman {value} {problem}")
    assert columns(app, "Correlation")["Value (95 % interval)"].iloc[0] == f"{value}, no interval"


# Long work


def test_distances_of_wide_features_are_computed_in_the_background(workspace, monkeypatch, wait_until):
    run = corrupted_run(workspace)
    monkeypatch.setattr(scoring_work, "AT_ONCE", 30_000)
    app = shown(workspace, PAGE, monkeypatch)
    unharmed(app.selectbox(key="statistic").set_value("frechet").run())
    assert "Not computed yet: Fréchet distance (squared) of run. This takes longer, so it runs in the background." in (
        said(app)
    )
    assert not app.get("plotly_chart")
    unharmed(app.button(key=f"start-statistic-{pickers.id_of(run)}").click().run())
    (job,) = jobs(workspace.path)
    wait_until(lambda: not job.active)
    assert job.state.status == "done", job.state.message
    assert missing(run, "test", SHIFTED, "frechet") == []
    assert verdict(unharmed(app.run())).startswith("Over 9 shifted sets of one model")
    unharmed(app.run())
    assert len(jobs(workspace.path)) == 1


def test_models_without_scores_are_offered_them_and_the_others_shown(workspace, monkeypatch):
    for name in ("a", "b", "c"):
        corrupted_run(workspace, name=name)
    knn = Asked.of("knn")
    scores(workspace["a"], [knn], ("test", *SHIFTED))
    monkeypatch.setattr(scoring_work, "AT_ONCE", 30_000)
    app = shown(workspace, PAGE, monkeypatch)
    unharmed(next(box for box in app.selectbox if box.label == "Scorer").set_value("knn").run())
    unharmed(app.toggle(key="all-models").set_value(True).run())
    offered = [text for text in said(app) if text.startswith("Not computed yet")]
    assert [text.partition(":")[0] for text in offered] == ["Not computed yet for b", "Not computed yet for c"]
    assert verdict(app).startswith("Over 9 shifted sets of one model in 3 corruptions, Spearman ")


def test_without_an_in_distribution_set_the_page_asks_for_one(workspace, monkeypatch):
    run = clean_run(workspace, roles={"train": "fit", "test": "shifted", "far": "ood"})
    for severity in (1, 2, 3):
        run = add_version(run, "fog", severity, noise(severity))
    app = shown(workspace, PAGE, monkeypatch)
    assert any("add a set of role ind" in info.value for info in app.info)
    assert not app.get("tab")


@pytest.mark.parametrize("tab", TABS)
def test_no_tab_is_empty_without_corrupted_versions(workspace, monkeypatch, tab):
    run = clean_run(workspace)
    for number in range(4):
        features = noise(number)(run["test"].features)
        run = add_shifted(run, f"measured-{number}", features, run["test"].labels)
    app = opened(shown(workspace, PAGE, monkeypatch), tab)
    assert something(app)
    if tab == "Across sets":
        assert verdict(app).startswith("Over 4 shifted sets of one model, Spearman")
        assert "Within a" not in details(app)
        assert "**Without one family**" not in said(app)


def test_a_constant_accuracy_says_so(workspace, monkeypatch):
    run = clean_run(workspace)
    for severity in (1, 2, 3):
        for name in ("fog", "snow", "contrast"):
            run = add_version(run, name, severity, lambda z, by=severity: z / (1 + by))  # no prediction changes
    assert len(set(shifted_sets(run)["accuracy"])) == 1
    app = shown(workspace, PAGE, monkeypatch)
    assert verdict(app).startswith(
        "Over 9 shifted sets of one model, no correlation can be given: the accuracy is the same for all 9 dots."
    )
    assert "Too few sets" not in json.dumps(figures(app)[1])


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_sets_say_so(workspace, monkeypatch, count):
    run = clean_run(workspace)
    for severity in range(1, count + 1):
        run = add_version(run, "fog", severity, noise(severity), family="weather")
    app = shown(workspace, PAGE, monkeypatch)
    dots = "there is 1 dot" if count == 1 else "there are 2 dots"
    assert f"no correlation can be given: {dots}; a correlation needs at least 3." in verdict(app)
    assert "1 shifted sets" not in verdict(app)
    assert len(figures(app)[0]["data"]) == 2
    for tab in TABS[1:]:
        opened(app, tab)
