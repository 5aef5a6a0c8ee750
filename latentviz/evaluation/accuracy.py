"""How well the classifier does on each set, and where it goes wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from latentviz.workspace import ImageSet, Run

#: Half width of a 95 % interval of the normal distribution, in standard deviations.
Z95 = 1.959963984540054

#: Row of the samples that belong to no class.
NO_CLASS = "(no class)"


def wilson_interval(correct: float, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), which stays within 0 and 1 and holds for small samples.

    Parameters
    ----------
    correct : float
        Not always whole: a tie may count half.
    total : int

    Returns
    -------
    (low, high) : tuple of float
        ``(0, 1)`` if there are no samples; exactly 0 and 1 at the ends where none or all are correct.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22 (1927).

    Examples
    --------
    >>> [round(x, 4) for x in wilson_interval(205, 220)]
    [0.8906, 0.9582]
    """
    if total == 0:
        return 0.0, 1.0
    share, z2 = correct / total, Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    # Rounding leaves 1e-17 where nothing is right, and 1 - 1e-16 where all is.
    return centre - half if correct > 0 else 0.0, centre + half if correct < total else 1.0


def in_order(names: Iterable[str], classes: Sequence[str]) -> list[str]:
    """Class names of a set: the model's in its order, then others in alphabetical order.

    Examples
    --------
    >>> in_order(["10", "fox", "2", "ant"], classes=["1", "2", "10"])
    ['2', '10', 'ant', 'fox']
    """
    position = {name: number for number, name in enumerate(classes)}
    return sorted(names, key=lambda name: (position.get(name, len(position)), name))


def class_of(image_set: ImageSet) -> pd.Series:
    """Class of every sample, by the model's name where the model knows it; "" for none."""
    return image_set.table()["label"]


_SETS = [
    "set", "role", "samples", "listed", "skipped", "classes", "accuracy", "low", "high", "labelled", "source",
]  # fmt: skip


def sets_table(run: Run, names: Sequence[str] | None = None) -> pd.DataFrame:
    """One row a set.

    Parameters
    ----------
    run : Run
    names : sequence of str, optional
        By default all sets but those that are corrupted versions of another.

    Returns
    -------
    DataFrame
        ``set``, ``role``, ``samples``, ``listed`` (in the source), ``skipped`` (unreadable), ``classes``
        (that occur), ``accuracy``, ``low``, ``high`` (95 % interval; missing without labels), ``labelled``
        (samples that the accuracy counts), ``source``.
    """
    rows = []
    for s in run.uncorrupted.values() if names is None else map(run.__getitem__, names):
        labels = s.labels
        known = labels >= 0
        counted = int(known.sum()) if s.role != "ood" else 0
        correct = int((s.read("prediction") == labels).sum()) if counted else 0
        low, high = wilson_interval(correct, counted) if counted else (math.nan, math.nan)
        rows.append(
            {
                "set": s.name,
                "role": s.role,
                "samples": len(s),
                "listed": s.entry.listed,
                "skipped": len(s.state.skipped),
                "classes": len(set(s.index["class_name"]) - {""}),
                "accuracy": correct / counted if counted else math.nan,
                "low": low,
                "high": high,
                "labelled": counted,
                "source": s.entry.source,
            }
        )
    return pd.DataFrame(rows, columns=_SETS)


def judged(image_set: ImageSet, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the samples that have a label (n,), and whether their prediction is right (n,), bool.

    Parameters
    ----------
    image_set : ImageSet
    values : ndarray of shape (N,)
        Of all its samples.
    """
    labels = image_set.labels
    known = labels >= 0
    return values[known], (image_set.read("prediction") == labels)[known]


def share_right(image_set: ImageSet) -> float:
    """Accuracy of a set; NaN if it has no labels of the model's classes."""
    return float(judged(image_set, image_set.labels)[1].mean()) if image_set.labelled else math.nan


def in_words(sets: pd.DataFrame) -> list[str]:
    """Accuracy and interval of every row of :func:`sets_table`, as people read it.

    Examples
    --------
    >>> in_words(pd.DataFrame({"accuracy": [0.93, np.nan], "low": [0.89, np.nan], "high": [0.9582, np.nan]}))
    ['93.0% (89.0% – 95.8%)', '–']
    """
    return [
        "–" if math.isnan(a) else f"{a:.1%} ({low:.1%} – {high:.1%})"
        for a, low, high in zip(sets["accuracy"], sets["low"], sets["high"], strict=True)
    ]


def class_balance(run: Run) -> pd.DataFrame:
    """Samples a class: ``set``, ``role``, ``class_name``, ``samples``, ``share`` of the set.

    Of every set that is not a corrupted version of another. Classes of the model come in its order; those it does not
    know follow in alphabetical order, ``""`` for none.
    """
    frames = []
    for s in run.uncorrupted.values():
        counts = class_of(s).value_counts()
        ordered = in_order(counts.index, run.classes)
        samples = counts.loc[ordered].to_numpy()
        frames.append(
            pd.DataFrame(
                {
                    "set": s.name,
                    "role": s.role,
                    "class_name": ordered,
                    "samples": samples,
                    "share": samples / max(samples.sum(), 1),
                }
            )
        )
    columns = ["set", "role", "class_name", "samples", "share"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def confusion_matrix(image_set: ImageSet) -> np.ndarray:
    """Counts (C, C), int64: rows are the true classes, columns the predicted ones; unlabelled samples are left out."""
    labels, prediction, c = image_set.labels, image_set.read("prediction"), len(image_set.classes)
    known = labels >= 0
    return np.bincount(labels[known] * c + prediction[known], minlength=c * c).reshape(c, c)


def predicted_as(image_set: ImageSet) -> pd.DataFrame:
    """What the classifier calls the classes of a set, also those it does not know.

    Returns
    -------
    DataFrame of int
        One row a class of the set, one column a class of the model, both in the order of
        :func:`class_balance`.
    """
    truth, prediction = class_of(image_set), image_set.read("prediction")
    names = in_order(truth.unique(), image_set.classes)
    counts = np.zeros((len(names), len(image_set.classes)), dtype=np.int64)
    np.add.at(counts, (pd.Index(names).get_indexer(pd.Index(truth)), prediction), 1)
    return pd.DataFrame(counts, [name or NO_CLASS for name in names], list(image_set.classes))


def most_confused(image_set: ImageSet, limit: int = 12) -> pd.DataFrame:
    """The most frequent mistakes: ``label``, ``prediction``, ``samples``, ``share`` of the label's samples."""
    matrix = confusion_matrix(image_set)
    errors = matrix.copy()
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:limit]
    rows, columns = np.unravel_index(order[errors.ravel()[order] > 0], errors.shape)
    return pd.DataFrame(
        {
            "label": [image_set.classes[r] for r in rows],
            "prediction": [image_set.classes[c] for c in columns],
            "samples": errors[rows, columns],
            "share": errors[rows, columns] / np.maximum(matrix.sum(axis=1), 1)[rows],
        }
    )


def warnings(run: Run) -> list[str]:
    """Sentences about what looks wrong in a run: classes in another order than the network's, radar chips rescaled."""
    found = [shuffled_classes(confusion_matrix(s), s.classes) for s in run if s.role in ("fit", "ind")]
    return list(dict.fromkeys(sentence for sentence in [*found, rescaled_chips(run)] if sentence))


def rescaled_chips(run: Run) -> str:
    """A sentence if radar chips, which have an azimuth, were resized as wholes, else ""."""
    resize = (run.manifest.preprocessing or {}).get("resize")
    if resize is None:
        return ""
    chips = [s.name for s in run.uncorrupted.values() if "azimuth" in s.index]
    if not chips:
        return ""
    size = f"shorter side {resize}" if isinstance(resize, int) else "×".join(map(str, resize))
    return (
        f"The radar chips of {', '.join(chips[:3])}{' …' if len(chips) > 3 else ''} are resized as wholes ({size}). "
        "Where chips of one class are larger than those of another, the scale gives the class away: crop native "
        "pixels instead (--preset sar)."
    )


def shuffled_classes(matrix: np.ndarray, classes: tuple[str, ...]) -> str:
    """A sentence if the names of the classes seem to be in the wrong order, else "".

    They do when another one-to-one naming would make more than half of the samples correct, and 5 % of
    all samples more than the present one: mistakes of a network do not come in such pairs.

    Parameters
    ----------
    matrix : ndarray of shape (C, C)
        Counts; rows are the true classes.
    classes : tuple of str
    """
    total, named = matrix.sum(), np.trace(matrix)
    if named >= 0.95 * total:
        return ""
    # scipy takes half a second to import, which a run in order must not pay for.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(matrix, maximize=True)
    best = matrix[rows, columns].sum()
    if best < 0.5 * total or best - named <= 0.05 * total:
        return ""
    pairs = [f"{classes[r]} → {classes[c]}" for r, c in zip(rows, columns, strict=True) if r != c]
    return (
        f"The class names may be in the wrong order: {named / total:.0%} of the samples are correct, but "
        f"{best / total:.0%} would be with other names ({', '.join(pairs[:6])}{' …' if len(pairs) > 6 else ''})."
    )
