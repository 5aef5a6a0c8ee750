"""Rows of small images with what the model makes of each: a table that Streamlit has no element for."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from PIL import Image

#: Pixels of an image on the page.
_SIDE = 72

_STYLE = f"""<style>
.lv-grid {{ display: grid; gap: 10px 28px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); }}
.lv-row h4 {{ margin: 0 0 4px; padding: 0; font-size: 0.95rem; font-weight: 600; }}
.lv-row ol {{ display: flex; gap: 8px; margin: 0; padding: 0; list-style: none; overflow-x: auto; }}
.lv-row li {{ flex: 1 1 56px; min-width: 56px; max-width: {_SIDE + 8}px; margin: 0; font-size: 0.75rem;
  line-height: 1.35; }}
.lv-row img {{ width: 100%; max-width: {_SIDE}px; aspect-ratio: 1; object-fit: contain;
  border-radius: 4px; display: block;
  image-rendering: pixelated; border: 2px solid transparent; }}
.lv-row .wrong img {{ border-color: #c9425f; }}
.lv-row .wrong b::after {{ content: " ✗"; color: #c9425f; }}
.lv-row li span {{ display: block; opacity: 0.75; white-space: nowrap; }}
</style>"""


@dataclass(frozen=True, eq=False)
class Cell:
    """One image.

    Attributes
    ----------
    image : ndarray of shape (side, side, 3), uint8, or None
        None where no image was stored.
    title : str
        What it is, for who cannot see it, and above it.
    prediction : str
    is_right : bool or None
        None without a label.
    numbers : dict of float
        By name.
    """

    image: np.ndarray | None
    title: str
    prediction: str
    is_right: bool | None
    numbers: Mapping[str, float]


def draw(rows: Mapping[str, Sequence[Cell]]) -> None:
    """Rows by name, side by side as many as there is room for."""
    st.html(_STYLE + f'<div class="lv-grid">{"".join(_row(name, cells) for name, cells in rows.items())}</div>')


def _row(name: str, cells: Sequence[Cell]) -> str:
    items = "".join(_item(name, cell) for cell in cells)
    return f'<section class="lv-row"><h4>{escape(name.capitalize())}</h4><ol>{items}</ol></section>'


def _item(name: str, cell: Cell) -> str:
    lines = "".join(
        f"<span>{escape(what)} {value:.3g}</span>".replace("-", "−") for what, value in cell.numbers.items()
    )
    said = f"{' '.join(filter(None, (name, cell.title)))}: {cell.prediction}" + (
        ", wrong" if cell.is_right is False else ""
    )
    image = "" if cell.image is None else f'<img alt="{escape(said)}" src="{_address(cell.image)}">'
    title = f"<span>{escape(cell.title)}</span>" if cell.title else ""
    kind = ' class="wrong"' if cell.is_right is False else ""
    return f"<li{kind}>{image}{title}<b>{escape(cell.prediction)}</b>{lines}</li>"


def _address(image: np.ndarray) -> str:
    """The image itself, so that a grid is one message and not a hundred requests."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
