"""Something done in a forked child: what crashes or hangs there takes nothing else with it."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from typing import Any

from steelyard.errors import SteelyardError, described


class ChildFailed(SteelyardError):
    """It raised, or its process crashed or hung."""

    exit_code = 1


class ChildHung(ChildFailed):
    """It did not come to its end in time."""

    def __init__(self, timeout: float) -> None:
        super().__init__(f"did not end within {timeout:g} s")


def call_in_child(function: Callable[[], Any], timeout: float) -> Any:
    """What ``function`` returns, plain data, from a child of this process.

    The child starts with everything that is loaded here, at the cost of a fork instead of an import.

    Raises:
        ChildHung: it took longer than ``timeout`` seconds.
        ChildFailed: it raised or ended the process.
    """
    (result,) = yielded_in_child(lambda: (call() for call in (function,)), timeout)
    return result


def each_in_child(functions: Iterable[Callable[[], Any]], timeout: float) -> Generator[Any, None, None]:
    """What each of some functions returns, one after the other, as :func:`call_in_child` would return it.

    One child calls them all; where it dies or hangs, another goes on with the next function. What failed
    yields its :class:`ChildFailed`, which is not raised.
    """
    left = deque(functions)
    while left:
        calls = tuple(left)
        try:
            with closing(yielded_in_child(lambda calls=calls: map(attempted, calls), timeout)) as answers:  # type: ignore[misc]
                for result, problem in answers:
                    left.popleft()
                    yield result if problem is None else ChildFailed(problem)
        except ChildFailed as failure:
            left.popleft()
            yield failure


def attempted(function: Callable[[], Any]) -> tuple[Any, str | None]:
    """What a function returns, or else what went wrong."""
    try:
        return function(), None
    except SteelyardError as error:
        return None, str(error)
    except (Exception, SystemExit) as error:
        return None, described(error)


def yielded_in_child(function: Callable[[], Iterable[Any]], timeout: float) -> Generator[Any, None, None]:
    """What ``function`` yields, plain data, from a child of this process, as it comes.

    Raises:
        ChildHung: something took longer than ``timeout`` seconds.
        ChildFailed: it raised or ended the process; what it had yielded before stands.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        os.close(readable)
        end_with_parent()
        answer(function, writable)
    os.close(writable)
    status = None
    try:
        # Not until the pipe is closed: what the child has forked itself may hold it open for ever.
        for line in lines_of(readable, timeout):
            kind, content = json.loads(line)
            if kind == "end":
                return
            if kind == "problem":
                raise ChildFailed(content)
            yield content
        _, status = os.waitpid(child, 0)
        raise ChildFailed(f"its process {how_it_ended(os.waitstatus_to_exitcode(status))}")
    finally:
        os.close(readable)
        if status is None:
            try:
                os.kill(child, signal.SIGKILL)  # it has answered, or never will
            finally:
                os.waitpid(child, 0)


def lines_of(readable: int, timeout: float) -> Iterator[bytes]:
    """The lines that come through a pipe until it is closed.

    Raises:
        ChildHung: one did not come within ``timeout`` seconds.
    """
    received, deadline = b"", time.monotonic() + timeout
    while True:
        if not select.select([readable], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise ChildHung(timeout)
        part = os.read(readable, 1 << 16)
        if not part:
            return
        *lines, received = (received + part).split(b"\n")
        for line in lines:
            yield line
            deadline = time.monotonic() + timeout


def answer(function: Callable[[], Iterable[Any]], writable: int) -> None:
    """Write what ``function`` yields, and end this process without its parent's clean-up."""
    try:
        with os.fdopen(writable, "w") as pipe:
            try:
                for item in function():
                    pipe.write(json.dumps(["item", item]) + "\n")
                    pipe.flush()
                end = ["end", None]
            except SteelyardError as error:
                end = ["problem", str(error)]
            except (Exception, SystemExit) as error:
                end = ["problem", described(error)]
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()  # before the end is told, upon which this process is killed
            pipe.write(json.dumps(end) + "\n")
    finally:
        os._exit(0)


def end_with_parent() -> None:
    """Have the system kill this process when the one that started it ends, however that ends; a fork asks anew."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, of Linux


def how_it_ended(code: int) -> str:
    """``died of SIGSEGV`` or ``ended with exit code 3``."""
    if code >= 0:
        return f"ended with exit code {code}"
    names = {member.value: member.name for member in signal.Signals}
    return f"died of {names.get(-code, f'signal {-code}')}"
