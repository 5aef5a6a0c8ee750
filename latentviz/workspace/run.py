"""One trained network seen through its features on several image sets."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from latentviz.errors import DataError, WorkspaceError
from latentviz.latents import Head
from latentviz.workspace import manifest
from latentviz.workspace.derived import Derived
from latentviz.workspace.files import check_name, disk_errors, is_locked, read_array, writing_lock
from latentviz.workspace.imageset import NO_LABEL, TABLE, ImageSet, SetWriter
from latentviz.workspace.manifest import ROLES, Manifest, Role, SetEntry

if TYPE_CHECKING:
    from latentviz.workspace.arrays import SetArrays
    from latentviz.workspace.workspace import Workspace

Arrays = Mapping[str, np.ndarray]


class Run:
    """One trained network and its features on several image sets.

    ``run["test"]`` is an :class:`ImageSet`; iterating gives the sets in order.

    Attributes
    ----------
    folder : Path
    manifest : Manifest
    derived : Derived
        Stored results computed from this run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = manifest.read(folder / "manifest.json", Manifest)
        self.derived = Derived(folder / "derived")

    def __repr__(self) -> str:
        corrupted = len(self.sets) - len(self.uncorrupted)
        return f"Run({self.name!r}, sets={list(self.uncorrupted)}{f', corrupted={corrupted}' if corrupted else ''})"

    @property
    def name(self) -> str:
        """Name of the run in its workspace."""
        return self.manifest.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the logits."""
        return tuple(self.manifest.classes)

    @cached_property
    def head(self) -> Head | None:
        """The network's last linear layer; None if it is not known."""
        if self.manifest.head is None:
            return None
        weight, bias = (read_array(self.folder / "head" / name) for name in ("weight", "bias"))
        try:
            return Head(weight, bias, self.manifest.head)
        except DataError as error:
            raise WorkspaceError(f"{self.folder / 'head'} is damaged: {error}") from None

    @cached_property
    def sets(self) -> dict[str, ImageSet]:
        """The image sets by name, ordered by role."""
        order = list(ROLES)
        entries = sorted(self.manifest.sets, key=lambda entry: order.index(entry.role))
        return {e.name: ImageSet(self.folder / "sets" / e.name, e, self.classes, self.head) for e in entries}

    @property
    def uncorrupted(self) -> dict[str, ImageSet]:
        """The sets that are not corrupted versions of another: what a list shows that is not about corruptions."""
        return {name: image_set for name, image_set in self.sets.items() if image_set.entry.corruption is None}

    def __getitem__(self, name: str) -> ImageSet:
        if name not in self.sets:
            raise WorkspaceError(
                f'Run "{self.name}" has no set "{name}"; it has {", ".join(self.uncorrupted) or "none"}.'
            )
        return self.sets[name]

    def __iter__(self) -> Iterator[ImageSet]:
        return iter(self.sets.values())

    @property
    def complete(self) -> bool:
        """Whether there are sets and every one is extracted to its end."""
        return bool(self.sets) and all(s.complete for s in self)

    @property
    def progress(self) -> tuple[int, int]:
        """Samples worked on and samples listed, over all sets."""
        return sum(s.state.consumed for s in self), sum(s.entry.listed for s in self)

    @property
    def fingerprint(self) -> str:
        """Changes when the content of any set or a class name changes."""
        return manifest.fingerprint(self.classes, [(s.name, s.role, s.fingerprint) for s in self])

    @property
    def busy(self) -> bool:
        """Whether a living process is writing this run."""
        return is_locked(self.folder)

    def table(self, sets: Sequence[str] | None = None) -> pd.DataFrame:
        """:meth:`ImageSet.table` of several sets, one below the other."""
        chosen = [self[name] for name in sets] if sets is not None else list(self)
        if not chosen:
            return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in TABLE.items()})
        return pd.concat([s.table() for s in chosen], ignore_index=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write this run, and see what others wrote before.

        Raises
        ------
        RunLockedError
            If another process writes it.
        """
        with writing_lock(self.folder, f'Run "{self.name}"'):
            self.manifest = manifest.read(self.folder / "manifest.json", Manifest)
            self.__dict__.pop("sets", None)
            yield

    def add_set(self, entry: SetEntry, listing: pd.DataFrame, thumbnail: int) -> SetWriter:
        """Writer for a new set, or for one that an earlier writer left unfinished.

        Parameters
        ----------
        entry : SetEntry
        listing : DataFrame
            ``id``, ``class_name``, ``label`` of every sample of the source, then metadata.
        thumbnail : int
            Side of the thumbnails in pixels; 0 for none.

        Raises
        ------
        WorkspaceError
            If the run has a set of that name with other samples or another role.
        """
        check_name(entry.name, "a set")
        known = next((e for e in self.manifest.sets if e.name == entry.name), None)
        if known is not None and (what := _difference(known, entry)):
            raise WorkspaceError(
                f'Run "{self.name}" already has a set "{entry.name}" with {what}. '
                "Give the new set another name, or the run."
            )
        folder = self.folder / "sets" / entry.name
        if known is None:
            shutil.rmtree(folder, ignore_errors=True)  # of a writer that was killed before the manifest named the set
        writer = SetWriter(
            folder,
            entry.name,
            self.manifest.width,
            len(self.classes),
            self.manifest.chunk,
            thumbnail,
            self.head,
        )
        writer.begin(listing)
        if known is None:  # last, so that a set that is named can be read
            self._change(sets=[*self.manifest.sets, entry])
        return writer

    def add_attributes(self, attributes: Mapping[str, str | int | float]) -> None:
        """Add to what groups runs; call it while :meth:`writing`.

        Raises
        ------
        WorkspaceError
            If the run has another value of an attribute.
        """
        known = self.manifest.attributes
        for key, value in attributes.items():
            if known.get(key, value) != value:
                raise WorkspaceError(
                    f'Run "{self.name}" has the attribute {key}={known[key]!r}, not {value!r}. '
                    "Leave it out, or choose another name for the run."
                )
        if attributes.keys() - known.keys():
            self._change(attributes={**known, **attributes})

    def _change(self, **changes: Any) -> None:
        """Replace the manifest, on disk first."""
        changed = self.manifest.model_copy(update=changes)
        with disk_errors(f'The manifest of "{self.name}"'):
            manifest.write(self.folder / "manifest.json", changed)
        self.manifest = changed
        self.__dict__.pop("sets", None)

    def reopened(self) -> Run:
        """This run as it is on disk now."""
        return Run(self.folder)

    @classmethod
    def from_arrays(
        cls,
        features: Arrays,
        logits: Arrays | None = None,
        labels: Arrays | None = None,
        *,
        head: Head | None = None,
        roles: Mapping[str, Role] | None = None,
        classes: Sequence[str] | None = None,
        ids: Mapping[str, Sequence[str]] | None = None,
        images: Arrays | None = None,
        workspace: Workspace | None = None,
        name: str = "arrays",
        attributes: Mapping[str, str | int | float] | None = None,
    ) -> Run:
        """Store features that were made elsewhere as a run.

        Parameters
        ----------
        features : dict of ndarray of shape (N, D)
            One array a set.
        logits : dict of ndarray of shape (N, C), optional
            Computed from the head if left out.
        labels : dict of ndarray of shape (N,), optional
            Class indices; −1 or a missing set means that the class is not one of the model's.
        head : Head, optional
            The network's last linear layer; the logits are checked against it.
        roles : dict of str, optional
            Role of each set; by default ``fit`` for "train", ``ind`` for "test" and "val", else ``ood``.
        classes : sequence of str, optional
            Names of the logits; "0", "1" … by default.
        ids : dict of sequence of str, optional
            Names of the samples; row numbers by default.
        images : dict of ndarray of shape (N, H, W) or (N, H, W, 3), uint8, optional
            Shown as thumbnails.
        workspace : Workspace, optional
            By default a temporary one that goes with the process.
        name : str
        attributes : dict, optional
            Family, seed, epoch …: what groups runs.

        Returns
        -------
        Run

        Raises
        ------
        DataError
            If shapes, labels or values do not fit together; names the set.
        WorkspaceError
            If the workspace has a run of that name.

        Examples
        --------
        >>> head = Head(np.eye(3, 4), np.zeros(3))
        >>> z = np.random.default_rng(0).random((20, 4), dtype=np.float32)
        >>> run = Run.from_arrays({"test": z}, labels={"test": z[:, :3].argmax(1)}, head=head)
        >>> run["test"].table()["correct"].all()
        np.True_
        """
        from latentviz.workspace.arrays import checked_sets, default_roles
        from latentviz.workspace.workspace import Workspace

        if workspace is None:
            workspace = Workspace(_temporary_folder())
        sets = checked_sets(features, logits, labels, head, images, ids)
        count = next(iter(sets.values())).logits.shape[1]
        names = list(classes) if classes is not None else [str(c) for c in range(count)]
        if len(names) != count:
            raise DataError(f"There are {len(names)} class names for {count} logits.")
        if len(set(names)) != count:
            raise DataError("Two classes have the same name; the logits need names that differ.")
        roles = default_roles(sets, roles)
        run = workspace.create_run(
            Manifest(
                name=name,
                created=now(),
                classes=names,
                width=next(iter(sets.values())).features.shape[1],
                head=head.kind if head else None,
                attributes=dict(attributes or {}),
            ),
            head,
        )
        try:
            with run.writing():
                for set_name, content in sets.items():
                    run._import(set_name, roles[set_name], content)
        except BaseException:  # half an import is of no use: nothing could go on from there
            workspace.delete(name)
            raise
        return run.reopened()

    def _import(self, name: str, role: Role, content: SetArrays) -> None:
        """Write a set whose arrays are all in memory."""
        named = [""] * len(content.ids)
        if content.labels is not None:
            named = np.array([*self.classes, ""], dtype=object)[content.labels].tolist()
        listing = listing_of(content.ids, named, content.labels)
        entry = SetEntry(
            name=name,
            role=role,
            source="arrays",
            listed=len(listing),
            listing=listing_fingerprint(listing),
        )
        thumbnails = content.thumbnails
        writer = self.add_set(entry, listing, 0 if thumbnails is None else thumbnails.shape[1])
        for start in range(0, len(listing), self.manifest.chunk):
            rows = slice(start, start + self.manifest.chunk)
            small = None if thumbnails is None else thumbnails[rows]
            writer.append(content.features[rows], content.logits[rows], small)
        writer.finish()


def _difference(known: SetEntry, entry: SetEntry) -> str:
    """What keeps two descriptions from being of the same set, or ""."""
    if known.role != entry.role:
        return "another role"
    if known.corruption != entry.corruption:
        both = known.corruption, entry.corruption
        from_files = all(one is not None and one.seed is None for one in both)
        return "other corrupted images" if from_files else "another corruption or seed"
    return "other samples or labels" if known.listing != entry.listing else ""


def listing_fingerprint(listing: pd.DataFrame) -> str:
    """Fingerprint of the samples' ids, classes and labels."""
    return manifest.fingerprint(*(listing[c].tolist() for c in ("id", "class_name", "label")))


def listing_of(ids: Sequence[str], class_names: Sequence[str], labels: np.ndarray | None) -> pd.DataFrame:
    """An index as :meth:`Run.add_set` wants it."""
    given = np.full(len(ids), NO_LABEL) if labels is None else labels
    return pd.DataFrame({"id": list(ids), "class_name": list(class_names), "label": np.asarray(given, np.int64)})


def now() -> str:
    """The present moment, UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


_temporary: list[tempfile.TemporaryDirectory] = []


def _temporary_folder() -> Path:
    """A folder that is deleted when the process ends."""
    _temporary.append(tempfile.TemporaryDirectory(prefix="latentviz-"))
    return Path(_temporary[-1].name)
