"""What goes with robustness over networks, and what may be said of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from latentviz.evaluation.coefficients import KINDS
from latentviz.evaluation.correlation import Correlation, correlate
from latentviz.evaluation.indicators import INDICATORS
from latentviz.evaluation.partial import partial_correlation
from latentviz.evaluation.robustness import MODEL_COLUMNS, Robustness
from latentviz.evaluation.robustness_relations import (
    CLEAN,
    chance,
    models_table,
    relation,
    table,
    text_table,
    title_of,
    verdict,
)


def models(
    n: int = 16, own: float = 0.0, shared: float = 1.0, sign: float = 1.0, seed: int = 0, **more
) -> pd.DataFrame:
    """Networks whose robustness is clean accuracy, and a part of its own that the indicator knows of or not."""
    random = np.random.default_rng(seed)
    clean, part = random.permutation(np.linspace(-1, 1, n)), random.permutation(np.linspace(-1, 1, n))
    rows = dict.fromkeys(MODEL_COLUMNS, 0.0)
    found = pd.DataFrame([rows] * n).astype({"run": object, "training": object})
    found["run"] = found["training"] = [f"net{k:02d}" for k in range(n)]
    found["clean"] = 0.8 + 0.1 * clean
    found["corrupted"] = 0.6 + 0.1 * clean + 0.1 * part
    found["cluster-nmi"] = sign * (shared * clean + own * part + 0.05 * random.normal(size=n))
    found["mce"] = 2 - 2 * found["corrupted"] if "mce" not in more else more["mce"]
    for name in INDICATORS:
        for end in ("", "_low", "_high"):
            if name + end not in found:
                found[name + end] = np.nan
    return found


def said(found: pd.DataFrame, target: str = "corrupted", kind: str = "spearman") -> list[str]:
    control = relation(found, CLEAN, target, kind)
    return verdict(relation(found, "cluster-nmi", target, kind), control, kind)


def test_the_coefficients_are_those_of_the_table():
    found = models(own=0.5)
    of = relation(found, "cluster-nmi")
    for kind in KINDS:
        assert of.kinds[kind] == correlate(found["cluster-nmi"], found["corrupted"], kind)
        assert of.partial[kind] == partial_correlation(found["cluster-nmi"], found["corrupted"], found["clean"], kind)
    kept = found["run"] != "net03"
    row = of.without.set_index("training").loc["net03"]
    assert row["value"] == correlate(found["cluster-nmi"][kept], found["corrupted"][kept]).value
    row = of.without_partial.set_index("training").loc["net03"]
    assert row["value"] == partial_correlation(*(found[c][kept] for c in ("cluster-nmi", "corrupted", "clean"))).value


def test_an_indicator_that_is_clean_accuracy_says_nothing_more():
    found = models(shared=1.0, own=0.0)
    found["cluster-nmi"] += 0.2 * np.random.default_rng(1).normal(size=16)
    sentences = said(found)
    assert sentences[0].startswith("Over 16 networks, Spearman 0.")
    assert "higher cluster NMI, higher accuracy under corruption" in sentences[0]
    assert sentences[2].startswith("Clean accuracy alone: Spearman 0.")
    assert "nothing was found beyond clean accuracy" in sentences[3]
    assert sentences[-1] == ("Nothing here shows that cluster NMI says more about robustness than clean accuracy does.")


def test_an_indicator_in_the_same_order_as_clean_accuracy_leaves_nothing_to_compare():
    found = models()
    found["cluster-nmi"] = 2 * found["clean"]
    sentences = said(found)
    assert "(partial Spearman): none; what is held fixed says all" in sentences[3]
    assert sentences[-1].startswith("No conclusion beyond clean accuracy: what is held fixed says all")


def test_an_indicator_that_knows_more_is_said_to():
    sentences = said(models(shared=1.0, own=1.0))
    assert "relation is left, higher indicator, higher accuracy under corruption" in sentences[3]
    assert sentences[-1] == (
        "Beyond what clean accuracy says, the higher cluster NMI, the more robust among these networks."
    )


def test_an_indicator_that_knows_nothing():
    found = models()
    found["cluster-nmi"] = np.random.default_rng(5).permutation(len(found)).astype(float)
    sentences = said(found)
    assert "no relation was found" in sentences[0]
    assert sentences[-1] == "Nothing here shows that cluster NMI tells robust networks from others."


def test_a_relation_that_clean_accuracy_hides():
    # Robustness falls with clean accuracy as it rises with the part that the indicator knows of.
    found = models(n=40, shared=1.0, own=1.0)
    clean = 10 * (found["clean"] - 0.8)
    found["corrupted"] = 0.6 + 0.1 * (found["cluster-nmi"] - 2 * clean)
    sentences = said(found)
    assert sentences[-1].startswith("Only once clean accuracy is held fixed, the higher cluster NMI, the more robust")


def test_a_sign_that_turns_given_clean_accuracy():
    found = models(shared=3.0, own=-1.0)
    sentences = said(found)
    assert sentences[-1].startswith("Given clean accuracy the sign turns: the higher cluster NMI, the less robust")


def test_one_network_that_makes_it_is_named():
    found = models(n=12, own=0.0)
    found["cluster-nmi"] = np.random.default_rng(3).normal(size=12)
    order = found["corrupted"].argsort()
    found.loc[order.iloc[-1], "cluster-nmi"] = 30.0
    sentences = said(found, kind="pearson")
    assert f"{found['run'][order.iloc[-1]]} moves it most" in " ".join(sentences)


def test_a_relation_that_needs_every_network_is_said_to():
    found = models(n=14, own=0.0, seed=2)
    random = np.random.default_rng(4)
    found["cluster-nmi"] = random.normal(size=14)
    # One network that is far out in both makes it.
    found.loc[0, ["cluster-nmi", "corrupted"]] = 40.0, 1.5
    of = relation(found, "cluster-nmi", kind="pearson")
    assert of.without["value"].min() < 0.6 < of.kinds["pearson"].value
    partial = Correlation("pearson", 0.9, 0.5, 1.0, 14, 14)
    plain = Correlation("pearson", 0.9, 0.5, 1.0, 14, 14)
    fragile = pd.DataFrame({"training": list("ab"), "value": [0.5, -0.1]})
    made = replace(of, kinds={"pearson": plain}, partial={"pearson": partial}, without_partial=fragile)
    control = relation(found, CLEAN, kind="pearson")
    assert verdict(made, control, "pearson")[-1].endswith("but not without every single one of these networks.")
    whole = replace(made, without_partial=fragile.assign(value=0.5))
    assert verdict(whole, control, "pearson")[-1].endswith("the more robust among these networks.")
    turning = replace(made, without=of.without.assign(value=np.linspace(-0.2, 0.8, 14)))
    assert "One of them decides the sign." in " ".join(verdict(turning, control, "pearson"))


def test_mce_is_lower_where_accuracy_is_higher():
    sentences = said(models(own=1.0), "mce")
    assert "higher cluster NMI, lower mCE" in sentences[0]
    assert "higher indicator, lower mCE" in sentences[3]
    assert sentences[-1].endswith("the higher cluster NMI, the more robust among these networks.")
    turned = said(models(own=1.0, sign=-1.0), "mce")
    assert turned[-1].endswith("the higher cluster NMI, the less robust among these networks.")


def test_few_networks_and_few_trainings_are_too_few_for_a_conclusion():
    assert said(models(n=6, own=1.0))[-1] == "No conclusion: 6 independent networks are too few."
    found = models(n=16, own=1.0)
    found["training"] = [f"training {k // 4}" for k in range(16)]
    sentences = said(found)
    assert "in 4 trainings" in sentences[0]
    assert sentences[-1] == "No conclusion: 4 independent trainings are too few."
    two = said(models(n=2))
    assert two[-1] == "No conclusion: there are 2 dots; a correlation needs at least 3."
    constant = models()
    constant["cluster-nmi"] = 1.0
    assert said(constant)[-1] == "No conclusion: the statistic is the same for all 16 dots."


def test_one_training_of_many_checkpoints_is_left_out_as_a_whole():
    found = models(n=48, own=1.0)
    found["training"] = [f"training {k // 4}" for k in range(48)]
    of = relation(found, "cluster-nmi")
    assert of.without["training"].tolist() == [f"training {k}" for k in range(12)]
    kept = found["training"] != "training 2"
    expected = correlate(found["cluster-nmi"][kept], found["corrupted"][kept]).value
    assert of.without.set_index("training").loc["training 2", "value"] == pytest.approx(expected)


def test_the_table_has_every_indicator_and_clean_accuracy_first():
    found = Robustness(models(own=0.5), pd.DataFrame(), [])
    rows = table(found, replicates=50).set_index("name")
    assert list(rows.index) == [CLEAN, "cluster-nmi"]
    assert rows.loc["cluster-nmi", "partial_kendall"] == pytest.approx(
        relation(found.models, "cluster-nmi").partial["kendall"].value
    )
    assert np.isnan(rows.loc[CLEAN, "partial_spearman"])
    assert (rows["n"] == 16).all()
    text = text_table(rows.reset_index())
    assert text.headings[0] == ""
    assert len(text.headings) == 2 + 2 * len(KINDS)
    assert text.rows[0][0] == "Clean accuracy"
    assert text.rows[0][4] == "–"
    assert "of 40 unrelated numbers about 2.0 would" in chance(20)
    assert chance(1) == chance(0) == ""


def test_networks_as_people_read_them():
    found = models(n=4)
    found["clean_low"], found["clean_high"] = 0.5, 0.9
    found["mce"] = np.nan
    text = models_table(Robustness(found, pd.DataFrame(), []), ["cluster-nmi"])
    assert text.headings == ["Network", "Clean accuracy", "Under corruption", title_of("cluster-nmi")]
    assert text.rows[0][1].endswith("% (50.0 – 90.0)")
    assert "mCE" in models_table(Robustness(models(n=4), pd.DataFrame(), []), []).headings
