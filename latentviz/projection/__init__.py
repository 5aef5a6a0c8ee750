"""Maps of the feature space: exact neighbours, PCA and UMAP layouts, and how far a map can be trusted."""

from typing import TYPE_CHECKING

from latentviz import lazy

if TYPE_CHECKING:
    from latentviz.projection.alignment import Aligned, aligned
    from latentviz.projection.fast import Frame
    from latentviz.projection.graphs import neighbours_of
    from latentviz.projection.imported import import_coordinates, imported_dimensions, imported_names
    from latentviz.projection.layout import compute
    from latentviz.projection.live import Live
    from latentviz.projection.metrics import METRICS, Metric
    from latentviz.projection.quality import Quality
    from latentviz.projection.spec import LayoutSpec
    from latentviz.projection.store import Layout, moved_here, named, stored
    from latentviz.projection.trust import distortion, quality_of

# Whoever lays out arrays, or looks a map up, does not wait for the rest to be imported.
__getattr__ = lazy.attributes(
    __name__,
    {
        "METRICS": "metrics",
        "Aligned": "alignment",
        "Frame": "fast",
        "Layout": "store",
        "LayoutSpec": "spec",
        "Live": "live",
        "Metric": "metrics",
        "Quality": "quality",
        "aligned": "alignment",
        "compute": "layout",
        "distortion": "trust",
        "import_coordinates": "imported",
        "imported_dimensions": "imported",
        "imported_names": "imported",
        "moved_here": "store",
        "named": "store",
        "neighbours_of": "graphs",
        "quality_of": "trust",
        "stored": "store",
    },
)

__all__ = [
    "METRICS",
    "Aligned",
    "Frame",
    "Layout",
    "LayoutSpec",
    "Live",
    "Metric",
    "Quality",
    "aligned",
    "compute",
    "distortion",
    "import_coordinates",
    "imported_dimensions",
    "imported_names",
    "moved_here",
    "named",
    "neighbours_of",
    "quality_of",
    "stored",
]
