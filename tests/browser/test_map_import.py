"""Coordinates that somebody brings along become a map."""

import numpy as np
import pytest

from latentviz import Workspace
from tests.browser._map import Map, make_clusters
from tests.browser.conftest import errors


@pytest.mark.parametrize("dimensions", [2, 3])
def test_coordinates_of_ones_own_are_shown(serve, tmp_path, open_page, dimensions):
    workspace = Workspace(tmp_path / "w")
    make_clusters(workspace)
    table = workspace["clusters"].table()[["set", "id"]]
    places = np.random.default_rng(0).normal(size=(len(table), dimensions)).astype(np.float32)
    for axis, values in zip("xyz", places.T, strict=False):
        table[axis] = values
    file = tmp_path / "mine.csv"
    table.sample(frac=1, random_state=0).to_csv(file, index=False)
    on_map = Map.opened(open_page, f"{serve(workspace.path)}/latent_map?run=clusters")
    page = on_map.page
    page.get_by_role("button", name="Import").first.click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_label("Name", exact=True).fill("mine")
    page.get_by_text("mine.csv").wait_for()
    page.get_by_test_id("stBaseButton-primaryFormSubmit").click()
    page.get_by_role("radiogroup", name="Projection").get_by_text("Imported", exact=True).click()
    on_map.until(f"panel.dimensions === {dimensions} && view.state.name === 'clusters-imported'")
    on_map.ready()
    np.testing.assert_array_equal(on_map.positions(), places)
    page.get_by_text("Imported coordinates “mine”").wait_for()
    assert errors(page) == []
