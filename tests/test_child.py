"""A function called in a child answers, or its failure is told; the child never outlives the call."""

import faulthandler
import os
import signal
import sys
import threading
import time

import psutil
import pytest
from steelyard import child
from steelyard.child import (
    ChildFailed,
    ChildHung,
    call_in_child,
    each_in_child,
    how_it_ended,
    yielded_in_child,
)
from steelyard.errors import SteelyardError

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_child_is_left():
    """Neither running nor waiting to be reaped; no descriptor stays open."""
    before = set(os.listdir("/proc/self/fd")) if sys.platform == "linux" else None
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    if before is not None:
        assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("result", [None, 3, "ü\n", [1.5, {"a": None}], "x" * (1 << 20)])
def test_the_result(result):
    """Plain data come back as they were, also more than a pipe holds."""
    assert call_in_child(lambda: result, 30) == result


def test_it_starts_with_what_is_loaded_and_changes_nothing_here():
    """The child sees the objects of this process; what it does to them stays there."""
    things = [1]

    def change():
        things.append(2)
        os.environ["STEELYARD_CHILD"] = "1"
        return things

    assert call_in_child(change, 30) == [1, 2]
    assert things == [1]
    assert "STEELYARD_CHILD" not in os.environ


def test_an_error_is_described():
    """What was raised, and where, in one line."""

    def fails():
        raise ValueError("it is wrong")

    with pytest.raises(ChildFailed, match=r"^ValueError: it is wrong \(.*test_child\.py:\d+\)$") as caught:
        call_in_child(fails, 30)
    assert caught.value.exit_code == 1


def test_a_message_for_the_user_stays_as_it_is():
    """An error that says what to do is told in its own words."""

    def fails():
        raise SteelyardError("do this\nand that")

    with pytest.raises(ChildFailed, match=r"^do this\nand that$"):
        call_in_child(fails, 30)


def test_leaving_is_an_error():
    """``exit()`` in somebody's code ends neither this process nor the call."""
    with pytest.raises(ChildFailed, match="SystemExit: 3"):
        call_in_child(lambda: sys.exit(3), 30)


def test_what_is_no_plain_data_is_an_error():
    """The message says of what type it was."""
    with pytest.raises(ChildFailed, match=r"TypeError: .*complex"):
        call_in_child(lambda: 1j, 30)


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os._exit(7), "ended with exit code 7"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "died of SIGSEGV"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "died of SIGKILL"),
    ],
    ids=["exit", "crash", "killed"],
)
def test_a_process_that_ends(end, how):
    """A crash of compiled code is told by its signal."""

    def call():
        faulthandler.disable()
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        end()

    with pytest.raises(ChildFailed, match=f"^its process {how}$"):
        call_in_child(call, 30)


def test_a_signal_without_a_name():
    """It has its number."""
    assert how_it_ended(-signal.SIGTERM) == "died of SIGTERM"
    assert how_it_ended(-40) == "died of signal 40"
    assert how_it_ended(3) == "ended with exit code 3"


def test_a_function_that_hangs():
    """It is given up after its time, and killed."""
    with pytest.raises(ChildFailed, match=r"did not end within 0\.05 s"):
        call_in_child(lambda: time.sleep(600), 0.05)


def test_an_answer_is_enough():
    """Processes that the function has started and left keep nobody waiting."""

    def call():
        grandchild = os.fork()
        if not grandchild:
            time.sleep(600)
        return grandchild

    grandchild = psutil.Process(call_in_child(call, 30))
    grandchild.kill()


def test_prints_are_kept_and_not_repeated(capfd):
    """What is printed in the child appears once, with what was printed before it."""
    out = os.fdopen(os.dup(1), "w")  # as a process has it whose output goes to a file: buffered
    ours, sys.stdout = sys.stdout, out
    try:
        print("before")
        call_in_child(lambda: print("within"), 30)
        print("after")
    finally:
        sys.stdout = ours
        out.close()
    assert capfd.readouterr().out.split() == ["before", "within", "after"]


def test_an_interrupt_ends_the_child_too(monkeypatch):
    """Ctrl-C while the answer is awaited is not swallowed, and leaves no process."""
    started, select = [], child.select.select

    def forked(fork=os.fork):
        started.append(fork())
        return started[-1]

    def interrupted(*arguments):
        select(*arguments[:3], 0)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fork", forked)
    monkeypatch.setattr(child.select, "select", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call_in_child(lambda: time.sleep(600), 30)
    assert not psutil.pid_exists(started[0])


def test_a_real_interrupt():
    """The same by a signal that comes from outside while the system call waits."""
    timer = threading.Timer(0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            call_in_child(lambda: time.sleep(600), 30)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_one_child_calls_many_functions():
    """In their order; what the first leaves behind is there for the next, and not here."""
    things = []

    def append(thing):
        things.append(thing)
        return [os.getpid(), *things]

    first, second = each_in_child([lambda: append(1), lambda: append(2)], 30)
    assert first[0] == second[0] != os.getpid()
    assert (first[1:], second[1:], things) == ([1], [1, 2], [])


def test_what_fails_among_many_costs_no_other():
    """An error is told and the child goes on; where it dies or hangs, another does."""
    answers = list(
        each_in_child(
            [
                lambda: 1,
                lambda: {}[0],
                lambda: os._exit(7),
                lambda: time.sleep(600),
                lambda: 5,
                lambda: os._exit(8),
            ],
            1.0,
        )
    )
    assert [answers[0], answers[4]] == [1, 5]
    assert str(answers[1]).startswith("KeyError")
    assert [str(answers[2]), str(answers[5])] == [
        "its process ended with exit code 7",
        "its process ended with exit code 8",
    ]
    assert isinstance(answers[3], ChildHung)
    assert list(each_in_child([], 1.0)) == []


def test_whoever_stops_listening_leaves_no_child():
    """It is killed with what it still had to do."""
    answers = each_in_child([lambda: 1, lambda: time.sleep(600)], 30)
    assert next(answers) == 1
    answers.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends a process with its parent")
def test_it_ends_with_its_parent():
    """A gate that is killed has no time to end a kernel that hangs."""
    readable, writable = os.pipe()

    def hang():
        os.write(writable, str(os.getpid()).encode())
        time.sleep(600)

    parent = os.fork()
    if not parent:
        try:
            call_in_child(hang, 600)
        finally:
            os._exit(1)
    hanging = psutil.Process(int(os.read(readable, 20)))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert psutil.wait_procs([hanging], 10)[1] == []
    os.close(readable)
    os.close(writable)


def test_what_it_yields_comes_one_by_one():
    """Each has the whole patience for itself, and what came before a failure stands."""

    def items():
        for item in range(4):
            time.sleep(0.4)
            yield item
        os.kill(os.getpid(), signal.SIGKILL)

    came = yielded_in_child(items, 1.0)
    found = [next(came) for _ in range(4)]
    with pytest.raises(ChildFailed, match="its process died of SIGKILL"):
        next(came)
    assert found == [0, 1, 2, 3]
