"""What LLVM says of loops is told with the lines of the source, and nothing of the asking stays behind."""

import importlib.util
import sys
import types

import pytest
from steelyard.numba_diagnostics import Loop, compiled_functions, diagnosed, place

numba = pytest.importorskip("numba")

SOURCE = """
import numpy as np
from numba import njit, prange

@njit(fastmath=True)
def total(x):
    s = 0.0
    for i in range(x.size):
        s += x[i]
    return s

@njit
def strict(x):
    s = 0.0
    for i in range(x.size):
        s += x[i]
    return s

@njit
def rows(x):
    out = np.empty(len(x))
    for i in range(len(x)):
        out[i] = total(x[i])
    return out

@njit(parallel=True)
def shared(x):
    out = np.empty(len(x))
    for i in prange(len(x)):
        out[i] = x[i] * 2.0
    return out

@njit
def alone(x):
    for i in prange(len(x)):
        x[i] = 1.0

def outside(x):
    return within(x)

def within(x):
    return rows(x)

def through(x):
    return elsewhere(x)

def plain(x):
    return x
"""


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """The functions above, each called once."""
    path = tmp_path_factory.mktemp("numba") / "diagnosed_numba.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("diagnosed_numba", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["diagnosed_numba"] = module
    spec.loader.exec_module(module)
    import numpy as np

    for name in ("total", "strict", "shared", "alone"):
        getattr(module, name)(np.ones(100))
    module.outside(np.ones((10, 10)))
    yield module
    del sys.modules["diagnosed_numba"]


def loops(record):
    return {loop["function"]: loop for loop in record["loops"]}


def test_a_sum_is_vectorised_if_it_may_be_reordered(kernels):
    """By the line of its loop; if it may not be, the reason says so."""
    loose, strict = diagnosed(kernels.total), diagnosed(kernels.strict)
    assert loops(loose)["total"]["line"] == 8
    assert loops(loose)["total"]["text"] == "for i in range(x.size):"
    assert loops(loose)["total"]["widths"][0][0] > 1
    assert not loops(strict)["strict"]["widths"]
    assert "reorder" in " ".join(loops(strict)["strict"]["reasons"])


def test_functions_that_are_called_are_asked_about_too(kernels):
    """Also by a function that is not compiled; a loop that calls one with a loop holds it."""
    record = loops(diagnosed(kernels.outside))
    assert set(record) == {"total", "rows"}
    assert record["total"]["innermost"]
    assert not record["rows"]["innermost"]


def test_parallel_loops_are_counted(kernels):
    """With Numba's own report, for those who read it."""
    record = diagnosed(kernels.shared)
    assert loops(record)["shared"]["parallel"]
    (report,) = record["parallel"]
    assert report["loops"] == 1
    assert "prange" in report["text"]
    assert not loops(diagnosed(kernels.alone))["alone"]["parallel"]  # prange without parallel=True


def test_nothing_stays_behind(kernels, capfd):
    """No option, no remark on standard error, no code compiled anew: all of it happened in another process."""
    before = dict(kernels.total.overloads)
    diagnosed(kernels.total)
    assert dict(kernels.total.overloads) == before
    assert "debug" not in kernels.total.targetoptions
    numba.njit(kernels.strict.py_func)(__import__("numpy").ones(3))
    assert "remark" not in capfd.readouterr().err


def test_what_cannot_be_had_has_its_reason(kernels, monkeypatch):
    """Nothing compiled, or a compiler that fails when it is asked again."""
    assert "nothing by name that Numba has compiled" in diagnosed(kernels.plain)["reason"]
    monkeypatch.setattr("steelyard.numba_diagnostics.PATIENCE", 0.0)
    assert "did not end within 0 s" in diagnosed(kernels.total)["reason"]


def test_functions_are_found_by_what_calls_them(kernels):
    """Each once, callees first; a plain function of another module is not looked into."""
    kernels.elsewhere = types.FunctionType(kernels.outside.__code__, dict(vars(kernels)))
    assert list(compiled_functions(kernels.through)) == []
    names = [found.py_func.__name__ for found in compiled_functions(kernels.outside)]
    assert names == ["total", "rows"]


def test_remarks_find_their_loops():
    """A remark on a line of the body is of the innermost loop around it; those that repeat others say nothing."""
    outer, inner = (
        Loop("f", "/x/k.py", line, end, "", innermost, False)
        for line, end, innermost in ((3, 9, False), (5, 7, True))
    )
    remarks = """
remark: k.py:6:1: vectorized loop (vectorization width: 4, interleaved count: 2)
remark: k.py:5:1: loop not vectorized: vectorization and interleaving are explicitly disabled, or the loop has already been vectorized
remark: k.py:5:1: loop not vectorized: something
remark: k.py:5:1: loop not vectorized: something
warning: unrelated
remark: k.py:4:1: loop not vectorized: call instruction cannot be vectorized
remark: <unknown>:0:0: vectorized loop (vectorization width: 8, interleaved count: 1)
remark: k.py:6:1: vectorized loop (vectorization width: vscale x 2, interleaved count: 1)
remark: other.py:6:1: loop not vectorized: not ours
"""
    assert place(remarks, [outer, inner]) == 1
    assert (inner.widths, inner.reasons) == ([(4, 2), (2, 1)], ["something"])
    assert (outer.widths, outer.reasons) == ([], ["call instruction cannot be vectorized"])
