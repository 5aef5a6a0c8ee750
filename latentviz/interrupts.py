"""Ctrl-C and SIGTERM at moments at which work can be stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: What is held back, where the system has it.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred() -> Iterator[Callable[[], None]]:
    """Hold signals back until the work asks for them.

    A signal's exception can arise between any two instructions, also where a lock has just been taken: it then
    stays taken, and threads that want it, and whoever waits for them, wait for ever. Work with threads or
    processes of its own calls what is yielded where it holds no lock; there the signal takes effect. The second
    signal is not held back.

    Examples
    --------
    >>> with deferred() as stop_if_asked:
    ...     for part in range(3):
    ...         stop_if_asked()
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread
        yield lambda: None
        return
    handlers = {int(number): handler for number in _SIGNALS if callable(handler := signal.getsignal(number))}
    pending: list[tuple[int, FrameType | None]] = []

    def hold(number: int, frame: FrameType | None) -> None:
        pending.append((number, frame))
        if len(pending) > 1:
            stop_if_asked()

    def stop_if_asked() -> None:
        if pending:
            number, frame = pending[0]
            pending.clear()
            handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, hold)
    try:
        yield stop_if_asked
    except Exception:
        stop_if_asked()  # what went wrong may come of the signal, which other processes of the work got too
        raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    stop_if_asked()
