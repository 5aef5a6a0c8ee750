"""A two-dimensional map of some sets for pages beside the latent map."""

from __future__ import annotations

import streamlit as st

from latentviz import projection
from latentviz.app import show
from latentviz.projection import Layout, LayoutSpec
from latentviz.workspace import Run

#: Above this many samples a UMAP takes long: the page Latent map computes it in the background.
_UNASKED = 20_000
#: UMAP needs more than a handful of samples.
_FEWEST = 5


def two_dimensional(run: Run, sets: tuple[str, ...], method: str, unit: bool) -> Layout:
    """UMAP or PCA of sets, stored or computed now; PCA, with a sentence, where UMAP would take long.

    Parameters
    ----------
    run : Run
    sets : tuple of str
    method : {"UMAP", "PCA"}
    unit : bool
        Features divided by their length.
    """
    samples = sum(len(run[name]) for name in sets)
    spec = LayoutSpec(sets=sets, normalise=unit, method="umap")
    if method == "PCA" or samples < _FEWEST:
        spec = spec.model_copy(update={"method": "pca"})
    found = projection.stored(run, spec)
    if found is not None:
        return found
    if spec.method == "umap" and samples > _UNASKED:
        st.caption(
            f"A UMAP of {samples:,} samples has not been computed yet; this is PCA. The page **Latent map** "
            f"computes it: choose {', '.join(sets)} alone there."
        )
        spec = spec.model_copy(update={"method": "pca"})
    with show.progress() as progress:
        return projection.compute(run, spec, progress)
