"""NAC-ME: how much of their states a network's neurons take on training images, and whether that tells generalisation.

Liu, Tian, Li, Ma, Wang 2024, arXiv 2306.02879: larger coverage goes with better generalisation, over checkpoints or
models of one task.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import Z95
from latentviz.evaluation.feature_statistics import Interval, Side, register
from latentviz.latents import Latents
from latentviz.scorers.coverage_states import (
    LAST,
    SPREAD,
    Bins,
    Factors,
    binned,
    counted,
    coverage,
    factors,
    uniform_edges,
)
from latentviz.workspace import Run
from latentviz.workspace.layers import stored_layers

#: Largest M.
MOST_BINS = 1000

#: Part of the key of what is stored.
_VERSION = 1

_ROWS = 2048


@dataclass(frozen=True)
class NacMe:
    """How coverage is counted; by default as the authors do.

    Attributes
    ----------
    enough : float
        O: so many samples fill a bin.
    bins : int
        M, of equal width.
    alpha : float or None
        None: such that ``α · z ⊙ g`` has a standard deviation of 2 (ours); then every network has its own.
    layer : str
        "last", or one whose states are stored.
    """

    enough: float = 500
    bins: int = 50
    alpha: float | None = 0.1
    layer: str = LAST

    def __post_init__(self) -> None:
        if not 1 <= self.enough < math.inf:
            raise DataError(f"O is {self.enough:g}; expected a number of at least 1.")
        if not 3 <= self.bins <= MOST_BINS:
            raise DataError(f"M is {self.bins}; expected 3 to {MOST_BINS} bins.")
        if self.alpha is not None and not 0 < self.alpha < math.inf:
            raise DataError(f"α is {self.alpha:g}; expected a positive number, or None for the automatic one.")


USUAL = NacMe()


@dataclass(frozen=True)
class Coverage:
    """NAC-ME of one network.

    Attributes
    ----------
    value, low, high : float
        From 0 to 1, with the 95 % interval over training images (delta method).
    samples : int
        Correctly classified training images.
    alpha : float
    occupied : float
        Mean number of bins that a neuron's states fall into.
    saturated : bool
        Whether any bin holds O samples or more; if not, the value is a multiple of the number of samples alone.
    """

    value: float
    low: float
    high: float
    samples: int
    alpha: float
    occupied: float
    saturated: bool


def nac_me(run: Run, how: NacMe = USUAL) -> Coverage:
    """``mean_i Σ_b min(count/O, 1)/M`` over the run's training images that it classifies correctly; stored.

    Parameters
    ----------
    run : Run
        With a head and labelled training samples.
    how : NacMe, optional

    Returns
    -------
    Coverage

    Raises
    ------
    DataError
        If it has no head, no labelled training samples, none that it classifies correctly, or no states of the layer.
    WorkspaceError
        If something is missing on disk.
    """
    sets = [s for s in run if s.role == "fit" and len(s) and s.labelled]
    if run.head is None or not sets:
        raise DataError(f'NAC-ME of "{run.name}" needs its last linear layer, and training samples with classes.')
    contents = [s.fingerprint for s in sets]
    if how.layer != LAST:
        for s in sets:
            if how.layer not in (there := stored_layers(s)):
                raise DataError(
                    f'"{run.name}" has no states of the layer "{how.layer}" on "{s.name}"; store them with latentviz '
                    'layers, or choose "last".'
                )
            contents.append(there[how.layer].fingerprint)
    key = run.derived.key("nac-me", {"version": _VERSION, **asdict(how)}, contents)
    if key not in run.derived:
        run.derived.save(key, {}, {**asdict(how), "result": asdict(_counted(run, how))})
    return Coverage(**run.derived.meta(key)["result"])


@register("nac-me", "NAC-ME, one number a model", is_kept=False)  # it is kept once for all sets
def _of_training(base: Side, other: Side) -> Interval:
    """The same for every set of a network: it can be held against accuracy over several networks only."""
    if "nac-me" not in vars(base):
        vars(base)["nac-me"] = nac_me(base.run)
    found: Coverage = vars(base)["nac-me"]
    return found.value, found.low, found.high


def _counted(run: Run, how: NacMe) -> Coverage:
    alpha = _spread(run, how.layer) if how.alpha is None else how.alpha
    bins = Bins(uniform_edges(how.bins))
    counts, samples = np.zeros((0, 0), np.int64), 0
    for of in _right(run, how.layer):
        found = counted(of, alpha, bins)
        counts = counts + found if counts.size else found
        samples += len(of[0])
    if not samples:
        raise DataError(f'"{run.name}" classifies none of its training images correctly; there is no NAC-ME.')
    value = float(coverage(counts, how.enough).sum(axis=0).mean() / how.bins)
    # What one more sample would add: 1/O in every bin that is not full.
    table, neurons = (counts < how.enough) / how.enough, np.arange(counts.shape[1])
    sums = np.zeros(2)
    for of in _right(run, how.layer):
        adds = table[binned(of, alpha, bins), neurons].mean(axis=1) / how.bins
        sums += adds.sum(), (adds**2).sum()
    variance = max(0.0, sums[1] - sums[0] ** 2 / samples)
    half = Z95 * math.sqrt(variance)
    occupied, full = float((counts > 0).sum(axis=0).mean()), bool((counts >= how.enough).any())
    return Coverage(value, max(0.0, value - half), min(1.0, value + half), samples, alpha, occupied, full)


def _right(run: Run, layer: str) -> Iterator[Factors]:
    """``z`` and ``g`` of the training images that are classified correctly, piece by piece."""
    for image_set in run:
        if image_set.role != "fit" or not len(image_set) or not image_set.labelled:
            continue
        right = image_set.read("prediction") == image_set.labels
        for start in range(0, len(image_set), _ROWS):
            rows = slice(start, start + _ROWS)
            states = {} if layer == LAST else {layer: stored_layers(image_set)[layer].read(rows)}
            features, logits = image_set.read("features", rows), image_set.read("logits", rows)
            block = Latents(features, logits, None, run.head, states)
            if right[rows].any():
                yield factors(block[np.flatnonzero(right[rows])], layer)


def _spread(run: Run, layer: str) -> float:
    count, sums = 0, np.zeros(2)
    for z, g in _right(run, layer):
        values = np.multiply(z, g, dtype=np.float64)
        count += values.size
        sums += values.sum(), (values**2).sum()
    variance = sums[1] / count - (sums[0] / count) ** 2 if count else 0.0
    return SPREAD / math.sqrt(variance) if variance > 0 else 1.0
