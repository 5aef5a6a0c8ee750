"""Several scorers together, some of which fail."""

import numpy as np
import pytest

from latentviz.errors import Cancelled, WorkspaceError
from latentviz.latents import Latents
from latentviz.scorers import Family, Needs, Scorer, ScorerInfo, make
from latentviz.scorers.suite import fit_all, score_all


class Broken(Scorer):
    """A third party's, which fails where it is told to."""

    info = ScorerInfo("broken", "Broken", Family.FEATURES, "s", Needs.FEATURES | Needs.FIT)

    def __init__(self, where: str, error: BaseException | None = None, answer: object = 0.0) -> None:
        self.where, self.error, self.answer = where, error, answer

    def _refuses(self, fit: Latents) -> str:
        self._fail("asking")
        return ""

    def _fit(self, latents: Latents) -> None:
        self._fail("fitting")

    def _score(self, latents: Latents) -> np.ndarray:
        self._fail("scoring")
        return np.full(len(latents), self.answer) if np.isscalar(self.answer) else np.asarray(self.answer)

    def _fail(self, where: str) -> None:
        if where == self.where and self.error is not None:
            raise self.error


@pytest.mark.parametrize("where", ["asking", "fitting"])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (np.linalg.LinAlgError("not converged"), "Broken failed in fitting: LinAlgError: not converged"),
        (MemoryError(), "Broken needs more memory for fitting than there is; free some, or fit it on fewer samples."),
        (KeyError("x"), "Broken failed in fitting: KeyError: 'x'"),
    ],
)
def test_what_goes_wrong_in_one_is_its_own_problem(toy, where, error, sentence):
    fit = toy("fit", 100)
    asked = {"a": make("knn", {"k": 3}), "b": Broken(where, error), "c": make("msp")}
    fitted, problems = fit_all(asked, fit, fit.head)
    assert list(fitted) == ["a", "c"]
    assert problems == {"b": sentence}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Cancelled()])
@pytest.mark.parametrize("where", ["fitting", "scoring"])
def test_stopping_is_not_a_problem_of_a_scorer(toy, where, error):
    fit = toy("fit", 100)
    with pytest.raises(type(error)):
        score_all(fit_all({"b": Broken(where, error)}, fit, fit.head)[0], [fit], 100)


def test_each_is_handed_out_before_the_next_is_fitted(toy):
    fit, seen = toy("fit", 100), []
    asked = {"knn": make("knn", {"k": 3}), "msp": make("msp"), "vim": make("vim"), "none": make("knn", {"k": 500})}

    def ready(name: str, scorer: Scorer) -> None:
        assert scorer is asked[name]
        seen.append((name, "alpha_" in asked["vim"].fitted))

    fit_all(asked, fit, fit.head, ready=ready)
    assert seen == [("knn", False), ("msp", False), ("vim", True)]


def test_what_storing_raises_is_not_a_scorers_problem(toy):
    fit = toy("fit", 100)

    def full(name: str, scorer: Scorer) -> None:
        raise WorkspaceError("The disk is full.")

    with pytest.raises(WorkspaceError, match="disk is full"):
        fit_all({"msp": make("msp")}, fit, fit.head, ready=full)


@pytest.mark.parametrize(
    ("scorer", "sentence"),
    [
        (Broken("scoring", ValueError("no")), "Broken failed in scoring: ValueError: no"),
        (
            Broken("", answer=np.nan),
            "Broken gives scores that are NaN or infinite (first: sample 0); try other parameters.",
        ),
        (Broken("", answer=[1.0, 2.0]), "Broken gives scores of shape (2,) for 40 samples."),
        (make("vim"), "ViM is not fitted; call fit(latents) with training samples first."),
    ],
)
def test_the_others_scores_are_there_when_one_cannot_score(toy, scorer, sentence):
    fit, asked = toy("fit", 100), toy("ind", 100)
    fitted, _ = fit_all({"a": make("knn", {"k": 3}), "c": make("energy")}, fit, fit.head)
    if isinstance(scorer, Broken):
        scorer.fit(fit)
    scores, problems = score_all({"b": scorer, **fitted}, asked.blocks(40), 100)
    assert problems == {"b": sentence}
    assert list(scores) == ["a", "c"]
    for name, found in scores.items():
        np.testing.assert_allclose(found, fitted[name].score(asked), rtol=1e-6)


def test_which_sample_has_no_finite_score(toy):
    class Late(Broken):
        def _score(self, latents: Latents) -> np.ndarray:
            return np.where(latents.features[:, 0] == 1, np.inf, 0)

    features = np.zeros((100, 2), np.float32)
    features[[57, 60], 0] = 1
    asked = Latents(features, features)
    _, problems = score_all({"b": Late("").fit(asked)}, asked.blocks(40), 100)
    assert "(first: sample 57)" in problems["b"]
