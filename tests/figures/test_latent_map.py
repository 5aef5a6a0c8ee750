"""The map's colours say what the legend says, whatever is hidden."""

import numpy as np
import pandas as pd
import pytest

from latentviz.figures import colouring, latent_map
from latentviz.figures.style import CATEGORY_COLOURS, CORRECT_COLOURS, OTHER_COLOUR, ROLE_COLOURS


def points(count: int = 300, classes: int = 5) -> pd.DataFrame:
    """Three sets of equal size in three roles; the last one, "far", has no labels."""
    random = np.random.default_rng(0)
    third = count // 3
    table = pd.DataFrame(
        {
            "set": np.repeat(["train", "noise", "far"], third),
            "role": np.repeat(["fit", "shifted", "ood"], third),
            "id": [str(number) for number in range(count)],
            "label": [f"class {n}" for n in random.integers(classes, size=count)],
            "prediction": [f"class {n}" for n in random.integers(classes, size=count)],
            "confidence": random.random(count, dtype=np.float32),
            "feature_norm": 10 + random.random(count, dtype=np.float32),
            "x": random.normal(size=count),
            "y": random.normal(size=count),
        }
    )
    correct = pd.array(table["label"] == table["prediction"], dtype="boolean")
    correct[table["set"] == "far"] = pd.NA
    return table.assign(correct=correct)


def drawn(table: pd.DataFrame, by: str, rows: np.ndarray | None = None) -> tuple[pd.Series, dict[str, str]]:
    """Fill colour of every drawn point by its id, and the legend."""
    shown = table if rows is None else table.iloc[rows]
    figure = latent_map.scatter(shown, colouring.colour(table, by).at(shown.index.to_numpy()))
    marker = figure.data[0].marker
    share = (np.asarray(marker.color, float) - marker.cmin) / (marker.cmax - marker.cmin)
    fills = [next(fill for (low, fill) in reversed(marker.colorscale) if low <= s) for s in share]
    ids = shown["id"].to_numpy()[figure.data[0].customdata]
    return pd.Series(fills, ids), {trace.name: trace.marker.color for trace in figure.data[1:]}


MEANINGS = {
    "role": lambda row: ROLE_COLOURS[row["role"]],
    "set": lambda row: dict(zip(["train", "noise", "far"], CATEGORY_COLOURS, strict=False))[row["set"]],
    "label": lambda row: CATEGORY_COLOURS[int(row["label"][-1])],
    "prediction": lambda row: CATEGORY_COLOURS[int(row["prediction"][-1])],
    "correct": lambda row: CORRECT_COLOURS[
        "no label" if row["correct"] is pd.NA else "correct" if row["correct"] else "wrong"
    ],
}


@pytest.mark.parametrize("by", MEANINGS)
@pytest.mark.parametrize("hidden", [None, "train", "noise"])
def test_categories_have_their_colours(by, hidden):
    table = points()
    fills, legend = drawn(table, by, np.flatnonzero(table["set"] != hidden))
    expected = table.set_index("id").apply(MEANINGS[by], axis=1)
    assert fills.to_dict() == expected[fills.index].to_dict()
    assert set(legend.values()) == set(fills)


def test_the_legend_names_what_is_drawn():
    table = points()
    assert drawn(table, "correct")[1] == CORRECT_COLOURS
    only_far = np.flatnonzero(table["set"] == "far")
    assert drawn(table, "correct", only_far)[1] == {"no label": OTHER_COLOUR}
    assert drawn(table, "role", only_far)[1] == {"ood": ROLE_COLOURS["ood"]}


def test_rare_classes_are_drawn_as_other_also_when_a_filter_leaves_only_few():
    table = points(3000, classes=30)
    kept = set(table["label"].value_counts().index[: colouring.CATEGORY_LIMIT])
    rows = np.flatnonzero(table["set"] == "noise")
    fills, legend = drawn(table, "label", rows)
    is_other = ~table.set_index("id")["label"][fills.index].isin(kept)
    assert ((fills == OTHER_COLOUR) == is_other).all()
    assert set(legend) == kept | {"other"}


@pytest.mark.parametrize(
    ("by", "title"), [("confidence", "Confidence (largest softmax probability)"), ("feature_norm", "Feature norm ‖z‖₂")]
)
def test_numbers_have_a_ramp_whose_ends_do_not_depend_on_the_filter(by, title):
    table = points()
    table.loc[0, by] = 1000  # one outlier must not take the whole ramp
    ends = set()
    for rows in (np.arange(300), np.arange(200, 300)):
        shown = table.iloc[rows]
        figure = latent_map.scatter(shown, colouring.colour(table, by).at(rows))
        marker = figure.data[0].marker
        np.testing.assert_array_equal(marker.color, shown[by].to_numpy(np.float32)[figure.data[0].customdata])
        assert marker.colorbar.title.text == title
        assert len(figure.data) == 1
        ends.add((marker.cmin, marker.cmax))
    ((low, high),) = ends
    assert (low, high) == pytest.approx(tuple(np.percentile(table[by].astype(np.float32), [1, 99])))


def test_equal_numbers_have_a_colour():
    table = points().assign(confidence=np.float32(1))
    marker = latent_map.scatter(table, colouring.colour(table, "confidence")).data[0].marker
    assert marker.cmin < marker.cmax


def test_selected_points_are_emphasised_whatever_the_order_of_drawing():
    table = pd.concat([points().iloc[:150], points().iloc[200:]], ignore_index=True)  # "noise" is the smallest set
    figure = latent_map.scatter(table, colouring.colour(table, "set"), selected=np.array([120, 7]))
    trace = figure.data[0]
    assert set(trace.customdata[list(trace.selectedpoints)]) == {7, 120}
    assert list(trace.customdata[-50:]) == list(range(100, 150))  # smaller sets are drawn over larger ones


def test_nothing_to_show_says_why():
    table = points().iloc[:0]
    figure = latent_map.scatter(table, colouring.colour(points(), "set").at(np.empty(0, int)))
    assert figure.layout.annotations[0].text == "No sample matches the filter."


@pytest.mark.parametrize("by", ["label", "confidence"])
def test_samples_that_another_run_lacks_have_no_colour_of_its(by):
    table = points()
    coloured = colouring.colour(table, by)
    at, rows = np.array([5, 1]), np.array([10, 20])
    spread = coloured.spread(at, rows, 8)
    others = np.delete(np.arange(8), at)
    np.testing.assert_array_equal(spread.values[at], coloured.values[rows])
    if by == "confidence":
        assert np.isnan(spread.values[others]).all()
    else:
        assert {spread.categories[n] for n in spread.values[others]} == {"not there"}
        assert {entry.name: entry.points for entry in spread.legend()}["not there"] == 6
    everyone = np.arange(len(table))
    assert coloured.spread(everyone, everyone, len(table)).categories == coloured.categories


def test_metadata_that_only_some_sets_have():
    table = points()
    table["serial"] = np.where(table["set"] == "train", "b01", None)
    made = colouring.colour(table, "serial")
    assert made.title == "Serial"
    assert made.categories == ("", "b01")
    table["pose_difference"] = np.where(table["set"] == "train", 3.0, np.nan)
    made = colouring.colour(table, "pose_difference")
    assert made.title == "Pose difference"
    assert np.isnan(made.values[-1])
