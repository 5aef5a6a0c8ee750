"""What the options of `latentviz` mean; errors name the option and what it should look like."""

from __future__ import annotations

import math
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from latentviz.errors import DataError


def set_request(text: str) -> dict[str, str]:
    """``NAME=SOURCE:ROLE`` as a set of a request."""
    from latentviz.workspace.manifest import ROLES

    name, rest = pair(text, "--set")
    place, colon, role = rest.rpartition(":")
    if not colon or role not in ROLES:
        raise DataError(f'--set "{text}" names no role; write NAME=SOURCE:ROLE with one of {", ".join(ROLES)}.')
    return {"name": name, "role": role, "source": source(place)}


def source(text: str) -> str:
    """Where images are, so that it still holds in a background job."""
    from latentviz.datasets.sar import layout

    if text.startswith(layout.SAMPLE):
        place, domain, rendering = layout.parts(text)
        return f"{layout.SAMPLE}{place}:{domain}:{rendering}"
    is_elsewhere = text.startswith("torchvision:") or "," in text
    return text if is_elsewhere else str(Path(text).expanduser().absolute())


def pair(text: str, option: str) -> tuple[str, str]:
    """``NAME=VALUE``."""
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise DataError(f'{option} "{text}" is not of the form NAME=VALUE.')
    return key, value


def value(text: str) -> str | int | float:
    """A number where the text is one."""
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(text)
            return number if math.isfinite(number) else text
    return text


def absolute(path: Path | None) -> Path | None:
    """A path that still holds in a background job."""
    return None if path is None else path.expanduser().absolute()


def size(text: str | None) -> int | tuple[int, ...] | None:
    """``224`` or ``224x224``; None for nothing and for "none"."""
    if text is None or text == "none":
        return None
    try:
        sides = tuple(int(side) for side in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise DataError(f'"{text}" is not a size; write 224 or 224x224.') from None
    return sides[0] if len(sides) == 1 else sides


def numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    """Numbers with commas."""
    try:
        return None if text is None else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise DataError(f'{option} "{text}" is not a list of numbers such as 0.485,0.456,0.406.') from None


def names(text: str) -> list[str]:
    """Names with commas; none of nothing."""
    return [name.strip() for name in text.split(",") if name.strip()]


def class_names(text: str | None) -> list[str] | None:
    """Names with commas, or a text file with one a line."""
    if text is None:
        return None
    path = Path(text)
    if path.suffix and os.path.isfile(path):  # unlike Path's, no error on a long list of names
        try:
            return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read as UTF-8 text with one class name a line: {error}.") from None
    if path.suffix == ".txt":
        raise DataError(f"The file of class names {path} does not exist.")
    return [part.strip() for part in text.split(",")]


def preprocessing_changes(
    resize: str | None, crop: str | None, mean: str | None, std: str | None, clip: str | None = None, **others: Any
) -> dict[str, Any]:
    """What was asked of :class:`latentviz.Preprocessing`; what was not is left out."""
    changes = others | {
        "resize": size(resize),
        "crop": size(crop),
        "mean": numbers(mean, "--mean"),
        "std": numbers(std, "--std"),
        "clip": numbers(clip, "--clip"),
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    return changes | {key: None for key, text in (("resize", resize), ("crop", crop)) if text == "none"}


def severities(text: str) -> list[int]:
    """``1-5`` or ``1,3,5`` as numbers."""
    found: list[int] = []
    for part in text.split(","):
        numbers = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if numbers is None:
            raise DataError(f'--severities: "{text}" is not of the form 1-5 or 1,3,5.')
        low, high = int(numbers[1]), int(numbers[2] or numbers[1])
        found += range(low, high + 1)
    if wrong := [number for number in found if not 1 <= number <= 5]:
        raise DataError(f"{wrong[0]} is not a severity; there are 1 to 5.")
    return sorted(set(found))
