"""The page of made-up gates."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import judgements_made as made
import pytest
from steelyard.judgement import TIMED, VERDICTS, Judged, Judgement, by_urgency
from steelyard.project import Project
from steelyard.report import write, write_gate
from steelyard.runs import Run
from test_index import Text
from test_pages import CSS, luminance

Load = Callable[[dict[str, Any]], Run]
GOLDEN = Path(__file__).parent / "golden" / "gate.txt"


class GateText(Text):
    """The page as text, that of the plot included."""

    BLOCKS = (*Text.BLOCKS, "h3", "h4", "h5", "summary", "svg", "title", "desc", "text", "span")


def page(judgement: Judgement, project: Project) -> str:
    return write_gate(judgement, project).read_text("utf-8")


def text_of(judgement: Judgement, project: Project) -> str:
    return str(GateText.of(page(judgement, project)))


def test_the_page_is_as_it_was(project: Project) -> None:
    """Every verdict, the plot, differences and profiles; STEELYARD_GOLDEN=1 accepts what it is now."""
    made.write_profiles(project.reports)
    shown = text_of(made.usual(), project)
    if os.environ.get("STEELYARD_GOLDEN"):
        GOLDEN.write_text(shown, "utf-8")
    assert GOLDEN.read_text("utf-8") == shown


@pytest.mark.parametrize("judgement", [made.usual(), made.hostile()], ids=["usual", "hostile"])
def test_every_link_on_the_page_leads_somewhere(judgement: Judgement, project: Project) -> None:
    """And every cell can be linked to; no id is given twice."""
    tags = Text.of(page(judgement, project)).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    targets = {attributes["href"] for tag, attributes in tags if tag == "a"}
    named = {id for _, attributes in tags for id in (attributes.get("aria-labelledby") or "").split()}
    assert len(ids) == len(set(ids))
    assert {str(target).removeprefix("#") for target in targets} <= set(ids)
    assert named <= set(ids)
    assert len([id for id in ids if str(id).startswith("cell-")]) == len(judgement.cells)


def test_a_slower_cell_in_the_table_leads_to_its_reason(project: Project) -> None:
    """To its code and profiles; a cell that has none leads to its own row."""
    links = re.findall(r'<th scope="row"><a href="#([^"]+)">', page(made.usual(), project))
    timed = [cell for cell in by_urgency(made.usual().cells) if cell.verdict in TIMED]
    assert [link.startswith("code-cell-") for link in links[: len(timed)]] == [
        cell.verdict in ("slower", "faster") for cell in timed
    ]


def test_a_column_without_remarks_is_left_out(project: Project) -> None:
    """It would be an empty heading."""
    usual = made.usual()
    silent = replace(usual, cells=tuple(replace(cell, reason="") for cell in usual.cells))
    assert ">remark<" in page(usual, project)
    assert ">remark<" not in page(silent, project)


def test_names_stay_text(project: Project) -> None:
    """Whatever a revision, a cell, a source or a machine is called is shown and never obeyed."""
    html = page(made.hostile(), project)
    assert "<script>" not in html
    assert not re.search(r"https?://(?!x\.y)|\sstyle=", html)
    parsed = Text.of(html)
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"script", "img", "iframe", "object", "b>"})
    names = {name for _, attributes in parsed.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert str(parsed).count("<script>alert(1)</script>&amp;{{ 7*7 }}") > 40


@pytest.mark.parametrize("seconds", [None, 0.0])
def test_nothing_to_show_is_a_page(seconds: float | None, project: Project) -> None:
    """No cells, no commit, no machine, no budget."""
    empty = made.judgement(base={}, head={}, machine={}, budget=seconds)
    assert text_of(empty, project).splitlines()[1] == "There is no cell to compare."


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_verdict_alone_is_a_page(verdict: str, project: Project) -> None:
    """With no more than a name: the page does not take for granted what belongs to others."""
    text = text_of(made.judgement(Judged(cell="a/b/c/d", verdict=verdict)), project)
    assert "a/b/c/d" in text


def test_an_interrupted_gate_says_so(project: Project) -> None:
    """First thing, for what it found until then passes nothing."""
    text = text_of(replace(made.usual(), interrupted=True), project)
    assert text.splitlines()[1].startswith("Interrupted: until then 2 of 19 cells are slower")
    assert "It was interrupted" in text


def test_saved_runs_are_said_to_be_weaker(project: Project) -> None:
    """And nothing on the page speaks of pairs of processes or of seconds that it took."""
    text = text_of(replace(made.usual(), paired=False, budget=None), project)
    assert "nothing tells the commit from the hour" in text
    assert "pairs of fresh processes" not in text
    assert "budget" not in text.split("What was compared")[0].split("What could not")[0].splitlines()[2]


def test_a_file_outside_the_gates_folder_is_not_opened(project: Project) -> None:
    """One that the gate did not write is said to be absent, whatever names it."""
    made.write_profiles(project.reports)
    stranger = project.reports / "stranger.json"
    stranger.write_bytes((project.reports / "gate" / "base" / "cell.calls.json").read_bytes())
    link = project.reports / "gate" / "link.json"
    link.symlink_to(stranger)
    for named in ("stranger.json", "gate/../stranger.json", str(stranger), "gate/link.json", "gate", "a\0b"):
        cell = replace(made.usual().cells[1], profiles={"base": {"profile": named, "profile_data": named}})
        text = text_of(made.judgement(cell), project)
        assert "No profile of base. Its file is not there" in text
        assert "snakeviz" not in text


@pytest.mark.parametrize(
    "contents", [b"", b"{", b"[]", b"null", b'{"unit_s": 1, "functions": [{"lines": [1]}]}']
)
def test_broken_profiles_are_said_to_be_so(contents: bytes, project: Project) -> None:
    """Cut short, or something else: each side says so, and the page is there."""
    made.write_profiles(project.reports)
    for path in (project.reports / "gate").rglob("cell.*"):
        path.write_bytes(contents)
    text = text_of(made.usual(), project)
    assert "Its file cannot be read: gate/base/cell.json" in text
    assert "Its file cannot be read: gate/head/cell.calls.json" in text


def test_the_command_that_opens_a_profile_can_be_pasted(project: Project) -> None:
    """From the project's root, quoted."""
    made.write_profiles(project.reports)
    (project.reports / "gate" / "base" / "cell.prof").rename(project.reports / "gate" / "base" / "a b.prof")
    cell = replace(made.usual().cells[1], profiles={"base": {"profile": "gate/base/a b.prof"}})
    assert "snakeviz 'reports/gate/base/a b.prof'" in text_of(made.judgement(cell), project)


def test_a_gate_stands_alone(project: Project) -> None:
    """In CI there is no run: no page is linked that is not there, and the stylesheet is written."""
    html = page(made.usual(), project)
    assert 'aria-label="Pages"' not in html
    assert "Made from gate 20260304T121314-99 alone" in html
    assert "default-src 'none'" in html
    assert (project.reports / "html" / "assets" / "style.css").read_text("utf-8") == CSS


def test_run_and_gate_lead_to_each_other(usual: dict[str, Any], load: Load, project: Project) -> None:
    """The report of a run writes the last gate's page again; a gate links the report that is there."""
    made.usual().save(project.reports / "gate" / "last.json")
    index = write(load(usual), project)
    gate = index.parent / "gate.html"
    for html in (index.read_text("utf-8"), gate.read_text("utf-8"), page(made.usual(), project)):
        assert re.findall(r'<a href="(\w+\.html)"', html) == ["index.html", "roofline.html", "gate.html"]
    assert "2 of 19 cells are slower" in gate.read_text("utf-8")
    assert 'gate.html" aria-current="page"' in gate.read_text("utf-8")


def test_a_report_that_is_there_leads_to_a_new_gate(
    usual: dict[str, Any], load: Load, project: Project
) -> None:
    """Without being written again by hand; not if it is the report of another run than the last."""
    last = project.reports / "runs" / "last.json"
    last.parent.mkdir(parents=True)
    last.write_text(json.dumps(usual))
    index = write(load(usual), project)
    page(made.usual(), project)
    for path in (index, index.parent / "workload-lif.html"):
        assert '<a href="gate.html"' in path.read_text("utf-8")
    assert (index.parent / "gate.html").is_file()
    (index.parent / "gate.html").unlink()
    index = write(load(usual), project)
    usual["steelyard"]["id"] = "another"
    last.write_text(json.dumps(usual))
    page(made.usual(), project)
    assert '<a href="gate.html"' not in index.read_text("utf-8")


@pytest.mark.parametrize("contents", ["", "{}", "[]", '{"format": 99}', "\udcff", "wrong verdict"])
def test_a_gate_that_cannot_be_read_does_not_break_the_report(
    contents: str, usual: dict[str, Any], load: Load, project: Project
) -> None:
    """The run's pages are written as ever, and the gate's says what is wrong."""
    path = project.reports / "gate" / "last.json"
    path.parent.mkdir(parents=True)
    if contents == "wrong verdict":
        made.judgement(Judged(cell="a/b/c/d", verdict="guilty")).save(path)
    else:
        path.write_bytes(contents.encode(errors="surrogateescape"))
    index = write(load(usual), project)
    assert "numba is fastest" in index.read_text("utf-8")
    assert "gate&#39;s result cannot be shown" in (index.parent / "gate.html").read_text("utf-8")


def test_a_page_of_the_projects_own_may_be_named_gate(
    usual: dict[str, Any], load: Load, project: Project
) -> None:
    """It replaces ours, as it would any page."""
    (project.root / "pages_named_gate.py").write_text("def gate(run, project):\n    return 'my own'\n")
    made.usual().save(project.reports / "gate" / "last.json")
    index = write(load(usual), replace(project, pages={"gate": "pages_named_gate:gate"}))
    assert "my own" in (index.parent / "gate.html").read_text("utf-8")


def test_what_stands_beside_its_signs_can_be_read(project: Project) -> None:
    """A difference is read without colours: each line keeps its sign, in both revisions' order."""
    html = page(made.usual(), project)
    lines = re.findall(r'<span class="(\w+)">(.*)\n</span>', html)
    assert ("removed", "-    new = u.copy()") in lines
    assert ("added", "+    new = u.copy()  # &lt;b&gt;") in lines
    assert {kind for kind, line in lines if line.startswith("+") and not line.startswith("+++")} == {"added"}


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_the_gates_colours(scheme: int) -> None:
    """Contrast of 4.5 and more, WCAG's level AA, in both schemes."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[scheme]))
    pairs = [("ink", ground) for ground in ("added", "removed", "bar")]
    pairs += list(itertools.product(("loss", "gain"), ("paper", "even")))
    for text, ground in pairs:
        dark, light = sorted(luminance(colours[name]) for name in (text, ground))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_the_plot_holds_every_ratio(project: Project) -> None:
    """Also one that no axis could: it ends in an arrow, and stands in the table."""
    cells = [
        made.timed("a/b/c/huge", "slower", math.exp(300), 1.5, math.exp(300)),
        made.timed("a/b/c/tiny", "faster", math.exp(-300), math.exp(-300), 0.1),
        made.timed("a/b/c/nan", "undecided", math.nan, math.nan, math.nan, reason="no number"),
        made.timed("a/b/c/one", "same", 1.0, 1.0, 1.0, tolerance=0.0),
    ]
    html = page(made.judgement(*cells), project)
    assert "&gt;+99,999 %" in html
    positions = [float(x) for x in re.findall(r' x[12]?="([-\d.]+)%"', html)]
    assert positions
    assert all(0 <= x <= 100 for x in positions)
    assert html.count('d="M-6-5 0 0-6 5"') == 1
    assert html.count('d="M6-5 0 0 6 5"') == 1
