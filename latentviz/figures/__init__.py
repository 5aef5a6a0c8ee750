"""Tables and arrays → plotly figures; one module a page."""

from latentviz.figures import latent_map, magnitude, overview, scores, style

__all__ = ["latent_map", "magnitude", "overview", "scores", "style"]
