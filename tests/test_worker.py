"""A process of one revision answers what it is asked, says why it cannot, and ends when it is told to."""

import os
import time

import psutil
import pytest
from repositories import ARRAYS, LOOPS, NUMPY_FILE, PROJECT, make
from steelyard.project import Project
from steelyard.revision import Repository
from steelyard.worker import NoAnswer, RequestFailed, Worker, WorkerLost

NUMPY = PROJECT[NUMPY_FILE]


@pytest.fixture
def start(tmp_path, temporary):
    """Start a worker of a repository's only revision, with these files."""
    open_ones, contexts = [], []

    def started(**files):
        root = make(tmp_path / "repository", {NUMPY_FILE: NUMPY, **files})
        repository = Repository.of(Project.find(root))
        context = repository.laid_out("base", None, merge_base=False)
        base, _ = context.__enter__()
        contexts.append(context)
        worker = Worker.start(base, repository.root, base.worktree.parent / "log", {})
        open_ones.append(worker)
        return worker

    yield started
    for worker in open_ones:
        worker.close()
    for context in contexts:
        context.__exit__(None, None, None)


def test_it_lists_its_cells(start):
    """With what is known of them before they are loaded."""
    answer = start().ask(60, do="cells")
    assert {LOOPS, ARRAYS} <= set(answer["cells"])
    assert answer["cells"][ARRAYS]["source"] == NUMPY_FILE
    assert answer["workloads"]["double"]["reference"] == "double/python/loops"


def test_it_says_why_it_cannot(start):
    """And goes on to answer."""
    worker = start()
    with pytest.raises(RequestFailed, match="no backend of double is named 'numpi'"):
        worker.ask(60, do="load", cell="double/numpi/arrays/small", timed=False)
    assert worker.ask(60, do="load", cell=ARRAYS, timed=False) == 0.0
    assert worker.ask(60, do="load", cell=ARRAYS, timed=True) > 0.0
    assert worker.ask(60, do="strays") == []


def test_what_a_kernel_prints_does_not_disturb_the_answers(start):
    """It goes to the log."""
    worker = start(
        **{
            NUMPY_FILE: "import os\n"
            + NUMPY.replace("return", "print('{')\n    os.write(1, b'}')\n    return")
        }
    )
    assert worker.ask(60, do="load", cell=ARRAYS, timed=False) == 0.0
    worker.close()
    assert "}" in worker.log.read_text()


def test_its_last_words(start):
    """How it ended, and what it last wrote."""
    kernel = "import os, sys\n" + NUMPY.replace(
        "return", "print('out of luck', file=sys.stderr)\n    os._exit(3)\n    return"
    )
    worker = start(**{NUMPY_FILE: kernel})
    with pytest.raises(WorkerLost, match=r"ended with exit code 3: .*out of luck") as lost:
        worker.ask(60, do="load", cell=ARRAYS, timed=False)
    assert not isinstance(lost.value, NoAnswer)


def test_one_that_hangs(start):
    """It does not answer in time, is seen to be busy or not, and ends with what it has started."""
    busy = NUMPY.replace("return", "import os\n    os.fork()\n    while True: pass\n    return")
    worker = start(**{NUMPY_FILE: busy})
    with pytest.raises(NoAnswer, match="did not answer within 2 s"):
        worker.ask(2, do="load", cell=ARRAYS, timed=False)
    assert worker.is_busy()
    started = [worker.process.pid, *(child.pid for child in psutil.Process(worker.process.pid).children())]
    assert len(started) == 2
    worker.close()
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in started):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_idle_one_is_not_busy(start):
    """One that only waits, though the clock of CPU times may tick."""
    worker = start()
    worker.ask(60, do="strays")
    assert not worker.is_busy()


def test_it_ends_with_the_gate(start):
    """Whatever becomes of the gate, its pipe closes and no worker is left."""
    worker = start()
    worker.ask(60, do="strays")
    worker.process.stdin.close()
    assert worker.process.wait(30) == 0
    assert not psutil.pid_exists(worker.process.pid) or os.name == "nt"
