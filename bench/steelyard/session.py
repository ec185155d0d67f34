"""One ``pytest bench``: its cells from selection to report. The plugin's hooks call it, and nothing else does."""

from __future__ import annotations

import random
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from steelyard import ceilings, memory, profilers, report, runs, threads
from steelyard.cell import Cell
from steelyard.driver import Driver
from steelyard.errors import CannotWrite, SteelyardError, described
from steelyard.journal import Journal, recover
from steelyard.machine import Machine, state
from steelyard.project import Project
from steelyard.referee import Checked
from steelyard.registry import Registry
from steelyard.report import run_text
from steelyard.report.cautions import cautions
from steelyard.report.comparison import Comparison
from steelyard.report.text import terminal_width
from steelyard.runs import Missing, Run
from steelyard.source import Source
from steelyard.subject import Subject
from steelyard.suite import Suite
from steelyard.terminal import Terminal, summarise
from steelyard.workload import names_in

MEMORY, CEILINGS = "measuring memory", "measuring ceilings"
"""What two phases are called while they go on."""


@dataclass(slots=True)
class Session:
    """The state of one measuring test run."""

    config: pytest.Config
    project: Project
    registry: Registry
    selected: Sequence[Cell]
    seed: int
    machine: Machine
    terminal: Terminal
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=runs.new_id)
    state: dict[str, Any] = field(default_factory=state)
    driver: Driver | None = None
    suite: Suite | None = None
    outcomes: dict[Cell, Checked | Missing] = field(default_factory=dict)
    measured: dict[Cell, float] = field(default_factory=dict)
    """Median seconds of each cell that was timed."""
    infos: dict[Cell, dict[str, Any]] = field(default_factory=dict)
    """What is saved with the samples of each."""
    journal: Journal | None = None
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What went wrong beside the cells; any makes the run fail."""
    written: dict[str, Path] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)
    """Of each variant, as it was when the run began."""
    pictures: dict[str, Any] = field(default_factory=dict)
    """Of each workload that has one: the cell whose output it shows, and the figure or the reason why there is none."""
    ceilings: dict[str, Any] = field(default_factory=dict)
    """What the machine can do at most, or the reason why that is not known."""
    saved: Run | None = None
    """The run, read back once it was saved."""
    _to_time: int = 0
    """How many cells there are to time."""
    _begun: int = 0
    """How many of them have had their turn."""

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
            option: names_in(config.getoption(f"--{option}")) for option in ("workloads", "backends", "sizes")
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
            terminal=Terminal(config),
        )

    def adopt(self, benchmarks: Any) -> None:
        """Time with pytest-benchmark's session ``benchmarks``.

        Raises:
            SteelyardError: one of its options cannot be followed.
        """
        folder, budget = self.project.reports / "runs", self.config.getoption("--budget")
        self.driver = Driver.adopt(self.config, benchmarks, folder, self.machine.key, budget)

    def plan(self) -> str:
        """How the cells will be timed, in a line for the head of the run."""
        if not self.driver or not self.driver.times:
            return f"steelyard: {len(self.selected)} cells, checked but not timed"
        return (
            f"steelyard: cells in the order of --shuffle-seed={self.seed}; {self.driver.plan()}; "
            f"--budget={self.config.getoption('--budget'):g} s a cell"
        )

    def prepare(self, collected: Sequence[Cell]) -> None:
        """Build the collected cells, make their first calls and check them; whatever compiles does so now.

        Raises:
            SteelyardError: the reports folder cannot be written to.
        """
        assert self.driver is not None
        runs.prepare_reports(self.project.reports)
        for recovered in recover(self.project.reports):
            self.terminal.say(str(recovered), yellow=True)
        chosen = set(collected)
        cells = [cell for cell in self.selected if cell in chosen]  # not shuffled: references are shared
        budget = self.config.getoption("--budget")
        self.sources = recorded_sources(cells, self.project.root)
        self.suite = suite = Suite(self.registry, cells, rounds=self.driver.rounds, budget=budget)
        self.journal = journal = Journal(
            self.project.reports, {**self.driver.header(), "steelyard": self.record()}
        )
        self._plan(cells)
        traced = self.driver.times and not self.config.getoption("--no-profile")
        with self._telling("built, and called for the first time,"):
            suite.start(self.terminal.progress, first_calls=self.driver.times, traced=traced)
        with self._telling("held every cell against its reference"):
            for cell, outcome in suite.check(
                lambda cell: journal.doing("checking", cell.id), self.terminal.progress
            ):
                self.outcomes[cell] = outcome
                if isinstance(outcome, Missing):
                    journal.missing(outcome)
        if self.driver.times:
            self.pictures = suite.pictures(self.outcomes)
            self.warnings += [
                f"{name} could not be drawn: {drawn['reason']}"
                for name, drawn in self.pictures.items()
                if "reason" in drawn
            ]
            if not self.config.getoption("--no-ceilings"):
                with self._telling("measured what the machine can do at most"):
                    self.terminal.progress(CEILINGS, 0, 1)
                    self.ceilings = measured_ceilings()
            journal.learned({"pictures": self.pictures, "ceilings": self.ceilings, "warnings": self.warnings})
        self._plan(cells)
        agreeing = sum(isinstance(outcome, Checked) for outcome in self.outcomes.values())
        self.terminal.say(f"{agreeing} of {len(cells)} cells agree, and can be timed")

    def _plan(self, cells: Sequence[Cell]) -> None:
        """Foretell what each phase will take, from what is known of the cells by now; a rough figure for each step."""
        known = [self.outcomes.get(cell) for cell in cells]
        calls = [getattr(outcome, "seconds", 0.0) for outcome in known if not isinstance(outcome, Missing)]
        self._to_time = len(calls)
        variants = len({cell.variant for cell in cells})
        plan = {"building": 0.5 * variants, "checking": 0.1 * len(cells)}
        if self.driver and self.driver.times:
            if not self.config.getoption("--no-ceilings"):
                plan[CEILINGS] = 5.0
            plan["timing"] = sum(self.driver.seconds(call) for call in calls)
            if not self.config.getoption("--no-memory"):
                plan[MEMORY] = sum(0.05 + 8 * call for call in calls)
            if not self.config.getoption("--no-profile"):
                plan["profiling"] = sum(0.1 + 3 * call for call in calls)
        self.terminal.forecast.plan(plan)

    def show_progress(self, cell: Cell) -> None:
        """Show how far the timing is: before a cell that can be timed, never while it is."""
        if self.driver and self.driver.times and isinstance(self.outcomes.get(cell), Checked):
            self.terminal.progress_of_tests("timing", self._begun, self._to_time)
            self._begun += 1

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Say afterwards how long a step took."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.terminal.clear()
        self.terminal.say(f"{what} in {time.perf_counter() - begin:.0f} s")

    @contextmanager
    def measuring(self, cell: Cell, benchmark: Any) -> Iterator[Checked | None]:
        """The checked cell, with its threads set and ``benchmark`` told what it measures; None if it has no time."""
        outcome = self.outcomes.get(cell)
        if not isinstance(outcome, Checked) or self.suite is None:
            yield None
            return
        benchmark.group = f"{cell.variant.workload} {cell.size}"
        count = threads.count_for(parallel=cell.variant.parallel)
        with threads.limited_to(count):
            in_force = max(threads.in_force().values(), default=1)
            if in_force != count:
                self.warnings.append(f"{cell.id}: {in_force} threads in force where {count} were asked for")
            benchmark.extra_info.update(self.suite.record(cell, outcome, in_force))
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
        """Keep the reason why a cell's timing came to no end; half of its samples are none."""
        if self.driver:
            self.driver.drop(benchmark)
        if isinstance(error, KeyboardInterrupt):
            row = Missing(cell.id, "not run", "interrupted while it was timed")
        else:
            row = Missing(cell.id, "failed", f"while it was timed: {type(error).__name__}: {error}")
        self.outcomes[cell] = row
        if self.journal:
            with stopping_on_a_full_disk():
                self.journal.missing(row)

    def keep(self, cell: Cell, benchmark: Any, cpu_per_wall: float) -> None:
        """Write a timed cell to disk."""
        if not benchmark.stats or self.journal is None:
            return
        benchmark.extra_info["cpu_per_wall"] = cpu_per_wall
        self.measured[cell] = benchmark.stats.stats.median
        self.infos[cell] = benchmark.extra_info
        with stopping_on_a_full_disk():
            self.journal.measured(benchmark.stats.as_dict())

    def measure_memory(self) -> None:
        """Record what a call of each timed cell takes of memory: after all timing, and before the run is saved."""
        if self.journal is None or not self.measured or self.config.getoption("--no-memory"):
            return
        journal = self.journal
        agreed = {cell: self.outcomes[cell] for cell in self.measured}
        checked = {cell: outcome for cell, outcome in agreed.items() if isinstance(outcome, Checked)}
        backends, budget = self.registry.backends, self.config.getoption("--budget")
        found = memory.measure(
            checked, backends, budget, lambda cell: journal.doing("measuring the memory of", cell.id)
        )
        with (
            self._surviving("the memory of some cells was not measured"),
            self._telling("measured the memory of a call"),
            closing(found),
        ):
            for done, (cell, use) in enumerate(found, 1):
                self.infos[cell]["memory"] = use
                journal.memory(cell.id, use)
                self.terminal.progress(MEMORY, done, len(checked))

    @property
    def missing(self) -> list[Missing]:
        """The cells without a time, each with its reason."""
        unreached = "the run ended before its turn came"
        if not self.driver or not self.driver.times:
            return [outcome for outcome in self.outcomes.values() if isinstance(outcome, Missing)]
        return [
            outcome if isinstance(outcome, Missing) else Missing(cell.id, "not run", unreached)
            for cell, outcome in self.outcomes.items()
            if cell not in self.measured
        ]

    def record(self) -> dict[str, Any]:
        """The ``steelyard`` key of this run's file."""
        names = dict.fromkeys(cell.variant.workload for cell in self.selected)
        workloads = {name: self.registry.workload(name) for name in names}
        return {
            "format": runs.FORMAT,
            "id": self.id,
            "seed": self.seed,
            "started": self.started.isoformat(),
            "command": shlex.join(["pytest", *map(str, self.config.invocation_params.args)]),
            "machine": self.machine.as_dict(),
            "state": {"before": self.state, "after": state()},
            "titles": {name: workload.title for name, workload in workloads.items()},
            "equations": {name: workload.equation for name, workload in workloads.items()},
            "descriptions": {name: workload.description for name, workload in workloads.items()},
            "sources": self.sources,
            "pictures": self.pictures,
            "ceilings": self.ceilings,
            "ended": datetime.now(UTC).isoformat(),
            "missing": [asdict(row) for row in self.missing],
            "warnings": self.warnings,
        }

    def finish(self, *, interrupted: bool) -> bool:
        """Save the run as the last one, profile and report; say whether all of it could be done.

        Each step is tried even if another failed: nothing that was measured is lost to a full disk.
        """
        if self.journal is None or self.driver is None:
            return True
        last = self.project.reports / "runs" / "last.json"
        if not self.driver.times or (not self.measured and last.exists()):
            self.journal.close()  # nothing was timed: the last run, which may not be saved elsewhere, stays
            return True
        try:
            run = {**self.driver.header(), "steelyard": self.record(), "benchmarks": self.driver.entries()}
            runs.write_last(self.project.reports, run)
        except CannotWrite as error:
            self.problems += [str(error), f"the finished cells are kept in {self.journal.path}"]
            self.journal.close(keep=True)
            return False
        if self.measured and not interrupted and not self.config.getoption("--no-profile"):
            with self._telling("profiled"):
                self._attempt("profiles", self._profile)
        self.journal.close()
        self._attempt("report", partial(self._report, last))
        return not (self.problems or self.driver.problems)

    def _report(self, last: Path) -> Path:
        self.saved = Run.load(last)
        return report.write(self.saved, self.project)

    def _attempt(self, name: str, step: Callable[[], Path]) -> None:
        """Take a step that writes something, and note where."""
        with self._surviving(f"the {name} could not be made"):
            self.written[name] = step()

    @contextmanager
    def _surviving(self, failure: str) -> Iterator[None]:
        """A step whose failure, whatever it is, must not cost what was measured; ``failure`` says what is lacking then."""
        try:
            yield
        except SteelyardError as error:
            self.problems.append(str(error))
        except KeyboardInterrupt:
            self.problems.append(f"{failure}: interrupted")
        except Exception as error:
            self.problems.append(f"{failure}: {described(error)}")

    def _profile(self) -> Path:
        """Profile every timed cell, and each variant closely at the smallest size that was timed."""
        cells = {cell: self.outcomes[cell] for cell in self.measured}
        subjects = {
            cell: Subject.of_kernel(cell.id, checked.kernel, checked.arguments)
            for cell, checked in cells.items()
            if isinstance(checked, Checked)
        }
        smallest = {
            cell.variant: cell for cell in sorted(self.measured, key=self.measured.__getitem__, reverse=True)
        }
        chosen = {"lines": profilers.PROFILERS["lines"]}
        if self.config.getoption("--pprofile"):
            chosen["pprofile"] = profilers.PROFILERS["pprofile"]
        added = {
            name: run
            for name, run in profilers.profilers_of(self.project).items()
            if name not in profilers.PROFILERS
        }
        compiler = {"compiler": profilers.PROFILERS["compiler"]}
        profiled = profilers.profile_suite(
            [(subject, self.measured[cell]) for cell, subject in subjects.items()],
            [
                # Run as plain Python, a Numba function's lines say little: they are there on request.
                (
                    subjects[cell],
                    compiler if cell.variant.backend == "numba" else {**chosen, **added, **compiler},
                )
                for cell in smallest.values()
            ],
            self.project.reports,
            self.id,
            self.terminal.progress,
        )
        self.problems += profiled.problems
        return self.project.reports / "suite.prof"

    def summarise(self, reporter: Any) -> None:
        """Print what has no time and why, the warnings, and where to look next."""
        problems = [*(self.driver.problems if self.driver else ()), *self.problems]
        overview: Sequence[str] = ()
        warnings: Sequence[object] = self.warnings
        if self.saved:
            comparison = Comparison(self.saved, self.project.backends)
            overview = run_text.overview(comparison, terminal_width(), reporter.hasmarkup)
            warnings = cautions(self.saved, comparison)
        summarise(reporter, overview, self.missing, warnings, problems, self.written)


def recorded_sources(cells: Sequence[Cell], root: Path) -> dict[str, Any]:
    """The source of each cell's variant, as plain data; one that cannot be read is told of when it is loaded."""
    sources = {}
    for variant in dict.fromkeys(cell.variant for cell in cells):
        with suppress(OSError, UnicodeDecodeError):
            sources[variant.id] = Source.of(variant, root).as_dict()
    return sources


def measured_ceilings() -> dict[str, Any]:
    """The machine's ceilings as plain data; where they cannot be measured, the reason is no problem of the run's."""
    try:
        return ceilings.measure().as_dict()
    except ceilings.NoCeilings as error:
        return {"reason": str(error)}


@contextmanager
def stopping_on_a_full_disk() -> Iterator[None]:
    """End the run in good order when its journal cannot be written: nothing that follows could be kept."""
    try:
        yield
    except CannotWrite as error:
        pytest.exit(f"steelyard: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)
