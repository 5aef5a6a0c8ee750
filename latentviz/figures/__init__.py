"""Tables and arrays → plotly figures; one module a page."""

from latentviz.figures import against_accuracy, colouring, density, latent_map, magnitude, overview, scores, style

__all__ = ["against_accuracy", "colouring", "density", "latent_map", "magnitude", "overview", "scores", "style"]
