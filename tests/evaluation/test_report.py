"""Detection reports: which sets are told apart, stored measures, and files for papers."""

import io
import json
import re
import string

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentviz import Head, Run
from latentviz.errors import DataError, WorkspaceError
from latentviz.evaluation.comparison import best, detection_table
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.report import (
    ENDINGS,
    Split,
    detection,
    marked,
    measured,
    rendered,
    wide,
    write_report,
    written,
)
from latentviz.evaluation.scores import Asked, FitOn, Scores
from latentviz.workspace.manifest import SetEntry
from latentviz.workspace.run import listing_fingerprint, listing_of

HEAD = Head(np.eye(3, 5), np.zeros(3))
ASKED = [Asked("msp"), Asked("feature-norm"), Asked.of("knn", {"k": 5})]
FEW = {"replicates": 50, "seed": 3}


def of_roles(**roles: str) -> Run:
    """A run with 40 samples in every set, shorter ones in OOD sets."""
    random = np.random.default_rng(0)
    long = {"ood": 1.0, "shifted": 1.5}
    features = {
        name: (long.get(role, 2) * random.random((40, 5))).astype(np.float32) for name, role in sorted(roles.items())
    }
    labels = {name: np.arange(40) % 3 for name, role in roles.items() if role != "ood"}
    return Run.from_arrays(features, labels=labels, head=HEAD, roles=roles)


def with_empty_set(run: Run, name: str, role: str) -> Run:
    listing = listing_of([], [], None)
    with run.writing():
        run.add_set(SetEntry(name=name, role=role, listed=0, listing=listing_fingerprint(listing)), listing, 0)
    return run.reopened()


@pytest.fixture
def run() -> Run:
    return of_roles(train="fit", test="ind", noise="ood", digits="ood", fog="shifted")


# Which sets


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"test": "ind", "noise": "ood"}, Split("test", ("noise",))),
        ({"train": "fit", "a": "ind", "b": "ind", "x": "ood", "y": "ood"}, Split("a", ("x", "y"))),
        ({"test": "ind", "noise": "ood", "fog": "shifted"}, Split("test", ("noise",))),
        ({"test": "ind", "fog": "shifted", "snow": "shifted"}, Split("test", ("fog", "snow"))),
    ],
)
def test_the_usual_sets(roles, expected):
    assert Split.of(of_roles(**roles)) == expected


def test_chosen_sets(run):
    assert Split.of(run, others=["fog", "noise"], near=["fog"]) == Split("test", ("fog", "noise"), ("fog",))
    assert Split.of(run, near=["digits", "fog"]).near == ("digits",)
    assert Split.of(run, ind="train").ind == "train"
    assert Split.of(run, ind="noise") == Split("noise", ("digits",))


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"train": "fit", "noise": "ood"}, 'has no held-out in-distribution samples; add a set with the role "ind"'),
        ({"train": "fit", "test": "ind"}, 'has no out-of-distribution set; add one with the role "ood"'),
    ],
)
def test_runs_without_the_sets_it_takes(roles, message):
    with pytest.raises(DataError, match=message):
        Split.of(of_roles(**roles))


def test_empty_sets_are_passed_over_but_not_when_they_were_chosen():
    run = with_empty_set(of_roles(test="ind", fog="shifted"), "noise", "ood")
    assert Split.of(run).others == ("fog",)
    with pytest.raises(DataError, match='"noise" holds no samples'):
        Split.of(run, others=["noise"])
    with pytest.raises(DataError, match='"noise" holds no samples'):
        Split.of(run, ind="noise")
    with pytest.raises(DataError, match="no held-out in-distribution samples"):
        Split.of(with_empty_set(of_roles(noise="ood"), "test", "ind"))


def test_sets_that_cannot_be_told_apart(run):
    with pytest.raises(WorkspaceError, match='has no set "nosie"'):
        Split.of(run, others=["nosie"])
    with pytest.raises(WorkspaceError, match='has no set "tets"'):
        Split.of(run, ind="tets")
    with pytest.raises(DataError, match="has no out-of-distribution set"):
        Split.of(run, others=[])
    with pytest.raises(DataError, match='"test" cannot be told apart from itself'):
        Split.of(run, others=["noise", "test"])


# Measures


@pytest.mark.parametrize("near", [(), ("digits",), ("digits", "noise")])
def test_measures_are_those_of_the_scores(run, near):
    split = Split.of(run, near=near)
    table, found = detection(run, ASKED, split, **FEW)
    expected = detection_table(found.by_scorer, ind="test", sets=split.others, near=near, **FEW)
    pd.testing.assert_frame_equal(table, expected, check_exact=True)


def test_measures_are_stored_scorer_by_scorer(run):
    split = Split.of(run)
    first, _ = detection(run, ASKED[:2], split, **FEW)
    for meta in (run.folder / "derived" / "detection").glob("*/meta.json"):
        content = json.loads(meta.read_text())
        content["rows"]["value"][0] = -7.0  # nobody computes this
        meta.write_text(json.dumps(content))
    second, found = detection(run.reopened(), ASKED, split, **FEW)
    old, new = (second["scorer"].isin(["msp", "feature-norm"]) == known for known in (True, False))
    assert second[old].groupby("scorer")["value"].first().tolist() == [-7, -7]
    pd.testing.assert_frame_equal(second[old].drop(columns="value"), first.drop(columns="value"), check_exact=True)
    expected = detection_table({"knn(k=5)": found.by_scorer["knn(k=5)"]}, ind="test", sets=split.others, **FEW)
    pd.testing.assert_frame_equal(second[new].reset_index(drop=True), expected, check_exact=True)


def test_other_sets_parts_and_seeds_have_measures_of_their_own(run):
    split = Split.of(run)
    table, _ = detection(run, ASKED, split, **FEW)
    for other, _ in (
        detection(run, ASKED, Split.of(run, others=["fog", "noise"]), **FEW),
        detection(run, ASKED, split, FitOn(4), **FEW),
        detection(run, ASKED, split, replicates=50, seed=4),
        detection(run, ASKED, split, replicates=60, seed=3),
    ):
        assert not other.equals(table)
    assert detection(run, ASKED, split, **FEW)[0].equals(table)


def test_whether_all_is_measured(run):
    split = Split.of(run)
    assert not measured(run, ASKED, split)
    detection(run, ASKED[:2], split)
    assert measured(run, ASKED[:2], split)
    assert not measured(run, ASKED, split)
    assert not measured(run, ASKED[:2], Split.of(run, others=["fog"]))


def test_scorers_that_cannot_be_used_are_left_out():
    run = of_roles(test="ind", noise="ood")
    table, found = detection(run, [Asked("knn"), Asked("msp")], Split.of(run), **FEW)
    assert table["scorer"].unique().tolist() == ["msp"]
    assert set(found.problems) == {"knn"}
    table, found = detection(run, [Asked("knn")], Split.of(run), **FEW)
    assert table.empty
    assert wide(table).empty
    for ending in ENDINGS:
        assert rendered(table, found, Split.of(run), ending)


# Tables to read


def of_scorers(*names: str, sets: tuple[str, ...] = ("near_1", "far"), samples: int = 120) -> tuple:
    """A table, scores and split; each scorer is worse than the one before it, the last two are equal."""
    random = np.random.default_rng(1)
    common = {name: random.normal(size=samples) for name in ("test", *sets)}
    scores = Scores()
    for number, name in enumerate(names):
        shift = 3 - min(number, max(len(names) - 2, 0))
        scores.by_scorer[name] = {of: values + (0 if of == "test" else shift) for of, values in common.items()}
    table = detection_table(scores.by_scorer, ind="test", sets=sets, near=sets[:1], replicates=50)
    return table, scores, Split("test", sets, sets[:1])


@pytest.mark.parametrize("metric", METRICS)
def test_numbers_are_written_with_their_intervals(metric):
    table, _, _ = of_scorers("good", "bad", "also bad")
    text, values = written(table, metric), wide(table, metric)
    assert text.index.tolist() == values.index.tolist() == ["good", "bad", "also bad"]
    assert text.columns.tolist() == values.columns.tolist() == ["near_1", "far", "near average", "far average"]
    for row in table[table["metric"] == metric].itertuples():
        assert values.loc[row.scorer, row.set] == row.value
        numbers = [float(found) for found in re.findall(r"\d\.\d{3}", text.loc[row.scorer, row.set])]
        assert numbers == pytest.approx([row.value, row.low, row.high], abs=5e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_only_what_is_surely_the_best_has_a_star(metric):
    for names in (["one", "two", "three"], ["even", "as even"], ["alone"]):
        table, found, split = of_scorers(*names)
        sure = {
            (row.scorer, row.set) for row in best(table, found.by_scorer, metric, ind="test").itertuples() if row.sure
        }
        text = marked(table, found, split, metric)
        starred = {(scorer, name) for scorer in text.index for name in text if text.loc[scorer, name].startswith("★ ")}
        assert starred == sure
        pd.testing.assert_frame_equal(text.map(lambda cell: cell.removeprefix("★ ")), written(table, metric))


def test_a_clear_winner_has_a_star_and_a_tie_has_none():
    table, found, split = of_scorers("one", "two", "three")
    assert marked(table, found, split, "auroc").loc["one", "far"].startswith("★ ")
    table, found, split = of_scorers("even", "as even")
    assert not marked(table, found, split, "auroc").map(lambda cell: "★" in cell).any(axis=None)


# Files

names = st.text(string.ascii_letters + string.digits + "_ +-.()=,%&#", min_size=1, max_size=12).map(str.strip)
distinct = st.lists(names.filter(bool), min_size=4, max_size=4, unique=True)


def test_files_for_programs_hold_the_table():
    table, found, split = of_scorers("knn(k=5)", "msp")
    csv = pd.read_csv(io.BytesIO(rendered(table, found, split, ".csv")))
    pd.testing.assert_frame_equal(csv, table, check_exact=True)
    parquet = pd.read_parquet(io.BytesIO(rendered(table, found, split, ".parquet")))
    pd.testing.assert_frame_equal(parquet, table, check_exact=True)


def test_markdown_is_one_table_a_measure():
    table, found, split = of_scorers("knn(k=5)", "msp")
    text = rendered(table, found, split, ".md").decode()
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    assert len(blocks) == len(METRICS)
    for block, metric in zip(blocks, METRICS, strict=True):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        assert rows[0] == ["Scorer", "near_1", "far", "near average", "far average"]
        assert rows[1] == ["---"] * 5
        expected = marked(table, found, split, metric)
        assert rows[2:] == [[label, *expected.loc[label]] for label in ("knn(k=5)", "msp")]
        assert f"**{METRICS[metric].title}**" in text
    assert text.index("**AUROC**") < text.index("**FPR95**")


@given(distinct)
@settings(deadline=None, max_examples=40)
def test_latex_tables_have_their_columns_and_no_stray_commands(given_names):
    first, second, near, far = given_names
    table, found, split = of_scorers(first, second, sets=(near, far), samples=12)
    text = rendered(table, found, split, ".tex").decode()
    for block in text.strip().split("\n\n"):
        comment, begin, *rows, end = [line for line in block.splitlines() if line != r"\hline"]
        assert comment.startswith("% ")
        assert begin == r"\begin{tabular}{" + "l" * len(split_row(rows[0])) + "}"
        assert end == r"\end{tabular}"
        assert [len(split_row(row)) for row in rows] == [len(split_row(rows[0]))] * 3
        assert [unescaped(cell) for cell in split_row(rows[0])[:3]] == ["Scorer", near, far]
        assert [unescaped(split_row(row)[0]) for row in rows[1:]] == [first, second]
        assert block.count(r"\hline") == 3


def split_row(row: str) -> list[str]:
    """Cells of a LaTeX table's row, in which nothing but these ends or divides cells."""
    assert row.endswith(r" \\")
    cells = re.split(r"(?<!\\) & ", row.removesuffix(r" \\"))
    for cell in cells:
        bare = re.sub(r"\\[_%&#]|\\textbf\{|\}$", "", cell)
        assert not set(bare) & set(r"_%&#\${}~^"), cell
    return cells


def unescaped(cell: str) -> str:
    return re.sub(r"\\([_%&#])", r"\1", cell)


def test_what_is_surely_the_best_is_bold_in_latex():
    table, found, split = of_scorers("one", "two", "three")
    text = rendered(table, found, split, ".tex").decode()
    assert "★" not in text
    assert text.count(r"\textbf{") == sum(
        marked(table, found, split, metric).map(lambda cell: "★" in cell).to_numpy().sum() for metric in METRICS
    )
    assert r"near\_1" in text


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_report_is_written_to_a_file(tmp_path, ending):
    table, found, split = of_scorers("one", "two")
    path = tmp_path / f"report{ending}"
    write_report(table, found, split, path)
    assert path.read_bytes() == rendered(table, found, split, ending)


@pytest.mark.parametrize("name", ["report", "report.txt", "report.csv.gz"])
def test_an_ending_that_is_not_known(tmp_path, name):
    table, found, split = of_scorers("one", "two")
    with pytest.raises(DataError, match=r'cannot be written as ".*"; choose .csv, .parquet, .md, .tex'):
        write_report(table, found, split, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to(tmp_path):
    table, found, split = of_scorers("one", "two")
    with pytest.raises(WorkspaceError, match=r"could not be written: there is no folder .*missing\."):
        write_report(table, found, split, tmp_path / "missing" / "report.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match=r"could not be written: there is no folder .*file\."):
        write_report(table, found, split, tmp_path / "file" / "report.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(WorkspaceError, match=r"folder.csv could not be written: Is a directory"):
        write_report(table, found, split, tmp_path / "folder.csv")
