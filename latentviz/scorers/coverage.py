"""NAC-UE: how usual the states of a sample's neurons are (Liu, Tian, Li, Ma, Wang 2024, arXiv 2306.02879)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentviz.errors import ScorerError
from latentviz.latents import Head, Latents
from latentviz.scorers.base import Scorer
from latentviz.scorers.coverage_states import (
    FEWEST_BINS,
    LAST,
    Bins,
    Factors,
    balanced,
    binned,
    counted,
    coverage,
    covered,
    enough_for,
    factors,
    geometric_bins,
    products,
    squashed,
    usual_alpha,
)
from latentviz.scorers.info import Choice, Family, Names, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import register
from latentviz.scorers.shared import given

#: Images of the authors' profile; O belongs to it.
PROFILE = 1000

PAPER = Paper(
    "Neuron Activation Coverage: Rethinking Out-of-distribution Detection and Generalization",
    "ICLR",
    2024,
    "https://arxiv.org/abs/2306.02879",
)

#: ``|x|`` from which on σ(x) is 0 or 1 to a thousandth: a larger α would not move the state.
_SATURATED = float(np.log(999))
#: Share of them from which on it is said.
_MANY = 0.5


@dataclass(frozen=True)
class Setting:
    """How the states of one layer are squashed and counted.

    Attributes
    ----------
    enough : float
        O: so many of :data:`PROFILE` images fill a bin.
    bins : int
        M.
    alpha : float or None
        None: from the profile, see :func:`latentviz.scorers.coverage_states.usual_alpha`.
    """

    enough: float
    bins: int
    alpha: float | None


#: Searched by the authors on OOD validation data, by network and layer.
PRESETS = {
    "cifar10-resnet18": {
        LAST: Setting(50, 50, 100),
        "layer3": Setting(100, 500, 1000),
        "layer2": Setting(5, 50, 0.001),
        "layer1": Setting(100, 500, 0.001),
    },
    "cifar100-resnet18": {
        LAST: Setting(50, 50, 50),
        "layer3": Setting(500, 1000, 10),
        "layer2": Setting(500, 50, 1),
        "layer1": Setting(5, 50, 0.005),
    },
    "imagenet-resnet50": {
        LAST: Setting(10, 50, 3000),
        "layer3": Setting(500, 50, 300),
        "layer2": Setting(50, 500, 0.01),
        "layer1": Setting(5000, 1000, 1),
    },
}


@register
class NeuronCoverage(Scorer):
    r"""Samples whose neurons are in states that training images hardly have are out-of-distribution.

    .. math:: s(x) = -\operatorname{mean}_{\text{layers}} \operatorname{mean}_i \Phi_i(\hat z_i), \quad
        \hat z = \sigma(\alpha\, z \odot \partial D_{KL}(u \Vert p) / \partial z)

    ``Φ_i = min(count / O, 1)`` of the bin that the state falls into, counted on a class-balanced profile of training
    images; with a profile of another size than 1,000 images O is scaled in proportion. The last layer's gradient is
    ``(p − 1/C) W`` (with an L2 head ``(I − z̄z̄ᵀ) Wᵀ(p − u) / ‖z‖``), so that no backward pass is needed; those of other
    layers are stored by ``latentviz layers``.

    Parameters
    ----------
    layers : str, default "last"
        Names with ``+`` between them; "last" are the penultimate features.
    preset : {"none", "cifar10-resnet18", "cifar100-resnet18", "imagenet-resnet50"}
        The authors' O, M and α of every layer instead of the following three.
    enough : int, default 50
        O: so many of 1,000 profile images cover a bin.
    bins : int, default 50
        M, even.
    alpha : float, optional
        Steepness; by default such that ``α · z ⊙ g`` has a standard deviation of 2 on the profile (ours).
    samples : int, default 1000
        Images of the profile.
    seed : int, default 0
        Of the profile's draw.
    """

    info = ScorerInfo(
        name="nac-ue",
        title="NAC-UE",
        family=Family.COVERAGE,
        formula=r"-\operatorname{mean}_i \Phi_i(\sigma(\alpha\, z_i\, \partial_{z_i} D_{KL}(u \Vert p)))",
        needs=Needs.FEATURES | Needs.LOGITS | Needs.HEAD | Needs.FIT | Needs.LABELS,
        paper=PAPER,
        parameters=(
            Names("layers", LAST, help="last, or stored layers with + between them: last+layer3."),
            Choice("preset", "none", ("none", *PRESETS), help="O, M and α of the authors, for each layer."),
            Number(
                "enough",
                50,
                1,
                5000,
                whole=True,
                logarithmic=True,
                title="O, enough",
                help="So many of 1,000 profile images cover a bin; of a profile of another size in proportion.",
            ),
            Number(
                "bins",
                50,
                FEWEST_BINS,
                1000,
                whole=True,
                logarithmic=True,
                multiple_of=2,
                title="M, bins",
                help="Dense around ẑ = 0.5.",
            ),
            Number(
                "alpha",
                None,
                1e-4,
                1e5,
                logarithmic=True,
                optional=True,
                title="α, steepness",
                help="auto: α · z ⊙ g has a standard deviation of 2 on the profile.",
            ),
            Number(
                "samples",
                PROFILE,
                10,
                1_000_000,
                whole=True,
                logarithmic=True,
                title="Profile images",
                help="Class-balanced, drawn from the training images.",
            ),
            Number("seed", 0, 0, 2**31 - 1, whole=True, help="Of the profile's draw."),
        ),
        warnings=(
            "The presets were searched on OOD validation data. The automatic α sees training data only, and is ours.",
            "Training images must not look more usual than held-out ones: compare them (page Neuron coverage).",
        ),
    )

    def __init__(
        self,
        layers: str = LAST,
        preset: str = "none",
        enough: float = 50,
        bins: int = 50,
        alpha: float | None = None,
        samples: int = PROFILE,
        seed: int = 0,
    ) -> None:
        self.layers, self.preset, self.enough, self.bins = layers, preset, enough, bins
        self.alpha, self.samples, self.seed = alpha, samples, seed

    @property
    def names(self) -> tuple[str, ...]:
        """The layers, one by one."""
        return tuple(self.layers.split("+"))

    @property
    def wanted_layers(self) -> tuple[str, ...]:
        """Those whose states must be stored."""
        return tuple(name for name in self.names if name != LAST)

    def setting(self, layer: str) -> Setting:
        """O, M and α of a layer.

        Raises
        ------
        ScorerError
            If the preset does not know it.
        """
        if self.preset == "none":
            return Setting(self.enough, self.bins, self.alpha)
        known = PRESETS[self.preset]
        if layer not in known:
            raise ScorerError(
                f'NAC-UE: the preset {self.preset} says nothing of "{layer}"; it knows {", ".join(known)}. Choose the '
                'preset "none" and values of your own.'
            )
        return known[layer]

    def lacks(self, samples: int, labelled: bool, head: Head | None) -> str:
        try:
            for layer in self.names:
                self.setting(layer)
        except ScorerError as error:
            return str(error)
        return super().lacks(samples, labelled, head)

    def _refuses(self, fit: Latents) -> str:
        if absent := [name for name in self.wanted_layers if name not in fit.layers]:
            return without_states(absent[0], list(fit.layers))
        profile = min(self.samples, len(fit))
        return too_few_images(profile, fit.classes) if profile < fit.classes else ""

    def _fit(self, latents: Latents) -> None:
        assert latents.labels is not None
        profile = latents[balanced(latents.labels, latents.classes, self.samples, self.seed)]
        self.profile_, phis, alphas, dead, saturated = len(profile), [], [], [], []
        for layer in self.names:
            setting, values = self.setting(layer), products(profile, layer)
            alpha = usual_alpha(values) if setting.alpha is None else setting.alpha
            counts = counted(factors(profile, layer), alpha, geometric_bins(setting.bins))
            phis.append(coverage(counts, enough_for(setting.enough, len(profile), PROFILE)))
            alphas.append(alpha)
            dead.append(dead_neurons(values))
            saturated.append(saturated_share(values, alpha))
        self.phi_ = np.concatenate([phi.ravel() for phi in phis])
        self.alpha_, self.width_of_ = np.array(alphas), np.array([phi.shape[1] for phi in phis])
        self.dead_, self.saturated_ = np.array(dead), np.array(saturated)

    def edges(self, layer: str) -> np.ndarray:
        """Edges of a layer's bins (M,): a state is in the bin of the last edge that it reaches."""
        return self._bins(layer).edges

    def _bins(self, layer: str) -> Bins:
        return geometric_bins(self.setting(layer).bins)

    def enough_in(self, layer: str) -> float:
        """O of a layer for the profile that there is."""
        return enough_for(self.setting(layer).enough, self.profile_, PROFILE)

    def alpha_of(self, layer: str) -> float:
        """α of a layer, given or automatic."""
        return float(self.alpha_[self.names.index(layer)])

    def phi(self, layer: str) -> np.ndarray:
        """Coverage Φ (M, K), float64, of a layer's bins and neurons."""
        position, bins = self.names.index(layer), len(self.edges(layer))
        sizes = [len(self.edges(name)) * int(k) for name, k in zip(self.names, self.width_of_, strict=True)]
        start = sum(sizes[:position])
        return self.phi_[start : start + sizes[position]].reshape(bins, -1)

    def states(self, latents: Latents, layer: str) -> np.ndarray:
        """States ẑ (N, K), float64."""
        z, g = self.factors(latents, layer)
        return squashed(np.multiply(z, g, dtype=np.float64), self.alpha_of(layer))

    def covered(self, latents: Latents, layer: str) -> np.ndarray:
        """Φ of the bins that a layer's states fall into (N, K), float64; NAC-UE is minus its mean over neurons."""
        phi, of = self.phi(layer), self.factors(latents, layer)
        where = binned(of, self.alpha_of(layer), self._bins(layer))
        return phi[where, np.arange(phi.shape[1])]

    def factors(self, latents: Latents, layer: str) -> Factors:
        """``z`` and ``g`` (N, K) of a layer, of the features that are scored."""
        return self._factors(given(latents, self.features), layer)

    def _factors(self, latents: Latents, layer: str) -> Factors:
        if layer != LAST and layer not in latents.layers:
            raise ScorerError(without_states(layer, list(latents.layers)))
        return factors(latents, layer)

    def _score(self, latents: Latents) -> np.ndarray:
        found = np.zeros(len(latents))
        for layer in self.names:
            of = self._factors(latents, layer)
            found += covered(of, self.alpha_of(layer), self._bins(layer), self.phi(layer))
        return -found / len(self.names)

    def notes(self) -> list[str]:
        found = [f"Profile of {self.profile_:,} training images."]
        for layer, alpha, width, dead, saturated in zip(
            self.names, self.alpha_, self.width_of_, self.dead_, self.saturated_, strict=True
        ):
            automatic = self.setting(layer).alpha is None
            found.append(f"{layer}: α = {alpha:.3g}{' (automatic)' if automatic else ''}.")
            if dead:
                found.append(f"{layer}: {dead:,} of {width:,} neurons have z ⊙ g = 0 on every profile image.")
            if saturated > _MANY:
                found.append(saturation(layer, float(saturated)))
        return found


def without_states(layer: str, there: Sequence[str], set_name: str = "") -> str:
    """A sentence about a layer whose states are not stored."""
    of = f' of "{set_name}"' if set_name else ""
    stored = f"those of {', '.join(there)} are stored" if there else "none are stored"
    which = f" --set {set_name}" if set_name else ""
    return (
        f'NAC-UE needs the states of the layer "{layer}"{of}; {stored}. Store them with latentviz layers --layers '
        f'{layer}{which}, or of all sets on the page Neuron coverage, or use the layer "last" alone.'
    )


def too_few_images(profile: int, classes: int) -> str:
    """A sentence about a profile that cannot be balanced."""
    return (
        f"NAC-UE's profile of {profile:,} images cannot hold one of each of {classes:,} classes; raise its number of "
        "images, or add training images."
    )


def saturation(layer: str, share: float) -> str:
    """A sentence about states that α can no longer tell apart."""
    return f"{layer}: {share:.0%} of the states are 0 or 1 to a thousandth; choose a smaller α."


def dead_neurons(values: np.ndarray) -> int:
    """How many neurons' products (N, D) are 0 for every sample."""
    return int((~values.any(axis=0)).sum())


def saturated_share(values: np.ndarray, alpha: float) -> float:
    """Share of the states of products (N, D) that are nearly 0 or 1."""
    return float((np.abs(values) > _SATURATED / alpha).mean())
