"""ONNX files through onnxruntime: what enters and what leaves the last linear layer become outputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from latentviz.datasets.preprocessing import Preprocessing
from latentviz.errors import CheckpointError, DataError, LatentvizError, MissingDependencyError, ModelError
from latentviz.latents import Head

try:
    import onnx
    import onnxruntime
    from onnx import numpy_helper
except ImportError as _error:
    raise MissingDependencyError(
        f"ONNX files need the packages onnx and onnxruntime ({_error.name} is missing): pip install 'latentviz[onnx]'."
    ) from None

#: Nodes between the last linear layer and the output that do not change the numbers.
_TRANSPARENT = ("Identity", "Flatten", "Reshape", "Squeeze", "Cast", "Dropout")


class OnnxClassifier:
    """A network in an ONNX file; see :class:`latentviz.models.classifier.Classifier`.

    Parameters
    ----------
    path : Path
    layer : str, optional
        Name of the last Gemm or MatMul node where it is not the one before the output.
    preprocessing : Preprocessing, optional
        By default RGB or grey as the input says, resized to its size, on the 0–1 scale.
    """

    def __init__(self, path: Path, layer: str | None = None, preprocessing: Preprocessing | None = None) -> None:
        model = _read(path)
        self.input, shape = _image_input(model, path)
        self.batch_limit = shape[0]
        self.preprocessing = preprocessing or _from_shape(shape)
        if shape[1] is not None and shape[1] != self.preprocessing.depth:
            raise ModelError(
                f"{path.name} takes {shape[1]} channel(s), but the preprocessing makes "
                f'{self.preprocessing.depth} ("{self.preprocessing.channels}").'
            )
        size = self.preprocessing.size
        if size and (shape[2] or size[0], shape[3] or size[1]) != size:
            raise ModelError(
                f"{path.name} takes images of {shape[2]}×{shape[3]}, but the preprocessing makes {size[0]}×{size[1]}."
            )
        with _damage_told(path):
            constants = _constants(model)
            linear = _last_linear(model, constants, layer, path)
            added = _addition(model, constants, linear)
            self.layer, self.head = linear.name or linear.output[0], _read_head(constants, linear, added, path)
        self._outputs = [linear.input[0], (added or linear).output[0]]
        for name in self._outputs:
            if name not in {output.name for output in model.graph.output}:
                model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        content = model.SerializeToString()
        self.fingerprint = hashlib.blake2b(content, digest_size=16).hexdigest()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        available = onnxruntime.get_available_providers()
        providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in available]
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=providers)
        except Exception as error:  # onnxruntime raises a dozen types of its own
            raise CheckpointError(f"{path.name} cannot be run by onnxruntime: {str(error)[:200]}") from None

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, D) and logits (N, C), float32."""
        n = len(images)
        if self.batch_limit and n < self.batch_limit:
            images = np.concatenate([images, np.zeros((self.batch_limit - n, *images.shape[1:]), np.float32)])
        try:
            features, logits = self.session.run(self._outputs, {self.input: images})
        except Exception as error:  # onnxruntime raises a dozen types of its own
            if "allocate memory" in str(error):
                raise MemoryError(str(error)) from None
            raise ModelError(f"The ONNX network does not accept images of {images.shape[1:]}: {error}") from None
        flat = (array.reshape(len(array), -1)[:n].astype(np.float32) for array in (features, logits))
        return next(flat), next(flat)

    def bytes_per_image(self, shape: tuple[int, int, int]) -> int:
        """A guess: sixty times the input, which residual networks stay below."""
        return 60 * 4 * int(np.prod(shape))


def _read(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist or is not a file.")
    with _damage_told(path):
        model = onnx.load(path)
        if not model.graph.node:
            raise ValueError("no nodes")
    return model


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except LatentvizError:
        raise
    except Exception:  # protobuf has error types of its own, and a damaged graph can break anything
        raise CheckpointError(f"{path.name} is not an ONNX file, or it is damaged.") from None


def _image_input(model: Any, path: Path) -> tuple[str, tuple[int | None, ...]]:
    """Name and (batch, channels, height, width) of the image input; None where free."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise ModelError(f"{path.name} has {len(inputs)} inputs; expected one batch of images.")
    shape = tuple(d.dim_value if d.dim_value > 0 else None for d in inputs[0].type.tensor_type.shape.dim)
    if len(shape) != 4:
        raise ModelError(f"{path.name} takes an input of {len(shape)} dimensions; expected (N, channels, H, W).")
    return inputs[0].name, shape


def default_preprocessing(path: Path) -> Preprocessing:
    """RGB or grey as the input says, resized to its size, on the 0–1 scale."""
    return _from_shape(_image_input(_read(path), path)[1])


def _from_shape(shape: tuple[int | None, ...]) -> Preprocessing:
    size = (shape[2], shape[3]) if shape[2] and shape[3] else None
    return Preprocessing(channels="grey" if shape[1] == 1 else "rgb", resize=size)


def _constants(model: Any) -> dict[str, Any]:
    """The graph's constant tensors by name."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":  # else a plain number or list
            constants[node.output[0]] = node.attribute[0].t
    return constants


def _last_linear(model: Any, constants: dict[str, Any], layer: str | None, path: Path) -> Any:
    """The Gemm or MatMul node whose result, up to a bias, is the first output."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    linear = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
    listed = ", ".join(node.name or node.output[0] for node in linear) or "none"
    if layer is not None:
        node = next((n for n in linear if layer in (n.name, n.output[0])), None)
        if node is None:
            raise ModelError(f'{path.name} has no Gemm or MatMul called "{layer}"; there are: {listed}.')
        return node
    node = made_by.get(model.graph.output[0].name)
    while node is not None and node.op_type in _TRANSPARENT:
        node = made_by.get(node.input[0])
    if node is not None and node.op_type == "Add" and any(name in constants for name in node.input):
        node = next((made_by[name] for name in node.input if made_by.get(name) in linear), None)
    if node is None or node.op_type not in ("Gemm", "MatMul"):
        last = "nothing known" if node is None else node.op_type
        raise ModelError(
            f"{path.name} does not end in a linear layer (its output comes from {last}); name the last "
            f"one yourself (--layer NAME). Gemm and MatMul nodes: {listed}."
        )
    return node


def _addition(model: Any, constants: dict[str, Any], linear: Any) -> Any | None:
    """The Add node that puts a constant on the result of the linear node, if there is one."""
    for node in model.graph.node:
        if node.op_type == "Add" and linear.output[0] in node.input and any(name in constants for name in node.input):
            return node
    return None


def _read_head(constants: dict[str, Any], linear: Any, added: Any | None, path: Path) -> Head:
    """Weight (C, D) and bias (C,) of the node and of what is added to its result, read from the constants."""
    called = f"{linear.name or linear.output[0]} in {path.name}"
    if linear.input[1] not in constants:
        raise ModelError(f"The weight of {called} is not a constant.")
    weight = numpy_helper.to_array(constants[linear.input[1]]).astype(np.float32)
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in linear.attribute}
    if linear.op_type == "MatMul" or not attributes.get("transB", 0):
        weight = weight.T
    weight = weight * attributes.get("alpha", 1.0)
    bias = np.zeros(len(weight), np.float32)
    if len(linear.input) > 2:
        if linear.input[2] not in constants:
            raise ModelError(f"The bias of {called} is not a constant.")
        bias = bias + attributes.get("beta", 1.0) * _vector(constants[linear.input[2]])
    if added is not None:
        bias = bias + _vector(constants[next(name for name in added.input if name in constants)])
    try:
        return Head(weight, bias)
    except DataError as error:
        raise ModelError(f"{called} cannot be used: {error}") from None


def _vector(tensor: Any) -> np.ndarray:
    return numpy_helper.to_array(tensor).astype(np.float32).reshape(-1)
