"""The share of every set that is flagged against the accuracy on it, over instances of one network."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from latentviz.app import against_views, cached, pickers, scoring_work, show
from latentviz.app.against import Statistic
from latentviz.app.domains import Shown
from latentviz.evaluation.checkpoints import epoch_of, family_of
from latentviz.evaluation.coefficients import TITLES
from latentviz.evaluation.flagged_shares import FlaggedShares, flagged_shares
from latentviz.evaluation.split import Split
from latentviz.workspace import Run


def view(of: Shown) -> None:
    """One dot an instance and set; the table of sets; what the score says within them."""
    run = of.run
    if not any(s.role == "shifted" and s.labelled and s.complete and len(s) for s in run.uncorrupted.values()):
        st.info(
            "This tab needs labelled sets of role shifted, whose accuracy can be held against what is flagged. For "
            "corrupted versions see **Detection against accuracy**.",
            icon=":material/flag:",
        )
        return
    with pickers.row():
        runs = _instances(run)
        kind = st.segmented_control(
            "Correlation", list(TITLES), format_func=TITLES.__getitem__, default="spearman", required=True,
            key="correlation", persist_state="session",
        )  # fmt: skip
    if of.domains.without != "nothing":
        st.caption("Here all sets are as they are: no shift is removed.")
    found = _found(of, runs, kind)
    if found is None:
        return
    against_views.sets(run.name, found.dots, found.clean(of.ind), Statistic("flagged", of.asked, of.level, kind))
    st.markdown("**Every set**" + (", mean over the networks (least – largest)" if len(runs) > 1 else ""))
    text = found.text()
    st.dataframe(
        pd.DataFrame(list(text.rows), columns=list(text.headings)), hide_index=True, height="content", alt="Every set"
    )
    st.caption(
        f"{found.sentences[-1]} Sets of role ood have no accuracy: none of their classes was trained. The share of "
        f"{of.ind} that is flagged is what the threshold says."
    )
    show.csv(found.rows, f"{run.name}-flagged-shares.csv", "transfer")
    if st.toggle("Look within one set", key="transfer-within", persist_state="session"):
        against_views.samples(run, of.ind, of.asked, of.fit, of.level)


def _instances(run: Run) -> list[Run]:
    """Toggle: all networks of the run's training, or this one alone."""
    alike = _alike(run)
    if len(alike) < 2:
        return [run]
    if st.toggle(
        f"All {len(alike)} instances", value=True, key="transfer-instances", persist_state="session",
        help=", ".join(one.name for one in alike),
    ):  # fmt: skip
        return alike
    return [run]


def _alike(run: Run) -> list[Run]:
    """Runs of the same family, head, epoch and sets: other seeds."""

    def kind(one: Run) -> tuple:
        about = one.manifest
        sets = sorted(entry.name for entry in about.sets if entry.corruption is None)
        return family_of(one), about.head, epoch_of(one), about.attributes.get("share"), one.classes, sets

    if family_of(run) is None:
        return [run]
    return [one for one in cached.runs(pickers.workspace()) if kind(one) == kind(run)]


def _found(of: Shown, runs: Sequence[Run], kind: str) -> FlaggedShares | None:
    for one in runs:
        others = tuple(
            s.name for s in one.uncorrupted.values() if s.role != "fit" and s.complete and len(s) and s.name != of.ind
        )
        if scoring_work.scored(one, of.asked, Split(of.ind, others), of.fit) is None:
            return None
    return _shares(runs, of, kind, (cached.content(runs), of.asked, of.fit, of.ind, of.level, kind))


@st.cache_resource(max_entries=16, show_spinner=False)
def _shares(_runs: Sequence[Run], _of: Shown, _kind: str, key: tuple) -> FlaggedShares:
    return flagged_shares(_runs, _of.asked, _of.ind, _of.level, _kind, _of.fit)  # type: ignore[arg-type]
