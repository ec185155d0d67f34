"""A process of one revision: what a gate asks of it, and what it answers.

Requests and answers are lines of JSON, through the process's standard input and a pipe of its own; whatever a
kernel prints goes to a log. An answer is ``{"result": …}`` or ``{"problem": …}``.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

import psutil

from steelyard import inspection, threads
from steelyard.alternation import PeerLost, Token, run_blocks, seconds_per_call
from steelyard.child import (
    ChildFailed,
    ChildHung,
    call_in_child,
    end_with_parent,
    how_it_ended,
    yielded_in_child,
)
from steelyard.environment import keep_freed_memory
from steelyard.errors import SteelyardError, described
from steelyard.isolation import Isolation
from steelyard.kernel import Kernel
from steelyard.layout import same_addresses, spacers
from steelyard.profilers import PROFILERS, profile
from steelyard.project import Project
from steelyard.referee import Referee
from steelyard.registry import Registry
from steelyard.revision import Revision
from steelyard.subject import Subject

PEER_LOST = "the other process of the pair has ended"

LAST_WORDS = 2000
"""How many characters of a dead process's log are told."""

BUSY_WATCH = 0.2
"""For how many seconds a process is watched that does not answer."""

BUSY_SHARE = 0.2
"""Which share of them it must compute to be called busy. More than a tick of the clock of CPU times (10 ms), which an
idle process can seem to use, as its times are rounded down."""


class WorkerLost(Exception):
    """The process ended; says how."""


class NoAnswer(WorkerLost):
    """The process lives, but did not answer in time."""


class RequestFailed(Exception):
    """The process lives, but could not do what it was asked for; says why."""


@dataclass(slots=True)
class Worker:
    """The gate's end of the pipe to a process of one revision."""

    process: subprocess.Popen[str]
    answers: IO[bytes]
    log: Path
    received: bytes = b""

    @classmethod
    def start(
        cls,
        revision: Revision,
        repository: Path,
        log: Path,
        variables: Mapping[str, str],
        token: Token | None = None,
        seed: int = 0,
    ) -> Worker:
        """Start a process that sees ``revision`` alone, with these environment variables added to ours.

        Processes that are started with the same ``seed`` have the same addresses, as far as that can be had.

        Raises:
            OSError: no process can be started.
        """
        readable, writable = os.pipe()
        setting = {
            "repository": str(repository),
            "worktree": str(revision.worktree),
            "project": str(revision.project.root),
            "answers": writable,
            "token": [token.give, token.take] if token else None,
            "seed": seed,
        }
        with log.open("ab") as file, same_addresses():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "steelyard.worker", json.dumps(setting)],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                text=True,
                cwd=revision.project.root,
                env={**os.environ, **variables},
                pass_fds=[writable, *((token.give, token.take) if token else ())],
                start_new_session=True,  # Ctrl-C is for the gate, which ends its workers itself
            )
        os.close(writable)
        return cls(process, os.fdopen(readable, "rb", buffering=0), log)

    def ask(self, timeout: float, /, **request: Any) -> Any:
        """Send a request and wait for its answer.

        Raises:
            WorkerLost: it died, or did not answer within ``timeout`` seconds.
            RequestFailed: it says why it could not do it.
        """
        self.send(**request)
        return self.receive(timeout)

    def send(self, **request: Any) -> None:
        """Send a request."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # what it died of is told where its answer is missed
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def receive(self, timeout: float) -> Any:
        """The answer to the request that was sent; see :meth:`ask`."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self.received:
            if not select.select([self.answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise NoAnswer(f"did not answer within {timeout:.0f} s")
            part = self.answers.read(1 << 16)
            if not part:
                raise WorkerLost(self._last_words())
            self.received += part
        line, _, self.received = self.received.partition(b"\n")
        answer = json.loads(line)
        if "problem" in answer:
            raise RequestFailed(answer["problem"])
        return answer["result"]

    def _last_words(self) -> str:
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        words = (
            self.log.read_text("utf-8", errors="replace").strip()[-LAST_WORDS:] if self.log.exists() else ""
        )
        return f"{how_it_ended(code)}{': ' if words else ''}{words}"

    def is_busy(self) -> bool:
        """Whether the process computes, or does not even wait for its pair."""
        try:
            process = psutil.Process(self.process.pid)
            was_running, before = process.status() == psutil.STATUS_RUNNING, sum(process.cpu_times()[:2])
            time.sleep(BUSY_WATCH)
            used = sum(process.cpu_times()[:2]) - before
            # On a crowded core it may wait for its turn most of the time.
            is_running = was_running and process.status() == psutil.STATUS_RUNNING
            return is_running or used > BUSY_SHARE * BUSY_WATCH
        except psutil.Error:
            return True

    def close(self) -> None:
        """End the process, whatever it is doing, and what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        with suppress(BrokenPipeError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        self.answers.close()


@dataclass(slots=True)
class Bench:
    """The process's end: a registry of one revision, and the cells that it has loaded."""

    isolation: Isolation
    registry: Registry
    token: Token | None
    loaded: dict[str, Kernel] = field(default_factory=dict)

    def reach(self, variants: Sequence[str]) -> Any:
        """The files that each variant's code can load, relative to the worktree; None where that cannot be told."""
        return call_in_child(
            lambda: inspection.reached(self.registry, self.isolation, variants), inspection.PATIENCE
        )

    def digest(self, variant: str, patience: float) -> Any:
        """What a variant's code is made of, or that it hangs; in a child, so that the next one starts with nothing loaded."""
        self._import_backends()
        found = self.registry.variant(variant)
        try:
            return call_in_child(lambda: inspection.digest(self.registry, self.isolation, found), patience)
        except ChildHung as hangs:
            return {"hangs": str(hangs)}

    def _import_backends(self) -> None:
        """Import, for all children, what every one of them would import again."""
        for backend in self.registry.backends.values():
            if backend.requires and not backend.unavailable():
                importlib.import_module(backend.requires)

    def cells(self) -> Any:
        """The cells of this revision, with what is known of them before they are loaded."""
        return call_in_child(lambda: inspection.listed(self.registry, self.isolation), inspection.PATIENCE)

    def check(self, cells: Sequence[str], limit: float, into: str, patience: float) -> Any:
        """Hold cells of one workload against its reference; one that crashes or hangs fails alone.

        See :func:`steelyard.inspection.held`.
        """
        outcomes: dict[str, Any] = {}
        inputs: dict[str, str] = {}
        while left := [cell for cell in cells if cell not in outcomes]:
            waiting = iter(left)
            checks = partial(inspection.held, self.registry, left, limit, Path(into))
            try:
                for outcome, found in yielded_in_child(checks, patience):
                    outcomes[next(waiting)] = outcome
                    inputs |= found
            except ChildFailed as failure:
                for cell in islice(waiting, 1):
                    outcomes[cell] = {"status": "failed", "reason": str(failure)}
        return {"outcomes": outcomes, "inputs": inputs}

    def load(self, cell: str, timed: bool) -> float:
        """Load a cell and warm it up; if ``timed``, roughly how many seconds one call takes, else 0."""
        found = self.registry.cell(cell)
        kernel = inspection.remembering(self.registry, found.variant)
        arguments = kernel.arguments(self.registry.inputs(found.variant.workload, found.size))
        threads.set_threads(threads.count_for(parallel=found.variant.parallel))
        kernel.function(*arguments)
        self.loaded[cell] = kernel
        return seconds_per_call(kernel.function, arguments) if timed else 0.0

    def strays(self) -> list[str]:
        """What is loaded of the repository that is not of this revision."""
        return self.isolation.strays()

    def measure(self, cell: str, side: str, calls: int, orders: Sequence[str], seeds: Sequence[int]) -> Any:
        """Take turns with the other process over a cell."""
        found = self.registry.cell(cell)
        assert self.token is not None
        with threads.limited_to(threads.count_for(parallel=found.variant.parallel)):
            return run_blocks(
                self.loaded[cell],
                self.registry.inputs(found.variant.workload, found.size),
                side=side,
                calls=calls,
                orders=orders,
                seeds=seeds,
                token=self.token,
            )

    def profile(self, cell: str, into: str) -> Any:
        """Profile a cell by its calls and by its lines; the files by kind, and what could not be had."""

        def profiled() -> Any:
            found = self.registry.cell(cell)
            checked = Referee(self.registry).check(found)
            chosen = {name: PROFILERS[name] for name in ("cprofile", "lines")}
            made = profile(Subject.of_kernel(cell, checked.kernel, checked.arguments), Path(into), chosen)
            return {
                "files": {kind: str(path) for kind, path in made.files[cell].items()},
                "problems": made.problems,
            }

        return call_in_child(profiled, inspection.PATIENCE)


def serve(setting: Mapping[str, Any]) -> None:
    """Answer requests until the pipe closes."""
    end_with_parent()
    faulthandler.enable()
    keep_freed_memory()
    _kept = spacers(setting["seed"])  # or the same addresses would fall to every pair
    isolation = Isolation(Path(setting["repository"]), Path(setting["worktree"]), Path(setting["project"]))
    isolation.enter()
    token = Token(*setting["token"]) if setting["token"] else None
    with os.fdopen(setting["answers"], "w", buffering=1) as answers:
        bench = None
        for line in sys.stdin:
            request = json.loads(line)
            try:
                if bench is None:
                    bench = Bench(isolation, Registry(Project.find(isolation.project)), token)
                method: Callable[..., Any] = getattr(bench, request.pop("do"))
                answer = {"result": method(**request)}
            except SteelyardError as error:
                answer = {"problem": str(error)}
            except PeerLost:
                answer = {"problem": PEER_LOST}
            except Exception as error:
                answer = {"problem": described(error)}
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
