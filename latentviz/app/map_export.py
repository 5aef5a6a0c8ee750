"""The map as a file that opens by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app.scatter import standalone
from latentviz.app.scatter.component import Panel


def page(panels: list[Panel], points: pd.DataFrame, kept: np.ndarray | None, name: str) -> None:
    """Offer the map as one HTML file that needs neither the app nor a network."""
    st.download_button(
        "HTML",
        lambda: standalone.page(panels, points, kept, name).encode(),
        f"{name}.html",
        "text/html",
        icon=":material/download:",
        on_click="ignore",
        help="One file with the samples that are shown: turns, zooms and hovers without the app.",
    )
