"""Tables and arrays → plotly figures; one module a page."""

from latentviz.figures import latent_map, overview

__all__ = ["latent_map", "overview"]
