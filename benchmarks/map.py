"""The latent map in the real app against ``st.plotly_chart``, both in headless Chromium with WebGL in software.

100,000 samples: the same run, stored map, colours and side panel, in our app and in a page of one plotly chart
(Scattergl from numpy, ``on_select="rerun"``). Both are opened anew in every round by a new server. A lasso around half
of the samples is drawn with the mouse: from the release of the button until the side panel shows their number. Then
"Colour by" is changed, to two columns that the session has not shown yet and back to two that it has: from the release
of the button until the new colours are drawn (a pixel is read back, so that the drawing has ended), the mean of two.

1,000,000 samples, our app alone: the same, with a lasso of 120 jagged vertices. plotly's answer to a lasso there would
be larger than Streamlit lets a browser send.

Python at 1,000,000 samples, without a browser: what a rerun of the page sends to the map, and which samples a
polygon of 150 vertices around half of them encloses.

Targets: at 100,000, lasso at most 1/10 and recolouring at most 1/5 of plotly's time; at 1,000,000, the selection is
kept and no message from the browser is larger than 4 kB; payload at most 50 ms, polygon at most 0.5 s.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from _app import PATIENCE, STREAMLIT, Server, free_port, latentviz_app
from _browser import browser
from _measure import machine, parser, spread, table, verdict
from playwright.sync_api import Page

import latentviz as lv
from latentviz import projection
from latentviz.figures.colouring import TITLES
from latentviz.projection import store, trust
from latentviz.projection.rows import Rows
from latentviz.projection.selection import Selection, Shape, inside

NAME = "random"
SETS = ("train", "test")
CLASSES = 10
#: What is coloured by: what is there at first, and what is chosen then.
USUAL, OTHERS = TITLES["set"], (TITLES["label"], TITLES["prediction"])
KILOBYTES = 4
#: What is timed in a session.
TITLED = {
    "opened": "opened until drawn",
    "lasso": "lasso until the panel shows the count",
    "new": "recoloured, new column",
    "again": "recoloured, column shown before",
}


def make_run(workspace: Path, samples: int) -> np.ndarray:
    """A run of clusters, with a map of its own where the app looks for UMAP's and its quality; gives the map."""
    random = np.random.default_rng(0)
    labels, centres = random.integers(0, CLASSES, samples), random.standard_normal((CLASSES, 8), dtype=np.float32)
    features = 2 * centres[labels] + random.standard_normal((samples, 8), dtype=np.float32)
    half = samples // 2
    run = lv.Run.from_arrays(
        {"train": features[:half], "test": features[half:]},
        labels={"train": labels[:half], "test": labels[half:]},
        head=lv.Head(2 * centres, -2 * (centres**2).sum(1)),
        workspace=lv.Workspace(workspace),
        name=NAME,
    )
    places = 5 * random.standard_normal((CLASSES, 2))
    coordinates = (places[labels] + random.standard_normal((samples, 2))).astype(np.float32)
    layout = store.save(Rows.of(run, SETS), projection.LayoutSpec(sets=SETS), None, coordinates, {})
    trust.measure = partial(trust.measure, sample=50)  # 2,000 take minutes at a million
    projection.quality_of(run, layout)
    return coordinates


def lasso(coordinates: np.ndarray, share: float, vertices: int) -> np.ndarray:
    """A jagged line around the middle (vertices, 2), within which are about a share of the samples."""
    middle = np.median(coordinates, axis=0)
    radius = np.quantile(np.hypot(*(coordinates - middle).T), share)
    angles = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    uneven = radius * np.random.default_rng(0).uniform(0.95, 1.05, vertices)
    return middle + uneven[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])


# ------------------------------------------------------------------------------------------------ plotly's page


def plotly_page(workspace: Path) -> None:
    """What Streamlit runs as plotly's app."""
    import streamlit as st

    st.set_page_config(layout="wide")
    st.fragment(_plotly_body)(workspace)


def _plotly_body(workspace: Path) -> None:
    import plotly.graph_objects as go
    import streamlit as st

    from latentviz.app import cached, map_panel

    run = cached.run(lv.Workspace(workspace), NAME)
    layout = projection.stored(run, projection.LayoutSpec(sets=SETS))
    assert layout is not None
    points = cached.points(run, SETS)
    by = st.selectbox("Colour by", list(TITLES), format_func=TITLES.__getitem__)
    colour = cached.colour(run, layout, by)
    count = len(colour.categories)
    steps = [(edge / count, fill) for n, fill in enumerate(colour.colours) for edge in (n, n + 1)]
    x, y = layout.coordinates.T
    marker = {"size": 3, "color": colour.values, "colorscale": steps, "cmin": -0.5, "cmax": count - 0.5}
    figure = go.Figure(go.Scattergl(x=x, y=y, mode="markers", marker=marker, name=colour.title))
    figure.update_layout(dragmode="lasso", height=560, uirevision="map", margin={"t": 20, "b": 20})
    figure.update_yaxes(scaleanchor="x")
    left, right = st.columns([13, 7], gap="medium")
    with left:
        event = st.plotly_chart(figure, key="map", on_select="rerun", selection_mode=("points", "box", "lasso"))
    selected = np.zeros(len(points), dtype=bool)
    selected[event.selection.point_indices] = True
    with right:
        map_panel.side_panel(run, layout, points, selected)


@contextmanager
def plotly_app(workspace: Path) -> Iterator[Server]:
    port = free_port()
    options = ["--server.headless", "true", "--server.port", str(port)]
    server = Server([*STREAMLIT, "run", __file__, *options, "--", "--plotly", str(workspace)], port)
    try:
        yield server
    finally:
        server.stop()


# -------------------------------------------------------------------------------------------------- the browser

# When the button was released last (at first: when the page was asked for), and the largest message that was sent.
WATCH = """
    window.released = 0;
    addEventListener("pointerup", event => { window.released = event.timeStamp; }, true);
    window.largest = 0;
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (message) {
        window.largest = Math.max(window.largest, message.byteLength ?? message.length);
        return send.call(this, message);
    };
    window.since = () => (performance.now() - window.released) / 1000;
    window.drawn = gl => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
"""

# Seconds since then and the heading of the side panel, once it is another.
COUNTED = """before => {
    const texts = [...document.querySelectorAll("h3")].map(heading => heading.textContent.trim());
    const found = texts.find(text => text.endsWith("samples selected"));
    return found && found !== before ? [since(), found] : null;
}"""


class Map:
    """A page with a map, and how long what the user does on it takes."""

    #: JavaScript: seconds, once the map is drawn in the colours of a title.
    coloured: str
    #: JavaScript: where places of the map are on the screen.
    screen: str

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.heading = page, ""
        page.set_default_timeout(PATIENCE * 1000)
        page.add_init_script(WATCH)
        page.goto(address)
        self.opened = self.wait(self.coloured, USUAL)
        self.settle()

    def wait(self, script: str, what: str) -> float:
        return float(self.page.wait_for_function(script, arg=what, polling="raf").json_value())

    def settle(self) -> None:
        """Nothing that was asked for before disturbs what is measured next."""
        self.page.wait_for_timeout(500)
        state = """document.querySelector('[data-testid="stApp"]').dataset.testScriptState === "notRunning" """
        self.page.wait_for_function(state)
        self.page.wait_for_timeout(1500)

    def lasso(self, polygon: np.ndarray) -> float:
        """Draw around samples: seconds until the panel shows them."""
        mouse = self.page.mouse
        path = self.page.evaluate(self.screen, polygon.tolist())
        mouse.move(*path[0])
        mouse.down()
        for place in (*path[1:], path[0]):
            mouse.move(*place)
        mouse.up()
        found = self.page.wait_for_function(COUNTED, arg=self.heading, polling="raf").json_value()
        self.heading = found[1]
        self.settle()
        return float(found[0])

    def recolour(self, title: str) -> float:
        """Choose another colour: seconds until it is drawn."""
        box = self.page.get_by_label("Colour by", exact=True).first
        box.click()
        box.fill(title)
        self.page.get_by_role("option", name=title, exact=True).click()
        seconds = self.wait(self.coloured, title)
        self.settle()
        return seconds

    @property
    def selected(self) -> int:
        """How many samples the side panel says are selected."""
        texts = self.page.locator("h3").all_inner_texts()
        return next((int(t.split()[0].replace(",", "")) for t in texts if t.endswith("samples selected")), 0)

    @property
    def largest(self) -> float:
        """Kilobytes of the largest message that the browser has sent."""
        return int(self.page.evaluate("window.largest")) / 1000


class Ours(Map):
    # It lies in a shadow root, which only Playwright's own selectors look into.
    find = """
        const inside = root => {
            for (const one of root.querySelectorAll("*")) {
                if (one.view?.panels) return one.view;
                const deeper = one.shadowRoot && inside(one.shadowRoot);
                if (deeper) return deeper;
            }
        };
        window.map = window.map?.root.isConnected ? window.map : inside(document);
    """
    coloured = f"""title => {{
        {find}
        if (map?.panels[0]?.colouring?.title !== title || map.frames.frame !== null) return null;
        drawn(map.painter.gl);
        return since();
    }}"""
    screen = """places => {
        const {left, top} = map.slots.children[0].getBoundingClientRect();
        return places.map(place => map.panels[0].camera.toScreen(place)).map(([x, y]) => [left + x, top + y]);
    }"""

    def __init__(self, page: Page, address: str) -> None:
        super().__init__(page, f"{address}/latent_map")
        page.get_by_role("button", name="Lasso").click()
        self.settle()


class Plotlys(Map):
    coloured = """title => {
        for (const chart of document.querySelectorAll(".js-plotly-plot")) {
            const scene = chart._fullLayout?._plots?.xy?._scene;
            if (!scene || scene.dirty || chart._fullData?.[0]?.name !== title) continue;
            for (const canvas of chart.querySelectorAll(".gl-canvas")) drawn(canvas.getContext("webgl"));
            return since();
        }
        return null;
    }"""
    screen = """places => {
        const chart = document.querySelector(".js-plotly-plot"), {xaxis, yaxis} = chart._fullLayout;
        const {left, top} = chart.getBoundingClientRect();
        return places.map(([x, y]) => [left + xaxis._offset + xaxis.d2p(x), top + yaxis._offset + yaxis.d2p(y)]);
    }"""


def use(kind: type[Map], address: str, coordinates: np.ndarray, polygon: np.ndarray) -> dict[str, float]:
    """Everything that is measured in one session."""
    with browser() as opened:
        page = opened.new_page(viewport={"width": 1440, "height": 1200})
        there = kind(page, address)
        seconds = there.lasso(polygon)
        selected, expected = there.selected, int(inside(coordinates, polygon).sum())
        if abs(selected - expected) > 0.01 * expected:
            sys.exit(f"{kind.__name__}: {selected:,} samples are selected; the lasso encloses {expected:,}.")
        new = [there.recolour(title) for title in OTHERS]
        kept = there.selected == selected and (kind is Plotlys or chosen_on(page) == selected)
        again = [there.recolour(title) for title in (USUAL, OTHERS[0])]
        return {
            "opened": there.opened,
            "lasso": seconds,
            "new": statistics.mean(new),
            "again": statistics.mean(again),
            "kept": kept,
            "sent": there.largest,
        }


def chosen_on(page: Page) -> int:
    """Samples that our map itself shows as selected."""
    return int(page.evaluate("map.selected.reduce((sum, one) => sum + one, 0)"))


# ------------------------------------------------------------------------------------------------------- Python


def python_side(coordinates: np.ndarray, repeats: int) -> dict[str, list[float]]:
    """Seconds for the payload of a map whose arrays are new, of one whose arrays are known, and for a polygon."""
    from latentviz.app.scatter import component, served
    from latentviz.app.scatter.payload import encode
    from latentviz.figures.colouring import Colour

    served.routes()
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(2, dtype=np.uint16), -(-len(coordinates) // 2))[: len(coordinates)]
    names, fills = tuple(map(str, range(CLASSES))), ("#3b7dd8",) * CLASSES
    seconds: dict[str, list[float]] = {"first": [], "known": [], "polygon": []}
    for _ in range(repeats):
        shifted = coordinates + random.standard_normal(2, dtype=np.float32)
        colour = Colour("Class", random.integers(0, CLASSES, len(shifted)).astype(np.uint16), names, fills)
        panel = component.Panel(shifted, colour, alt="")
        for name in ("first", "known"):
            start = time.perf_counter()
            state = component.described([panel], groups, lambda values: served.reference(values, {}))
            encode({"state": component.as_bytes(state)})
            seconds[name].append(time.perf_counter() - start)
        polygon = tuple(map(tuple, lasso(shifted, 0.5, 150).tolist()))
        selection = Selection(shapes=(Shape(on=panel.layout, polygon=polygon),))
        start = time.perf_counter()
        selection.resolve({panel.layout: shifted}, len(shifted))
        seconds["polygon"].append(time.perf_counter() - start)
    return seconds


# ------------------------------------------------------------------------------------------------------- report


def line(found: dict[str, float]) -> str:
    """One session in a line."""
    return ", ".join(f"{name} {value:.2f} s" for name, value in found.items() if name in TITLED)


def against_plotly(samples: int, repeats: int) -> None:
    """Our app and plotly's page by turns."""
    apps = {"ours": (Ours, latentviz_app), "plotly": (Plotlys, plotly_app)}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in apps}
    with tempfile.TemporaryDirectory(prefix="latentviz-benchmark-") as scratch:
        coordinates = make_run(Path(scratch), samples)
        polygon = lasso(coordinates, 0.5, 60)
        for number in range(repeats):
            for name, (kind, app) in apps.items():
                with app(Path(scratch)) as server:
                    server.wait()
                    rounds[name].append(use(kind, server.address, coordinates, polygon))
                print(f"round {number + 1}/{repeats}: {name}, {line(rounds[name][-1])}", flush=True)
    limits = {"lasso": 1 / 10, "new": 1 / 5, "again": 1 / 5}
    ratios = {key: [a[key] / b[key] for a, b in zip(*rounds.values(), strict=True)] for key in TITLED}
    rows = []
    for key, title in TITLED.items():
        medians = (" / ".join(spread([one[key] for one in of])) for of in rounds.values())
        rows.append([title, *medians, spread(ratios[key], "", 3)[0], f"≤ {limits[key]:g}" if key in limits else ""])
    sent = [spread([one["sent"] for one in of], "kB", 1)[0] for of in rounds.values()]
    kept = ["yes" if all(one["kept"] for one in of) else "no" for of in rounds.values()]
    rows += [["largest message of the browser", *sent, "", ""], ["selection kept when recoloured", *kept, "", ""]]
    print(f"\n{samples:,} samples in the browser; {machine()}")
    table(["", "our app, median / range", "plotly, median / range", "ratio", "target"], rows)
    for key, limit in limits.items():
        verdict(f"{TITLED[key]}, ours of plotly's time", statistics.median(ratios[key]), limit, digits=3)


def large(samples: int, repeats: int) -> None:
    """Our app alone, and what Python does for it."""
    rounds = []
    with tempfile.TemporaryDirectory(prefix="latentviz-benchmark-") as scratch:
        coordinates = make_run(Path(scratch), samples)
        seconds = python_side(coordinates, 5)
        polygon = lasso(coordinates, 0.5, 120)
        for number in range(repeats):
            with latentviz_app(Path(scratch)) as server:
                server.wait()
                rounds.append(use(Ours, server.address, coordinates, polygon))
            print(f"round {number + 1}/{repeats}: {line(rounds[-1])}", flush=True)
    print(f"\n{samples:,} samples; {machine()}")
    kept = "yes" if all(one["kept"] for one in rounds) else "NO"

    def row(title: str, key: str, unit: str = "s", digits: int = 2, target: str = "") -> list[str]:
        return [title, *spread([one[key] for one in rounds], unit, digits), target]

    rows = [
        *(row(title, key, target="" if key == "opened" else "works") for key, title in TITLED.items()),
        ["selection kept when recoloured", kept, "", "yes"],
        row("largest message of the browser", "sent", "kB", 1, f"≤ {KILOBYTES} kB"),
    ]
    parts = {
        "first": ("Python: payload, arrays never sent", ""),
        "known": ("Python: payload, arrays known", "≤ 50 ms"),
        "polygon": ("Python: polygon of 150 vertices resolved", "≤ 500 ms"),
    }
    for key, (title, target) in parts.items():
        rows.append([title, *spread([1000 * value for value in seconds[key]], "ms", 0), target])
    table(["", "median", "range", "target"], rows)
    verdict("Largest message of the browser", max(one["sent"] for one in rounds), KILOBYTES, " kB", 1)
    verdict("Payload, arrays known", 1000 * statistics.median(seconds["known"]), 50, " ms", 0)
    verdict("Polygon resolved", 1000 * statistics.median(seconds["polygon"]), 500, " ms", 0)
    if kept == "NO":
        print("\nSelection kept when recoloured: MISSED")


def main() -> None:
    if sys.argv[1:2] == ["--plotly"]:
        plotly_page(Path(sys.argv[2]))
        return
    arguments = parser(__doc__, repeats=3)
    arguments.add_argument("--samples", type=int, default=100_000, help="against plotly; 0 leaves it out")
    arguments.add_argument("--large", type=int, default=1_000_000, help="0 leaves it out")
    options = arguments.parse_args()
    if options.samples:
        against_plotly(options.samples, options.repeats)
    if options.large:
        large(options.large, options.repeats)


if __name__ == "__main__":
    main()
