"""A map of real features can be trusted, whichever engine made it."""

import pytest

from latentviz import projection

pytestmark = pytest.mark.shared


@pytest.mark.parametrize("engine", ["fast", "umap-learn"])
def test_umap_of_ten_thousand_cifar_images(cifar_run, engine):
    if engine == "fast":
        pytest.importorskip("scranpy", reason="the fast engine needs scranpy")
    layout = projection.compute(cifar_run, projection.LayoutSpec(sets=("jpeg",), engine=engine))
    assert layout.coordinates.shape == (10_000, 2)
    quality = projection.quality_of(cifar_run, layout)
    assert (quality.k, quality.sample) == (15, 2000)
    assert quality.trustworthiness >= 0.950
    assert quality.continuity >= 0.950
