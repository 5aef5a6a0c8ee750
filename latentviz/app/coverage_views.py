"""What the page "Neuron coverage" shows: the check, detection, neurons, sizes, layers and one sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, jobs_panel, pickers, scoring, scoring_work, show
from latentviz.app import coverage as asking
from latentviz.app.coverage import Shown
from latentviz.errors import LatentvizError
from latentviz.evaluation.coverage import LIMIT, QUANTITIES
from latentviz.evaluation.fitting import EVERYTHING
from latentviz.evaluation.intervals import delong
from latentviz.figures import coverage as figures
from latentviz.figures.scores import Axis, distribution, distributions, scorer_title
from latentviz.figures.style import Look, looks_of_sets
from latentviz.scorers.coverage import PROFILE
from latentviz.workspace import Run

#: Scorers that coverage is shown beside.
_BESIDE = ("energy", "knn")
#: How neurons are ordered, and by which column of their table.
_ORDERS = {"what they separate": "separation", "number": "neuron", "bins they fill": "filled"}
#: Neurons that the heat map shows at once.
_NEURONS = 128


def check(of: Shown) -> None:
    """Whether training images outside the profile look more usual than held-out ones: always on the page."""
    found = of.memorisation()
    if found is None:
        st.warning(
            "Memorisation check: there are too few training images to keep half of them out of a profile.",
            icon=":material/help:",
        )
        return
    numbers = (
        f"AUROC of {found.held_out:,} held-out against {found.held_back:,} training images outside the profile "
        f"**{found.auroc:.3f}** ({found.low:.3f}\u00a0–\u00a0{found.high:.3f})"
    )
    if found.halved:
        numbers += " with a profile of half of the training images, as the one in use holds all"
    if found.fails:
        more = "more" if found.auroc > 0.5 else "less"
        st.error(
            f"Memorisation check failed: {numbers}; it must be near a half. Training images are {more} usual than "
            "held-out ones: what is told apart below may be seen and unseen images, not in and out of distribution; or "
            "the held-out ones were taken under other conditions.",
            icon=":material/error:",
        )
    elif not found.is_near_half:
        st.warning(
            f"Memorisation check open: {numbers}; it must be near a half, and these are too few images to tell.",
            icon=":material/help:",
        )
    else:
        st.success(f"Memorisation check passed: {numbers}; near a half, as it must be.", icon=":material/check_circle:")


def detection(of: Shown) -> None:
    """AUROC of every set beside energy and k-NN, and how the scores are distributed."""
    table, scores = of.detection()
    columns = {"Set": table["set"], scorer_title(of.asked.name): _written(table)}
    place = st.container(gap=None)  # places of progress take no room
    for name in _BESIDE:
        with place:
            found = scoring_work.scored(of.run, scoring.as_chosen(name), of.split, EVERYTHING)
        if found is not None:
            rows = _aurocs(found, of.split.ind, tuple(table["set"]), (of.key[0], scoring.as_chosen(name)))
            columns[scorer_title(name)] = _written(rows)
    columns["n"] = [f"{n:,}" for n in table["samples"]]
    st.table(pd.DataFrame(columns), border="horizontal", hide_index=True, alt="AUROC of coverage, energy and k-NN")
    some = f" Coverage of at most {LIMIT:,} samples of a set, evenly spread." if _thinned(of) else ""
    st.caption(f"AUROC against {of.split.ind}, with 95 % intervals (DeLong).{some}")
    kind = pickers.kind()
    axis = Axis.of(scores, of.split.ind)
    st.plotly_chart(
        distributions(
            distribution(scores, kind, axis), kind, looks_of_sets(of.run.sets), "OOD score: NAC-UE", axis=axis
        ),
        key="coverage-scores",
        alt="How the coverage of every set is distributed",
    )


def _thinned(of: Shown) -> bool:
    return any(len(of.run[name]) > LIMIT for name in (of.split.ind, *of.split.others))


def _written(table: pd.DataFrame) -> list[str]:
    return [f"{r.auroc:.3f} ({r.low:.3f}\u00a0–\u00a0{r.high:.3f})" for r in table.itertuples()]


@st.cache_resource(max_entries=32, show_spinner=False)
def _aurocs(_scores: dict[str, np.ndarray], ind: str, sets: tuple[str, ...], key: tuple) -> pd.DataFrame:
    rows = [delong(_scores[ind], _scores[name]) for name in sets]
    return pd.DataFrame(rows, columns=["auroc", "low", "high"])


def _layer(of: Shown, key: str) -> str:
    names = list(of.scorer.names)
    return names[0] if len(names) == 1 else pickers.one_of(names, f"coverage-layer-{key}", label="Layer")


def neurons(of: Shown) -> None:
    """All neurons' bins, and the states of one."""
    with pickers.row():
        layer = _layer(of, "neurons")
        ood = pickers.one_of(of.split.others, f"coverage-ood-{pickers.id_of(of.run)}", label="Told apart")
        order = st.segmented_control(
            "Neurons by", list(_ORDERS), default="what they separate", required=True, key="coverage-order",
            persist_state="session",
            help=f"Separation: mean coverage on {of.split.ind} minus that on {ood}.",
        )  # fmt: skip
    table = of.neurons(layer, ood)
    column = _ORDERS[order]
    ordered = table.sort_values(column, ascending=column == "neuron", kind="stable")["neuron"].to_numpy()
    neuron = _neuron(of, layer, ordered)
    phi, edges = of.scorer.phi(layer), of.scorer.edges(layer)
    drawn = ordered[:_NEURONS]
    st.plotly_chart(
        figures.heat_map(phi, drawn, edges, neuron), key="coverage-heat", alt="Coverage of every neuron's bins"
    )
    off = int(table["off"].sum())
    words = [f"The first {_NEURONS} of {len(ordered):,} neurons in this order." if len(ordered) > _NEURONS else ""]
    words.append(f"Of {off:,} neurons z ⊙ g is 0 for every training image." if off else "")
    words.append("Bins of equal height here; they are narrow around ẑ = 0.5 and wide towards 0 and 1.")
    st.caption(" ".join(filter(None, words)))
    _one_neuron(of, layer, neuron, table, ood)


def _neuron(of: Shown, layer: str, ordered: np.ndarray) -> int:
    """Picker: a neuron; the first in the order until one is chosen."""
    key = f"coverage-neuron-{pickers.id_of(of.run)}-{layer}"
    return int(
        st.selectbox(
            "Neuron",
            ordered.tolist(),
            key=key,
            format_func=lambda n: f"neuron {n}",
            width=200,
        )
    )


def _one_neuron(of: Shown, layer: str, neuron: int, table: pd.DataFrame, ood: str) -> None:
    quantity = st.segmented_control(
        "Of it",
        list(QUANTITIES),
        format_func=QUANTITIES.__getitem__,
        default="state",
        required=True,
        key="coverage-quantity",
        persist_state="session",
        help="ẑ = σ(α · z ⊙ g): the state. z: the activation; g: how the divergence from a uniform output changes with "
        "it; both summed over positions.",
    )
    row = table.set_index("neuron").loc[neuron]
    st.markdown(
        f"**Neuron {neuron}**: mean coverage {row['ind']:.2f} on {of.split.ind}, {row['ood']:.2f} on {ood}; "
        f"{row['filled']:.0%} of its bins are covered to some degree."
        + (" Its z ⊙ g is 0 for every training image." if row["off"] else "")
    )
    _values(of, layer, neuron, quantity)


def _values(of: Shown, layer: str, neuron: int, quantity: str, marked: float | None = None) -> None:
    values = of.explorer.values(of.scorer, layer, neuron, quantity)
    looks = looks_of_sets(of.run.sets)
    if quantity != "state":
        axis = Axis.of(values, of.split.ind)
        st.plotly_chart(
            distributions(
                distribution(values, "histogram", axis),
                "histogram",
                {**looks, "profile": Look("#8a94a6", "dot")},
                f"{QUANTITIES[quantity]} of neuron {neuron}",
                axis=axis,
            ),
            key=f"coverage-neuron-{marked is None}",
            alt="How one neuron's activation is distributed",
        )
        return
    edges = of.scorer.edges(layer)
    st.plotly_chart(
        figures.states(
            figures.a_thousand(values, edges),
            looks,
            edges,
            of.scorer.phi(layer)[:, neuron],
            of.scorer.enough_in(layer) * PROFILE / of.scorer.profile_,
            marked,
        ),
        key=f"coverage-neuron-{marked is None}",
        alt="How often one neuron is in each state",
    )


def sizes(of: Shown) -> None:
    """AUROC against the size of the profile."""
    st.plotly_chart(
        figures.sizes(of.over_sizes(), looks_of_sets(of.run.sets), of.scorer.profile_),
        key="coverage-sizes",
        alt="AUROC against the size of the profile",
    )
    st.caption(
        f"O is scaled with the size. Profiles are drawn with the same seed from {of.explorer.size:,} training images; "
        "the dotted line is the size in use."
    )


def layers(of: Shown) -> None:
    """AUROC of every layer and of combinations; and how to store more layers."""
    if len(of.explorer.layers) > 1:
        table = of.over_layers()
        st.plotly_chart(
            figures.layers(table, looks_of_sets(of.run.sets)),
            key="coverage-layer-table",
            alt="AUROC of layers and their combinations",
        )
        absent = [name for name in of.explorer.layers if name not in set(table["layers"])]
        left_out = f" The preset says nothing of {', '.join(absent)}." if absent else ""
        st.caption(f"The score of a combination is the mean of the layers' coverages.{left_out}")
    else:
        st.caption("Only the last layer's states are there; they are made of the features.")
    store(of.run, list(of.explorer.layers))


def store(run: Run, there: list[str]) -> None:
    """Store the states of other layers: which ones, and the job that does it."""
    about = run.manifest.model.get("spec")
    if about is None:
        st.info(
            "Other layers need the network, which this run does not name: it was imported as arrays, or extracted from "
            "a Python object (then use latentviz.extraction.layer_states with model=…).",
            icon=":material/layers:",
        )
        return
    if about.get("onnx"):
        st.info(
            "This run was extracted from an ONNX file, which has no gradients of inner layers: it has the last layer "
            "only. Extract it from the PyTorch network to use others.",
            icon=":material/layers:",
        )
        return
    st.markdown("**Other layers**")
    key = f"coverage-network-{pickers.id_of(run)}"
    if not st.session_state.get(key):
        st.caption("Stored are two numbers a neuron and image; the images go through the network once more.")
        st.button(
            "Choose layers",
            key=f"{key}-open",
            icon=":material/layers:",
            on_click=lambda: st.session_state.update({key: True}),
        )
        return
    try:
        names = _names(run, str(run.folder), run.fingerprint)
    except LatentvizError as error:
        st.warning(str(error), icon=":material/block:")
        return
    absent = [name for name in names if name not in there]
    stages = [name for name in absent if name.count(".") == min(n.count(".") for n in names)]
    chosen = st.multiselect("Layers to store", absent, default=stages[:4], key=f"{key}-layers")
    if chosen:
        jobs_panel.needed(
            run,
            "layers",
            {"run": run.name, "layers": chosen},
            f"States of {', '.join(chosen)} of {run.name}",
            f"States of {', '.join(chosen)} on {len(run.uncorrupted)} sets, none of them corrupted: one pass forward "
            "and backward.",
            "Store states",
        )


@st.cache_resource(max_entries=16, show_spinner="Loading the network …")
def _names(_run: Run, folder: str, fingerprint: str) -> list[str]:
    from latentviz.extraction import layer_names

    return layer_names(_run)


def one_sample(of: Shown) -> None:
    """Which neurons made a sample out-of-distribution."""
    sent = asking.chosen_sample(of)
    with pickers.row():
        layer = _layer(of, "sample")
        name, row = sent or _picked(of)
    if sent is not None:
        st.button(
            "Choose another", key="coverage-sample-forget", on_click=lambda: st.session_state.pop(asking.SAMPLE_KEY)
        )
    table = asking.explain(of, layer, name, row)
    facts = cached.set_table(of.run[name]).iloc[row]
    left, right = st.columns([1, 3], gap="large")
    with left:
        show.thumbnails(cached.thumbnails(of.run[name], np.array([row])), [""], width=128)
        st.markdown(
            f"**{facts['id']}**  \nof {name}  \n**Class** {facts['label'] or '–'}  \n"
            f"**Predicted** {facts['prediction']}"
        )
    with right:
        gap, worst = table["lost"].sum(), table.sort_values("lost", ascending=False)
        most = int(np.searchsorted(worst["lost"].clip(lower=0).cumsum(), 0.8 * max(gap, 0))) + 1
        said = f"Coverage **{table['coverage'].mean():.3f}**, against {table['usual'].mean():.3f} on {of.split.ind}."
        if gap > 0:
            said += f" {most} of {len(table):,} neurons make up four fifths of the difference."
        st.markdown(said)
        st.plotly_chart(figures.lost(table), key="coverage-lost", alt="Neurons that cover the sample least")
    st.caption("The first neuron in full:")
    first = int(worst["neuron"].iloc[0])
    _values(of, layer, first, "state", float(worst["state"].iloc[0]))


def _picked(of: Shown) -> tuple[str, int]:
    """Pickers: a sample by its set and its place in the order of the scores."""
    sets = [*of.split.others, of.split.ind]
    name = pickers.one_of(sets, f"coverage-sample-set-{pickers.id_of(of.run)}")
    scores = of.detection()[1][name]
    order = of.explorer.rows(name)[np.argsort(-scores, kind="stable")]
    place = st.number_input(
        "From the least covered", 1, len(order), 1, key=f"coverage-sample-place-{name}", width=200,
        help="1 is the least covered sample of the set. On the Latent map a click on a sample leads here, too.",
    )  # fmt: skip
    return name, int(order[int(place) - 1])
