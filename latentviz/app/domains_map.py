"""Both domains in one latent map, with a line a pair."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from latentviz.app import cached, map_samples, pickers, show
from latentviz.app.domains import METRICS, Shown
from latentviz.app.domains_views import pair
from latentviz.app.map_layout import plain, selected, two_dimensional
from latentviz.app.map_selection import samples_of
from latentviz.app.scatter import component, served
from latentviz.app.scatter.served import Describe
from latentviz.figures import colouring
from latentviz.figures.colouring import TITLES, Colour
from latentviz.figures.style import CORRECT_COLOURS
from latentviz.projection import Layout
from latentviz.projection.selection import Selection
from latentviz.workspace.manifest import fingerprint

_ELEMENT = "domains-map"

#: Which pairs have lines, in words.
_LINES = {"all": "All", "class": "One class", "longest": "Longest", "none": "None"}


def view(of: Shown) -> None:
    """The map, its lines, and the pair that is selected on it."""
    sets = of.names
    points, pairs = of.points(), of.pairs()
    with pickers.row():
        by = st.segmented_control(
            "Colour by", ["set", "label", "correct", "score"], format_func=lambda b: TITLES.get(b, of.title),
            default="set", required=True, key="domains-colour", persist_state="session",
        )  # fmt: skip
        method = st.segmented_control(
            "Projection", ["UMAP", "PCA"], default="UMAP", required=True, key="domains-projection",
            persist_state="session",
        )  # fmt: skip
        drawn = _drawn(of, pairs)
    layout = two_dimensional(of.run, sets, method, of.run.manifest.head == "l2")
    colour = _colour(of, points, by)
    lines = _paths(of, drawn)
    said, samples = component.said(_ELEMENT), samples_of(of.run, sets)
    if not said.webgl or not st.session_state.get("webgl", True):
        plain(layout, points, colour, "domains-plain")
        st.caption("This browser has no WebGL2, so the lines of the pairs are left out.")
        return
    mine = said.selected is not None and said.selected[1] == samples
    turn, _, selection = said.selected if said.selected is not None and mine else (("", 0), "", Selection())
    hidden = said.hidden[2] if said.hidden is not None and said.hidden[1] == samples else {}
    component.scatter(
        [
            component.Panel(
                layout.coordinates,
                colour,
                alt=f"Map of {sets[0]} and {sets[1]}, coloured by {colour.title}.",
                hidden=tuple(hidden.get(colour.title, ())),
                sample=served.samples(fingerprint(samples, *map(str, of.key))[:24], describer(of, points)),
            )
        ],
        key=_ELEMENT,
        samples=samples,
        groups=cached.groups(of.run, sets),
        selection=selection,
        turn=turn,
        paths=lines,
        name=f"{of.run.name}-{sets[0]}-{sets[1]}",
        height=520,
    )
    what = f"{layout.spec.method.upper()} of {len(points):,} samples"
    if of.domains.without != "nothing":
        what += " where they are with the shift; colours and lines are without it"
    if len(drawn):
        what += f"; {len(drawn):,} of {len(pairs):,} pairs joined, red where {of.home_and_away[1]} is misclassified"
    how = " Point at a sample to see both chips of its pair; click it to see them side by side." if len(pairs) else ""
    st.caption(f"{what}.{how}")
    _selected(of, pairs, selection, layout)


def _drawn(of: Shown, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pickers: which pairs have lines."""
    if pairs.empty:
        return pairs
    which = st.segmented_control(
        "Lines", list(_LINES), format_func=_LINES.__getitem__, default="all", required=True, key="domains-lines",
        persist_state="session",
    )  # fmt: skip
    if which == "class":
        names = [name for name in of.domains.classes if name in set(pairs["class"])]
        name = st.selectbox("Class", names, key=f"domains-lines-class-{fingerprint(names)[:8]}", width=160)
        return pairs[pairs["class"] == name]
    if which == "longest":
        most = len(pairs)
        count = st.number_input("How many", 1, most, min(20, most), key=f"domains-longest-{most}", width=110)
        return pairs.nlargest(int(count), "distance")
    return pairs if which == "all" else pairs.iloc[:0]


def _paths(of: Shown, pairs: pd.DataFrame) -> list[component.Path]:
    start = len(of.domains.sets[0])
    fills = pairs[f"correct_{of.away}"].map({True: CORRECT_COLOURS["no label"], False: CORRECT_COLOURS["wrong"]})
    fills = fills.fillna(CORRECT_COLOURS["no label"])
    rows = zip(pairs["one"].tolist(), (start + pairs["other"]).tolist(), fills, strict=True)
    return [component.Path((one, other), fill, thin=True) for one, other, fill in rows]


def _colour(of: Shown, points: pd.DataFrame, by: str) -> Colour:
    if by == "score":
        return colouring.numbers(of.title, np.concatenate(of.scores))
    return colouring.colour(points, by, of.run.sets)


def describer(of: Shown, points: pd.DataFrame) -> Describe:
    """Say what is known of a sample and of its partner, with both pictures."""
    plain, pairs = map_samples.describer(of.run, points), of.pairs()
    first = len(of.domains.sets[0])
    partner = {row: n for n, row in enumerate(pairs["one"].tolist())}
    partner |= {first + row: n for n, row in enumerate(pairs["other"].tolist())}

    def describe(row: int) -> dict[str, Any]:
        said = plain(row)
        if row not in partner:
            return {**said, "facts": [*said["facts"], ("Pair", "none")]}
        found = pairs.iloc[partner[row]]
        side = "other" if row < first else "one"
        mark = {True: " ✓", False: " ✗"}.get(found[f"correct_{side}"], "")
        facts = [
            *said["facts"],
            ("Partner predicted", f"{found[f'prediction_{side}']}{mark}"),
            ("Distance of the pair", f"{found['distance']:.3g}"),
        ]
        return {**said, "facts": facts, "image": _both(of, found) or said["image"]}

    return describe


def _both(of: Shown, found: pd.Series) -> str | None:
    """Both chips side by side, as a data URI."""
    rows = (int(found["one"]), int(found["other"]))
    images = [cached.thumbnails(s, np.array([row])) for s, row in zip(of.domains.sets, rows, strict=True)]
    if any(image is None for image in images):
        return None
    side = max(image.shape[1] for image in images if image is not None)
    canvas = Image.new("RGB", (2 * 64 + 4, 64), (122, 134, 153))
    for number, image in enumerate(images):
        if image is not None:
            shown = show.enlarged(image[0], side).resize((64, 64), Image.Resampling.NEAREST)
            canvas.paste(shown, (number * 68, 0))
    content = io.BytesIO()
    canvas.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def _selected(of: Shown, pairs: pd.DataFrame, selection: Selection, layout: Layout) -> None:
    """The pair of the one selected sample."""
    rows = selected(layout, selection)
    if not len(rows):
        return
    first = len(of.domains.sets[0])
    inside = pairs[pairs["one"].isin(rows[rows < first]) | pairs["other"].isin(rows[rows >= first] - first)]
    if inside.empty:
        st.caption("What is selected is in no pair.")
        return
    if len(inside) > 1:
        st.markdown(f"**{len(inside):,} pairs selected**; the one that is farthest apart:")
    pair(of, inside.nlargest(1, "distance").iloc[0], METRICS["euclidean"])
