"""Class moments and NC1–NC3 of 200,000 × 512 features of 100 classes in one pass, against one pass of ``X.T @ X``.

Both read the same chunks of float32 features and compute in float64; ``X.T @ X`` converts a chunk and multiplies it,
which is the least that any implementation has to do for the within-class scatter.

Target: at most 1.5 times as long, and at most 1.2 chunks + D² + C·D numbers in memory, the chunk among them.
"""

from __future__ import annotations

import statistics
import tracemalloc

import numpy as np
from _measure import interleaved, machine, parser, spread, table, verdict

from latentviz.geometry.class_moments import ClassMoments
from latentviz.geometry.neural_collapse import neural_collapse

TARGET = 1.5
SAMPLES, WIDTH, CLASSES, CHUNK = 200_000, 512, 100, 25_000


def main() -> None:
    options = parser(__doc__, repeats=5).parse_args()
    random = np.random.default_rng(0)
    labels = random.integers(CLASSES, size=SAMPLES)
    centres = 3 * random.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    features = random.normal(size=(SAMPLES, WIDTH)).astype(np.float32) + centres[labels]
    pieces = [slice(start, start + CHUNK) for start in range(0, SAMPLES, CHUNK)]
    weight = random.normal(size=(CLASSES, WIDTH))

    def ours() -> None:
        moments = ClassMoments(CLASSES, WIDTH)
        for piece in pieces:
            moments.update(features[piece], labels[piece])
        neural_collapse(moments, weight)

    def product() -> None:
        total = np.zeros((WIDTH, WIDTH))
        for piece in pieces:
            chunk = features[piece].astype(np.float64)
            total += chunk.T @ chunk

    ours()
    seconds = interleaved({"latentviz": ours, "X.T @ X": product}, options.repeats)
    print(f"\n{SAMPLES:,} × {WIDTH} features, {CLASSES} classes; {machine()}")
    table(["", "median", "range"], [[name, *spread(values)] for name, values in seconds.items()])
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    verdict("class moments and metrics ÷ X.T @ X", statistics.median(ratios), TARGET)
    tracemalloc.start()
    ours()
    chunk = features[pieces[0]].nbytes
    peak = tracemalloc.get_traced_memory()[1] + chunk  # a chunk as it comes from the disk
    verdict("peak memory", peak / 2**20, (1.2 * chunk + 8 * (WIDTH**2 + CLASSES * WIDTH)) / 2**20, " MB", 1)


if __name__ == "__main__":
    main()
