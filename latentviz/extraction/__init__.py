"""Model × image sets → run: one pass for features, logits, labels and thumbnails."""

from typing import TYPE_CHECKING

from latentviz import lazy
from latentviz.extraction.request import CorruptionRequest, Request, SetRequest

if TYPE_CHECKING:
    from latentviz.extraction.corrupting import corrupt
    from latentviz.extraction.job import corrupt_request, run_request
    from latentviz.extraction.previewing import Preview, preview
    from latentviz.extraction.run import extract

__getattr__ = lazy.attributes(
    __name__,
    {
        "Preview": "previewing",
        "corrupt": "corrupting",
        "corrupt_request": "job",
        "extract": "run",
        "preview": "previewing",
        "run_request": "job",
    },
)

__all__ = [
    "CorruptionRequest",
    "Preview",
    "Request",
    "SetRequest",
    "corrupt",
    "corrupt_request",
    "extract",
    "preview",
    "run_request",
]
