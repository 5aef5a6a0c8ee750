"""What radar images are corrupted by, against the statistics of radar images."""

import numpy as np
import pytest
from scipy import stats

from latentviz.datasets.corruptions import SEVERITIES, corrupt, corruptions
from latentviz.datasets.corruptions.sar import target

EVEN = np.full((200, 200), 4000, dtype=np.uint16)
RANDOM = np.random.default_rng(0)


def chip(side: int = 96, dtype: type = np.uint16) -> np.ndarray:
    """Clutter of one look with a bright block, as a vehicle on a field."""
    clutter = RANDOM.rayleigh(1, (side, side))
    middle = slice(side // 2 - 8, side // 2 + 8)
    clutter[middle, middle] = RANDOM.rayleigh(12, (16, 16))
    return np.minimum(clutter * (400 if dtype == np.uint16 else 5), np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_speckle_is_gamma_on_the_intensity(severity):
    looks = (16, 8, 4, 2, 1)[severity - 1]
    intensity = (corrupt(EVEN, "sar_speckle", severity) / 4000.0) ** 2
    assert intensity.mean() == pytest.approx(1, abs=5 / np.sqrt(looks * EVEN.size))
    assert intensity.var() == pytest.approx(1 / looks, rel=0.06)
    assert stats.kstest(intensity.ravel()[:5000], stats.gamma(looks, scale=1 / looks).cdf).pvalue > 1e-3


@pytest.mark.parametrize("severity", SEVERITIES)
def test_thermal_noise_has_its_ratio_to_the_signal(severity):
    decibels = (20, 15, 10, 5, 0)[severity - 1]
    signal = EVEN.astype(float)
    noisy = corrupt(EVEN, "sar_thermal", severity).astype(float)
    added = (noisy**2).mean() - (signal**2).mean()  # powers of independent signals add up
    assert 10 * np.log10((signal**2).mean() / added) == pytest.approx(decibels, abs=0.3)


def test_thermal_noise_is_rician():
    noisy = corrupt(EVEN, "sar_thermal", 4).ravel()[:5000] / 4000
    deviation = np.sqrt(10**-0.5 / 2)
    assert stats.kstest(noisy, stats.rice(1 / deviation, scale=deviation).cdf).pvalue > 1e-3


def test_nothing_has_no_noise():
    black = np.zeros((40, 40), dtype=np.uint8)
    for name in corruptions("sar"):
        assert corrupt(black, name, 5).max() == 0


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_defocused_point_is_the_chirps_spectrum(severity):
    """Alone, a point's phase does not matter: its response is the transform of the phase error."""
    point = np.zeros((40, 64), dtype=np.uint16)
    point[20, 32] = 60000
    peak = np.pi * 2.0 ** (severity - 3)
    sample, cycles = np.arange(64) - 32, (np.arange(64) - 32) / 64
    waves = np.exp(1j * (2 * np.pi * np.outer(sample, cycles) + peak * (2 * cycles) ** 2))
    result = corrupt(point, "sar_defocus", severity)
    np.testing.assert_allclose(result[20], 60000 * np.abs(waves.mean(axis=1)), atol=0.5 + 1e-6)
    assert np.delete(result, 20, axis=0).max() == 0
    energy = result[20].astype(float) ** 2
    reach = 2 ** (severity - 2) + 3  # two pixels for each π, and sidelobes
    assert energy[np.abs(sample) <= reach].sum() > 0.9 * energy.sum()


@pytest.mark.parametrize("severity", SEVERITIES)
def test_defocus_keeps_the_energy_of_every_line(severity):
    image = chip() // 2
    before, after = (
        (picture.astype(float) ** 2).sum(axis=1) for picture in (image, corrupt(image, "sar_defocus", severity))
    )
    np.testing.assert_allclose(after, before, rtol=0.01)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("side", [32, 128])
def test_a_shift_is_by_whole_pixels_as_far_as_said(severity, side):
    image = RANDOM.integers(0, 65536, (side, side), dtype=np.uint16)
    distance = max(side * (0.01, 0.02, 0.04, 0.06, 0.08)[severity - 1], 1)
    directions = set()
    for key in range(12):
        moved = corrupt(image, "sar_shift", severity, key=str(key))
        here = (moved[side // 2 - 4 : side // 2 + 4, side // 2 - 4 : side // 2 + 4]).tobytes()
        found = [
            (dy, dx)
            for dy in range(-12, 13)
            for dx in range(-12, 13)
            if image[side // 2 - 4 - dy :, side // 2 - 4 - dx :][:8, :8].tobytes() == here
        ]
        assert len(found) == 1
        assert np.hypot(*found[0]) == pytest.approx(distance, abs=0.75)
        directions.add(found[0])
    assert len(directions) > 3


def test_a_shift_goes_one_way_at_every_severity_and_fills_with_the_border():
    image = np.full((128, 128), 9, dtype=np.uint8)
    image[4:-4, 4:-4] = 200
    centres = []
    for severity in SEVERITIES:
        moved = corrupt(image, "sar_shift", severity, key="k")
        assert set(np.unique(moved)) == {9, 200}
        centres.append(np.argwhere(moved == 200).mean(axis=0) - 63.5)
    angles = np.unwrap([np.arctan2(*centre) for centre in centres[2:]])
    assert np.ptp(angles) < 0.3


@pytest.mark.parametrize("severity", SEVERITIES)
def test_clutter_rises_around_the_target(severity):
    image = chip()
    bright = target(image.astype(float))
    assert bright[40:56, 40:56].mean() > 0.95
    assert bright[:32].mean() < 0.02
    result = corrupt(image, "sar_clutter", severity)
    np.testing.assert_array_equal(result[bright], image[bright])
    power = [(picture[~bright].astype(float) ** 2).mean() for picture in (image, result)]
    assert 10 * np.log10(power[1] / power[0]) == pytest.approx((1.5, 2, 3, 4, 6)[severity - 1], abs=0.02)


@pytest.mark.parametrize("name", corruptions("sar"))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_type_and_equal_channels_stay(name, dtype):
    image = chip(48, dtype)
    result = corrupt(image, name, 3, key="a")
    assert result.dtype == dtype
    assert (result != image).any()
    stacked = corrupt(np.repeat(image[..., None], 3, axis=2), name, 3, key="a")
    for channel in range(3):
        np.testing.assert_array_equal(stacked[..., channel], result)


@pytest.mark.parametrize("name", corruptions("sar"))
def test_values_are_clipped_not_wrapped(name):
    white = np.full((64, 64), 255, dtype=np.uint8)
    assert np.median(corrupt(white, name, 1)) >= 200
