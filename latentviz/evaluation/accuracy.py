"""How well the classifier does on each set, and where it goes wrong."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentviz.workspace import ImageSet, Run

#: Half width of a 95 % interval of the normal distribution.
_Z95 = 1.959963984540054


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), which stays within 0 and 1 and holds for small samples.

    Parameters
    ----------
    correct, total : int

    Returns
    -------
    (low, high) : tuple of float
        ``(0, 1)`` if there are no samples.

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
    share, z2 = correct / total, _Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def sets_table(run: Run) -> pd.DataFrame:
    """One row a set.

    Returns
    -------
    DataFrame
        ``set``, ``role``, ``samples``, ``listed`` (in the source), ``skipped`` (unreadable), ``classes``
        (that occur), ``accuracy``, ``low``, ``high`` (95 % interval; missing without labels), ``labelled``
        (samples that the accuracy counts), ``source``.
    """
    rows = []
    for s in run:
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
                "classes": s.index["class_name"].nunique(),
                "accuracy": correct / counted if counted else math.nan,
                "low": low,
                "high": high,
                "labelled": counted,
                "source": s.entry.source,
            }
        )
    return pd.DataFrame(rows)


def class_balance(run: Run) -> pd.DataFrame:
    """Samples a class of every set: ``set``, ``role``, ``class_name``, ``samples``, ``share`` of the set.

    Classes of the model come in its order; those it does not know follow in alphabetical order.
    """
    known = {name: position for position, name in enumerate(run.classes)}
    frames = []
    for s in run:
        counts = s.index["class_name"].value_counts()
        ordered = sorted(counts.index, key=lambda name: (known.get(name, len(known)), name))
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
        One row a class of the set, one column a class of the model.
    """
    names = image_set.index["class_name"].replace("", "(no class)")
    called = np.array(image_set.classes, dtype=object)[image_set.read("prediction")]
    predicted = pd.Categorical(called, categories=list(image_set.classes))
    return pd.crosstab(names, predicted, dropna=False)


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
    """Sentences about what looks wrong in a run: classes in another order than the network's."""
    found = [shuffled_classes(confusion_matrix(s), s.classes) for s in run if s.role in ("fit", "ind")]
    return list(dict.fromkeys(sentence for sentence in found if sentence))


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
