"""One call's way from keys to scores: what is stored, what is refused, what is to be computed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from latentviz.evaluation.asked import Asked
from latentviz.evaluation.fitting import FitOn, Fitted, fit_latents
from latentviz.latents import BLOCK, Latents
from latentviz.progress import Progress, silent
from latentviz.scorers import Scorer
from latentviz.scorers.suite import fit_all, score_all
from latentviz.workspace import ImageSet, Run


class Work:
    """A run's scores with scorers fitted on a part of its training samples: keys, refusals, computing, storing.

    Parameters
    ----------
    run : Run
    fit_on : FitOn
    progress : Progress, optional
    """

    def __init__(self, run: Run, fit_on: FitOn, progress: Progress = silent) -> None:
        self.run, self.fit_on, self.progress = run, fit_on, progress
        self._contents: dict[str, str] = {}

    def key(self, asked: Asked, set_name: str, kind: str = "scores") -> str:
        """Key of a scorer's scores of a set, or of why there are none.

        Raises
        ------
        WorkspaceError
            If the run has no set of that name.
        """
        return self._key(kind, asked, [self._content(self.run[set_name])])

    def absent(self, asked: Asked, sets: Sequence[str]) -> list[str]:
        """Sets whose scores are neither stored nor known to be impossible."""
        absent = self._unscored(asked, sets)
        if not absent or self.refusal(asked):
            return []
        return [name for name in absent if self.key(asked, name, "problems") not in self.run.derived]

    def refusal(self, asked: Asked) -> str:
        """Why a scorer cannot be fitted, as far as it is known without reading features, or ""."""
        return self._lacks(asked) or self._told(self._key("problems", asked))

    def problem(self, asked: Asked, sets: Sequence[str]) -> str:
        """Why there are no scores of a scorer, as far as it is known, or ""."""
        absent = self._unscored(asked, sets)
        if not absent:
            return ""
        told = (self._told(self.key(asked, name, "problems")) for name in absent)
        return self.refusal(asked) or next((sentence for sentence in told if sentence), "")

    def notes(self, asked: Asked) -> list[str]:
        """What fitting decided."""
        return self.run.derived.meta(self._key("scorers", asked))["notes"] if self._is_fitted(asked) else []

    def record(self, asked: Asked) -> dict[str, Any]:
        """What every result says about how it was made."""
        fit = self.fitted_on.record if asked.learns else None
        return {**asked.record, "scorer": asked.label, "asked": asked.text, "fit": fit}

    def compute(self, asked: Sequence[Asked], sets: Sequence[str], again: bool = False) -> dict[str, str]:
        """Fit and score what is not stored; returns why scorers cannot be used, by label."""
        if again:
            self._forget_problems(asked, sets)
        todo = {a.label: self.absent(a, sets) for a in asked}
        wanted = {a.label: a for a in asked if todo[a.label]}
        fitted, problems = self._fitted(wanted)
        for name in sets:
            here = {label: scorer for label, scorer in fitted.items() if name in todo[label]}
            if here:
                problems = self._score(name, here, wanted) | problems
        return {a.label: said for a in asked if (said := problems.get(a.label) or self.problem(a, sets))}

    @cached_property
    def fitted_on(self) -> Fitted:
        """The training samples, in numbers."""
        return Fitted.of(self.run, self.fit_on)

    @cached_property
    def _latents(self) -> Latents | None:
        self.progress("Reading the training features", 0, 0)
        return fit_latents(self.run, self.fit_on)

    def _unscored(self, asked: Asked, sets: Sequence[str]) -> list[str]:
        return [name for name in sets if self.key(asked, name) not in self.run.derived]

    def _forget_problems(self, asked: Sequence[Asked], sets: Sequence[str]) -> None:
        for a in asked:
            for key in (self._key("problems", a), *(self.key(a, name, "problems") for name in sets)):
                shutil.rmtree(self.run.derived.folder / key, ignore_errors=True)

    def _content(self, image_set: ImageSet) -> str:
        """A set's fingerprint, made once: it takes a while of a large set."""
        if image_set.name not in self._contents:
            self._contents[image_set.name] = image_set.fingerprint
        return self._contents[image_set.name]

    def _key(self, kind: str, asked: Asked, inputs: Sequence[str] = ()) -> str:
        part = None
        if asked.learns:
            part = dict(vars(self.fit_on))
            inputs = [*(self._content(s) for s in self.run if s.role == "fit" and len(s)), *inputs]
        return self.run.derived.key(kind, {**asked.record, "fit": part}, list(inputs))

    def _is_fitted(self, asked: Asked) -> bool:
        return self._key("scorers", asked) in self.run.derived

    def _told(self, key: str) -> str:
        return self.run.derived.meta(key)["problem"] if key in self.run.derived else ""

    def _lacks(self, asked: Asked) -> str:
        """What the run lacks for a scorer, or ""."""
        scorer, on = asked.make(), self.fitted_on
        nothing_drawn = asked.learns and bool(on.sets) and on.samples == 0
        lacking = scorer.lacks(1 if nothing_drawn else on.samples, on.labelled, self.run.head)
        if lacking or not nothing_drawn:
            return lacking
        return (
            f"{asked.info.title} is to be fitted on {self.fit_on.per_class:,} training samples of each class, but "
            "none of them has a class; fit it on all."
        )

    def _fitted(self, wanted: Mapping[str, Asked]) -> tuple[dict[str, Scorer], dict[str, str]]:
        """Scorers as they were stored, or fitted now and each stored at once; and why others cannot be."""
        ready: dict[str, Scorer] = {}
        fresh: dict[str, Scorer] = {}
        for label, asked in wanted.items():
            if self._is_fitted(asked):
                ready[label] = self._restored(asked)
            else:
                fresh[label] = asked.make()
        latents = self._latents if any(wanted[label].learns for label in fresh) else None
        fitted, problems = fit_all(
            fresh, latents, self.run.head, self.progress, lambda label, scorer: self._keep(wanted[label], scorer)
        )
        for label, sentence in problems.items():
            self._keep_problem(wanted[label], self._key("problems", wanted[label]), sentence)
        return ready | fitted, problems

    def _keep(self, asked: Asked, scorer: Scorer) -> None:
        """Store a fitted scorer, if it learns and what it has learnt can be stored."""
        arrays = {k: v for k, v in scorer.fitted.items() if isinstance(v, np.ndarray)}
        numbers = {k: v.item() if isinstance(v, np.generic) else v for k, v in scorer.fitted.items() if k not in arrays}
        try:
            json.dumps(numbers)
        except (TypeError, ValueError):
            return
        if not asked.learns or any(values.dtype.kind not in "biuf" for values in arrays.values()):
            return
        meta = {**self.record(asked), "numbers": numbers, "arrays": list(arrays), "notes": scorer.notes()}
        self.run.derived.save(self._key("scorers", asked), arrays, meta)

    def _keep_problem(self, asked: Asked, key: str, sentence: str, **more: Any) -> None:
        self.run.derived.save(key, {}, {**self.record(asked), **more, "problem": sentence})

    def _restored(self, asked: Asked) -> Scorer:
        derived, scorer, key = self.run.derived, asked.make(), self._key("scorers", asked)
        meta = derived.meta(key)
        fitted = {**meta["numbers"], **{name: derived.array(key, name) for name in meta["arrays"]}}
        return scorer.restore(fitted, self._latents if scorer.keeps_samples else None)

    def _score(self, name: str, here: Mapping[str, Scorer], wanted: Mapping[str, Asked]) -> dict[str, str]:
        """Score a set and store it; returns why some scorers could not."""
        blocks, total = self._blocks(name), len(self.run[name])
        found, problems = score_all(here, blocks, total, f"Scoring {name}", self.progress)
        for label, values in found.items():
            meta = {**self.record(wanted[label]), "set": name}
            self.run.derived.save(self.key(wanted[label], name), {"scores": values}, meta)
        problems = {label: f'On "{name}": {sentence}' for label, sentence in problems.items()}
        for label, sentence in problems.items():
            self._keep_problem(wanted[label], self.key(wanted[label], name, "problems"), sentence, set=name)
        return problems

    def _blocks(self, name: str) -> Iterator[Latents]:
        image_set = self.run[name]
        for start in range(0, len(image_set), BLOCK):
            rows = slice(start, start + BLOCK)
            yield Latents(image_set.read("features", rows), image_set.read("logits", rows), None, self.run.head)
