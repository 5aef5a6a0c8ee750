"""What suits a kind of image: its preprocessing, and what may happen to it in training."""

from __future__ import annotations

from dataclasses import dataclass

from latentviz.datasets.preprocessing import Compression, Preprocessing
from latentviz.errors import DataError
from latentviz.training.recipe import Augmentation


@dataclass(frozen=True)
class Preset:
    """A kind of image.

    Attributes
    ----------
    title : str
    augmentation : {"crop-flip", "crop", "none"}
    preprocessing : Preprocessing or None
        None: the architecture's.
    """

    title: str
    augmentation: Augmentation
    preprocessing: Preprocessing | None = None


def _chips(compress: Compression) -> Preprocessing:
    return Preprocessing(channels="grey", crop=64, compress=compress, standardise=True)


#: By name. Mirrored digits and radar chips are something else: the one another sign, the other lit from the wrong side.
PRESETS = {
    "colour": Preset("Colour photographs", "crop-flip"),
    "grey": Preset("Grey images, digits", "crop", Preprocessing(channels="grey", mean=(0.5,), std=(0.5,))),
    # Native pixels: chips differ in size by class, which would show through a scale.
    "sar": Preset("Radar chips", "crop", _chips("sqrt")),
    "sar-quarter-power": Preset("Radar magnitudes, fourth root", "crop", _chips("quarter-power")),
    "sar-db": Preset("Radar magnitudes, decibels", "crop", _chips("db")),
    "sar-rendered": Preset("Radar chips rendered in dB or quarter power", "crop", _chips("none")),
}


def preset(name: str) -> Preset:
    """A kind of image by name.

    Raises
    ------
    DataError
        If there is none.
    """
    if name not in PRESETS:
        raise DataError(f'There is no preset "{name}"; choose {", ".join(PRESETS)}.')
    return PRESETS[name]
