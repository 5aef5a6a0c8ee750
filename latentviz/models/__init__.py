"""Trained networks: build or read them, load their weights safely, take features and logits out of them."""

from typing import TYPE_CHECKING

from latentviz import lazy
from latentviz.models.spec import ModelSpec

if TYPE_CHECKING:
    from latentviz.models.classifier import Classifier, default_preprocessing, load, wrap
    from latentviz.models.registry import names

__getattr__ = lazy.attributes(
    __name__,
    {
        "Classifier": "classifier",
        "default_preprocessing": "classifier",
        "load": "classifier",
        "names": "registry",
        "wrap": "classifier",
    },
)

__all__ = ["Classifier", "ModelSpec", "default_preprocessing", "load", "names", "wrap"]
