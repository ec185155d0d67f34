"""The report in a real browser: opened from disk, with the network off. ``tox run -e browser``."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import profiles_made as made
import pytest
from steelyard.project import Project
from steelyard.report import write, write_one
from steelyard.runs import Run

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright, of the group browser, is not installed"
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
VIEWS = [("light", 1400), ("dark", 1400), ("light", 375), ("dark", 375)]
HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(1)</script>&amp;{{ 7*7 }}\N{PILE OF POO}'/"


def report_data(make: SimpleNamespace) -> dict[str, Any]:
    """A run with all that a page can hold, and names that are markup."""
    cells = [
        make.full(f"{workload}/{backend}/{variant}/{size}", seconds * scale, spread=0.03)
        for workload in ("laplace", "lif")
        for backend, variant, seconds in (
            ("python", "loops", 0.2),
            ("numpy", "slices", 0.01),
            ("numpy", "inplace", 0.02),
            ("numba", "loops", 0.001),
        )
        for size, scale in (("small", 0.05), ("medium", 1.0))
    ]
    evil = make.full("w/b/v/small", 0.01)
    evil["extra_info"] |= dict.fromkeys(("workload", "backend", "variant", "size", "unit"), HOSTILE)
    evil["extra_info"]["cell"] = "/".join([HOSTILE] * 4)
    trace = {"type": "scatter", "x": [1, 2, 3], "y": [1, 4, 9], "name": HOSTILE, "text": [HOSTILE] * 3}
    return make.run_data(
        [*cells, evil],
        [
            {"cell": "laplace/cython/typed/medium", "status": "failed", "reason": HOSTILE},
            {"cell": "lif/numexpr/steps/medium", "status": "unavailable", "reason": "it is not installed"},
        ],
        warnings=[HOSTILE],
        titles={"laplace": "Laplace's equation", HOSTILE: HOSTILE},
        equations={"laplace": r"\frac{a}{b}", HOSTILE: r"\href{javascript:alert(1)}{x}"},
        descriptions={"laplace": "A stencil.", HOSTILE: HOSTILE},
        pictures={
            name: {
                "cell": HOSTILE,
                "caption": HOSTILE,
                "figure": {"data": [trace], "layout": {"xaxis": {"title": {"text": HOSTILE}}}},
            }
            for name in ("laplace", HOSTILE)
        },
        sources={
            "laplace/numpy/slices": {
                "file": "kernels/laplace/laplace_numpy.py",
                "text": f"x = 1  # {HOSTILE}\n",
                "lines": 1,
            }
        },
    )


def profile_data() -> dict[str, dict[str, Any]]:
    """All that can be recorded of a variant, and names that are markup in all of it."""
    numpy, numba, evil = "laplace/numpy/slices/small", "laplace/numba/loops/small", "/".join([HOSTILE] * 4)
    return {
        numpy: {
            "profile_data": made.calls(numpy),
            "lines_data": made.lines(numpy, "/tmp/x/laplace_cython.pyx", "slices"),
            "compiler_data": made.cython(numpy, "/tmp/x/laplace_cython.pyx", "slices"),
        },
        numba: {"profile_data": made.calls(numba), "compiler_data": made.numba(numba)},
        evil: {
            "profile_data": made.calls(evil, file=HOSTILE, name=HOSTILE),
            "lines_data": made.lines(evil, HOSTILE, HOSTILE),
            "compiler_data": made.numba(evil, HOSTILE, HOSTILE),
        },
    }


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = os.environ.get("STEELYARD_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(
            f"none of {', '.join(BROWSERS)} is on the PATH; install one, or set STEELYARD_CHROMIUM to its path"
        )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make: SimpleNamespace) -> Path:
    """A report, its single file beside the pages."""
    root = tmp_path_factory.mktemp("project")
    project = Project(root=root, kernels=root / "kernels", reports=root / "reports")
    run = Run.from_json(root / "run.json", report_data(make))
    made.write_profiles(project.reports, run.id, profile_data())
    write(run, project)
    return write_one(run, project, project.html / "single.html").parent


class Visit:
    """A page that is open, and what it said and asked for."""

    def __init__(self, browser: Any, path: Path, scheme: str = "light", width: int = 1400) -> None:
        self.context = browser.new_context(
            offline=True, color_scheme=scheme, viewport={"width": width, "height": 900}, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def draw(self) -> None:
        """Have every figure drawn, also those far below."""
        self.page.evaluate("document.querySelector('figure.plot') ? drawAll().then(() => true) : true")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def pages(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.html"))
    assert len(found) >= 5
    return found


@pytest.mark.parametrize(("scheme", "width"), VIEWS)
def test_every_page_opens_from_disk(scheme: str, width: int, folder: Path, chromium: Any) -> None:
    """Not a word in the console, nothing asked of a network, no scrolling sideways, every figure drawn."""
    for path in pages(folder):
        with Visit(chromium, path, scheme, width) as visit:
            visit.draw()
            assert visit.said == []
            assert all(address.startswith((folder.as_uri(), "data:", "blob:")) for address in visit.asked)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            sizes = visit.page.evaluate(
                "[...document.querySelectorAll('figure.plot')].map(figure => {"
                " const box = figure.querySelector('.main-svg').getBoundingClientRect();"
                " return Math.min(box.width, box.height); })"
            )
            assert len(sizes) == visit.page.locator("figure.plot").count()
            assert all(size > 100 for size in sizes)
            if path.stem.startswith(("workload-l", "profile-")) or path.stem == "single":
                assert sizes


def test_the_variants_fit_a_usual_window(folder: Path, chromium: Any) -> None:
    """No column is cut off at 1400 px; in a narrow window the edge that cuts some off lies in a shadow."""
    for width, fits in ((1400, True), (375, False)):
        with Visit(chromium, folder / "workload-laplace.html", width=width) as visit:
            cut, shadow = visit.page.evaluate(
                "(box => [box.scrollWidth - box.clientWidth, getComputedStyle(box).backgroundImage])"
                "(document.querySelector('.variants').parentElement)"
            )
            assert (cut <= 0) is fits
            assert "linear-gradient" in shadow


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(scheme: str, folder: Path, chromium: Any) -> None:
    """Contrast, labels, landmarks, headings: what can be told by a machine."""
    from axe_playwright_python.sync_playwright import Axe

    for path in pages(folder):
        with Visit(chromium, path, scheme) as visit:
            visit.draw()
            results = Axe().run(visit.page)
            assert results.violations_count == 0, f"{path.name}: {results.generate_report()}"


def test_names_stay_text(folder: Path, chromium: Any) -> None:
    """In figures as elsewhere: no element is made by a name, and no dialogue opens."""
    for path in pages(folder):
        with Visit(chromium, path) as visit:
            dialogues: list[str] = []
            visit.page.on(
                "dialog", lambda dialogue, seen=dialogues: (seen.append(dialogue.message), dialogue.dismiss())
            )
            visit.draw()
            assert visit.page.locator("img, iframe, object, embed, a[href^='javascript']").count() == 0
            assert dialogues == []


def test_the_size_is_switched(folder: Path, chromium: Any) -> None:
    """The largest that was timed is shown at first; the other two switches are remembered by nobody."""
    with Visit(chromium, folder / "index.html") as visit:
        shown = visit.page.locator("section[data-size]:visible h2")
        assert shown.all_inner_texts() == ["Size medium"]
        visit.page.get_by_role("radio", name="small", exact=True).check()
        assert shown.all_inner_texts() == ["Size small"]
        others = visit.page.locator(".others:visible")
        assert others.count() == 0
        visit.page.get_by_role("radio", name="all", exact=True).check()
        assert others.count() > 0
        assert shown.all_inner_texts() == ["Size small"]


def test_a_table_sorts_by_keyboard(folder: Path, chromium: Any) -> None:
    """By numbers as numbers, once up and once down, each size by itself."""
    with Visit(chromium, folder / "workload-laplace.html") as visit:
        heading = visit.page.get_by_role("button", name=re.compile("^time,"))
        heading.focus()
        values = "[...document.querySelectorAll('.variants tbody')].map(b => [...b.querySelectorAll('td:nth-child(2)[data-value]')].map(c => Number(c.dataset.value)))"
        for order in (1, -1):
            visit.page.keyboard.press("Enter")
            for column in visit.page.evaluate(values):
                assert column == sorted(column, reverse=order < 0)
                assert len(column) == 4
        assert visit.page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_the_keyboard_reaches_everything(folder: Path, chromium: Any) -> None:
    """Every link, button, switch and scrolling part has its turn."""
    for path in pages(folder):
        with Visit(chromium, path, width=375) as visit:
            visit.draw()
            # Of radio buttons with one name the chosen one has the turn; arrows reach the others.
            wanted = visit.page.evaluate(
                "(() => { const all = [...document.querySelectorAll('a[href], button, summary, [tabindex=\"0\"], input:checked')]"
                ".filter(e => e.checkVisibility()); all.forEach((e, i) => e.dataset.turn = i); return all.length; })()"
            )
            reached = set()
            for _ in range(wanted + 5):
                visit.page.keyboard.press("Tab")
                reached.add(visit.page.evaluate("document.activeElement.dataset.turn"))
            assert {str(turn) for turn in range(wanted)} <= reached


@pytest.mark.parametrize("form", ["SVG", "PNG"])
def test_a_figure_is_saved(form: str, folder: Path, chromium: Any) -> None:
    """As a file of its name, which holds what it should."""
    with Visit(chromium, folder / "workload-laplace.html") as visit:
        visit.draw()
        with visit.page.expect_download() as download:
            visit.page.locator("#against-size .tools button", has_text=form).click()
        assert download.value.suggested_filename == f"against-size.{form.lower()}"
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(b"<svg" if form == "SVG" else b"\x89PNG")
        assert visit.said == []


def test_a_cell_can_be_linked_to(folder: Path, chromium: Any) -> None:
    """The address of a row scrolls to it and marks it."""
    with Visit(chromium, folder / "index.html") as visit:
        link = visit.page.locator("section:visible .matrix a[href*='workload-laplace.html#']").first
        link.click()
        target = visit.page.evaluate("decodeURIComponent(location.hash.slice(1))")
        assert visit.page.locator(f"tr[id='{target}']").bounding_box()["y"] < 900


def test_a_box_is_shown_alone_by_a_click(folder: Path, chromium: Any) -> None:
    """And all of them again by another on the topmost one."""
    (page,) = folder.glob("profile-laplace-numpy-*.html")
    with Visit(chromium, page) as visit:
        visit.draw()
        boxes = visit.page.locator("#icicle-size-small .slice")
        count = boxes.count()
        assert count > 4
        visit.page.locator("#icicle-size-small .slice", has_text="loops").first.click()
        visit.page.wait_for_function(
            "n => document.querySelectorAll('#icicle-size-small .slice').length < n", arg=count
        )
        visit.page.locator("#icicle-size-small .slice", has_text="loops").first.click()
        visit.page.wait_for_function(
            "n => document.querySelectorAll('#icicle-size-small .slice').length === n", arg=count
        )
        assert visit.said == []


def test_functions_sort(folder: Path, chromium: Any) -> None:
    """By what they took with what they call, as numbers."""
    (page,) = folder.glob("profile-laplace-numpy-*.html")
    with Visit(chromium, page) as visit:
        visit.page.get_by_role("button", name="with what it calls").click()
        names = visit.page.locator(".functions tbody tr td:first-child").all_inner_texts()
        assert names[-1].startswith("laplace/numpy/slices/small")
