"""Maps of the feature space: exact neighbours, PCA and UMAP layouts, and how far a map can be trusted."""

from latentviz.projection.graphs import neighbours_of
from latentviz.projection.layout import Layout, LayoutSpec, compute, quality_of, stored
from latentviz.projection.metrics import METRICS, Metric
from latentviz.projection.quality import Quality

__all__ = ["METRICS", "Layout", "LayoutSpec", "Metric", "Quality", "compute", "neighbours_of", "quality_of", "stored"]
