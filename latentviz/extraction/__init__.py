"""Model × image sets → run: one pass for features, logits, labels and thumbnails."""

from typing import TYPE_CHECKING

from latentviz import lazy
from latentviz.extraction.request import Request, SetRequest

if TYPE_CHECKING:
    from latentviz.extraction.job import run_request
    from latentviz.extraction.previewing import Preview, preview
    from latentviz.extraction.run import extract

__getattr__ = lazy.attributes(
    __name__, {"Preview": "previewing", "extract": "run", "preview": "previewing", "run_request": "job"}
)

__all__ = ["Preview", "Request", "SetRequest", "extract", "preview", "run_request"]
