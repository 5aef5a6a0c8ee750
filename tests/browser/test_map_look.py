"""How the latent map looks: numbers, density, dark pages, and the files that it is saved to."""

import numpy as np
from PIL import Image

from latentviz import Workspace
from latentviz.app import cached
from latentviz.evaluation.scores import Asked, scores
from latentviz.figures import colouring
from tests.browser._map import Map, alone, around, make_clusters, painted, stored_map
from tests.browser.conftest import choose


def test_numbers_are_coloured_along_a_ramp(serve, tmp_path, open_page):
    """Also scores of some sets only: the others are grey."""
    run = make_clusters(Workspace(tmp_path))
    found = scores(run, [Asked.of("energy")], ["test", "far"]).by_scorer["energy"]
    on_map = Map.opened(open_page, f"{serve(tmp_path)}/latent_map?run=clusters")
    choose(on_map.page, "Colour by", "OOD score: Energy")
    on_map.page.get_by_text("Grey: train without scores.").wait_for()
    on_map.ready()
    values = np.array(on_map.evaluate("[...panel.values].map((v) => Number.isNaN(v) ? null : v)"), dtype=float)
    points = cached.points(run, tuple(run.sets))
    for name in run.sets:
        mine = values[points["set"] == name]
        np.testing.assert_array_equal(mine, found[name].astype(np.float32) if name in found else np.nan)
    on_map.page.locator(".legend").get_by_text(f"no value ({(points['set'] == 'train').sum()})").wait_for()
    assert painted(on_map.picture(), "#8a94a6") > 100
    choose(on_map.page, "Colour by", "Feature norm")
    on_map.ready()
    before = on_map.picture()
    log = on_map.page.get_by_role("button", name="log", exact=True)
    log.click()
    on_map.until("panel.chosen.logarithmic && !view.frames.frame")
    assert log.get_attribute("aria-pressed") == "true"
    assert (on_map.picture() != before).any()


def test_size_opacity_and_density(on_map):
    before = on_map.picture()
    on_map.press("Look")
    settings = on_map.page.locator(".settings")
    settings.get_by_label("Size").fill("3")
    on_map.until("!view.frames.frame")
    ground = [255, 255, 255]
    covered = [(picture != ground).any(axis=2).sum() for picture in (before, on_map.picture())]
    assert covered[1] > 1.5 * covered[0]
    settings.get_by_label("Size").fill("0.3")
    settings.get_by_label("Density").select_option("Shading")
    on_map.until("view.frames.density && !view.frames.frame")
    shaded = (on_map.picture() != ground).any(axis=2).sum()
    assert shaded > 2 * covered[0]
    settings.get_by_label("Density").select_option("Contours")
    on_map.until("view.look.density === 'contours' && view.frames.density && !view.frames.frame")
    assert 0 < (on_map.picture() != ground).any(axis=2).sum() < shaded


def test_the_ground_is_that_of_a_dark_page(clusters_app, open_page, run, points):
    on_map = Map.opened(open_page, clusters_app, dark=True)
    picture = on_map.picture()
    assert picture[5, 5].tolist() == [0x12, 0x16, 0x1C]
    for fill in colouring.colour(points, "set", run.sets).colours:
        assert painted(picture, fill, ground="#12161c") > 50


def test_a_picture_is_saved_twice_as_fine(on_map, run, points):
    stage = on_map.page.locator(".slots").evaluate(
        "e => [e.getBoundingClientRect().width, e.getBoundingClientRect().height]"
    )
    with on_map.page.expect_download() as download:
        on_map.press("Save a picture")
    assert download.value.suggested_filename == "clusters-umap.png"
    saved = Image.open(download.value.path()).convert("RGB")
    assert saved.width == round(2 * stage[0])
    assert saved.height > 2 * stage[1]  # with the legend
    # What is painted is what was seen, twice as large.
    seen = np.asarray(saved.crop((0, 0, saved.width, round(2 * stage[1])))).astype(int)
    on_screen = on_map.picture()
    for fill in colouring.colour(points, "set", run.sets).colours:
        assert painted(seen, fill) > 2 * painted(on_screen, fill) > 100
    # The map on the page is as it was.
    on_map.until("!view.frames.frame")
    np.testing.assert_array_equal(on_map.picture(), on_screen)


def test_the_page_that_is_saved_opens_by_itself(on_map, run, points, tmp_path, open_page):
    on_map.pill("test")
    with on_map.page.expect_download() as download:
        on_map.page.get_by_role("button", name="HTML", exact=True).click()
    assert download.value.suggested_filename == "clusters-umap.html"
    saved = tmp_path / "map.html"
    download.value.save_as(saved)
    alone_page = Map(open_page(saved.as_uri(), offline=True))
    alone_page.until("view.state && !view.frames.frame")
    kept = points[points["set"] != "test"]
    umap = stored_map(run, "umap")[kept.index]
    np.testing.assert_array_equal(alone_page.positions(), umap)
    fills = colouring.colour(points, "set", run.sets)
    picture = alone_page.picture()
    for name, fill in zip(fills.categories, fills.colours, strict=True):
        assert (painted(picture, fill) > 100) == (name != "test")
    places = alone_page.places()
    sample = alone(places)
    alone_page.page.mouse.move(*places[sample])
    card = alone_page.page.locator(".card")
    card.get_by_text(kept["id"].iloc[sample], exact=True).wait_for()
    card.get_by_text(kept["set"].iloc[sample], exact=True).wait_for()
    alone_page.press("Lasso")
    target = (kept["set"] == "far").to_numpy()
    alone_page.drag(around(places[target]))
    alone_page.until("view.chosen")
    np.testing.assert_array_equal(alone_page.selected, target)
