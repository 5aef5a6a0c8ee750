"""A map as one HTML file: data and program in it, so that it opens without the app and without a network."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentviz.app.scatter import served
from latentviz.app.scatter.component import HEIGHT, Panel, as_bytes, described
from latentviz.app.scatter.payload import encode

STATIC = Path(__file__).parent / "static"

#: Samples whose facts the file holds; of more it knows places and colours only.
MOST_FACTS = 50_000

# Columns, and what a sample's card calls them.
_FACTS = {
    "set": "Set",
    "label": "Class",
    "prediction": "Predicted",
    "confidence": "Confidence",
    "feature_norm": "Feature norm",
}


def page(panels: Sequence[Panel], points: pd.DataFrame, kept: np.ndarray | None, name: str) -> str:
    """The map as HTML.

    Parameters
    ----------
    panels : sequence of Panel
    points : DataFrame
        Of all N samples: ``id``, ``set`` and what else is known of them.
    kept : ndarray of shape (N,), bool, or None
        Samples that the file holds; None for all.
    name : str
        Title of the page, and of pictures saved from it.
    """
    rows = np.arange(len(points)) if kept is None else np.flatnonzero(kept)
    table = points.iloc[rows]
    arrays: dict[str, np.ndarray] = {}
    state = described(
        [_of_rows(panel, rows) for panel in panels],
        pd.factorize(table["set"])[0].astype(np.uint16),
        lambda values: served.reference(values, arrays, along=True),
    ) | {
        "samples": name,
        "height": HEIGHT,
        "name": name,
        "marked": [],
        "paths": [],
        "selection": {"shapes": [], "rows": None, "by": "", "serial": 0},
    }
    return _PAGE.format(
        title=html.escape(name),
        style=(STATIC / "map.css").read_text(encoding="utf-8"),
        modules=json.dumps({"imports": _modules()}),
        facts=_in_script(_facts(table)),
        data=base64.b64encode(encode({"state": as_bytes(state), **arrays})).decode(),
    )


def _of_rows(panel: Panel, rows: np.ndarray) -> Panel:
    towards = None if panel.towards is None else panel.towards[rows]
    return replace(
        panel,
        coordinates=panel.coordinates[rows],
        towards=towards,
        colour=panel.colour.at(rows),
        sample="here" if len(rows) <= MOST_FACTS else None,
    )


def _facts(table: pd.DataFrame) -> dict[str, Any] | None:
    if len(table) > MOST_FACTS:
        return None
    columns = {title: table[name] for name, title in _FACTS.items() if name in table}
    return {
        "ids": table["id"].astype(str).tolist(),
        "facts": {
            name: [f"{v:.3g}" for v in column] if column.dtype.kind == "f" else column.astype(str).tolist()
            for name, column in columns.items()
        },
    }


def _in_script(value: object) -> str:
    """JSON that cannot end the script it stands in."""
    return json.dumps(value).replace("<", "\\u003c")


def _modules() -> dict[str, str]:
    """The program's files as addresses that hold their content, by the names under which they import each other."""
    found = {}
    for path in sorted(STATIC.glob("*.js")):
        text = re.sub(r'from "\./', 'from "latentviz/', path.read_text(encoding="utf-8"))
        found[f"latentviz/{path.name}"] = "data:text/javascript;base64," + base64.b64encode(text.encode()).decode()
    return found


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 16px; background: #ffffff; color: #1c2430; font-family: system-ui, sans-serif; }}
h1 {{ font-size: 1.2rem; }}
@media (prefers-color-scheme: dark) {{
  body {{
    background: #12161c; color: #e6eaf0; --st-text-color: #e6eaf0; --st-background-color: #12161c;
    --st-secondary-background-color: #1b212a; --st-border-color: #2d3642; --st-primary-color: #4d8fe6;
  }}
}}
{style}
</style>
<h1>{title}</h1>
<div class="latentviz-map">This page needs a browser with WebGL2.</div>
<script type="importmap">{modules}</script>
<script type="module">
import {{ decode }} from "latentviz/payload.js";
import {{ View }} from "latentviz/view.js";
const known = {facts};
const bytes = Uint8Array.from(atob("{data}"), (letter) => letter.charCodeAt(0));
const {{ state, ...arrays }} = decode(bytes);
const root = document.querySelector(".latentviz-map");
const host = {{
  told() {{}},
  hidden() {{}},
  async describe(_, row) {{
    const facts = Object.entries(known.facts).map(([name, values]) => [name, values[row]]);
    return {{ title: known.ids[row], facts, image: null }};
  }},
}};
try {{
  root.view = new View(root, host);
}} catch (error) {{
  root.textContent = error.message;
}}
root.view?.show(JSON.parse(new TextDecoder().decode(state.values)), arrays);
</script>
</html>
"""
