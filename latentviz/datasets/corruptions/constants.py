"""How strong each severity is, for small and for large images.

Of the common corruptions ``SMALL`` is CIFAR-10-C's, for images up to 32 pixels, and ``LARGE`` is ImageNet-C's, from 64
pixels on; in between see :meth:`Strengths.at`. Both were published by Hendrycks and Dietterich 2019, arXiv 1903.12261,
as code: ``make_cifar_c.py`` and ``make_imagenet_c.py`` in github.com/hendrycks/robustness. With ImageNet-C's constants
images of 32 pixels are ruined from severity 1 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

SEVERITIES = (1, 2, 3, 4, 5)

#: Shorter sides in pixels, up to which and from which the two published tables hold.
SMALL_SIDE, LARGE_SIDE = 32, 64

Row = tuple[float, ...]


@dataclass(frozen=True)
class Strengths:
    """Constants of the five severities.

    Attributes
    ----------
    small, large : tuple of tuples
        One row a severity, for images up to ``SMALL_SIDE`` and from ``LARGE_SIDE`` pixels on.
    """

    small: tuple[Row, ...]
    large: tuple[Row, ...]

    def at(self, severity: int, side: int) -> Row:
        """The constants of a severity for images whose shorter side has so many pixels.

        Between the two sizes each constant is a power of the side, or linear in it where a table has 0. Where a
        whole number is needed (a radius, a JPEG quality) the corruption rounds it.

        Examples
        --------
        >>> [GAUSSIAN_NOISE.at(5, side)[0] for side in (8, 32, 64, 224)]
        [0.1, 0.1, 0.38, 0.38]
        >>> round(GAUSSIAN_NOISE.at(5, 45)[0], 3)
        0.193
        """
        small, large = self.small[severity - 1], self.large[severity - 1]
        if side <= SMALL_SIDE:
            return small
        if side >= LARGE_SIDE:
            return large
        power = log2(side / SMALL_SIDE) / log2(LARGE_SIDE / SMALL_SIDE)
        share = (side - SMALL_SIDE) / (LARGE_SIDE - SMALL_SIDE)
        return tuple(
            a ** (1 - power) * b**power if a > 0 and b > 0 else a + (b - a) * share
            for a, b in zip(small, large, strict=True)
        )


def _column(*values: float) -> tuple[Row, ...]:
    return tuple((value,) for value in values)


def _nested(*values: float) -> tuple[Row, ...]:
    """Each severity with those before it."""
    return tuple(values[: index + 1] for index in range(len(values)))


def _fixed(*values: float) -> Strengths:
    return Strengths(_column(*values), _column(*values))


# Noise. Standard deviations and shares are on the scale 0 to 1; photons are those of a white pixel.
GAUSSIAN_NOISE = Strengths(_column(0.04, 0.06, 0.08, 0.09, 0.10), _column(0.08, 0.12, 0.18, 0.26, 0.38))
SHOT_NOISE = Strengths(_nested(500, 250, 100, 75, 50), _nested(60, 25, 12, 5, 3))
IMPULSE_NOISE = Strengths(_column(0.01, 0.02, 0.03, 0.05, 0.07), _column(0.03, 0.06, 0.09, 0.17, 0.27))
SPECKLE_NOISE = Strengths(_column(0.06, 0.1, 0.12, 0.16, 0.2), _column(0.15, 0.2, 0.35, 0.45, 0.6))

# Blur. Radius of the disk, standard deviation that softens its edge.
DEFOCUS_BLUR = Strengths(
    ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
)
# Standard deviation, largest step, rounds.
GLASS_BLUR = Strengths(
    ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
)
# Radius and standard deviation of the streak.
MOTION_BLUR = Strengths(
    ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
)
# End and step of the factors.
ZOOM_BLUR = Strengths(
    ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
)
GAUSSIAN_BLUR = Strengths(_column(0.4, 0.6, 0.7, 0.8, 1), _column(1, 2, 3, 4, 6))

# Weather. Mean and deviation of the flakes, their size, the threshold, radius and deviation of the streak, share of the
# picture that is not whitened.
SNOW = Strengths(
    (
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
)
# Weights of picture and frost, scale of the photograph of frost, from how many photographs.
FROST = Strengths(
    tuple((*weights, 0.2, 5) for weights in ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))),
    tuple((*weights, 1.1, 6) for weights in ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))),
)
# Weight, and how fast its structure decays.
FOG = Strengths(
    ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
)
BRIGHTNESS = Strengths(_column(0.05, 0.1, 0.15, 0.2, 0.3), _column(0.1, 0.2, 0.3, 0.4, 0.5))
# Mean and deviation of the liquid, its smoothing, the threshold, opacity (of mud: softness), 0 for water or 1 for mud.
SPATTER = Strengths(
    (
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
    (
        (0.65, 0.3, 4, 0.69, 0.6, 0),
        (0.65, 0.3, 3, 0.68, 0.6, 0),
        (0.65, 0.3, 2, 0.68, 0.5, 0),
        (0.65, 0.3, 1, 0.65, 1.5, 1),
        (0.67, 0.4, 1, 0.65, 1.5, 1),
    ),
)

# Digital.
CONTRAST = Strengths(_column(0.75, 0.5, 0.4, 0.3, 0.15), _column(0.4, 0.3, 0.2, 0.1, 0.05))
# Displacement, its smoothing, affine displacement; all in shares of the shorter side. The library's displacement is
# 250 x 0.05 (0.065, ...) times 0.005 sides, without an affine map.
ELASTIC_TRANSFORM = Strengths(
    ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
    ((0.0625, 0.01, 0), (0.08125, 0.01, 0), (0.10625, 0.01, 0), (0.125, 0.01, 0), (0.15, 0.01, 0)),
)
PIXELATE = Strengths(_column(0.95, 0.9, 0.85, 0.75, 0.65), _column(0.6, 0.5, 0.4, 0.3, 0.25))
JPEG_COMPRESSION = Strengths(_column(80, 65, 58, 50, 40), _column(25, 18, 15, 10, 7))
# Factor and summand of the saturation: less of it in severities 1 and 2, more from 3 on.
SATURATE = Strengths(
    ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
    ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
)

# Radar; ours, the same at every size.
SAR_LOOKS = _fixed(16, 8, 4, 2, 1)
SAR_SNR = _fixed(20, 15, 10, 5, 0)  # dB
SAR_PHASE = _fixed(0.25, 0.5, 1, 2, 4)  # multiples of π at the band's edge
SAR_SHIFT = _fixed(0.01, 0.02, 0.04, 0.06, 0.08)  # shares of the shorter side
SAR_CLUTTER = _fixed(1.5, 2, 3, 4, 6)  # dB
