"""The pages of made-up profiles."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import profiles_made as made
import pytest
from steelyard.project import Project
from steelyard.report import write, write_one
from steelyard.runs import Run
from test_index import HOSTILE, Text
from test_pages import CSS, luminance

Load = Callable[[dict[str, Any]], Run]
GOLDEN = Path(__file__).parent / "golden" / "profiles.txt"
CELLS = tuple(
    f"laplace/{backend}/loops/{size}"
    for backend in ("numpy", "cython", "numba")
    for size in ("small", "medium")
)


class ProfileText(Text):
    """The page as text, with headings of every level."""

    BLOCKS = (*Text.BLOCKS, "h3", "h4", "h5", "summary")


def source(backend: str, suffix: str) -> dict[str, Any]:
    return {"file": f"kernels/laplace/laplace_{backend}.{suffix}", "text": made.SOURCE, "lines": 5}


@pytest.fixture
def run(make: SimpleNamespace, load: Load, project: Project) -> Run:
    """Three variants at two sizes, with everything that can be recorded of them."""
    run = load(
        make.run_data(
            [make.full(cell, 0.01) for cell in CELLS],
            sources={
                "laplace/numpy/loops": source("numpy", "py"),
                "laplace/cython/loops": source("cython", "pyx"),
                "laplace/numba/loops": source("numba", "py"),
            },
        )
    )
    made.write_profiles(
        project.reports,
        run.id,
        {
            "laplace/numpy/loops/small": {
                "profile_data": made.calls("laplace/numpy/loops/small"),
                "lines_data": made.lines("", "/tmp/x/kernels/laplace/laplace_numpy.py"),
            },
            "laplace/numpy/loops/medium": {"profile_data": made.calls("laplace/numpy/loops/medium")},
            "laplace/cython/loops/small": {
                "profile_data": alone("laplace/cython/loops/small"),
                "lines_data": made.lines("", "/tmp/x/kernels/laplace/laplace_cython.pyx"),
                "compiler_data": made.cython("laplace/cython/loops/small"),
            },
            "laplace/numba/loops/medium": {
                "profile_data": alone("laplace/numba/loops/medium"),
                "compiler_data": made.numba("laplace/numba/loops/medium"),
            },
        },
    )
    return run


def alone(cell: str) -> dict[str, Any]:
    """A compiled kernel, into which cProfile does not see."""
    return {"name": cell, "root": 0, "functions": [["k.pyx", 1, cell, 3, 0.5, 0.5]], "calls": []}


def pages_of(run: Run, project: Project) -> dict[str, str]:
    """The HTML of the pages of profiles, by backend."""
    folder = write(run, project).parent
    return {
        path.name.split("-")[2]: path.read_text("utf-8")
        for path in sorted(folder.glob("profile-laplace-*.html"))
    }


def test_the_pages_are_as_they_were(run: Run, project: Project) -> None:
    """Functions, lines, and what Cython and Numba say; STEELYARD_GOLDEN=1 accepts what it is now."""
    shown = "\n".join(str(ProfileText.of(html)) for html in pages_of(run, project).values())
    if os.environ.get("STEELYARD_GOLDEN"):
        GOLDEN.write_text(shown, "utf-8")
    assert GOLDEN.read_text("utf-8") == shown


def test_a_page_for_each_variant_and_a_section_for_each_size(run: Run, project: Project) -> None:
    """Led to by the row of the cell; one of which there is no profile leads nowhere."""
    folder = write(run, project).parent
    html = (folder / "workload-laplace.html").read_text("utf-8")
    addresses = re.findall(r'<a href="(profile-[^"]*)"', html)
    assert len(addresses) == 4
    for address in addresses:
        name, _, fragment = address.partition("#")
        assert f'id="{fragment}"' in (folder / name).read_text("utf-8")


def test_the_command_and_the_files_are_there(run: Run, project: Project) -> None:
    """SnakeViz opens the dump from the project's root; the files themselves can be reached."""
    html = pages_of(run, project)["numpy"]
    commands = re.findall(r"<code>snakeviz (.*?)</code>", html)
    assert len(commands) == 2
    assert all((project.root / command).is_file() for command in commands)
    (address,) = {link for link in re.findall(r'href="(\.\./profiles/[^"]*)"', html) if "small" in link}
    assert (project.html / address).resolve().is_file()


def test_lines_of_cython_stand_beside_what_they_call(run: Run, project: Project) -> None:
    """Hits and share of a line, and below it, if it is in a loop, the calls into Python."""
    html = pages_of(run, project)["cython"]
    row = re.search(r"<tr>(?:(?!</tr>).)*new\[i\] = half.*?</tr>", html, re.DOTALL)
    assert row
    assert "85.0 %" in row[0]
    assert "PyObject_GetItem, PyObject_SetItem" in row[0]
    assert "PyObject_Call" not in html  # called once a call, not in the loop


def test_lines_say_at_which_size(run: Run, project: Project) -> None:
    """They are followed at one size of a variant; where they were not, at none."""
    pages = pages_of(run, project)
    assert '<h2 id="lines">Lines, size small</h2>' in pages["numpy"]
    assert '<h2 id="lines">Lines</h2>' in pages["numba"]


def test_profiles_of_another_run_are_not_shown(run: Run, project: Project) -> None:
    """No page, and the workload's says why."""
    index = project.reports / "profiles" / "profiles.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"run": "an<other"}))
    assert not pages_of(run, project)
    html = (project.html / "workload-laplace.html").read_text("utf-8")
    assert "belong to run an&lt;other" in html


BROKEN = [
    *("", "{", "[]", "null", "7", '"text"', "[" * 100_000, "\udcff", "{}", "1e999"),
    '{"name": "x", "root": 0, "functions": [], "calls": []}',
    '{"name": "x", "root": 5, "functions": [["f", 1, "n", 1, 0.1, 0.1]], "calls": []}',
    '{"name": "x", "root": 0, "functions": [["f", 1, "n", 1, NaN, Infinity]], "calls": []}',
    '{"name": "x", "root": 0, "functions": [["f", 1, "n", 1, 0.1, 0.1]], "calls": [[0, 9, 1, 1]]}',
    '{"unit_s": 1e308, "functions": [{"file": "f", "line": 1, "name": "n", "lines": [[2, 1, 1e308]]}]}',
    '{"unit_s": 1, "functions": [{"file": "f", "line": 1, "name": "n", "lines": []}]}',
    '{"unit_s": 1, "functions": [{"file": "f", "line": 1, "name": "n", "lines": [[-5, 1, 1]]}]}',
    '{"compiler": "Cython", "file": "f", "lines": [[1, "def loops(x):", -3, true, []]]}',
    '{"compiler": "Cython", "file": "f", "lines": [[1, "def loops(x):", 3, true, "<b>"]]}',
    '{"compiler": "Cython", "file": "f", "lines": []}',
    '{"compiler": "Numba", "version": 1, "loops": {}, "unplaced": 0, "note": "", "parallel": []}',
    '{"compiler": "<script>alert(1)</script>", "reason": ["<script>alert(1)</script>"]}',
]


@pytest.mark.parametrize("contents", BROKEN, ids=range(len(BROKEN)))
def test_whatever_a_file_holds_is_a_page(contents: str, run: Run, project: Project) -> None:
    """Cut short, something else, numbers that are none: the page says so, and nothing of it is markup."""
    for path in (project.reports / "profiles").glob("*_data.json"):
        path.write_bytes(contents.encode(errors="surrogateescape"))
    pages = pages_of(run, project)
    assert len(pages) == 3
    for html in pages.values():
        assert "could not be made" not in html
        assert "<script>" not in html
        text = str(ProfileText.of(html))
        assert "No profile. Its file cannot be read: profiles/" in text


@pytest.mark.parametrize(
    "named", ["../outside.json", "/etc/passwd", "profiles", "profiles/link.json", "a\0b", ""]
)
def test_a_file_outside_the_reports_is_not_opened(named: str, run: Run, project: Project) -> None:
    """Whatever the index names; neither is a link followed that leads out."""
    outside = project.reports.parent / "outside.json"
    outside.write_text(json.dumps(made.calls("laplace/numpy/loops/small", name="stranger")))
    (project.reports / "profiles" / "link.json").symlink_to(outside)
    index = project.reports / "profiles" / "profiles.json"
    contents = json.loads(index.read_text())
    contents["cells"] = {"laplace/numpy/loops/small": {"profile": named, "profile_data": named}}
    index.write_text(json.dumps(contents))
    (html,) = pages_of(run, project).values()
    assert "Its file is not there" in html
    assert "stranger" not in html
    assert "<code>snakeviz" not in html


def test_names_stay_text(make: SimpleNamespace, load: Load, project: Project) -> None:
    """Whatever functions, files, loops and lines are called."""
    cell = "/".join([HOSTILE] * 4)
    measured = make.full("w/b/v/s", 0.1)
    measured["extra_info"] |= dict.fromkeys(("workload", "backend", "variant", "size"), HOSTILE) | {
        "cell": cell
    }
    run = load(make.run_data([measured]))
    made.write_profiles(project.reports, run.id, {cell: hostile(cell)})
    index = write(run, project)
    (page,) = index.parent.glob("profile-*.html")
    for path in (page, write_one(run, project, project.root / "one.html")):
        html = path.read_text("utf-8")
        assert "<script>alert" not in html
        parsed = Text.of(html)
        assert {tag for tag, _ in parsed.tags}.isdisjoint({"img", "iframe", "object"})
        names = {name for _, attributes in parsed.tags for name in attributes}
        assert not [name for name in names if name.startswith("on") or name == "style"]
    assert str(ProfileText.of(page.read_text("utf-8"))).count("<script>alert(1)</script>&amp;{{ 7*7 }}") > 10


def hostile(cell: str) -> dict[str, Any]:
    return {
        "profile_data": made.calls(cell, file=HOSTILE, name=HOSTILE),
        "lines_data": made.lines(cell, HOSTILE, HOSTILE),
        "compiler_data": made.numba(cell, HOSTILE, HOSTILE),
        HOSTILE: {},
    }


def test_every_link_leads_somewhere(run: Run, project: Project) -> None:
    """To a page that there is and an id on it, or to a file; no id is given twice."""
    folder = write(run, project).parent
    ids, addresses = {}, []
    for path in folder.glob("*.html"):
        tags = Text.of(path.read_text("utf-8")).tags
        own = [str(attributes["id"]) for _, attributes in tags if "id" in attributes]
        assert len(own) == len(set(own))
        ids[path.name] = set(own)
        addresses += [(path.name, str(a["href"])) for tag, a in tags if tag == "a" and "href" in a]
    for page, address in addresses:
        file, _, fragment = address.partition("#")
        if file.startswith("../"):
            assert (folder / file).is_file()
        else:
            assert fragment in ids[file or page] or (not fragment and file in ids), address


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_lines_that_call_python(scheme: int) -> None:
    """Contrast of 4.5 and more, WCAG's level AA, on the darkest shade."""
    block = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", block))
    dark, light = sorted(luminance(colours[name]) for name in ("ink", "python"))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_calling_a_kernel_is_not_the_kernel(run: Run, project: Project) -> None:
    """The row of a cell is the kernel where cProfile does not see that, else the harness's, which has no share."""
    data = made.calls("laplace/numpy/loops/medium")
    data["functions"][0][4:] = [3.0, 3.999]
    (path,) = (project.reports / "profiles").glob("laplace-numpy-loops-medium*.json")
    path.write_text(json.dumps(data))
    pages = pages_of(run, project)
    numpy = pages["numpy"]
    assert "the time is spent in &lt;built-in method numpy.copy&gt; (40 %), loops (30 %) and" in numpy
    medium = numpy[numpy.index('id="size-medium-functions"') :]
    row = re.search(
        r"<tr>(?:(?!</tr>).)*calling it again and again, by the harness.*?</tr>", medium, re.DOTALL
    )
    assert row
    assert "3.0 s" in row[0]
    assert "%" not in row[0]
    assert "into which cProfile does not see" in pages["cython"]
