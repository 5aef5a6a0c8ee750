"""What flows from the store into scorers, geometry and evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from latentviz.errors import DataError

HeadKind = Literal["linear", "l2"]

#: Of other layers than the last, by name: sums of the activations and of their gradients; see :class:`Latents`.
LayerStates = Mapping[str, tuple[np.ndarray, np.ndarray]]

#: Samples that are worked on together.
BLOCK = 2048

# Samples whose features are looked at in float64 at a time: few enough to stay in the processor's cache.
_ROWS = 256

#: Smallest feature length the L2 head divides by.
L2_EPSILON = 1e-12


def lengths(features: np.ndarray, order: float = 2) -> np.ndarray:
    """``‖z‖_p`` (N,) of features (N, D), float64 whatever their precision; ``order`` is 1, 2 or inf.

    Examples
    --------
    >>> lengths(np.array([[3.0, -4.0]])), lengths(np.array([[3.0, -4.0]]), np.inf)
    (array([5.]), array([4.]))
    """
    found = np.empty(len(features))
    for start in range(0, len(features), _ROWS):
        z = np.asarray(features[start : start + _ROWS], dtype=np.float64)
        if order == 2:
            found[start : start + _ROWS] = np.sqrt(np.einsum("nd,nd->n", z, z))
        else:
            found[start : start + _ROWS] = np.linalg.norm(z, ord=order, axis=1)
    return found


def directions(features: np.ndarray) -> np.ndarray:
    """``z / max(‖z‖₂, ε)`` (N, D) in the features' precision: what an L2 head sees."""
    return features / np.maximum(lengths(features), L2_EPSILON).astype(features.dtype)[:, None]


@dataclass(frozen=True)
class Head:
    """The last linear layer of a classifier.

    Attributes
    ----------
    weight : ndarray of shape (C, D), float32
    bias : ndarray of shape (C,), float32
    kind : {"linear", "l2"}
        ``"l2"`` divides the features by their Euclidean length before the layer
        (Haas, Yolland, Rabus 2023, arXiv 2209.08378).

    Examples
    --------
    >>> head = Head(np.eye(2, dtype=np.float32), np.zeros(2, np.float32), kind="l2")
    >>> head.logits(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]], dtype=float32)
    """

    weight: np.ndarray
    bias: np.ndarray
    kind: HeadKind = "linear"

    def __post_init__(self) -> None:
        weight = np.asarray(self.weight, dtype=np.float32)
        bias = np.asarray(self.bias, dtype=np.float32)
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise DataError(
                f"The head's weight has shape {weight.shape} and its bias {bias.shape}; "
                "expected (classes, features) and (classes,)."
            )
        if self.kind not in ("linear", "l2"):
            raise DataError(f'Unknown head kind "{self.kind}"; choose "linear" or "l2".')
        for name, values in (("weight", weight), ("bias", bias)):
            if not np.isfinite(values).all():
                raise DataError(f"The head's {name} has NaN or infinite values; check where it comes from.")
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    @property
    def classes(self) -> int:
        """Number of logits C."""
        return self.weight.shape[0]

    @property
    def width(self) -> int:
        """Number of features D."""
        return self.weight.shape[1]

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Logits of features.

        Parameters
        ----------
        features : ndarray of shape (N, D)

        Returns
        -------
        ndarray of shape (N, C), float32
        """
        z = np.asarray(features, dtype=np.float32)
        return (directions(z) if self.kind == "l2" else z) @ self.weight.T + self.bias

    def disagreement(self, features: np.ndarray, logits: np.ndarray) -> float:
        """Largest ``|logits - head(features)|`` relative to the largest ``|logits|``.

        Float32 networks stay below 1e-4; anything that is not below 1e-2, NaN among it, means that features,
        logits and head do not come from the same network.

        Raises
        ------
        DataError
            If a sample has more or fewer features or logits than the head.
        """
        for what, values, width, does in (
            ("features", features, self.width, "takes"),
            ("logits", logits, self.classes, "makes"),
        ):
            if np.ndim(values) != 2 or np.shape(values)[1] != width:
                shape = " × ".join(map(str, np.shape(values)[1:])) or "single"
                raise DataError(
                    f"A sample has {shape} {what}, the head {does} {width}; they do not come from the same layer."
                )
        if len(features) == 0:
            return 0.0
        scale = max(float(np.finfo(np.float32).tiny), float(np.abs(logits).max()))
        return float(np.abs(self.logits(features) - logits).max()) / scale


@dataclass(frozen=True, eq=False)
class Latents:
    """What a trained classifier says about N samples, as arrays.

    ``latents[rows]`` is a part of them.

    Attributes
    ----------
    features : ndarray of shape (N, D), float32 or float64
        Input of the last linear layer. Other floats become float32.
    logits : ndarray of shape (N, C), float32 or float64
    labels : ndarray of shape (N,), int64, or None
        Class indices; None where the classes are not the model's.
    head : Head or None
        Last layer; None if it is not known (arrays imported without it).
    layers : dict of (ndarray of shape (N, K), ndarray of shape (N, K))
        Of other layers by name: activations and ``∂D_KL(u ‖ p)/∂z``, each summed over positions or tokens.
    shared : dict
        What several scorers need of these samples, computed by whoever asks first.

    Raises
    ------
    DataError
        If shapes do not fit together, values are not finite, or a label is out of range.
    """

    features: np.ndarray
    logits: np.ndarray
    labels: np.ndarray | None = None
    head: Head | None = None
    layers: LayerStates = field(default_factory=dict, repr=False)
    shared: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("features", "logits"):
            values = np.asarray(getattr(self, name))
            if values.ndim != 2 or values.dtype.kind != "f":
                raise DataError(f"The {name} are {values.dtype} of shape {values.shape}; expected floats (N, width).")
            if values.dtype not in (np.float32, np.float64):
                with np.errstate(over="ignore"):  # told below
                    values = values.astype(np.float32)
            object.__setattr__(self, name, values)
        if len(self.features) != len(self.logits):
            raise DataError(f"There are {len(self.features):,} features but {len(self.logits):,} logits.")
        if self.head is not None and (self.head.width, self.head.classes) != (self.width, self.classes):
            raise DataError(
                f"The head takes {self.head.width} features and gives {self.head.classes} logits; "
                f"there are {self.width} and {self.classes}."
            )
        for name in ("features", "logits"):
            values = getattr(self, name)
            bad = [
                start + np.flatnonzero(~np.isfinite(values[start : start + BLOCK]).all(axis=1))
                for start in range(0, len(values), BLOCK)
            ]
            if count := sum(map(len, bad)):
                first = int(np.concatenate(bad)[0])
                raise DataError(f"{count:,} of {len(values):,} {name} are NaN or infinite (first: row {first}).")
        for name, states in self.layers.items():
            for values in states:
                if values.ndim != 2 or len(values) != len(self):
                    raise DataError(
                        f'The states of "{name}" have shape {values.shape}; expected ({len(self):,}, width).'
                    )
        if self.labels is not None:
            self._check_labels(np.asarray(self.labels))

    def _check_labels(self, labels: np.ndarray) -> None:
        if labels.shape != (len(self),) or labels.dtype.kind not in "iu":
            raise DataError(
                f"The labels are {labels.dtype} of shape {labels.shape}; expected integers ({len(self):,},)."
            )
        if len(labels) and (labels.min() < 0 or labels.max() >= self.classes):
            wrong = labels.min() if labels.min() < 0 else labels.max()
            raise DataError(f"The label {wrong} is out of range for {self.classes} logits.")
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: slice | np.ndarray) -> Latents:
        part = object.__new__(Latents)  # not made anew, which would check again what was checked
        labels = None if self.labels is None else self.labels[rows]
        vars(part).update(
            features=self.features[rows],
            logits=self.logits[rows],
            labels=labels,
            head=self.head,
            layers={name: (total[rows], gradient[rows]) for name, (total, gradient) in self.layers.items()},
            shared={},
        )
        return part

    def seen(self, features: np.ndarray, head: Head | None) -> Latents:
        """The same samples with other features of the same shape, and the head that takes them."""
        other = object.__new__(Latents)
        vars(other).update(
            features=features, logits=self.logits, labels=self.labels, head=head, layers=self.layers, shared={}
        )
        return other

    @property
    def width(self) -> int:
        """Number of features D."""
        return self.features.shape[1]

    @property
    def classes(self) -> int:
        """Number of logits C."""
        return self.logits.shape[1]

    def blocks(self, rows: int = BLOCK) -> Iterator[Latents]:
        """The samples piece by piece, in order."""
        for start in range(0, len(self), rows):
            yield self[start : start + rows]
