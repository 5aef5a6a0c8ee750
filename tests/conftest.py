"""What several test folders need."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

from latentviz import Run, Workspace
from latentviz.demo import prepare

# No test is timed, the examples of a property neither: on a busy machine any of them may take a second.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

SHARED = Path(os.environ.get("LATENTVIZ_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the real images and trained models; continuous integration must have it."""
    if not SHARED.is_dir():
        reason = f"the real images and models are not at {SHARED} (set LATENTVIZ_SHARED_DATA)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command in this process: exit code, output, complaint."""
    from latentviz import cli

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["latentviz", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "250")
        monkeypatch.setenv("NO_COLOR", "1")
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Look until something is so: ``wait_until(lambda: …)``; fails after a minute."""

    def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"still not so after {seconds} s"
            time.sleep(0.005)

    return wait


@contextmanager
def torch_with_one_thread() -> Iterator[None]:
    """On busy cores small batches spend most of their time waiting for torch's other threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch with one thread, in processes that a test starts too."""
    with torch_with_one_thread():
        yield


@pytest.fixture(scope="session")
def cifar_run(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A published CIFAR-10 network on the lossless and the JPEG test images."""
    from latentviz import ModelSpec, extract, folder
    from latentviz.progress import silent

    images = shared / "cifar10"
    sets = {"test": folder(images / "lossless_test", "ind"), "jpeg": folder(images / "jpeg_test", "shifted")}
    weights = shared / "models" / "cifar10" / "checkpoints" / "resnet20-12fca82f.th"
    spec = ModelSpec(architecture="resnet20", checkpoint=weights)
    with torch_with_one_thread():
        return extract(spec, sets, workspace=Workspace(tmp_path_factory.mktemp("cifar")), progress=silent)


@pytest.fixture(scope="session")
def make_folder() -> Callable[..., Path]:
    """Write random images: ``make_folder(path, {"cat": 3, "dog": 2})`` gives ``path/cat/0000.png`` …"""

    def make(path: Path, counts: Mapping[str, int], side: int = 8, seed: int = 0, suffix: str = ".png") -> Path:
        rng = np.random.default_rng(seed)
        for label, count in counts.items():
            (path / label).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path / label / f"{number:04d}{suffix}")
        return path

    return make


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small untrained network (resnet20) with three outputs."""
    import torch
    from safetensors.torch import save_file

    from latentviz.models.cifar import CifarResNet

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(CifarResNet(3, num_classes=3).state_dict(), path)
    return path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the prepared demo: ``images`` and ``workspace``."""
    folder = tmp_path_factory.mktemp("demo")
    prepare(folder)
    return folder
