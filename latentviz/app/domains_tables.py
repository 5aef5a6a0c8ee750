"""The tables of the page "Simulated against measured": by class, and without the common shift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import show
from latentviz.app.domains import Shown
from latentviz.evaluation.domains import ALL
from latentviz.evaluation.read_outs import READ_OUTS
from latentviz.figures import domains as figures
from latentviz.geometry.common_shift import REMOVED
from latentviz.geometry.two_sample import PERMUTATIONS


def by_class(of: Shown) -> None:
    """Every class: how many, how well in both domains, how much is flagged, how far the domains can be told apart."""
    found = of.statistics()
    if found is None:
        return
    whole = of.shares().merge(found.drop(columns=["n_one", "n_other"]), on="class", how="left")
    one, other = of.names
    first = {
        "Class": whole["class"],
        "n": [f"{n:,} + {m:,}" for n, m in zip(whole["n_one"], whole["n_other"], strict=True)],
        f"Accuracy, {one}": _shares(whole, "accuracy_one"),
        f"Accuracy, {other}": _shares(whole, "accuracy_other"),
        f"Flagged, {one}": _shares(whole, "flagged_one"),
        f"Flagged, {other}": _shares(whole, "flagged_other"),
    }
    is_moved = of.domains.without != "nothing"
    auc = ["–" if is_moved and a < 0.5 else text for a, text in zip(whole["auc"], _numbers(whole, "auc"), strict=True)]
    second = {
        "Class": whole["class"],
        "Domain AUC": auc,
        "MMD²": _numbers(whole, "mmd"),
        "p (MMD)": _p(whole, "mmd_p"),
        "Henze–Penrose": _numbers(whole, "hp"),
        "p (Henze–Penrose)": _p(whole, "hp_p"),
    }
    st.markdown("**How well the network does, and what is flagged**")
    st.dataframe(pd.DataFrame(first), hide_index=True, height="content", alt="Accuracy and flagged share by class")
    st.markdown("**How far the domains can be told apart**")
    st.dataframe(pd.DataFrame(second), hide_index=True, height="content", alt="Statistics of the domains by class")
    if problems := [f"{row['class']}: {row['problem']}" for _, row in found.iterrows() if row["problem"]]:
        st.caption(f"Without a comparison: {'; '.join(problems)}.")
    row = found.set_index("class").loc[ALL]
    if not np.isnan(row["frechet"]):
        st.caption(
            f"All classes together: Fréchet distance (squared) {row['frechet']:.3g}, sliced Wasserstein distance "
            f"{row['sliced_wasserstein']:.3g}, neighbours of the other domain {row['mixing']:.0%} as often as by "
            "chance."
        )
    paired = of.pairing is not None and len(of.pairing.pairs)
    what = "of the pairs; a permutation exchanges the two of a pair" if paired else "of all samples"
    below = ""
    if is_moved and (whole["auc"] < 0.5).any():
        below = " –: with equal means held-out folds fall on the other side, so that nothing can be said."
    st.caption(
        f"95 % intervals: Wilson's of shares, DeLong's of the AUC, of halves of the samples for MMD and Henze–Penrose. "
        f"These two and the AUC are {what} (p: {PERMUTATIONS:,} permutations). AUC: of a cross-validated linear domain "
        f"classifier, 0.5 if it cannot tell the domains apart.{below} Henze–Penrose: near 1 if a single edge of the "
        "minimum spanning tree joins them, 0 by chance."
    )
    show.csv(whole, f"{of.run.name}-{one}-{other}-classes.csv", "domains-classes")


def _shares(of: pd.DataFrame, column: str) -> list[str]:
    return [
        "–" if np.isnan(v) else f"{v:.0%} [{100 * lo:.0f}, {100 * hi:.0f}]"
        for v, lo, hi in zip(of[column], of[f"{column}_low"], of[f"{column}_high"], strict=True)
    ]


def _numbers(of: pd.DataFrame, column: str) -> list[str]:
    """With intervals, where there are some."""
    said = []
    for value, low, high in of[[column, f"{column}_low", f"{column}_high"]].itertuples(index=False):
        ends = "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
        said.append("–" if np.isnan(value) else f"{value:.2f}{ends}".replace("-", "−"))
    return said


def _p(of: pd.DataFrame, column: str) -> list[str]:
    return ["–" if np.isnan(p) else f"{p:.3f}" for p in of[column]]


def common_shift(of: Shown) -> None:
    """What taking the common shift away does to what can be read out, and to what is flagged."""
    if not of.domains.common:
        st.info(of.domains.sentences[-1], icon=":material/label_off:")
        return
    found, flagged = of.read_outs(), of.flagged_without()
    names = of.home_and_away
    st.plotly_chart(figures.read_outs(found, READ_OUTS), key="domains-read-outs", alt="Accuracy of the read-outs")
    shown = {
        "Removed": [REMOVED[kind] for kind in found["without"]],
        "Read-out": found["read_out"].map(READ_OUTS),
        f"Accuracy, {names[1]}": _shares(found, "accuracy"),
        "Gain in points": [
            "" if kind == "nothing" else _points(*gain)
            for kind, *gain in found[["without", "gain", "gain_low", "gain_high"]].itertuples(index=False)
        ],
        f"Accuracy, {names[0]}": ["–" if np.isnan(a) else f"{a:.0%}" for a in found["accuracy_home"]],
    }
    st.dataframe(pd.DataFrame(shown), hide_index=True, height="content", alt="Accuracy without the shift")
    st.table(
        pd.DataFrame(
            {
                "Removed": [REMOVED[kind] for kind in flagged["without"]],
                f"Flagged, {names[1]}": _shares(flagged, "flagged"),
            }
        ),
        border="horizontal",
        hide_index=True,
        alt="Flagged share without the shift",
        width=520,
    )
    st.caption(
        f"Nearest class mean and linear read-out (logistic regression) learn from {names[0]}, where their accuracy is "
        f"cross-validated. The shift is estimated without labels from all samples of both sets, those that are judged "
        f"among them. The gain is of the same samples, with a 95 % interval. Flagged: {of.title} above the threshold "
        f"that keeps {of.level:.1%} of {of.ind} as it is."
    )
    show.csv(found, f"{of.run.name}-common-shift.csv", "domains-common")


def _points(value: float, low: float, high: float) -> str:
    if np.isnan(value):
        return "–"
    ends = "" if np.isnan(low) else f" [{100 * low:+.0f}, {100 * high:+.0f}]"
    return f"{100 * value:+.0f}{ends}".replace("-", "−")
