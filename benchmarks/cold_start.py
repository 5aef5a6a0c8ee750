"""How long until the app can be used, in new processes: `latentviz app` against `streamlit hello`, alternating.

The clock runs from the start of the server process until the browser (started before) shows the Overview of the demo
workspace with the accuracies of its sets, or Streamlit's welcome page, and the script has ended: the page can be read
and its controls answer. When the last picture is there is told apart. The disk is warm. Also looks which of the heavy
libraries the app's process has loaded by then: torch and umap are for pages that need them.

Target: the app takes at most 3 s longer than `streamlit hello`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from _app import latentviz_app, settle, streamlit_hello, visit
from _browser import browser
from _measure import interleaved, machine, parser, spread, table, verdict

from latentviz import Workspace
from latentviz.demo import prepare
from latentviz.evaluation.accuracy import in_words, sets_table

TARGET = 3.0
#: Part of a mapped file's path that tells that a library is loaded; umap itself is Python, but comes with llvmlite.
HEAVY = {"torch": "libtorch", "umap": "libllvmlite", "faiss": "/faiss/"}


def main() -> None:
    arguments = parser(__doc__, repeats=7)
    arguments.add_argument("--workspace", type=Path, help="a prepared demo workspace; by default one is made")
    options = arguments.parse_args()
    loaded: set[str] = set()
    drawn: list[float] = []
    with tempfile.TemporaryDirectory(prefix="latentviz-benchmark-") as scratch, browser() as opened:
        workspace = (options.workspace or prepare(Path(scratch)).path).absolute()
        first = next(iter(Workspace(workspace)))
        accuracies = [text for text in in_words(sets_table(first)) if "%" in text]

        def app() -> float:
            with latentviz_app(workspace) as server:
                server.wait()
                context = opened.new_context()
                page = context.new_page()
                page.goto(server.address)
                settle(page, accuracies[-1], charts=False)
                seconds = server.seconds()
                settle(page, "Image sets")
                drawn.append(server.seconds())
                loaded.update(name for name, part in HEAVY.items() if server.loaded(part))
                context.close()
            return seconds

        def hello() -> float:
            with streamlit_hello() as server:
                server.wait()
                context = opened.new_context()
                visit(context.new_page(), server.address, "Welcome to Streamlit! 👋")
                seconds = server.seconds()
                context.close()
            return seconds

        tasks = {"streamlit hello": hello, "latentviz app": app}
        for task in tasks.values():
            task()  # warms the disk
        drawn.clear()
        seconds = interleaved(tasks, options.repeats)

    print(f"\n{machine()}")
    rows = {**{f"`{name}`": values for name, values in seconds.items()}, "nothing of the Overview still to come": drawn}
    table(["", "median", "range"], [[name, *spread(values)] for name, values in rows.items()])
    longer = [a - h for a, h in zip(seconds["latentviz app"], seconds["streamlit hello"], strict=True)]
    verdict("Longer than streamlit hello", statistics.median(longer), TARGET, " s")
    print(f"\nLoaded by the app's process after the Overview, of {', '.join(HEAVY)}: {', '.join(loaded) or 'none'}")
    if loaded & {"torch", "umap"}:
        sys.exit("torch and umap must not be loaded before a page needs them.")


if __name__ == "__main__":
    main()
