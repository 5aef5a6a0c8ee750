"""The on-disk store: workspaces hold runs, runs hold image sets and what was derived from them."""

from latentviz.workspace.imageset import ImageSet
from latentviz.workspace.manifest import Manifest, Role, SetEntry
from latentviz.workspace.run import Run
from latentviz.workspace.workspace import Workspace

__all__ = ["ImageSet", "Manifest", "Role", "Run", "SetEntry", "Workspace"]
