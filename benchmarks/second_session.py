"""What a second visitor costs in memory: a run of 100,000 × 512 features, opened in two browser sessions.

The first session opens the Overview and the Latent map (PCA), clicks a point for its neighbours, and stays; then a
second one does the same. Memory is that of the server and everything it started. The PCA and the neighbours are stored
beforehand, as a UMAP leaves them: computing them in the first session would raise what stays after it and hide what
the second one adds.

Target: the second session needs at most 100 MB more, at its peak, than was used before it came.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
from _app import latentviz_app, settle, visit
from _browser import browser
from _measure import Peak, machine, parser, resident, spread, table, verdict
from playwright.sync_api import Browser

import latentviz as lv
from latentviz import projection
from latentviz.projection.graphs import shared_graph
from latentviz.projection.rows import Rows

TARGET = 100
CLASSES = 10


def make_run(workspace: Path, samples: int, width: int) -> None:
    """Random features around one random centre a class, a nearest-centre head, two sets, and their PCA."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((CLASSES, width), dtype=np.float32)
    labels = random.integers(0, CLASSES, samples)
    features = centres[labels] + 3 * random.standard_normal((samples, width), dtype=np.float32)
    half = samples // 2
    run = lv.Run.from_arrays(
        {"train": features[:half], "test": features[half:]},
        labels={"train": labels[:half], "test": labels[half:]},
        head=lv.Head(centres, -0.5 * (centres**2).sum(1)),
        workspace=lv.Workspace(workspace),
        name="random",
    )
    projection.compute(run, projection.LayoutSpec(sets=tuple(run.sets), method="pca"))
    shared_graph(Rows.of(run, tuple(run.sets)), 50, "euclidean")


# Where the rightmost point of the map is on the screen: nothing covers it.
RIGHTMOST = """() => {
    const map = document.querySelector('.js-plotly-plot'), {x, y} = map._fullData[0];
    const {xaxis, yaxis} = map._fullLayout, box = map.getBoundingClientRect();
    const most = x.reduce((best, value, i) => value > x[best] ? i : best, 0);
    return [box.left + xaxis._offset + xaxis.d2p(x[most]), box.top + yaxis._offset + yaxis.d2p(y[most])];
}"""


def session(opened: Browser, address: str) -> None:
    """Look at both pages and at a point; the session stays open."""
    page = opened.new_context(viewport={"width": 1440, "height": 1000}).new_page()  # the whole map is visible
    visit(page, address, "Image sets")
    visit(page, f"{address}/latent_map", "Nothing selected")
    page.get_by_text("PCA", exact=True).first.click()
    page.wait_for_timeout(500)
    settle(page, "Nothing selected")
    across, down = page.evaluate(RIGHTMOST)
    page.mouse.move(across - 20, down)
    page.mouse.move(across, down, steps=5)
    page.locator(".hoverlayer .hovertext").wait_for()
    page.mouse.click(across, down)
    settle(page, "Nearest in feature space")
    page.wait_for_timeout(2000)


def main() -> None:
    arguments = parser(__doc__, repeats=5)
    arguments.add_argument("--samples", type=int, default=100_000)
    arguments.add_argument("--width", type=int, default=512)
    options = arguments.parse_args()
    rows: dict[str, list[float]] = {name: [] for name in ("start", "peak 1", "settled 1", "peak 2", "settled 2")}
    with tempfile.TemporaryDirectory(prefix="latentviz-benchmark-") as scratch:
        workspace = Path(scratch)
        make_run(workspace, options.samples, options.width)
        for number in range(options.repeats):
            with browser() as opened, latentviz_app(workspace) as server, Peak(server.process) as peak:
                server.wait()
                rows["start"].append(resident(server.process) / 2**20)
                for visitor in ("1", "2"):
                    peak.restart()
                    session(opened, server.address)
                    rows[f"peak {visitor}"].append(peak.bytes / 2**20)
                    rows[f"settled {visitor}"].append(resident(server.process) / 2**20)
            print(f"round {number + 1}/{options.repeats}: " + ", ".join(f"{k} {v[-1]:.0f} MB" for k, v in rows.items()))
    titles = {
        "start": "server started",
        "peak 1": "peak during the first session",
        "settled 1": "after it",
        "peak 2": "peak during the second session",
        "settled 2": "after it, both sessions open",
    }
    print(f"\n{options.samples:,} × {options.width}; {machine()}")
    table(["", "median", "range"], [[title, *spread(rows[key], "MB", 0)] for key, title in titles.items()])
    growth = [peak - before for before, peak in zip(rows["settled 1"], rows["peak 2"], strict=True)]
    stays = [after - before for before, after in zip(rows["settled 1"], rows["settled 2"], strict=True)]
    verdict("Peak of the second session above what was used before it", statistics.median(growth), TARGET, " MB", 0)
    verdict("Growth of what stays in memory", statistics.median(stays), TARGET, " MB", 0)


if __name__ == "__main__":
    main()
