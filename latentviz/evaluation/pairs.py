"""Measures of a scorer on a pair of sets, with their replicates: what is stored of detection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentviz.evaluation.asked import Asked
from latentviz.evaluation.comparison import STAGE
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.intervals import Measured, Resamples
from latentviz.evaluation.scores import Scores
from latentviz.evaluation.work import Work
from latentviz.progress import Progress, silent

#: Raised when measures or replicates are computed differently.
VERSION = 1


class Pairs:
    """A run's measured pairs; each depends on its scorer and its two sets, and on nothing else that is compared.

    Parameters
    ----------
    work : Work
        Of the run and the training samples.
    ind : str
        The in-distribution set.
    replicates, seed : int
        Of the bootstrap.
    """

    def __init__(self, work: Work, ind: str, replicates: int, seed: int) -> None:
        self.work, self.ind, self.replicates, self.seed = work, ind, replicates, seed

    def __contains__(self, pair: tuple[Asked, str]) -> bool:
        return self._key(*pair) in self.work.run.derived

    def measure(
        self, asked: Sequence[Asked], sets: Sequence[str], found: Scores, progress: Progress = silent
    ) -> dict[str, dict[str, Measured]]:
        """Measures of scorers on sets; what is not stored is computed, and stored pair by pair.

        Parameters
        ----------
        asked : sequence of Asked
        sets : sequence of str
            That are told apart from the in-distribution one.
        found : Scores
            Of all of them.
        progress : Progress, optional
            May raise ``Cancelled`` between two pairs.

        Returns
        -------
        dict of dict of Measured
            By :attr:`Asked.label`, then by set.

        Raises
        ------
        WorkspaceError
            If the disk is full, or something that was stored is damaged.
        """
        measured: dict[str, dict[str, Measured]] = {a.label: {} for a in asked}
        done, total = 0, sum((a, name) not in self for a in asked for name in sets)
        for name in sets:
            resamples: Resamples | None = None
            for a in asked:
                if (a, name) in self:
                    measured[a.label][name] = self._load(a, name)
                    continue
                of = found.by_scorer[a.label]
                # Named after the content: the same samples have the same interval, whatever the set is called.
                content = self.work.run[name].fingerprint
                resamples = resamples or Resamples(
                    len(of[self.ind]), len(of[name]), self.replicates, self.seed, content
                )
                measured[a.label][name] = Measured.of(of[self.ind], of[name], resamples)
                self._save(a, name, measured[a.label][name])
                done += 1
                progress(STAGE, done, total, "pairs")
        return measured

    def _key(self, asked: Asked, name: str) -> str:
        parameters = {
            "measures": list(METRICS),
            "version": VERSION,
            "replicates": self.replicates,
            "seed": self.seed,
        }
        scores = [self.work.key(asked, self.ind), self.work.key(asked, name)]
        return self.work.run.derived.key("detection", parameters, scores)

    def _save(self, asked: Asked, name: str, measured: Measured) -> None:
        meta = {
            **self.work.record(asked),
            "ind": self.ind,
            "set": name,
            "n_ind": measured.n_ind,
            "n_ood": measured.n_ood,
            "replicates": self.replicates,
            "seed": self.seed,
            "measures": dict(zip(METRICS, measured.values.tolist(), strict=True)),
            "ends": measured.ends.tolist(),
        }
        key = self._key(asked, name)
        self.work.run.derived.save(key, {"replicates": measured.replicates}, meta)

    def _load(self, asked: Asked, name: str) -> Measured:
        derived, key = self.work.run.derived, self._key(asked, name)
        meta = derived.meta(key)
        return Measured(
            np.array([meta["measures"][name] for name in METRICS]),
            derived.array(key, "replicates"),
            np.array(meta["ends"]),
            meta["n_ind"],
            meta["n_ood"],
            min(meta["n_ind"], meta["n_ood"]),
        )
