"""The fast engine: same seed, same layout; frames lead to it; as trustworthy as umap-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentviz.errors import Cancelled, DataError
from latentviz.projection import fast
from latentviz.projection.neighbours import graph
from latentviz.projection.quality import measure
from latentviz.projection.umap import start_from

pytest.importorskip("scranpy", reason="the fast engine needs scranpy")

SAMPLES = 400


@pytest.fixture(scope="module")
def data(clusters):
    features = clusters(SAMPLES)
    return features, *graph(features, 15), start_from(features[:, :2], seed=0)


def last(*arguments, **more) -> np.ndarray:
    *_, frame = fast.frames(*arguments, **more)
    assert frame.is_last
    return frame.coordinates


@given(st.integers(1, 2000))
def test_slices_are_the_epochs(epochs):
    sizes = fast.slices(epochs)
    assert sum(sizes) == epochs
    assert min(sizes) >= 1
    assert max(sizes) == sizes[-1] or epochs < 10


def test_many_samples_take_fewer_epochs():
    assert [fast.cold_epochs(samples) for samples in (10, 20_000, 20_001, 10**6)] == [100, 100, 40, 40]


def test_frames_count_up_to_the_layout(data):
    seen = []
    found = list(fast.frames(*data[1:], epochs=40, progress=lambda *r: seen.append(r)))
    assert [frame.epoch for frame in found] == [2, 6, 12, 20, 40]
    assert [frame.is_last for frame in found] == [False] * 4 + [True]
    assert all(frame.coordinates.shape == (SAMPLES, 2) for frame in found)
    assert all(frame.coordinates.dtype == np.float32 for frame in found)
    assert [done for _, done, _, _ in seen] == [0, 2, 6, 12, 20, 40]


def test_the_seed_decides(data):
    first = last(*data[1:], seed=3)
    np.testing.assert_array_equal(last(*data[1:], seed=3), first)
    assert not np.array_equal(last(*data[1:], seed=4), first)


def test_the_layout_keeps_neighbourhoods(data):
    features, indices, distances, start = data
    found = last(indices, distances, start)
    random = np.random.default_rng(0)
    scattered = random.normal(scale=5, size=start.shape).astype(np.float32)
    (before,), (after,) = (measure(lambda: iter([features]), [y], "euclidean") for y in (scattered, found))
    assert before.trustworthiness < 0.6
    assert after.trustworthiness > 0.9


@pytest.mark.parametrize("dimensions", [2, 3])
def test_points_that_start_in_one_place_are_told_apart(data, dimensions):
    _, indices, distances, _ = data
    start = start_from(np.zeros((SAMPLES, dimensions)), seed=0)
    found = last(indices, distances, start, epochs=20)
    assert found.shape == (SAMPLES, dimensions)
    assert len(np.unique(found, axis=0)) == SAMPLES


def test_duplicates_have_a_place():
    features = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    found = last(*graph(features, 5), start_from(features[:, :2], seed=0), epochs=20)
    assert np.isfinite(found).all()


def test_whoever_cancels_keeps_the_last_frame(data):
    def stop(_: str, done: int, *__: object) -> None:
        if done >= 12:
            raise Cancelled("stopped")

    frames = fast.frames(*data[1:], epochs=40, progress=stop)
    kept = [next(frames), next(frames)]
    with pytest.raises(Cancelled):
        next(frames)
    assert [frame.epoch for frame in kept] == [2, 6]


def test_another_min_dist_starts_from_the_layout_that_is_there(data):
    _, indices, distances, start = data
    first = last(indices, distances, start)
    warm = last(indices, distances, first, min_dist=0.8, epochs=fast.WARM, rate=fast.WARM_RATE)

    def nearest(points: np.ndarray) -> float:
        return float(np.median(graph(points, 2)[1][:, 1]))

    assert nearest(warm) > 1.5 * nearest(first)
    # Nothing flies away: where a point was, its neighbourhood still is.
    assert np.median(np.linalg.norm(warm - first, axis=1)) < 0.5 * np.ptp(first)


@settings(max_examples=20)
@given(k=st.integers(2, 30), seed=st.integers(0, 2**32 - 1), min_dist=st.floats(0, 0.99), spread=st.floats(0.5, 3))
def test_every_choice_gives_every_sample_a_place(data, k, seed, min_dist, spread):
    _, _, _, start = data
    indices, distances = graph(data[0], k)
    found = last(indices, distances, start, epochs=4, seed=seed, min_dist=min_dist, spread=max(spread, min_dist + 0.1))
    assert np.isfinite(found).all()


def test_too_few_samples_are_refused(data):
    with pytest.raises(DataError, match="more than 15"):
        next(fast.frames(*(array[:10] for array in data[1:])))
