"""What the page "Simulated against measured" shows beside the map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, pickers, show
from latentviz.app.domains import METRICS, Shown
from latentviz.evaluation import selective
from latentviz.evaluation.domains import ALL, degrees, distances_by_class, mean_plane
from latentviz.evaluation.pose import by_pose
from latentviz.figures import against_accuracy
from latentviz.figures import domains as figures
from latentviz.geometry.domain_shift import ShiftVectors

#: Pixels of a chip that is looked at closely.
_LARGE = 176

#: Height of the table of pairs.
_TABLE = 320

#: Cells of azimuth, in degrees.
_STEPS = (5, 10, 15, 30, 45)


def head(of: Shown) -> None:
    """How the network does in both domains, which pairs there are, and what must be known of them."""
    row = of.shares().set_index("class").loc[ALL]
    with st.container(horizontal=True, gap="medium"):
        for name, suffix in zip(of.names, ("one", "other"), strict=True):
            for what, title in (("accuracy", "Accuracy"), ("flagged", "Flagged")):
                value, low, high = (row[f"{what}_{suffix}{end}"] for end in ("", "_low", "_high"))
                shown = "–" if np.isnan(value) else f"{value:.1%}"
                ends = None if np.isnan(value) else f"{100 * low:.1f} – {100 * high:.1f}"
                st.metric(
                    f"{title}, {name}", shown, ends, delta_color="off", delta_arrow="off", width="content",
                    help=f"{of.title} above the threshold that keeps {of.level:.1%} of {of.ind}."
                    if what == "flagged" else None,
                )  # fmt: skip
    _about_pairs(of)
    for sentence in of.sentences:
        st.caption(sentence)


def _about_pairs(of: Shown) -> None:
    if of.is_matched and of.pairing is not None:
        st.warning(
            "These pairs were matched by similarity: of a class, the chip that looked most alike was taken. Their "
            " distances are too small, and headings may be off by 180°. Registered pairs of one scene would say "
            "more.",
            icon=":material/link_off:",
        )
    if of.pairing is None:
        st.caption("No pairs are looked for: lines, side-by-side chips and distances need them (**Pairs** above).")
        return
    st.caption(of.pairing.described(*of.names))
    if len(of.pairing.alone):
        with st.expander(f"{len(of.pairing.alone):,} left alone", icon=":material/person_off:"):
            names = {"one": of.names[0], "other": of.names[1]}
            table = of.pairing.alone.assign(set=of.pairing.alone["set"].map(names))[["set", "id", "reason"]]
            st.dataframe(table, hide_index=True, alt="Samples without a partner")
            show.csv(table, f"{of.run.name}-left-alone.csv", "domains-alone")


def pair(of: Shown, row: pd.Series, metric: str) -> None:
    """Both chips of a pair, their difference, and what the network says of them."""
    images = [
        cached.thumbnails(s, np.array([int(row[side])]))
        for s, side in zip(of.domains.sets, ("one", "other"), strict=True)
    ]
    places = st.columns([2, 2, 2, 3], gap="medium")
    for place, image, name, side in zip(places, images, of.names, ("one", "other"), strict=False):
        with place:
            st.markdown(f"**{name}**")
            if image is None:
                st.caption("no images")
            else:
                st.image(show.enlarged(image[0], _LARGE), width=_LARGE)
            mark = {True: " ✓", False: " ✗"}.get(row[f"correct_{side}"], "")
            flag = " · flagged" if row[f"score_{side}"] > of.threshold else ""
            st.markdown(
                f"predicted **{row[f'prediction_{side}']}**{mark}  \nconfidence {row[f'confidence_{side}']:.3f}  \n"
                f"{of.title} {row[f'score_{side}']:.4g}{flag}"
            )
    with places[2]:
        st.markdown("**Difference**")
        if images[0] is not None and images[1] is not None and images[0].shape == images[1].shape:
            st.image(show.enlarged(_difference(images[0][0], images[1][0]), _LARGE), width=_LARGE)
            st.caption(f"of the pictures: orange where {of.names[1]} is brighter, blue where it is darker; scaled")
        else:
            st.caption("The chips differ in size.")
    with places[3]:
        pose = [f"azimuth {row['azimuth']:.4g}°"] if not np.isnan(row["azimuth"]) else []
        pose += [f"elevation {row['elevation']:.4g}°"] if not np.isnan(row["elevation"]) else []
        ids = [row["id_one"], row["id_other"]]
        st.markdown("  \n".join([f"**{row['class']}**", *pose, f"{metric} of the features {row['distance']:.4g}"]))
        st.caption("  \n".join(f"`{name}`" for name in dict.fromkeys(ids)))


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What is brighter in the other image in orange, what is darker in blue, on black: (H, W, 3), uint8.

    Scaled so that the largest hundredth is of full colour.
    """
    apart = other.mean(axis=2) - one.mean(axis=2)
    apart *= 255 / max(1.0, float(np.percentile(np.abs(apart), 99)))
    up, down = np.maximum(apart, 0)[:, :, None], np.maximum(-apart, 0)[:, :, None]
    fills = np.array([1.0, 0.62, 0.1]), np.array([0.25, 0.62, 1.0])
    return np.clip(up * fills[0] + down * fills[1], 0, 255).astype(np.uint8)


def no_pairs(of: Shown) -> bool:
    """Whether there are none, said on the page."""
    if of.pairing is not None and len(of.pairing.pairs):
        return False
    st.info(
        "There are no pairs. Choose under **Pairs** how they are found: by file name, by class and pose, by a table.",
        icon=":material/link_off:",
    )
    return True


def pairs(of: Shown) -> None:
    """Chips side by side, and the table to choose them from."""
    if no_pairs(of):
        return
    with pickers.row():
        metric = _metric("pairs")
        order = st.segmented_control(
            "First", ["farthest", "nearest"], default="farthest", required=True, key="domains-order",
            persist_state="session",
        )  # fmt: skip
        only = st.toggle(f"Only where {of.home_and_away[1]} is wrong", key="domains-wrong", persist_state="session")
    table = of.pairs(metric)
    if only:
        table = table[~table[f"correct_{of.away}"].fillna(True).astype(bool)]  # missing without a label
    table = table.sort_values("distance", ascending=order == "nearest", ignore_index=True)
    if table.empty:
        st.caption(f"None: no chip of {of.home_and_away[1]} that has a partner is misclassified.")
        return
    columns = ["class", "distance", "azimuth", "elevation", "prediction_one", "prediction_other", "score_one"]
    columns = [c for c in [*columns, "score_other", "id_one"] if not table[c].isna().all()]
    place = st.container()
    chosen = st.dataframe(
        table[columns],
        key=f"domains-pairs-table-{metric}-{order}-{only}-{len(table)}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        height=_TABLE,
        alt="Pairs",
        column_config={
            "class": "Class",
            "distance": st.column_config.NumberColumn("Distance", format="%.4g"),
            "azimuth": st.column_config.NumberColumn("Azimuth", format="%.1f°"),
            "elevation": st.column_config.NumberColumn("Elevation", format="%.0f°"),
            "prediction_one": f"Predicted, {of.names[0]}",
            "prediction_other": f"Predicted, {of.names[1]}",
            "score_one": st.column_config.NumberColumn(f"Score, {of.names[0]}", format="%.4g"),
            "score_other": st.column_config.NumberColumn(f"Score, {of.names[1]}", format="%.4g"),
            "id_one": "Id",
        },
    )
    row = next(iter(chosen.selection.rows), 0)
    with place:
        pair(of, table.iloc[min(row, len(table) - 1)], METRICS[metric])
    st.caption("Choose a pair in the table's first column.")
    show.csv(table, f"{of.run.name}-{of.names[0]}-{of.names[1]}-pairs.csv", "domains-pairs")


def _metric(key: str) -> str:
    return st.segmented_control(
        "Distance", list(METRICS), format_func=METRICS.__getitem__, default="euclidean", required=True,
        key=f"domains-metric-{key}", persist_state="session",
    )  # fmt: skip


def shift(of: Shown) -> None:
    """Where the classes move from one domain to the other."""
    if not of.domains.common:
        st.info(of.domains.sentences[-1], icon=":material/label_off:")
        return
    found = of.shift()
    st.markdown(f"**{_common_in_words(found, of)}**")
    left, right = st.columns(2, gap="large")
    with left:
        table, explained = mean_plane(of.domains)
        st.plotly_chart(
            figures.arrows(table, explained, of.names),
            key="domains-arrows",
            alt="Means of the classes, and their shift",
        )
        st.caption(f"An arrow a class, from its mean in {of.names[0]} to that in {of.names[1]}.")
    with right:
        st.plotly_chart(figures.norms(found, of.domains.classes), key="domains-norms", alt="Lengths of the shifts")
        st.plotly_chart(
            figures.cosines(found, of.domains.classes, show.is_dark()),
            key="domains-cosines",
            alt="Cosines of the shifts",
        )
        st.caption("1: two classes move in the same direction; 0: each in one of its own.")


def _common_in_words(found: ShiftVectors, of: Shown) -> str:
    if np.isnan(found.common):
        return "No class moves at all."
    own = 1 / len(found.classes)
    words = "all classes move alike" if found.common > 0.8 else "classes move in directions of their own"
    if own + 0.15 < found.common <= 0.8:
        words = "some of the shift is common to the classes"
    if found.common < own / 2:
        words = (
            "what the classes have in common is taken away" if of.domains.without != "nothing" else "shifts cancel out"
        )
    return (
        f"Common to all classes: {found.common:.0%} of the squared shift: {words} ({own:.0%} if each moved on its own)."
    )


def pose(of: Shown) -> None:
    """Accuracy, score and distance over azimuth and elevation."""
    tables = [s.index for s in of.domains.sets]
    known = [n for n, t in enumerate(tables) if np.isfinite(degrees(t, "azimuth")).any()]
    if not known:
        st.info(
            "No azimuth is known of these samples. It is read from SAMPLE's file names, MSTAR's headers, .mat files, "
            "or a table metadata.csv beside the images (columns id, azimuth, elevation).",
            icon=":material/explore_off:",
        )
        return
    with pickers.row():
        step = st.select_slider("Azimuth cells (°)", _STEPS, 10, key="domains-step", persist_state="session", width=220)
    means = pd.concat(
        [
            by_pose(of.scores[n], degrees(tables[n], "azimuth"), degrees(tables[n], "elevation"), float(step))
            for n in known
        ]
    )["mean"]  # the colours are the same on both sides
    for column, side in zip(st.columns(len(known), gap="large"), known, strict=True):
        with column:
            _pose_of(of, side, tables[side], float(step), (float(means.min()), float(means.max())))
    pairs_ = of.pairs() if of.pairing is not None else pd.DataFrame()
    if len(pairs_) and pairs_["azimuth"].notna().any():
        st.markdown("**Distance of the pair**")
        values, azimuth, elevation = pairs_[["distance", "azimuth", "elevation"]].to_numpy(np.float64).T
        cells = by_pose(values, azimuth, elevation, float(step))
        st.plotly_chart(
            figures.by_pose(cells, "distance", float(step)), key="domains-pose-distance", alt="Distance by pose"
        )
    st.caption("Point at a cell for its number of samples: few of them mean little.")


def _pose_of(of: Shown, side: int, table: pd.DataFrame, step: float, limits: tuple[float, float]) -> None:
    st.markdown(f"**{of.names[side]}**")
    azimuth, elevation = degrees(table, "azimuth"), degrees(table, "elevation")
    labels = of.domains.labels[side]
    right = np.where(labels >= 0, of.domains.prediction[side] == labels, np.nan)
    if np.isfinite(right).any():
        st.caption("Accuracy")
        cells = by_pose(right, azimuth, elevation, step)
        st.plotly_chart(
            figures.by_pose(cells, "accuracy", step, share=True), key=f"domains-pose-{side}", alt="Accuracy by pose"
        )
    st.caption(f"{of.title}, mean score")
    cells = by_pose(of.scores[side], azimuth, elevation, step)
    st.plotly_chart(
        figures.by_pose(cells, of.title, step, limits=limits),
        key=f"domains-pose-score-{side}",
        alt="Score by pose",
    )


def correctness(of: Shown) -> None:
    """Does the distance of a pair tell whether its chip away from home is classified rightly?"""
    if no_pairs(of):
        return
    with pickers.row():
        metric = _metric("correctness")
    table, title = of.pairs(metric), f"{METRICS[metric]} of a pair's features"
    verdict, name = table[f"correct_{of.away}"], of.home_and_away[1]
    verdicts = verdict.map({True: "correct", False: "wrong"}).fillna("no label")
    known = verdict.notna().to_numpy()
    values, right = table["distance"].to_numpy()[known], verdict[known].to_numpy(dtype=bool)
    if known.any():
        found = selective.error_auroc(values, right)
        if found.problem:
            st.info(found.problem, icon=":material/info:")
        else:
            sure = "" if found.low > 0.5 or found.high < 0.5 else "; the interval holds 0.5"
            st.markdown(
                f"**AUROC of the distance for errors on {name}: {found.value:.3f} [{found.low:.3f}, "
                f"{found.high:.3f}]** ({found.errors:,} errors among {found.n:,} pairs{sure})."
            )
    left, right_ = st.columns(2, gap="large")
    with left:
        st.plotly_chart(
            figures.distances(table.assign(verdict=verdicts), title), key="domains-distances", alt="Distances of pairs"
        )
    with right_:
        if known.any():
            st.plotly_chart(
                against_accuracy.bins(selective.accuracy_in_bins(values, right), title),
                key="domains-bins",
                alt="Accuracy in bins of the distance",
            )
    st.markdown("**Mean distance by class**")
    st.plotly_chart(
        figures.by_class(distances_by_class(table), title), key="domains-by-class", alt="Mean distance by class"
    )
    st.caption("95 % intervals: bootstrap of the pairs.")
