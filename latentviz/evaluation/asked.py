"""Which scorer with which parameters: what people ask for, and what is stored is named after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from latentviz.errors import ScorerError
from latentviz.scorers import Needs, Scorer, ScorerInfo, make, scorers


@dataclass(frozen=True)
class Asked:
    """A scorer with its parameters.

    Attributes
    ----------
    name : str
    given : tuple of (str, object)
        Parameters that are not at their default, by name; see :meth:`of`.
    """

    name: str
    given: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, name: str, parameters: Mapping[str, Any] | None = None) -> Asked:
        """A scorer with checked parameters.

        Returns
        -------
        Asked

        Raises
        ------
        ScorerError
            If there is no such scorer, or a parameter is unknown or out of range.
        """
        made = make(name, parameters)
        defaults = made.info.defaults
        return cls(name, tuple((key, value) for key, value in made.parameters.items() if value != defaults[key]))

    @classmethod
    def read(cls, text: str) -> Asked:
        """What a command line says: ``knn``, ``knn:k=10``, ``ddu:covariance=shared:space=unit``.

        Returns
        -------
        Asked

        Raises
        ------
        ScorerError
            As :meth:`of`, or if the text has another form.

        Examples
        --------
        >>> Asked.read("knn:k=10:normalise=false").label
        'knn(k=10, normalise=False)'
        """
        name, *pairs = text.split(":")
        if name not in scorers():
            return cls.of(name)
        known = {parameter.name: parameter for parameter in scorers()[name].info.parameters}
        given = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                raise ScorerError(f'"{text}" is not of the form NAME:PARAMETER=VALUE.')
            try:
                given[key] = known[key].read(value) if key in known else value
            except ValueError as error:
                raise ScorerError(f"{scorers()[name].info.title}: {key} {error}.") from None
        return cls.of(name, given)

    @property
    def text(self) -> str:
        """What :meth:`read` makes an equal one of.

        Examples
        --------
        >>> Asked.of("knn", {"k": 10, "normalise": False}).text
        'knn:k=10:normalise=False'
        """
        return ":".join([self.name, *(f"{key}={'auto' if value is None else value}" for key, value in self.given)])

    @property
    def label(self) -> str:
        """Its name with the parameters that are not at their default."""
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.given)})" if self.given else self.name

    @property
    def info(self) -> ScorerInfo:
        """The scorer's record."""
        return scorers()[self.name].info

    @property
    def learns(self) -> bool:
        """Whether the scorer is fitted on training samples."""
        return Needs.FIT in self.info.needs

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers besides the last whose states the scorer needs."""
        return self.make().wanted_layers

    @property
    def record(self) -> dict[str, Any]:
        """All that its scores depend on besides the samples, JSON-like; part of keys and of what is stored.

        Parameters are nested, so that none of another package's can be taken for something else.
        """
        parameters = self.make().parameters
        return {
            "scorer": self.name,
            "version": self.info.version,
            "library": library_version(self.info.library),
            "parameters": {key: str(v) if v in (np.inf, -np.inf) else v for key, v in parameters.items()},
        }

    def make(self) -> Scorer:
        """The scorer, not fitted."""
        return make(self.name, dict(self.given))


@cache
def library_version(name: str) -> str:
    """Name and version of the library that a scorer comes from; "" for this one, whose scorers have versions."""
    if name == "latentviz":
        return ""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name
