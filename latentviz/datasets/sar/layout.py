"""Where the SAMPLE data set keeps its chips."""

from __future__ import annotations

import os
from pathlib import Path

from latentviz.errors import DataError

#: How a text begins that names a part of it: ``sample:DIR:real``, ``sample:DIR:synth:decibel``.
SAMPLE = "sample:"

DOMAINS = ("real", "synth")
#: The renderings of the PNG chips, and the complex chips.
RENDERINGS = ("qpm", "decibel", "mat")

#: The folders that hold the domains.
_PNG, _MAT = "png_images", "mat_files"


def parts(text: str) -> tuple[Path, str, str]:
    """Folder, domain and rendering of ``sample:DIR:DOMAIN[:RENDERING]``; quarter-power PNG chips by default.

    Raises
    ------
    DataError
        If there is no such domain or rendering.

    Examples
    --------
    >>> place, domain, rendering = parts("sample:/data/SAMPLE:synth:mat")
    >>> place.name, domain, rendering
    ('SAMPLE', 'synth', 'mat')
    """
    # From the right: a folder may have colons, as on Windows.
    rest, _, last = text.removeprefix(SAMPLE).rpartition(":")
    rendering = "qpm"
    if last in RENDERINGS:
        rendering = last
        rest, _, last = rest.rpartition(":")
    if last not in DOMAINS or not rest:
        raise DataError(
            f'"{text}" is not of the form sample:DIR:DOMAIN or sample:DIR:DOMAIN:RENDERING with a domain of '
            f"{', '.join(DOMAINS)} and a rendering of {', '.join(RENDERINGS)}."
        )
    return Path(os.path.expanduser(rest)).absolute(), last, rendering


def sample_folder(text: str) -> Path:
    """The folder with the class folders of one domain.

    Parameters
    ----------
    text : str
        See :func:`parts`.

    Raises
    ------
    DataError
        As :func:`parts`, or if the folder is not there.

    References
    ----------
    B. Lewis et al., A SAR dataset for ATR development: the Synthetic and Measured Paired Labeled Experiment (SAMPLE),
    SPIE 10987 (2019), github.com/benjaminlewis-afrl/SAMPLE_dataset_public.
    """
    root, domain, rendering = parts(text)
    inner = Path(_MAT, domain) if rendering == "mat" else Path(_PNG, rendering, domain)
    found = next((root / p for p in (inner, Path(*inner.parts[1:])) if (root / p).is_dir()), None)
    if found is None:
        raise DataError(f"{root} has no folder {inner}; give the folder that holds {_PNG} and {_MAT}.")
    return found


def advice(root: Path) -> str:
    """What to write instead, if a folder is one above the domains of SAMPLE; "" otherwise.

    Its subfolders would be taken for classes.
    """
    names = {path.name for path in root.iterdir() if path.is_dir()}
    above = next((p for p in (root, *root.parents[:2]) if (p / _PNG).is_dir() or (p / _MAT).is_dir()), None)
    if above is None or not (names & {_PNG, _MAT} or names in ({"qpm", "decibel"}, set(DOMAINS))):
        return ""
    ending = ":mat" if root.name == _MAT or not (above / _PNG).is_dir() else ""
    return (
        f"{root} holds SAMPLE's domains, not classes. Choose one: {SAMPLE}{above}:real{ending} for the measured chips, "
        f"{SAMPLE}{above}:synth{ending} for the simulated ones."
    )
