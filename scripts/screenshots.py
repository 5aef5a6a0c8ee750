"""Take the README's pictures of the running app.

latentviz app --workspace demo/workspace --port 8501 --headless &
python scripts/screenshots.py http://localhost:8501 assets
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from _browser import browser

PICTURES = {
    "overview": ("", "samples from"),
    "latent-map": ("latent_map", "UMAP, n_neighbors"),
    "ood-scorers": ("ood_scorers", "stratified bootstrap"),
    "feature-magnitude": ("feature_magnitude", "Balanced accuracy"),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("url")
    arguments.add_argument("folder", type=Path)
    options = arguments.parse_args()
    with browser() as opened:
        for name, (path, wanted) in PICTURES.items():
            page = opened.new_page(viewport={"width": 1440, "height": 860})
            page.goto(f"{options.url}/{path}?run=digits-l2")
            page.get_by_text(wanted).first.wait_for(timeout=180_000)
            page.wait_for_function("!document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner]')")
            page.wait_for_timeout(3000)
            page.screenshot(path=str(options.folder / f"{name}.png"))


if __name__ == "__main__":
    main()
