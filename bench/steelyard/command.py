"""What the commands of ``steelyard`` have in common: options, the environment that they run in, and how they end."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from steelyard.environment import measuring
from steelyard.errors import CannotWrite, NotConfigured, SteelyardError
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


def showing(run: Path | None, reports: Path | None) -> Project:
    """The project whose run is shown; outside of any, one without configuration does for a run that is named.

    Raises:
        SteelyardError: there is no project, and no run is named.
    """
    try:
        return opened(reports)
    except NotConfigured:
        if run is None:
            raise
    root = run.resolve().parent
    return Project(root, root / "kernels", Path.cwd() / "reports").reporting_to(reports)


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
