"""Neuron coverage taken apart: by set, neuron, layer and size of the profile; and the check that it has to pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.intervals import delong
from latentviz.latents import BLOCK, Latents
from latentviz.progress import Progress, silent
from latentviz.scorers.coverage import PRESETS, NeuronCoverage
from latentviz.scorers.coverage_states import LAST, balanced, squashed
from latentviz.workspace import ImageSet, Run
from latentviz.workspace.layers import stored_layers

#: What of a neuron can be looked at, and how people read it.
QUANTITIES = {"state": "ẑ", "product": "z ⊙ g", "activation": "z", "gradient": "g"}

#: Samples of a set that are looked at; more change no figure, and would not follow the hand.
LIMIT = 10_000

#: AUROC of held-out in-distribution samples against training images outside of these is a failed check.
NEAR_HALF = (0.45, 0.55)

#: Images of the smallest profile that the scorer takes.
_FEWEST = 10

#: Layers of which all combinations are tried.
_COMBINED = 4

#: Sizes of profiles that are compared, besides the chosen one and all.
SIZES = (50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Memorisation:
    """Whether training images that the profile has not seen look more usual than held-out ones.

    Attributes
    ----------
    auroc, low, high : float
        Of telling held-out from training images, with DeLong's 95 % interval; above a half the training images are
        better covered.
    held_back, held_out : int
        Training images outside the profile, and held-out in-distribution images.
    halved : bool
        The profile in use holds all training images; the check is of one that holds half of them.
    """

    auroc: float
    low: float
    high: float
    held_back: int
    held_out: int
    halved: bool = False

    @property
    def is_near_half(self) -> bool:
        """Whether AUROC is where it must be."""
        return NEAR_HALF[0] <= self.auroc <= NEAR_HALF[1]

    @property
    def fails(self) -> bool:
        """Whether the two are told apart: AUROC is not near a half, and the interval leaves out a half."""
        return not self.is_near_half and not self.low <= 0.5 <= self.high


def layers_of(run: Run, sets: Sequence[str]) -> list[str]:
    """Layers of which there are states of all training samples and of these sets; the last one always."""
    wanted = [*(s.name for s in run if s.role == "fit" and len(s)), *sets]
    stored = [set(stored_layers(run[name])) for name in wanted]
    return [LAST, *sorted(set.intersection(*stored), reverse=True)] if stored else [LAST]


class Explorer:
    """The states of a run's neurons on some sets, in memory, so that questions about them are answered at once.

    Parameters
    ----------
    run : Run
        With a head, and labelled training samples.
    ind : str
        The in-distribution set.
    sets : sequence of str
        That are told from it.
    layers : sequence of str
        "last", and stored ones.

    Raises
    ------
    DataError
        If the run has no head, no labelled training samples, or a set is empty.
    """

    def __init__(self, run: Run, ind: str, sets: Sequence[str], layers: Sequence[str] = (LAST,)) -> None:
        if run.head is None:
            raise DataError(
                f'"{run.name}" was imported without its last linear layer; coverage needs the gradient at it.'
            )
        self.run, self.ind, self.layers = run, ind, tuple(layers)
        self.sets = tuple(name for name in dict.fromkeys(sets) if name != ind)
        fit = [s for s in run if s.role == "fit" and len(s)]
        if not any(s.labelled for s in fit):
            raise DataError("Coverage is counted on training samples with classes; add a labelled set of role fit.")
        for name in (ind, *self.sets):
            if not len(run[name]):
                raise DataError(f'"{name}" holds no samples.')
        self._blocks = {name: list(self._read(run[name], self.rows(name))) for name in (ind, *self.sets)}
        self.training = self._training(fit)

    def rows(self, name: str) -> np.ndarray:
        """Which samples of a set are looked at: all, or evenly spread ones."""
        count = len(self.run[name])
        return np.unique(np.linspace(0, count - 1, min(count, LIMIT)).astype(int))

    def _training(self, sets: Sequence[ImageSet]) -> Latents:
        """Training samples with classes, class-balanced where there are more than can be looked at."""
        labels = np.concatenate([s.labels for s in sets])
        kept, start, parts = balanced(labels, len(self.run.classes), LIMIT, 0), 0, []
        for s in sets:
            rows = kept[(kept >= start) & (kept < start + len(s))] - start
            parts += list(self._read(s, rows))
            start += len(s)
        states = {
            layer: tuple(np.concatenate([part.layers[layer][i] for part in parts]) for i in range(2))
            for layer in self.layers
            if layer != LAST
        }
        features, logits = (np.concatenate([getattr(p, what) for p in parts]) for what in ("features", "logits"))
        return Latents(features, logits, labels[kept], self.run.head, states)  # type: ignore[arg-type]

    def _read(self, image_set: ImageSet, rows: np.ndarray) -> Iterator[Latents]:
        """Blocks, each of which keeps what is computed of it."""
        stored = stored_layers(image_set)
        whole = len(rows) == len(image_set)
        for start in range(0, len(rows), BLOCK):
            # Slices are read quicker than chosen rows.
            part = slice(start, min(start + BLOCK, len(rows))) if whole else rows[start : start + BLOCK]
            states = {layer: stored[layer].read(part) for layer in self.layers if layer != LAST}
            features, logits = image_set.read("features", part), image_set.read("logits", part)
            yield Latents(features, logits, None, self.run.head, states)

    @property
    def size(self) -> int:
        """Training images that a profile can be drawn from."""
        return len(self.training)

    def fitted(self, asked: Asked) -> NeuronCoverage:
        """The scorer NAC-UE with a profile of these training images.

        Raises
        ------
        ScorerError
            If it has parameters that do not fit the run.
        """
        made = asked.make()
        assert isinstance(made, NeuronCoverage)
        return made.fit(self.training)

    def profile_rows(self, scorer: NeuronCoverage) -> np.ndarray:
        """Which of the training images are its profile."""
        assert self.training.labels is not None
        return balanced(self.training.labels, self.training.classes, scorer.samples, scorer.seed)

    def held_back(self, scorer: NeuronCoverage) -> Latents | None:
        """Training images that are not in the profile; None if there are none."""
        rows = np.setdiff1d(np.arange(self.size), self.profile_rows(scorer))
        if len(rows) == 0:
            return None
        return self.training[rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), 2 * BLOCK)).astype(int))]]

    def scores(self, scorer: NeuronCoverage, name: str) -> np.ndarray:
        """OOD scores (n,) of a set's samples :meth:`rows`."""
        return np.concatenate([scorer.score(block) for block in self._blocks[name]])

    def detection(self, scorer: NeuronCoverage) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
        """AUROC of every set against the in-distribution one, and the scores by set.

        Returns
        -------
        DataFrame
            ``set``, ``auroc``, ``low``, ``high`` (DeLong's 95 % interval), ``samples``.
        dict of ndarray
        """
        found = {name: self.scores(scorer, name) for name in (self.ind, *self.sets)}
        rows = [(name, *delong(found[self.ind], found[name]), len(found[name])) for name in self.sets]
        return pd.DataFrame(rows, columns=["set", "auroc", "low", "high", "samples"]), found

    def memorisation(self, scorer: NeuronCoverage, ind: np.ndarray | None = None) -> Memorisation | None:
        """The check that training images outside the profile do not look more usual than held-out ones.

        If the profile holds all of them, of a profile of half; None if that cannot hold one of each class.
        """
        held_back, halved = self.held_back(scorer), False
        if held_back is None:
            half = self.size // 2
            if half < max(self.training.classes, _FEWEST):
                return None
            scorer, ind, halved = self.fitted(Asked.of("nac-ue", {**scorer.parameters, "samples": half})), None, True
            held_back = self.held_back(scorer)
            assert held_back is not None
        out = self.scores(scorer, self.ind) if ind is None else ind
        return Memorisation(*delong(scorer.score(held_back), out), len(held_back), len(out), halved)

    def over_sizes(self, asked: Asked, progress: Progress = silent) -> pd.DataFrame:
        """:meth:`detection` with profiles of several sizes; ``samples`` is the profile's, ``check`` the memorisation's.

        Returns
        -------
        DataFrame
            ``samples``, ``set``, ``auroc``, ``low``, ``high``; the memorisation check is the set "" .
        """
        chosen = dict(asked.given).get("samples", asked.info.defaults["samples"])
        least = self.training.classes
        sizes = sorted({n for n in (*SIZES, chosen, self.size) if least <= n <= self.size} or {self.size})
        rows = []
        for number, size in enumerate(sizes):
            progress("Profiles", number, len(sizes), "sizes")
            scorer = self.fitted(Asked.of(asked.name, {**dict(asked.given), "samples": max(size, _FEWEST)}))
            table, found = self.detection(scorer)
            rows += [(size, r.set, r.auroc, r.low, r.high) for r in table.itertuples()]
            check = self.memorisation(scorer, found[self.ind])
            if check is not None and not check.halved:
                rows.append((size, "", check.auroc, check.low, check.high))
        return pd.DataFrame(rows, columns=["samples", "set", "auroc", "low", "high"])

    def over_layers(self, asked: Asked, progress: Progress = silent) -> pd.DataFrame:
        """:meth:`detection` of every layer and of combinations: all of up to four, else pairs and all together.

        Layers of which a preset says nothing are left out.

        Returns
        -------
        DataFrame
            ``layers`` (with + between them), ``set``, ``auroc``, ``low``, ``high``; the check is the set "".
        """
        single: dict[str, tuple[dict[str, np.ndarray], np.ndarray | None]] = {}
        known = [layer for layer in self.layers if _is_set(asked, layer)]
        for number, layer in enumerate(known):
            progress("Layers", number, len(known), "layers")
            scorer = self.fitted(Asked.of(asked.name, {**dict(asked.given), "layers": layer}))
            held_back = self.held_back(scorer)
            single[layer] = self.detection(scorer)[1], None if held_back is None else scorer.score(held_back)
        rows = []
        for some in _combinations(known):
            mean = {
                name: np.mean([single[layer][0][name] for layer in some], axis=0) for name in (self.ind, *self.sets)
            }
            rows += [("+".join(some), name, *delong(mean[self.ind], mean[name])) for name in self.sets]
            held = [of for layer in some if (of := single[layer][1]) is not None]
            if held:
                rows.append(("+".join(some), "", *delong(np.mean(held, axis=0), mean[self.ind])))
        return pd.DataFrame(rows, columns=["layers", "set", "auroc", "low", "high"])

    def neurons(self, scorer: NeuronCoverage, layer: str, ood: str) -> pd.DataFrame:
        """What every neuron of a layer says.

        Returns
        -------
        DataFrame
            ``neuron``, ``ind``, ``ood`` (mean coverage of the two sets), ``separation`` (their difference), ``filled``
            (share of the bins between 0 and 1 that are covered to any degree), ``off`` (0 for every training image).
        """
        means = []
        for name in (self.ind, ood):
            parts = [scorer.covered(block, layer).sum(axis=0) for block in self._blocks[name]]
            means.append(np.sum(parts, axis=0) / len(self.rows(name)))
        z, g = scorer.factors(self.training, layer)
        off = ~np.any([(z[i : i + BLOCK] * g[i : i + BLOCK]).any(axis=0) for i in range(0, len(z), BLOCK)], axis=0)
        filled = scorer.phi(layer)[scorer.edges(layer) < 1] > 0  # in the others no state can be
        table = {"neuron": np.arange(len(off)), "ind": means[0], "ood": means[1], "separation": means[0] - means[1]}
        return pd.DataFrame({**table, "filled": filled.mean(axis=0), "off": off})

    def values(self, scorer: NeuronCoverage, layer: str, neuron: int, quantity: str) -> dict[str, np.ndarray]:
        """One of :data:`QUANTITIES` of a neuron: of the profile, as "profile", and of every set."""
        profile = self.training[self.profile_rows(scorer)]
        every = {"profile": [profile], **self._blocks}
        return {
            name: np.concatenate([_of_neuron(scorer, block, layer, neuron, quantity) for block in blocks])
            for name, blocks in every.items()
        }

    def sample(self, scorer: NeuronCoverage, layer: str, name: str, row: int) -> pd.DataFrame:
        """What every neuron of a layer makes of one sample.

        Parameters
        ----------
        scorer : NeuronCoverage
        layer, name : str
        row : int
            Of the set, among those looked at or not.

        Returns
        -------
        DataFrame
            ``neuron``, ``state``, ``coverage`` (Φ), ``usual`` (mean Φ of the in-distribution set), ``lost`` (the share
            of the difference of the score that the neuron makes up: usual minus coverage, over all neurons' number).
        """
        one = next(self._read(self.run[name], np.array([row])))
        usual = sum(scorer.covered(block, layer).sum(axis=0) for block in self._blocks[self.ind]) / len(
            self.rows(self.ind)
        )
        coverage, state = scorer.covered(one, layer)[0], scorer.states(one, layer)[0]
        table = {"neuron": np.arange(len(state)), "state": state, "coverage": coverage, "usual": usual}
        return pd.DataFrame({**table, "lost": (usual - coverage) / len(state)})


def _of_neuron(scorer: NeuronCoverage, block: Latents, layer: str, neuron: int, quantity: str) -> np.ndarray:
    z, g = (values[:, neuron].astype(np.float64) for values in scorer.factors(block, layer))
    if quantity == "activation":
        return z
    if quantity == "gradient":
        return g
    return z * g if quantity == "product" else squashed(z * g, scorer.alpha_of(layer))


def _is_set(asked: Asked, layer: str) -> bool:
    """Whether a preset, if one is chosen, says something of a layer."""
    preset = dict(asked.given).get("preset", "none")
    return preset == "none" or layer in PRESETS[preset]


def _combinations(layers: Sequence[str]) -> list[tuple[str, ...]]:
    counts = range(1, len(layers) + 1) if len(layers) <= _COMBINED else [1, 2, len(layers)]
    return [some for count in counts for some in combinations(layers, count)]
