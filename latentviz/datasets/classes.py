"""Which logit a class folder means."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from latentviz.errors import DataError


def match_labels(
    set_name: str,
    class_names: Sequence[str],
    classes: Sequence[str],
    rename: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Class indices of samples by the names of their classes.

    Names match exactly, or else without regard to case, spaces, ``-`` and ``_`` where that leaves one class.

    Parameters
    ----------
    set_name : str
    class_names : sequence of str
        One a sample.
    classes : sequence of str
        Names of the logits.
    rename : dict of str, optional
        Names in this set that mean another of the model's, e.g. ``{"t72a64": "t72"}``.

    Returns
    -------
    ndarray of shape (N,), int64

    Raises
    ------
    DataError
        If a name is not one of the model's; names all of them and what they may have meant.

    Examples
    --------
    >>> match_labels("test", ["Fire truck", "cat"], ["cat", "fire_truck"]).tolist()
    [1, 0]
    """
    wanted = dict(rename or {})
    exact = {name: index for index, name in enumerate(classes)}
    plain = Counter(map(_plain, classes))
    loose = {_plain(name): index for index, name in enumerate(classes) if plain[_plain(name)] == 1}
    found: dict[str, int] = {}
    unknown: list[str] = []
    for name in dict.fromkeys(class_names):
        meant = wanted.get(name, name)
        index = exact.get(meant, loose.get(_plain(meant)))
        if index is None:
            unknown.append(name)
        else:
            found[name] = index
    if unknown:
        raise DataError(
            f"{_count(len(unknown), set_name)} not among the model's: {_shorten(unknown)}. "
            f"The model knows {_shorten(classes)}. {_advice(unknown, classes)}"
        )
    return np.array([found[name] for name in class_names], dtype=np.int64)


def suggest(name: str, classes: Sequence[str]) -> str | None:
    """The class that a name most likely means: one that it starts with, or the nearest spelling."""
    prefixes = [c for c in classes if _plain(name).startswith(_plain(c))]
    if prefixes:
        return max(prefixes, key=len)
    near = difflib.get_close_matches(name, classes, 1, cutoff=0.75)
    return near[0] if near else None


def _advice(unknown: Sequence[str], classes: Sequence[str]) -> str:
    pairs = [(name, suggest(name, classes)) for name in unknown]
    if all(meant for _, meant in pairs):
        listed = " ".join(f"--rename {name}={meant}" for name, meant in pairs[:3])
        return f"If they mean the same, say so: {listed}{' …' if len(pairs) > 3 else ''}."
    return 'Rename them, remove them, or give the set the role "ood".'


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c not in " -_")


def _count(number: int, set_name: str) -> str:
    return f'1 class of "{set_name}" is' if number == 1 else f'{number} classes of "{set_name}" are'


def _shorten(names: Sequence[str], limit: int = 12) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
