"""The app's process: Streamlit, which loads what the first page needs while the browser is still starting.

python -m latentviz.app.server asgi_app.py --server.port 8501
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType


def main() -> None:
    """`streamlit run` with the arguments of this process."""
    # The server ends in order, then gives the signal on to whoever handled it before.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    # Streamlit first: its modules import each other, and two threads that load them at once block each other.
    from streamlit.web import cli

    threading.Thread(target=_preload, daemon=True).start()
    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    cli.main()


def _end(number: int, frame: FrameType | None) -> None:
    """Whoever stops the app means to: that is no error."""
    sys.exit(0)


def _preload() -> None:
    from latentviz.app import jobs_panel, map_body  # noqa: F401
    from latentviz.figures.style import empty

    empty("plotly loads its parts with the first figure")


if __name__ == "__main__":
    main()
