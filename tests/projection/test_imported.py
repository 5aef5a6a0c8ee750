"""Coordinates of the user's own."""

import numpy as np
import pandas as pd
import pytest

from latentviz import Head, Run
from latentviz.errors import DataError, WorkspaceError
from latentviz.projection import LayoutSpec, compute, distortion, import_coordinates, imported_names, quality_of, stored

SETS = ("test", "far")
MAP = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


@pytest.fixture
def run(clusters):
    """Ids that look like numbers, some of them in both sets."""
    ids = {"test": [f"{i:03d}" for i in range(29)] + ["NA"], "far": [f"{i:03d}" for i in range(20)]}
    features = {"test": clusters(30), "far": clusters(20, seed=1)}
    return Run.from_arrays(features, head=Head(np.eye(3, 8), np.zeros(3)), ids=ids)


@pytest.fixture
def table(run):
    """A row a sample, in another order than the run's."""
    found = run.table(SETS)[["set", "id"]].assign(**dict(zip("xyz", MAP.T, strict=True)), note="mine")
    return found.sample(frac=1, random_state=0)


def written(table: pd.DataFrame, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("axes", ["xy", "xyz"])
def test_a_table_is_matched_by_set_and_id(run, table, tmp_path, kind, axes):
    path = written(table[["note", *reversed(axes), "id", "set"]], tmp_path / f"mine.{kind}")
    spec = import_coordinates(run, "mine", path, SETS)
    assert spec == LayoutSpec(method="imported", name="mine", dimensions=len(axes), sets=SETS)
    found = stored(run.reopened(), spec)
    np.testing.assert_array_equal(found.coordinates, MAP[:, : len(axes)])
    assert compute(run, spec).fingerprint == found.fingerprint
    assert quality_of(run, found).sample == 50
    assert distortion(run, found).shape == (50,)


def test_an_id_is_enough_where_it_is_unique(run, table, tmp_path):
    other = written(table[table["set"] == "far"].drop(columns="set"), tmp_path / "far.csv")
    import_coordinates(run, "far only", other, ["far"])
    with pytest.raises(DataError, match=r'far.csv needs a column "set": 20 samples \(000, 001, 002, …\) in more than'):
        import_coordinates(run, "both", other, SETS)


@pytest.mark.parametrize("as_file", [False, True])
def test_an_array_has_the_rows_in_order(run, tmp_path, as_file):
    source = MAP.astype(np.float64)
    if as_file:
        np.save(tmp_path / "map.npy", source)
        source = tmp_path / "map.npy"
    spec = import_coordinates(run, "mine", source, SETS)
    found = stored(run, spec).coordinates
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, MAP)
    # Of some sets, in any order, in the first dimensions.
    part = stored(run, spec.model_copy(update={"sets": ("far",), "dimensions": 2}))
    np.testing.assert_array_equal(part.coordinates, MAP[30:, :2])
    turned = stored(run, spec.model_copy(update={"sets": ("far", "test")}))
    np.testing.assert_array_equal(turned.coordinates, np.concatenate([MAP[30:], MAP[:30]]))


def test_names_are_listed_and_stand_for_one_map(run):
    assert imported_names(run) == []
    first = import_coordinates(run, "mine", MAP, SETS)
    assert import_coordinates(run, "mine", MAP, SETS) == first
    import_coordinates(run, "far only", MAP[:20], ["far"])
    assert sorted(imported_names(run)) == ["far only", "mine"]
    assert imported_names(run, ["test"]) == ["mine"]
    with pytest.raises(DataError, match='"mine" is the name of other coordinates of far, test; choose another'):
        import_coordinates(run, "mine", MAP + 1, SETS)
    with pytest.raises(DataError, match='"mine" is the name of other coordinates of far; choose another'):
        import_coordinates(run, "mine", MAP[:20], ["far"])
    with pytest.raises(DataError, match="need a name"):
        import_coordinates(run, " ", MAP, SETS)


def test_what_is_not_there_is_a_sentence(run):
    spec = import_coordinates(run, "flat", MAP[:, :2], SETS)
    other = spec.model_copy(update={"name": "other"})
    assert stored(run, other) is None
    with pytest.raises(DataError, match='no imported coordinates "other" of test, far; of these sets there are flat'):
        compute(run, other)
    with pytest.raises(DataError, match='The coordinates "flat" are two-dimensional'):
        stored(run, spec.model_copy(update={"dimensions": 3}))
    with pytest.raises(WorkspaceError, match='no set "train"'):
        import_coordinates(run, "mine", MAP, ["train"])


def duplicated(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[:2]])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.drop(columns="id"), r"mine.csv has no column id; it needs id, x, y, and may have set and z"),
        (lambda t: t.drop(columns=["x", "y"]), "no column x, y"),
        (lambda t: t[~((t["set"] == "far") & (t["id"] == "007"))], r'lacks in column "id" 1 sample \(007\)'),
        (lambda t: t[t["set"] == "test"], r'lacks in column "id" 20 samples \(000, 001, 002, …\)'),
        (duplicated, r'has in column "id" 2 samples .* more than once'),
        (lambda t: t.assign(y=t["y"].where(t["id"] != "003")), r'in column "y" no finite number for 2 samples'),
        (lambda t: t.assign(z=t["z"].where(t["id"] != "025", np.inf)), r'in column "z" .* 1 sample \(025\)'),
        (lambda t: t.assign(x="left"), r'in column "x" no finite number for 50 samples \(000, 001, 002, …\)'),
    ],
)
def test_what_is_wrong_with_a_table_is_named(run, table, tmp_path, change, sentence):
    path = written(change(table), tmp_path / "mine.csv")
    with pytest.raises(DataError, match=sentence):
        import_coordinates(run, "mine", path, SETS)
    assert imported_names(run) == []


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (MAP[:49], r"has the shape \(49, 3\); test, far with 50 samples need \(50, 2\) or \(50, 3\)"),
        (MAP[:, :1], r"shape \(50, 1\)"),
        (MAP[:, 0], r"shape \(50,\)"),
        (np.where(MAP[7, 1] == MAP, np.nan, MAP), "not finite in 1 of its rows; the first is row 7"),
        (MAP.astype(np.complex64), "holds complex64, not numbers"),
        (np.full((50, 2), 1e300), "not finite in 50 of its rows"),
    ],
)
def test_what_is_wrong_with_an_array_is_named(run, array, sentence):
    with pytest.raises(DataError, match=sentence):
        import_coordinates(run, "mine", array, SETS)


def test_files_that_cannot_be_read_are_named(run, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "broken.parquet").write_bytes(b"nothing")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "map.txt").write_text("0 0")
    for name in ("objects.npy", "broken.parquet", "empty.csv", "map.txt", "gone.csv", "gone.npy"):
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            import_coordinates(run, "mine", tmp_path / name, SETS)
