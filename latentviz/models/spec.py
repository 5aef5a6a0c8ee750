"""Where a classifier comes from, as data; imports no torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from latentviz.latents import HeadKind


class ModelSpec(BaseModel):
    """Where a classifier comes from; enough to load it again.

    Exactly one of ``architecture`` (with ``checkpoint`` or ``weights``), ``onnx`` and
    ``factory`` is given.

    Attributes
    ----------
    architecture : str, optional
        A name of :func:`latentviz.models.names`.
    checkpoint : Path, optional
        Weights file for the architecture or the factory's network.
    weights : str, optional
        Published torchvision weights, e.g. ``"IMAGENET1K_V2"``.
    onnx : Path, optional
    factory : str, optional
        ``package.module:function`` returning an ``nn.Module``. Runs code, so it is refused
        for requests that come from the web.
    head : {"linear", "l2"}
    layer : str, optional
        Name of the last linear layer where it cannot be found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str | None = None
    checkpoint: Path | None = None
    weights: str | None = None
    onnx: Path | None = None
    factory: str | None = None
    head: HeadKind = "linear"
    layer: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ModelSpec:
        if sum(map(bool, (self.architecture, self.onnx, self.factory))) != 1:
            raise ValueError("give exactly one of an architecture, an ONNX file and a factory")
        if self.architecture and not (self.checkpoint or self.weights):
            raise ValueError(f"{self.architecture} needs a checkpoint file or the name of published weights")
        if self.factory and self.weights:
            raise ValueError("a factory's network gets its weights from a checkpoint file or brings them itself")
        if self.onnx and (self.checkpoint or self.weights or self.head != "linear"):
            raise ValueError("an ONNX file brings its own weights and head")
        return self

    @property
    def title(self) -> str:
        """What a person would call this model."""
        file = self.onnx or self.checkpoint
        source = file.stem if file else self.weights
        name = self.architecture or (self.factory and self.factory.rpartition(":")[2])
        return " · ".join(part for part in (name, source) if part)

    @property
    def run_name(self) -> str:
        """What a run of this model is called by default: the title, but nothing twice."""
        name, _, source = self.title.partition(" · ")
        return source if source.startswith(name) else f"{name}-{source}" if source else name
