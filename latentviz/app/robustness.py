"""What the page "Robustness across models" is asked, and what follows from it, computed once for all sessions."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import pandas as pd
import streamlit as st

from latentviz.app import cached, clustering, jobs_panel, pickers, scoring_work, show
from latentviz.datasets.corruptions import corruptions
from latentviz.errors import DataError
from latentviz.evaluation import indicators, robustness, robustness_relations
from latentviz.evaluation.checkpoints import epoch_of, training_of
from latentviz.evaluation.clustered import Multicut
from latentviz.evaluation.coefficients import TITLES, Kind
from latentviz.evaluation.indicators import How
from latentviz.evaluation.reference import Reference, read_reference, reference_of
from latentviz.evaluation.robustness import Network, Networks, Robustness
from latentviz.evaluation.robustness_relations import CLEAN, Relation
from latentviz.extraction import VersionsRequest
from latentviz.figures.against_accuracy import words
from latentviz.geometry.clustering import METHODS, Clustering
from latentviz.workspace import Run

_NO_REFERENCE = "none"
_FILE = "a file …"


@dataclass(frozen=True, eq=False)
class Shown:
    """Networks side by side, and how they are judged.

    Attributes
    ----------
    run : str
        The network whose page it is, which need not be among these.
    found : Robustness
    clean : str
        The set that was corrupted.
    target : {"corrupted", "mce"}
    kind : {"spearman", "pearson", "kendall"}
    key : tuple
        All that results depend on.
    """

    run: str
    found: Robustness
    clean: str
    target: str
    kind: Kind
    key: tuple

    def relation(self, name: str) -> Relation:
        """See :func:`latentviz.evaluation.robustness_relations.relation`."""
        return _relation(self.found, name, self.target, self.kind, self.key)

    def relations(self) -> pd.DataFrame:
        """See :func:`latentviz.evaluation.robustness_relations.table`."""
        return _relations(self.found, self.target, self.key)

    @property
    def control(self) -> Relation:
        """Clean accuracy, what an indicator must add to."""
        return self.relation(CLEAN)


def shown(run: Run) -> Shown | None:
    """Pickers: networks, versions, indicators and judgement; None, with a sentence, while something is missing."""
    clean = pickers.held_out(run)
    if clean is None or not run[clean].labelled:
        st.info(
            f"{run.name} has no labelled in-distribution set (role ind) whose corrupted versions could be judged.",
            icon=":material/info:",
        )
        return None
    row = pickers.row()
    with row:
        runs, how = _networks(run, clean), _how()
    if not runs:
        st.caption("Choose at least one network.")
        return None
    content = (cached.content(runs), tuple(cached.finished(one) for one in runs), clean, how)
    networks = _gathered(run, runs, clean, how, content)
    if networks is None:
        return None
    if networks.versions.empty:
        _nothing(networks, [one.name for one in runs])
        return None
    with row:
        corruptions, severities = _versions(networks)
        reference = _reference(networks)
        target = "mce" if reference is not None else "corrupted"
        kind = st.segmented_control(
            "Correlation", list(TITLES), format_func=TITLES.__getitem__, default="spearman", required=True,
            key="correlation", persist_state="session",
        )  # fmt: skip
    key = (*content, tuple(corruptions), tuple(severities), str(reference))
    found = _compared(networks, corruptions, severities, reference, key)
    if found.versions.empty:
        st.caption("Choose at least one corruption and severity.")
        return None
    return Shown(run.name, found, clean, target, cast(Kind, kind), key)


def _networks(run: Run, clean: str) -> list[Run]:
    """Picker: networks of the workspace; at first those of the run's task that have corrupted versions."""
    every = {one.name: one for one in cached.runs(pickers.workspace())}
    every.setdefault(run.name, run)
    ready = [name for name, one in every.items() if one.classes == run.classes and _has_versions(one, clean)]
    with st.popover("Networks", icon=":material/hub:"):
        names = st.multiselect(
            "Networks",
            list(every),
            default=ready or [run.name],
            key=f"robustness-networks-{pickers.id_of(run)}-{clean}-{len(ready)}",
            persist_state="session",
            help="Of one task: the same classes in the same order. At first all of the workspace that are of this "
            "run's task and have corrupted versions.",
        )
    return [every[name] for name in names]


def _has_versions(run: Run, clean: str) -> bool:
    made = [s for s in run if s.entry.corruption is not None and s.entry.corruption.of == clean]
    return any(s.complete for s in made)


def more(run: Run, of: Shown) -> None:
    """Networks of the task without the versions that are compared, and the job that makes them."""
    versions = of.found.versions
    every = [one for one in cached.runs(pickers.workspace()) if one.classes == run.classes and of.clean in one.sets]
    lacking = [one.name for one in every if "spec" in one.manifest.model and not _has_versions(one, of.clean)]
    # Those that were made elsewhere, or with another seed, would not be the same.
    made_here = versions[versions["version"] == versions["corruption"]]
    names = [str(name) for name in dict.fromkeys(made_here["corruption"]) if name in corruptions()]
    if not lacking or not names:
        return
    last = {training_of(one): one.name for one in sorted(every, key=epoch_of) if one.name in lacking}
    count = len(lacking)
    title = f"{_networks_in_words(lacking, 'more ')} of this task without corrupted versions"
    with st.expander(title, icon=":material/add_circle:"):
        chosen = st.multiselect(
            "Make them of",
            lacking,
            default=list(last.values()),
            key=f"robustness-more-{pickers.id_of(run)}-{count}",
            help="At first the last checkpoint of every training.",
        )
        if chosen:
            levels = sorted({int(s) for s in made_here["severity"]})
            jobs_panel.needed(
                run,
                "versions",
                VersionsRequest(
                    run=run.name, runs=chosen, clean=of.clean, corruptions=names, severities=levels
                ).model_dump(),
                f"Corrupted versions of {_networks_in_words(chosen)}",
                f"{len(names)} corruptions × {len(levels)} severities of {of.clean} through "
                f"{_networks_in_words(chosen)}, in the background.",
                "Make versions",
            )


def _networks_in_words(names: Sequence[str], more: str = "") -> str:
    return f"{len(names)} {more}network{'s' if len(names) > 1 else ''}"


def _how() -> How:
    """Pickers: what the indicators are computed with."""
    with st.popover("Indicators", icon=":material/tune:"):
        method = st.selectbox(
            "Clusters by", METHODS, format_func=clustering.METHODS.__getitem__, key="robustness-method",
            persist_state="session",
        )  # fmt: skip
        as_classes = st.toggle(
            "As many clusters as classes", value=True, key="robustness-as-classes", persist_state="session"
        )
        count = 10
        if not as_classes:
            count = st.number_input("Clusters K", 2, 1000, 10, key="robustness-k", persist_state="session")
        space = st.segmented_control(
            "Features", list(clustering.SPACES), format_func=clustering.SPACES.__getitem__, default="head",
            required=True, key="robustness-space", persist_state="session",
        )  # fmt: skip
        seed = st.number_input("Seed", 0, 9999, 0, key="robustness-seed", persist_state="session")
    clusters = Clustering(method=method, clusters=int(count), seed=int(seed))
    return How(clusters, as_classes, Multicut(seed=int(seed)), space)


def _gathered(run: Run, runs: Sequence[Run], clean: str, how: How, content: tuple) -> Networks | None:
    """Indicators that are not stored are computed now, or, if it takes long, in the background."""
    robustness.check_task(runs)
    having = [
        one
        for one in runs
        if clean in one.sets and one[clean].labelled and one[clean].complete and _has_versions(one, clean)
    ]
    dear = sum(indicators.cost(one, clean, how) for one in having)
    if dear > scoring_work.AT_ONCE:
        lacking = [one.name for one in having if not indicators.is_stored(one, clean, how)]
        jobs_panel.needed(
            run,
            "indicators",
            {"run": run.name, "runs": lacking, "clean": clean, "how": asdict(how)},
            f"Indicators of {_networks_in_words(lacking)}",
            f"Indicators of {_networks_in_words(lacking)} are not computed yet. This takes longer, so it runs in the "
            "background; what is finished is kept.",
            "Compute",
        )
        return None
    show.beforehand(("robustness", content), lambda progress: Networks.of(runs, clean, how, progress, _network))
    return _read(runs, clean, how, content)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(_runs: Sequence[Run], _clean: str, _how: How, content: tuple) -> Networks:
    return Networks.of(_runs, _clean, _how, read=_network)


@st.cache_resource(max_entries=32, show_spinner=False)
def _compared(
    _networks: Networks, _corruptions: list[str], _severities: list[int], _reference: Reference | None, key: tuple
) -> Robustness:
    return _networks.compared(_corruptions, _severities, _reference)


def _network(run: Run, clean: str) -> Network:
    return _remembered(run, clean, str(run.folder), run.fingerprint, cached.finished(run))


@st.cache_resource(max_entries=128, show_spinner=False)
def _remembered(_run: Run, clean: str, folder: str, fingerprint: str, finished: tuple) -> Network:
    return Network.of(_run, clean)


def _nothing(networks: Networks, runs: list[str]) -> None:
    """Why there is nothing to compare, and what to do."""
    show.warnings([*networks.sentences, *networks.lacking])
    st.info(
        f"Corrupted versions of {networks.clean} are needed, the same of every network. Make them on **Detection "
        "against accuracy**, or for all networks at once:\n\n"
        f"```\nlatentviz compare --workspace {shlex.quote(str(pickers.workspace().path))} --runs "
        f"{shlex.quote(','.join(runs))} --clean {shlex.quote(networks.clean)} --corruptions common\n```",
        icon=":material/blur_on:",
    )


def _versions(networks: Networks) -> tuple[list[str], list[int]]:
    """Pickers: corruptions and severities that count."""
    table = networks.versions
    names, levels = list(dict.fromkeys(table["version"])), sorted({int(s) for s in table["severity"]})
    with st.popover("Corruptions", icon=":material/blur_on:"):
        families = dict.fromkeys(table["family"])
        kept = st.pills(
            "Families", list(families), selection_mode="multi", default=list(families), format_func=words,
            key=f"robustness-families-{len(families)}", persist_state="session",
        )  # fmt: skip
        offered = [n for n in names if set(table.loc[table["version"] == n, "family"]) & set(kept)]
        chosen = st.multiselect(
            "Corruptions", offered, default=offered, format_func=words,
            key=f"robustness-corruptions-{'-'.join(kept)}-{len(names)}", persist_state="session",
        )  # fmt: skip
        severities = st.pills(
            "Severities", levels, selection_mode="multi", default=levels,
            key=f"robustness-severities-{len(levels)}", persist_state="session",
        )  # fmt: skip
    return chosen, severities


def _reference(networks: Networks) -> Reference | None:
    """Pickers: the network that mCE divides by; None for judging by accuracy."""
    with st.popover("mCE", icon=":material/percent:"):
        names = list(dict.fromkeys(networks.versions["run"]))
        chosen = st.selectbox(
            "Reference", [_NO_REFERENCE, *names, _FILE], key="robustness-reference", persist_state="session",
            help="mCE: mean over corruptions of the errors over severities, divided by the reference's. None: networks "
            "are judged by their mean accuracy.",
        )  # fmt: skip
        if chosen in names:
            return reference_of(networks.versions, chosen)
        if chosen != _FILE:
            return None
        file = st.file_uploader("Table with corruption, severity, error", ["csv", "parquet"], key="robustness-errors")
        if file is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(file.name).name
            path.write_bytes(file.getvalue())
            try:
                return read_reference(path)
            except DataError as error:
                raise DataError(str(error).replace(str(path), file.name)) from None


@st.cache_resource(max_entries=128, show_spinner=False)
def _relation(_found: Robustness, name: str, target: str, kind: str, key: tuple) -> Relation:
    return robustness_relations.relation(_found.models, name, target, kind)


@st.cache_resource(max_entries=32, show_spinner=False)
def _relations(_found: Robustness, target: str, key: tuple) -> pd.DataFrame:
    return robustness_relations.table(_found, target)
