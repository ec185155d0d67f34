"""``steelyard …``: the harness without pytest.

Exit codes: 0, all is well; 1, a kernel or a profile failed; 2, the command cannot be followed. Of ``gate``: 0,
nothing is slower; 1, something is; 2, something could not be judged; 3, the command cannot be followed. 130, Ctrl-C.
Heavy libraries are imported where a command needs them, so that help and lists answer at once.
"""

from __future__ import annotations

import faulthandler
import json
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from steelyard.command import as_measured, names, opened, reports_option, selection, showing, told_plainly
from steelyard.errors import SteelyardError
from steelyard.gate_command import gate
from steelyard.project import Project


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
    """Hold every cell against its reference, and time nothing. Exit code 1 if one disagrees.

    One that crashes or hangs fails, and the others go on.
    """
    from steelyard.registry import Registry
    from steelyard.runs import Missing
    from steelyard.suite import Suite

    registry = Registry(opened())
    suite = Suite(registry, registry.select(workloads, backends, sizes), rounds=1, budget=budget)

    def progress(what: str, done: int, whole: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what} {done}/{whole}" + "\r\x1b[K" * (done == whole), err=True, nl=False)

    if sys.__stderr__:
        faulthandler.enable(sys.__stderr__)  # a kernel that crashes says where
    suite.start(progress, first_calls=False)
    counts: dict[str, int] = {}
    for cell, outcome in suite.check_apart(progress):
        status = outcome.status if isinstance(outcome, Missing) else "agrees"
        counts[status] = counts.get(status, 0) + 1
        colour = {"agrees": "green", "failed": "red"}.get(status, "yellow")
        click.echo(f"{click.style(f'{status:<11}', fg=colour)} {cell.id:<36} {held(outcome)}")
    words = {"agrees": "agree"}
    click.echo(
        ", ".join(f"{count} {words.get(status, status)}" for status, count in counts.items()) or "no cells"
    )
    return 1 if counts.get("failed") else 0


def held(agreement: Any) -> str:
    """What a cell was held against, or why it has no time."""
    if hasattr(agreement, "reason"):
        return str(agreement.reason)
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
    """Print what RUN, a saved run's file, or the last run has measured. RUN needs no project."""
    from steelyard.report import run_text
    from steelyard.report.text import has_colours, terminal_width
    from steelyard.runs import Run, latest

    project = showing(run, reports)
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
    """Write the HTML report of RUN, a saved run's file, or of the last run. RUN needs no project."""
    from steelyard import report
    from steelyard.runs import Run, latest

    project = showing(run, reports).showing_in(to)
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

    TARGET is a cell such as laplace/numpy/slices/small, a callable without arguments, module:function, or a
    script with its ARGV. Each profiler runs it once more.
    """
    from steelyard import profilers
    from steelyard.errors import UnknownName
    from steelyard.report import profile_text

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
        click.echo(profile_text.summary(files), nl=False)
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


main.add_command(gate)


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
