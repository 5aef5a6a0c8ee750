"""Look inside a trained image classifier's latent space.

>>> import latentviz as lv
>>> lv.Workspace, lv.Run, lv.extract  # doctest: +ELLIPSIS
(<class '...Workspace'>, <class '...Run'>, <function extract at ...>)
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from latentviz import lazy

if TYPE_CHECKING:
    from latentviz.datasets import arrays, folder, torchvision_set
    from latentviz.datasets.preprocessing import Preprocessing
    from latentviz.errors import LatentvizError
    from latentviz.extraction import corrupt, extract
    from latentviz.latents import Head, Latents
    from latentviz.models import ModelSpec
    from latentviz.workspace import ImageSet, Run, Workspace

try:
    __version__ = version("latentviz")
except PackageNotFoundError:  # a checkout that was not installed
    __version__ = "0"

__getattr__ = lazy.attributes(
    __name__,
    {
        "Head": "latents",
        "ImageSet": "workspace",
        "Latents": "latents",
        "LatentvizError": "errors",
        "ModelSpec": "models",
        "Preprocessing": "datasets.preprocessing",
        "Run": "workspace",
        "Workspace": "workspace",
        "arrays": "datasets",
        "corrupt": "extraction",
        "extract": "extraction",
        "folder": "datasets",
        "torchvision_set": "datasets",
    },
)

__all__ = [
    "Head",
    "ImageSet",
    "Latents",
    "LatentvizError",
    "ModelSpec",
    "Preprocessing",
    "Run",
    "Workspace",
    "arrays",
    "corrupt",
    "extract",
    "folder",
    "torchvision_set",
]
