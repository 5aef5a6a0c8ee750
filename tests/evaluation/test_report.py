"""Detection reports: which sets are told apart, stored measures, and files for papers."""

import io
import json
import re
import shutil
import string

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz import Head, Run
from latentviz.errors import Cancelled, DataError, WorkspaceError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.comparison import Comparison
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.fitting import FitOn
from latentviz.evaluation.intervals import Resamples, replicate
from latentviz.evaluation.report import (
    ENDINGS,
    Detection,
    Split,
    detection,
    exported,
    measured,
    rendered,
    text_table,
    wide,
    write_report,
    written,
)
from latentviz.evaluation.scores import Scores, stored_scores
from latentviz.evaluation.tables import TextTable, score_table, summary
from latentviz.scorers import Family, Needs, Scorer, ScorerInfo, make, registry, scorers
from latentviz.workspace.manifest import SetEntry
from latentviz.workspace.run import listing_fingerprint, listing_of

HEAD = Head(np.eye(3, 5), np.zeros(3))
ASKED = [Asked("msp"), Asked("feature-norm"), Asked.of("knn", {"k": 5})]
FEW = {"replicates": 50, "seed": 3}
SIZES = {"ind": 40, "fit": 40, "ood": 30, "shifted": 20}


def of_roles(sizes: dict[str, int] = SIZES, **roles: str) -> Run:
    """A run with samples in every set, whose features are shorter in OOD sets."""
    random = np.random.default_rng(0)
    long = {"ood": 1.0, "shifted": 1.5}
    features = {
        name: (long.get(role, 2) * random.random((sizes[role] + number, 5))).astype(np.float32)
        for number, (name, role) in enumerate(sorted(roles.items()))
    }
    labels = {name: np.arange(len(features[name])) % 3 for name, role in roles.items() if role != "ood"}
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
    assert Split.of(run, others=["fog", "noise"], near=["noise"]) == Split("test", ("fog", "noise"), ("noise",))
    assert Split.of(run, ind="train").ind == "train"
    assert Split.of(run, ind="noise") == Split("noise", ("digits",))
    twice = Split.of(run, others=["noise", "fog", "noise"], near=["noise", "noise"])
    assert twice == Split("test", ("noise", "fog"), ("noise",))
    assert twice.sets == ("test", "noise", "fog")


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"train": "fit", "noise": "ood"}, 'no held-out in-distribution samples; add a set with the role "ind"'),
        ({"train": "fit", "test": "ind"}, 'no out-of-distribution samples; add a set with the role "ood"'),
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


def test_sets_that_are_still_empty_are_named():
    run = with_empty_set(of_roles(noise="ood"), "test", "ind")
    with pytest.raises(DataError, match=r'no held-out in-distribution samples \("test" is still empty\); add a set'):
        Split.of(run)
    run = with_empty_set(with_empty_set(of_roles(test="ind"), "a", "ood"), "b", "ood")
    with pytest.raises(DataError, match=r'no out-of-distribution samples \("a", "b" are still empty\); add a set'):
        Split.of(run)


def test_sets_that_cannot_be_told_apart(run):
    with pytest.raises(WorkspaceError, match='has no set "nosie"'):
        Split.of(run, others=["nosie"])
    with pytest.raises(WorkspaceError, match='has no set "tets"'):
        Split.of(run, ind="tets")
    with pytest.raises(DataError, match="no out-of-distribution samples"):
        Split.of(run, others=[])
    with pytest.raises(DataError, match='"test" cannot be told apart from itself'):
        Split.of(run, others=["noise", "test"])
    with pytest.raises(DataError, match='The near set "fog" is not among the sets digits, noise'):
        Split.of(run, near=["fog"])
    with pytest.raises(DataError, match='The near set "fog" has the role shifted; only OOD sets are near or far'):
        Split.of(run, others=["fog", "noise"], near=["fog"])


# Measures


@pytest.mark.parametrize("near", [(), ("digits",), ("digits", "noise")])
def test_measures_are_those_of_the_scores(run, near):
    split = Split.of(run, near=near)
    found = detection(run, ASKED, split, **FEW)
    ind, sets = split.ind, split.others
    rows = found.table.query("kind == 'set'").set_index(["scorer", "set", "metric"])
    assert len(rows) == 3 * 2 * len(METRICS)
    for asked in ASKED:
        for name in sets:
            pair = stored_scores(run, asked, ind), stored_scores(run, asked, name)
            drawn = replicate(*pair, Resamples(len(pair[0]), len(pair[1]), 50, 3, run[name].fingerprint))
            for metric in METRICS:
                value, low, high = rows.loc[(asked.label, name, metric), ["value", "low", "high"]]
                expected = Comparison.of({"one": {ind: pair[0], name: pair[1]}}, ind=ind, sets=[name], replicates=1)
                assert value == wide(expected, metric).loc["one", name]
                if np.ptp(np.quantile(drawn[metric], [0.025, 0.975])):
                    assert [low, high] == np.quantile(drawn[metric], [0.025, 0.975]).tolist()
    averages = found.table.query("kind == 'average'")["set"].unique().tolist()
    assert averages == [[["average"], ["near average", "far average"], ["near average"]][len(near)]][0]


def test_shifted_sets_have_rows_but_no_part_in_averages(run):
    found = detection(run, ASKED, Split.of(run, others=["noise", "fog", "digits"]), **FEW)
    values = wide(found)
    assert values.columns.tolist() == ["noise", "fog", "digits", "average"]
    assert values["average"].tolist() == pytest.approx(values[["noise", "digits"]].mean(axis=1).tolist())
    found = detection(run, ASKED, Split.of(run, others=["noise", "fog"], near=["noise"]), **FEW)
    assert wide(found).columns.tolist() == ["noise", "fog"]
    assert wide(detection(run, ASKED, Split.of(run, others=["fog"]), **FEW)).columns.tolist() == ["fog"]


def pairs(run: Run) -> dict[str, dict]:
    return run.derived.list("detection")


def test_every_pair_is_stored_once_whatever_it_is_shown_with(run):
    few = FitOn(4)
    detection(run, ASKED[:2], Split.of(run, others=["noise", "fog"]), **FEW)
    assert {(meta["scorer"], meta["set"]) for meta in pairs(run).values()} == {
        (scorer, name) for scorer in ("msp", "feature-norm") for name in ("noise", "fog")
    }
    before = set(pairs(run))
    for split, fit_on, new in (
        (Split.of(run, others=["fog", "noise"], near=["noise"]), FitOn(), set()),
        (Split.of(run, others=["fog"]), few, set()),  # neither of them learns
        (Split.of(run, others=["digits", "noise"], near=["digits"]), few, {"digits"}),
    ):
        detection(run, ASKED[:2], split, fit_on, **FEW)
        assert {meta["set"] for key, meta in pairs(run).items() if key not in before} == new
        before = set(pairs(run))
    detection(run, ASKED[2:], Split.of(run), few, **FEW)
    [fit] = {json.dumps(meta["fit"]) for key, meta in pairs(run).items() if key not in before}
    assert json.loads(fit) == {"per_class": 4, "seed": 0, "sets": ["train"], "samples": 12}


def test_pairs_say_how_they_were_made(run):
    detection(run, ASKED[2:], Split.of(run, others=["noise"]), **FEW)
    [meta] = pairs(run).values()
    said = {name: meta[name] for name in ("scorer", "asked", "ind", "set", "n_ind", "n_ood", "replicates", "seed")}
    assert said == {
        "scorer": "knn(k=5)",
        "asked": "knn:k=5",
        "ind": "test",
        "set": "noise",
        "n_ind": len(run["test"]),
        "n_ood": len(run["noise"]),
        **FEW,
    }
    assert meta["parameters"] == {"k": 5, "normalise": True}
    assert meta["fit"] == {"per_class": None, "seed": 0, "sets": ["train"], "samples": len(run["train"])}


def test_stored_pairs_give_the_same_table(run):
    split = Split.of(run, near=["digits"])
    first = detection(run, ASKED, split, **FEW)
    for image_set in run:
        for name in ("features", "logits"):
            (image_set.folder / name).rename(image_set.folder / f"{name}-hidden")
    stages = []
    second = detection(run.reopened(), ASKED, split, **FEW, progress=lambda stage, *_: stages.append(stage))
    assert stages == []
    pd.testing.assert_frame_equal(second.table, first.table, check_exact=True)
    for metric in METRICS:
        pd.testing.assert_frame_equal(second.best(metric), first.best(metric), check_exact=True)


def test_other_parts_and_seeds_have_measures_of_their_own(run):
    split = Split.of(run)
    table = detection(run, ASKED, split, **FEW).table
    for other in (
        detection(run, ASKED, split, FitOn(4), **FEW),
        detection(run, ASKED, split, replicates=50, seed=4),
        detection(run, ASKED, split, replicates=60, seed=3),
    ):
        assert not other.table.equals(table)
    assert detection(run, ASKED, split, **FEW).table.equals(table)


def test_a_set_has_the_same_interval_under_another_name():
    first, second = of_roles(test="ind", a="ood"), of_roles(test="ind", z="ood")
    tables = []
    for run, name in ((first, "a"), (second, "z")):
        features = first["test"].features, first["a"].features
        run = Run.from_arrays({"test": features[0], name: features[1]}, head=HEAD, roles={"test": "ind", name: "ood"})
        tables.append(detection(run, ASKED[:2], Split.of(run), **FEW).table.drop(columns="set"))
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_cancelling_keeps_the_pairs_that_were_measured(run):
    def cancel(stage: str, done: int, total: int, unit: str = "") -> None:
        if (stage, done) == ("Detection metrics", 4):
            assert (total, unit) == (6, "pairs")
            raise Cancelled

    with pytest.raises(Cancelled):
        detection(run, ASKED, Split.of(run), **FEW, progress=cancel)
    assert len(pairs(run)) == 4
    seen = []
    detection(run, ASKED, Split.of(run), **FEW, progress=lambda *state: seen.append(state))
    assert seen == [("Detection metrics", 1, 2, "pairs"), ("Detection metrics", 2, 2, "pairs")]


def test_whether_all_is_measured(run):
    split = Split.of(run)
    assert not measured(run, ASKED, split, **FEW)
    detection(run, ASKED[:2], split, **FEW)
    assert measured(run, ASKED[:2], split, **FEW)
    assert measured(run, ASKED[:2], Split.of(run, others=["noise", "digits"], near=["noise"]), FitOn(3), **FEW)
    assert not measured(run, ASKED, split, **FEW)
    assert not measured(run, ASKED[:2], split)
    assert not measured(run, ASKED[:2], Split.of(run, others=["fog"]), **FEW)


def test_a_refusal_counts_as_measured(run):
    asked = [*ASKED[:2], Asked.of("knn", {"k": 999})]
    assert not measured(run, asked, Split.of(run), **FEW)
    assert set(detection(run, asked, Split.of(run), **FEW).problems) == {"knn(k=999)"}
    assert measured(run, asked, Split.of(run), **FEW)
    (run["train"].folder / "features").rename(run["train"].folder / "hidden")
    found = detection(run.reopened(), asked, Split.of(run), **FEW)
    assert found.labels == ["msp", "feature-norm"]
    assert "knn(k=999)" in found.problems


def test_scorers_that_cannot_be_used_are_left_out():
    run = of_roles(test="ind", noise="ood")
    found = detection(run, [Asked("knn"), Asked("msp")], Split.of(run), **FEW)
    assert found.table["scorer"].unique().tolist() == ["msp"]
    assert set(found.problems) == {"knn"}
    assert measured(run, [Asked("knn"), Asked("msp")], Split.of(run), **FEW)
    run = of_roles(test="ind", noise="ood", dots="ood")
    found = detection(run, [Asked("knn")], Split.of(run), **FEW)
    assert found.table.empty
    assert wide(found).empty
    for ending in ENDINGS:
        assert rendered(found, ending)


def test_a_detection_says_what_it_was_found_from(run):
    split = Split.of(run)
    n_test = len(run["test"])
    assert detection(run, ASKED, split, FitOn(4, 7), **FEW).about == (
        f'Run "arrays": told apart from test (n = {n_test}), scorers that learn fitted on train (n = 12; at most 4 of '
        "each class, drawn with seed 7); 95 % intervals of 50 stratified bootstrap replicates with seed 3."
    )
    assert detection(run, ASKED[:1], split).about == (
        f'Run "arrays": told apart from test (n = {n_test}); 95 % intervals of 1,000 stratified bootstrap replicates '
        "with seed 0."
    )


# Tables to read


def of_scorers(run: Run, *names: str, others: tuple[str, ...] | None = None) -> Detection:
    """A detection; each scorer is worse than the one before it, the last two are equal."""
    split = Split.of(run, others=others, near=[])
    found = detection(run, ASKED[:1], split, **FEW)
    random = np.random.default_rng(1)
    common = {name: random.normal(size=len(run[name])) for name in split.sets}
    by_scorer = {}
    for number, name in enumerate(names):
        shift = 3 - min(number, max(len(names) - 2, 0))
        by_scorer[name] = {of: values + (0 if of == split.ind else shift) for of, values in common.items()}
    compared = Comparison.of(by_scorer, ind=split.ind, sets=split.others, **FEW)
    return Detection(
        compared.pairs,
        compared.averages,
        found.run,
        split,
        tuple(Asked(name) for name in names),
        found.fit,
        found.replicates,
        found.seed,
        Scores(by_scorer),
    )


@pytest.fixture
def named(monkeypatch):
    """Make detections of scorers that another package might offer under any name."""

    def make(run: Run, *names: str, others: tuple[str, ...] | None = None) -> Detection:
        for name in names:
            info = ScorerInfo(name, name, Family.LOGITS, "s", Needs.LOGITS)
            monkeypatch.setitem(registry._known, name, type("Foreign", (Scorer,), {"info": info}))
        return of_scorers(run, *names, others=others)

    scorers()
    return make


@pytest.mark.parametrize("metric", METRICS)
def test_numbers_are_written_with_their_intervals(run, named, metric):
    found = named(run, "good", "bad", "also bad")
    text, values = written(found, metric), wide(found, metric)
    assert text.index.tolist() == values.index.tolist() == ["good", "bad", "also bad"]
    assert text.columns.tolist() == values.columns.tolist() == ["digits", "noise", "average"]
    for row in found.table[found.table["metric"] == metric].itertuples():
        assert values.loc[row.scorer, row.set] == row.value
        numbers = [float(number) for number in re.findall(r"\d\.\d{3}", text.loc[row.scorer, row.set])]
        assert numbers == pytest.approx([row.value, row.low, row.high], abs=5e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_only_what_is_surely_the_best_has_a_star(run, named, metric):
    for names in (["one", "two", "three"], ["even", "as even"], ["alone"]):
        found = named(run, *names)
        sure = {(row.scorer, row.set) for row in found.best(metric).itertuples() if row.sure}
        text = written(found, metric)
        starred = {(scorer, name) for scorer in text.index for name in text if text.loc[scorer, name].startswith("★ ")}
        assert starred == sure


def test_a_clear_winner_has_a_star_and_a_tie_has_none(run, named):
    found = named(run, "one", "two", "three")
    assert written(found).loc["one", ["noise", "average"]].str.startswith("★ ").all()
    assert not written(named(run, "even", "as even")).map(lambda cell: "★" in cell).any(axis=None)


def test_reserved_names_of_sets_lose_nothing():
    roles = dict.fromkeys(("average", "near average", "far average", "scorer", "Scorer", "n", "set", "kind"), "ood")
    run = of_roles(test="ind", **roles)
    split = Split.of(run, near=["n"])
    found = detection(run, ASKED[:2], split, **FEW)
    headings = [*split.others, "near average of sets", "far average of sets"]
    assert wide(found).columns.tolist() == headings
    assert text_table(found).headings == ["Scorer", *headings]
    assert len(found.table) == 2 * 10 * len(METRICS)
    read = pd.read_csv(io.BytesIO(rendered(found, ".csv")))
    assert read.groupby(["kind", "set"]).size().eq(2 * len(METRICS)).all()
    assert len(read.groupby(["kind", "set"])) == 10
    for ending in ENDINGS:
        assert rendered(found, ending)
    assert summary(found.scores).headings == ["Scorer", *split.sets]
    assert len(summary(found.scores).rows[0]) == 10


def test_score_columns_overwrite_nothing(run):
    table = run.table(["test", "noise"])
    scores_of = {name: np.full(len(run[name]), 7.0) for name in ("test", "noise")}
    found = Scores(dict.fromkeys(["msp", "set", "id", "score:id"], scores_of))
    wide_table = score_table(run, found)
    pd.testing.assert_frame_equal(wide_table[table.columns], table)
    assert wide_table.columns.tolist() == [*table.columns, "msp", "score:set", "score:id", "score:score:id"]
    assert (wide_table[["msp", "score:set", "score:id"]] == 7).all(axis=None)


# Files


def test_files_for_programs_hold_the_table_and_what_it_is_of(run):
    found = detection(run, ASKED, Split.of(run, near=["noise"]), FitOn(4, 7), **FEW)
    csv = pd.read_csv(
        io.BytesIO(rendered(found, ".csv")), keep_default_na=False, na_values={"per_class": "", "fit_seed": ""}
    )
    parquet = pd.read_parquet(io.BytesIO(rendered(found, ".parquet")))
    pd.testing.assert_frame_equal(parquet, exported(found), check_exact=True)
    pd.testing.assert_frame_equal(csv.astype(parquet.dtypes.to_dict()), parquet, check_exact=True)
    pd.testing.assert_frame_equal(parquet[found.table.columns], found.table, check_exact=True)
    more = parquet.drop(columns=found.table.columns).groupby(parquet["scorer"], sort=False).first()
    assert more.loc["knn(k=5)"].to_dict() == {
        "run": "arrays",
        "ind": "test",
        "fitted_on": "train",
        "n_fit": 12,
        "per_class": 4,
        "fit_seed": 7,
        "replicates": 50,
        "seed": 3,
    }
    assert more.loc["msp", ["fitted_on", "n_fit"]].tolist() == ["", 0]
    assert more.loc["msp", ["per_class", "fit_seed"]].isna().all()


def cells_of_markdown(block: str) -> list[list[str]]:
    lines = []
    for line in block.splitlines():
        cells = [""]
        for part in re.findall(r"\\.|[^\\]", line.removeprefix("| ").removesuffix(" |")):
            cells = [*cells, ""] if part == "|" else [*cells[:-1], cells[-1] + part[-1]]
        lines.append([cell.strip() for cell in cells])
    assert lines[1] == ["---"] * len(lines[0])
    return [lines[0], *lines[2:]]


def test_markdown_is_one_table_a_measure(run):
    found = detection(run, ASKED, Split.of(run, near=["noise"]), **FEW)
    text = rendered(found, ".md").decode()
    assert text.startswith(found.about)
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    assert len(blocks) == len(METRICS)
    for block, metric in zip(blocks, METRICS, strict=True):
        table = text_table(found, metric)
        assert cells_of_markdown(block) == [table.headings, *table.rows]
        n_noise, n_digits = len(run["noise"]), len(run["digits"])
        assert table.rows[0] == ["n", *map(str, (n_digits, n_noise, n_noise, n_digits))]
        assert f"**{METRICS[metric].title}**" in text
        assert METRICS[metric].definition in text
    assert text.index("**AUROC**") < text.index("**FPR95**")


#: What LaTeX's or Markdown's own characters become, read back.
LATEX = {
    r"\textbackslash{}": "\\",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\~{}": "~",
    r"\^{}": "^",
    "{[}": "[",
    "{*}": "*",
    "--": "–",
    **{rf"\{c}": c for c in "_%&#${}"},
}


def cells_of_latex(row: str) -> list[str]:
    """Cells of a LaTeX table's row, in which nothing but these ends or divides cells."""
    assert row.endswith(r" \\")
    return [plain(cell) for cell in re.split(r"(?<!\\) & ", row.removesuffix(r" \\"))]


def plain(cell: str) -> str:
    """What LaTeX prints; fails where something would be a command."""
    if cell.startswith(r"\textbf{"):
        return f"★ {plain(cell.removeprefix(chr(92) + 'textbf{')[:-1])}"
    parts = re.split("(" + "|".join(map(re.escape, LATEX)) + ")", cell)
    assert not any(set(part) & set("_%&#\\${}~^[*<>|") for part in parts[::2]), cell
    return "".join(LATEX.get(part, part) for part in parts)


names = st.text(string.ascii_letters + string.digits + "_ +-.()=,%&#\\{}$~^[]*<>|`", min_size=1, max_size=12)
names = names.map(str.strip).filter(lambda name: bool(name) and "--" not in name)


@given(st.lists(names, min_size=3, max_size=3, unique=True))
def test_any_names_can_be_read_back(given_names):
    table = TextTable(
        ["Scorer", given_names[0]], [["n", "7"], [given_names[1], "★ 0.9 (0.8–1.0)"], [given_names[2], "0"]]
    )
    expected = [table.headings, *table.rows]
    assert cells_of_markdown(table.markdown()) == expected
    begin, *rows, end = [line for line in table.latex().splitlines() if line != r"\hline"]
    assert (begin, end) == (r"\begin{tabular}{ll}", r"\end{tabular}")
    assert [cells_of_latex(row) for row in rows] == expected


def test_latex_holds_every_measure(run):
    found = detection(run, ASKED, Split.of(run, near=["noise"]), **FEW)
    about, *blocks = rendered(found, ".tex").decode().strip().split("\n\n")
    assert about == f"% {found.about}"
    for block, metric in zip(blocks, METRICS, strict=True):
        comment, begin, *rows, end = [line for line in block.splitlines() if line != r"\hline"]
        assert comment.startswith(f"% {METRICS[metric].title}")
        assert begin == r"\begin{tabular}{lllll}"
        assert end == r"\end{tabular}"
        table = text_table(found, metric)
        assert [cells_of_latex(row) for row in rows] == [table.headings, *table.rows]
        assert block.count(r"\hline") == 3


def test_what_is_surely_the_best_is_bold_in_latex(run, named):
    found = named(run, "one", "two", "three")
    text = rendered(found, ".tex").decode()
    assert "★" not in text
    stars = sum(written(found, metric).map(lambda cell: "★" in cell).to_numpy().sum() for metric in METRICS)
    assert text.count(r"\textbf{") == stars > 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_report_is_written_to_a_file(run, named, tmp_path, ending):
    found = named(run, "one", "two")
    path = tmp_path / f"report{ending}"
    path.write_text("of yesterday")
    write_report(found, path)
    assert path.read_bytes() == rendered(found, ending)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["report", "report.txt", "report.csv.gz"])
def test_an_ending_that_is_not_known(run, named, tmp_path, name):
    found = named(run, "one", "two")
    with pytest.raises(DataError, match=r"must end in \.csv, \.parquet, \.md or \.tex"):
        write_report(found, tmp_path / name)
    with pytest.raises(DataError, match=r'cannot be written as "\.doc"; choose \.csv, \.parquet, \.md, \.tex'):
        rendered(found, ".doc")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to(run, named, tmp_path):
    found = named(run, "one", "two")
    with pytest.raises(DataError, match=r"The folder .*missing does not exist"):
        write_report(found, tmp_path / "missing" / "report.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder.csv is a folder"):
        write_report(found, tmp_path / "folder.csv")


def test_measures_that_are_not_there(run, named):
    found = named(run, "one", "two")
    for tell in (wide, written, text_table):
        with pytest.raises(DataError, match='no measure "auc"'):
            tell(found, "auc")


def test_a_report_tries_again_what_failed_if_asked(run, monkeypatch):
    split = Split.of(run)
    with monkeypatch.context() as patch:
        patch.setattr(type(make("energy")), "_score", _without_memory)
        assert "energy" in detection(run, [Asked("energy")], split, **FEW).problems
    assert "energy" in detection(run, [Asked("energy")], split, **FEW).problems
    assert detection(run, [Asked("energy")], split, **FEW, again=True).labels == ["energy"]


def _without_memory(*_: object) -> np.ndarray:
    raise MemoryError


def test_missing_scores_have_to_be_computed(run):
    split = Split.of(run)
    detection(run, [Asked("msp")], split, **FEW)
    assert measured(run, [Asked("msp")], split, **FEW)
    shutil.rmtree(run.folder / "derived" / "scores")
    assert not measured(run.reopened(), [Asked("msp")], split, **FEW)
