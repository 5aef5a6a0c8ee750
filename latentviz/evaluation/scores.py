"""OOD scores of a run's image sets: computed once, stored, shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import BLOCK, Latents
from latentviz.progress import Progress, silent
from latentviz.scorers import Needs, Scorer, ScorerInfo, make, scorers
from latentviz.scorers.suite import fit_all, score_all
from latentviz.workspace import ImageSet, Run


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

    def make(self) -> Scorer:
        """The scorer, not fitted."""
        return make(self.name, dict(self.given))


@dataclass(frozen=True)
class FitOn:
    """Which of the samples with the role ``fit`` scorers are fitted on.

    Attributes
    ----------
    per_class : int or None
        At most so many of each class, drawn at random; None for all.
    seed : int
    """

    per_class: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.per_class is None:  # nothing is drawn
            object.__setattr__(self, "seed", 0)


EVERYTHING = FitOn()


@dataclass
class Scores:
    """OOD scores by scorer and image set.

    Attributes
    ----------
    by_scorer : dict of dict of ndarray of shape (N,), float64
        By :attr:`Asked.label`, then by set.
    notes : dict of list of str
        What fitting decided.
    problems : dict of str
        Why a scorer cannot be used.
    """

    by_scorer: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def scores(
    run: Run,
    asked: Sequence[Asked],
    sets: Sequence[str] | None = None,
    fit_on: FitOn = EVERYTHING,
    progress: Progress = silent,
) -> Scores:
    """OOD scores, stored ones or computed and stored.

    Parameters
    ----------
    run : Run
    asked : sequence of Asked
    sets : sequence of str, optional
        All of the run's by default.
    fit_on : FitOn, optional
    progress : Progress, optional
        May raise ``Cancelled``; sets that were finished are kept.

    Returns
    -------
    Scores
        A scorer that cannot be used is among the problems instead.

    Raises
    ------
    DataError, WorkspaceError
        If the run has no set of a name, or the disk is full.
    """
    return _Work(run, fit_on, progress).scores(asked, list(run.sets) if sets is None else list(sets))


def stored_scores(run: Run, asked: Asked, set_name: str, fit_on: FitOn = EVERYTHING) -> np.ndarray | None:
    """Scores (N,) of one set, float64, if they were computed before."""
    key = _Work(run, fit_on, silent).key_of(asked, run[set_name])
    return run.derived.array(key, "scores") if key in run.derived else None


def missing(run: Run, asked: Sequence[Asked], sets: Sequence[str], fit_on: FitOn = EVERYTHING) -> int:
    """How many scores of a scorer and a set are not stored yet."""
    work = _Work(run, fit_on, silent)
    return sum(work.key_of(a, run[name]) not in run.derived for a in asked for name in sets)


def stored_for(run: Run, sets: Sequence[str]) -> list[Asked]:
    """Scorers, fitted on everything, whose scores of all these sets are stored; in the order of the registry."""
    texts = {str(meta.get("asked")) for meta in run.derived.list("scores").values() if meta.get("asked")}
    there = [Asked.read(text) for text in sorted(texts) if text.split(":")[0] in scorers()]
    return [asked for asked in there if not missing(run, [asked], sets)]


def unusable(run: Run) -> dict[str, str]:
    """Why scorers cannot be used with a run, by name; reads no features."""
    fit = [s for s in run if s.role == "fit" and len(s)]
    samples, labelled = sum(map(len, fit)), all((s.labels >= 0).all() for s in fit)
    said = {name: make(name).lacks(samples, labelled, run.head) for name in scorers()}
    return {name: sentence for name, sentence in said.items() if sentence}


def negative_share(run: Run) -> float:
    """Share of the negative values among the features of the run's first filled set; computed once and stored."""
    filled = next((s for s in run if len(s)), None)
    if filled is None:
        return 0.0
    key = run.derived.key("negative", {}, [filled.fingerprint])
    if key not in run.derived:
        count = sum(int((chunk < 0).sum()) for chunk in filled.chunks("features"))
        run.derived.save(key, {}, {"share": count / (len(filled) * run.manifest.width)})
    return run.derived.meta(key)["share"]


def fit_latents(run: Run, fit_on: FitOn = EVERYTHING) -> Latents | None:
    """The samples with the role ``fit``, in memory; None if there are none.

    Parameters
    ----------
    run : Run
    fit_on : FitOn, optional
        A class-balanced part needs labels; samples without one are left out of it.
    """
    parts = [s.latents() for s in run if s.role == "fit" and len(s)]
    if not parts:
        return None
    whole = parts[0]
    if len(parts) > 1:
        labelled = all(part.labels is not None for part in parts)
        whole = Latents(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.labels for part in parts if part.labels is not None]) if labelled else None,
            run.head,
        )
    if fit_on.per_class is None:
        return whole
    labels = np.concatenate([s.labels for s in run if s.role == "fit" and len(s)])
    random, kept = np.random.default_rng(fit_on.seed), []
    for label in range(len(run.classes)):
        own = np.flatnonzero(labels == label)
        kept.append(random.permutation(own)[: fit_on.per_class])
    rows = np.sort(np.concatenate(kept))
    return Latents(whole.features[rows], whole.logits[rows], labels[rows], run.head)


class _Work:
    """One call's way from keys to scores."""

    def __init__(self, run: Run, fit_on: FitOn, progress: Progress) -> None:
        self.run, self.fit_on, self.progress = run, fit_on, progress
        self.fitted_on = [s.fingerprint for s in run if s.role == "fit" and len(s)]

    def key_of(self, asked: Asked, image_set: ImageSet | None) -> str:
        """Key of a fitted scorer, or of its scores of a set."""
        parameters: dict[str, Any] = {"scorer": asked.name, **asked.make().parameters}
        parameters = {key: "inf" if value == np.inf else value for key, value in parameters.items()}
        inputs = []
        if Needs.FIT in asked.info.needs:
            parameters["fit"] = {"per_class": self.fit_on.per_class, "seed": self.fit_on.seed}
            inputs = list(self.fitted_on)
        if image_set is None:
            return self.run.derived.key("scorers", parameters, inputs)
        return self.run.derived.key("scores", parameters, [*inputs, image_set.fingerprint])

    @cached_property
    def latents(self) -> Latents | None:
        self.progress("Reading the training features", 0, 0)
        return fit_latents(self.run, self.fit_on)

    def scores(self, asked: Sequence[Asked], sets: list[str]) -> Scores:
        derived, result = self.run.derived, Scores()
        keys = {(a.label, name): self.key_of(a, self.run[name]) for a in asked for name in sets}
        missing = {key: pair for pair, key in keys.items() if key not in derived}
        wanted = {a.label: a for a in asked if any(label == a.label for label, _ in missing.values())}
        fitted, result.problems = self._fitted(wanted)
        for name in sets:
            here = {label: s for label, s in fitted.items() if keys[label, name] in missing}
            if here:
                found = score_all(here, self._blocks(name), len(self.run[name]), f"Scoring {name}", self.progress)
                for label, values in found.items():
                    learns = Needs.FIT in wanted[label].info.needs
                    meta = {
                        "scorer": label,
                        "asked": wanted[label].text,
                        "set": name,
                        "fit": vars(self.fit_on) if learns else None,
                    }
                    derived.save(keys[label, name], {"scores": values}, meta)
        for a in asked:
            if a.label not in result.problems:
                result.by_scorer[a.label] = {name: derived.array(keys[a.label, name], "scores") for name in sets}
                result.notes[a.label] = self._notes(a)
        return result

    def _fitted(self, wanted: Mapping[str, Asked]) -> tuple[dict[str, Scorer], dict[str, str]]:
        """Scorers as they were stored, or fitted now and stored."""
        ready: dict[str, Scorer] = {}
        fresh: dict[str, Scorer] = {}
        for label, asked in wanted.items():
            scorer, key = asked.make(), self.key_of(asked, None)
            if Needs.FIT in scorer.info.needs and key in self.run.derived:
                ready[label] = self._restored(scorer, key)
            else:
                fresh[label] = scorer
        learning = {label for label, scorer in fresh.items() if Needs.FIT in scorer.info.needs}
        latents = self.latents if learning else None
        problems = {}
        if latents is not None and len(latents) == 0:
            problems = {label: self._without_classes(fresh.pop(label)) for label in learning}
        fitted, others = fit_all(fresh, latents, self.run.head, self.progress)
        problems |= others
        for label, scorer in fitted.items():
            if Needs.FIT in scorer.info.needs:
                self._keep(wanted[label], scorer)
        return ready | fitted, problems

    def _without_classes(self, scorer: Scorer) -> str:
        return (
            f"{scorer.info.title} is to be fitted on {self.fit_on.per_class:,} training samples of each class, but "
            "none of them has a class; fit it on all."
        )

    def _keep(self, asked: Asked, scorer: Scorer) -> None:
        arrays = {k: v for k, v in scorer.fitted.items() if isinstance(v, np.ndarray)}
        numbers = {k: v for k, v in scorer.fitted.items() if k not in arrays}
        meta = {
            "scorer": asked.label,
            "numbers": numbers,
            "arrays": list(arrays),
            "notes": scorer.notes(),
            "samples": 0 if self.latents is None else len(self.latents),
        }
        self.run.derived.save(self.key_of(asked, None), arrays, meta)

    def _restored(self, scorer: Scorer, key: str) -> Scorer:
        derived = self.run.derived
        meta = derived.meta(key)
        fitted = {**meta["numbers"], **{name: derived.array(key, name) for name in meta["arrays"]}}
        return scorer.restore(fitted, self.latents if scorer.keeps_samples else None)

    def _notes(self, asked: Asked) -> list[str]:
        key = self.key_of(asked, None)
        return self.run.derived.meta(key)["notes"] if key in self.run.derived else []

    def _blocks(self, name: str) -> Iterator[Latents]:
        image_set = self.run[name]
        for start in range(0, len(image_set), BLOCK):
            rows = slice(start, start + BLOCK)
            yield Latents(image_set.read("features", rows), image_set.read("logits", rows), None, self.run.head)
