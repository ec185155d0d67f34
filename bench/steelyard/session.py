"""One ``pytest bench``: its cells from selection to report. The plugin's hooks call it, and nothing else does."""

from __future__ import annotations

import errno
import json
import random
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from steelyard import profilers, report, runs, threads
from steelyard.cell import Cell
from steelyard.errors import CannotWrite, SteelyardError, described
from steelyard.journal import Journal, recover
from steelyard.machine import Machine, state
from steelyard.project import Project
from steelyard.referee import Checked
from steelyard.registry import Registry
from steelyard.runs import Missing, Run
from steelyard.subject import Subject
from steelyard.suite import Suite

ROUND = 0.001
"""Seconds that a round should last: long against the timer, short enough for hundreds of samples."""

SAMPLING = 0.4
"""Seconds for which a cell is sampled."""

ROUNDS = 6
"""The fewest rounds: fewer have no 95 % interval of the median."""

ONE_THREAD = 1.05
"""CPU seconds per second above which a single-threaded cell is reported."""


@dataclass(slots=True)
class Session:
    """The state of one measuring test run."""

    config: pytest.Config
    project: Project
    registry: Registry
    selected: Sequence[Cell]
    seed: int
    machine: Machine
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=runs.new_id)
    state: dict[str, Any] = field(default_factory=state)
    benchmarks: Any = None
    """pytest-benchmark's session."""
    suite: Suite | None = None
    outcomes: dict[Cell, Checked | Missing] = field(default_factory=dict)
    measured: dict[Cell, float] = field(default_factory=dict)
    """Median seconds of each cell that was timed."""
    journal: Journal | None = None
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What went wrong beside the cells; any makes the run fail."""
    written: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config, folder: Path) -> Session:
        """The session of the project that ``folder`` lies in, with the cells that the options select.

        Raises:
            SteelyardError: the project, a workload or an option's name is not what it should be.
        """
        project = Project.find(folder).reporting_to(config.getoption("--reports"))
        registry = Registry(project)
        seed = config.getoption("--shuffle-seed")
        if hasattr(config, "workerinput"):
            seed = 0  # the workers of pytest-xdist must collect in one order; they time nothing
        names = {
            option: [name.strip() for name in config.getoption(f"--{option}").split(",") if name.strip()]
            for option in ("workloads", "backends", "sizes")
        }
        selected = registry.select(**names)
        if not selected:
            chosen = ", ".join(f"--{option} {','.join(value)}" for option, value in names.items() if value)
            raise SteelyardError(f"no cell is selected by {chosen}; `steelyard list` shows what there is")
        return cls(
            config=config,
            project=project,
            registry=registry,
            selected=selected,
            seed=random.SystemRandom().randrange(10**6) if seed is None else seed,
            machine=Machine.here(),
        )

    def plan(self) -> list[str]:
        """How the cells will be timed, in lines for the head of the run."""
        options = self.benchmarks.options if self.benchmarks else {}
        if not options or self.benchmarks.disabled:
            return [f"steelyard: {len(self.selected)} cells, not timed"]
        return [
            f"steelyard: cells in the order of --shuffle-seed={self.seed}; "
            f"rounds of {float(options['min_time']):g} s or more for {float(options['max_time']):g} s, "
            f"at least {options['min_rounds']} of them; "
            f"--budget={self.config.getoption('--budget'):g} s a cell"
        ]

    def adopt(self, benchmarks: Any) -> None:
        """Have pytest-benchmark save where and what a run needs, with rounds as long as kernels want.

        What the user gave on the command line stays as given.
        """
        from pytest_benchmark.storage.file import FileStorage
        from pytest_benchmark.utils import SecondsDecimal

        from steelyard.storage import RunStorage

        self.benchmarks = benchmarks
        benchmarks.save_data = True
        benchmarks.machine_id = self.machine.key
        benchmarks.save_json = self._save_json
        if isinstance(benchmarks.storage, FileStorage):
            old = benchmarks.storage.path
            new = old if self._given("--benchmark-storage") else self.project.reports / "runs"
            with suppress(OSError, RuntimeError):
                benchmarks.storage = RunStorage(new, benchmarks.logger, default_machine_id=self.machine.key)
            if new != old:
                with suppress(OSError):  # pytest-benchmark made it when it started; other runs may lie in it
                    old.rmdir()
        budget = self.config.getoption("--budget")
        for option, value in {"min_time": ROUND, "max_time": min(SAMPLING, budget)}.items():
            if not self._given(f"--benchmark-{option.replace('_', '-')}"):
                benchmarks.options[option] = SecondsDecimal(str(value))
        if not self._given("--benchmark-min-rounds"):
            benchmarks.options["min_rounds"] = ROUNDS

    def _given(self, option: str) -> bool:
        """Whether the user set an option, on the command line or in the configuration."""
        words = [*self.config.invocation_params.args, *self.config.getini("addopts")]
        return any(str(word).split("=")[0] == option for word in words)

    def prepare(self, collected: Sequence[Cell]) -> None:
        """Build the collected cells, make their first calls and check them; whatever compiles does so now.

        Raises:
            SteelyardError: the reports folder cannot be written to.
        """
        runs.prepare_reports(self.project.reports)
        if (json_file := self.benchmarks.json) and not json_file.parent.is_dir():
            raise CannotWrite(json_file, FileNotFoundError(errno.ENOENT, "there is no such folder"))
        for recovered in recover(self.project.reports):
            self._say(f"steelyard: {recovered}", yellow=True)
        options = self.benchmarks.options
        cells = [
            cell for cell in self.selected if cell in set(collected)
        ]  # unshuffled: references are shared
        self.suite = Suite(
            self.registry,
            cells,
            rounds=int(options["min_rounds"]),
            budget=self.config.getoption("--budget"),
        )
        self.journal = journal = Journal(self.project.reports, self._header())
        timed = not self.benchmarks.disabled
        traced = timed and not self.config.getoption("--no-profile")
        begin = time.perf_counter()
        self.suite.start(self._progress, first_calls=timed, traced=traced)
        self._say(f"steelyard: built, and called for the first time, in {time.perf_counter() - begin:.0f} s")
        begin = time.perf_counter()
        missing = []
        for cell, outcome in self.suite.check(
            lambda cell: journal.doing("checking", cell.id), self._progress
        ):
            self.outcomes[cell] = outcome
            if isinstance(outcome, Missing):
                journal.missing(outcome)
                missing.append(outcome)
        self._say(
            f"steelyard: {len(cells) - len(missing)} of {len(cells)} cells agree with their reference, "
            f"checked in {time.perf_counter() - begin:.0f} s"
        )

    @contextmanager
    def measuring(self, cell: Cell, benchmark: Any) -> Iterator[Checked | None]:
        """The checked cell, with its threads set and ``benchmark`` told what it measures; None if it has no time."""
        outcome = self.outcomes.get(cell)
        if not isinstance(outcome, Checked) or self.suite is None:
            yield None
            return
        benchmark.group = f"{cell.variant.workload} {cell.size}"
        count = threads.cores() if cell.variant.parallel else 1
        with threads.limited_to(count):
            in_force = max(threads.in_force().values(), default=1)
            if in_force != count and not cell.variant.parallel:
                self.warnings.append(f"{cell.id}: {in_force} threads in force where 1 was asked for")
            recorded = self.suite.record(cell, outcome, count if cell.variant.parallel else in_force)
            benchmark.extra_info.update(recorded)
            yield outcome

    def begin(self, cell: Cell) -> None:
        """Note that a cell is about to be timed; fail or skip it if it cannot be."""
        outcome = self.outcomes.get(cell)
        if isinstance(outcome, Missing):
            if outcome.status == "failed":
                pytest.fail(outcome.reason, pytrace=False)
            pytest.skip(f"{outcome.status}: {outcome.reason}")
        if self.journal:
            with stopping_on_a_full_disk():
                self.journal.doing("timing", cell.id)

    def failed(self, cell: Cell, benchmark: Any, error: BaseException) -> None:
        """Keep the reason why a cell failed while it was timed; half of its samples are none."""
        benchmark.has_error = True
        if benchmark.stats in self.benchmarks.benchmarks:
            self.benchmarks.benchmarks.remove(benchmark.stats)  # it saves, and fails to, what has no samples
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
        row = Missing(cell.id, "failed", f"while it was timed: {what}")
        self.outcomes[cell] = row
        if self.journal:
            with stopping_on_a_full_disk():
                self.journal.missing(row)

    def keep(self, cell: Cell, benchmark: Any, cpu_per_wall: float) -> None:
        """Write a timed cell to disk."""
        if not benchmark.stats or self.journal is None:
            return
        benchmark.extra_info["cpu_per_wall"] = cpu_per_wall
        if not cell.variant.parallel and cpu_per_wall > ONE_THREAD:
            self.warnings.append(
                f"{cell.id} used {cpu_per_wall:.2f} s of CPU time per second: it runs on more than one thread; "
                f"name it in __parallel__, or keep it to one"
            )
        self.measured[cell] = benchmark.stats.stats.median
        with stopping_on_a_full_disk():
            self.journal.measured(benchmark.stats.as_dict())

    def record(self) -> dict[str, Any]:
        """The ``steelyard`` key of this run's file."""
        return {
            "format": runs.FORMAT,
            "id": self.id,
            "seed": self.seed,
            "started": self.started.isoformat(),
            "command": shlex.join(["pytest", *map(str, self.config.invocation_params.args)]),
            "machine": self.machine.as_dict(),
            "state": {"before": self.state, "after": state()},
            "titles": {
                name: self.registry.workload(name).title
                for name in dict.fromkeys(cell.variant.workload for cell in self.selected)
            },
            "missing": [
                {"cell": row.cell, "status": row.status, "reason": row.reason}
                for row in self.outcomes.values()
                if isinstance(row, Missing)
            ],
            "warnings": self.warnings,
        }

    def _header(self) -> dict[str, Any]:
        """A run file without its benchmarks."""
        hook = self.config.hook
        commit = hook.pytest_benchmark_generate_commit_info(config=self.config)
        hook.pytest_benchmark_update_commit_info(config=self.config, commit_info=commit)
        header = hook.pytest_benchmark_generate_json(
            config=self.config,
            benchmarks=[],
            include_data=True,
            machine_info=self.benchmarks.get_machine_info(),
            commit_info=commit,
        )
        return {**header, "steelyard": self.record()}

    def finish(self, *, interrupted: bool) -> bool:
        """Save the run as the last one, profile and report; say whether all of it could be done.

        Each step is tried even if another failed: nothing that was measured is lost to a full disk.
        """
        if self.journal is None:
            return True
        last = self.project.reports / "runs" / "last.json"
        if self.benchmarks.disabled or (not self.measured and last.exists()):
            self.journal.close()  # nothing was timed: the last run, which may not be saved elsewhere, stays
            return True
        for cell, outcome in self.outcomes.items():
            if isinstance(outcome, Checked) and cell not in self.measured:
                self.outcomes[cell] = Missing(cell.id, "not run", "the run ended before its turn came")
        if failure := getattr(self.benchmarks.storage, "failure", None):
            self.problems.append(str(failure))
        try:
            done = [bench.as_dict() for bench in self.benchmarks.benchmarks if bench and not bench.has_error]
            runs.write_atomically(last, json.dumps({**self._header(), "benchmarks": done}, default=str))
        except SteelyardError as error:
            self.problems += [str(error), f"the finished cells are kept in {self.journal.path}"]
            self.journal.close(keep=True)
            return False
        if self.measured and not interrupted and not self.config.getoption("--no-profile"):
            self._attempt("profiles", self._profile)
        self.journal.close()
        self._attempt("report", lambda: report.write(Run.load(last), self.project))
        return not self.problems

    def _save_json(self, output_json: dict[str, Any]) -> None:
        """Write the file of ``--benchmark-json``; where that fails, the table must still be printed."""
        try:
            runs.write_atomically(self.benchmarks.json, json.dumps(output_json, indent=4, default=str))
        except CannotWrite as failure:
            self.problems.append(str(failure))
        else:
            self.benchmarks.logger.info(f"Wrote benchmark data in: {self.benchmarks.json}", purple=True)

    def _attempt(self, name: str, step: Callable[[], Path]) -> None:
        """Take a step whose failure, whatever it is, must not cost the table of what was measured."""
        try:
            self.written[name] = step()
        except SteelyardError as error:
            self.problems.append(str(error))
        except KeyboardInterrupt:
            self.problems.append(f"the {name} could not be made: interrupted")
        except Exception as error:
            self.problems.append(f"the {name} could not be made: {described(error)}")

    def _profile(self) -> Path:
        """Profile every timed cell, and each variant closely at the smallest size that was timed."""
        assert self.journal is not None
        begin = time.perf_counter()
        cells = {cell: self.outcomes[cell] for cell in self.measured}
        subjects = {
            cell: Subject.of_kernel(cell.id, checked.kernel, checked.arguments)
            for cell, checked in cells.items()
            if isinstance(checked, Checked)
        }
        smallest = {
            cell.variant: cell for cell in sorted(self.measured, key=self.measured.__getitem__, reverse=True)
        }
        closely = [
            subjects[cell]
            for cell in smallest.values()
            # Run as plain Python, a Numba function's lines say little: they are there on request.
            if subjects[cell].trace and cell.variant.backend != "numba"
        ]
        chosen = {"lines": profilers.PROFILERS["lines"]}
        if self.config.getoption("--pprofile"):
            chosen["pprofile"] = profilers.PROFILERS["pprofile"]
        added = {
            name: run
            for name, run in profilers.profilers_of(self.project).items()
            if name not in profilers.PROFILERS
        }
        profiled = profilers.profile_suite(
            [(subject, self.measured[cell]) for cell, subject in subjects.items()],
            closely,
            {**chosen, **added},
            self.project.reports,
            self.id,
        )
        self.problems += profiled.problems
        self._say(f"steelyard: profiled in {time.perf_counter() - begin:.0f} s")
        return self.project.reports / "suite.prof"

    def summarise(self, terminal: Any) -> None:
        """Print what has no time and why, the warnings, and where to look next."""
        missing = [row for row in self.outcomes.values() if isinstance(row, Missing)]
        terminal.section("steelyard")
        for status, lines in grouped(missing).items():
            for line in lines:
                terminal.write_line(f"{status}: {line}", red=status == "failed", yellow=status != "failed")
        for warning in self.warnings:
            terminal.write_line(f"warning: {warning}", yellow=True)
        for problem in self.problems:
            terminal.write_line(f"error: {problem}", red=True)
        if "profiles" in self.written:
            terminal.write_line(f"profiles: snakeviz {shown(self.written['profiles'])}")
        if "report" in self.written:
            terminal.write_line(f"report:   {shown(self.written['report'])}")

    def _say(self, line: str, **markup: bool) -> None:
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal and terminal.verbosity >= 0:
            terminal.ensure_newline()
            terminal.write_line(line, **markup)

    def _progress(self, what: str, done: int, whole: int) -> None:
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal and terminal.verbosity >= 0 and sys.stdout.isatty():
            terminal.rewrite(f"steelyard: {what} {done}/{whole}", erase=True)


@contextmanager
def stopping_on_a_full_disk() -> Iterator[None]:
    """End the run in good order when its journal cannot be written: nothing that follows could be kept."""
    try:
        yield
    except CannotWrite as error:
        pytest.exit(f"steelyard: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)


def grouped(missing: Sequence[Missing]) -> dict[str, list[str]]:
    """The reasons by status, a line each, with the first cell that has it and how many more."""
    cells: dict[tuple[str, str], list[str]] = {}
    for row in missing:
        cells.setdefault((row.status, row.reason.splitlines()[0]), []).append(row.cell)
    lines: dict[str, list[str]] = {}
    for (status, reason), those in sorted(cells.items()):
        more = f" and {len(those) - 1} more" if len(those) > 1 else ""
        lines.setdefault(status, []).append(f"{those[0]}{more}: {reason}")
    return lines


def shown(path: Path) -> str:
    """A path as short as it can be typed from here."""
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
