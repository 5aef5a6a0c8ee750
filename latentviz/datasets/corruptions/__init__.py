"""What cameras, weather, storage and radars do to an image, in five severities.

Labels stay valid, so that a corrupted set is a ``shifted`` one. :func:`corruptions` lists them, :func:`corrupt`
runs one on one image. To add one, write its function beside its like and put
:func:`~latentviz.datasets.corruptions.registry.register` on it; a new file is imported here.
"""

from latentviz.datasets.corruptions import blur, digital, noise, sar, weather  # noqa: F401 - they register themselves
from latentviz.datasets.corruptions.apply import corrupt
from latentviz.datasets.corruptions.constants import SEVERITIES
from latentviz.datasets.corruptions.registry import Corruption, corruptions

__all__ = ["SEVERITIES", "Corruption", "corrupt", "corruptions"]
