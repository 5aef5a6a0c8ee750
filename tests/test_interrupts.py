"""Signals that wait until work can be stopped."""

import os
import signal
import threading

import pytest

from latentviz.errors import Cancelled
from latentviz.interrupts import deferred

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals to oneself")


def interrupt(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_waits_until_the_work_asks(handlers):
    done = []

    def work():
        with deferred() as stop_if_asked:
            stop_if_asked()
            interrupt()
            done.append("after the signal")
            stop_if_asked()
            done.append("after the question")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["after the signal"]
    assert signal.getsignal(signal.SIGINT) is handlers[signal.SIGINT]


def test_the_second_signal_does_not_wait(handlers):
    done = []

    def work():
        with deferred():
            interrupt()
            interrupt()
            done.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == []


def test_a_signal_that_nobody_asked_for_comes_at_the_end(handlers):
    done = []

    def work():
        with deferred():
            interrupt()
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]


@pytest.mark.parametrize(("signalled", "told"), [(True, KeyboardInterrupt), (False, OSError)])
def test_an_error_that_may_come_of_the_signal_is_the_signal(handlers, signalled, told):
    def work():
        with deferred():
            if signalled:
                interrupt()
            raise OSError("a process of the work ended")

    with pytest.raises(told):
        work()


def test_other_handlers_keep_their_meaning(handlers):
    def cancel(_number, _frame):
        raise Cancelled("stop")

    def work():
        with deferred() as stop_if_asked:
            interrupt(signal.SIGTERM)
            stop_if_asked()

    signal.signal(signal.SIGTERM, cancel)
    with pytest.raises(Cancelled):
        work()
    assert signal.getsignal(signal.SIGTERM) is cancel


def test_threads_have_nothing_to_hold_back(handlers):
    seen = []

    def work():
        with deferred() as stop_if_asked:
            stop_if_asked()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [handlers[signal.SIGINT]]
