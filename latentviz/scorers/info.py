"""What is known about a scorer without running it: the docs, the app and the command line are built from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Any

from latentviz.errors import ScorerError


class Family(Enum):
    """What kind of evidence a score is made of; the values are titles."""

    LOGITS = "Logits"
    FEATURES = "Features"
    SHAPING = "Shaped activations"
    DENSITY = "Distances and densities"
    NEIGHBOURS = "Neighbours"


class Needs(Flag):
    """What a scorer must be given."""

    FEATURES = auto()
    LOGITS = auto()
    #: The last linear layer.
    HEAD = auto()
    #: A set to be fitted on.
    FIT = auto()
    #: Class labels of that set.
    LABELS = auto()


@dataclass(frozen=True)
class Paper:
    """Where a scorer was published."""

    title: str
    venue: str
    year: int
    link: str


@dataclass(frozen=True)
class Number:
    """A parameter that is a number.

    Attributes
    ----------
    name : str
        Of the constructor's argument.
    default, low, high : float
    whole : bool
        Only integers.
    logarithmic : bool
        A slider should move through it in factors.
    help : str
    optional : bool
        None is allowed and means what ``help`` says.
    """

    name: str
    default: float | None
    low: float
    high: float
    whole: bool = False
    logarithmic: bool = False
    help: str = ""
    optional: bool = False

    def checked(self, value: Any) -> Any:
        """The value as the constructor wants it; raises ``ValueError`` with a sentence."""
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"is {value!r}; expected a number")
        if not self.low <= value <= self.high:
            raise ValueError(f"is {value:g}; expected {self.low:g} to {self.high:g}")
        if self.whole and value != int(value):
            raise ValueError(f"is {value:g}; expected a whole number")
        return int(value) if self.whole else float(value)

    def read(self, text: str) -> Any:
        """The value in a command line."""
        if self.optional and text == "auto":
            return None
        try:
            return float(text)
        except ValueError:
            raise ValueError(f'is "{text}"; expected a number') from None


@dataclass(frozen=True)
class Choice:
    """A parameter that is one of a few values.

    Attributes
    ----------
    name : str
    default : object
    options : tuple
    help : str
    """

    name: str
    default: Any
    options: tuple[Any, ...]
    help: str = ""

    def checked(self, value: Any) -> Any:
        """The value, if it is one of the options; raises ``ValueError`` with a sentence."""
        if value not in self.options:
            raise ValueError(f"is {value!r}; choose {', '.join(map(str, self.options))}")
        return next(option for option in self.options if option == value)

    def read(self, text: str) -> Any:
        """The option that a command line names."""
        return next((option for option in self.options if str(option).lower() == text.lower()), text)


Parameter = Number | Choice


@dataclass(frozen=True)
class ScorerInfo:
    """A scorer's record.

    Attributes
    ----------
    name : str
        In lower case with hyphens; what the command line calls it.
    title : str
    family : Family
    formula : str
        The OOD score in one line of LaTeX.
    needs : Needs
    paper : Paper or None
        None for a definition of this project.
    parameters : tuple of Number and Choice
        With the names and defaults of the constructor's arguments.
    rectified : bool
        It assumes features of a ReLU, ``z ≥ 0``.
    library : str
        Whose implementation runs: "latentviz" or "pytorch-ood".
    """

    name: str
    title: str
    family: Family
    formula: str
    needs: Needs
    paper: Paper | None = None
    parameters: tuple[Parameter, ...] = ()
    rectified: bool = False
    library: str = "latentviz"

    @property
    def defaults(self) -> dict[str, Any]:
        """Every parameter's default."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """All parameters: the given ones checked, the others by default.

        Raises
        ------
        ScorerError
            If a parameter is unknown or out of range; names it.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                has = f"it has {_listed(known)}" if known else "it has none"
                raise ScorerError(f'{self.title} has no parameter "{name}"; {has}.')
        try:
            return {n: p.checked(given[n]) if n in given else p.default for n, p in known.items()}
        except ValueError as error:
            wrong = next(n for n, p in known.items() if n in given and _refused(p, given[n]))
            raise ScorerError(f"{self.title}: {wrong} {error}.") from None


def _refused(parameter: Parameter, value: Any) -> bool:
    try:
        parameter.checked(value)
    except ValueError:
        return True
    return False


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
