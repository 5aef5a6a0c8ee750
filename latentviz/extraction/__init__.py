"""Model × image sets → run: one pass for features, logits, labels and thumbnails."""

from latentviz.extraction.extract import extract
from latentviz.extraction.request import Request, SetRequest, preview, run_request

__all__ = ["Request", "SetRequest", "extract", "preview", "run_request"]
