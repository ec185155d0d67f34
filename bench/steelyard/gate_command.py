"""``steelyard gate``: did a commit make a kernel slower, and how good is the gate that says so?"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from steelyard.command import names, opened, reports_option
from steelyard.errors import CannotWrite, SteelyardError
from steelyard.workload import names_in

QUIET_FOR = 10.0
"""Seconds between two lines of progress where there is no terminal."""


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


@click.command(cls=GateCommand)
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
