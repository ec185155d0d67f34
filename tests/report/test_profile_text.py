"""What ``steelyard profile`` prints is read from the files that it has just written."""

from __future__ import annotations

import json
from pathlib import Path

from steelyard.call_graph import Call, CallGraph, Function
from steelyard.report.profile_text import summary


def test_a_summary(tmp_path: Path) -> None:
    """The slowest functions and lines first, then what each file is, in words."""
    functions = (
        Function("/here/k.py", 1, "a/b/c/d", 1, 1.0, 4.0),
        *(Function("~", 0, f"<part {n}>", n, n / 10, n / 10) for n in range(1, 7)),
    )
    calls = tuple(Call(0, n, n, n / 10) for n in range(1, 7))
    table = "File: /here/k.py\nLine #  Hits  Line Contents\n     1     def f():\n     2  5      x = 1\n     3  5      y = 2\n"
    followed = {"file": "/here/k.py", "line": 1, "name": "f", "lines": [[2, 5, 30], [3, 5, 10]]}
    record = {"name": "a/b/c/d", "note": "Read the shares.", "unit_s": 1e-6, "functions": [followed]}
    contents = {
        "profile": "",
        "profile_data": json.dumps(CallGraph("a/b/c/d", 0, functions, calls).as_dict()),
        "lines": table,
        "lines_data": json.dumps(record),
        "flame": "",
    }
    files = {kind: tmp_path / kind for kind in contents}
    for kind, content in contents.items():
        files[kind].write_text(content)
    assert summary(files) == (
        "Functions with the most time of their own:\n"
        "   32 %  a/b/c/d  here/k.py:1\n"
        "   19 %  <part 6>\n"
        "   16 %  <part 5>\n"
        "   13 %  <part 4>\n"
        "   10 %  <part 3>\n"
        "\n"
        "Lines with the most time, as a share of their function's:\n"
        "   75 %  here/k.py:2  x = 1\n"
        "   25 %  here/k.py:3  y = 2\n"
        "Read the shares.\n"
        "\n"
        f"functions, for SnakeViz  {tmp_path}/profile\n"
        f"                         snakeviz {tmp_path}/profile\n"
        f"functions, as JSON       {tmp_path}/profile_data\n"
        f"lines, as text           {tmp_path}/lines\n"
        f"lines, as JSON           {tmp_path}/lines_data\n"
        f"flame                    {tmp_path}/flame\n"
    )


def test_what_was_not_taken_is_left_out(tmp_path: Path) -> None:
    """Of one profiler alone there are its files, and what must be known where lines cannot be had."""
    path = tmp_path / "data"
    path.write_text(json.dumps({"name": "n", "note": "No lines: why.", "unit_s": 1.0, "functions": []}))
    assert summary({"lines_data": path}) == f"No lines: why.\n\nlines, as JSON  {path}\n"
    assert summary({"callgrind": path}) == f"lines, for KCachegrind  {path}\n"
    assert summary({}) == ""
