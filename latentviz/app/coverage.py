"""What the page "Neuron coverage" is asked, and what follows from it, computed once for all sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, pickers, scoring, show
from latentviz.errors import DataError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coverage import LIMIT, Explorer, Memorisation, layers_of
from latentviz.evaluation.split import Split
from latentviz.progress import Progress, silent
from latentviz.scorers.coverage import NeuronCoverage
from latentviz.scorers.coverage_states import LAST
from latentviz.workspace import Run

SCORER = "nac-ue"

#: Where a page leaves the sample that the page is to explain: its set and row.
SAMPLE_KEY = "coverage-sample"
#: Key of the page's tabs, and the tab of one sample.
TABS_KEY, SAMPLE_TAB = "coverage-tabs", "One sample"

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows: the states in memory, the question, and the scorer that answers it.

    Attributes
    ----------
    explorer : Explorer
    split : Split
    asked : Asked
    scorer : NeuronCoverage
    key : tuple
        All that results depend on.
    """

    explorer: Explorer
    split: Split
    asked: Asked
    scorer: NeuronCoverage
    key: tuple

    @property
    def run(self) -> Run:
        """The run."""
        return self.explorer.run

    def detection(self) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
        """See :meth:`latentviz.evaluation.coverage.Explorer.detection`."""
        return _once("detection", lambda: self.explorer.detection(self.scorer), self.key)

    def memorisation(self) -> Memorisation | None:
        """See :meth:`latentviz.evaluation.coverage.Explorer.memorisation`."""
        ind = self.detection()[1][self.split.ind]
        return _once("memorisation", lambda: self.explorer.memorisation(self.scorer, ind), self.key)

    def neurons(self, layer: str, ood: str) -> pd.DataFrame:
        """See :meth:`latentviz.evaluation.coverage.Explorer.neurons`."""
        return _once("neurons", lambda: self.explorer.neurons(self.scorer, layer, ood), (*self.key, layer, ood))

    def over_sizes(self) -> pd.DataFrame:
        """See :meth:`latentviz.evaluation.coverage.Explorer.over_sizes`."""
        return self._slow("sizes", lambda progress: self.explorer.over_sizes(self.asked, progress))

    def over_layers(self) -> pd.DataFrame:
        """See :meth:`latentviz.evaluation.coverage.Explorer.over_layers`."""
        return self._slow("layers", lambda progress: self.explorer.over_layers(self.asked, progress))

    def _slow(self, name: str, work: Callable[[Progress], pd.DataFrame]) -> pd.DataFrame:
        """With a bar; some of it is computed only where a page asks for it."""
        made: list[pd.DataFrame] = []
        show.beforehand((name, self.key), lambda progress: made.append(work(progress)))
        return _once(name, lambda: made[0] if made else work(silent), self.key)


@st.cache_resource(max_entries=256, show_spinner=False)
def _once(name: str, _work: Callable[[], T], key: tuple) -> T:
    return _work()


def split(run: Run) -> Split | None:
    """Pickers: the in-distribution set, and what is told apart from it; None, with a sentence, without any."""
    if run.head is None:
        st.info(
            f"{run.name} was imported without its last linear layer; coverage needs the gradient at it. Import the run "
            "with weight and bias.",
            icon=":material/block:",
        )
        return None
    if not any(s.role == "fit" and len(s) and s.labelled for s in run):
        st.info("Coverage is counted on training samples; add a set with labels and the role fit.")
        return None
    return scoring.split(run, asks_near=False)


def shown(run: Run, on: Split) -> Shown:
    """Pickers: layers, O, M, α and the profile; then what they come to."""
    sets = (on.ind, *on.others)
    there = layers_of(run, sets)
    content = (str(run.folder), run.fingerprint, cached.states(run), sets, tuple(there))
    explorer = _explorer(run, on, content)
    asked = _asked(run, there)
    key = (content, asked)
    return Shown(explorer, on, asked, _once("scorer", lambda: explorer.fitted(asked), key), key)


@st.cache_resource(max_entries=2, show_spinner="Reading the neurons' states …")
def _explorer(_run: Run, _on: Split, content: tuple) -> Explorer:
    *_, sets, layers = content
    return Explorer(_run, _on.ind, sets, layers)


def _asked(run: Run, there: list[str]) -> Asked:
    known = {of.name: of for of in Asked(SCORER).info.parameters}
    given = {}
    with pickers.row():
        if len(there) > 1:
            chosen = st.pills(
                "Layers",
                there,
                selection_mode="multi",
                default=[LAST],
                key=f"coverage-layers-{pickers.id_of(run)}",
                persist_state="session",
                help="last: the penultimate features. The score is the mean over layers.",
            )
            given["layers"] = "+".join([name for name in there if name in chosen] or [LAST])
        given["preset"] = scoring.parameter(SCORER, known["preset"])
    tuned = given["preset"] != "none"
    if tuned:
        st.warning(
            f"The values of {given['preset']} were searched by the authors on OOD validation data: AUROC here would be "
            "optimistic on sets like these, and they belong to that network.",
            icon=":material/tune:",
        )
    with pickers.row():
        for name in ("alpha", "enough", "bins", "samples", "seed", "features"):
            fixed = tuned and name in ("alpha", "enough", "bins")
            with st.container(width=230 if name != "features" else "content"):
                given[name] = scoring.parameter(SCORER, known[name], fixed)
    if tuned:  # what does not count must not make another question of it
        given = {name: value for name, value in given.items() if name not in ("alpha", "enough", "bins")}
    return Asked.of(SCORER, given)


def about(of: Shown) -> None:
    """What the profile and α came to."""
    part = sum(len(s) for s in of.run if s.role == "fit")
    said = of.scorer.notes()
    if part > LIMIT:
        said.append(f"It is drawn from {of.explorer.size:,} of the {part:,}; the page OOD scorers draws from all.")
    st.caption(" ".join(said))


def chosen_sample(of: Shown) -> tuple[str, int] | None:
    """The sample that another page sent here, if it is of one of the run's sets."""
    found = st.session_state.get(SAMPLE_KEY)
    if found is None or found[0] != str(of.run.folder):
        return None
    _, name, row = found
    return (name, row) if name in of.run.sets and row < len(of.run[name]) else None


def choose_sample(run: Run, name: str, row: int) -> None:
    """Have the page explain a sample."""
    st.session_state[SAMPLE_KEY] = (str(run.folder), name, row)
    st.session_state[TABS_KEY] = SAMPLE_TAB


def explain(of: Shown, layer: str, name: str, row: int) -> pd.DataFrame:
    """See :meth:`latentviz.evaluation.coverage.Explorer.sample`."""
    if layer != LAST and layer not in layers_of(of.run, [name]):
        raise DataError(f'There are no states of "{layer}" on "{name}"; store them, or choose the layer "last".')
    key = (*of.key, layer, name, row)
    return _once("sample", lambda: of.explorer.sample(of.scorer, layer, name, row), key)
