"""All corruptions by name; the docs, the app, the command line and the tests read this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np

from latentviz.datasets.corruptions.constants import Strengths
from latentviz.errors import DataError

Kind = Literal["common", "sar"]
Family = Literal["noise", "blur", "weather", "digital", "scene"]

#: In which the list shows them.
KINDS: tuple[Kind, ...] = ("common", "sar")
FAMILIES: tuple[Family, ...] = ("noise", "blur", "weather", "digital", "scene")

#: What runs a corruption: ``(pixels, random, *constants of the severity)`` to an array of the pixels' shape, float.
#: ``pixels`` is (H, W, channels) float64 from 0 to 1 with 1 or 3 channels, or of kind "sar" (H, W) float64 magnitudes;
#: it is not changed. ``random`` is a generator. The result may leave the range: ``corrupt`` clips and converts it.
Function = Callable[..., np.ndarray]

#: Of all common corruptions.
HENDRYCKS = "Hendrycks and Dietterich 2019, arXiv 1903.12261"


@dataclass(frozen=True)
class Corruption:
    """A corruption's record.

    Attributes
    ----------
    name : str
        "gaussian_noise"; what :func:`~latentviz.datasets.corruptions.corrupt` is given.
    title : str
    kind : {"common", "sar"}
        For photographs, or for magnitude images of a radar.
    family : {"noise", "blur", "weather", "digital", "scene"}
        The published grouping of the common ones.
    min_side : int
        Smallest height and width in pixels.
    seeded : bool
        It uses random numbers.
    source : str
        Where it was published, or that it is ours.
    held_out : bool
        One of the four that the benchmark keeps for validation: they do not count in its mean over fifteen.
    """

    name: str
    title: str
    kind: Kind
    family: Family
    min_side: int
    seeded: bool
    source: str
    held_out: bool = False


@dataclass(frozen=True)
class Registered:
    """A record with what runs it."""

    record: Corruption
    function: Function
    strengths: Strengths


_known: dict[str, Registered] = {}


def register(
    title: str,
    family: Family,
    strengths: Strengths,
    *,
    kind: Kind = "common",
    min_side: int = 1,
    seeded: bool = True,
    source: str = HENDRYCKS,
    held_out: bool = False,
) -> Callable[[Function], Function]:
    """Decorator that adds a function to the list, under the function's name.

    Parameters
    ----------
    title : str
    family : str
    strengths : Strengths
        The constants of each severity; they become the function's arguments after pixels and generator.
    kind, min_side, seeded, source, held_out
        See :class:`Corruption`.

    Raises
    ------
    DataError
        If another function has its name.
    """

    def add(function: Function) -> Function:
        name = function.__name__
        known = _known.get(name)
        if known and known.function.__module__ != function.__module__:  # equal if loaded again
            raise DataError(
                f'Two corruptions are called "{name}", of {known.function.__module__} and {function.__module__}. '
                "Give one of them another name."
            )
        record = Corruption(name, title, kind, family, min_side, seeded, source, held_out)
        _known[name] = Registered(record, function, strengths)
        return function

    return add


def corruptions(kind: str | None = None) -> dict[str, Corruption]:
    """Every corruption's record by name: the common ones, then those of radars, by family.

    Parameters
    ----------
    kind : {"common", "sar"}, optional
        Only these.

    Raises
    ------
    DataError
        If there is no such kind.

    Examples
    --------
    >>> list(corruptions("common"))[:4]
    ['gaussian_noise', 'shot_noise', 'impulse_noise', 'speckle_noise']
    """
    if kind is not None and kind not in KINDS:
        raise DataError(f'There is no kind of corruption "{kind}"; there are {" and ".join(KINDS)}.')
    records = [known.record for known in _known.values() if kind in (None, known.record.kind)]
    records.sort(key=lambda record: (KINDS.index(record.kind), FAMILIES.index(record.family)))
    return {record.name: record for record in records}


def find(name: str) -> Registered:
    """The corruption of this name.

    Raises
    ------
    DataError
        If there is none; suggests the nearest.
    """
    if name in _known:
        return _known[name]
    near = get_close_matches(name, _known, n=1, cutoff=0.5)
    rest = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(corruptions())}."
    raise DataError(f'There is no corruption "{name}"; {rest}')
