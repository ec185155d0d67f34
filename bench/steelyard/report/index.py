"""The index page: the outcome in words, what is how fast, what has no time and why, and where."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from steelyard.project import Project
from steelyard.report.cautions import cautions
from steelyard.report.comparison import Comparison, by_reason
from steelyard.report.environment import TEMPLATES
from steelyard.report.outcome import outcome
from steelyard.report.profiles import Profiles
from steelyard.report.workload_page import page_name
from steelyard.runs import Run


def render(run: Run, project: Project) -> Markup:
    """The body of the index page."""
    comparison = Comparison(run, project.backends)
    html = TEMPLATES.get_template("index.html").render(
        run=run,
        comparison=comparison,
        outcome=outcome(comparison),
        cautions=cautions(run, comparison),
        chosen_size=largest_timed(comparison),
        page_name=page_name,
        missing=by_reason(comparison.absences),
        profiles=Profiles.of(run, project),
        facts=facts(run),
        reports=os.path.relpath(project.reports, project.root),
    )
    return Markup(html)


def largest_timed(comparison: Comparison) -> str | None:
    """The size that is shown at first: the largest of which anything has a time."""
    timed = {result.measurement.size for result in comparison.results}
    return next((size for size in reversed(comparison.sizes) if size in timed), None)


def facts(run: Run) -> Mapping[str, str]:
    """Machine, versions and circumstances, by their names; what was not recorded is left out."""
    machine = run.machine
    state = run.state.get("before", run.state)
    known = {
        "processor": machine.get("cpu"),
        "cores": machine.get("cores"),
        "caches": pairs(machine.get("caches")),
        "memory": f"{machine['memory'] / 2**30:.0f} GiB" if machine.get("memory") else None,
        "system": machine.get("system"),
        "kernel": state.get("kernel"),
        "load before": ", ".join(f"{load:.2f}" for load in state.get("load") or ()),
        "interpreter": machine.get("python"),
        "compiler": machine.get("compiler"),
        "libraries": pairs(machine.get("libraries")),
        "commit": commit_line(run.commit),
        "started": f"{run.started:%Y-%m-%d %H:%M} {run.started.tzname() or ''}".strip(),
        "shuffle seed": run.details.get("seed"),
        "command": run.details.get("command"),
        "run": run.path.name,
    }
    return {name: str(value) for name, value in known.items() if value not in (None, "")}


def pairs(values: Mapping[str, Any] | None) -> str:
    """``numpy 2.1.0, numba 0.60.0``."""
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items())


def commit_line(commit: Mapping[str, Any]) -> str:
    """``1a2b3c4d5e on main, with uncommitted changes``."""
    if commit.get("id") in (
        None,
        "",
        "unknown",
    ):  # what pytest-benchmark calls that of a repository without any
        return "none"
    branch = f" on {commit['branch']}" if commit.get("branch") else ""
    return f"{str(commit['id'])[:10]}{branch}{', with uncommitted changes' if commit.get('dirty') else ''}"
