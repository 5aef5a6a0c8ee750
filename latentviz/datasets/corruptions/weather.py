"""Snow, frost, fog, light and splashes; pixels are floats (H, W, channels) from 0 to 1."""

from __future__ import annotations

import numpy as np

from latentviz.datasets.corruptions import constants
from latentviz.datasets.corruptions.blur import smoothed, streaked, zoomed
from latentviz.datasets.corruptions.library import frost_photograph, library
from latentviz.datasets.corruptions.registry import register
from latentviz.datasets.corruptions.seeding import global_state, number

#: Luminance of red, green and blue (ITU-R BT.601).
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_WATER = np.array([175, 238, 238]) / 255
_MUD = np.array([63, 42, 20]) / 255


def luminance(colours: np.ndarray) -> np.ndarray:
    """(…, 3) or (…, 1) as (…, 1)."""
    return colours @ _LUMINANCE[:, None] if colours.shape[-1] == 3 else colours


def _as(colours: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Colours (…, 3), or their luminance on a grey picture."""
    return colours if pixels.shape[-1] == 3 else luminance(colours)


@register("Snow", "weather", constants.SNOW, min_side=16)
def snow(
    pixels: np.ndarray,
    random: np.random.Generator,
    mean: float,
    deviation: float,
    size: float,
    threshold: float,
    radius: float,
    streak: float,
    kept: float,
) -> np.ndarray:
    """Falling flakes in a whitened picture; the streaks are the library's, not ImageMagick's."""
    flakes = random.normal(size=pixels.shape[:2], loc=mean, scale=deviation)
    flakes = zoomed(flakes[..., None], size)[..., 0]
    flakes = np.where(flakes < threshold, 0, np.clip(flakes, 0, 1))
    flakes = streaked(flakes, radius, streak, random.uniform(-135, -45))
    flakes = np.round(flakes * 255)[..., None] / 255
    whitened = np.maximum(pixels, luminance(pixels) * 1.5 + 0.5)
    return kept * pixels + (1 - kept) * whitened + flakes + np.rot90(flakes, k=2)


@register("Frost", "weather", constants.FROST, min_side=4)
def frost(
    pixels: np.ndarray, random: np.random.Generator, weight: float, cover: float, scale: float, photographs: float
) -> np.ndarray:
    """A piece of a photograph of ice crystals over the picture."""
    cv2 = library("cv2")
    photograph = frost_photograph(int(random.integers(round(photographs))))
    # Large enough for a picture of any shape, with room to choose the piece.
    needed = max(side / available for side, available in zip(pixels.shape[:2], photograph.shape, strict=False))
    scale = max(scale, 1.1 * needed)
    size = [int(np.ceil(side * scale)) for side in photograph.shape[:2]]
    ice = cv2.resize(photograph, size[::-1], interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR)
    top, left = (int(random.integers(0, size[axis] - pixels.shape[axis])) for axis in (0, 1))
    ice = ice[top : top + pixels.shape[0], left : left + pixels.shape[1]] / 255
    return weight * pixels + cover * _as(ice, pixels)


@register("Fog", "weather", constants.FOG, min_side=16)
def fog(pixels: np.ndarray, random: np.random.Generator, weight: float, decay: float) -> np.ndarray:
    """A cloud of fractal height (diamond-square) added, then scaled back to the picture's maximum."""
    brightest = pixels.max()
    size = 2 ** int(np.ceil(np.log2(max(pixels.shape))))
    with global_state(number(random)):
        cloud = library().plasma_fractal(mapsize=size, wibbledecay=decay)
    result: np.ndarray = pixels + weight * cloud[: pixels.shape[0], : pixels.shape[1], None]
    return result * brightest / (brightest + weight)


@register("Brightness", "weather", constants.BRIGHTNESS, seeded=False)
def brightness(pixels: np.ndarray, random: np.random.Generator, summand: float) -> np.ndarray:
    """More of HSV's value; of grey pictures, of the value itself."""
    if pixels.shape[2] == 1:
        return pixels + summand
    return in_hsv(pixels, channel=2, factor=1, summand=summand)


def in_hsv(pixels: np.ndarray, channel: int, factor: float, summand: float) -> np.ndarray:
    """Scale and shift one channel of hue, saturation and value; (H, W, 3)."""
    color = library("skimage.color")
    hsv: np.ndarray = color.rgb2hsv(pixels)
    hsv[..., channel] = np.clip(hsv[..., channel] * factor + summand, 0, 1)
    result: np.ndarray = color.hsv2rgb(hsv)
    return result


@register("Spatter", "weather", constants.SPATTER, min_side=8, held_out=True)
def spatter(
    pixels: np.ndarray,
    random: np.random.Generator,
    mean: float,
    deviation: float,
    smoothing: float,
    threshold: float,
    opacity: float,
    mud: float,
) -> np.ndarray:
    """Drops of water, or from severity 4 on of mud, on the lens."""
    liquid = smoothed(random.normal(size=pixels.shape[:2], loc=mean, scale=deviation), smoothing)
    liquid[liquid < threshold] = 0
    if mud:
        drops = smoothed((liquid > threshold).astype(np.float32), opacity)
        drops = np.where(drops < 0.8, 0, drops)[..., None]
        return pixels * (1 - drops) + _as(_MUD * drops, pixels)
    return pixels + _as(np.clip(_drops(liquid) * opacity, 0, 1)[..., None] * _WATER, pixels)


def _drops(liquid: np.ndarray) -> np.ndarray:
    """Shaded drops (H, W) from 0 to 1 where there is liquid; the published sequence of filters."""
    cv2 = library("cv2")
    liquid = (np.clip(liquid, 0, 1) * 255).astype(np.uint8)
    away = cv2.distanceTransform(255 - cv2.Canny(liquid, 50, 150), cv2.DIST_L2, 5)
    shade = cv2.equalizeHist(cv2.blur(np.minimum(away, 20), (3, 3)).astype(np.uint8))
    relief = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    shade = cv2.blur(cv2.filter2D(shade, cv2.CV_8U, relief), (3, 3)).astype(np.float32)
    drops: np.ndarray = liquid * shade
    highest = drops.max()
    return drops / highest if highest > 0 else drops  # no drop: the published code divides 0 by 0
