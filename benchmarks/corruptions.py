"""All 19 common corruptions × 5 severities of a test set, against the work that cannot be avoided.

``lv.corrupt`` with everything (decoding, corrupting, network, thumbnails, store; a new workspace each time) is divided
by two loops that do nothing else, each measured alone in the same round:

    forward     the network on as many ready-made tensors, same batch size, all cores
    corrupting  every image with every corruption and severity, one process

Target: corrupt / (forward + corrupting) at most 1.5.

ResNet-20 on the 220 lossless CIFAR-10 images if they are there (LATENTVIZ_SHARED_DATA), else on random images.
"""

from __future__ import annotations

import statistics
import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import torch
from _measure import SHARED, interleaved, machine, parser, spread, table, verdict
from PIL import Image
from safetensors.torch import save_file

import latentviz as lv
from latentviz.datasets.corruptions import SEVERITIES, corrupt, corruptions
from latentviz.extraction.run import BATCH
from latentviz.models import load
from latentviz.models.cifar import CifarResNet
from latentviz.progress import silent

TARGET = 1.5
COMMON = corruptions("common")


def real_or_made_up(scratch: Path) -> tuple[Path, Path]:
    """Folder of images, and weights of a ResNet-20."""
    folder = SHARED / "cifar10" / "lossless_test"
    checkpoint = SHARED / "models" / "cifar10" / "checkpoints" / "resnet20-12fca82f.th"
    if folder.is_dir() and checkpoint.is_file():
        return folder, checkpoint
    print("The real images are not here; random ones of the same size are used.")
    random = np.random.default_rng(0)
    for number in range(220):
        path = scratch / "images" / f"class{number % 10}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        small.resize((32, 32), Image.Resampling.BICUBIC).save(path)
    weights = scratch / "resnet20.safetensors"
    save_file({k: v.contiguous() for k, v in CifarResNet(3).state_dict().items()}, weights)
    return scratch / "images", weights


def main() -> None:
    options = parser(__doc__, repeats=3).parse_args()
    scratch = tempfile.TemporaryDirectory(prefix="latentviz-benchmark-")
    folder, checkpoint = real_or_made_up(Path(scratch.name))
    spec = lv.ModelSpec(architecture="resnet20", checkpoint=checkpoint)
    classifier, source = load(spec), lv.folder(folder, "ind")
    images = np.stack([classifier.preprocessing.pixels(Image.open(folder / name)) for name in source.ids])
    tensors = torch.from_numpy(classifier.preprocessing.tensor(images)).split(BATCH["cpu"])
    number, made = count(), []

    def forward() -> None:
        with torch.inference_mode():
            for _ in range(len(COMMON) * len(SEVERITIES)):
                for tensor in tensors:
                    classifier.network(tensor)

    def corrupting() -> None:
        for name in COMMON:
            for severity in SEVERITIES:
                for image, key in zip(images, source.ids, strict=True):
                    corrupt(image, name, severity, key=key)

    def ours() -> float:
        workspace = lv.Workspace(Path(scratch.name) / f"workspace-{next(number)}")
        run = lv.extract(spec, {"test": lv.folder(folder, "ind")}, workspace=workspace, name="run", progress=silent)
        found = interleaved({"corrupt": lambda: made.append(lv.corrupt(run, "test", progress=silent))}, 1)
        return found["corrupt"][0]

    seconds = interleaved({"forward": forward, "corrupting": corrupting, "ours": ours}, options.repeats)
    ratios = [o / (f + c) for f, c, o in zip(*seconds.values(), strict=True)]
    total = len(images) * len(COMMON) * len(SEVERITIES)
    print(f"\n{total:,} corrupted images; {machine()}")
    rows = [
        [name, *spread(values), f"{1000 * statistics.median(values) / total:.2f} ms"]
        for name, values in seconds.items()
    ]
    table(["", "median", "range", "an image"], rows)
    verdict("lv.corrupt ÷ (forward + corrupting)", statistics.median(ratios), TARGET)


if __name__ == "__main__":
    main()
