"""Layouts in another process: frames on the way, cancelling, and what happens when something breaks."""

import io
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from latentviz.projection import LayoutSpec, compute, fast, live, stored
from latentviz.projection.pipes import receive, send
from latentviz.workspace import Run

pytest.importorskip("scranpy", reason="the fast engine needs scranpy")

SPEC = LayoutSpec(sets=("test",))
#: What takes far longer than any test waits: whoever started it cancels it.
LONG = LayoutSpec(sets=("test",), n_neighbors=200, epochs=200_000)


@pytest.fixture
def run(make_run, clusters):
    return make_run(test=clusters(600))


def ended(watched: live.Live) -> live.Live:
    assert watched.wait(60)
    return watched


def test_the_frames_lead_to_the_layout(run, make_run, wait_until):
    expected = []
    compute(make_run(test=run["test"].features), SPEC, on_frame=expected.append)
    found = ended(live.start(run, SPEC))
    assert (found.status, found.error, found.version) == ("done", None, len(expected))
    assert found.frame.is_last
    assert found.stage == ("UMAP layout", fast.COLD, fast.COLD, "epochs")
    np.testing.assert_array_equal(found.frame.coordinates, expected[-1].coordinates)
    np.testing.assert_array_equal(found.layout.coordinates, expected[-1].coordinates)
    assert stored(run, SPEC).fingerprint == found.layout.fingerprint
    assert 0 < found.seconds == found.seconds


def test_frames_arrive_in_order(run, monkeypatch):
    shown, show = [], live.Live._show

    def noted(self: live.Live, frame: fast.Frame) -> None:
        show(self, frame)
        shown.append((self.version, frame.epoch))

    monkeypatch.setattr(live.Live, "_show", noted)
    ended(live.start(run, SPEC))
    assert shown == list(enumerate(np.cumsum(fast.slices(fast.COLD)).tolist(), start=1))


def test_a_layout_goes_on_from_the_one_on_screen(run):
    first = ended(live.start(run, SPEC)).layout
    changed = SPEC.model_copy(update={"min_dist": 0.5})
    warm = ended(live.start(run, changed, first)).layout
    assert warm.started_from == first.fingerprint
    assert stored(run, changed, first).fingerprint == warm.fingerprint
    assert stored(run, changed) is None
    again = ended(live.start(run, changed, first))
    assert (again.status, again.version, again.layout.fingerprint) == ("done", 0, warm.fingerprint)


def test_cancelling_keeps_the_last_frame_and_stores_nothing(run, wait_until):
    watched = live.start(run, LONG)
    wait_until(lambda: watched.stage is not None)
    watched.cancel()
    assert watched.status == "cancelled"
    assert watched.wait(0)
    assert live._workers._idle.alive  # for the layout that is asked for next
    watched.thread.join(60)
    assert (watched.layout, watched.error) == (None, None)
    assert stored(run, LONG) is None
    assert ended(live.start(run, SPEC)).status == "done"

    some = LONG.model_copy(update={"epochs": 2000})
    watched = live.start(run, some)
    wait_until(lambda: watched.version > 0)
    watched.cancel()
    watched.cancel()
    kept, version = watched.frame, watched.version
    watched.thread.join(60)
    assert watched.frame is kept
    assert watched.version == version
    assert kept.coordinates.shape == (600, 2)
    assert not kept.is_last


def test_whoever_asks_for_the_same_watches_the_same(run):
    one, other = live.start(run, LONG), live.start(run.reopened(), LONG)
    assert one is other
    different = live.start(run, LONG.model_copy(update={"seed": 1}))
    assert different is not one
    one.cancel()
    assert different.status == "running"
    different.cancel()
    anew = live.start(run, LONG)
    assert anew is not one
    anew.cancel()
    for watched in (one, different, anew):
        watched.thread.join(60)


def test_it_ends_when_nobody_needs_it(run):
    first, second = live.start(run, LONG), live.start(run, LONG)
    first.release()
    assert second.status == "running"
    second.release()
    assert ended(second).status == "cancelled"


def test_what_cannot_be_laid_out_is_a_sentence_and_the_worker_goes_on(run, make_run, clusters):
    few = make_run(test=clusters(10))
    live.warm()
    worker = live._workers._idle
    failed = ended(live.start(few, SPEC))
    failed.thread.join(60)
    assert failed.status == "failed"
    assert failed.error.startswith("UMAP with 15 neighbours needs more than 15 samples; there are 10.")
    assert ended(live.start(run, SPEC.model_copy(update={"sets": ("train",)}))).error.endswith("it has test.")
    done = ended(live.start(run, SPEC))
    done.thread.join(60)
    assert done.status == "done"
    assert live._workers._idle is worker


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_killed_worker_is_a_sentence_and_the_next_one_works(run, wait_until):
    watched = live.start(run, LONG)
    wait_until(lambda: watched.stage is not None)
    os.kill(watched._worker.process.pid, signal.SIGKILL)
    assert ended(watched).status == "failed"
    assert watched.error.startswith("The projection's worker stopped unexpectedly: signal 9")
    assert ended(live.start(run, SPEC)).status == "done"


def test_a_worker_that_died_while_it_waited_is_replaced(run):
    live.warm()
    waiting = live._workers._idle
    waiting.process.kill()
    waiting.process.wait()
    assert ended(live.start(run, SPEC)).status == "done"


def test_only_one_worker_waits(run, wait_until):
    watched = [live.start(run, SPEC.model_copy(update={"seed": seed})) for seed in range(3)]
    workers = []
    for one in watched:
        wait_until(lambda one=one: one._worker is not None)
        workers.append(one._worker)
        ended(one).thread.join(60)
    assert {one.status for one in watched} == {"done"}
    assert len({worker.process.pid for worker in workers if worker.alive}) == 1


PRINTING = """
import os, sys
from latentviz.projection import worker
real = worker.compute
def compute(*arguments):
    print("a library says something")
    os.write(1, b"and something else, without a line's end")
    return real(*arguments)
worker.compute = compute
worker.main()
"""


def test_what_libraries_print_is_not_taken_for_an_answer(run):
    process = subprocess.Popen(
        [sys.executable, "-c", PRINTING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    send(process.stdin, {"run": str(run.folder), "spec": SPEC.model_dump(mode="json"), "start": None})
    out, err = process.communicate(timeout=60)
    assert b"a library says something" in err
    assert b"and something else" in err
    answers, said = io.BytesIO(out), []
    while answers.tell() < len(out):
        said.append(receive(answers)[0]["say"])
    assert set(said) == {"ready", "stage", "frame", "done"}
    assert process.returncode == 0


WITHOUT_MAIN = """
import sys, types
from pathlib import Path
from latentviz.projection import LayoutSpec, live
from latentviz.workspace import Run
main = types.ModuleType("__main__")
main.__file__ = "/nowhere/app.py"
sys.modules["__main__"] = main
watched = live.start(Run(Path(sys.argv[1])), LayoutSpec(sets=("test",)))
watched.wait(60)
print(watched.status, "multiprocessing.process" in sys.modules and
      __import__("multiprocessing").active_children(), live._workers._idle is not None or watched.thread.is_alive())
"""


def test_it_works_where_the_main_module_is_another(run):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MAIN, str(run.folder)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.stdout.split() in (["done", "[]", "True"], ["done", "False", "True"])
    assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_ends_when_nobody_can_ask_any_more():
    worker = live.Worker()
    assert receive(worker.answers)[0] == {"say": "ready"}
    worker.requests.close()
    assert worker.process.wait(60) == 0
    worker.end()


def test_a_worker_loads_nothing_slow():
    heavy = {"torch", "streamlit", "plotly", "umap", "numba", "sklearn"}
    code = f"import sys\nfrom latentviz.projection import worker\nworker.fast.load()\nprint({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_messages_are_what_they_were():
    pipe = io.BytesIO()
    values = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    send(pipe, {"say": "ready"})
    send(pipe, {"say": "frame", "epoch": 1}, values)
    whole = pipe.getvalue()
    pipe.seek(0)
    assert receive(pipe) == ({"say": "ready"}, None)
    message, found = receive(pipe)
    assert message == {"say": "frame", "epoch": 1}
    np.testing.assert_array_equal(found, values)
    for cut in (0, 5, len(whole) - 1):
        short = io.BytesIO(whole[:cut])
        with pytest.raises(EOFError):
            list(iter(lambda short=short: receive(short), None))


def test_a_run_that_is_gone_is_a_sentence(run: Run):
    folder = run.folder
    assert run.fingerprint  # read before
    folder.rename(folder.with_name("moved"))
    watched = ended(live.start(run, SPEC))
    assert watched.status == "failed"
    assert "missing" in watched.error
