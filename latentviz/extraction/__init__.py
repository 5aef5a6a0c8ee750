"""Model × image sets → run: one pass for features, logits, labels and thumbnails."""

from typing import TYPE_CHECKING

from latentviz import lazy
from latentviz.extraction.request import CorruptionRequest, LayersRequest, Request, SetRequest, VersionsRequest

if TYPE_CHECKING:
    from latentviz.extraction.corrupting import corrupt
    from latentviz.extraction.job import corrupt_request, layers_request, run_request
    from latentviz.extraction.layers import layer_names, layer_states
    from latentviz.extraction.previewing import Preview, preview
    from latentviz.extraction.run import extract

__getattr__ = lazy.attributes(
    __name__,
    {
        "Preview": "previewing",
        "corrupt": "corrupting",
        "corrupt_request": "job",
        "extract": "run",
        "layer_names": "layers",
        "layer_states": "layers",
        "layers_request": "job",
        "preview": "previewing",
        "run_request": "job",
    },
)

__all__ = [
    "CorruptionRequest",
    "LayersRequest",
    "Preview",
    "Request",
    "SetRequest",
    "VersionsRequest",
    "corrupt",
    "corrupt_request",
    "extract",
    "layer_names",
    "layer_states",
    "layers_request",
    "preview",
    "run_request",
]
