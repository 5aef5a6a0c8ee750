"""What Python puts into a payload is what Python and JavaScript take out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from latentviz.app.scatter import payload
from latentviz.app.scatter.payload import decode, encode

contents = st.sampled_from(payload.TYPES).flatmap(
    lambda kind: arrays(kind, array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=9))
)
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)


@given(st.dictionaries(names, contents, max_size=5))
def test_what_is_put_in_is_taken_out(sections):
    found = decode(encode(sections))
    assert list(found) == list(sections)
    for name, values in sections.items():
        assert found[name].dtype == values.dtype
        flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        np.testing.assert_array_equal(found[name], flat)


def test_sections_begin_where_views_may():
    sections = {name: np.zeros(size, dtype=np.uint8) for name, size in (("a", 3), ("b", 1), ("c", 0), ("d", 9))}
    table = np.frombuffer(encode(sections), payload._ROW, count=4, offset=8)
    assert (table["start"] % 8 == 0).all()


def hashes(sections: dict[str, np.ndarray]) -> list[int]:
    return np.frombuffer(encode(sections), payload._ROW, count=len(sections), offset=8)["hash"].tolist()


def test_a_hash_is_that_of_content_type_and_shape():
    z = np.zeros((4, 2), dtype=np.float32)
    same = {"a": z, "b": z.copy(order="F")}
    assert len(set(hashes(same))) == 1
    others = [z + 1, z.reshape(2, 4), z.ravel(), z.astype(np.uint16), z[:3]]
    assert len(set(hashes({"a": z, **{f"o{n}": other for n, other in enumerate(others)}}))) == 6


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("coordinates", np.zeros(2, dtype=np.float32)),
        ("", np.zeros(2, dtype=np.float32)),
        ("größe", np.zeros(2, dtype=np.float32)),
        ("xy", np.zeros(2)),
        ("xy", np.zeros((2, 2, 2), dtype=np.float32)),
    ],
)
def test_what_cannot_be_told_is_refused(name, values):
    with pytest.raises(ValueError, match="cannot be put into a payload"):
        encode({name: values})


@pytest.mark.parametrize("given", [b"", b"LVMP", b"no payload at all", b"LVMP\2\0\0\0"])
def test_other_bytes_are_refused(given):
    with pytest.raises(ValueError, match="payload"):
        decode(given)


@pytest.mark.parametrize("offset", [0, 3])
def test_javascript_takes_out_the_same(javascript, offset):
    """Also from bytes that begin anywhere in a buffer."""
    random = np.random.default_rng(0)
    sections = {
        "xyz": random.normal(size=(5, 3)).astype(np.float32),
        "category": random.integers(2**16, size=5).astype(np.uint16),
        "shown": random.integers(256, size=1).astype(np.uint8),
        "none": np.zeros(0, dtype=np.float32),
    }
    code = """
        const bytes = Uint8Array.from(given).subarray(offset);
        return Object.entries(m.decode(bytes)).map(([name, s]) => [name, s.hash, s.rows, s.columns, [...s.values]]);
    """
    found = javascript("payload.js", code, given=list(b"\0" * offset + encode(sections)), offset=offset)
    assert [row[0] for row in found] == list(sections)
    assert [int(row[1], 16) for row in found] == hashes(sections)
    for (_, _, rows, columns, values), expected in zip(found, sections.values(), strict=True):
        assert (rows, columns) == (len(expected), expected.shape[1] if expected.ndim == 2 else 1)
        np.testing.assert_array_equal(np.float32(values), expected.ravel().astype(np.float32))
