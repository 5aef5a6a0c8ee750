"""Sets written piece by piece, interrupted and continued."""

import json

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentviz import Run, Workspace
from latentviz.errors import DataError, WorkspaceError
from latentviz.latents import Head
from latentviz.workspace import Manifest, SetEntry
from latentviz.workspace.imageset import SetWriter
from latentviz.workspace.run import listing_fingerprint, listing_of

ROWS, WIDTH, CLASSES, CHUNK = 22, 4, 3, 5
RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(ROWS, WIDTH)).astype(np.float32)
LOGITS = RANDOM.normal(size=(ROWS, CLASSES)).astype(np.float32)
THUMBNAILS = RANDOM.integers(0, 256, (ROWS, 6, 6, 3), dtype=np.uint8)
ARRAYS = ("features", "logits", "prediction", "confidence", "norm", "thumbnails")
LISTING = listing_of([f"{i}.png" for i in range(ROWS)], ["a", "b"] * 11, np.arange(ROWS) % 2)


def new_run(workspace: Workspace, name: str = "run") -> Run:
    description = Manifest(name=name, created="", classes=["a", "b", "c"], width=WIDTH, chunk=CHUNK)
    return workspace.create_run(description, None)


def open_set(run: Run, name: str = "test", role: str = "ind", listing: pd.DataFrame = LISTING) -> SetWriter:
    entry = SetEntry(name=name, role=role, listed=len(listing), listing=listing_fingerprint(listing))
    return run.add_set(entry, listing, 6)


def append(writer: SetWriter, start: int, stop: int, **more) -> None:
    writer.append(FEATURES[start:stop], LOGITS[start:stop], THUMBNAILS[start:stop], **more)


def written_at_once(workspace: Workspace, name: str = "whole") -> Run:
    run = new_run(workspace, name)
    writer = open_set(run)
    for start in range(0, ROWS, CHUNK):
        append(writer, start, min(start + CHUNK, ROWS))
    writer.finish()
    return run.reopened()


def assert_same(one: Run, other: Run) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(one["test"].read(name), other["test"].read(name))
    assert one["test"].index.equals(other["test"].index)
    assert one["test"].fingerprint == other["test"].fingerprint


def test_an_unfinished_set_shows_the_rows_it_has(workspace):
    run = new_run(workspace)
    writer = open_set(run)
    append(writer, 0, CHUNK)
    append(writer, CHUNK, 2 * CHUNK)
    part = run.reopened()
    assert len(part["test"]) == 10
    assert not part.complete
    assert part.progress == (10, 22)
    np.testing.assert_array_equal(part["test"].features, FEATURES[:10])
    assert part["test"].table()["id"].tolist() == LISTING["id"][:10].tolist()
    assert workspace.table()["state"].tolist() == ["unfinished, 45%"]


@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_writer_killed_within_a_chunk_is_continued_bit_for_bit(workspace, done):
    run = new_run(workspace)
    writer = open_set(run)
    for start in range(0, done * CHUNK, CHUNK):
        append(writer, start, start + CHUNK)
    for name in ("features", "logits", "thumbnails", "norm"):  # rows that were written but never counted
        array = zarr.open_array(writer.folder / name, mode="r+")
        array[done * CHUNK : done * CHUNK + 4] = 99
    assert len(run.reopened()["test"]) == done * CHUNK
    again = open_set(run.reopened())
    assert again.state.rows == done * CHUNK
    for start in range(again.state.rows, ROWS, CHUNK):
        append(again, start, min(start + CHUNK, ROWS))
    again.finish()
    assert_same(run.reopened(), written_at_once(workspace))


def test_a_crash_before_the_set_was_set_up_is_repeated_from_the_start(workspace):
    run = new_run(workspace)
    writer = open_set(run)
    (writer.folder / "state.json").unlink()
    (writer.folder / "index.parquet").write_bytes(b"half")
    writer = open_set(run.reopened())
    append(writer, 0, ROWS)
    writer.finish()
    np.testing.assert_array_equal(run.reopened()["test"].features, FEATURES)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_any_split_gives_the_same_arrays(tmp_path_factory, sizes):
    workspace = Workspace(tmp_path_factory.mktemp("split"))
    run = new_run(workspace)
    start = 0
    for size in [*sizes, ROWS]:
        writer = open_set(run.reopened())
        append(writer, start, min(start + size, ROWS))
        start = min(start + size, ROWS)
    writer.finish()
    whole = written_at_once(workspace)
    for name in ARRAYS:
        np.testing.assert_array_equal(run.reopened()["test"].read(name), whole["test"].read(name))


def test_skipped_samples_leave_no_gap(workspace):
    run = new_run(workspace)
    writer = open_set(run)
    keep = [i for i in range(ROWS) if i not in (2, 3, 21)]
    append_rows = keep[:3], keep[3:]
    writer.append(FEATURES[append_rows[0]], LOGITS[append_rows[0]], THUMBNAILS[append_rows[0]], {2: "not an image"})
    assert run.reopened().progress == (4, 22)
    again = open_set(run.reopened())
    rows = append_rows[1]
    again.append(FEATURES[rows], LOGITS[rows], THUMBNAILS[rows], {3: "truncated", 21: "empty"})
    again.finish()
    done = run.reopened()["test"]
    assert done.complete
    assert len(done) == len(keep)
    assert done.index["id"].tolist() == [f"{i}.png" for i in keep]
    np.testing.assert_array_equal(done.labels, np.array(keep) % 2)
    np.testing.assert_array_equal(done.features, FEATURES[keep])
    assert all(done.array(name).shape[0] == len(keep) for name in ARRAYS)
    assert done.skipped.to_dict("list") == {
        "id": ["2.png", "3.png", "21.png"],
        "reason": ["not an image", "truncated", "empty"],
    }
    assert len(done.table()) == len(keep)


def test_equal_rows_of_other_samples_have_another_fingerprint(workspace):
    fingerprints = set()
    for name, missing in (("a", 0), ("b", 1)):
        run = new_run(workspace, name)
        writer = open_set(run)
        writer.append(FEATURES[1:], LOGITS[1:], THUMBNAILS[1:], {missing: "not an image"})
        writer.finish()
        fingerprints.add(run.reopened().fingerprint)
    assert len(fingerprints) == 2


def test_a_set_of_which_nothing_can_be_read(workspace):
    run = new_run(workspace)
    writer = open_set(run)
    nothing = np.zeros((0, WIDTH), np.float32), np.zeros((0, CLASSES), np.float32)
    writer.append(*nothing, skipped=dict.fromkeys(range(ROWS), "not an image"))
    writer.finish()
    done = run.reopened()["test"]
    assert done.complete
    assert len(done) == len(done.table()) == len(done.features) == 0
    assert not done.labelled
    assert run.reopened().progress == (ROWS, ROWS)


def test_rows_can_be_picked_and_iterated(workspace):
    test = written_at_once(workspace)["test"]
    np.testing.assert_array_equal(test.read("features", np.array([7, 0, 21])), FEATURES[[7, 0, 21]])
    np.testing.assert_array_equal(test.read("features", slice(3, 100, 2)), FEATURES[3::2])
    np.testing.assert_array_equal(np.concatenate(list(test.chunks("logits", rows=4))), LOGITS)


def test_logits_that_are_not_the_heads_are_not_counted(workspace):
    head = Head(np.eye(CLASSES, WIDTH), np.zeros(CLASSES))
    description = Manifest(name="run", created="", classes=["a", "b", "c"], width=WIDTH, head="linear", chunk=CHUNK)
    writer = open_set(workspace.create_run(description, head))
    with pytest.raises(DataError, match="A sample has 2 logits, the head makes 3"):
        writer.append(FEATURES[:5], LOGITS[:5, :2], THUMBNAILS[:5])
    assert len(workspace["run"]["test"]) == 0


@pytest.mark.parametrize("array", ["features", "logits"])
def test_bad_values_are_not_counted(workspace, array):
    run = new_run(workspace)
    writer = open_set(run)
    append(writer, 0, CHUNK)
    given = {"features": FEATURES[5:10].copy(), "logits": LOGITS[5:10].copy()}
    given[array][2, 1] = np.nan
    with pytest.raises(DataError, match=f'1 of 5 {array} of "test" .*first: row 7'):
        writer.append(**given, thumbnails=THUMBNAILS[5:10])
    assert len(run.reopened()["test"]) == CHUNK


def test_a_known_set_with_other_samples_or_another_role_is_refused(workspace):
    run = new_run(workspace)
    open_set(run)
    with pytest.raises(WorkspaceError, match='already has a set "test" with another role'):
        open_set(run, role="ood")
    with pytest.raises(WorkspaceError, match='already has a set "test" with other samples or labels'):
        open_set(run, listing=LISTING.assign(label=0))


def test_two_opened_runs_do_not_forget_each_others_sets(workspace):
    new_run(workspace)
    first, second = workspace["run"], workspace["run"]
    with first.writing():
        open_set(first, "from first")
    with second.writing():
        open_set(second, "from second")
    assert {s.name for s in workspace["run"]} == {"from first", "from second"}


# --- attributes ---


def test_attributes_can_be_added_but_not_changed(workspace):
    new_run(workspace)
    run = workspace["run"]
    with run.writing():
        run.add_attributes({"seed": 1})
        run.add_attributes({"seed": 1, "family": "resnet"})
        with pytest.raises(WorkspaceError, match="has the attribute seed=1, not 2"):
            run.add_attributes({"epoch": 3, "seed": 2})
    assert workspace["run"].manifest.attributes == {"seed": 1, "family": "resnet"}


# --- damage ---


@pytest.mark.parametrize("array", ["features", "logits", "prediction", "confidence", "norm"])
def test_a_chunk_that_is_gone_is_no_zeros(workspace, array):
    test = written_at_once(workspace)["test"]
    for chunk in (test.folder / array / "c" / "1").rglob("*") if array in ("features", "logits") else [None]:
        (chunk or test.folder / array / "c" / "1").unlink()
    assert len(test.read(array, slice(0, CHUNK))) == CHUNK  # the chunks that are there can be read
    for rows in (None, slice(4, 6), np.array([0, 7])):
        with pytest.raises(WorkspaceError, match=f"{array} is damaged"):
            test.read(array, rows)


def test_damaged_files_are_named(workspace):
    folder = written_at_once(workspace)["test"].folder
    chunk = folder / "features" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:7])
    with pytest.raises(WorkspaceError, match=r"features is damaged"):
        _ = workspace["whole"]["test"].features
    (folder / "logits" / "zarr.json").write_text("{")
    with pytest.raises(WorkspaceError, match=r"logits is damaged"):
        _ = workspace["whole"]["test"].logits
    (folder / "index.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(WorkspaceError, match=r"index.parquet is missing or damaged"):
        _ = workspace["whole"]["test"].labels
    (folder / "index.parquet").unlink()
    with pytest.raises(WorkspaceError, match=r"index.parquet is missing or damaged"):
        workspace["whole"]["test"].table()
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(state | {"rows": "many"}))
    with pytest.raises(WorkspaceError, match=r"state.json is damaged at rows"):
        len(workspace["whole"]["test"])
