"""Random numbers that depend on an image's name alone, also in a library that draws from NumPy's global state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from threading import Lock

import numpy as np

_global_state = Lock()


def generator(seed: int, name: str, key: str) -> np.random.Generator:
    """A generator of one corruption on one image.

    The severity is left out on purpose: an image has the same noise at every severity, only more of it, so that
    its way through the latent space from severity to severity is smooth.

    Parameters
    ----------
    seed : int
    name : str
        Of the corruption.
    key : str
        The image's id.
    """
    # No name has a zero byte, so different arguments never give the same text. File names may have surrogates.
    text = f"{int(seed)}\0{name}\0{key}".encode(errors="surrogatepass")
    return np.random.default_rng(int.from_bytes(blake2b(text, digest_size=16).digest(), "little"))


def number(random: np.random.Generator) -> int:
    """A seed for another generator, 0 to 2³² - 1."""
    return int(random.integers(2**32))


@contextmanager
def global_state(seed: int) -> Iterator[None]:
    """NumPy's global random state seeded, and as it was afterwards.

    Threads wait for each other here. One that draws from the global state elsewhere at the same time would get
    and take numbers of this seed; nothing of latentviz does.
    """
    with _global_state:
        before = np.random.get_state()  # noqa: NPY002 - the libraries use it
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
