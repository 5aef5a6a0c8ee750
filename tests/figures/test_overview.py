"""Charts of the Overview page."""

import numpy as np
import pandas as pd
import pytest

from latentviz.figures import overview

CLASSES = [f"c{number}" for number in range(40)]


def called(pairs: dict[tuple[int, int], int]) -> pd.DataFrame:
    """A matrix of 40 classes with 100 samples each, all right but for ``pairs``."""
    counts = np.diag(np.full(40, 100))
    for (row, column), samples in pairs.items():
        counts[row, row] -= samples
        counts[row, column] += samples
    return pd.DataFrame(counts, CLASSES, CLASSES)


def test_a_small_confusion_matrix_is_drawn_whole():
    matrix = pd.DataFrame([[3, 1], [0, 2], [4, 4]], ["cat", "dog", "fox"], ["cat", "dog"])
    shares = overview.confusion(matrix, shares=True)
    np.testing.assert_allclose(shares.data[0].z, [[0.75, 0.25], [0, 1], [0.5, 0.5]])
    assert list(shares.data[1].text) == ["75%", "25%", "100%", "50%", "50%"]
    assert shares.layout.xaxis.title.text == "Predicted class"
    assert shares.layout.yaxis.title.text == "Class of the sample"
    counts = overview.confusion(matrix, shares=False)
    assert counts.data[0].z.tolist() == [[3, 1], [0, 2], [4, 4]]
    assert list(counts.data[1].text) == ["3", "1", "2", "4", "4"]


def test_of_many_classes_those_with_most_mistakes_are_drawn_with_shares_of_whole_rows():
    # The last 31 classes are mistaken: c9 once and for the rare c0, so that it is one too many.
    matrix = called({(9, 0): 1, **{(row, row - 1): 10 for row in range(10, 40)}, (39, 3): 5})
    figure = overview.confusion(matrix, shares=True)
    heat = figure.data[0]
    assert list(heat.y) == CLASSES[10:]
    assert figure.layout.yaxis.title.text == "Class of the sample (30 of 40, most mistakes)"
    assert figure.layout.xaxis.title.text == "Predicted class (30 of 40, most frequent)"
    # c3 is not among the columns, and its samples still belong to the row.
    assert "c3" not in heat.x
    assert heat.z[29][list(heat.x).index("c39")] == pytest.approx(0.85)
    assert np.sum(heat.z[29]) == pytest.approx(0.95)


def test_a_set_without_samples_says_so():
    figure = overview.confusion(pd.DataFrame(np.zeros((0, 2), int), [], ["a", "b"]), shares=True)
    assert figure.layout.annotations[0].text == "This set has no samples."


def balance(classes: int) -> pd.DataFrame:
    """Two sets; class n has n + 1 samples, the second set only the rarest class."""
    first = pd.DataFrame({"set": "train", "class_name": CLASSES[:classes], "samples": np.arange(classes) + 1})
    first["share"] = first["samples"] / first["samples"].sum()
    second = pd.DataFrame({"set": ["far"], "class_name": ["c0"], "samples": [7], "share": [1.0]})
    return pd.concat([second, first], ignore_index=True)


@pytest.mark.parametrize(("classes", "bars"), [(3, 3), (20, 20), (40, 21)])
def test_rare_classes_share_a_bar(classes, bars):
    figure = overview.class_balance(balance(classes))
    assert len(figure.data) == bars
    assert len({bar.marker.color for bar in figure.data}) == bars
    for name in ("train", "far"):
        shares = [share for bar in figure.data for s, share in zip(bar.y, bar.x, strict=True) if s == name]
        assert sum(shares) == pytest.approx(1)
    assert list(figure.layout.yaxis.categoryarray) == ["train", "far"]
    if classes == 40:
        assert figure.data[-1].name == "20 others"
        assert dict(zip(figure.data[-1].y, figure.data[-1].customdata, strict=True)) == {"far": 7, "train": 210}
