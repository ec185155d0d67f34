"""The pytest plugin: a benchmark for each cell, driven by pytest-benchmark.

A test that asks for the fixture ``steelyard_cell`` is run once for each cell of the project. In a test run
that collects no such test the plugin does nothing: it sets no environment, and imports nothing of weight.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from steelyard.session import Session

FIXTURE = "steelyard_cell"
SESSION: pytest.StashKey[Session] = pytest.StashKey()
COMPARE = pytest.StashKey[Any]()
ENVIRONMENT = pytest.StashKey[ExitStack]()


def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Declare the options where a project is: anywhere else their names are free for others."""
    places = [early_config.invocation_params.dir, *(Path(arg.split("::")[0]) for arg in args)]
    if not any(is_configured(folder) for place in places for folder in (place, *place.absolute().parents)):
        return
    group = parser.getgroup("steelyard", "kernels (steelyard)")
    group.addoption(
        "--workloads", metavar="NAMES", default="", help="Measure only these workloads, e.g. lif,gibbs."
    )
    group.addoption(
        "--backends", metavar="NAMES", default="", help="Measure only these backends, e.g. numpy,numba."
    )
    group.addoption(
        "--sizes",
        metavar="NAMES",
        default="",
        help="Measure these sizes, e.g. small,large, or all. Default: each workload's own, usually small,medium.",
    )
    group.addoption(
        "--budget",
        metavar="SECONDS",
        type=positive_seconds,
        default=10.0,
        help="Seconds that one cell may take at most; a cell whose fewest rounds need more is not timed, "
        "and listed as over budget. Default: %(default)s",
    )
    group.addoption("--no-memory", action="store_true", help="Do not measure memory after the timing.")
    group.addoption("--no-profile", action="store_true", help="Write no profiles after the timing.")
    group.addoption(
        "--no-ceilings",
        action="store_true",
        help="Do not measure what the machine can do at most (a few seconds).",
    )
    group.addoption("--pprofile", action="store_true", help="Also write callgrind files, by pprofile (slow).")
    group.addoption(
        "--reports",
        metavar="DIR",
        type=Path,
        default=None,
        help="Write here. Default: as the project configures it.",
    )
    group.addoption(
        "--shuffle-seed",
        metavar="N",
        type=int,
        default=None,
        help="Order the cells as the run that printed N did.",
    )


def is_configured(folder: Path) -> bool:
    """Whether a folder's pyproject.toml speaks of steelyard; what it says is read when cells are collected."""
    try:
        return "tool.steelyard" in (folder / "pyproject.toml").read_text("utf-8", errors="replace")
    except OSError:
        return False


def positive_seconds(text: str) -> float:
    """A length of time given as an option."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"should be a number of seconds above 0, not {text}")
    return value


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put off pytest-benchmark's loading of older runs until it is known where they are."""
    config.stash[COMPARE] = getattr(config.option, "benchmark_compare", [])
    if config.stash[COMPARE]:
        config.option.benchmark_compare = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each cell that the options select."""
    if FIXTURE not in metafunc.fixturenames:
        return
    from steelyard.environment import measuring
    from steelyard.errors import SteelyardError
    from steelyard.session import Session

    config = metafunc.config
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.Collector.CollectError(
            "steelyard: pytest-benchmark, which times the cells, is switched off; leave out -p no:benchmark"
        )
    if not hasattr(config.option, "shuffle_seed"):
        raise pytest.Collector.CollectError(
            f"steelyard: start pytest inside the project, or name its folder: pytest {metafunc.definition.path.parent}"
        )
    if SESSION not in config.stash:
        config.stash[ENVIRONMENT] = stack = ExitStack()
        stack.enter_context(measuring())  # before a workload's module imports a numeric library
        try:
            config.stash[SESSION] = Session.of(config, metafunc.definition.path.parent)
        except SteelyardError as error:
            raise pytest.Collector.CollectError(f"steelyard: {error}") from None
    cells = config.stash[SESSION].selected
    metafunc.parametrize(FIXTURE, cells, ids=[cell.id for cell in cells], indirect=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the environment as it was found."""
    if environment := config.stash.get(ENVIRONMENT, None):
        environment.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the cells among their places, so that drift of the machine does not fall on one backend."""
    if session := config.stash.get(SESSION, None):
        places = [place for place, item in enumerate(items) if cell_of(item)]
        order = random.Random(session.seed).sample(places, len(places))
        for place, item in zip(places, [items[place] for place in order], strict=True):
            items[place] = item


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Now that it is known whether there are cells, have pytest-benchmark find the older runs."""
    config = session.config
    benchmarks = getattr(config, "_benchmarksession", None)
    ours = config.stash.get(SESSION, None)
    if ours and benchmarks:
        from steelyard.errors import SteelyardError

        try:
            ours.adopt(benchmarks)
        except SteelyardError as error:
            raise pytest.UsageError(f"steelyard: {error}") from None
    if benchmarks and config.stash[COMPARE]:
        benchmarks.compare = config.stash[COMPARE]
        benchmarks.handle_loading()


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say how the cells will be timed, and in which order."""
    ours = config.stash.get(SESSION, None)
    return [ours.plan()] if ours else []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Build and check the collected cells before the first of them is timed; measure their memory after the last.

    Here, not when the session finishes: pytest-benchmark saves the run as the first thing then.
    """
    ours = session.config.stash.get(SESSION, None)
    cells = [cell for item in session.items if (cell := cell_of(item))]
    if (
        not ours
        or not cells
        or session.config.option.collectonly
        or session.config.getoption("benchmark_skip")
    ):
        return (yield)
    from steelyard.errors import SteelyardError

    try:
        ours.prepare(cells)
    except SteelyardError as error:
        raise pytest.UsageError(f"steelyard: {error}") from None
    try:
        result = yield
    except session.Failed:  # -x: what was timed until then is a run like any other
        ours.measure_memory()
        raise
    finally:
        ours.terminal.clear()
    ours.measure_memory()
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Show how far the run is before a cell, outside of pytest's capturing."""
    if (ours := item.config.stash.get(SESSION, None)) and (cell := cell_of(item)):
        ours.show_progress(cell)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Leave the terminal to what pytest says of the cell, once there is anything to say."""
    if (ours := item.config.stash.get(SESSION, None)) and (call.when != "setup" or call.excinfo):
        ours.terminal.clear()


@pytest.fixture
def steelyard_cell(request: pytest.FixtureRequest, benchmark: Any) -> Iterator[Any]:
    """A checked cell: time ``steelyard_cell.function(*steelyard_cell.arguments)`` with ``benchmark``."""
    session = request.config.stash[SESSION]
    with session.measuring(request.param, benchmark) as outcome:
        yield outcome
    if outcome is None:
        benchmark.skipped = True  # else pytest-benchmark warns that a cell without a time did not use it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail or skip a cell that cannot be timed; keep the samples of one that was, before anything else happens."""
    cell, session = cell_of(item), item.config.stash.get(SESSION, None)
    if cell is None or session is None:
        return (yield)
    session.begin(cell)
    benchmark = cast("pytest.Function", item).funcargs["benchmark"]
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    except BaseException as error:
        session.failed(cell, benchmark, error)
        raise
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    session.keep(cell, benchmark, cpu / wall)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Save, profile and report: all timing is over, and pytest-benchmark has saved what it was asked to."""
    if ours := session.config.stash.get(SESSION, None):
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        if not ours.finish(interrupted=interrupted) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what has no time and why, and where everything is."""
    if ours := config.stash.get(SESSION, None):
        ours.summarise(terminalreporter)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_benchmark_generate_machine_info(config: pytest.Config) -> dict[str, Any] | None:
    """Describe the machine by what lasts, so that two runs on one machine compare as such."""
    ours = config.stash.get(SESSION, None)
    return ours.machine.as_dict() if ours else None


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add what a run file holds beside pytest-benchmark's own keys."""
    if ours := config.stash.get(SESSION, None):
        output_json["steelyard"] = ours.record()


def cell_of(item: pytest.Item) -> Any:
    """The cell that a test measures; None for any other test."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get(FIXTURE) if callspec else None
