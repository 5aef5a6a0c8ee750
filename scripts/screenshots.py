"""Take the README's pictures of the running app.

latentviz app --workspace demo/workspace --port 8501 --headless &
python scripts/screenshots.py http://localhost:8501 assets
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURES = {"overview": ("", "samples from"), "latent-map": ("latent_map", "UMAP, n_neighbors")}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("url")
    arguments.add_argument("folder", type=Path)
    options = arguments.parse_args()
    with sync_playwright() as playwright:
        gl = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=gl)
        for name, (path, wanted) in PICTURES.items():
            page = browser.new_page(viewport={"width": 1440, "height": 860})
            page.goto(f"{options.url}/{path}?run=digits-l2")
            page.get_by_text(wanted).first.wait_for(timeout=180_000)
            page.wait_for_timeout(3000)
            page.screenshot(path=str(options.folder / f"{name}.png"))


if __name__ == "__main__":
    main()
