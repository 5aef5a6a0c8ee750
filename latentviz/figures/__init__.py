"""Tables and arrays → plotly figures; one module a page."""

from latentviz.figures import colouring, density, latent_map, magnitude, overview, scores, style

__all__ = ["colouring", "density", "latent_map", "magnitude", "overview", "scores", "style"]
