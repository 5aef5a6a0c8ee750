"""Where the radar is, and which places boxes hide from it."""

from __future__ import annotations

import numpy as np

from latentviz.datasets.sar.point_spread import SPACING


def directions(azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors to the radar and along cross-range, (3,) each, in the target's frame; angles in degrees."""
    theta, phi = np.deg2rad(azimuth), np.deg2rad(elevation)
    towards = np.array([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)])
    return towards, np.array([-np.sin(theta), np.cos(theta), 0.0])


def hidden(points: np.ndarray, towards: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Whether the ray from a point towards the radar passes through a box.

    Every box is three pairs of parallel planes; a ray is inside where it is between all three (slab test). The wave
    is a ray here: nothing bends around an edge, and the radar is so far away that all rays are parallel.

    Parameters
    ----------
    points : ndarray of shape (P, 3)
        Metres.
    towards : ndarray of shape (3,)
        Unit vector to the radar.
    boxes : ndarray of shape (B, 2, 3)
        Lower and upper corners.

    Returns
    -------
    ndarray of shape (P,), bool

    References
    ----------
    T. L. Kay, J. T. Kajiya, Ray tracing complex scenes, SIGGRAPH 1986.
    """
    enter = np.zeros((len(points), len(boxes)))  # a ray begins at its point
    leave = np.full((len(points), len(boxes)), np.inf)
    for axis in range(3):
        # A ray along a slab is either always or never inside: a tiny slope says so without a case of its own.
        slope = towards[axis] if abs(towards[axis]) > 1e-12 else 1e-12
        first, second = ((boxes[None, :, end, axis] - points[:, None, axis]) / slope for end in (0, 1))
        np.maximum(enter, np.minimum(first, second), out=enter)
        np.minimum(leave, np.maximum(first, second), out=leave)
    return np.asarray((enter < leave).any(axis=1))


def shadow(boxes: np.ndarray, azimuth: float, elevation: float, size: int) -> np.ndarray:
    """Pixels (size, size) whose ground the boxes (B, 2, 3) hide from the radar; bool.

    At height 0 a slant range r is ``r / cos φ`` behind the origin.
    """
    towards, across = directions(azimuth, elevation)
    metres = (np.arange(size) - size / 2) * SPACING
    behind = -np.array([towards[0], towards[1], 0.0]) / np.cos(np.deg2rad(elevation)) ** 2
    points = metres[:, None, None] * behind + metres[None, :, None] * across
    return hidden(points.reshape(-1, 3), towards, boxes).reshape(size, size)
