"""``steelyard …``: the harness without pytest.

Exit codes: 0, all is well; 1, a kernel or a profile failed; 2, the command cannot be followed. Of ``gate``: 0,
nothing is slower; 1, something is; 2, something could not be judged; 3, the command cannot be followed. 130, Ctrl-C.
Heavy libraries are imported where a command needs them, so that help and lists answer at once.
"""

from __future__ import annotations

import faulthandler
import functools
import json
import os
import shutil
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from steelyard.environment import measuring
from steelyard.errors import CannotWrite, SteelyardError
from steelyard.project import Project
from steelyard.workload import names_in

QUIET_FOR = 10.0
"""Seconds between two lines of progress where there is no terminal."""


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


@main.command("show")
@click.argument("run", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "csv", "json"]),
    default="text",
    show_default=True,
    help="A table for the terminal; or every row of the report's tables.",
)
@reports_option
@told_plainly
def show_run(run: Path | None, form: str, reports: Path | None) -> int:
    """Print what RUN, a saved run's file, or the last run has measured."""
    from steelyard.report import run_text
    from steelyard.report.text import has_colours, terminal_width
    from steelyard.runs import Run, latest

    project = opened(reports)
    shown = Run.load(run) if run else latest(project.reports)
    if form == "text":
        click.echo(run_text.table(shown, project, terminal_width(), has_colours(sys.stdout)))
    else:
        click.echo(run_text.FORMATS[form](shown, project), nl=False)
    return 0


@main.command("report")
@click.argument("run", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--to",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the pages here. Default: html in the reports.",
)
@click.option("--single-file", is_flag=True, help="Write one HTML file, report.html, with everything in it.")
@click.option("--open", "opening", is_flag=True, help="Open it in the browser.")
@reports_option
@told_plainly
def write_report(
    run: Path | None, to: Path | None, single_file: bool, opening: bool, reports: Path | None
) -> int:
    """Write the HTML report of RUN, a saved run's file, or of the last run."""
    from steelyard import report
    from steelyard.runs import Run, latest

    project = opened(reports).showing_in(to)
    shown = Run.load(run) if run else latest(project.reports)
    if single_file:
        path = report.write_one(shown, project, (to.resolve() if to else project.reports) / "report.html")
    else:
        path = report.write(shown, project)
    click.echo(path)
    if opening and not webbrowser.open(path.as_uri()):
        click.echo(f"steelyard: no browser could be started; open {path.as_uri()}", err=True)
        return 1
    return 0


@main.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="How to print them.",
)
@told_plainly
def roofline(form: str) -> int:
    """Measure what this machine can do at most: its arithmetic, and the bandwidth of each level of its memory.

    A few seconds. pytest bench does the same in every run, and says how near each cell comes to it.
    """
    from steelyard import ceilings
    from steelyard.machine import Machine
    from steelyard.report import ceilings_text

    found = ceilings.measure()
    if form == "json":
        click.echo(json.dumps(found.as_dict(), indent=1))
    else:
        click.echo(ceilings_text.table(found, Machine.here().cpu), nl=False)
    return 0


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--with",
    "chosen",
    metavar="NAMES",
    default="",
    callback=names,
    help="Only cprofile, lines, pprofile or compiler.",
)
@reports_option
@click.argument("target")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@told_plainly
@as_measured
def profile(chosen: Sequence[str], reports: Path | None, target: str, argv: Sequence[str]) -> int:
    """Profile TARGET with cProfile, line_profiler and pprofile, and ask its compiler.

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
            click.echo(f"{kind:<13} {path}")
            if kind == "profile":
                click.echo(f"{'':<13} snakeviz {path}")
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


class GateCommand(click.Command):
    """A command whose usage errors are exit code 3: 2 means that something could not be judged."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the command line."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            error.exit_code = 3  # type: ignore[misc]
            raise


def tolerance(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """The share in ``--tolerance``."""
    from steelyard.project import share

    try:
        return None if value is None else share(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def unjudged(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """The verdicts in ``--accept``."""
    from steelyard.judgement import UNJUDGED

    for name in names_in(value):
        if name not in UNJUDGED:
            raise click.BadParameter(f"{name!r} is none of {', '.join(UNJUDGED)}")
    return tuple(names_in(value))


def existing(kind: type = Path) -> click.Path:
    """A file that should be there; that it is not is told by whoever reads it."""
    return click.Path(path_type=kind, dir_okay=False)


SECONDS = click.FloatRange(min=0, min_open=True)


@main.command(cls=GateCommand)
@click.argument("base", required=False)
@click.argument("head", required=False)
@click.option(
    "--merge-base", is_flag=True, help="Compare with the last commit that BASE and HEAD have in common."
)
@click.option(
    "--runs", nargs=2, type=existing(), metavar="A B", help="Compare two saved runs instead: weaker."
)
@click.option(
    "--budget",
    type=SECONDS,
    metavar="SECONDS",
    help="In all. Default: 60 after reading both revisions, or 5 a cell.",
)
@click.option(
    "--tolerance", callback=tolerance, metavar="SHARE", help="What counts as the same. Default: 2%."
)
@click.option(
    "--cells", metavar="PATTERNS", default="", callback=names, help="Only these, such as laplace/*,*/numba/*."
)
@click.option("--all", "all_cells", is_flag=True, help="Time cells whose code is unchanged, too.")
@click.option("--strict", is_flag=True, help="Exit with 2 if a cell is undecided.")
@click.option(
    "--accept",
    metavar="VERDICTS",
    default="",
    callback=unjudged,
    help="Pass though cells are new, vanished, changed, …",
)
@click.option(
    "--json", "json_file", type=existing(), metavar="FILE", help="Write a list of objects, one a cell."
)
@click.option(
    "--markdown", type=existing(), metavar="FILE", help="Append a summary. Default: $GITHUB_STEP_SUMMARY."
)
@click.option(
    "--profile/--no-profile", default=True, help="Profile both revisions of slower cells. Default: yes."
)
@click.option(
    "--calibrate",
    type=click.IntRange(min=0),
    metavar="N",
    help="Measure the gate itself: N suites of the same code …",
)
@click.option(
    "--slowed",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="… and N in which some cells are slowed …",
)
@click.option(
    "--effects",
    default="2%,3%,5%,10%",
    show_default=True,
    callback=names,
    metavar="SHARES",
    help="… by these …",
)
@click.option("--neighbour", is_flag=True, help="… while another process burns a core in bursts.")
@reports_option
def gate(**options: Any) -> None:
    """Did HEAD, by default the working tree, make a kernel slower than BASE?

    Both revisions are measured side by side, in pairs of fresh processes. Exit codes: 0, nothing is slower; 1,
    something is; 2, something could not be judged; 3, the command cannot be followed.
    """
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # what a CI job is cancelled with
    try:
        sys.exit(
            calibrated(**options)
            if options["calibrate"] is not None or options["slowed"]
            else gated(**options)
        )
    except SteelyardError as error:
        click.echo(f"steelyard: {error}", err=True)
        sys.exit(3)
    except KeyboardInterrupt:
        click.echo("steelyard: interrupted", err=True)
        sys.exit(130)


def gated(**options: Any) -> int:
    """Compare two revisions, or two saved runs, and show what came of it."""
    from steelyard import gate, report, runs, saved_runs, sides
    from steelyard.report import gate_text
    from steelyard.report.text import has_colours, terminal_width
    from steelyard.revision import CannotSetUp
    from steelyard.runs import Run

    if bool(options["runs"]) == bool(options["base"]):
        raise CannotSetUp(
            "name the revision to compare with: steelyard gate BASE [HEAD]; or two saved runs: --runs A.json B.json"
        )
    project = opened(options["reports"])
    chosen = sides.Options(
        patterns=tuple(options["cells"]),
        merge_base=options["merge_base"],
        budget=options["budget"],
        tolerance=options["tolerance"],
        all=options["all_cells"],
        strict=options["strict"],
        accepted=options["accept"],
        profiles=options["profile"],
    )
    if options["runs"]:
        base, head = (Run.load(path) for path in options["runs"])
        judgement = saved_runs.compare(
            base, head, chosen.tolerances(project), strict=chosen.strict, accepted=chosen.accepted
        )
    else:
        with progress_line() as progress:
            judgement = gate.compare(project, options["base"], options["head"], chosen, progress)
    click.echo(gate_text.table(judgement, width=terminal_width(), colour=has_colours(sys.stdout)))
    writing: list[Callable[[], object]] = [
        lambda: gate.keep(judgement, project.reports),
        lambda: click.echo(f"report: {report.write_gate(judgement, project)}"),
    ]
    if file := options["json_file"]:
        writing.append(lambda: runs.write_atomically(file, json.dumps(judgement.as_list(), indent=1) + "\n"))
    if summary := options["markdown"] or os.environ.get("GITHUB_STEP_SUMMARY"):
        writing.append(lambda: append(Path(summary), gate_text.markdown(judgement)))
    code = judgement.exit_code
    for write in writing:  # each for itself: they may lie on different disks
        try:
            write()
        except CannotWrite as error:
            click.echo(f"steelyard: {error}", err=True)
            code = code or 3
    return code


def calibrated(**options: Any) -> int:
    """Measure the gate itself, and print what all calibrations so far have shown."""
    from steelyard import calibration
    from steelyard.calibration import record
    from steelyard.project import share

    if options["base"] or options["runs"]:
        raise SteelyardError("--calibrate compares revisions of its own: name no BASE, and no --runs")
    try:
        effects = [share(text) for text in options["effects"]]
    except ValueError as error:
        raise SteelyardError(f"--effects: {error}") from None
    reports = options["reports"] or opened().reports
    path = reports.resolve() / "gate" / "calibration.jsonl"
    kinds = calibration.mixed(options["calibrate"] or 0, options["slowed"])
    code = 0
    try:
        with progress_line() as progress:
            calibration.calibrate(
                path,
                kinds,
                budget=options["budget"] or 60.0,
                tolerance=options["tolerance"] or 0.02,
                effects=effects,
                neighbour=options["neighbour"],
                progress=progress,
            )
    except KeyboardInterrupt:
        code = 130
    click.echo(record.summary(record.read(path)))
    click.echo(f"every suite: {path}")
    return code


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """A line that says what goes on: over itself on a terminal, else now and then a new one."""
    terminal, last = sys.stderr.isatty(), 0.0

    def progress(line: str) -> None:
        nonlocal last
        if terminal:
            click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", err=True, nl=False)
        elif time.monotonic() - last > QUIET_FOR:
            click.echo(f"steelyard: {line}", err=True)
            last = time.monotonic()

    try:
        yield progress
    finally:
        if terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


def append(path: Path, text: str) -> None:
    """Add a text to a file.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CannotWrite(path, error) from error


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
