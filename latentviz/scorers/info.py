"""What is known about a scorer without running it: the docs, the app and the command line are built from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, Flag, auto
from numbers import Integral, Real
from typing import Any

from latentviz.errors import ScorerError


class Family(Enum):
    """What kind of evidence a score is made of; the values are titles."""

    LOGITS = "Logits"
    FEATURES = "Features"
    SHAPING = "Shaped activations"
    DENSITY = "Distances and densities"
    NEIGHBOURS = "Neighbours"
    COVERAGE = "Neuron coverage"


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
    multiple_of : int
        Only its multiples, of a whole number.
    title : str
        What people call it, if that is not its name.
    """

    name: str
    default: float | None
    low: float
    high: float
    whole: bool = False
    logarithmic: bool = False
    help: str = ""
    optional: bool = False
    multiple_of: int = 1
    title: str = ""

    def checked(self, value: Any) -> Any:
        """The value as the constructor wants it, an ``int`` or a ``float``; raises ``ValueError`` with a sentence.

        NumPy's numbers are numbers, too.
        """
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ValueError(f"is {value!r}; expected a number")
        value = int(value) if isinstance(value, Integral) else float(value)
        if not self.low <= value <= self.high:
            raise ValueError(f"is {value:g}; expected {self.low:g} to {self.high:g}")
        if self.whole and value != int(value):
            raise ValueError(f"is {value:g}; expected a whole number")
        if self.whole and value % self.multiple_of:
            of = "an even number" if self.multiple_of == 2 else f"a multiple of {self.multiple_of}"
            raise ValueError(f"is {value:g}; expected {of}")
        return int(value) if self.whole else float(value)

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return f"{self.low:.10g} to {self.high:.10g}{', even' if self.multiple_of == 2 else ''}"

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

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return " or ".join(map(str, self.options))

    def read(self, text: str) -> Any:
        """The option that a command line names."""
        return next((option for option in self.options if str(option).lower() == text.lower()), text)


@dataclass(frozen=True)
class Names:
    """A parameter that is one or several names; its value is a text with ``+`` between them.

    Attributes
    ----------
    name : str
    default : str
    help : str
    """

    name: str
    default: str
    help: str = ""

    def checked(self, value: Any) -> str:
        """The names, each without spaces around it; raises ``ValueError`` with a sentence."""
        if not isinstance(value, str):
            raise ValueError(f"is {value!r}; expected names with + between them")
        names = [name.strip() for name in value.split("+")]
        if not all(re.fullmatch(r"[\w.\-]+", name) for name in names):
            raise ValueError(f'is "{value}"; expected names with + between them, such as {self.default}')
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f'names "{min(twice)}" twice')
        return "+".join(names)

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return "names with + between them"

    def read(self, text: str) -> str:
        """The names in a command line."""
        return text


Parameter = Number | Choice | Names


#: Which features a scorer is given that has no choice of its own.
FEATURES = Choice(
    "features",
    "usual",
    ("usual", "raw", "unit"),
    help="usual: as the scorer is defined, for an L2 head mostly z / ‖z‖; raw: z all the same; unit: z / ‖z‖.",
)


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
    parameters : tuple of Number, Choice and Names
        With the names and defaults of the constructor's arguments.
    rectified : bool
        It assumes features of a ReLU, ``z ≥ 0``.
    library : str
        Whose implementation runs: "latentviz" or "pytorch-ood".
    warnings : tuple of str
        Sentences about when not to trust it.
    version : int
        Part of the key of stored scores: raise it when a change alters them.
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
    warnings: tuple[str, ...] = ()
    version: int = 1

    @property
    def defaults(self) -> dict[str, Any]:
        """Every parameter's default."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    @property
    def with_features(self) -> ScorerInfo:
        """With the parameter :data:`FEATURES`, if it uses features and has no choice of its own."""
        chooses = {"space", "normalise", "features"} & set(self.defaults)
        if Needs.FEATURES not in self.needs or chooses:
            return self
        return replace(self, parameters=(*self.parameters, FEATURES))

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
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise ScorerError(f'{self.title} has no parameter "{name}"; {has}.')
        values = self.defaults
        for name, value in given.items():
            try:
                values[name] = known[name].checked(value)
            except ValueError as error:
                raise ScorerError(f"{self.title}: {name} {error}.") from None
        return values
