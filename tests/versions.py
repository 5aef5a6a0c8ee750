"""Runs of arrays whose sets have corrupted versions, without a network or images that are corrupted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

import latentviz as lv
from latentviz.workspace.manifest import CorruptionRecord, SetEntry
from latentviz.workspace.run import listing_fingerprint, listing_of

#: Corruptions of :func:`corrupted_run` and their families.
FAMILIES = {"gaussian_noise": "noise", "shot_noise": "noise", "fog": "weather"}


def clean_run(
    workspace: lv.Workspace | None = None, name: str = "run", seed: int = 0, rows: int = 60, **options
) -> lv.Run:
    """Three classes in six dimensions: "train", "test", and "far" of other classes."""
    random = np.random.default_rng(seed)
    labels = {s: np.arange(rows) % 3 for s in ("train", "test")}
    features = {s: np.abs(3 * np.eye(6)[of] + random.normal(size=(rows, 6))) for s, of in labels.items()}
    features["far"] = np.abs(2 * random.normal(size=(40, 6)))
    return lv.Run.from_arrays(
        {s: values.astype(np.float32) for s, values in features.items()},
        labels=labels,
        head=lv.Head(np.eye(3, 6), np.zeros(3)),
        workspace=workspace,
        name=name,
        images={s: random.integers(0, 256, (len(v), 8, 8, 3), dtype=np.uint8) for s, v in features.items()},
        **options,
    )


def add_shifted(
    run: lv.Run,
    name: str,
    features: np.ndarray,
    labels: np.ndarray,
    ids: Sequence[str] | None = None,
    corruption: CorruptionRecord | None = None,
    skipped: Sequence[int] = (),
    written: int | None = None,
    metadata: Mapping[str, np.ndarray] | None = None,
) -> lv.Run:
    """Add a set of role shifted: features (N, D) of all that is listed, of which some could not be read.

    ``written`` rows only are on disk if the extraction was interrupted.
    """
    names = np.array([*run.classes, ""], dtype=object)[labels].tolist()
    listing = listing_of(ids or [f"{n:06d}" for n in range(len(labels))], names, labels).assign(**metadata or {})
    entry = SetEntry(
        name=name,
        role="shifted",
        listed=len(listing),
        listing=listing_fingerprint(listing),
        corruption=corruption,
    )
    kept = np.setdiff1d(np.arange(len(labels)), skipped)[:written]
    images = np.random.default_rng(len(name)).integers(0, 256, (len(kept), 8, 8, 3), dtype=np.uint8)
    with run.writing():
        writer = run.add_set(entry, listing, 8)
        if len(kept):
            rows = features[kept].astype(np.float32)
            writer.append(rows, run.head.logits(rows), images, dict.fromkeys(skipped, "damaged"))
        if written is None:
            writer.finish()
    return run.reopened()


def add_version(
    run: lv.Run,
    name: str,
    severity: int,
    change: Callable[[np.ndarray], np.ndarray],
    of: str = "test",
    family: str = "",
    seed: int | None = 0,
    suffix: str = "",
    content: str = "",
    **more,
) -> lv.Run:
    """Add a corrupted version of a set, whose features are changed."""
    clean = run[of]
    return add_shifted(
        run,
        f"{of}-{name}-{severity}{suffix}",
        change(clean.features),
        clean.labels,
        clean.index["id"].tolist(),
        CorruptionRecord(of=of, name=name, family=family, severity=severity, seed=seed, content=content),
        **more,
    )


def noise(severity: int, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Features that say less about their classes with every severity."""
    random = np.random.default_rng([seed, severity])
    return lambda z: np.abs((1 - 0.15 * severity) * z + 0.5 * severity * random.normal(size=z.shape))


def corrupted_run(workspace: lv.Workspace | None = None, severities: Sequence[int] = (1, 3, 5), **options) -> lv.Run:
    """:func:`clean_run` with every corruption of :data:`FAMILIES`."""
    run = clean_run(workspace, **options)
    for number, (name, family) in enumerate(FAMILIES.items()):
        for severity in severities:
            run = add_version(run, name, severity, noise(severity, number), family=family)
    return run
