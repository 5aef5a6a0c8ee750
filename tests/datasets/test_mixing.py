"""Sets made of others: what is held out, chosen by class, mixed and joined, exactly."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentviz.datasets import arrays
from latentviz.datasets.mixing import by_classes, joined, mixed, split
from latentviz.errors import DataError


def source(counts: dict[str, int], start: int = 0, **options):
    """Chips of a few pixels whose value is their number."""
    names = [name for name, count in counts.items() for _ in range(count)]
    images = np.arange(start, start + len(names), dtype=np.uint16)[:, None, None] * np.ones((1, 2, 2), np.uint16)
    ids = [f"{start + n:04d}" for n in range(len(names))]
    return arrays(images, names, "fit", ids=ids, title=f"from {start}", **options)


def values(of) -> list[int]:
    return [int(image[0, 0]) for image in of.part(0, len(of))]


@settings(max_examples=30)
@given(st.integers(2, 20), st.integers(2, 20), st.floats(0.05, 0.95), st.integers(0, 50))
def test_a_split_is_a_partition_of_every_class(a, b, share, seed):
    whole = source({"a": a, "b": b})
    rest, held = split(whole, share, seed)
    assert sorted([*rest.ids, *held.ids]) == whole.ids
    for name, count in (("a", a), ("b", b)):
        assert held.class_names.count(name) == min(count - 1, max(1, round(share * count)))
    assert values(held) == [int(id_) for id_ in held.ids]  # the images belong to the ids


def test_the_same_seed_holds_out_the_same():
    whole = source({"a": 30, "b": 30})
    assert split(whole, 0.2, 3)[1].ids == split(whole, 0.2, 3)[1].ids
    assert split(whole, 0.2, 3)[1].ids != split(whole, 0.2, 4)[1].ids


def test_by_classes_after_renaming():
    whole = source({"t72a64": 3, "bmp2": 2, "d7": 4}, rename={"t72a64": "t72"})
    inside, outside = by_classes(whole, {"t72", "bmp2"})
    assert Counter(inside.class_names) == {"t72a64": 3, "bmp2": 2}
    assert Counter(outside.class_names) == {"d7": 4}
    assert by_classes(whole, {"x"})[0] is None
    assert by_classes(whole, {"t72", "bmp2", "d7"})[1] is None


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 30), st.floats(0.05, 1), st.integers(0, 20))
def test_a_mixed_class_has_its_share(n, m, share, seed):
    one, other = source({"a": n, "only": 5}), source({"a": m, "elsewhere": 3}, start=1000)
    both, used = mixed(one, other, share, seed)
    count = len(used)
    assert count == sum(id_.startswith("other/") for id_ in both.ids)
    total = both.class_names.count("a")
    assert total <= n
    assert abs(count - share * total) <= 0.5 + 1e-9 or count == m
    assert both.class_names.count("only") == 5  # which the other domain does not have
    assert "elsewhere" not in both.class_names
    assert [int(id_.split("/")[1]) for id_ in both.ids] == values(both)
    assert {other.ids[row] for row in used} == {id_.split("/")[1] for id_ in both.ids if id_.startswith("other/")}


def test_ends_of_the_share():
    one, other = source({"a": 10}), source({"a": 10}, start=100)
    assert mixed(one, other, 0)[0].ids == [f"one/{id_}" for id_ in one.ids]
    assert mixed(one, other, 1)[0].ids == [f"other/{id_}" for id_ in other.ids]


def test_joined_sets_mean_the_same_classes():
    both = joined([source({"t72a64": 2}, rename={"t72a64": "t72"}), source({"t72": 1}, start=9)], ["a", "b"])
    assert both.class_names == ["t72"] * 3
    assert both.ids == ["a/0000", "a/0001", "b/0009"]
    assert values(both) == [0, 1, 9]
    assert both.reopen == ""


def test_metadata_go_along():
    one, other = source({"a": 4}), source({"a": 4}, start=10)
    one.metadata = {"azimuth": np.arange(4.0), "serial": np.array(list("wxyz"), dtype=object)}
    other.metadata = {"azimuth": np.arange(10.0, 14)}
    both = joined([one, other], ["a", "b"])
    assert list(both.metadata) == ["azimuth"]  # what both have
    assert both.metadata["azimuth"].tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    assert one.subset([3, 1]).metadata["serial"].tolist() == ["z", "x"]


def test_what_cannot_be_done():
    whole = source({"a": 3, "b": 1})
    with pytest.raises(DataError, match='class "b" of from 0 has a single sample'):
        split(whole, 0.5)
    with pytest.raises(DataError, match="held-out share is 1"):
        split(whole, 1)
    with pytest.raises(DataError, match=r"share of other samples is 1\.5"):
        mixed(whole, whole, 1.5)
    with pytest.raises(DataError, match="no class in common"):
        mixed(whole, source({"c": 2}), 0.5)


def test_numbered_classes_are_joined():
    parts = [arrays(np.zeros((n, 2, 2), np.uint8), np.arange(n), "fit", title="numbers") for n in (3, 2)]
    assert joined(parts, ["a", "b"]).indices.tolist() == [0, 1, 2, 0, 1]
    with pytest.raises(DataError, match="name their classes, others number them"):
        joined([parts[0], source({"a": 2})], ["a", "b"])
