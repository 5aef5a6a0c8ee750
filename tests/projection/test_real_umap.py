"""A map of real features can be trusted."""

import pytest

from latentviz import projection

pytestmark = pytest.mark.shared


def test_umap_of_ten_thousand_cifar_images(cifar_run):
    layout = projection.compute(cifar_run, projection.LayoutSpec(sets=("jpeg",)))
    assert layout.coordinates.shape == (10_000, 2)
    quality = projection.quality_of(cifar_run, layout)
    assert (quality.k, quality.sample) == (15, 2000)
    assert quality.trustworthiness >= 0.950
