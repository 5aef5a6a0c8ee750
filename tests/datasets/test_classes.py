"""Which logit a class folder means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.datasets import match_labels
from latentviz.errors import DataError

VEHICLES = ["2s1", "bmp2", "t72", "zsu23"]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=12, unique=True), st.data())
def test_names_in_any_order_find_their_own_number(classes, data):
    order = data.draw(st.permutations(range(len(classes))))
    assert match_labels("test", [classes[i] for i in order], classes).tolist() == list(order)


@pytest.mark.parametrize("written", ["fire truck", "Fire-Truck", "FIRE_TRUCK", "firetruck"])
def test_case_spaces_and_dashes_do_not_matter(written):
    assert match_labels("test", [written, "cat"], ["cat", "fire_truck"]).tolist() == [1, 0]


def test_an_exact_name_comes_before_a_loose_one():
    assert match_labels("test", ["Cat", "cat"], ["cat", "Cat"]).tolist() == [1, 0]


def test_a_loose_name_that_could_be_two_classes_is_none():
    with pytest.raises(DataError, match='1 class of "test" is not among the model\'s: C-A-T'):
        match_labels("test", ["Cat", "C-A-T"], ["cat", "Cat"])


def test_renamed_classes():
    labels = match_labels("test", ["t72a64", "2s1", "t72"], VEHICLES, {"t72a64": "T72"})
    assert labels.tolist() == [2, 0, 2]
    assert labels.dtype == np.int64


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["t72a64"], '1 class of "test" is not among the model\'s: t72a64.*--rename t72a64=t72'),
        (["t72a64", "bmp2sn9566", "2s1"], "2 classes of.*--rename t72a64=t72 --rename bmp2sn9566=bmp2"),
        (["zebra"], 'zebra. The model knows 2s1, bmp2, t72, zsu23.*give the set the role "ood"'),
        (["t72a64", "zebra"], 'role "ood"'),
    ],
)
def test_unknown_classes_are_named_with_advice(names, message):
    with pytest.raises(DataError, match=message):
        match_labels("test", names, VEHICLES)


def test_a_new_name_that_is_unknown_too():
    with pytest.raises(DataError, match="t72a64"):
        match_labels("test", ["t72a64"], VEHICLES, {"t72a64": "T80"})


def test_long_lists_are_shortened():
    with pytest.raises(DataError, match=r"20 classes of .* and 8 more\. The model knows .* and 88 more"):
        match_labels("test", [f"x{i}" for i in range(20)], [f"class {i}" for i in range(100)])
