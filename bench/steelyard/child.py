"""A function called in a forked child: what crashes or hangs there takes nothing else with it."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from steelyard.errors import SteelyardError, described


class ChildFailed(SteelyardError):
    """The function raised, or its process crashed or hung."""

    exit_code = 1


def call_in_child(function: Callable[[], Any], timeout: float) -> Any:
    """What ``function`` returns, plain data, from a child of this process.

    The child starts with everything that is loaded here, at the cost of a fork instead of an import.

    Raises:
        ChildFailed: it raised, ended the process, or took longer than ``timeout`` seconds.
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
    received, deadline = b"", time.monotonic() + timeout
    try:
        # Not until the pipe is closed: what the child has forked itself may hold it open for ever.
        while not received.endswith(b"\n"):
            if not select.select([readable], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise ChildFailed(f"did not end within {timeout:g} s")
            part = os.read(readable, 1 << 16)
            if not part:
                break
            received += part
    finally:
        os.close(readable)
        try:
            os.kill(child, signal.SIGKILL)  # it has answered, or never will
        finally:
            _, status = os.waitpid(child, 0)
    try:
        result, problem = json.loads(received)
    except ValueError:
        raise ChildFailed(f"its process {how_it_ended(os.waitstatus_to_exitcode(status))}") from None
    if problem is not None:
        raise ChildFailed(problem)
    return result


def answer(function: Callable[[], Any], writable: int) -> None:
    """Call ``function``, write what came of it, and end this process without its parent's clean-up."""
    try:
        try:
            message = json.dumps([function(), None])
        except SteelyardError as error:
            message = json.dumps([None, str(error)])
        except (Exception, SystemExit) as error:
            message = json.dumps([None, described(error)])
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()  # before the answer, upon which this process is killed
        with os.fdopen(writable, "w") as pipe:
            pipe.write(f"{message}\n")
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
