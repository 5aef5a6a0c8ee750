"""The radar demo's images: registered pairs of synthetic chips, idealised ("synth") and pseudo-measured ("pseudo").

The question they ask is that of SAMPLE: what does a classifier that was trained on simulated chips do on measured
ones? Nothing here was measured. The names are SAMPLE's, with "pseudo" instead of "real", so that both of a pair are
found by name.

B. Lewis, T. Scarnati, E. Sudkamp, J. Nehrbass, S. Rosencrantz, E. Zelnio, A SAR dataset for ATR development: the
Synthetic and Measured Paired Labeled Experiment (SAMPLE), Proc. SPIE 10987 (2019).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from latentviz.datasets.corruptions.seeding import generator
from latentviz.datasets.sar.simulator import PSEUDO_MEASURED, SIMULATED, Conditions, simulate, to_bytes
from latentviz.datasets.sar.targets import CONFUSERS, TARGETS, Target, variant
from latentviz.errors import DataError
from latentviz.progress import Progress, silent

#: Role of every folder, in the order in which the app shows them.
ROLES = {
    "train-simulated": "fit",
    "test-simulated": "ind",
    "train-pseudo-measured": "shifted",
    "test-pseudo-measured": "shifted",
    "other-serials": "shifted",
    "steeper": "shifted",
    "confusers": "ood",
}

#: The two sets whose chips are compared pair by pair; training has seen neither.
PAIRED = ("test-simulated", "test-pseudo-measured")

#: Azimuths in degrees, first and last, and the elevations that take turns over them.
FIRST, LAST = 10.0, 80.0
ELEVATIONS = (14, 15, 16, 17)

#: Elevation of "steeper".
STEEP = 30

#: Every fifth azimuth is held out, from the third on; elevations take turns over these as well.
_EVERY, _HELD_OUT = 5, 2

#: Serial numbers of "other-serials".
SERIALS = ("b02", "b03")

#: Of the images; a change of what is written needs a new one.
VERSION = 1

_SETTINGS = "demo-set.json"


@dataclass(frozen=True)
class Chip:
    """One image to be written."""

    folder: str
    target: Target
    azimuth: float
    elevation: int
    measured: bool

    @property
    def path(self) -> str:
        """``set/class/name.png`` inside the demo's folder."""
        return f"{self.folder}/{self.target.name}/{chip_name(self)}"


def chip_name(chip: Chip) -> str:
    """SAMPLE's name: ``tank_synth_A_elevDeg_015_azCenter_010_22_serial_b01.png``."""
    domain = "pseudo" if chip.measured else "synth"
    azimuth = f"{chip.azimuth:06.2f}".replace(".", "_")
    return (
        f"{chip.target.name}_{domain}_A_elevDeg_{chip.elevation:03d}_azCenter_{azimuth}_serial_{chip.target.serial}.png"
    )


def write_demo_set(folder: Path | str, *, step: float = 1.0, seed: int = 0, progress: Progress = silent) -> None:
    """Write the demo's sets as ``folder/set/class/name.png``; what is there already stays.

    - "train-simulated" and "test-simulated": idealised chips of the ten types from azimuth 10 to 80 degrees; the
      test set has every fifth azimuth, which training does not see.
    - "train-pseudo-measured" and "test-pseudo-measured": their pseudo-measured twins.
    - "other-serials": pseudo-measured chips of other vehicles of the same types, at the test azimuths.
    - "steeper": pseudo-measured chips at 30 degrees of elevation, at the test azimuths.
    - "confusers": pseudo-measured objects of no known type, at the test azimuths.

    The chips have 64 by 64 pixels of 8 bits, quarter-power on one scale. The same seed and step give the same bytes.

    Parameters
    ----------
    folder : path
    step : float
        Mean distance of two azimuths in degrees, 0.1 to 35.
    seed : int
    progress : Progress

    Raises
    ------
    DataError
        If the step or the seed is out of its range, or the folder has the chips of another step, seed or version.
    """
    from threadpoolctl import threadpool_limits

    root = Path(folder)
    plan = list(chips(step, seed))
    _claim(root, {"version": VERSION, "step": float(step), "seed": int(seed)})
    for place in sorted({(root / chip.path).parent for chip in plan}):
        place.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(1):  # threads of matrices this small wait for each other more than they work
        for done, chip in enumerate(plan):
            progress("Writing radar chips", done, len(plan), "images")
            path = root / chip.path
            if not path.exists():
                partial = path.with_suffix(".partial")  # an interruption must not leave half an image
                Image.fromarray(_pixels(chip, seed)).save(partial, format="PNG")
                partial.replace(path)
    progress("Writing radar chips", len(plan), len(plan), "images")


def chips(step: float = 1.0, seed: int = 0) -> Iterator[Chip]:
    """All chips of the demo, in the order in which they are written."""
    if not 0.1 <= step <= 35:
        raise DataError(f"The azimuth step is {step} degrees; expected 0.1 to 35, so that every set has some.")
    if seed < 0:
        raise DataError(f"The seed is {seed}; expected 0 or more.")
    others = {name: [variant(target, serial, seed) for serial in SERIALS] for name, target in TARGETS.items()}
    for name, target in TARGETS.items():
        for number, (azimuth, elevation) in enumerate(_aspects(name, step, seed)):
            held_out = number % _EVERY == _HELD_OUT
            half = "test" if held_out else "train"
            yield Chip(f"{half}-simulated", target, azimuth, elevation, measured=False)
            yield Chip(f"{half}-pseudo-measured", target, azimuth, elevation, measured=True)
            if held_out:
                other = others[name][number // _EVERY % len(SERIALS)]
                yield Chip("other-serials", other, azimuth, elevation, measured=True)
                yield Chip("steeper", target, azimuth, STEEP, measured=True)
    for name, target in CONFUSERS.items():
        for azimuth, elevation in list(_aspects(name, step, seed))[_HELD_OUT::_EVERY]:
            yield Chip("confusers", target, azimuth, elevation, measured=True)


def _aspects(name: str, step: float, seed: int) -> Iterator[tuple[float, int]]:
    """Azimuths and elevations of a type, about every ``step`` degrees; rounded as the file's name tells them."""
    random = generator(seed, "sar aspects", name)
    count = int((LAST - FIRST) / step + 1e-9) + 1
    for number in range(count):
        azimuth = FIRST + number * step + random.uniform(-0.3, 0.3) * step
        yield round(float(np.clip(azimuth, FIRST, LAST)), 2), ELEVATIONS[number % len(ELEVATIONS)]


def _pixels(chip: Chip, seed: int) -> np.ndarray:
    conditions: Conditions = PSEUDO_MEASURED if chip.measured else SIMULATED
    # The speckle of a pair is not the same: nobody simulates the grains of one piece of ground.
    own = 2 * seed + int(chip.measured)
    return to_bytes(simulate(chip.target, chip.azimuth, chip.elevation, conditions, seed=own))


def _claim(root: Path, settings: dict[str, float]) -> None:
    """Note what the folder has, so that chips of two settings are not mixed."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / _SETTINGS
    text = json.dumps(settings, indent=2) + "\n"
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    elif path.read_text(encoding="utf-8") != text:
        raise DataError(f"{root} has radar chips of another step, seed or version; choose another folder or delete it.")
