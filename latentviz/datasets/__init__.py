"""Image sets from where they are: folders, arrays, torchvision's collections."""

from latentviz.datasets.classes import match_labels
from latentviz.datasets.folders import folder
from latentviz.datasets.opening import open_source
from latentviz.datasets.preprocessing import Preprocessing
from latentviz.datasets.source import ImagePart, ImageSource, arrays
from latentviz.datasets.torchvision_sets import torchvision_set

__all__ = [
    "ImagePart",
    "ImageSource",
    "Preprocessing",
    "arrays",
    "folder",
    "match_labels",
    "open_source",
    "torchvision_set",
]
