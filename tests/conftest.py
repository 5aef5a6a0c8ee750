"""What several test folders need."""

import os
from pathlib import Path

import pytest

from latentviz import Workspace

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
