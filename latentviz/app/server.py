"""The app's process: Streamlit, which loads what the first page needs while the browser is still starting.

python -m latentviz.app.server app.py --server.port 8501
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress


def main() -> None:
    """`streamlit run` with the arguments of this process."""
    threading.Thread(target=_preload, daemon=True).start()
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    cli.main()


def _preload() -> None:
    from latentviz.app import jobs_panel, latent_map  # noqa: F401
    from latentviz.figures.style import empty

    empty("plotly loads its parts with the first figure")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C while it is still starting
        main()
