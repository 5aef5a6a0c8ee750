"""How long work tells whoever watches where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives the state of long work; calling it may raise ``Cancelled``."""

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Report that ``done`` of ``total`` ``unit`` of ``stage`` are finished (total 0: unknown)."""


def silent(stage: str, done: int, total: int, unit: str = "") -> None:
    """A progress that nobody watches."""


def titled(progress: Progress, title: str) -> Progress:
    """A progress whose stages say of what they are."""

    def report(stage: str, done: int, total: int, unit: str = "") -> None:
        progress(f"{title}: {stage}", done, total, unit)

    return report


#: Stages that a bar shows beside the present one.
_STAGES = 12


@contextmanager
def bar(enabled: bool = True) -> Iterator[Progress]:
    """A Rich progress bar in a terminal or notebook: stage, share, rate, time left."""
    if not enabled:
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Rich(*columns, console=Console(stderr=True)) as rich:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int, unit: str = "") -> None:
            if stage not in tasks:
                for task in rich.tasks[:-_STAGES]:  # of hundreds only the last are shown
                    rich.update(task.id, visible=False)
                for task in rich.tasks:  # a stage of unknown length is over when the next begins
                    if task.total is None:
                        rich.update(task.id, visible=False)
                tasks[stage] = rich.add_task(stage, total=total or None, completed=done, rate="")
            speed = rich.tasks[tasks[stage]].speed
            rate = f"{speed:,.0f} {unit}/s" if speed and unit else ""
            rich.update(tasks[stage], completed=done, total=total or None, rate=rate)

        yield report
