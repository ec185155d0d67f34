"""Functions called in a forked child: what crashes or hangs there takes nothing else with it."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from steelyard.errors import SteelyardError, described


class ChildFailed(SteelyardError):
    """The function raised, or its process crashed or hung."""

    exit_code = 1


class ChildHung(ChildFailed):
    """The function did not come to its end in time."""

    def __init__(self, timeout: float) -> None:
        super().__init__(f"did not end within {timeout:g} s")


def call_in_child(function: Callable[[], Any], timeout: float) -> Any:
    """What ``function`` returns, plain data, from a child of this process.

    The child starts with everything that is loaded here, at the cost of a fork instead of an import.

    Raises:
        ChildFailed: it raised, ended the process, or took longer than ``timeout`` seconds.
    """
    with forked((function,)) as child:
        return child.answer(timeout)


def each_in_child(functions: Iterable[Callable[[], Any]], timeout: float) -> Iterator[Any]:
    """What each of some functions returns, one after the other, as :func:`call_in_child` would return it.

    One child calls them all; where it dies or hangs, another goes on with the next function. What failed
    yields its :class:`ChildFailed`, which is not raised.
    """
    left = deque(functions)
    while left:
        with forked(tuple(left)) as child:
            while left and not child.ended:
                left.popleft()
                try:
                    answer = child.answer(timeout)
                except ChildFailed as failure:
                    answer = failure
                yield answer


class Child:
    """A forked process that calls functions and writes what came of each, a line of JSON."""

    def __init__(self, process: int, readable: int) -> None:
        self._process = process
        self._readable = readable
        self._received = b""
        self._code = 0
        self.ended = False
        """Whether it has died or hung, so that no further answer will come."""

    def answer(self, timeout: float) -> Any:
        """What the next function returned.

        Raises:
            ChildFailed: it raised, ended the process, or took longer than ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        # Not until the pipe is closed: what the child has forked itself may hold it open for ever.
        while b"\n" not in self._received:
            if not select.select([self._readable], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self.ended = True
                raise ChildHung(timeout)
            part = os.read(self._readable, 1 << 16)
            if not part:
                self.ended = True
                raise ChildFailed(f"its process {how_it_ended(self.end())}")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        result, problem = json.loads(line)
        if problem is not None:
            raise ChildFailed(problem)
        return result

    def end(self) -> int:
        """Kill it, for it has answered or never will, and return its exit code, also when it is gone."""
        if self._process:
            try:
                os.kill(self._process, signal.SIGKILL)
            finally:
                _, status = os.waitpid(self._process, 0)
                self._process, self._code = 0, os.waitstatus_to_exitcode(status)
        return self._code


@contextmanager
def forked(functions: Sequence[Callable[[], Any]]) -> Iterator[Child]:
    """A child that calls ``functions`` in their order; it does not outlive the block."""
    sys.stdout.flush()
    sys.stderr.flush()
    readable, writable = os.pipe()
    process = os.fork()
    if not process:
        os.close(readable)
        answer(functions, writable)
    os.close(writable)
    child = Child(process, readable)
    try:
        yield child
    finally:
        os.close(readable)
        child.end()


def answer(functions: Iterable[Callable[[], Any]], writable: int) -> None:
    """Call each function, write what came of it, and end this process without its parent's clean-up."""
    try:
        with os.fdopen(writable, "w") as pipe:
            for function in functions:
                try:
                    message = json.dumps([function(), None])
                except SteelyardError as error:
                    message = json.dumps([None, str(error)])
                except (Exception, SystemExit) as error:
                    message = json.dumps([None, described(error)])
                for stream in (sys.stdout, sys.stderr):
                    with suppress(Exception):
                        stream.flush()  # before the answer, upon which this process may be killed
                pipe.write(f"{message}\n")
                pipe.flush()
    finally:
        os._exit(0)


def how_it_ended(code: int) -> str:
    """``died of SIGSEGV`` or ``ended with exit code 3``."""
    if code >= 0:
        return f"ended with exit code {code}"
    names = {member.value: member.name for member in signal.Signals}
    return f"died of {names.get(-code, f'signal {-code}')}"
