"""pytest-benchmark, told how kernels want to be timed and where a run is kept.

All that is known here of its insides is in this module.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pytest_benchmark.storage.file import FileStorage
from pytest_benchmark.utils import SecondsDecimal

from steelyard.errors import CannotWrite
from steelyard.runs import write_atomically

ROUND = 0.001
"""Seconds that a round should last: long against the timer, short enough for hundreds of samples."""

SAMPLING = 0.4
"""Seconds for which a cell is sampled."""

ROUNDS = 6
"""The fewest rounds: fewer have no 95 % interval of the median."""


@dataclass(slots=True)
class Driver:
    """pytest-benchmark's session of one test run that measures cells."""

    config: pytest.Config
    benchmarks: Any
    """Its own object."""
    problems: list[str] = field(default_factory=list)
    """What it could not write."""

    @classmethod
    def adopt(
        cls, config: pytest.Config, benchmarks: Any, folder: Path, machine: str, budget: float
    ) -> Driver:
        """Have runs saved in ``folder`` under the key ``machine``, samples included, and rounds last long enough.

        What the user gave as an option stays as given.

        Raises:
            CannotWrite: the file of ``--benchmark-json`` has no folder to be in.
        """
        driver = cls(config, benchmarks)
        benchmarks.save_data = True
        benchmarks.machine_id = machine
        benchmarks.save_json = driver.save_json
        if benchmarks.json and not benchmarks.json.parent.is_dir():
            raise CannotWrite(benchmarks.json, FileNotFoundError(errno.ENOENT, "there is no such folder"))
        if isinstance(benchmarks.storage, FileStorage):
            old = benchmarks.storage.path
            new = old if driver.given("--benchmark-storage") else folder
            with suppress(OSError, RuntimeError):  # told when the reports are prepared
                benchmarks.storage = RunStorage(new, benchmarks.logger, machine, driver.problems)
            if new != old:
                with suppress(OSError):  # it was made at the start; other runs may lie in it
                    old.rmdir()
        for option, value in {"min_time": ROUND, "max_time": min(SAMPLING, budget)}.items():
            if not driver.given(f"--benchmark-{option.replace('_', '-')}"):
                benchmarks.options[option] = SecondsDecimal(str(value))
        if not driver.given("--benchmark-min-rounds"):
            benchmarks.options["min_rounds"] = ROUNDS
        return driver

    def given(self, option: str) -> bool:
        """Whether the user set an option, on the command line or in the configuration."""
        words = [*self.config.invocation_params.args, *self.config.getini("addopts")]
        return any(str(word).split("=")[0] == option for word in words)

    @property
    def times(self) -> bool:
        """Whether anything is timed: ``--benchmark-disable`` and pytest-xdist prevent it."""
        return not self.benchmarks.disabled

    @property
    def rounds(self) -> int:
        """The fewest rounds that a cell is given."""
        return int(self.benchmarks.options["min_rounds"])

    def plan(self) -> str:
        """How a cell is timed, in words."""
        options = self.benchmarks.options
        return (
            f"rounds of {float(options['min_time']):g} s or more for {float(options['max_time']):g} s, "
            f"at least {self.rounds} of them"
        )

    def seconds(self, call: float) -> float:
        """What timing a cell takes, more or less, whose call takes ``call`` seconds: calibration and samples."""
        return max(1.2 * float(self.benchmarks.options["max_time"]), (self.rounds + 2) * call) + 0.05

    def drop(self, benchmark: Any) -> None:
        """Forget a benchmark that came to no good end; pytest-benchmark would fail to save half of its samples."""
        benchmark.has_error = True
        if benchmark.stats in self.benchmarks.benchmarks:
            self.benchmarks.benchmarks.remove(benchmark.stats)

    def header(self) -> dict[str, Any]:
        """A run file as pytest-benchmark begins it, without its benchmarks."""
        hook = self.config.hook
        commit = hook.pytest_benchmark_generate_commit_info(config=self.config)
        hook.pytest_benchmark_update_commit_info(config=self.config, commit_info=commit)
        header: dict[str, Any] = hook.pytest_benchmark_generate_json(
            config=self.config,
            benchmarks=[],
            include_data=True,
            machine_info=self.benchmarks.get_machine_info(),
            commit_info=commit,
        )
        return header

    def entries(self) -> list[dict[str, Any]]:
        """What was measured, as pytest-benchmark saves it."""
        return [bench.as_dict() for bench in self.benchmarks.benchmarks if bench and not bench.has_error]

    def save_json(self, output_json: Mapping[str, Any]) -> None:
        """Write the file of ``--benchmark-json``; where that fails, the table must still be printed."""
        try:
            write_atomically(self.benchmarks.json, json.dumps(output_json, indent=4, default=str))
        except CannotWrite as failure:
            self.problems.append(str(failure))
        else:
            self.benchmarks.logger.info(f"Wrote benchmark data in: {self.benchmarks.json}", purple=True)


class RunStorage(FileStorage):
    """Saves under the same names as pytest-benchmark does, so that its own commands read them.

    Files are whole or not there, and a number is given once: two runs that end together both survive.
    """

    def __init__(self, path: Path, logger: Any, machine: str, problems: list[str]) -> None:
        super().__init__(path, logger, default_machine_id=machine)  # type: ignore[no-untyped-call]
        self.problems = problems

    def save(self, output_json: Mapping[str, Any], save: str) -> None:
        """Write a run under the next free number.

        A failure is noted, not raised: the table of what was measured must still be printed.
        """
        # Not in the storage folder: a lock file beside the runs would be one more thing to explain.
        lock = Path(tempfile.gettempdir()) / f"steelyard-{os.getuid() if hasattr(os, 'getuid') else 0}.lock"
        try:
            with FileLock(lock):
                path = self.path / self.default_machine_id / f"{self._next_num}_{save}.json"
                write_atomically(path, json.dumps(output_json, default=str))
        except CannotWrite as failure:
            self.problems.append(str(failure))
        else:
            self.logger.info(f"Saved benchmark data in: {path}")
