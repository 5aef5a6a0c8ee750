"""What every scorer has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import BLOCK, Head, Latents
from latentviz.scorers.info import Needs, ScorerInfo
from latentviz.scorers.shared import Given, given


class NotFittedError(ScorerError, AttributeError):
    """A scorer is asked before it has learnt."""


class Scorer(ABC):
    """Says of every sample how far out of distribution it is: larger is farther out.

    A scorer stores its parameters in the constructor, learns in :meth:`_fit` what it keeps in attributes that end
    in ``_`` (arrays and numbers), and answers in :meth:`_score`. Everything else is here.

    Attributes
    ----------
    info : ScorerInfo
        Its record; the names in ``info.parameters`` are the constructor's.
    """

    info: ClassVar[ScorerInfo]
    #: Which features it is given; a parameter of all that use them and have no ``space`` or ``normalise`` of their own.
    features: Given = "usual"
    #: Whether it keeps the training samples themselves, so that :meth:`restore` wants them again.
    keeps_samples: ClassVar[bool] = False

    def fit(self, latents: Latents) -> Self:
        """Learn from in-distribution training samples.

        Parameters
        ----------
        latents : Latents
            Of N samples; with labels and head if ``info.needs`` says so.

        Returns
        -------
        Scorer
            Itself.

        Raises
        ------
        ScorerError
            If something it needs is missing, or there are too few samples.
        """
        if problem := self.problem(latents, latents.head):
            raise ScorerError(problem)
        self.width_, self.classes_ = latents.width, latents.classes
        self._fit(given(latents, self.features))
        return self

    def score(self, latents: Latents) -> np.ndarray:
        """OOD score of samples.

        Parameters
        ----------
        latents : Latents
            Of M samples.

        Returns
        -------
        ndarray of shape (M,), float64
            Larger is more out-of-distribution.

        Raises
        ------
        ScorerError
            If it is not fitted, or on samples of another network.
        """
        needs = self.info.needs
        if Needs.HEAD in needs and latents.head is None:
            raise ScorerError(self._without_head())
        if Needs.FIT in needs and (latents.width, latents.classes) != (self.width_, self.classes_):
            raise ScorerError(
                f"{self.info.title} was fitted on {self.width_} features and {self.classes_} logits; these samples "
                f"have {latents.width} and {latents.classes}."
            )
        if len(latents) <= BLOCK:  # not a slice of it: what it shares with other scorers stays with it
            if not len(latents):
                return np.empty(0)
            return np.asarray(self._score(given(latents, self.features)), dtype=np.float64)
        scores = np.empty(len(latents))
        start = 0
        for block in latents.blocks():
            scores[start : start + len(block)] = self._score(given(block, self.features))
            start += len(block)
        return scores

    def lacks(self, samples: int, labelled: bool, head: Head | None) -> str:
        """A sentence about what is missing for it, or "".

        Parameters
        ----------
        samples : int
            Training samples.
        labelled : bool
            Whether all of them have classes.
        head : Head or None
        """
        needs, title = self.info.needs, self.info.title
        if Needs.HEAD in needs and head is None:
            return self._without_head()
        if Needs.FIT in needs and samples == 0:
            return f'{title} is fitted on training samples; add a set with the role "fit".'
        if Needs.LABELS in needs and not labelled:
            return f"{title} needs the classes of the training samples; some of them have none."
        return ""

    def problem(self, fit: Latents | None, head: Head | None) -> str:
        """A sentence why it cannot be used with these training samples and this head, or ""."""
        if fit is None or len(fit) == 0:
            return self.lacks(0, True, head)
        lacking = self.lacks(len(fit), fit.labels is not None, head)
        return lacking or (self._refuses(fit) if Needs.FIT in self.info.needs else "")

    def _without_head(self) -> str:
        return f"{self.info.title} needs the last linear layer (weight and bias), which this run was imported without."

    def _refuses(self, fit: Latents) -> str:
        """A sentence why these training samples do not do, or ""; for scorers with requirements of their own."""
        return ""

    def _fit(self, latents: Latents) -> None:  # noqa: B027 - not every scorer learns
        """Learn; scorers that need no training samples leave it out."""

    @abstractmethod
    def _score(self, latents: Latents) -> np.ndarray:
        """OOD scores (n,) of one block of samples."""

    @property
    def wanted_layers(self) -> tuple[str, ...]:
        """Layers besides the last whose states it needs in :attr:`Latents.layers`."""
        return ()

    @property
    def parameters(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {parameter.name: getattr(self, parameter.name) for parameter in self.info.parameters}

    @property
    def fitted(self) -> dict[str, Any]:
        """What it has learnt: arrays and numbers by name; enough for :meth:`restore`."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, fitted: dict[str, Any], latents: Latents | None = None) -> Self:
        """Take over what an equal scorer has learnt; one that keeps the training samples wants them too."""
        for name, value in fitted.items():
            setattr(self, name, value)
        return self

    def notes(self) -> list[str]:
        """Sentences about what fitting decided, for people: an ε, a temperature."""
        return []

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_"):
            raise NotFittedError(f"{self.info.title} is not fitted; call fit(latents) with training samples first.")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.parameters.items())})"
