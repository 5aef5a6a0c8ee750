"""Extraction against the work that cannot be avoided: ResNet-20 on 10,000 CIFAR-sized JPEG files.

``lv.extract`` with everything (listing, model, workers, thumbnails, store; a new workspace each time) is divided
by two loops that do nothing else, each measured alone in the same round:

    forward   the network on the same images as ready-made tensors, same batch size, all cores
    decoding  PIL opens and loads every file, one process

Target: extract / (forward + decoding) at most 1.15.

``--busy 1`` keeps one core busy with another program meanwhile: a browser, another job.

The images and weights are the project's real ones if they are there (LATENTVIZ_SHARED_DATA), else made up.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import torch
from _measure import SHARED, interleaved, machine, parser, spread, table, verdict
from PIL import Image
from safetensors.torch import save_file

import latentviz as lv
from latentviz.datasets.decode import Batch, decode, thumbnail_side
from latentviz.datasets.source import ImageSource
from latentviz.extraction.run import BATCH
from latentviz.models import load
from latentviz.models.checkpoints import read_state_dict
from latentviz.models.cifar import CifarResNet
from latentviz.progress import silent

TARGET = 1.15


def real_or_made_up(scratch: Path, images: int) -> tuple[Path, Path]:
    """Folder of at least ``images`` JPEG files, and weights of a ResNet-20."""
    folder = SHARED / "cifar10" / "jpeg_test"
    checkpoint = SHARED / "models" / "cifar10" / "checkpoints" / "resnet20-12fca82f.th"
    if folder.is_dir() and checkpoint.is_file() and len(lv.folder(folder, "ind")) >= images:
        return folder, checkpoint
    print("The real images are not here; random ones of the same size and quality are used.")
    random = np.random.default_rng(0)
    for number in range(images):
        small = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        path = scratch / "images" / f"class{number % 10}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small.resize((32, 32), Image.Resampling.BICUBIC).save(path, quality=75)
    weights = scratch / "resnet20.safetensors"
    save_file({k: v.contiguous() for k, v in CifarResNet(3).state_dict().items()}, weights)
    return scratch / "images", weights


def batches(source: ImageSource, images: int, preprocessing: lv.Preprocessing, size: int) -> list[Batch]:
    """What our decoder makes of the files, in this process."""
    side = thumbnail_side(source, preprocessing)
    return [
        decode(source.part(a, min(a + size, images)), tuple(source.ids[a : a + size]), preprocessing, side, False)
        for a in range(0, images, size)
    ]


def main() -> None:
    arguments = parser(__doc__, repeats=7)
    arguments.add_argument("--batch", type=int, default=BATCH["cpu"], help="images a forward pass")
    arguments.add_argument("--busy", type=int, default=0, help="other programs that keep a core busy each")
    options = arguments.parse_args()
    images, size = 10_000, options.batch
    scratch = tempfile.TemporaryDirectory(prefix="latentviz-benchmark-")
    folder, checkpoint = real_or_made_up(Path(scratch.name), images)
    spec = lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint)
    classifier = load(spec)
    network = CifarResNet(3).eval()  # as one would load it oneself; ours keeps the channels innermost
    network.load_state_dict(read_state_dict(checkpoint), strict=False)
    source = lv.folder(folder, "ind")
    images = len(source)
    preprocessing = classifier.preprocessing
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    tensors = [
        torch.from_numpy(preprocessing.tensor(batch.pixels)) for batch in batches(source, images, preprocessing, size)
    ]
    number = count()

    def extract(model: object) -> None:
        workspace = lv.Workspace(Path(scratch.name) / f"workspace-{next(number)}")
        lv.extract(
            model,
            {"test": lv.folder(folder, "ind")},
            workspace=workspace,
            name="benchmark",
            classes=[f"class {i}" for i in range(10)] if folder.parent == Path(scratch.name) else None,
            batch=size,
            progress=silent,
        )

    def forward() -> None:
        with torch.inference_mode():
            for tensor in tensors:
                network(tensor)

    def pil() -> None:
        for path in files:
            with Image.open(path) as image:
                image.load()

    tasks = {
        "forward": forward,
        "decoding": pil,
        "extract": lambda: extract(spec),
        "our decoder": lambda: batches(source, images, preprocessing, size) and None,
        "model loaded before": lambda: extract(classifier),
    }
    forward()  # the first pass allocates memory and is not representative
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
    seconds = interleaved(tasks, options.repeats)
    for other in others:
        other.kill()

    bare = [f + d for f, d in zip(seconds["forward"], seconds["decoding"], strict=True)]
    rows = [
        ("forward pass alone, all cores", "forward"),
        ("decoding alone (PIL, one process)", "decoding"),
        ("decoding alone (our decoder, one process)", "our decoder"),
        ("`lv.extract`", "extract"),
        ("`lv.extract`, model loaded before", "model loaded before"),
    ]
    print(f"\n{images:,} images, batch {size}, {torch.get_num_threads()} threads; {machine()}")
    rates = {key: f"{images / statistics.median(values):,.0f}" for key, values in seconds.items()}
    table(
        ["", "median", "range", "images/s", "÷ (forward + decoding)"],
        [[title, *spread(seconds[key]), rates[key], _ratio(seconds[key], bare)] for title, key in rows],
    )
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"\nPeak memory of this process, the ready-made tensors included: {own:,.0f} MB")
    verdict("extract / (forward + decoding)", float(_ratio(seconds["extract"], bare)), TARGET)
    scratch.cleanup()


def _ratio(seconds: list[float], bare: list[float]) -> str:
    """Median over the rounds, each against its own bare loops."""
    return f"{statistics.median(s / b for s, b in zip(seconds, bare, strict=True)):.2f}"


if __name__ == "__main__":
    main()
