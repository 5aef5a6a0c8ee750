"""What the page "OOD scorers" is asked: which sets, which scorers with which parameters, fitted on what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from latentviz.app import pickers
from latentviz.errors import DataError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.fitting import EVERYTHING, FitOn
from latentviz.evaluation.scores import unusable
from latentviz.evaluation.split import Split
from latentviz.figures.scores import USUAL, scorer_title
from latentviz.scorers import Choice, Family, Number, scorers
from latentviz.scorers.info import Names, Parameter
from latentviz.workspace import Run

#: Steps of parameters that move in factors.
_FACTORS = (1, 2, 5)

#: A linear slider has at most so many steps, if its default can be one of them.
_STEPS = 200


def split(run: Run, asks_near: bool = True) -> Split | None:
    """Pickers: the in-distribution set, what is told apart from it, and, if asked, what of that is near.

    None, with a sentence on the page, where there is nothing to tell apart.
    """
    with pickers.row():
        ind = pickers.held_out(run)
        try:
            usual = Split.of(run, ind)
        except DataError as error:
            st.info(str(error), icon=":material/add_photo_alternate:")
            return None
        filled = [s.name for s in run.uncorrupted.values() if s.role in ("ood", "shifted") and len(s)]
        chosen = st.pills(
            f"Told apart from {usual.ind}",
            filled,
            selection_mode="multi",
            default=list(usual.others),
            key=f"others-{pickers.id_of(run)}",
            persist_state="session",
            wrap=True,
        )
        others = [name for name in filled if name in chosen]
        near = _near(run, others) if asks_near else []
    if not others:
        st.info("Choose at least one set that is to be told apart.", icon=":material/checklist:")
        return None
    return Split.of(run, usual.ind, others, [name for name in others if name in near])


def _near(run: Run, others: Sequence[str]) -> list[str]:
    return st.multiselect(
        "Near OOD",
        [name for name in others if run[name].role == "ood"],
        key=f"near-{pickers.id_of(run)}",
        persist_state="session",
        placeholder="none",
        width=300,
        help="Sets that resemble the in-distribution ones; averages are then taken of near and far sets apart.",
    )


def fit_on(run: Run) -> FitOn:
    """Picker: all training samples, or as many of every class."""
    saved = f"fit-{pickers.id_of(run)}"
    current = st.session_state.get(saved, EVERYTHING)
    title = "Fitted on all" if current.per_class is None else f"Fitted on {current.per_class:,} of each class"
    with st.popover(title, icon=":material/model_training:"):
        names = [s.name for s in run if s.role == "fit" and len(s)]
        st.caption(
            f"Scorers learn from {', '.join(names)} (role fit)." if names else "There is no set with the role fit."
        )
        # A form, so that nothing is fitted anew while somebody is still typing.
        with st.form(saved + "-form", border=False):
            part = st.number_input(
                "Samples of each class",
                min_value=1,
                value=current.per_class,
                placeholder="all",
                help="Fewer are faster; every class gives the same number, drawn at random.",
            )
            seed = st.number_input("Seed of the draw", 0, 2**31 - 1, current.seed)
            if st.form_submit_button("Apply", type="primary"):
                st.session_state[saved] = FitOn(None if part is None else int(part), int(seed))
                st.rerun()
    return current


def usable(run: Run, fit: FitOn = EVERYTHING) -> list[str]:
    """Scorers that are not known to be of no use for a run."""
    problems = unusable(run, fit)
    return [name for name in scorers() if name not in problems]


def names(run: Run, fit: FitOn) -> list[str]:
    """Pickers: any number of scorers."""
    problems = unusable(run, fit)
    chosen: list[str] = []
    with st.container(border=True):
        for family in Family:
            usable = [n for n, kind in scorers().items() if kind.info.family is family and n not in problems]
            if usable:
                chosen += st.pills(
                    family.value,
                    usable,
                    selection_mode="multi",
                    default=[name for name in usable if name in USUAL],
                    format_func=scorer_title,
                    key=f"scorers-{family.name}",
                    persist_state="session",
                )
        if problems:
            with st.popover(f"{len(problems)} cannot be used with this run", icon=":material/block:"):
                for sentence in dict.fromkeys(problems.values()):
                    st.write(sentence)
    return chosen


def with_parameters(names: Sequence[str]) -> list[Asked]:
    """The scorers with parameters that can be changed; each change counts at once."""
    # No popover: that would hide the figure that the parameters change.
    with st.expander("Parameters", icon=":material/tune:"):
        adjustable = [name for name in names if scorers()[name].info.parameters]
        if adjustable:
            st.button("Defaults", icon=":material/restart_alt:", key="parameter-defaults", on_click=_reset)
        else:
            st.caption("The chosen scorers have no parameters.")
        return [Asked.of(name, _parameters(name)) for name in names]


def as_chosen(name: str) -> Asked:
    """A scorer with the parameters that the page of the scorers was left with."""
    keys = {parameter.name: _key(name, parameter) for parameter in scorers()[name].info.parameters}
    return Asked.of(name, {of: st.session_state[key] for of, key in keys.items() if key in st.session_state})


def _reset() -> None:
    """Every parameter of every scorer at its default."""
    for name, kind in scorers().items():
        for parameter in kind.info.parameters:
            if _key(name, parameter) in st.session_state:
                st.session_state[_key(name, parameter)] = _default(parameter)


def _key(name: str, parameter: Parameter) -> str:
    return f"parameter-{name}-{parameter.name}"


def _default(parameter: Parameter) -> Any:
    """The default as its widget holds it."""
    if not isinstance(parameter, Number) or _in_factors(parameter):
        return parameter.default
    value = parameter.low if parameter.default is None else parameter.default
    return int(value) if parameter.whole else float(value)


def _in_factors(parameter: Number) -> bool:
    return parameter.logarithmic or parameter.optional


def _parameters(name: str) -> dict[str, Any]:
    info = scorers()[name].info
    if not info.parameters:
        return {}
    st.markdown(f"**{info.title}**")
    return {of.name: parameter(name, of) for of in info.parameters}


def parameter(name: str, of: Parameter, disabled: bool = False) -> Any:
    """Picker of a scorer's parameter, the same on all pages.

    Parameters
    ----------
    name : str
        Of the scorer.
    of : Number, Choice or Names
    disabled : bool
    """
    default = _default(of)
    offered: list[Any] | None = None
    if isinstance(of, Choice):
        offered = list(of.options)
    elif isinstance(of, Number) and _in_factors(of):
        offered = _values(of)
    pickers.shared(_key(name, of), default, offered)
    words = of.name.replace("_", " ")
    label = words.capitalize() if len(words) > 1 else words  # k is k
    label = of.title or label if isinstance(of, Number) else label
    shared: dict[str, Any] = {
        "key": _key(name, of),
        "help": of.help or None,
        "persist_state": "session",
        "disabled": disabled,
    }
    if isinstance(of, Choice):
        return st.segmented_control(label, of.options, required=True, format_func=_said, **shared)
    if isinstance(of, Names):
        return st.text_input(label, **shared)
    if offered is not None:
        return st.select_slider(label, offered, format_func=_said, **shared)
    if of.whole:
        return st.number_input(label, int(of.low), int(of.high), step=of.multiple_of, **shared)
    return st.slider(label, float(of.low), float(of.high), step=_step(of), **shared)


def _step(parameter: Number) -> float:
    """A round step of a slider with which its default can be reached again."""
    low, high = float(parameter.low), float(parameter.high)
    fine = 10.0 ** np.floor(np.log10((high - low) / _STEPS))
    for step in (fine * factor for factor in (10, 5, 2, 1)):
        if (high - low) / step <= _STEPS and np.isclose((_default(parameter) - low) % step, [0, step]).any():
            return float(round(step, 12))
    return float(fine)


def _values(parameter: Number) -> list[Any]:
    """Values of a parameter that moves in factors: 1, 2, 5, 10 …, with its default."""
    powers = range(int(np.floor(np.log10(max(parameter.low, 1e-12)))), int(np.ceil(np.log10(parameter.high))) + 1)
    values = {round(factor * 10.0**power, 12) for power in powers for factor in _FACTORS}
    values = {v for v in values if parameter.low <= v <= parameter.high} | {parameter.low, parameter.high}
    if parameter.whole:
        values = {v for v in values if v % parameter.multiple_of == 0}
    if parameter.default is not None:
        values.add(parameter.default)
    kept: list[Any] = sorted(int(v) if parameter.whole else float(v) for v in values)
    return [None, *kept] if parameter.optional else kept


def _said(value: Any) -> str:
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "∞" if value == np.inf else f"{value:g}" if isinstance(value, int | float) else str(value)


def metric() -> str:
    """Which measure of detection."""
    return st.segmented_control(
        "Measure",
        list(METRICS),
        format_func=lambda name: METRICS[name].title,
        default="auroc",
        required=True,
        key="metric",
        persist_state="session",
    )


def one(labels: Sequence[str], key: str, label: str = "Scorer") -> str:
    """One of the chosen scorers, by its label; the choice stays when its parameters change."""
    by_name = {of.partition("(")[0]: of for of in labels}
    names = list(by_name)
    name = st.selectbox(
        label,
        names,
        format_func=scorer_title,  # without parameters: Streamlit knows an option by what it is called
        key=f"one-{key}",
        persist_state="session",
        width=260,
    )
    return by_name[name or names[0]]
