"""What the pages share: pickers, caches, the jobs panel and the map."""

from pathlib import Path

#: Picture of the browser's tab.
ICON = Path(__file__).with_name("icon.png")
