"""Trained networks: build or read them, load their weights safely, take features and logits out of them."""

from latentviz.models.classifier import Classifier, ModelSpec, default_preprocessing, load, wrap
from latentviz.models.registry import names

__all__ = ["Classifier", "ModelSpec", "default_preprocessing", "load", "names", "wrap"]
