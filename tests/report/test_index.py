"""The index page of made-up runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from steelyard.project import Project
from steelyard.report import write
from steelyard.report.index import commit_line
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]
GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "\"><script>alert(1)</script>&amp;{{ 7*7 }}\N{PILE OF POO}'/../"


class Text(HTMLParser):
    """A page as text: a line for each row of a table, cells apart by bars, headings marked."""

    BLOCKS = ("h1", "h2", "p", "tr", "li", "caption", "dt", "dd", "pre", "figcaption")

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self.data_only = False
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.data_only = tag == "script"
        if tag in self.BLOCKS:
            self.lines.append(
                {"h1": "# ", "h2": "## ", "caption": "table: ", "figcaption": "figure: "}.get(tag, "")
            )
        if tag in ("td", "th"):
            self.lines[-1] += " | "

    def handle_data(self, data: str) -> None:
        if not self.data_only:
            self.lines[-1] += data

    @classmethod
    def of(cls, html: str) -> Text:
        text = cls()
        text.feed(html.partition('tabindex="-1">')[2].partition("</main>")[0])
        return text

    def __str__(self) -> str:
        lines = (" ".join(line.split()) for line in self.lines)
        return "\n".join(line for line in lines if line) + "\n"


def page(run: Run, project: Project) -> str:
    return write(run, project).read_text("utf-8")


@pytest.mark.parametrize("name", ["index", "workload-laplace", "roofline"])
def test_the_page_is_as_it_was(name: str, usual: dict[str, Any], load: Load, project: Project) -> None:
    """Every figure of a run with all kinds of cells; STEELYARD_GOLDEN=1 accepts what it is now."""
    index = write(load(usual), project)
    made = str(Text.of((index.parent / f"{name}.html").read_text("utf-8")))
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("STEELYARD_GOLDEN"):
        golden.write_text(made, "utf-8")
    assert golden.read_text("utf-8") == made


def test_every_link_leads_somewhere(usual: dict[str, Any], load: Load, project: Project) -> None:
    """To a page that there is, and to an id on it; no id is given twice on a page."""
    index = write(load(usual), project)
    ids, addresses = {}, []
    for path in index.parent.glob("*.html"):
        tags = Text.of(path.read_text("utf-8")).tags
        own = [str(attributes["id"]) for _, attributes in tags if "id" in attributes]
        assert len(own) == len(set(own))
        ids[path.name] = set(own)
        addresses += [
            (path.name, str(attributes["href"]))
            for tag, attributes in tags
            if tag == "a" and "href" in attributes
        ]
    assert len(addresses) > 20
    for page, address in addresses:
        file, _, fragment = address.partition("#")
        assert (file or page) in ids, address
        assert not fragment or fragment in ids[file or page], address


def test_names_stay_text(make: SimpleNamespace, load: Load, project: Project) -> None:
    """Whatever a run file's names are, they are shown and never obeyed."""
    measured = make.full("w/b/v/s", 0.1, unit=HOSTILE, parameters={HOSTILE: HOSTILE}, threads=HOSTILE)
    names = {key: f"{HOSTILE}{key}" for key in ("cell", "workload", "backend", "variant", "size")}
    measured["extra_info"] |= names
    measured["extra_info"]["agreement"]["reference"] = HOSTILE
    data = make.run_data(
        [measured, make.full("w/python/v/s", 0.1)],
        [make.missing(HOSTILE, HOSTILE, HOSTILE), make.missing(f"a/{HOSTILE[:9]}/c/d", "failed", HOSTILE)],
        titles={names["workload"]: HOSTILE},
        warnings=[HOSTILE],
        id=HOSTILE,
        command=HOSTILE,
        machine={"cpu": HOSTILE, "libraries": {HOSTILE: HOSTILE}},
    )
    data["commit_info"] = {"id": HOSTILE, "branch": HOSTILE}
    index = write(load(data), project)
    shown = 0
    for path in index.parent.glob("*.html"):
        html = path.read_text("utf-8")
        text = Text.of(html)
        scripts = [attributes for tag, attributes in text.tags if tag == "script"]
        assert scripts == [{"type": "application/json"}] * len(scripts)
        assert {tag for tag, _ in text.tags}.isdisjoint({"img", "iframe", "object"})
        assert not [
            name
            for _, attributes in text.tags
            for name in attributes
            if name.startswith(("on", "style", '"')) or name in {"src", "srcdoc"}
        ]
        assert not [
            attributes["href"]
            for _, attributes in text.tags
            if ":" in str(attributes.get("href", "")).partition("#")[0]
        ]
        shown += str(text).count(HOSTILE[:30])
    assert len(list(index.parent.glob("*.html"))) == 6
    assert shown > 25


@pytest.mark.parametrize("absent", [[], [{"cell": "a/b/c/d", "status": "failed", "reason": "no"}]])
def test_a_run_without_times_has_a_page(
    absent: list[dict[str, str]], make: SimpleNamespace, load: Load, project: Project
) -> None:
    """Nothing measured is an outcome too, and is said in the first sentence."""
    text = str(Text.of(page(load(make.run_data([], absent)), project)))
    expected = "Nothing has a time: 1 failed." if absent else "This run holds no cells: none was selected."
    assert text.splitlines()[1] == expected


def test_a_run_cut_short_says_so_first(make: SimpleNamespace, load: Load, project: Project) -> None:
    """How many cells have a time, how many failed, and then what is fastest; what was not reached has not failed."""
    cells = [make.full("lif/python/loops/small", 0.01), make.full("lif/numba/loops/small", 0.001)]
    absent = [make.missing("lif/numpy/steps/small", "failed", "no")] + [
        make.missing(f"lif/cython/{name}/small", "not run", "the run ended before its turn came")
        for name in ("typed", "tuned")
    ]
    text = str(Text.of(page(load(make.run_data(cells, absent)), project)))
    begins = (
        "Stopped before the end: 2 of 5 cells were timed, 1 failed. At size small, numba is fastest for lif"
    )
    assert text.splitlines()[1].startswith(begins)
    text = str(Text.of(page(load(make.run_data([], absent[1:])), project)))
    assert text.splitlines()[1] == "Stopped before the end: 0 of 2 cells were timed."


def test_without_python_the_page_names_its_baseline(
    make: SimpleNamespace, load: Load, project: Project
) -> None:
    """The sentence, the table and the note all say what a speed-up is over."""
    cells = [make.full("lif/numpy/steps/small", 0.01), make.full("lif/numba/loops/small", 0.001)]
    text = str(Text.of(page(load(make.run_data(cells)), project)))
    assert "At size small, numba is fastest for lif (10.0\N{MULTIPLICATION SIGN} over numpy)" in text
    assert "| workload | baseline | numpy | numba" in text
    assert "the slowest variant is the baseline" in text


def test_one_backend_is_compared_with_nothing(make: SimpleNamespace, load: Load, project: Project) -> None:
    """A run of one backend says so, and its times stand."""
    text = str(Text.of(page(load(make.run_data([make.full("lif/numba/loops/small", 0.001)])), project)))
    assert "Only numba has times" in text
    assert "1.00 ms" in text


def test_a_reason_stands_once(make: SimpleNamespace, load: Load, project: Project) -> None:
    """With all cells that it befell, to each of which its status leads; one of several lines keeps them."""
    names = [f"lif/cython/{name}/small" for name in "abc"]
    absent = [
        *(make.missing(name, "failed", "k.pyx:3:\n    x = (\n         ^") for name in names),
        make.missing("lif/numba/f/small", "failed", "it is broken"),
    ]
    run = load(make.run_data([make.full("lif/python/loops/small", 0.1)], absent))
    html = page(run, project)
    assert html.count("<pre>k.pyx:3:\n    x = (\n         ^</pre>") == 1
    assert '<td class="text">it is broken</td>' in html
    for number, cell in enumerate([*names, "lif/numba/f/small"], 1):
        assert f'<div id="why-{number}">{cell.replace("/", "/<wbr>")}</div>' in html


@pytest.mark.parametrize(
    ("commit", "expected"),
    [
        ({"id": "unknown", "branch": "(unknown)", "dirty": True}, "none"),
        ({}, "none"),
        ({"id": "1a2b3c4d5e6f", "branch": "main"}, "1a2b3c4d5e on main"),
    ],
)
def test_a_repository_without_commits_has_none(commit: dict[str, Any], expected: str) -> None:
    """Which pytest-benchmark calls unknown."""
    assert commit_line(commit) == expected


def profiles(project: Project, run: str, **cells: dict[str, str]) -> None:
    folder = project.reports / "profiles"
    folder.mkdir(parents=True)
    (folder / "x y.prof").touch()
    (folder / "profiles.json").write_text(json.dumps({"run": run, "cells": cells}))


def test_profiles_of_this_run_are_linked(make: SimpleNamespace, load: Load, project: Project) -> None:
    """Those that are there and inside the reports, by addresses relative to the page."""
    run = load(make.run_data([make.full("lif/numba/loops/small", 0.001)]))
    paths = {"profile": "profiles/x y.prof", "lines": "lines/gone.txt", "evil": "../../../../etc/passwd"}
    profiles(project, run.id, **{"lif/numba/loops/small": paths})
    folder = write(run, project).parent
    (page,) = folder.glob("profile-*.html")
    assert f'<a href="{page.name}#size-small">profile</a>' in (folder / "workload-lif.html").read_text(
        "utf-8"
    )
    html = page.read_text("utf-8")
    assert '<a href="../profiles/x%20y.prof">profile</a>' in html
    assert "gone.txt" not in html
    assert "passwd" not in html


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ('{"run": "another", "cells": {"lif/numba/loops/small": {}}}', "belong to run another:"),
        *((contents, "The profiles cannot be read") for contents in ("{", "[]", '{"run"', "\udcff")),
    ],
)
def test_profiles_that_are_foreign_or_broken_are_left_out(
    contents: str, reason: str, make: SimpleNamespace, load: Load, project: Project
) -> None:
    """A report does not fail for want of profiles, nor show another run's: it says why it has none."""
    folder = project.reports / "profiles"
    folder.mkdir(parents=True)
    (folder / "profiles.json").write_bytes(contents.encode(errors="surrogateescape"))
    index = write(load(make.run_data([make.full("lif/numba/loops/small", 0.001)])), project)
    for name in ("index", "workload-lif"):
        assert reason in str(Text.of((index.parent / f"{name}.html").read_text("utf-8")))
    assert not [*index.parent.glob("profile-*.html")]
