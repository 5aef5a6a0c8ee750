"""Tables and arrays that pages need, computed once for all sessions.

Everything is cached by content: a run's fingerprint changes when its files do. What is returned is
shared between sessions and must not be changed (``st.cache_resource``: no copies, no sampled hashes).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from latentviz import projection
from latentviz.app import versions
from latentviz.errors import WorkspaceError
from latentviz.evaluation import accuracy, corrupted, scores, set_statistics
from latentviz.evaluation.scores import Stored
from latentviz.figures import colouring
from latentviz.figures.colouring import Colour
from latentviz.figures.scores import score_title
from latentviz.workspace import ImageSet, Manifest, Run, Workspace
from latentviz.workspace.manifest import fingerprint

if TYPE_CHECKING:
    from latentviz.app.map_pickers import PointFilter

#: Thumbnails of a random handful.
HANDFUL = 24
#: Most texts of a column that can colour samples.
MOST_TEXTS = 100
#: Most neighbours of a sample that are shown; all are looked up at once, so that asking for more costs nothing.
NEIGHBOURS = 48


def run(workspace: Workspace, name: str) -> Run:
    """A run; the object is shared as long as nothing is written to it."""
    opened = workspace[name]
    return _run(str(opened.folder), opened.fingerprint, finished(opened))


# Which sets are complete is no part of the run's content, but of the object.
@st.cache_resource(max_entries=32, show_spinner=False)
def _run(folder: str, fingerprint: str, finished: tuple[str, ...]) -> Run:
    return Run(Path(folder))


def finished(run: Run) -> tuple[str, ...]:
    """Sets that are extracted to their end; what depends on it has it in its key beside the fingerprint."""
    return tuple(s.name for s in run if s.complete)


def states(run: Run) -> tuple[tuple[str, int], ...]:
    """When which states of layers were written: scores may depend on them, the run's fingerprint does not."""
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in run.folder.glob("sets/*/layers/*/state.json")))


def runs(workspace: Workspace) -> list[Run]:
    """All runs that can be opened, by name."""
    return _runs(workspace, str(workspace.path), _written(workspace))


@st.cache_resource(max_entries=4, show_spinner=False)
def _runs(_workspace: Workspace, path: str, written: str) -> list[Run]:
    found = []
    for name in _workspace.names():
        with suppress(WorkspaceError):
            found.append(run(_workspace, name))
    return found


def _written(workspace: Workspace) -> str:
    """A name of when which file was written that says what a run holds.

    Streamlit takes far longer to make a key of the list itself, which has thousands of entries with corrupted sets.
    """
    files = [*workspace.path.glob("runs/*/manifest.json"), *workspace.path.glob("runs/*/sets/*/state.json")]
    found = []
    for path in files:
        with suppress(FileNotFoundError):  # of a run that is being deleted
            found.append((str(path), path.stat().st_mtime_ns))
    return fingerprint(sorted(found))


def content(runs: Sequence[Run]) -> tuple[tuple[str, str, tuple], ...]:
    """What the content of several runs is known by."""
    return tuple((str(one.folder), one.fingerprint, states(one)) for one in runs)


def twin(workspace: Workspace, run: Run) -> str | None:
    """Another run of the same family and the same image sets, but with the other head; None if there is none."""
    if run.manifest.head is None or "family" not in run.manifest.attributes:
        return None
    return _twin(workspace, run, str(workspace.path), _written(workspace), run.name)


@st.cache_resource(max_entries=64, show_spinner=False)
def _twin(_workspace: Workspace, _run: Run, path: str, written: str, name: str) -> str | None:
    """Of several, as of a series of checkpoints, the one of the same seed and epoch."""
    mine = _run.manifest
    alike = [
        other
        for other in runs(_workspace)
        if other.manifest.head not in (None, mine.head)
        and other.manifest.attributes.get("family") == mine.attributes["family"]
        and _clean_names(other.manifest) == _clean_names(mine)
    ]
    same = [o for o in alike if all(o.manifest.attributes.get(k) == mine.attributes.get(k) for k in ("seed", "epoch"))]
    return next((other.name for other in [*same, *alike]), None)


def _clean_names(manifest: Manifest) -> set[str]:
    return {entry.name for entry in manifest.sets if entry.corruption is None}


def sets_table(run: Run) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.accuracy.sets_table`."""
    return _of_run("sets_table", run, str(run.folder), run.fingerprint)


def corrupted_sets(run: Run) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.corrupted.corrupted_sets`."""
    return _corrupted_sets(run, str(run.folder), run.fingerprint, finished(run))


@st.cache_resource(max_entries=32, show_spinner=False)
def _corrupted_sets(_run: Run, folder: str, fingerprint: str, finished: tuple[str, ...]) -> pd.DataFrame:
    return corrupted.corrupted_sets(_run)


def shifted_sets(run: Run) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.set_statistics.shifted_sets`."""
    return _shifted_sets(run, str(run.folder), run.fingerprint, finished(run))


@st.cache_resource(max_entries=32, show_spinner=False)
def _shifted_sets(_run: Run, folder: str, fingerprint: str, finished: tuple[str, ...]) -> pd.DataFrame:
    return set_statistics.shifted_sets(_run)


def class_balance(run: Run) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.accuracy.class_balance`."""
    return _of_run("class_balance", run, str(run.folder), run.fingerprint)


def warnings(run: Run) -> list[str]:
    """See :func:`latentviz.evaluation.accuracy.warnings`."""
    return _of_run("warnings", run, str(run.folder), run.fingerprint)


def predicted_as(image_set: ImageSet) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.accuracy.predicted_as`."""
    return _of_run("predicted_as", image_set, str(image_set.folder), image_set.fingerprint)


def most_confused(image_set: ImageSet) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.accuracy.most_confused`."""
    return _of_run("most_confused", image_set, str(image_set.folder), image_set.fingerprint)


# Name, folder and fingerprint are the cache's key; Streamlit does not hash an argument with an underscore.
@st.cache_resource(max_entries=128, show_spinner=False)
def _of_run(function: str, _content: Run | ImageSet, folder: str, fingerprint: str) -> Any:
    return getattr(accuracy, function)(_content)


def runs_table(workspace: Workspace) -> pd.DataFrame:
    """See :meth:`latentviz.Workspace.table`."""
    return workspace.table()


def handful(image_set: ImageSet, seed: int) -> tuple[np.ndarray | None, list[str]]:
    """Some random thumbnails, and a caption for each."""
    return _handful(image_set, str(image_set.folder), image_set.fingerprint, seed)


@st.cache_resource(max_entries=64, show_spinner=False)
def _handful(_image_set: ImageSet, folder: str, fingerprint: str, seed: int) -> tuple[np.ndarray | None, list[str]]:
    rows = np.sort(np.random.default_rng(seed).permutation(len(_image_set))[:HANDFUL])
    return thumbnails(_image_set, rows), captions(_image_set.table().iloc[rows])


def thumbnails(image_set: ImageSet, rows: np.ndarray) -> np.ndarray | None:
    """Thumbnails of rows; None if the run has none."""
    return image_set.thumbnails(rows) if image_set.has_thumbnails and len(rows) else None


def captions(table: pd.DataFrame) -> list[str]:
    """What is under a thumbnail: class → prediction, marked where it is wrong."""
    columns = (table[name].tolist() for name in ("label", "prediction", "correct"))
    return [
        (label if label == prediction else f"{label} → {prediction}") + (" ✗" if correct is False else "")
        for label, prediction, correct in zip(*columns, strict=True)
    ]


def points(run: Run, sets: Sequence[str]) -> pd.DataFrame:
    """Rows of :meth:`latentviz.Run.table`, with ``row`` within the set."""
    return _points(run, str(run.folder), run.fingerprint, tuple(sets))


@st.cache_resource(max_entries=4, show_spinner=False)
def _points(_run: Run, folder: str, fingerprint: str, sets: tuple[str, ...]) -> pd.DataFrame:
    table = _run.table(sets)
    table["row"] = table.groupby("set", sort=False).cumcount()
    return table


def metadata(run: Run, sets: Sequence[str]) -> list[str]:
    """Columns of the sets' index that say more of a sample than its class, e.g. ``azimuth``; not one a sample."""
    return _metadata(run, str(run.folder), run.fingerprint, tuple(sets))


@st.cache_resource(max_entries=32, show_spinner=False)
def _metadata(_run: Run, folder: str, fingerprint: str, sets: tuple[str, ...]) -> list[str]:
    tables = [_run[name].index.drop(columns=["id", "class_name", "label"]) for name in sets]
    kinds = {name: {table[name].dtype.kind for table in tables if name in table} for table in tables for name in table}
    texts = [name for name, kind in kinds.items() if not kind <= set("fiu")]
    many = [name for name in texts if sum(table[name].nunique() for table in tables if name in table) > MOST_TEXTS]
    return [str(name) for name, kind in kinds.items() if len(kind) == 1 and name not in many]


def stored_for(run: Run, sets: Sequence[str]) -> list[Stored]:
    """See :func:`latentviz.evaluation.scores.stored_for`."""
    there = sorted(path.name for path in (run.derived.folder / "scores").glob("[!.]*"))
    return _stored_for(run, str(run.folder), run.fingerprint, tuple(sets), tuple(there))


@st.cache_resource(max_entries=16, show_spinner=False)
def _stored_for(
    _run: Run, folder: str, fingerprint: str, sets: tuple[str, ...], there: tuple[str, ...]
) -> list[Stored]:
    return scores.stored_for(_run, sets)


def stored_title(stored: Stored) -> str:
    """What stored scores are called; no two of a run have the same title."""
    title, part = score_title(stored.asked.label), stored.fit_on
    return title if part.per_class is None else f"{title}, fitted on {part.per_class:,} a class, seed {part.seed}"


#: A colour by how far a map can be trusted at each sample.
DISTORTION = "Lost neighbours"


def colour(run: Run, layout: projection.Layout, by: str | Stored) -> Colour:
    """Colour of every sample of a map; a sample without a score has NaN."""
    of = layout.fingerprint if by == DISTORTION else ""
    return _colour(run, layout, str(run.folder), run.fingerprint, layout.spec.sets, by, of)


@st.cache_resource(max_entries=32, show_spinner=False)
def _colour(
    _run: Run,
    _layout: projection.Layout,
    folder: str,
    fingerprint: str,
    sets: tuple[str, ...],
    by: str | Stored,
    of: str,
) -> Colour:
    if by == DISTORTION:
        return colouring.numbers(DISTORTION, projection.distortion(_run, _layout))
    if by in versions.COLOURS:
        return versions.colour(_run, sets, str(by))
    if isinstance(by, str):
        return colouring.colour(points(_run, sets), by, _run.sets)
    column = []
    for name in sets:
        found = scores.stored_scores(_run, by.asked, name, by.fit_on) if name in by.sets else None
        column.append(np.full(len(_run[name]), np.nan) if found is None else found)
    return colouring.numbers(stored_title(by), np.concatenate(column))


def groups(run: Run, sets: Sequence[str]) -> np.ndarray:
    """Which set each sample belongs to, as a number (N,), uint16."""
    return np.repeat(np.arange(len(sets), dtype=np.uint16), [len(run[name]) for name in sets])


def filtered(run: Run, sets: Sequence[str], wanted: PointFilter) -> np.ndarray | None:
    """Which samples are of the chosen sets and classes: ndarray of shape (N,), bool; None if all are."""
    if not wanted.labels and set(wanted.sets) >= set(sets):
        return None
    return _filtered(run, str(run.folder), run.fingerprint, tuple(sets), wanted.sets, wanted.labels)


@st.cache_resource(max_entries=16, show_spinner=False)
def _filtered(
    _run: Run, folder: str, fingerprint: str, sets: tuple[str, ...], shown: tuple[str, ...], labels: tuple[str, ...]
) -> np.ndarray:
    keep = np.array([name in shown for name in sets])[groups(_run, sets)]
    return keep & points(_run, sets)["label"].isin(labels).to_numpy() if labels else keep


def labels_of(run: Run, sets: Sequence[str]) -> list[str]:
    """Class names that occur."""
    return _labels_of(run, str(run.folder), run.fingerprint, tuple(sets))


@st.cache_resource(max_entries=32, show_spinner=False)
def _labels_of(_run: Run, folder: str, fingerprint: str, sets: tuple[str, ...]) -> list[str]:
    return sorted(points(_run, sets)["label"].unique())


def neighbours(run: Run, layout: projection.Layout, set_name: str, row: int, k: int) -> pd.DataFrame:
    """The nearest samples of one, in feature space; see :func:`latentviz.projection.neighbours_of`."""
    spec = layout.spec
    how = spec.sets, set_name, row, NEIGHBOURS, spec.quality_metric, spec.normalise
    return _neighbours(run, str(run.folder), run.fingerprint, how).head(k)


@st.cache_resource(max_entries=256, show_spinner=False)
def _neighbours(_run: Run, folder: str, fingerprint: str, how: tuple) -> pd.DataFrame:
    return projection.neighbours_of(_run, *how)


def rows_of(points: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The points given by ``set`` and ``row``, in their order."""
    sets, first = np.unique(points["set"], return_index=True)
    starts = dict(zip(sets, first, strict=True))
    return points.iloc[found["set"].map(starts) + found["row"]].reset_index(drop=True)


def set_table(image_set: ImageSet) -> pd.DataFrame:
    """See :meth:`latentviz.ImageSet.table`."""
    return _set_table(image_set, str(image_set.folder), image_set.fingerprint)


@st.cache_resource(max_entries=16, show_spinner=False)
def _set_table(_image_set: ImageSet, folder: str, fingerprint: str) -> pd.DataFrame:
    return _image_set.table()


def pictures(run: Run, rows: pd.DataFrame) -> np.ndarray | None:
    """Thumbnails of samples given by ``set`` and ``row``, in their order; None if a set has none."""
    found: list[np.ndarray | None] = [None] * len(rows)
    for name in rows["set"].unique():
        where = np.flatnonzero(rows["set"] == name)
        images = thumbnails(run[name], rows["row"].to_numpy()[where])
        if images is None:
            return None
        for position, image in zip(where, images, strict=True):
            found[position] = image
    side = max((image.shape[0] for image in found if image is not None), default=0)
    whole = [np.pad(i, ((0, side - len(i)), (0, side - len(i)), (0, 0))) for i in found if i is not None]
    return np.stack(whole) if whole else None
