"""What a second visitor costs in memory: a run of 100,000 × 512 features, opened in two browser sessions.

The first session opens the Overview and the Latent map (PCA) and stays; then a second one does the same. Memory is
that of the server and everything it started. The PCA is stored beforehand: computing it in the first session would
raise that session's peak and hide what the second one adds.

Target: the server's peak grows by at most 100 MB.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
from _app import browser, latentviz_app, settle, visit
from _measure import Peak, machine, parser, resident, spread, table, verdict
from playwright.sync_api import Browser

import latentviz as lv
from latentviz import projection

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


def session(opened: Browser, address: str) -> None:
    """Look at both pages; the session stays open."""
    page = opened.new_context().new_page()
    visit(page, address, "Image sets")
    visit(page, f"{address}/latent_map", "Nothing selected")
    page.get_by_text("PCA", exact=True).first.click()
    page.wait_for_timeout(500)
    settle(page, "Nothing selected")
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
    growth = [max(0.0, after - before) for before, after in zip(rows["peak 1"], rows["peak 2"], strict=True)]
    stays = [after - before for before, after in zip(rows["settled 1"], rows["settled 2"], strict=True)]
    verdict("Growth of the peak by the second session", statistics.median(growth), TARGET, " MB", 0)
    verdict("Growth of what stays in memory", statistics.median(stays), TARGET, " MB", 0)


if __name__ == "__main__":
    main()
