"""The latent map while it is computed: frames on the way, cancelling, and other parameters from where it is."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from latentviz import Workspace
from latentviz.projection import LayoutSpec, compute, fast, quality_of, stored
from tests.browser._map import Map, make_clusters, name_of, stored_map
from tests.browser.conftest import choose

pytestmark = pytest.mark.skipif(not fast.available(), reason="the fast engine needs scranpy")


@pytest.fixture
def fresh(demo, tmp_path) -> Workspace:
    """The demo's digits without anything that is derived from them."""
    whole = demo / "workspace"
    shutil.copytree(whole / "runs" / "digits", tmp_path / "runs" / "digits", ignore=shutil.ignore_patterns("derived"))
    shutil.copy(whole / "latentviz.json", tmp_path)
    return Workspace(tmp_path)


def spec_of(run, **changed) -> LayoutSpec:
    return LayoutSpec(sets=tuple(run.sets), **changed)


class Workers:
    """The processes that compute maps for a server: they can be made to wait."""

    def __init__(self, server: int) -> None:
        self.server = server

    @property
    def pids(self) -> list[int]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == self.server and b"latentviz.projection.worker" in words:
                found.append(int(folder.name))
        return found

    def tell(self, number: int) -> None:
        for pid in self.pids:
            os.kill(pid, number)

    @property
    def worked(self) -> int:
        """Hundredths of a second that they have computed."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids]
        return sum(int(one[11]) + int(one[12]) for one in fields)


def test_the_map_goes_from_pca_through_frames_to_the_stored_umap(
    serve, fresh, laid_out, demo_workspace, open_page, wait_until
):
    run = fresh["digits"]
    compute(run, spec_of(run, method="pca"))
    address = serve(fresh.path)
    workers = Workers(serve.pid(address))
    on_map = Map(open_page(f"{address}/latent_map?run=digits"))
    wait_until(lambda: workers.pids)
    workers.tell(signal.SIGSTOP)  # it must not be done before the page has shown PCA
    on_map.until("view.state && !view.frames.frame")
    pca = stored_map(run, "pca")
    np.testing.assert_array_equal(on_map.positions(), pca)
    on_map.page.get_by_text("UMAP: ").wait_for()
    # A little further until there is a frame, which the page fetches by itself.
    frame = f"panel.layout !== '{on_map.evaluate('panel.layout')}'"
    for _ in range(200):
        worked, told = workers.worked, on_map.page.get_by_text("UMAP: ").inner_text()
        workers.tell(signal.SIGCONT)
        wait_until(lambda worked=worked: workers.worked > worked + 20)
        workers.tell(signal.SIGSTOP)
        on_map.page.wait_for_function(
            "(told) => ![...document.querySelectorAll('p')].some((p) => p.textContent === told)", arg=told
        )
        if on_map.evaluate(frame):
            break
    assert on_map.page.get_by_text("epoch ").count() == 1
    # Cancelled, it stays where it is.
    on_map.page.get_by_role("button", name="Cancel").click()
    on_map.page.get_by_text("Cancelled; this is the last frame.").wait_for()
    on_map.ready()
    umap = stored_map(demo_workspace["digits"], "umap")
    between = on_map.positions()
    assert not np.array_equal(between, pca)
    assert not np.array_equal(between, umap)
    assert np.isfinite(between).all()
    choose(on_map.page, "Colour by", "Class")
    on_map.ready()
    np.testing.assert_array_equal(on_map.positions(), between)
    assert stored(run, spec_of(run)) is None
    workers.tell(signal.SIGCONT)
    on_map.page.get_by_role("button", name="Go on").click()
    on_map.page.get_by_text("Moved here from the map that was shown before").wait_for()
    on_map.ready()
    assert not np.array_equal(on_map.positions(), between)
    # From the start it is the map that the same seed always gives.
    on_map.page.get_by_role("button", name="From the start").click()
    on_map.page.get_by_text("Moved here").wait_for(state="detached")
    on_map.page.get_by_text("Trustworthiness", exact=True).wait_for()
    on_map.ready()
    np.testing.assert_array_equal(on_map.positions(), umap)
    np.testing.assert_array_equal(stored_map(run, "umap"), umap)
    found = quality_of(run, stored(run, spec_of(run)))
    on_map.page.get_by_text(f"{found.trustworthiness:.3f}").first.wait_for()
    # Another session gets the stored one and waits for nothing.
    again = Map.opened(open_page, f"{address}/latent_map?run=digits")
    np.testing.assert_array_equal(again.positions(), umap)
    assert again.page.get_by_text("UMAP: ").count() == 0


def test_other_parameters_move_the_map_that_is_shown(serve, tmp_path, open_page):
    run, twin = make_clusters(Workspace(tmp_path / "a")), make_clusters(Workspace(tmp_path / "b"))
    address = serve(tmp_path / "a")
    on_map = Map.opened(open_page, f"{address}/latent_map?run=clusters")
    page = on_map.page
    before = stored(run, spec_of(run))
    np.testing.assert_array_equal(on_map.positions(), before.coordinates)
    page.get_by_role("button", name="Parameters").click()
    slider = page.get_by_role("slider", name="min_dist")
    slider.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Apply").click()
    page.keyboard.press("Escape")
    page.get_by_text("Moved here from the map that was shown before").wait_for()
    on_map.ready()
    changed = spec_of(run, min_dist=0.5)
    moved = on_map.positions()
    np.testing.assert_array_equal(moved, stored(run, changed, before).coordinates)
    page.get_by_role("button", name="From the start").click()
    page.get_by_text("Moved here").wait_for(state="detached")
    page.get_by_text("Trustworthiness", exact=True).wait_for()
    on_map.ready()
    expected = compute(twin, changed).coordinates
    assert not np.array_equal(moved, expected)
    np.testing.assert_array_equal(on_map.positions(), expected)


def test_the_reference_engine_computes_in_a_job(serve, tmp_path, open_page):
    pytest.importorskip("umap")
    run = make_clusters(Workspace(tmp_path))
    on_map = Map.opened(open_page, f"{serve(tmp_path)}/latent_map?run=clusters")
    page = on_map.page
    page.get_by_role("button", name="Parameters").click()
    page.get_by_text("Reference (umap-learn)").click()
    page.get_by_role("button", name="Apply").click()
    page.keyboard.press("Escape")
    page.get_by_text("UMAP is being computed; until then the map below is PCA.").wait_for()
    on_map.until(f"panel.layout === '{name_of(stored_map(run, 'pca'))}'")
    page.get_by_text("UMAP is being computed").wait_for(state="detached", timeout=180_000)
    on_map.until(f"panel.layout === '{name_of(stored(run, spec_of(run, engine='umap-learn')).coordinates)}'")
