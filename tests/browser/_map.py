"""The latent map as its tests see it: where samples are on the screen, and what is selected."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import Page

from latentviz import Head, Run, Workspace
from latentviz.projection import LayoutSpec, compute, quality_of, stored
from latentviz.projection.selection import Between, Selection, fingerprint


def settled(page: Page) -> None:
    """Wait until every run that the page asked for has ended, and none has begun for a moment."""
    page.evaluate("window.idleSince = null")
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid="stApp"]');
            const reported = performance.now() - window.requested > 3000;
            const idle = reported && app?.dataset.testScriptState === 'notRunning'
                && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"]');
            window.idleSince = idle ? (window.idleSince ?? performance.now()) : null;
            return idle && performance.now() - window.idleSince > 400;
        }""",
        polling=20,
    )


class Map:
    """The map on a page.

    ``evaluate`` and ``until`` get JavaScript that knows it as ``view``, and the first of its maps as ``panel``.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    def opened(cls, open_page: Callable[..., Page], address: str, **how: Any) -> Map:
        """The map at an address, when nothing changes by itself any more."""
        found = cls(open_page(address, **how))
        return found.ready()

    def ready(self) -> Map:
        """Wait until it is drawn, nothing moves and the page rests."""
        settled(self.page)
        self.until("view.state && !view.frames.frame && !view.panels.some((p) => p.isMoving)")
        return self

    def evaluate(self, script: str, given: Any = None) -> Any:
        return self.page.evaluate(
            f"(given) => {{ const view = latentMap().view, panel = view.panels[0]; return {script}; }}", given
        )

    def until(self, script: str, **how: Any) -> None:
        self.page.wait_for_function(
            f"() => {{ const view = latentMap()?.view, panel = view?.panels[0]; return view && panel && ({script}); }}",
            polling=20,
            **how,
        )

    # What there is.

    @property
    def said(self) -> str:
        return self.page.locator(".said").inner_text()

    @property
    def selected(self) -> np.ndarray:
        """What the browser says is selected (N,), bool."""
        return np.array(self.evaluate("[...view.selected]"), dtype=bool)

    @property
    def visible(self) -> np.ndarray:
        """What the browser draws (N,), bool."""
        return np.array(self.evaluate("[...view.visible]"), dtype=bool)

    @property
    def camera(self) -> dict[str, Any]:
        return self.evaluate("panel.camera.state")

    def positions(self, panel: int = 0) -> np.ndarray:
        """The map's coordinates (N, d), float32."""
        flat, width = self.evaluate("[[...view.panels[given].positions], view.panels[given].dimensions]", panel)
        return np.array(flat, dtype=np.float32).reshape(-1, width)

    def box(self, panel: int = 0) -> dict[str, float]:
        """Of the part of the page that hears the pointer."""
        return self.page.locator(".slot").nth(panel).bounding_box()

    def places(self, panel: int = 0) -> np.ndarray:
        """Where samples are on the page, in pixels (N, 2); NaN where nowhere."""
        script = "Array.from({length: view.state.count}, (_, row) => view.panels[given].seen(row) ?? [null, null])"
        box = self.box(panel)
        return np.array(self.evaluate(script, panel), dtype=float) + np.array([box["x"], box["y"]])

    def picture(self) -> np.ndarray:
        """What is painted, (height, width, 3) from 0 to 255."""
        content = self.page.locator(".stage").screenshot()
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)

    def in_address(self, *maps: np.ndarray | Between, count: int) -> np.ndarray:
        """What Python makes of the selection in the page's address (N,), bool."""
        _, _, text = parse_qs(urlsplit(self.page.url).query)["selection"][0].partition(".")
        return Selection.from_text(text).resolve({name_of(one): one for one in maps}, count)

    # What the user does.

    def pill(self, name: str) -> None:
        """Show or hide a set."""
        self.page.get_by_role("toolbar", name="Show sets").get_by_role("button", name=name, exact=True).click()
        self.ready()

    def press(self, name: str) -> None:
        """A button of the toolbar."""
        self.page.get_by_role("toolbar", name="Map tools").get_by_role("button", name=name, exact=True).click()

    def draw(self, corners: np.ndarray, *keys: str) -> None:
        """Drag along corners, with keys held down, and wait until the app knows."""
        self.drag(corners, *keys)
        settled(self.page)

    def drag(self, corners: np.ndarray, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.move(*corners[0])
        self.page.mouse.down()
        for corner in corners[1:]:
            self.page.mouse.move(*corner, steps=3)
        self.page.mouse.up()
        for key in keys:
            self.page.keyboard.up(key)

    def click(self, place: Sequence[float], *keys: str) -> None:
        """Click a place of the page, with keys held down, and wait until the app knows."""
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.click(*place)
        for key in keys:
            self.page.keyboard.up(key)
        settled(self.page)

    def show(self, method: str) -> None:
        """Another projection."""
        self.page.get_by_text(method, exact=True).first.click()
        self.ready()

    def exported(self) -> pd.DataFrame:
        """The selection as the panel's CSV has it."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name="CSV").click()
        return pd.read_csv(download.value.path(), dtype={"id": str})


def name_of(one: np.ndarray | Between) -> str:
    """What shapes drawn on a map are said to be on."""
    return "-".join(map(fingerprint, one)) if isinstance(one, Between) else fingerprint(one)


def around(places: np.ndarray, margin: float = 8) -> np.ndarray:
    """A closed path of eight corners around all places, with a margin in pixels."""
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    # The smallest circle-like octagon that holds the box of all.
    radius = np.linalg.norm(np.ptp(places, axis=0)) / 2 / np.cos(np.pi / 8) + margin
    angles = np.arange(9) * np.pi / 4
    return (middle + radius * np.column_stack([np.cos(angles), np.sin(angles)])).round()


def corners(places: np.ndarray, margin: float = 8) -> np.ndarray:
    """Two opposite corners of the box around all places."""
    return np.stack([places.min(axis=0) - margin, places.max(axis=0) + margin]).round()


def painted(picture: np.ndarray, colour: str, ground: str = "#ffffff", opacity: float = 0.85) -> int:
    """How many pixels of a picture have about the colour of a point."""
    fill, under = (np.array([int(one[at : at + 2], 16) for at in (1, 3, 5)]) for one in (colour, ground))
    wanted = opacity * fill + (1 - opacity) * under
    return int((np.abs(picture - wanted).max(axis=2) <= 20).sum())


def alone(places: np.ndarray, among: np.ndarray | None = None) -> int:
    """Of the rows that count, the sample that stands farthest from any other."""
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = np.nan_to_num(distances, nan=np.inf).min(axis=1)
    return int(np.where(np.ones(len(places), bool) if among is None else among, nearest, -1).argmax())


#: Samples of a cluster of :func:`make_clusters` in each of its sets; "far" is a cluster of its own.
CLUSTER = {"train": 70, "test": 30}
FAR = 45


def make_clusters(workspace: Workspace, name: str = "clusters", seed: int = 0) -> Run:
    """A run of three classes and a set "far" that lie apart from each other, with stored maps."""
    random = np.random.default_rng(seed)
    features = {
        each: np.concatenate([12 * np.eye(6)[n] + random.normal(size=(count, 6)) for n in range(3)])
        for each, count in CLUSTER.items()
    }
    features["far"] = np.full(6, 4) * [1, 1, 1, 0, 0, 0] + random.normal(size=(FAR, 6))
    labels = {each: np.repeat(np.arange(3), count) for each, count in CLUSTER.items()}
    run = Run.from_arrays(
        {each: values.astype(np.float32) for each, values in features.items()},
        labels=labels,
        head=Head(np.eye(3, 6), np.zeros(3)),
        images={each: random.integers(0, 256, (len(v), 8, 8), dtype=np.uint8) for each, v in features.items()},
        workspace=workspace,
        name=name,
    )
    for method in ("pca", "umap"):
        quality_of(run, compute(run, LayoutSpec(method=method, sets=tuple(run.sets))))
    return run


def stored_map(run: Run, method: str, dimensions: int = 2) -> np.ndarray:
    """Coordinates of a map that is there (N, d)."""
    found = stored(run, LayoutSpec(method=method, sets=tuple(run.sets), dimensions=dimensions))
    assert found is not None
    return np.array(found.coordinates)


def cluster(points: pd.DataFrame, name: str) -> np.ndarray:
    """The rows of a class's cluster, or of the set "far"."""
    labelled = (points["label"] == name) & (points["set"] != "far")
    return (labelled if name != "far" else points["set"] == "far").to_numpy()


def is_selected(on_map: Map, expected: np.ndarray) -> None:
    """In the browser, in its words, in the side panel and in the export."""
    np.testing.assert_array_equal(on_map.selected, expected)
    assert on_map.said == f"{len(expected):,} samples · {expected.sum():,} selected"
    on_map.page.get_by_role("heading", name=f"{expected.sum():,} samples selected").wait_for()
