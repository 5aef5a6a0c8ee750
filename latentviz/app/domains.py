"""What the page "Simulated against measured" is asked, and what follows from it, computed once for all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import against, cached, domains_pairing, jobs_panel, pickers, scoring, scoring_work, show
from latentviz.datasets.pairing import Pairing, find
from latentviz.datasets.sar.metadata import SIMILARITY
from latentviz.evaluation import domain_statistics, read_outs
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.detection import threshold_at
from latentviz.evaluation.domains import Domains, pair_table, predicted, shares
from latentviz.evaluation.fitting import FitOn, Fitted
from latentviz.evaluation.split import Split
from latentviz.figures.scores import scorer_title
from latentviz.geometry.common_shift import REMOVED, Removed
from latentviz.geometry.domain_shift import ShiftVectors
from latentviz.workspace import Run

#: Distances of a pair, in words.
METRICS = {"euclidean": "Euclidean distance", "cosine": "cosine distance"}


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows: two domains, their pairs, and a scorer with its threshold.

    Attributes
    ----------
    domains : Domains
    pairing : Pairing or None
        None: nobody asked for pairs.
    asked : Asked
    fit : FitOn
    ind : str
        The set whose share ``level`` the threshold keeps.
    level : float
    scores : tuple of two ndarray
        Of both domains, the moved one's after the shift is removed.
    unmoved : tuple of two ndarray
        Of both as they are.
    ind_scores : ndarray
    """

    domains: Domains
    pairing: Pairing | None
    asked: Asked
    fit: FitOn
    ind: str
    level: float
    scores: tuple[np.ndarray, np.ndarray]
    unmoved: tuple[np.ndarray, np.ndarray]
    ind_scores: np.ndarray

    @property
    def run(self) -> Run:
        """The network."""
        return self.domains.run

    @property
    def key(self) -> tuple:
        """All that results depend on but the level."""
        return (*self.domains.key, self.asked, self.fit, self.ind, cached.states(self.run))

    @property
    def title(self) -> str:
        """Of the scorer, with its parameters."""
        given = dict(self.asked.given)
        if self.asked.name == "knn":
            given = {"k": self.asked.make().parameters["k"]} | given
        said = ", ".join(f"{name} = {value}" for name, value in given.items())
        return scorer_title(self.asked.label) + (f" ({said})" if said else "")

    @property
    def sentences(self) -> list[str]:
        """What a reader must know of the choices."""
        said = list(self.domains.sentences)
        home, away = self.home_and_away
        if self.domains.home != _better(self.run, *self.names, str(self.run.folder), self.run.fingerprint):
            said.append(f"The network is better on {away} than on {home}, which it is said to know.")
        if self.domains.without != "nothing" and self.ind == away:
            said.append(f"The threshold is that of {self.ind} as it is, before it is moved.")
        fit = [name for name in self.names if self.run[name].role == "fit"]
        if fit:
            said.append(f"The network was trained on {fit[0]}: accuracy and scores flatter it there.")
        return said

    @property
    def threshold(self) -> float:
        """Scores above it are flagged."""
        return threshold_at(self.ind_scores, self.level)

    @property
    def names(self) -> tuple[str, str]:
        """Of the domains."""
        return self.domains.one, self.domains.other

    @property
    def away(self) -> Literal["one", "other"]:
        """The domain that the network does not know."""
        return "other" if self.domains.home == "one" else "one"

    @property
    def home_and_away(self) -> tuple[str, str]:
        """Names of the domains, the one that the network knows first."""
        return self.names if self.away == "other" else self.names[::-1]

    @property
    def is_matched(self) -> bool:
        """Whether pairs were chosen for being alike."""
        return any(SIMILARITY in s.index and s.index[SIMILARITY].notna().any() for s in self.domains.sets)

    def points(self) -> pd.DataFrame:
        """Rows of the map: what the network says of the moved domain is said of its moved features."""
        if self.domains.without == "nothing":
            return cached.points(self.run, self.names)
        return _points(self.domains, self.domains.key)

    def pairs(self, metric: str = "euclidean") -> pd.DataFrame:
        """See :func:`latentviz.evaluation.domains.pair_table`."""
        return _pairs(self.domains, metric, self.scores, (self.key, metric))

    def shares(self) -> pd.DataFrame:
        """See :func:`latentviz.evaluation.domains.shares`."""
        return _shares(self.domains, self.scores, self.threshold, (self.key, self.level))

    def shift(self) -> ShiftVectors:
        """See :meth:`Domains.shift`."""
        return _shift(self.domains, self.domains.key)

    def statistics(self) -> pd.DataFrame | None:
        """See :func:`latentviz.evaluation.domain_statistics.statistics`; None while a job is needed for it."""
        of = self.domains
        if domain_statistics.cost(of) > scoring_work.AT_ONCE:
            jobs_panel.needed(
                self.run,
                "domains",
                domain_statistics.request(of),
                f"Compare {of.one} and {of.other} of {self.run.name}",
                "Comparing these domains takes longer, so it runs in the background.",
                "Compare",
            )
            return None
        show.beforehand(("domains", of.key), lambda progress: domain_statistics.statistics(of, progress=progress))
        return _statistics(of, of.key)

    def read_outs(self) -> pd.DataFrame:
        """See :func:`latentviz.evaluation.read_outs.read_outs`; neither scorer nor threshold matter."""
        of = self.domains
        with st.spinner("Reading classes out of features …", show_time=True):
            return _read_outs(of, (str(of.run.folder), of.run.fingerprint, of.one, of.other, of.home))

    def flagged_without(self) -> pd.DataFrame:
        """See :func:`latentviz.evaluation.read_outs.flagged_without`."""
        found = {}
        for kind in read_outs.removable(self.run):
            of = replace(self.domains, without=kind)
            key = (*of.key, self.asked, self.fit, cached.states(self.run))
            found[kind] = _moved(of, self.asked, self.fit, self.unmoved, key)[of.moved]
        return read_outs.flagged_without(found, self.threshold)


def shown(run: Run) -> Shown | None:
    """Pickers: two sets, their pairs, scorer, threshold, what is removed; None, with a sentence, if some is missing."""
    names = [s.name for s in run.uncorrupted.values() if len(s)]
    if len(names) < 2:
        st.info(
            "Two image sets are needed, simulated and measured, say. Add one on **Add a run**, or try "
            "`latentviz sar-demo`, which makes synthetic radar chips in pairs.",
            icon=":material/compare:",
        )
        return None
    with pickers.row():
        first, second = domains_pairing.usual(run, names)
        one = _set("Simulated", names, first, run, "one")
        other = _set("Measured", names, second, run, "other")
        if one == other:
            st.caption("Choose two different sets.")
            return None
        pairing = domains_pairing.pairing(run[one], run[other])
        home = _home(run, one, other)
    with pickers.row():
        ind = pickers.held_out(run)
        fit = scoring.fit_on(run)
        asked = _scorer(run, fit)
        level = pickers.level()
        without = _without(run)
    if ind is None:
        st.info(f"{run.name} has no in-distribution set (role ind) to set a threshold by.", icon=":material/info:")
        return None
    scores = scoring_work.scored(run, asked, _split(ind, (one, other)), fit)
    if scores is None:
        return None
    pairs = pairing.pairs if pairing is not None else find(run[one].index[:0], run[other].index[:0]).pairs
    domains = _domains(run, one, other, pairs, without, home, (str(run.folder), run.fingerprint))
    unmoved = scores[one], scores[other]
    moved = _moved(domains, asked, fit, unmoved, (*domains.key, asked, fit, cached.states(run)))
    return Shown(domains, pairing, asked, fit, ind, level, moved, unmoved, scores[ind])


def _split(ind: str, names: Sequence[str]) -> Split:
    return Split(ind, tuple(name for name in names if name != ind) or (ind,))


def _set(label: str, names: list[str], usual: str, run: Run, key: str) -> str:
    return st.selectbox(
        label,
        names,
        index=names.index(usual),
        key=f"domains-{key}-{pickers.id_of(run)}-{len(names)}",
        persist_state="session",
        width=230,
    )


def _scorer(run: Run, fit: FitOn) -> Asked:
    """Picker: a scorer; of k-NN also k."""
    asked = against.scorer(run, fit, "domains-scorer", "knn")
    if asked.name != "knn":
        return asked
    most = max(1, min(2000, Fitted.of(run, fit).samples))
    k = st.number_input("k", 1, most, min(50, most), key=f"domains-k-{most}", persist_state="session", width=110)
    return Asked.of("knn", {**dict(asked.given), "k": int(k)})


def _home(run: Run, one: str, other: str) -> Literal["one", "other"]:
    """Picker: which domain the network knows; at first the one that it is better on."""
    better = _better(run, one, other, str(run.folder), run.fingerprint)
    titles = {"one": one, "other": other}
    return cast(
        Literal["one", "other"],
        st.segmented_control(
            "The network knows", list(titles), format_func=titles.__getitem__, default=better, required=True,
            key=f"domains-home-{pickers.id_of(run)}-{one}-{other}", persist_state="session",
            help="Read-outs learn from this domain, and the other one is moved onto it when the shift is removed.",
        ),
    )  # fmt: skip


@st.cache_resource(max_entries=64, show_spinner=False)
def _better(_run: Run, one: str, other: str, folder: str, fingerprint: str) -> str:
    table = cached.sets_table(_run).set_index("set")
    fit = [name for name in (one, other) if _run[name].role == "fit"]
    if len(fit) == 1:
        return "one" if fit == [one] else "other"
    return "other" if table["accuracy"][other] > table["accuracy"][one] else "one"


def _without(run: Run) -> Removed:
    """Switch: what is taken away of the shift that all samples share."""
    options = list(REMOVED) if run.head is not None else ["nothing"]
    return cast(
        Removed,
        st.segmented_control(
            "Shift removed", options, format_func=lambda kind: _REMOVED[kind], default="nothing", required=True,
            key=f"domains-without-{len(options)}", persist_state="session",
            help="Takes the difference of the means, or of means and covariances (CORAL), of both domains away, "
            "estimated without labels from all samples. The numbers of this page follow, but for the last tab's; "
            "the threshold and the places on the map stay as they are.",
        ),
    )  # fmt: skip


_REMOVED = {"nothing": "nothing", "mean": "mean", "coral": "CORAL"}


@st.cache_resource(max_entries=8, show_spinner=False)
def _domains(
    _run: Run,
    one: str,
    other: str,
    pairs: pd.DataFrame,
    without: Removed,
    home: Literal["one", "other"],
    content: tuple[Any, ...],
) -> Domains:
    return Domains(_run, one, other, pairs, without, home)


@st.cache_resource(max_entries=32, show_spinner=False)
def _moved(
    _domains: Domains, _asked: Asked, _fit: FitOn, _scores: tuple[np.ndarray, np.ndarray], key: tuple
) -> tuple[np.ndarray, np.ndarray]:
    one, other = _domains.scores(_asked, _scores, _fit)
    return one, other


@st.cache_resource(max_entries=8, show_spinner=False)
def _points(_domains: Domains, key: tuple) -> pd.DataFrame:
    said = pd.concat([predicted(_domains, side) for side in (0, 1)], ignore_index=True)
    return cached.points(_domains.run, (_domains.one, _domains.other)).assign(**{str(c): said[c] for c in said})


@st.cache_resource(max_entries=32, show_spinner=False)
def _pairs(_domains: Domains, _metric: str, _scores: Sequence[np.ndarray], key: tuple) -> pd.DataFrame:
    return pair_table(_domains, _metric, _scores)


@st.cache_resource(max_entries=64, show_spinner=False)
def _shares(_domains: Domains, _scores: Sequence[np.ndarray], _threshold: float, key: tuple) -> pd.DataFrame:
    return shares(_domains, _scores, _threshold)


@st.cache_resource(max_entries=16, show_spinner=False)
def _shift(_domains: Domains, key: tuple) -> ShiftVectors:
    return _domains.shift()


@st.cache_resource(max_entries=16, show_spinner=False)
def _statistics(_domains: Domains, key: tuple) -> pd.DataFrame:
    return domain_statistics.statistics(_domains)


@st.cache_resource(max_entries=32, show_spinner=False)
def _read_outs(_domains: Domains, key: tuple) -> pd.DataFrame:
    return read_outs.read_outs(_domains)
