"""How far two domains can be told apart, all samples together and class by class: computed once and stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.domains import ALL, Domains
from latentviz.evaluation.intervals import delong
from latentviz.geometry.domain_shift import domain_scores, mixing
from latentviz.geometry.shift import frechet
from latentviz.geometry.two_sample import HALVES, PERMUTATIONS, henze_penrose, mmd, sliced_wasserstein
from latentviz.progress import Progress, silent
from latentviz.projection.neighbours import graph
from latentviz.workspace import Workspace

#: Part of the key of what is stored.
_VERSION = 2

#: Fewest samples of a class in both domains that are compared.
FEWEST = 10

#: Columns of :func:`statistics`.
COLUMNS = [
    "class", "n_one", "n_other", "auc", "auc_low", "auc_high", "mmd", "mmd_low", "mmd_high", "mmd_p", "hp", "hp_low",
    "hp_high", "hp_p", "frechet", "sliced_wasserstein", "mixing", "problem",
]  # fmt: skip


@dataclass(frozen=True)
class How:
    """What the statistics are computed with.

    Attributes
    ----------
    folds : int
        Of the cross-validated domain classifier.
    neighbours : int
        Of every sample, of which the share from the other domain is counted.
    permutations, halves : int
        See :func:`latentviz.geometry.two_sample.mmd`.
    seed : int
    """

    folds: int = 5
    neighbours: int = 10
    permutations: int = PERMUTATIONS
    halves: int = HALVES
    seed: int = 0


USUAL = How()


def statistics(domains: Domains, how: How = USUAL, progress: Progress = silent) -> pd.DataFrame:
    """Domain AUC, MMD, Henze–Penrose divergence and distances of two domains.

    If the domains have pairs, of these alone: a permutation then exchanges the two of a pair, and both stay in one fold
    of the domain classifier.

    Parameters
    ----------
    domains : Domains
    how : How
    progress : Progress, optional

    Returns
    -------
    DataFrame
        One row a class that both have, the first of all classes: ``class``, ``n_one``, ``n_other``; ``auc`` of a
        cross-validated linear domain classifier (DeLong's interval), squared ``mmd`` and ``hp`` with intervals from
        halves of the samples and p-values of permutations; ``frechet`` (squared), ``sliced_wasserstein``, ``mixing``
        (1: neighbours are of the other domain as often as by chance); ``problem``: why a row has no numbers.
    """
    derived, key = domains.run.derived, _key(domains, how)
    if key not in derived:
        rows = []
        names = [ALL, *domains.common]
        for number, name in enumerate(names):

            def step(what: str, number: int = number) -> None:  # at every one a page can be left
                progress(f"Comparing domains, {what}", number, len(names), "classes")

            rows.append(_row(domains, name, how, step))
        progress("Comparing domains", len(names), len(names), "classes")
        table = pd.DataFrame(rows, columns=COLUMNS)
        stored = table.astype(object).where(table.notna(), None).to_dict("list")  # JSON knows no NaN
        derived.save(key, {}, {"one": domains.one, "other": domains.other, **_record(domains, how), "table": stored})
    table = pd.DataFrame(derived.meta(key)["table"], columns=COLUMNS)
    numbers = [column for column in COLUMNS if column not in ("class", "problem")]
    return table.assign(**{column: table[column].astype(float) for column in numbers})


def is_stored(domains: Domains, how: How = USUAL) -> bool:
    """Whether :func:`statistics` only reads."""
    return _key(domains, how) in domains.run.derived


def cost(domains: Domains, how: How = USUAL) -> float:
    """About how many multiplications :func:`statistics` takes now."""
    if is_stored(domains, how):
        return 0.0
    n = min(sum(map(len, domains.sets)), 4000)
    # All pairs of samples; permutations of the kernel; half as many samples for every half; the classifier.
    return n**2 * domains.run.manifest.width * (2 + how.halves / 4) + how.permutations * n**2


def request(domains: Domains, how: How = USUAL) -> dict[str, Any]:
    """Parameters of :func:`run_job`."""
    pairs = domains.pairs[["one", "other"]].to_numpy(np.int64).tolist()
    about = {"run": domains.run.name, "one": domains.one, "other": domains.other}
    about |= {"without": domains.without, "home": domains.home}
    return about | {"pairs": pairs, "how": asdict(how)}


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``domains``: the parameters of :func:`request`."""
    pairs = pd.DataFrame(parameters["pairs"], columns=["one", "other"], dtype=np.int64)
    run = Workspace(workspace)[parameters["run"]]
    domains = Domains(run, parameters["one"], parameters["other"], pairs, parameters["without"], parameters["home"])
    return f"{len(statistics(domains, How(**parameters['how']), progress)) - 1} classes"


def _record(domains: Domains, how: How) -> dict[str, Any]:
    moved = domains.without if domains.without == "nothing" else f"{domains.without}, home {domains.home}"
    return {"version": _VERSION, "without": moved, **asdict(how)}


def _key(domains: Domains, how: How) -> str:
    pairs = domains.pairs[["one", "other"]].to_numpy(np.int64)
    record = _record(domains, how) | {"pairs": pairs.tolist()}
    return domains.run.derived.key("domains", record, [s.fingerprint for s in domains.sets])


def _row(domains: Domains, name: str, how: How, step: Callable[[str], None]) -> dict[str, Any]:
    pairs = domains.pairs[["one", "other"]].to_numpy(np.int64)
    has_pairs = len(pairs) > 0
    rows = [pairs[:, 0], pairs[:, 1]] if has_pairs else [np.arange(len(s)) for s in domains.sets]
    if name != ALL:
        names = domains.class_names
        if has_pairs:  # a pair is of one class, but a table of pairs may say otherwise
            inside = (names[0][rows[0]] == name) & (names[1][rows[1]] == name)
            rows = [of[inside] for of in rows]
        else:
            rows = [of[names[side] == name] for side, of in enumerate(rows)]
    one, other = (domains.features[side][of] for side, of in enumerate(rows))
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan) | {"class": name, "n_one": len(one), "n_other": len(other)}
    if min(len(one), len(other)) < FEWEST:
        return row | {"problem": f"fewer than {FEWEST} samples in a domain"}
    try:
        return row | _compared(one, other, has_pairs, how, step) | {"problem": ""}
    except DataError as error:
        return row | {"problem": str(error)}


def _compared(
    one: np.ndarray, other: np.ndarray, paired: bool, how: How, step: Callable[[str], None]
) -> dict[str, float]:
    step("linear classifier")
    groups = np.concatenate([np.arange(len(one)), np.arange(len(other))]) if paired else None
    first, second = domain_scores(one, other, groups=groups, folds=how.folds, seed=how.seed)
    auc = delong(first, second)
    options: dict[str, Any] = {
        "permutations": how.permutations,
        "paired": paired,
        "halves": how.halves,
        "seed": how.seed,
    }
    step("MMD")
    kernel = mmd(one, other, **options)
    step("Henze–Penrose")
    tree = henze_penrose(one, other, **options)
    step("distances")
    both = np.concatenate([one, other])
    k = min(how.neighbours + 1, len(both))  # the sample itself among them
    near = graph(np.ascontiguousarray(both, dtype=np.float32), k)[0][:, 1:]
    return {
        "auc": auc.value,
        "auc_low": auc.low,
        "auc_high": auc.high,
        "mmd": kernel.value,
        "mmd_low": kernel.low,
        "mmd_high": kernel.high,
        "mmd_p": kernel.p,
        "hp": tree.value,
        "hp_low": tree.low,
        "hp_high": tree.high,
        "hp_p": tree.p,
        "frechet": frechet(one, other),
        "sliced_wasserstein": sliced_wasserstein(one, other, seed=how.seed),
        "mixing": mixing(near, np.arange(len(both)) >= len(one)),
    }
