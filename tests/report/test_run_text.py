"""A run in the terminal, as Markdown, CSV and JSON: the same figures as on its page, and names stay text."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from steelyard.cli import main
from steelyard.project import Project
from steelyard.report import run_text, workload_page
from steelyard.report.comparison import Comparison
from steelyard.report.run_text import FIELDS, FORMATS, VARIANT_COLUMNS, rows, table
from steelyard.report.text import columns, has_colours
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]
GOLDEN = Path(__file__).parent / "golden"
HOSTILE = '"><script>alert(1)</script>|`*_[x](y)\x1b[31m\N{PILE OF POO}\r\n=1+1'


@pytest.mark.parametrize("form", ["text", "markdown", "csv", "json"])
def test_it_is_as_it_was(form: str, usual: dict[str, Any], load: Load, project: Project) -> None:
    """Every figure of a run with all kinds of cells; STEELYARD_GOLDEN=1 accepts what it is now."""
    run = load(usual)
    made = f"{table(run, project)}\n" if form == "text" else FORMATS[form](run, project)
    golden = GOLDEN / f"run.{form if form != 'text' else 'txt'}"
    if os.environ.get("STEELYARD_GOLDEN"):
        golden.write_text(made, "utf-8")
    assert made == golden.read_text("utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_is_too_long(width: int, usual: dict[str, Any], load: Load, project: Project) -> None:
    """Backends that do not fit follow below, and none is left out."""
    text = table(load(usual), project, width)
    assert max(columns(line) for line in text.splitlines()) <= width
    for backend in ("python", "numpy", "numexpr", "cython", "numba"):
        assert re.search(rf"\b{backend}\b", text)


def test_colours_change_no_character(usual: dict[str, Any], load: Load, project: Project) -> None:
    """They are there where they are asked for, and are never the only sign."""
    run = load(usual)
    plain, coloured = table(run, project), table(run, project, colour=True)
    assert coloured != plain
    assert click.unstyle(coloured) == plain
    assert "\x1b[" not in plain
    lines = [line for line in coloured.splitlines() if line.startswith("lif ")]
    assert any(click.style("failed", fg="red")[:5] in line for line in coloured.splitlines())
    assert lines


def test_an_empty_run(make: SimpleNamespace, load: Load, project: Project) -> None:
    """It says so, in every form."""
    run = load(make.run_data([]))
    assert table(run, project) == "This run holds no cells: none was selected."
    assert json.loads(FORMATS["json"](run, project)) == []
    assert FORMATS["csv"](run, project) == ",".join(FIELDS) + "\n"
    assert "none was selected" in FORMATS["markdown"](run, project)


def test_the_baseline_is_marked_only_where_it_is_shown(
    make: SimpleNamespace, load: Load, project: Project
) -> None:
    """The slowest of a backend stands in no row where that has a faster one."""
    shown = table(load(make.run_data([make.entry("lif/numba/loops/small", 0.001)])), project)
    assert "speed-up over each row's baseline, marked by 1\N{MULTIPLICATION SIGN}, time per call" in shown
    slower = [
        make.entry(f"lif/numba/{name}/small", seconds) for name, seconds in (("a", 0.001), ("b", 0.002))
    ]
    shown = table(load(make.run_data(slower)), project)
    assert "speed-up over each row's slowest variant, time per call" in shown
    assert "1\N{MULTIPLICATION SIGN}" not in shown.splitlines()[0]
    reference = [make.entry("laplace/python/loops/small", 0.002)]
    assert "or where that has no time" in table(load(make.run_data(slower + reference)), project)


def test_only_absences(make: SimpleNamespace, load: Load, project: Project) -> None:
    """Their status stands in the table, and each reason once below."""
    absent = [make.missing(f"lif/numba/{name}/small", "failed", "it is broken") for name in "abc"]
    text = table(load(make.run_data([], absent)), project)
    assert text.count("it is broken") == 1
    assert "failed" in text.splitlines()[-1]


def hostile(make: SimpleNamespace) -> dict[str, Any]:
    """A run whose every name and text would be something else where it may."""
    cell = f"lap{HOSTILE.replace('/', '')}/num{HOSTILE.replace('/', '')}/var/medium"
    return make.run_data(
        [make.entry(cell, 1e-3, unit=HOSTILE, work=3), make.entry("=HYPERLINK(1)/python/loops/medium", 1e-3)],
        [make.missing("@SUM(A1)/numba/f/medium", "failed", HOSTILE)],
        warnings=[HOSTILE],
    )


def test_names_stay_text(make: SimpleNamespace, load: Load, project: Project) -> None:
    """They command no terminal, mark up nothing in Markdown, and are no formula for a spreadsheet."""
    run = load(hostile(make))
    for width in (40, 100):
        text = table(run, project, width)
        assert "\x1b" not in text
        assert "\r" not in text
        assert max(columns(line) for line in text.splitlines()) <= width
    marked = FORMATS["markdown"](run, project)
    assert not re.search(r"<(?!/?code>)|[`*\x1b\r]|\[x\]", marked.replace("\N{MULTIPLICATION SIGN}", ""))
    for line in marked.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (5, 1 + len(VARIANT_COLUMNS)), line
    cells = list(csv.DictReader(io.StringIO(FORMATS["csv"](run, project))))
    assert len(cells) == 3
    assert not any(value.startswith(("=", "+", "-", "@")) for row in cells for value in row.values())


def test_rows_are_exact(usual: dict[str, Any], load: Load, project: Project) -> None:
    """Seconds and ratios as measured, not as rounded for reading, for every cell that was asked for."""
    run = load(usual)
    found = {row["cell"]: row for row in rows(run, project)}
    assert len(found) == len(usual["benchmarks"]) + len(usual["steelyard"]["missing"])
    assert all(tuple(row) == FIELDS for row in found.values())
    for result in Comparison(run).results:
        row = found[result.measurement.cell]
        assert (row["status"], row["time_s"], row["time_low_s"]) == (
            "timed",
            result.time.value,
            result.time.low,
        )
        assert row["speedup"] == (result.speedup and result.speedup.value)
        assert row["rate_per_s"] == (result.rate and result.rate.value)
        assert row["memory_peak_bytes"] == result.memory.get("peak")
        assert row["memory_reason"] == result.memory.get("reason")
    reference = found["laplace/python/loops/small"]
    assert [reference[name] for name in ("memory_allocations", "memory_tool", "lines_of_code", "probes")] == [
        *(7_742, "memray", 14, 2)
    ]
    broken = found["laplace/cython/parallel/medium"]
    assert (broken["status"], broken["backend"], broken["time_s"]) == ("failed", "cython", None)
    assert broken["reason"].startswith("grid[3, 0] is 1.0")


def test_markdown_has_the_columns_of_the_page(usual: dict[str, Any], load: Load, project: Project) -> None:
    """What a reader of a workload's page is told of a variant, a reader of the text is told too."""
    (page, *_) = workload_page.pages(load(usual), project)
    head = re.search(r'<table class="variants.*?</thead>', str(page.render(load(usual), project)), re.DOTALL)
    assert head
    headings = re.findall(r"<th scope=\"col\">(.*?)</th>", head[0].replace("&nbsp;", " "))
    assert headings[0] == "variant"
    assert headings[1:] == [heading for heading, _ in VARIANT_COLUMNS[1:]]


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals_that_have_them(
    terminal: bool, environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for pipes, nor for whoever has said that he wants none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    assert has_colours(stream) == expected


def test_what_never_pays_back_is_json(usual: dict[str, Any], load: Load, project: Project) -> None:
    """An infinite number of calls is a word, for JSON has no such number."""
    text = FORMATS["json"](load(usual), project)
    assert "Infinity" not in text
    assert {row["pays_back_calls"] for row in json.loads(text)} & {"never"}


@pytest.fixture
def folder(usual: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one saved run."""
    (tmp_path / "pyproject.toml").write_text("[tool.steelyard]\n")
    (tmp_path / "kernels").mkdir()
    path = tmp_path / "reports" / "runs" / "last.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"machine_info": {}, "datetime": "2026-03-04T12:13:14+00:00", **usual}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command(folder: Path) -> None:
    """The last run, or the one that is named; in the form that is asked for."""
    runner = CliRunner()
    shown = runner.invoke(main, ["show"])
    assert shown.exit_code == 0, shown.output
    assert "At the largest size measured" in " ".join(shown.output.split())
    named = runner.invoke(main, ["show", "reports/runs/last.json", "--format", "csv"])
    assert named.output.startswith("cell,workload,")
    for form in run_text.FORMATS:
        assert runner.invoke(main, ["show", "--format", form]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "nowhere.json"], 2, "nowhere.json"),
        (["show", "--format", "html"], 2, "'html' is not one of"),
        (["show", "pyproject.toml"], 2, "pyproject.toml"),
    ],
)
def test_bad_input(folder: Path, arguments: list[str], code: int, message: str) -> None:
    """One error that names it."""
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    assert message in result.output


def test_no_run_yet(folder: Path) -> None:
    """It says how to make one."""
    (folder / "reports" / "runs" / "last.json").unlink()
    result = CliRunner().invoke(main, ["show"])
    assert result.exit_code == 2
    assert "pytest bench" in result.output
