"""Timing and memory for the benchmarks: alternate, repeat, report medians."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

SHARED = Path(os.environ.get("LATENTVIZ_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def parser(description: str | None, repeats: int) -> argparse.ArgumentParser:
    """A parser that shows the module's docstring and knows ``--repeats``."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--repeats", type=int, default=repeats, help=f"rounds over everything (default: {repeats})")
    return made


def interleaved(tasks: Mapping[str, Callable[[], float | None]], repeats: int) -> dict[str, list[float]]:
    """Seconds of every task, one round after the other, so that other programs disturb all of them alike.

    A task that returns a number has measured itself; the others are timed from call to return.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(repeats):
        for name, task in tasks.items():
            start = time.perf_counter()
            own = task()
            seconds[name].append(time.perf_counter() - start if own is None else own)
            print(f"round {number + 1}/{repeats}: {name} {seconds[name][-1]:.2f} s", flush=True)
    return seconds


def spread(values: Sequence[float], unit: str = "s", digits: int = 2) -> tuple[str, str]:
    """The median, and the range."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} {unit}", f"{low:.{digits}f}–{high:.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table, ready for README.md."""
    print("\n" + "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)))


def verdict(what: str, value: float, limit: float, unit: str = "", digits: int = 2) -> None:
    """Print whether a target is met."""
    word = "met" if value <= limit else "MISSED"
    print(f"\n{what}: {value:.{digits}f}{unit} (target: at most {limit:g}{unit}, {word})")


def machine() -> str:
    """What the numbers were measured on; names no machine."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} from all programs"
    )


def resident(process: psutil.Process) -> int:
    """Bytes in memory of a process and all that it started; pages that they share count for each."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


class Peak:
    """Largest :func:`resident` of a process since :meth:`restart`, looked at every 20 ms."""

    def __init__(self, process: psutil.Process) -> None:
        self.process, self.bytes = process, 0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def restart(self) -> None:
        self.bytes = 0

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            try:
                self.bytes = max(self.bytes, resident(self.process))
            except psutil.NoSuchProcess:
                return
