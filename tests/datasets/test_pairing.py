"""Pairs of two sets by name, by pose and by table."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.datasets import pairing
from latentviz.datasets.pairing import by_name, by_pose
from latentviz.datasets.pairing_table import by_table, read_pairs_table
from latentviz.datasets.sar.names import stem
from latentviz.errors import DataError


def table(*ids, **columns) -> pd.DataFrame:
    """An index as image sets have it."""
    classes = [name.split("/")[0] if "/" in name else "" for name in ids]
    return pd.DataFrame(
        {"id": pd.Series(ids, dtype=object), "class_name": pd.Series(classes, dtype=object), "label": -1, **columns}
    )


def poses(azimuth, elevation=15.0, class_name="t72", **columns) -> pd.DataFrame:
    ids = [f"{class_name}/{n}.png" for n in range(len(azimuth))]
    return table(*ids, azimuth=np.asarray(azimuth, dtype=float), elevation=elevation, **columns)


def pairs_of(found) -> list[tuple[int, int]]:
    return list(zip(found.pairs["one"], found.pairs["other"], strict=True))


def reasons_of(found) -> dict[tuple[str, int], str]:
    return {(side, row): reason for side, row, _, reason in found.alone.itertuples(index=False)}


# By name


@given(st.integers(0, 12), st.integers(0, 5), st.integers(0, 5), st.randoms(use_true_random=False))
def test_exactly_the_common_names_are_paired(common, only_one, only_other, random):
    def name(kind, n, domain):
        return f"{'2s1' if n % 2 else 't72'}/{kind}_{domain}_A_elevDeg_015_azCenter_{n:03d}_00_serial_b01.png"

    one = [name("both", n, "synth") for n in range(common)] + [name("one", n, "synth") for n in range(only_one)]
    other = [name("both", n, "real") for n in range(common)] + [name("other", n, "real") for n in range(only_other)]
    random.shuffle(one)
    random.shuffle(other)
    found = by_name(table(*one), table(*other))
    assert {(one[a], other[b]) for a, b in pairs_of(found)} == {
        (name("both", n, "synth"), name("both", n, "real")) for n in range(common)
    }
    assert found.counts == {"pairs": common, "one": only_one, "other": only_other, "entries": 0}
    assert set(found.alone["reason"]) <= {"no partner of this name"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "2s1/2s1_synth_A_elevDeg_015_azCenter_010_22_serial_b01.png",
            "2s1/2s1_real_A_elevDeg_015_azCenter_010_22_serial_b01.png",
        ),
        (
            "2s1/2s1_synth_A_elevDeg_015_azCenter_010_22_serial_b01.mat",
            "2S1/2S1_REAL_A_elevDeg_015_azCenter_010_22_serial_B01.PNG",
        ),
        (
            "2s1/2s1_2s1_synth_A_elevDeg_015_azCenter_40.98_2difft.png",
            "2s1/2s1_2s1_pseudo_A_elevDeg_015_azCenter_40.98.png",
        ),
        (
            "2s1/random_2s1_sim_A_elevDeg_015_azCenter_40.98.png",
            "2s1/random_2s1_measured_A_elevDeg_015_azCenter_40.98.png",
        ),
        ("2s1/HB1.png", "2s1/hb1.tif"),
        ("2s1_synth_A_elevDeg_015_azCenter_1.5.png", "2s1/2s1_real_A_elevDeg_015_azCenter_1.5.png"),
    ],
)
def test_spellings_of_a_pair(one, other):
    assert pairs_of(by_name(table(one), table(other))) == [(0, 0)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2s1/a.png", "t72/a.png"),
        ("2s1/a_synth.png", "2s1/a_real.png"),
        ("2s1/center_2s1_synth_A_elevDeg_015_azCenter_1.5.png", "2s1/random_2s1_real_A_elevDeg_015_azCenter_1.5.png"),
        (
            "2s1/2s1_synth_A_elevDeg_015_azCenter_010_22_serial_b01.png",
            "2s1/2s1_real_A_elevDeg_015_azCenter_010_22_serial_b02.png",
        ),
    ],
)
def test_other_names_are_no_pair(one, other):
    found = by_name(table(one), table(other))
    assert len(found.pairs) == 0
    assert len(found.alone) == 2


def test_chips_of_a_doubled_name_are_left_alone():
    one = table("t72/a.png", "t72/a.mat", "t72/b.png", "t72/c.png", "t72/c.tif")
    found = by_name(one, table("t72/A.png", "t72/b.png"))
    assert pairs_of(found) == [(2, 1)]
    doubled = "2 chips of this name (doubly paired): t72/a.png, t72/a.mat"
    alone = "no partner of this name"
    assert reasons_of(found) == {
        ("one", 0): doubled,
        ("one", 1): doubled,
        ("one", 3): alone,
        ("one", 4): alone,
        ("other", 0): doubled,
    }
    assert found.alone["id"].tolist() == ["t72/a.png", "t72/a.mat", "t72/c.png", "t72/c.tif", "t72/A.png"]
    assert found.sentence == (
        "1 pair by name; 4 of the first set and 1 of the second set are left alone: "
        "3 with 2 chips of this name (doubly paired), 2 with no partner of this name."
    )


def test_pairs_know_the_difference_of_their_azimuths():
    one, other = table("a/x.png", "a/y.png", azimuth=[359.5, 10]), table("a/y.png", "a/x.png", azimuth=[np.nan, 0.2])
    np.testing.assert_allclose(by_name(one, other).pairs["azimuth_difference"], [0.7, np.nan])
    assert by_name(one, table("a/x.png")).pairs["azimuth_difference"].isna().all()


def test_no_pair_is_no_error():
    for one, other in ((table(), table()), (table("a/x.png"), table()), (table("a/x.png"), table("b/y.png"))):
        found = by_name(one, other)
        assert len(found.pairs) == 0
        assert list(found.pairs) == ["one", "other", "azimuth_difference"]
        assert list(found.alone) == ["set", "row", "id", "reason"]
        assert len(found.alone) == len(one) + len(other)
        assert found.sentence.startswith("0 pairs by name")


@pytest.fixture
def shared_pairs(shared):
    root = shared / "sar" / "pairs"
    sets = [
        sorted(p.relative_to(root / side).as_posix() for p in (root / side).rglob("*.png"))
        for side in ("simulated", "measured")
    ]
    return [table(*ids) for ids in sets], read_pairs_table(root / "pairs.csv")


def test_the_shared_pairs_by_name(shared_pairs):
    (one, other), listed = shared_pairs
    found = by_name(one, other)
    assert found.sentence == "291 pairs by name."
    assert sorted(stem(one["id"][a]) for a, _ in pairs_of(found)) == sorted(listed["pair_id"])
    assert all(one["id"][a] == other["id"][b] for a, b in pairs_of(found))


# By pose


def test_tolerances_include_their_edge():
    one, other = poses([10.0, 50.0]), poses([11.0, 51.01])
    assert pairs_of(by_pose(one, other)) == [(0, 0)]
    assert pairs_of(by_pose(poses([9.1]), poses([10.1]))) == [(0, 0)]
    assert pairs_of(by_pose(poses([5]), poses([5], 15.5))) == [(0, 0)]
    assert pairs_of(by_pose(poses([5]), poses([5], 15.51))) == []
    assert pairs_of(by_pose(poses([5]), poses([5], 15.51), elevation_tolerance=1)) == [(0, 0)]
    assert pairs_of(by_pose(poses([5, 6]), poses([6, 5]), azimuth_tolerance=0)) == [(0, 1), (1, 0)]


def test_azimuths_go_around():
    found = by_pose(poses([359.5, -1, 180]), poses([0.2, 359.2, -180]))
    assert pairs_of(found) == [(0, 0), (1, 1), (2, 2)]
    np.testing.assert_allclose(found.pairs["azimuth_difference"], [0.7, 0.2, 0], atol=1e-9)


def test_more_pairs_come_before_nearer_ones():
    # 10.0 and 10.2 are nearest, but then 9.5 and 11.0 would be alone.
    found = by_pose(poses([10.0, 11.0]), poses([10.2, 9.5]))
    assert pairs_of(found) == [(0, 1), (1, 0)]


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 10_000), st.sampled_from([0.5, 2, 8]))
def test_the_assignment_is_the_best_of_all(n, m, seed, tolerance):
    random = np.random.default_rng(seed)
    one, other = (poses(random.integers(0, 40, k) / 2, random.integers(0, 3, k) / 2) for k in (n, m))
    azimuth = np.abs(one["azimuth"].to_numpy()[:, None] - other["azimuth"].to_numpy())
    elevation = np.abs(one["elevation"].to_numpy()[:, None] - other["elevation"].to_numpy())
    near, total = (azimuth <= tolerance) & (elevation <= 0.5), azimuth + elevation
    best = (0, 0.0)
    for size in range(min(n, m) + 1):
        for rows in itertools.combinations(range(n), size):
            for columns in itertools.permutations(range(m), size):
                if all(near[a, b] for a, b in zip(rows, columns, strict=True)):
                    best = max(best, (size, -sum(total[a, b] for a, b in zip(rows, columns, strict=True))))
    found = pairs_of(by_pose(one, other, azimuth_tolerance=tolerance))
    assert len({a for a, _ in found}) == len({b for _, b in found}) == len(found) == best[0]
    assert all(near[a, b] for a, b in found)
    assert sum(total[a, b] for a, b in found) == pytest.approx(-best[1])


def test_why_chips_have_no_partner():
    one = pd.concat([poses([10, 10.4, 50, np.nan, 20]), poses([10], class_name="m1")], ignore_index=True)
    one.loc[4, "elevation"] = np.nan
    other = pd.concat([poses([10.1, 53.2]), poses([1], np.nan, class_name="M35")], ignore_index=True)
    found = by_pose(one, pd.concat([other, poses([1], class_name="m60")], ignore_index=True))
    assert pairs_of(found) == [(0, 0)]
    assert reasons_of(found) == {
        ("one", 1): "every chip within the tolerance taken by another: t72/0.png by t72/0.png",
        (
            "one",
            2,
        ): "no chip within the tolerance: the nearest, t72/1.png, differs by 3.2° in azimuth and 0° in elevation",
        ("one", 3): "no known azimuth",
        ("one", 4): "no known elevation",
        ("one", 5): "a class that only this set has: m1",
        (
            "other",
            1,
        ): "no chip within the tolerance: the nearest, t72/2.png, differs by 3.2° in azimuth and 0° in elevation",
        ("other", 2): "no known elevation",
        ("other", 3): "a class that only this set has: m60",
    }
    assert "2 with no chip within the tolerance" in found.sentence
    unknown = by_pose(poses([1]), poses([np.nan], np.nan))
    assert reasons_of(unknown) == {
        ("one", 0): "no chip of known pose in the other set of its class: t72",
        ("other", 0): "no known azimuth and elevation",
    }


def test_classes_are_kept_apart():
    one = pd.concat([poses([10]), poses([20], class_name="m1")], ignore_index=True)
    other = pd.concat([poses([20], class_name="M1"), poses([10], class_name="T72")], ignore_index=True)
    assert pairs_of(by_pose(one, other)) == [(0, 1), (1, 0)]
    assert pairs_of(by_pose(poses([10]), poses([10], class_name="m1"))) == []


def test_serial_numbers_may_have_to_agree():
    one = poses([10, 20, 30, 40], serial=["a", "b", "c", ""])
    other = poses([10, 20, 30, 40], serial=["A", "c", "x", None])
    assert len(by_pose(one, other).pairs) == 4
    found = by_pose(one, other, same_serial=True)
    assert pairs_of(found) == [(0, 0)]
    reasons = reasons_of(found)
    assert reasons["one", 1] == "no chip of known pose in the other set of its class and serial number: t72, b"
    assert reasons["one", 2].startswith("no chip within the tolerance: the nearest, t72/1.png, differs by 10°")
    assert reasons["one", 3] == reasons["other", 3] == "no known serial number"


def test_what_poses_need():
    with pytest.raises(DataError, match=r"second set knows no azimuth and no elevation of its samples\. Pair by name"):
        by_pose(poses([1]), table("a/x.png"))
    with pytest.raises(DataError, match="first set knows no serial"):
        by_pose(poses([1]), poses([1]), same_serial=True)
    with pytest.raises(DataError, match=r"no class_name of its samples\.$"):
        by_pose(poses([1]), pd.DataFrame({"id": ["x"], "azimuth": [1.0], "elevation": [1.0]}))
    for tolerance in (-1, np.nan, np.inf):
        with pytest.raises(DataError, match="tolerance in azimuth is"):
            by_pose(poses([1]), poses([1]), azimuth_tolerance=tolerance)


def test_a_thousand_a_class(monkeypatch):
    random = np.random.default_rng(0)
    one, other = (poses(random.uniform(0, 360, 1000)) for _ in range(2))
    found = by_pose(one, other)
    assert len(found.pairs) > 700
    assert (found.pairs["azimuth_difference"] <= 1 + 1e-9).all()
    assert len(found.pairs) + found.counts["one"] == 1000
    monkeypatch.setattr(pairing, "MOST_COMPARED", 999_999)
    with pytest.raises(DataError, match="'t72' has 1,000 and 1,000 samples, too many"):
        by_pose(one, other)


# By table


def test_the_shared_pairs_by_table(shared_pairs):
    (one, other), listed = shared_pairs
    by_stem = by_table(one, other, pd.DataFrame({"measured": listed["pair_id"], "simulated": listed["pair_id"]}))
    pd.testing.assert_frame_equal(by_stem.pairs, by_name(one, other).pairs)
    assert by_stem.sentence == "291 pairs by table."


def test_the_shared_pairs_in_the_original_measured_folders(shared, shared_pairs):
    (one, _), listed = shared_pairs
    root = shared / "sar" / "mstar"
    chips = [
        table(*sorted(p.relative_to(root / f).as_posix() for p in (root / f).rglob("*.png")))
        for f in ("test_15deg", "train_17deg")
    ]
    other = pd.concat(chips, ignore_index=True)
    found = by_table(one, other, listed[["pair_id", "measured_file"]])
    expected = {(row["pair_id"], row["measured_file"].rsplit("/", 1)[1]) for _, row in listed.iterrows()}
    repeated = listed["measured_file"].duplicated(keep=False).sum()
    assert len(found.pairs) == 291 - repeated
    assert {(stem(one["id"][a]), other["id"][b].rsplit("/", 1)[1]) for a, b in pairs_of(found)} <= expected


@pytest.mark.parametrize(
    "columns", [("simulated", "measured"), ("measured", "SIMULATED"), ("Other", "one"), ("b", "a"), ("x", "y")]
)
def test_columns_name_the_sets_in_either_order(columns):
    one, other = table("t72/s0.png", "t72/s1.png"), table("t72/m0.png", "t72/m1.png")
    listed = pd.DataFrame({columns[0]: ["s0", "s1"], columns[1]: ["m1", "m0"]})
    assert pairs_of(by_table(one, other, listed)) == [(0, 1), (1, 0)]
    assert pairs_of(by_table(other, one, listed)) == [(0, 1), (1, 0)]


def test_named_columns_come_before_the_first():
    listed = pd.DataFrame({"n": ["1"], "class": ["t72"], "measured": ["m0"], "simulated": ["s0"]})
    assert pairs_of(by_table(table("t72/s0.png"), table("t72/m0.png"), listed)) == [(0, 0)]


@pytest.mark.parametrize(
    "entry", ["t72/a.png", "T72/A.PNG", "/data/t72/a.png", "C:\\data\\t72\\a.png", "a.png", "a", " a "]
)
def test_ways_to_name_a_sample(entry):
    one = table("t72/ab.png", "t72/a.png")
    found = by_table(one, table("m1/x.png"), pd.DataFrame({"one": [entry], "other": ["x"]}))
    assert pairs_of(found) == [(1, 0)]


def test_entries_that_cannot_be_used_are_reported():
    one = table("t72/a.png", "t72/b.png", "m1/c.png", "t72/c.png", "t72/d.png", "t72/e.png", "t72/f.png")
    other = table("t72/A.png", "t72/B.png", "t72/C.png", "t72/D.png", "t72/E.png")
    listed = pd.DataFrame(
        {"one": ["a", "b", "c", "d", "d", "e"], "other": ["A", "nobody", "C", "D", "E", None]},
    )
    found = by_table(one, other, listed)
    assert pairs_of(found) == [(0, 0)]
    samples, entries = (found.alone[mask] for mask in (found.alone["row"] >= 0, found.alone["row"] < 0))
    assert {(s, i): r for s, _, i, r in samples.itertuples(index=False)} == {
        ("one", "t72/b.png"): "a partner that is not one sample in one row: row 2, 'nobody'",
        ("one", "m1/c.png"): "an entry that names other samples too: row 3, 'c'",
        ("one", "t72/c.png"): "an entry that names other samples too: row 3, 'c'",
        ("one", "t72/d.png"): "several rows of the table: rows 4, 5",
        ("one", "t72/e.png"): "a partner that is not one sample in one row: row 6, ''",
        ("one", "t72/f.png"): "no row in the table",
        ("other", "t72/B.png"): "no row in the table",
        ("other", "t72/C.png"): "a partner that is not one sample in one row: row 3, 'c'",
        ("other", "t72/D.png"): "a partner that is not one sample in one row: row 4, 'd'",
        ("other", "t72/E.png"): "a partner that is not one sample in one row: row 5, 'd'",
    }
    assert {(s, i): r for s, _, i, r in entries.itertuples(index=False)} == {
        ("one", "c"): "an entry that names several samples: row 3",
        ("other", "nobody"): "an entry that names no sample: row 2",
        ("other", ""): "an empty entry: row 6",
    }
    assert found.counts == {"pairs": 1, "one": 6, "other": 4, "entries": 3}
    assert "3 entries of the table could not be used" in found.sentence


def test_a_pair_that_is_named_twice_is_left_alone():
    listed = pd.DataFrame({"one": ["a", "a"], "other": ["x", "x"]})
    found = by_table(table("t72/a.png"), table("t72/x.png"), listed)
    assert set(found.alone["reason"]) == {"several rows of the table: rows 1, 2"}
    assert len(found.pairs) == 0


def test_a_table_of_other_sets():
    listed = pd.DataFrame({"one": ["a"], "other": ["b"]})
    with pytest.raises(
        DataError, match=r"'one' and 'other' begin with 'a' and 'b'; the sets have 't72/x\.png' and no samples"
    ):
        by_table(table("t72/x.png"), table(), listed)
    with pytest.raises(DataError, match="begin with nothing"):
        by_table(table("t72/x.png"), table("t72/x.png"), listed.iloc[:0])
    with pytest.raises(DataError, match="has 1 columns"):
        by_table(table("t72/x.png"), table("t72/x.png"), listed[["one"]])


@pytest.mark.parametrize(
    "text", ["one,other\n001,NA\n", "one;other\r\n001;NA\r\n", "\ufeffone\tother\n001\tNA\n", 'one,other\n"001",NA']
)
def test_tables_are_read_as_text(tmp_path, text):
    path = tmp_path / "pairs.csv"
    path.write_bytes(text.encode())
    assert read_pairs_table(path).to_dict("list") == {"one": ["001"], "other": ["NA"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"one,other\n", "a header and no rows"),
        (b"one\na\n", "a single column, 'one'"),
        (b"one,other\na,\xff\n", "is not UTF-8"),
        (b"one,other\na,b\na,b,c\n", "is not a CSV table"),
        (b"one,other\na,b,c\n", "is not a CSV table"),
        (b'one,other\n"a,b\n', "is not a CSV table"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_pairs_table(path)


def test_a_missing_table(tmp_path):
    for path in (tmp_path / "pairs.csv", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_pairs_table(path)
