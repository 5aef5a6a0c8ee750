"""A run with two domains in pairs: what is simulated, and the same a constant away, with some noise."""

from __future__ import annotations

import numpy as np

import latentviz as lv
from latentviz.datasets.pairing import by_name
from latentviz.evaluation.domains import Domains
from tests.versions import add_shifted, clean_run

#: What is added to the features of the measured half.
SHIFT = np.array([0, 3, 0, 0, 1, 0], dtype=np.float32)

#: Samples of each half.
ROWS = 60


def paired_run(
    workspace: lv.Workspace | None = None,
    noise: float = 0.3,
    shift: np.ndarray = SHIFT,
    similarity: bool = False,
    extra: int = 0,
    **options,
) -> lv.Run:
    """:func:`clean_run` with "simulated" and "measured", chip by chip; ``extra`` chips more are measured alone."""
    run = clean_run(workspace, **options)
    random = np.random.default_rng(5)
    labels = np.arange(ROWS) % 3
    one = np.abs(3 * np.eye(6)[labels] + random.normal(size=(ROWS, 6))).astype(np.float32)
    other = one + shift + noise * random.normal(size=one.shape).astype(np.float32)
    azimuth, elevation = 10 + np.arange(ROWS) * 1.0, 14 + (np.arange(ROWS) % 4).astype(float)
    metadata = {"azimuth": azimuth, "elevation": elevation}
    if similarity:
        metadata["similarity"] = np.full(ROWS, 0.9)
    ids = [f"{label}/c{n:03d}.png" for n, label in enumerate(labels)]
    run = add_shifted(run, "simulated", one, labels, ids, metadata=metadata)
    more = np.arange(extra) % 3
    return add_shifted(
        run,
        "measured",
        np.concatenate([other, one[:extra] + shift]),
        np.concatenate([labels, more]),
        ids + [f"{label}/alone{n}.png" for n, label in enumerate(more)],
        metadata={key: np.concatenate([v, v[:extra]]) for key, v in metadata.items()},
    )


def domains_of(run: lv.Run, **options) -> Domains:
    """Both halves with their pairs."""
    pairs = by_name(run["simulated"].index, run["measured"].index).pairs
    return Domains(run, "simulated", "measured", pairs, **options)
