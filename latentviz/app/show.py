"""What pages show besides figures: headings, tables, thumbnails, and errors as sentences."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from latentviz.app import cached
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import LatentvizError
from latentviz.evaluation.accuracy import in_words
from latentviz.evaluation.scores import Stored
from latentviz.progress import Progress
from latentviz.projection import Layout, Quality
from latentviz.workspace import ImageSet, Run, Workspace
from latentviz.workspace.manifest import ROLES


def is_dark() -> bool:
    """Whether the page is dark."""
    return st.context.theme.type == "dark"


@contextmanager
def sentences() -> Iterator[None]:
    """Show an error of the project as its sentence; what nobody expected goes to the log."""
    try:
        yield
    except LatentvizError as error:
        st.error(str(error), icon=":material/error:")
    except Exception as error:  # st.stop and st.rerun are no Exceptions
        logging.getLogger("latentviz").exception("A page failed")
        st.error(
            f"Something unexpected happened ({type(error).__name__}). The console that runs the app has the details.",
            icon=":material/error:",
        )


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar for work that the page waits for; at every report Streamlit can stop it, e.g. to show another page."""
    place = st.empty()

    def report(stage: str, done: int, total: int, unit: str = "") -> None:
        text = f"{stage}: {done:,} of {total:,} {unit}" if total else f"{stage} …"
        place.progress(min(done / total, 1.0) if total else 0.0, text=text)

    try:
        yield report
    except LatentvizError:
        place.empty()  # a bar beside its error would look as if the work went on
        raise
    place.empty()


@st.cache_resource(show_spinner=False)
def _done() -> set[Hashable]:
    """What :func:`beforehand` has done."""
    return set()


def beforehand(key: Hashable, work: Callable[[Progress], object]) -> None:
    """Have stored, with a bar, what a cached function then only reads: that may not draw anything itself.

    Parameters
    ----------
    key : hashable
        All that the result depends on; what was done for it is not done again.
    work : callable
        Takes the progress.
    """
    with st.container():  # always there, so that what follows stays in its place
        if key not in _done():
            with progress() as report:
                work(report)
            _done().add(key)


def heading(run: Run) -> None:
    """The run in one line of numbers and one of words."""
    st.title(run.name)
    about = run.manifest
    facts = [
        about.title,
        f"{about.head or 'unknown'} head",
        f"{len(run.classes)} classes",
        f"{about.width} features",
        f"{sum(map(len, run.uncorrupted.values())):,} samples in {len(run.uncorrupted)} sets",
    ]
    st.caption(" · ".join(facts))
    if about.preprocessing:
        st.caption(f"Preprocessing: {Preprocessing.model_validate(about.preprocessing).sentence()}")


def csv(table: pd.DataFrame, file: str, key: str) -> None:
    """A button that saves a table."""
    st.download_button(
        "CSV",
        lambda: table.to_csv(index=False).encode(),
        file,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"csv-{key}",
    )


def unfinished(run: Run) -> None:
    """How far a run is that is being written, or was interrupted."""
    done, total = run.progress
    if run.complete:
        return
    corrupted = all(s.complete for s in run.uncorrupted.values())
    what, where = ("Corrupting", "Detection against accuracy") if corrupted else ("The extraction of", "Add a run")
    rest = "Versions that were finished can be used" if corrupted else "What is here can be used"
    if run.busy:
        doing = "Corrupted versions are being made" if corrupted else "This run is being extracted"
        st.info(f"{doing}: {done:,} of {total:,} images so far.", icon=":material/hourglass_top:")
    else:
        st.warning(
            f"{what} this run stopped at {done:,} of {total:,} images. {rest}; resume the job on **{where}**, or give "
            "the same command again.",
            icon=":material/pause_circle:",
        )


def warnings(sentences: list[str]) -> None:
    """What looks wrong in a run."""
    for sentence in sentences:
        st.warning(sentence, icon=":material/warning:")


def sets(table: pd.DataFrame) -> None:
    """The run's image sets, with accuracy and interval; plain text, so that it is there before any chart."""
    shown = {
        "Set": table["set"],
        "Role": table["role"],
        "n": [f"{n:,}" for n in table["samples"]],
        "Accuracy (95 % interval)": in_words(table),
        "Classes": [f"{n:,}" for n in table["classes"]],
    }
    if table["skipped"].any():
        shown["Skipped"] = [f"{n:,}" for n in table["skipped"]]
    st.table(pd.DataFrame(shown), border="horizontal", hide_index=True, alt="The image sets of the run")
    st.caption("; ".join(f"**{role}**: {what}" for role, what in ROLES.items() if role in set(table["role"])))


def corrupted(run: Run) -> None:
    """That there are corrupted versions, and where to look at them."""
    made = [s.entry.corruption for s in run if s.entry.corruption is not None]
    if made:
        of = ", ".join(dict.fromkeys(record.of for record in made))
        st.caption(f"And {len(made)} corrupted versions of {of}: see **Detection against accuracy**.")


def source(image_set: ImageSet) -> None:
    """Where a set's images came from."""
    st.caption(f"{len(image_set):,} samples from `{image_set.entry.source}`")


def runs(table: pd.DataFrame) -> None:
    """All runs of the workspace."""
    st.dataframe(
        table,
        hide_index=True,
        alt="The runs of the workspace",
        column_config={
            "run": "Run",
            "model": "Model",
            "head": "Head",
            "classes": "Classes",
            "width": "Features",
            "sets": "Sets",
            "samples": st.column_config.NumberColumn("Samples", format="localized"),
            "state": "State",
            "created": st.column_config.DatetimeColumn("Created", format="localized"),
        },
    )


def thumbnails(images: np.ndarray | None, captions: list[str], width: int = 72) -> None:
    """Small images side by side, each with its caption."""
    if images is None:
        st.caption("There are no images to show: this set has none, or was imported as arrays without them.")
        return
    st.image([enlarged(image, width) for image in images], caption=captions, width=width)


def samples(image_set: ImageSet, rows: np.ndarray, values: np.ndarray, title: str) -> None:
    """Some samples of a set with a number of each: as thumbnails, or as a table if the set has no images.

    Parameters
    ----------
    image_set : ImageSet
    rows : ndarray of int
        In the order in which they are shown.
    values : ndarray of shape (N,)
        Of all samples of the set.
    title : str
        What the number is.
    """
    if not len(rows):
        st.caption("None.")
        return
    table, numbers = cached.set_table(image_set).iloc[rows], told_apart(values[rows])
    images = cached.thumbnails(image_set, rows)
    if images is not None:
        thumbnails(images, [f"{n} · {text}" for n, text in zip(numbers, cached.captions(table), strict=True)])
        return
    st.dataframe(
        table[["id", "label", "prediction"]].assign(**{title: numbers})[[title, "id", "label", "prediction"]],
        hide_index=True,
        alt=f"Samples with their {title}",
        height=300,
    )


def told_apart(values: np.ndarray) -> list[str]:
    """Numbers as text, with as many of 3 to 7 digits as they need to look different.

    Examples
    --------
    >>> told_apart(np.array([12.341, 12.349, 5.0]))
    ['12.34', '12.35', '5.000']
    """
    texts = [""]
    for digits in range(3, 8):
        texts = [f"{value:#.{digits}g}" for value in values]
        if len(set(texts)) == len(set(values.tolist())):
            break
    return texts


def enlarged(image: np.ndarray, width: int) -> Image.Image:
    """Whole pixels, so that a 28-pixel digit is not blurred by the browser."""
    factor = max(1, round(2 * width / image.shape[1]))
    picture = Image.fromarray(image)
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def most_confused(pairs: pd.DataFrame, image_set: ImageSet) -> None:
    """The most frequent mistakes, or why there are none."""
    if not image_set.labelled:
        st.caption(f"The classes of **{image_set.name}** are not the model's, so no prediction is right or wrong.")
        return
    if pairs.empty:
        st.caption("No mistakes.")
        return
    st.dataframe(
        pairs,
        hide_index=True,
        alt="The most frequent mistakes",
        column_config={
            "label": "Class",
            "prediction": "Predicted",
            "samples": st.column_config.NumberColumn("n", format="localized"),
            "share": st.column_config.ProgressColumn("Of the class", format="percent", min_value=0, max_value=1),
        },
    )


def without_scores(colour_by: str | Stored, layout: Layout) -> None:
    """Which sets of a map are grey because nobody has computed their scores."""
    if isinstance(colour_by, str):
        return
    grey = [name for name in layout.spec.sets if name not in colour_by.sets]
    if grey:
        st.caption(f"Grey: {', '.join(grey)} without scores. Compute them on the page **OOD scorers**.")


def with_interval(share: float, interval: tuple[float, float]) -> str:
    """A share and its 95 % interval, which is not broken over two lines.

    Examples
    --------
    >>> with_interval(0.858, (0.828, 0.884))
    '85.8% (82.8\xa0–\xa088.4)'
    """
    low, high = interval
    return f"{share:.1%} ({100 * low:.1f}\u00a0–\u00a0{100 * high:.1f})"


#: What computes a UMAP.
_PROGRAMS = {"fast": "umappp", "umap-learn": "umap-learn"}


def quality(layout: Layout, q: Quality, of: str) -> None:
    """How far the map can be trusted, and what made it, of which sets in words."""
    spec = layout.spec
    made_by = "PCA"
    if spec.method == "umap":
        made_by = (
            f"UMAP by {_PROGRAMS[spec.engine]}, n_neighbors {spec.n_neighbors}, min_dist {spec.min_dist:g}, spread "
            f"{spec.spread:g}, {spec.metric}, seed {spec.seed}"
        )
    elif spec.method == "imported":
        made_by = f"Imported coordinates “{spec.name}”"
    if spec.fit == "ind":
        made_by += ", fitted on in-distribution"
    if layout.explained:
        made_by += f", explains {sum(layout.explained):.0%} of the variance"
    features = "normalised features" if spec.normalise else "raw features"
    with st.container(horizontal=True):
        st.metric(
            "Trustworthiness",
            f"{q.trustworthiness:.3f}",
            help=f"1: whoever is near on the map is near in feature space. {q.k} neighbours, {q.sample:,} samples.",
            width="content",
        )
        st.metric(
            "Continuity",
            f"{q.continuity:.3f}",
            help=f"1: whoever is near in feature space is near on the map. {q.k} neighbours, {q.sample:,} samples.",
            width="content",
        )
        st.metric(
            "Neighbours kept",
            f"{q.neighbour_preservation:.0%}",
            help=f"Share of the {q.k} nearest in feature space that are among the {q.k} nearest on the map.",
            width="content",
        )
    st.caption(f"{made_by} · {features} of {of}")


def how_to_allow_folders(workspace: Workspace) -> None:
    """The page runs extractions only on folders that whoever started the app has allowed."""
    st.info(
        "Models and images are read only from folders that were allowed when the app was started:\n\n"
        f"```\nlatentviz app --workspace {workspace.path} --data-root /path/to/data\n```\n\n"
        "On the command line any folder can be used: `latentviz extract --help`.",
        icon=":material/lock:",
    )
