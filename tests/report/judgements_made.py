"""What a gate might have found, made up: no time in it was ever measured."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from steelyard.judgement import UNJUDGED, Judged, Judgement

HOSTILE = (
    "\"><script>alert(1)</script>&amp;{{ 7*7 }}|`@all` [x](http://x.y)\n# \N{PILE OF POO}'/../\x1b[31m\u202e"
)
"""A name that tries everything."""

BASE = '''"""Jacobi."""

def slices(u):
    new = u.copy()
    for _ in range(20):
        new = (u[2:] + u[:-2]) / 2
    return new
'''

HEAD = BASE.replace("/ 2", "* 0.5").replace("u.copy()", "u.copy()  # <b>")


def timed(cell: str, verdict: str, ratio: float, low: float, high: float, **more: Any) -> Judged:
    """A cell that was measured."""
    usual = {
        "pairs": 19,
        "seconds": 4.83,
        "tolerance": 0.02,
        "smallest_change": 0.013,
        "base_s": 1.69e-3,
        "head_s": 1.69e-3 * ratio,
    }
    return Judged(cell=cell, verdict=verdict, ratio=ratio, low=low, high=high, **{**usual, **more})


def judgement(*cells: Judged, **more: Any) -> Judgement:
    """A gate that found these."""
    usual: dict[str, Any] = {
        "id": "20260304T121314-99",
        "started": datetime(2026, 3, 4, 12, 13, 14, tzinfo=UTC),
        "base": {"name": "origin/main", "commit": "1a2b3c4d5e6f7a8b9c0d", "changed": False},
        "head": {"name": "working tree", "commit": "0f1e2d3c4b5a69788796", "changed": True},
        "machine": {
            "cpu": "Abacus 9000",
            "cores": 2,
            "caches": {"L1 Data": "32K"},
            "memory": 8 * 2**30,
            "python": "CPython 3.11.7",
            "libraries": {"numpy": "2.1.0"},
        },
        "budget": 60.0,
        "seconds": 58.3,
    }
    return Judgement(cells=cells, **{**usual, **more})


def usual() -> Judgement:
    """Every verdict once and more; profiles as :func:`write_profiles` writes them."""
    file = {"base": "kernels/laplace/laplace_numpy.py", "head": "kernels/laplace/laplace_numpy.py"}
    changed = {"files": file, "sources": {"base": BASE, "head": HEAD}}
    kinds = {
        "profile": "cell.prof",
        "profile_data": "cell.calls.json",
        "lines": "cell.txt",
        "lines_data": "cell.json",
    }
    profiles = {
        side: {kind: f"gate/{side}/{name}" for kind, name in kinds.items()} for side in ("base", "head")
    }
    return judgement(
        timed("laplace/numpy/slices/small", "same", 1.0031, 0.994, 1.012),
        timed(
            "laplace/numpy/slices/medium",
            "slower",
            1.041,
            1.032,
            1.05,
            fresh=(0.04,) * 6,
            profiles=profiles,
            **changed,
        ),
        timed("laplace/numpy/slices/large", "slower", 1.031, 1.019, 1.043, **changed),
        timed("lif/numba/loops/medium", "faster", 0.82, 0.79, 0.85, files=file),
        timed("gibbs/python/loops/medium", "undecided", 1.011, 0.96, 1.07, reason="about 58 s for ±2 %"),
        timed("pairwise/cython/blocked/medium", "same", 0.9995, 0.9981, 1.0009, tolerance=0.05, pairs=6),
        Judged(
            cell="lif/numpy/steps/medium", verdict="undecided", reason="only 2 pairs", pairs=2, seconds=0.4
        ),
        *(Judged(cell=f"trapezoid/numpy/v{n}/small", verdict="unchanged") for n in range(3)),
        *(
            Judged(
                cell=f"odd/numpy/{verdict.replace(' ', '_')}/small", verdict=verdict, reason=f"so it is: {n}"
            )
            for n, verdict in enumerate(UNJUDGED)
        ),
        accepted=("new",),
        notes=("unchanged cells were not timed",),
        options={"patterns": ["laplace", "*/numpy/*"]},
    )


def hostile() -> Judgement:
    """Every text that there is, such that it would do harm if it were taken for anything but text."""
    text = {"base": HOSTILE, "head": f"{HOSTILE}\n{HOSTILE}"}
    profiles = {
        "base": {"profile": HOSTILE, "profile_data": HOSTILE, "lines_data": f"gate/{HOSTILE}"},
        "head": {HOSTILE: "\0"},
    }
    cells = [
        replace(cell, cell=f"{HOSTILE}{n}", reason=HOSTILE, files=text, sources=text, profiles=profiles)
        for n, cell in enumerate(usual().cells)
    ]
    sides = {"name": HOSTILE, "commit": HOSTILE, "changed": True}
    return judgement(
        *cells,
        id=HOSTILE,
        base=sides,
        head=sides,
        machine={"cpu": HOSTILE, "libraries": {HOSTILE: HOSTILE}},
        notes=(HOSTILE,),
        options={"patterns": [HOSTILE]},
    )


def write_profiles(reports: Path) -> None:
    """The profiles that :func:`usual` names: of the kernel's own file in base, and of another file in head."""
    for side, worktree, line_s in ("base", "/tmp/b", 0.25), ("head", "/tmp/h", 0.5):
        folder = reports / "gate" / side
        folder.mkdir(parents=True)
        own = f"{worktree}/kernels/laplace/laplace_numpy.py"
        other = f"{worktree}/kernels/helpers.py"
        record = {
            "name": "laplace/numpy/slices/medium",
            "note": "a <note>",
            "unit_s": 0.25,
            "functions": [
                {"file": other, "line": 7, "name": "half", "lines": [[8, 2, 1]]},
                {
                    "file": own,
                    "line": 3,
                    "name": "slices",
                    "lines": [[4, 1, 1], [5, 21, 0], [6, 20, line_s / 0.25 * 3]],
                },
            ],
        }
        (folder / "cell.json").write_text(json.dumps(record))
        (folder / "cell.txt").write_text(
            f"Timer unit: 0.25 s\n\nTotal time: 1 s\nFile: {other}\nFunction: half at line 7\n\n"
            "Line #      Hits         Time  Per Hit   % Time  Line Contents\n"
            "==============================================================\n"
            "     7                                           def half(x):\n"
            "     8         2          1.0      0.5    100.0      return x / 2  # <i>\n"
        )
        rows = [
            [own, 3, "slices", 3, 1.5, 2.0],
            ["~", 0, "<built-in method numpy.copy>", 4, 0.5, 0.5],
            *([other, n, f"f{n:02}", 1, 0.001 * n, 0.01] for n in range(1, 14)),
        ]
        graph = {"name": "laplace/numpy/slices/medium", "root": 0, "functions": rows, "calls": []}
        (folder / "cell.calls.json").write_text(json.dumps(graph))
        (folder / "cell.prof").write_bytes(b"for SnakeViz alone")
