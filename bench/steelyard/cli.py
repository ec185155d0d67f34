"""``steelyard …``: the harness without pytest.

Exit codes: 0, all is well; 1, a kernel or a profile failed; 2, the command cannot be followed.
Heavy libraries are imported where a command needs them, so that help and lists answer at once.
"""

from __future__ import annotations

import faulthandler
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from steelyard.environment import measuring
from steelyard.errors import CannotWrite, SteelyardError
from steelyard.project import Project
from steelyard.workload import names_in


def names(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    """The names in a comma-separated option."""
    return names_in(value)


def selection(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose cells."""
    for option, what in (
        ("sizes", "these sizes, or all; default: each workload's own"),
        ("backends", "these backends"),
        ("workloads", "these workloads"),
    ):
        command = click.option(
            f"--{option}", metavar="NAMES", default="", callback=names, help=f"Only {what}."
        )(command)
    return command


def reports_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says where to write."""
    return click.option(
        "--reports",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help="Read and write here. Default: as the project configures it.",
    )(command)


def as_measured(command: Callable[..., int]) -> Callable[..., int]:
    """Run a command in the environment in which kernels are measured."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> int:
        with measuring():  # entered before a command imports a numeric library
            return command(*args, **kwargs)

    return run


def told_plainly(command: Callable[..., int]) -> Callable[..., None]:
    """Turn a known mistake into its message and exit code, and a command's result into its exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except SteelyardError as error:
            click.echo(f"steelyard: {error}", err=True)
            code = error.exit_code
        except KeyboardInterrupt:
            code = 130
        sys.exit(code)

    return run


def opened(reports: Path | None = None) -> Project:
    """The project of the current folder; what is left there of a run that died is recovered, and told.

    Raises:
        SteelyardError: there is no project.
    """
    from steelyard.journal import recover

    project = Project.find(Path.cwd()).reporting_to(reports)
    try:
        for recovered in recover(project.reports):
            click.echo(f"steelyard: {recovered}", err=True)
    except CannotWrite as error:  # not what the command is for: the journal stays where it is
        click.echo(f"steelyard: an earlier run could not be recovered: {error}", err=True)
    return project


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="steelyard")
def main() -> None:
    """Benchmark, profile and compare equivalent numeric kernels.

    Measure with pytest:  pytest bench --benchmark-autosave
    """


@main.command("list")
@selection
@told_plainly
def list_cells(workloads: Sequence[str], backends: Sequence[str], sizes: Sequence[str]) -> int:
    """List the cells: what there is to measure, and what cannot run here."""
    from steelyard.registry import Registry

    registry = Registry(opened())
    cells = registry.select(workloads, backends, sizes or ["all"])
    for workload in dict.fromkeys(cell.variant.workload for cell in cells):
        definition = registry.workload(workload)
        click.echo(click.style(f"{workload}: {definition.title}", bold=True))
        here = [cell for cell in cells if cell.variant.workload == workload]
        for size in dict.fromkeys(cell.size for cell in here):
            parameters = ", ".join(f"{name} {value:,}" for name, value in definition.sizes[size].items())
            work = definition.work(**definition.sizes[size])
            mark = " (by default)" if size in definition.default_sizes else ""
            click.echo(f"  size {size:<10} {parameters}: {work:,.0f} {definition.unit}{mark}")
        for variant in dict.fromkeys(cell.variant for cell in here):
            reason = registry.backends[variant.backend].unavailable()
            notes = [*["parallel"] * variant.parallel, *([f"unavailable: {reason}"] if reason else [])]
            click.echo(f"  {variant.id}" + (f"  ({'; '.join(notes)})" if notes else ""))
    click.echo(
        f"{len(cells)} cells; the id of one is VARIANT/SIZE, such as {cells[0].id}" if cells else "no cells"
    )
    return 0


@main.command()
@selection
@click.option(
    "--budget",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds that one call may take; a cell that needs more is listed as over budget.",
)
@told_plainly
@as_measured
def check(workloads: Sequence[str], backends: Sequence[str], sizes: Sequence[str], budget: float) -> int:
    """Hold every cell against its reference, and time nothing. Exit code 1 if one disagrees."""
    from steelyard.referee import Checked
    from steelyard.registry import Registry
    from steelyard.suite import Suite

    registry = Registry(opened())
    suite = Suite(registry, registry.select(workloads, backends, sizes), rounds=1, budget=budget)

    def progress(what: str, done: int, whole: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what} {done}/{whole}" + "\r\x1b[K" * (done == whole), err=True, nl=False)

    if sys.__stderr__:
        faulthandler.enable(
            sys.__stderr__
        )  # a kernel that crashes takes this process with it: let it say where
    suite.start(progress, first_calls=False)
    counts: dict[str, int] = {}
    for cell, outcome in suite.check(lambda cell: None, progress):
        status = "agrees" if isinstance(outcome, Checked) else outcome.status
        counts[status] = counts.get(status, 0) + 1
        colour = {"agrees": "green", "failed": "red"}.get(status, "yellow")
        click.echo(f"{click.style(f'{status:<11}', fg=colour)} {cell.id:<36} {held(outcome)}")
    words = {"agrees": "agree"}
    click.echo(
        ", ".join(f"{count} {words.get(status, status)}" for status, count in counts.items()) or "no cells"
    )
    return 1 if counts.get("failed") else 0


def held(outcome: Any) -> str:
    """What a cell was held against, or why it has no time."""
    if not hasattr(outcome, "agreement"):
        return str(outcome.reason)
    agreement = outcome.agreement
    subnormals = f"; {agreement.subnormals:,} subnormal values" if agreement.subnormals else ""
    return (
        f"with {agreement.reference} to {agreement.largest_difference:.1e}; "
        f"probes {len(agreement.probes)}, laws {len(agreement.laws)}{subnormals}"
    )


@main.command("report")
@click.argument("run", required=False, type=click.Path(path_type=Path, dir_okay=False))
@reports_option
@told_plainly
def write_report(run: Path | None, reports: Path | None) -> int:
    """Write the HTML report of RUN, a saved run's file, or of the last run."""
    from steelyard import report
    from steelyard.runs import Run, latest

    project = opened(reports)
    click.echo(report.write(Run.load(run) if run else latest(project.reports), project))
    return 0


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--with", "chosen", metavar="NAMES", default="", callback=names, help="Only cprofile, lines or pprofile."
)
@reports_option
@click.argument("target")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@told_plainly
@as_measured
def profile(chosen: Sequence[str], reports: Path | None, target: str, argv: Sequence[str]) -> int:
    """Profile TARGET with cProfile, line_profiler and pprofile.

    TARGET is a cell such as laplace/numpy/slices/small, a callable module:function, or a script with its
    ARGV. Each profiler runs it once more.
    """
    from steelyard import profilers
    from steelyard.errors import UnknownName

    try:
        project: Project | None = Project.find(Path.cwd())
    except SteelyardError:
        project = None  # a script can be profiled anywhere
    known = profilers.profilers_of(project)
    for name in chosen:
        if name not in known:
            raise UnknownName("profiler", name, known)
    folder = (reports or (project.reports if project else Path.cwd() / "reports")).resolve()
    made = profilers.profile(
        subject_of(target, argv), folder, {name: known[name] for name in chosen or known}
    )
    for files in made.files.values():
        for kind, path in files.items():
            click.echo(f"{kind:<12} {path}")
            if kind == "profile":
                click.echo(f"{'':<12} snakeviz {path}")
    for problem in made.problems:
        click.echo(f"error: {problem}", err=True)
    return 1 if made.problems else 0


def subject_of(target: str, argv: Sequence[str]) -> Any:
    """What ``steelyard profile TARGET ARGV`` is to profile.

    Raises:
        SteelyardError: it is no cell, callable or script.
    """
    from steelyard.subject import Subject

    if Path(target).is_file() or target.endswith(".py"):
        return Subject.of_script(Path(target), argv)
    if argv:
        raise SteelyardError(f"{' '.join(argv)}: only a script has arguments; options stand before TARGET")
    if ":" in target:
        return Subject.of_callable(target)
    from steelyard import threads
    from steelyard.referee import Referee
    from steelyard.registry import Registry

    registry = Registry(opened())
    cell = registry.cell(target)
    threads.set_threads(threads.count_for(parallel=cell.variant.parallel))
    checked = Referee(registry).check(cell)
    return Subject.of_kernel(target, checked.kernel, checked.arguments)


@main.command()
@click.argument("name")
@told_plainly
def new(name: str) -> int:
    """Start a workload: kernels/NAME with a file for each backend, each of which runs and agrees."""
    from steelyard.scaffold import write_workload

    for path in write_workload(name, Path.cwd()):
        click.echo(f"wrote {path}")
    click.echo(f"Next: steelyard check --workloads {name}; pytest bench --workloads {name}")
    return 0


if __name__ == "__main__":
    main()
