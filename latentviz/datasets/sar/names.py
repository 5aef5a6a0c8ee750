"""What the file names of SAMPLE and its relatives say about a chip: class, domain, pose and serial number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Words for where a chip comes from. Our own synthetic demo calls what stands for the measured chips "pseudo".
DOMAINS = {
    "synth": "simulated",
    "synthetic": "simulated",
    "simulated": "simulated",
    "sim": "simulated",
    "real": "measured",
    "measured": "measured",
    "meas": "measured",
    "pseudo": "measured",
}

#: Where Approx-SAMPLE puts the vehicle; written before the class.
PLACEMENTS = ("center", "random", "complex")

#: CAD models of Approx-SAMPLE that are not called as their class.
_MODELS = {"zsu234": "zsu23", "m35-3dscan": "m35", "m548-fine": "m548"}

_SUFFIX = re.compile(r"\.(?:png|jpe?g|bmp|tiff?|mat)$", re.IGNORECASE)
_DIFFERENCE = re.compile(r"_2difft$", re.IGNORECASE)
# Few digits before the point, so that no number is too large for a float.
_NUMBER = r"[0-9]{1,3}(?:[._][0-9]{1,30})?"
_NAME = re.compile(
    rf"(?P<head>.+?)(?:_elev(?:Deg)?_?(?P<elevation>{_NUMBER}))?(?:_az(?:Center)?_?(?P<azimuth>-?{_NUMBER}))?"
    r"(?:_serial_(?P<serial>.+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ChipName:
    """What a file name says.

    Attributes
    ----------
    class_name : str
        In lower case, as SAMPLE writes it.
    domain : {"simulated", "measured", ""}
        "" where the name does not say it.
    elevation : float or None
        Degrees above the horizon.
    azimuth : float or None
        Degrees in [0, 360).
    serial : str
        Of the vehicle; "" if unknown.
    configuration : str
        E.g. "A"; "" if unknown.
    """

    class_name: str
    domain: str
    elevation: float | None
    azimuth: float | None
    serial: str = ""
    configuration: str = ""


def parse(name: str) -> ChipName | None:
    """What a name says, with or without folders before it; None if it is not of this kind.

    Such a name says both angles, or the domain and one of them.

    References
    ----------
    B. Lewis et al., A SAR dataset for ATR development: the Synthetic and Measured Paired Labeled Experiment (SAMPLE),
    SPIE 10987 (2019).

    Examples
    --------
    >>> parse("2s1/2s1_real_A_elevDeg_015_azCenter_010_22_serial_b01.png")
    ChipName(class_name='2s1', domain='measured', elevation=15.0, azimuth=10.22, serial='b01', configuration='A')
    >>> parse("HB03333.015") is None
    True
    """
    found = _NAME.fullmatch(stem(name))
    if found is None:
        return None
    words = found["head"].split("_")
    if len(words) > 1 and words[0].lower() in PLACEMENTS:
        words = words[1:]
    place = _domain_word(words)
    if place is None:
        place = len(words) - 1 if len(words) > 1 and len(words[-1]) == 1 else len(words)
        domain, rest = "", words[place:]
    else:
        domain, rest = DOMAINS[words[place].lower()], words[place + 1 :]
    class_name = _class_of(words[:place])
    angles = [found["elevation"], found["azimuth"]]
    known = len(angles) - angles.count(None)
    if not class_name or len(rest) > 1 or known == 0 or (known == 1 and not domain):
        return None
    elevation, azimuth = (None if text is None else float(text.replace("_", ".")) for text in angles)
    if elevation is not None and elevation > 90:
        return None
    serial = found["serial"] or ""
    return ChipName(class_name, domain, elevation, _turned(azimuth), serial, rest[0].upper() if rest else "")


def stem(name: str) -> str:
    """A name without folders, image suffix and Approx-SAMPLE's ``_2difft``; other points belong to numbers.

    Examples
    --------
    >>> stem("random/2s1/2s1_synth_A_elevDeg_014_azCenter_40.98_2difft.png")
    '2s1_synth_A_elevDeg_014_azCenter_40.98'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return _DIFFERENCE.sub("", _SUFFIX.sub("", last))


def without_domain(name: str) -> str:
    """The stem of a name in lower case; if it is of this kind, without the word for the domain.

    Examples
    --------
    >>> without_domain("2s1/2s1_real_A_elevDeg_015_azCenter_010_22_serial_b01.png")
    '2s1_a_elevdeg_015_azcenter_010_22_serial_b01'
    """
    whole = stem(name)
    found = _NAME.fullmatch(whole)
    if found is None or parse(name) is None:
        return whole.lower()
    words = found["head"].split("_")
    place = _domain_word(words)
    head = words if place is None else words[:place] + words[place + 1 :]
    return ("_".join(head) + whole[found.end("head") :]).lower()


def metadata(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of what the names say, those of which at least one name says something.

    Parameters
    ----------
    names : sequence of N str

    Returns
    -------
    dict of str to ndarray of shape (N,)
        Some of ``elevation`` and ``azimuth`` (degrees, float64, NaN where unknown), ``serial`` and ``domain`` (objects,
        "" where unknown).
    """
    chips = [parse(name) for name in names]
    columns: dict[str, np.ndarray] = {}
    for angle in ("elevation", "azimuth"):
        read = [None if chip is None else getattr(chip, angle) for chip in chips]
        values = np.array([np.nan if value is None else value for value in read], dtype=np.float64)
        if not np.isnan(values).all():
            columns[angle] = values
    for word in ("serial", "domain"):
        words = np.array(["" if chip is None else getattr(chip, word) for chip in chips], dtype=object)
        if any(words):
            columns[word] = words
    return columns


def _domain_word(words: list[str]) -> int | None:
    """Which word is the domain: the last, and never the first, which is the class even if it is called "sim"."""
    return next((n for n in range(len(words) - 1, 0, -1) if words[n].lower() in DOMAINS), None)


def _class_of(words: list[str]) -> str:
    """The class, which Approx-SAMPLE often writes twice: as it is and as its CAD model is called."""
    lower = [word.lower() for word in words]
    if len(lower) == 2 and _MODELS.get(lower[1], lower[1]) == lower[0]:
        return lower[0]
    whole = "_".join(lower)
    return _MODELS.get(whole, whole)


def _turned(azimuth: float | None) -> float | None:
    if azimuth is None:
        return None
    turned = math.fmod(azimuth, 360)
    turned += 360 if turned < 0 else 0
    return 0.0 if turned >= 360 else turned  # a tiny negative angle rounds up to 360
