"""What the page "Robustness across models" shows: one indicator, all of them, the networks, their corruptions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from latentviz import figures as all_figures
from latentviz.app import pickers, show
from latentviz.app.robustness import Shown
from latentviz.evaluation import robustness_relations as relations
from latentviz.evaluation.coefficients import TITLES
from latentviz.evaluation.correlation import FEW
from latentviz.evaluation.corrupted import in_grid
from latentviz.evaluation.indicators import GROUPS, INDICATORS
from latentviz.evaluation.partial import residuals
from latentviz.evaluation.robustness import by_corruption, by_severity
from latentviz.evaluation.robustness_relations import CLEAN, TARGETS, title_of
from latentviz.figures import robustness as figures

#: Rows of a table that is shown whole.
_ROWS = 30

#: Indicators that stand in the table of networks.
_FIRST = ("cluster-nmi", "multicut-nmi", "distance-overlap", "nc1")


def summary(of: Shown) -> None:
    """How many networks and versions, and what is left out."""
    models, table = of.found.models, of.found.versions
    show.warnings(of.found.sentences[:3])
    if len(of.found.sentences) > 3:
        with st.expander(f"{len(of.found.sentences) - 3} more notes"):
            for sentence in of.found.sentences[3:]:
                st.write(sentence)
    versions, levels = table["version"].nunique(), table["severity"].nunique()
    sets, grid = (
        table["set"].nunique(),
        f"{_counted(versions, 'corruption')} × {_counted(levels, 'severity', 'severities')}",
    )
    st.caption(
        f"{_counted(len(models), 'network')}, {grid if sets == versions * levels else f'{sets} corrupted versions'} of "
        f"{of.clean} "
        f"({int(models['samples'].max()):,} images)."
    )
    if len(models) == 1:
        st.info(
            f"{models['run'].iloc[0]} is the only network here. Whether an indicator tells robust networks from others "
            "can be seen over several of one task: extract more on **Add a run**, train some on **Train**, or add a "
            "list of networks with `latentviz compare --models`. Below are its own numbers.",
            icon=":material/looks_one:",
        )


def one(of: Shown) -> None:
    """One indicator against accuracy under corruption, the control, what is left over, and each network left out."""
    if not of.found.indicators:
        st.info("None of the indicators could be computed of these networks; the notes above say why.")
        return
    name = st.selectbox(
        "Indicator",
        of.found.indicators,
        format_func=_in_list,
        key="robustness-indicator",
        persist_state="session",
        width=360,
    )
    found, control, models = of.relation(name), of.control, of.found.models
    *numbers, conclusion = relations.verdict(found, control, of.kind)
    st.markdown(f"**{conclusion}**")
    titles = {name: title_of(name), CLEAN: title_of(CLEAN), of.target: TARGETS[of.target]}
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Indicator**")
        st.plotly_chart(
            figures.networks(models, name, titles, of.target),
            key="robustness-indicator-figure",
            alt=f"{titles[name]} against {titles[of.target]}, one dot a network",
        )
    with right:
        st.markdown("**Control: clean accuracy**")
        st.plotly_chart(
            figures.networks(models, CLEAN, titles, of.target),
            key="robustness-control",
            alt=f"Clean accuracy against {titles[of.target]}, one dot a network: the control",
        )
    st.markdown("\n".join(f"- {sentence}" for sentence in numbers))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Given clean accuracy**")
        known = models[np.isfinite(models[[name, of.target, CLEAN]]).all(axis=1)]
        rest = residuals(known[name], known[of.target], known[CLEAN], of.kind) if len(known) > 3 else np.zeros((2, 0))
        st.plotly_chart(
            figures.left_over(list(known["run"]), rest, titles[name], titles[of.target], of.kind != "pearson"),
            key="robustness-left-over",
            alt="What clean accuracy leaves over of both",
        )
    with right:
        whole = found.kinds[of.kind]
        st.markdown(f"**Without one {'network' if whole.groups == whole.n else 'training'}**")
        st.plotly_chart(
            figures.without(found.without, (whole.value, whole.low, whole.high), TITLES[of.kind]),
            key="robustness-without",
            alt="The correlation without each network in turn",
        )
    coefficients(of, found)


def _in_list(name: str) -> str:
    return f"{INDICATORS[name].title} · {GROUPS[INDICATORS[name].group].lower()}"


def coefficients(of: Shown, found: relations.Relation) -> None:
    """Every coefficient, plain and given clean accuracy; how the intervals come about."""
    rows = []
    for kind, title in TITLES.items():
        partial = found.partial[kind] if found.partial else None
        rows.append(
            {
                "Correlation": title,
                "Over networks (95 %)": relations.with_ends(found.kinds[kind]),
                "Given clean accuracy (95 %)": relations.with_ends(partial) if partial else "–",
                "Clean accuracy alone (95 %)": relations.with_ends(of.control.kinds[kind]),
                "n": f"{found.kinds[kind].n}",
            }
        )
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="Correlation coefficients")
    trainings, networks = found.kinds[of.kind].groups, found.kinds[of.kind].n
    few = f" Fewer than {FEW} are too few for a conclusion." if trainings < FEW else ""
    st.caption(
        f"{INDICATORS[found.name].title}: {INDICATORS[found.name].about}. Intervals: bootstrap over {trainings} "
        f"{'networks' if trainings == networks else 'trainings; checkpoints of one are drawn together'}.{few} Networks "
        "that were made from one another count as independent here, although they are not. The indicators are this "
        "project's own definitions after Ho, Pfreundt, Keuper, Keuper (arXiv 2106.12303)."
    )


def every(of: Shown) -> None:
    """All indicators at once."""
    table = of.relations()
    st.plotly_chart(
        figures.correlations(table, of.kind, f"{TITLES[of.kind]} with {relations.inside(TARGETS[of.target])}"),
        key="robustness-correlations",
        alt="Correlation of every indicator, plain and given clean accuracy",
    )
    st.caption(relations.chance(len(of.found.indicators)))
    text = relations.text_table(table)
    _whole(pd.DataFrame(text.rows, columns=["Indicator", *text.headings[1:]]), "Every coefficient of every indicator")
    show.csv(table, "robustness-correlations.csv", "robustness-correlations")


def networks(of: Shown) -> None:
    """The networks with their accuracies and some indicators, and mean accuracy by corruption."""
    some = [name for name in _FIRST if name in of.found.indicators]
    chosen = st.multiselect(
        "Indicators",
        of.found.indicators,
        default=some,
        format_func=title_of,
        key="robustness-columns",
        persist_state="session",
    )
    text = relations.models_table(of.found, chosen)
    _whole(pd.DataFrame(text.rows, columns=list(text.headings)), "The networks")
    st.caption(
        "95 % intervals over images; versions of one image are not independent, and are taken together."
        + (" mCE: the reference's own errors are taken as they are." if of.found.has_mce else "")
    )
    show.csv(of.found.models, "robustness-networks.csv", "robustness-networks")
    st.markdown("**Accuracy by corruption, mean over severities**")
    st.plotly_chart(
        all_figures.against_accuracy.grid(by_corruption(of.found), "Accuracy", show.is_dark(), across="Network"),
        key="robustness-by-corruption",
        alt="Mean accuracy of every network on every corruption",
    )


def corruptions(of: Shown) -> None:
    """Accuracy by severity of all networks, and of one network by corruption and severity."""
    st.plotly_chart(
        figures.by_severity(by_severity(of.found)),
        key="robustness-by-severity",
        alt="Mean accuracy of every network against severity",
    )
    st.caption("Mean over the corruptions that are there in every severity.")
    name = pickers.one_of(list(of.found.models["run"]), f"robustness-network-{of.run}", of.run, "Network")
    rows = of.found.versions[of.found.versions["run"] == name]
    st.plotly_chart(
        all_figures.against_accuracy.grid(in_grid(rows, "accuracy"), "Accuracy", show.is_dark()),
        key="robustness-grid",
        alt=f"Accuracy of {name} by corruption and severity",
    )
    show.csv(of.found.versions, "robustness-versions.csv", "robustness-versions")


def _whole(table: pd.DataFrame, alt: str) -> None:
    """A table without a scroll bar of its own, unless it is long."""
    st.dataframe(table, hide_index=True, alt=alt, height="content" if len(table) <= _ROWS else "auto")


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
