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
from latentviz.scorers.coverage import without_states
from latentviz.scorers.suite import fit_all, score_all
from latentviz.workspace import ImageSet, Run
from latentviz.workspace.layers import stored_layers


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
        image_set = self.run[set_name]
        return self._key(kind, asked, [self._content(image_set), *self._layer_contents(asked, image_set)])

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
    def _read(self) -> dict[tuple[str, ...], Latents | None]:
        return {}

    def _latents(self, layers: tuple[str, ...] = ()) -> Latents | None:
        """The training samples with the states of layers, read once."""
        if layers not in self._read:
            self.progress("Reading the training features", 0, 0)
            self._read[layers] = fit_latents(self.run, self.fit_on, layers)
        return self._read[layers]

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

    def _layer_contents(self, asked: Asked, image_set: ImageSet) -> list[str]:
        """Fingerprints of the states that a scorer needs; "" of those that are not there."""
        if not asked.layers:
            return []
        there = stored_layers(image_set)
        return [there[layer].fingerprint if layer in there else "" for layer in asked.layers]

    def _key(self, kind: str, asked: Asked, inputs: Sequence[str] = ()) -> str:
        part = None
        if asked.learns:
            part = dict(vars(self.fit_on))
            sets = [s for s in self.run if s.role == "fit" and len(s)]
            states = [content for s in sets for content in self._layer_contents(asked, s)]
            inputs = [*map(self._content, sets), *states, *inputs]
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
        lacking = lacking or self._lacks_states(asked, [self.run[name] for name in on.sets])
        if lacking or not nothing_drawn:
            return lacking
        return (
            f"{asked.info.title} is to be fitted on {self.fit_on.per_class:,} training samples of each class, but "
            "none of them has a class; fit it on all."
        )

    def _lacks_states(self, asked: Asked, sets: Sequence[ImageSet]) -> str:
        """Which states of layers are not stored, or ""."""
        for image_set in sets if asked.layers else ():
            there = list(stored_layers(image_set))
            if absent := [layer for layer in asked.layers if layer not in there]:
                return without_states(absent[0], there, image_set.name)
        return ""

    def _fitted(self, wanted: Mapping[str, Asked]) -> tuple[dict[str, Scorer], dict[str, str]]:
        """Scorers as they were stored, or fitted now and each stored at once; and why others cannot be."""
        ready: dict[str, Scorer] = {}
        fresh: dict[str, Scorer] = {}
        for label, asked in wanted.items():
            if self._is_fitted(asked):
                ready[label] = self._restored(asked)
            else:
                fresh[label] = asked.make()
        fitted: dict[str, Scorer] = {}
        problems: dict[str, str] = {}
        for layers in dict.fromkeys(wanted[label].layers for label in fresh):  # mostly none at all
            group = {label: scorer for label, scorer in fresh.items() if wanted[label].layers == layers}
            latents = self._latents(layers) if any(wanted[label].learns for label in group) else None
            ended, failed = fit_all(
                group, latents, self.run.head, self.progress, lambda label, scorer: self._keep(wanted[label], scorer)
            )
            fitted |= ended
            problems |= failed
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
        return scorer.restore(fitted, self._latents() if scorer.keeps_samples else None)

    def _score(self, name: str, here: Mapping[str, Scorer], wanted: Mapping[str, Asked]) -> dict[str, str]:
        """Score a set and store it; returns why some scorers could not."""
        image_set = self.run[name]
        refused = {label: self._lacks_states(wanted[label], [image_set]) for label in here}
        here = {label: scorer for label, scorer in here.items() if not refused[label]}
        layers = dict.fromkeys(layer for label in here for layer in wanted[label].layers)
        blocks = self._blocks(image_set, list(layers))
        found, problems = score_all(here, blocks, len(image_set), f"Scoring {name}", self.progress)
        for label, values in found.items():
            meta = {**self.record(wanted[label]), "set": name}
            self.run.derived.save(self.key(wanted[label], name), {"scores": values}, meta)
        problems = {label: f'On "{name}": {sentence}' for label, sentence in problems.items()}
        problems |= {label: sentence for label, sentence in refused.items() if sentence}
        for label, sentence in problems.items():
            self._keep_problem(wanted[label], self.key(wanted[label], name, "problems"), sentence, set=name)
        return problems

    def _blocks(self, image_set: ImageSet, layers: Sequence[str]) -> Iterator[Latents]:
        stored = stored_layers(image_set) if layers else {}
        for start in range(0, len(image_set), BLOCK):
            rows = slice(start, start + BLOCK)
            states = {layer: stored[layer].read(rows) for layer in layers}
            features, logits = image_set.read("features", rows), image_set.read("logits", rows)
            yield Latents(features, logits, None, self.run.head, states)
