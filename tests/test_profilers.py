"""Profiles show every cell, and leave nothing on that would slow what is timed next."""

import json
import pstats
import sys

import pytest
from steelyard import cython_build, profilers
from steelyard.call_graph import CallGraph
from steelyard.profilers import ROOT, called_repeatedly, file_stem, merged, profile_suite
from steelyard.referee import Referee
from steelyard.subject import Subject


@pytest.fixture
def subject(registry_of):
    """Make the subject of a cell of the made-up project."""

    def make(id="double/python/loops/small", files=None):
        registry = registry_of(files)
        checked = Referee(registry).check(registry.cell(id))
        return Subject.of_kernel(id, checked.kernel, checked.arguments)

    return make


def test_a_cell_is_a_named_row(subject):
    """Also a kernel that cProfile does not see has its time under the cell's name."""
    stats = called_repeatedly(subject("double/numpy/arrays/small"), 0.02)
    (row,) = [row for row in stats.stats if row[2] == "double/numpy/arrays/small"]
    assert row[0].endswith("double_numpy.py")
    assert stats.stats[row][3] > 0


def test_a_compiled_kernel_has_its_time_in_its_own_row(subject):
    """No frame that all cells share stands between the row and what it calls."""
    stats = called_repeatedly(subject("double/python/loops/small"), 1e-9)
    ours = {row[2] for row in stats.stats if row[0] != "~"}
    assert {"double/python/loops/small", "loops"} <= ours
    assert not [row for row in stats.stats if row[0].endswith("subject.py")]


def test_short_calls_are_repeated(subject):
    """SnakeViz leaves out what takes a thousandth of the whole: a row lasts as long as it is told to."""
    few, many = (called_repeatedly(subject(), seconds) for seconds in (1e-9, 0.02))
    assert calls_of(few, "loops") == 1
    assert calls_of(many, "loops") > 100
    (row,) = [row for key, row in many.stats.items() if key[2] == "double/python/loops/small"]
    assert row[3] >= 0.015  # of the 0.02 s asked for, what is not the profiler's own starting and stopping


def calls_of(stats, name):
    return sum(row[1] for key, row in stats.stats.items() if key[2] == name)


def test_one_root_above_all(subject):
    """The merged profile hangs every cell under one root, whose time is theirs together."""
    ids = ["double/python/loops/small", "double/numpy/arrays/small"]
    parts = [(id, called_repeatedly(subject(id), 0.005)) for id in ids]
    stats = merged(parts)
    rows = {key[2]: value for key, value in stats.stats.items()}
    assert all(ROOT in rows[id][4] for id in ids)
    assert rows[ROOT[2]][3] == pytest.approx(sum(rows[id][3] for id in ids))
    assert not rows[ROOT[2]][4]


def test_a_suite_of_profiles(subject, tmp_path):
    """One file a cell, one for all at the top, lines for those asked for, and an index that names the run."""
    loops, arrays = subject(), subject("double/numpy/arrays/small")
    chosen = {"lines": profilers.profile_lines, "pprofile": profilers.profile_callgrind}
    outcome = profile_suite([(loops, 1e-6), (arrays, 1e-6)], [(loops, chosen)], tmp_path, "run-1")
    assert outcome.problems == ()
    assert [path.name for path in tmp_path.glob("*.prof")] == ["suite.prof"]
    pstats.Stats(str(tmp_path / "suite.prof"))
    index = json.loads((tmp_path / "profiles" / "profiles.json").read_text())
    assert index["run"] == "run-1"
    assert set(index["cells"][loops.name]) == {"profile", "profile_data", "lines", "lines_data", "callgrind"}
    assert all((tmp_path / path).is_file() for files in index["cells"].values() for path in files.values())
    assert "fl=" in (tmp_path / index["cells"][loops.name]["callgrind"]).read_text()


def test_profiles_of_an_earlier_run_are_gone(subject, tmp_path):
    """What lies in the folder belongs to the run that the index names."""
    profile_suite([(subject(), 1e-6)], [], tmp_path, "run-1")
    profile_suite([(subject("double/numpy/arrays/small"), 1e-6)], [], tmp_path, "run-2")
    stem = "double-numpy-arrays-small"
    assert {f"{stem}.prof", f"{stem}.calls.json", "profiles.json"} == {
        path.name for path in (tmp_path / "profiles").iterdir()
    }


def test_a_profiler_that_fails_does_not_take_the_others_with_it(subject, tmp_path):
    """Its failure is told with the cell's name."""

    def broken(subject, reports):
        raise RuntimeError("no luck")

    outcome = profile_suite([(subject(), 1e-6)], [(subject(), {"broken": broken})], tmp_path, "run-1")
    assert outcome.problems == ("double/python/loops/small: broken: RuntimeError: no luck",)
    assert outcome.files["double/python/loops/small"].keys() == {"profile", "profile_data"}


def test_lines_are_counted(subject, tmp_path):
    """Each line of the function has its hits; the reader is told the cell's name."""
    files = profilers.profile_lines(subject(), tmp_path)
    record = json.loads(files["lines_data"].read_text())
    assert record["name"] == "double/python/loops/small"
    assert [line[1] for line in record["functions"][0]["lines"]]
    assert "return [s * value for value in x]" in files["lines"].read_text()


def test_nothing_is_left_on(subject, tmp_path):
    """No trace function, and no tool of sys.monitoring, slows what comes after."""
    before = sys.gettrace(), sys.getprofile()
    for profiler in profilers.PROFILERS.values():
        profiler(subject(), tmp_path)
    assert before == (sys.gettrace(), sys.getprofile())
    if hasattr(sys, "monitoring"):
        assert all(not sys.monitoring.get_events(i) for i in range(6) if sys.monitoring.get_tool(i))


CYTHON = """# cython: language_level=3
import numpy as np
__all__ = ["f"]
def f(const double[::1] x, double s):
    cdef Py_ssize_t i
    y = np.empty(x.shape[0])
    cdef double[::1] out = y
    for i in range(x.shape[0]):
        out[i] = s * x[i]
    return y
"""


def test_lines_of_cython(subject, tmp_path):
    """A build with tracing on has them, and the note says that it is slower; where it cannot, it says so."""
    cell = subject("double/cython/f/small", {"double_cython.pyx": CYTHON})
    if cell.trace is None:
        assert not cython_build.TRACEABLE
        assert "3.12" in cell.note
        files = profilers.profile_lines(cell, tmp_path)
        assert "3.12" in json.loads(files["lines_data"].read_text())["note"]
        assert files.keys() == {"lines_data"}
        return
    files = profilers.profile_lines(cell, tmp_path)
    lines = {row[0]: row[1] for row in json.loads(files["lines_data"].read_text())["functions"][0]["lines"]}
    assert lines[9] == 8
    assert "tracing on" in files["lines"].read_text()


def test_lines_of_numba_are_those_of_its_python(subject, tmp_path):
    """Compiled code has no lines; the note says whose they are."""
    source = "from numba import njit\n__all__ = ['f']\n@njit\ndef f(x, s):\n    return s * x\n"
    files = profilers.profile_lines(subject("double/numba/f/small", {"double_numba.py": source}), tmp_path)
    assert "as plain Python" in files["lines"].read_text()
    assert "return s * x" in files["lines"].read_text()


def test_any_name_makes_a_file_name():
    """Slashes, quotes and blanks do not lead out of the folder."""
    subject = Subject("../a b/<c>:d", None, 1, None, None)
    assert "/" not in file_stem(subject)
    assert " " not in file_stem(subject)


def test_what_a_compiler_says_is_recorded(subject, tmp_path):
    """Of Cython and of Numba; what is not compiled has nothing said of it."""
    assert profilers.profile_compiler(subject(), tmp_path) == {}
    source = "from numba import njit\n__all__ = ['f']\n@njit\ndef f(x, s):\n    return s * x\n"
    for cell, file, content in (
        ("double/cython/f/small", "double_cython.pyx", CYTHON),
        ("double/numba/f/small", "double_numba.py", source),
    ):
        files = profilers.profile_compiler(subject(cell, {file: content}), tmp_path)
        record = json.loads(files["compiler_data"].read_text())
        assert record["name"] == cell
        assert record["compiler"].lower() in cell
        assert "reason" not in record


def test_the_call_graph_is_written_beside_the_dump(subject, tmp_path):
    """As JSON, which may be read by anybody, whoever wrote it."""
    files = profilers.profile_calls(subject(), tmp_path)
    graph = CallGraph.from_json(json.loads(files["profile_data"].read_text()))
    assert graph.functions[graph.root].name == "double/python/loops/small"
    assert len(graph.functions) == len(pstats.Stats(str(files["profile"])).stats)
