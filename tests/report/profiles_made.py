"""Profiles made up for the pages' tests: nothing in them was ever measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from steelyard.report.page import slug

SOURCE = """def loops(u):
    new = u.copy()
    for i in range(20):
        new[i] = half(u[i])
    return new


cdef double half(double x):
    return x / 2
"""


def calls(
    cell: str, file: str = "/tmp/x/kernels/laplace/laplace_numpy.py", name: str = "loops"
) -> dict[str, Any]:
    """A kernel that calls a helper directly and through a library, which calls itself."""
    library = "/opt/lib/python3/site-packages/numpy/_core/fromnumeric.py"
    return {
        "name": cell,
        "root": 0,
        "functions": [
            [file, 3, cell, 2, 0.001, 1.0],
            [file, 3, name, 20, 0.299, 0.999],
            [library, 70, "_wrapreduction", 40, 0.1, 0.5],
            ["~", 0, "<built-in method numpy.copy>", 60, 0.4, 0.4],
            [file, 9, f"half of {name}", 60, 0.2, 0.4],
            *([file, 100 + n, f"small {n}", 1, 1e-6, 1e-6] for n in range(30)),
        ],
        "calls": [
            [0, 1, 20, 0.999],
            [1, 2, 20, 0.5],
            [1, 4, 20, 0.2],
            [2, 2, 20, 0.1],
            [2, 4, 40, 0.2],
            [2, 3, 20, 0.2],
            [4, 3, 40, 0.2],
            *([1, 5 + n, 1, 1e-6] for n in range(30)),
        ],
    }


def lines(cell: str, file: str, name: str = "loops") -> dict[str, Any]:
    """The lines of :data:`SOURCE`."""
    rows = [[2, 1, 5], [3, 21, 10], [4, 20, 85], [5, 1, 0]]
    return {
        "name": cell,
        "note": "a <note>",
        "unit_s": 0.001,
        "functions": [
            {"file": file, "line": 1, "name": name, "lines": rows},
            {"file": "/opt/elsewhere/helpers.py", "line": 7, "name": "helper", "lines": [[8, 2, 1]]},
        ],
    }


def cython(
    cell: str, file: str = "/tmp/x/kernels/laplace/laplace_cython.pyx", name: str = "loops"
) -> dict[str, Any]:
    """What Cython says of :data:`SOURCE`."""
    scores = [50, 20, 0, 5, 2, 0, 0, 0, 0]
    calls = [
        ["PyTuple_Size"],
        ["PyObject_Call"],
        [],
        ["PyObject_GetItem", "PyObject_SetItem"],
        [],
        [],
        [],
        [],
        [],
    ]
    return {
        "name": cell,
        "compiler": "Cython",
        "file": file,
        "lines": [
            [number, text, score, bool(text), called]
            for number, (text, score, called) in enumerate(
                zip(SOURCE.replace("loops", name).split("\n"), scores, calls, strict=False), 1
            )
        ],
    }


def numba(
    cell: str, file: str = "/tmp/x/kernels/laplace/laplace_numba.py", words: str = ""
) -> dict[str, Any]:
    """What Numba and LLVM say of a function with a loop of each kind."""
    shared = {"function": "loops", "file": file}

    def loop(line: int, end: int, text: str, **more: Any) -> dict[str, Any]:
        return {
            **shared,
            **{"line": line, "end": end, "text": text, "innermost": True, "parallel": False},
            **{"widths": [], "reasons": []},
            **more,
        }

    return {
        "name": cell,
        "compiler": "Numba",
        "version": "Numba 1.2.3, llvmlite 4.5.6",
        "loops": [
            loop(3, 8, "for t in range(n):", innermost=False, reasons=["instruction cannot be vectorized"]),
            loop(4, 5, "for i in range(m):", widths=[[8, 4], [8, 1]]),
            loop(
                *(6, 8, "for j in range(m):"),
                reasons=[
                    "call instruction cannot be vectorized",
                    "unsafe dependent memory operations in loop. Use #pragma clang loop distribute(enable) to",
                    f"something that nobody has met before {words}",
                ],
            ),
            loop(9, 9, "while True:"),
            loop(11, 12, f"for k in prange(m): {words}", parallel=True),
        ],
        "unplaced": 2,
        "note": "",
        "parallel": [
            {"function": "loops", "loops": 1, "text": f"#1 of 1 {words}"},
            {"function": "other", "reason": f"KeyError: {words}"},
        ],
    }


def write_profiles(reports: Path, run: str, cells: dict[str, dict[str, Any]]) -> None:
    """Write files of JSON by cell and kind, a ``.prof`` that nothing loads, and the index of the run."""
    folder = reports / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, dict[str, str]] = {}
    for cell, made in cells.items():
        stem = slug(cell)
        (folder / f"{stem}.prof").write_bytes(b"for SnakeViz alone")
        index[cell] = {"profile": f"profiles/{stem}.prof"}
        for kind, content in made.items():
            name = f"{stem}.{slug(kind)}.json"
            (folder / name).write_text(json.dumps(content))
            index[cell][kind] = f"profiles/{name}"
    (folder / "profiles.json").write_text(json.dumps({"run": run, "cells": index}))
