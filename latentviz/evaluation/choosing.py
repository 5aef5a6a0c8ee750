"""Networks chosen by NAC-ME or by validation accuracy: how each goes with accuracy under shift, and what it gains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import Z95, share_right
from latentviz.evaluation.checkpoints import COLUMNS, epoch_of, head_of, seed_of, training_of
from latentviz.evaluation.correlation import Correlation, correlate
from latentviz.evaluation.nac_me import USUAL, NacMe, nac_me
from latentviz.evaluation.tables import TextTable
from latentviz.evaluation.verdict import written
from latentviz.progress import Progress, silent
from latentviz.workspace import Run

#: What the paper's numbers allow to be said.
NOTE = (
    "Neither is shown to be better in general: in the authors' own example NAC-ME selects better models than "
    "validation accuracy, and correlates slightly worse with accuracy under shift."
)

#: With fewer states a neuron, α is too small to tell them apart.
_FEW_STATES = 3


def over(
    runs: Sequence[Run], ind: str, shifted: Sequence[str], how: NacMe = USUAL, progress: Progress = silent
) -> tuple[pd.DataFrame, list[str]]:
    """NAC-ME, accuracy on the held-out set and on shifted ones, of several networks.

    Parameters
    ----------
    runs : sequence of Run
        Of one task.
    ind : str
        The held-out in-distribution set, whose accuracy is "validation".
    shifted : sequence of str
        Labelled; the accuracy is the mean over them.
    how : NacMe, optional
    progress : Progress, optional

    Returns
    -------
    DataFrame
        One row a network: ``run``, ``head``, ``seed``, ``epoch``, ``training`` (checkpoints of one have the same),
        ``nac_me``, ``low``, ``high``, ``samples``, ``saturated``, ``occupied``, ``validation``, ``shifted``.
    list of str
        Why networks are left out.
    """
    rows, left_out = [], []
    for number, run in enumerate(runs):
        progress("NAC-ME", number, len(runs), "networks")
        lacking = [n for n in (ind, *shifted) if n not in run.sets or not run[n].complete or not run[n].labelled]
        if lacking:
            left_out.append(f"{run.name} is left out: it has no labels of {lacking[0]}, or not all of its features.")
            continue
        try:
            found = nac_me(run, how)
        except DataError as error:
            left_out.append(f"{run.name} is left out: {error}")
            continue
        about = (run.name, head_of(run), seed_of(run), epoch_of(run), training_of(run))
        numbers = (found.value, found.low, found.high, found.samples, found.saturated, found.occupied)
        accuracy = float(np.mean([share_right(run[name]) for name in shifted]))
        rows.append((*about, *numbers, share_right(run[ind]), accuracy))
    named = ["nac_me", "low", "high", "samples", "saturated", "occupied", "validation", "shifted"]
    return pd.DataFrame(rows, columns=[*COLUMNS, "training", *named]), left_out


#: What networks can be chosen by, and how people read it.
CRITERIA = {"nac_me": "NAC-ME", "validation": "Validation accuracy"}


@dataclass(frozen=True)
class Selection:
    """What choosing a network by NAC-ME would have gained over choosing it by validation accuracy.

    Attributes
    ----------
    chosen : dict of str
        Run by criterion of :data:`CRITERIA`; of equally good ones the later checkpoint.
    accuracy : dict of float
        Of these on the shifted sets.
    best : float
        Of the network that is best on them: nobody could have known.
    gain, low, high : float
        Accuracy of NAC-ME's choice minus that of validation's, with the 95 % interval over images.
    """

    chosen: dict[str, str]
    accuracy: dict[str, float]
    best: float
    gain: float
    low: float
    high: float


def correlations(table: pd.DataFrame) -> dict[str, Correlation]:
    """Spearman's correlation of each of :data:`CRITERIA` with accuracy on shifted sets; whole trainings are drawn.

    Parameters
    ----------
    table : DataFrame
        From :func:`over`.
    """
    groups = table["training"].to_numpy()
    return {name: correlate(table[name], table["shifted"], groups=groups) for name in CRITERIA}


def selection(runs: Sequence[Run], table: pd.DataFrame, shifted: Sequence[str]) -> Selection:
    """Which network each criterion chooses, and what that comes to on shifted sets.

    The interval pairs the two networks' answers to the same images; images of several sets count so that every set
    has the same weight.

    Parameters
    ----------
    runs : sequence of Run
    table : DataFrame
        From :func:`over`, with at least one row.
    shifted : sequence of str
    """
    by_name = {run.name: run for run in runs}
    ordered = table.sort_values("epoch", kind="stable")
    chosen = {}
    for name in CRITERIA:
        best = ordered[ordered[name] == ordered[name].max()]
        chosen[name] = str(best["run"].iloc[-1])
    accuracy = {name: float(table.loc[table["run"] == run, "shifted"].iloc[0]) for name, run in chosen.items()}
    gain, variance = 0.0, 0.0
    for name in shifted:
        ours, theirs = (by_name[chosen[criterion]][name] for criterion in CRITERIA)
        right = [(s.read("prediction") == s.labels)[s.labels >= 0].astype(float) for s in (ours, theirs)]
        if ours.index["id"].equals(theirs.index["id"]):
            difference = right[0] - right[1]
            gain += difference.mean()
            variance += difference.var() / max(1, len(difference) - 1)
        else:  # other images, or some that one of them could not read
            gain += right[0].mean() - right[1].mean()
            variance += sum(r.var() / max(1, len(r) - 1) for r in right)
    gain, half = gain / len(shifted), Z95 * math.sqrt(variance) / len(shifted)
    return Selection(chosen, accuracy, float(table["shifted"].max()), gain, gain - half, gain + half)


def said(found: Mapping[str, Correlation]) -> list[str]:
    """Correlations in words, one sentence a criterion."""
    sentences = []
    for name, one in found.items():
        start = f"Spearman's correlation of {_inside(CRITERIA[name])} with accuracy under shift over {one.n} networks"
        if math.isnan(one.value):
            sentences.append(f"{start}: none. {one.problem}")
            continue
        ends = f" [{written(one.low)}, {written(one.high)}]" if not one.problem else ""
        sentences.append(f"{start}: {written(one.value)}{ends}{'. ' + one.problem if one.problem else '.'}")
    return sentences


def _inside(title: str) -> str:
    """A title inside a sentence."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def doubts(table: pd.DataFrame, how: NacMe) -> list[str]:
    """What makes NAC-ME say less than it seems to, in sentences."""
    sentences = []
    if not table["saturated"].any():
        sentences.append(
            f"No bin of any network holds O = {how.enough:g} of its training images (at most "
            f"{table['samples'].max():,}), so that NAC-ME only counts how many of these are "
            "classified correctly. Choose a smaller O."
        )
    if (states := float(table["occupied"].median())) < _FEW_STATES:
        sentences.append(
            f"Neurons take {states:.1f} of {how.bins} states (median over networks): α is too small to tell states "
            "apart. Choose a larger one, or the automatic α."
        )
    return sentences


def conclusion(table: pd.DataFrame, chosen: Selection) -> str:
    """Which network each criterion chooses, and what that gains, in words; never more than the numbers allow."""
    ours, theirs = (chosen.chosen[name] for name in CRITERIA)
    best = f"The best network has {chosen.best:.1%} there."
    if ours == theirs:
        return f"NAC-ME and validation accuracy both choose {ours}: {chosen.accuracy['nac_me']:.1%} under shift. {best}"
    ends = f"({100 * chosen.low:+.1f} to {100 * chosen.high:+.1f})".replace("-", "−")
    gain = f"{100 * chosen.gain:+.1f}".replace("-", "−")
    verdict = "more" if chosen.low > 0 else "less" if chosen.high < 0 else "no difference that these images could tell"
    return (
        f"NAC-ME chooses {ours} ({chosen.accuracy['nac_me']:.1%} under shift), validation accuracy {theirs} "
        f"({chosen.accuracy['validation']:.1%}): {gain} points {ends}, {verdict}. {best}"
    )


def text_table(table: pd.DataFrame) -> TextTable:
    """:func:`over` as people read it."""
    rows = [
        [
            str(r["run"]),
            f"{r['nac_me']:.4f} ({r['low']:.4f} – {r['high']:.4f})",
            f"{r['validation']:.1%}",
            f"{r['shifted']:.1%}",
            f"{r['samples']:,}",
        ]
        for r in table.to_dict("records")
    ]
    return TextTable(["Network", "NAC-ME (95 % interval)", "Validation", "Under shift", "Training images"], rows)
