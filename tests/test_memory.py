"""What a call takes of memory is what is known to be true of it, whoever allocates; nothing is lost if it fails."""

import gc
import sys
import tracemalloc

import pytest
from doubling import WORKLOAD
from steelyard import memory
from steelyard.backends import BACKENDS, importable
from steelyard.referee import Referee

needs_memray = pytest.mark.skipif(
    not importable("memray"), reason="memray is not installed: pip install 'steelyard[memory]'"
)
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

N = 200_000
SLACK = 4096
"""Bytes for the objects around arrays, and for what a backend needs to be called."""

FILES = {"__init__.py": WORKLOAD.replace('"medium": {"n": 64}', f'"medium": {{"n": {N}}}')}

KERNELS = {
    "python": (
        "__all__ = ['f']\ndef f(x: list, s):\n    t, o = [0.0] * len(x), [0.0] * len(x)\n"
        "    for i, v in enumerate(x):\n        t[i] = s * v\n"
        "    for i, v in enumerate(t):\n        o[i] = 1.0 * v\n    return o\n"
    ),
    "numpy": "__all__ = ['f']\ndef f(x, s):\n    t = s * x\n    return t + 0.0\n",
    "numexpr": "import numexpr\n__all__ = ['f']\ndef f(x, s):\n    t = numexpr.evaluate('s * x')\n    return numexpr.evaluate('t + 0.0')\n",
    "numba": (
        "import numba, numpy as np\n__all__ = ['f']\n@numba.njit\ndef f(x, s):\n"
        "    t = np.empty(x.size)\n    o = np.empty(x.size)\n"
        "    for i in range(x.size):\n        t[i] = s * x[i]\n"
        "    for i in range(x.size):\n        o[i] = t[i]\n    return o\n"
    ),
    "cython": (
        "# cython: language_level=3\nimport numpy as np\nfrom libc.stdlib cimport free, malloc\n__all__ = ['f']\n"
        "def f(const double[::1] x, double s):\n    cdef Py_ssize_t i, n = x.shape[0]\n"
        "    cdef double *t = <double *> malloc(n * sizeof(double))\n    o = np.empty(n)\n    cdef double[::1] y = o\n"
        "    for i in range(n):\n        t[i] = s * x[i]\n"
        "    for i in range(n):\n        y[i] = t[i]\n    free(t)\n    return o\n"
    ),
}
"""Each takes one temporary and one output of N numbers."""


ARRAYS = 2 * 8 * N
OBJECTS = 2 * (8 + sys.getsizeof(1.5)) * N
"""Lists of numbers, each an object of its own."""

BLOCKS = 64 * 1024
"""What numexpr computes block by block takes a few of these."""


@pytest.fixture
def measured(registry_of):
    """Check the variant ``f`` of one backend, or of some, and measure the memory of its calls."""

    def measure(files, size="medium", budget=60.0):
        registry = registry_of({**FILES, **files})
        referee = Referee(registry)
        cells = registry.select(sizes=[size])
        checked = {cell: referee.check(cell) for cell in cells if cell.variant.name == "f"}
        doing = []
        found = dict(memory.measure(checked, registry.backends, budget, doing.append))
        assert set(doing) <= set(found)
        assert set(found) == set(checked)
        return {cell.variant.backend: use for cell, use in found.items()}

    return measure


def file_of(backend, text=None):
    return {f"double_{backend}.{'pyx' if backend == 'cython' else 'py'}": text or KERNELS[backend]}


def skip_without(backend):
    if reason := BACKENDS[backend].unavailable():
        pytest.skip(reason)


@pytest.fixture
def without_memray(monkeypatch):
    monkeypatch.setattr(memory, "importable", lambda name: False)


@needs_memray
@pytest.mark.parametrize(
    ("backend", "expected", "slack"),
    [
        ("python", OBJECTS, SLACK),
        ("numpy", ARRAYS, SLACK),
        ("numexpr", ARRAYS, BLOCKS),
        ("cython", ARRAYS, SLACK),
        ("numba", ARRAYS, SLACK),
    ],
)
def test_memray_sees_every_backend(backend, expected, slack, measured):
    """One temporary and one output have a peak of both; the inputs, which are as large, are not in it."""
    skip_without(backend)
    use = measured(file_of(backend))[backend]
    assert use["tool"] == "memray"
    assert expected <= use["peak"] <= expected + slack
    assert use["allocations"] >= (2 * N if backend == "python" else 2)


PARALLEL = """
import numba
import numpy as np

__all__ = ["f"]
__parallel__ = ["f"]

@numba.njit(parallel=True)
def f(x, s):
    y = np.empty(x.size)
    parts = 8
    for part in numba.prange(parts):
        own = np.empty(x.size)
        for i in range(part, x.size, parts):
            own[i] = s * x[i]
            y[i] = own[i]
    return y
"""


@needs_memray
def test_threads_are_seen(measured):
    """What each thread takes counts; OpenMP, which has started its threads here, is not forked."""
    skip_without("numba")
    use = measured(file_of("numba", PARALLEL))["numba"]
    assert use["tool"] == "memray"
    assert 2 * 8 * N <= use["peak"] <= (1 + 8) * 8 * N + BLOCKS
    assert use["allocations"] >= 9


@pytest.mark.parametrize(("backend", "expected"), [("python", OBJECTS), ("numpy", ARRAYS), ("numba", ARRAYS)])
def test_without_memray_tracemalloc_tells(backend, expected, measured, without_memray):
    """It sees what is asked of Python and NumPy, as Numba does, and says that it was it; it counts no allocations."""
    skip_without(backend)
    use = measured(file_of(backend))[backend]
    assert expected <= use.pop("peak") <= expected + SLACK
    assert use == {"tool": "tracemalloc"}


@pytest.mark.parametrize("backend", ["numexpr", "cython"])
def test_what_tracemalloc_does_not_see_has_no_figure(backend, measured, without_memray):
    """Half of the truth is none: there is a reason, with what to install."""
    skip_without(backend)
    assert measured(file_of(backend)) == {backend: {"reason": memory.UNSEEN}}
    assert "pip install 'steelyard[memory]'" in memory.UNSEEN


METERS = [pytest.param(memory.by_memray, marks=needs_memray), memory.by_tracemalloc]


@pytest.mark.parametrize("meter", METERS)
def test_what_a_call_frees_does_not_count(meter, tmp_path):
    """One temporary after the other has the peak of one; a call that takes nothing has none."""

    def one_after_the_other():
        for _ in range(5):
            bytearray(1_000_000)

    use = meter(one_after_the_other, tmp_path)
    assert 1_000_000 <= use.peak <= 1_000_000 + SLACK
    assert use.allocations is None or use.allocations >= 5
    assert meter(memory.nothing, tmp_path).peak < 100
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("meter", METERS)
def test_nothing_stays_on(meter, tmp_path):
    """Whoever is called next is followed by nobody, also after a call that raised."""

    def fails():
        raise ValueError("no")

    meter(memory.nothing, tmp_path)
    with pytest.raises(ValueError, match="no"):
        meter(fails, tmp_path)
    assert sys.getprofile() is None
    assert not tracemalloc.is_tracing()
    assert list(tmp_path.iterdir()) == []


BAD = """
import os, time
__all__ = ["f"]
here = os.getpid()
def f(x, s):
    if os.getpid() != here:
        {what}
    return s * x
"""


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("os.abort()", "its process died of SIGABRT"),
        ("raise ValueError('tired')", "ValueError: tired"),
        ("time.sleep(600)", "did not end within 2 s while its allocations were followed"),
    ],
)
def test_a_call_that_fails_costs_its_own_figure_alone(what, reason, measured):
    """It has a reason; the next cell is measured, and nothing is left frozen here."""
    found = measured({**file_of("numpy", BAD.format(what=what)), **file_of("python")}, "small", budget=2.0)
    assert found["numpy"]["reason"].startswith(reason)
    assert found["python"]["peak"] > 0
    assert gc.get_freeze_count() == 0


def test_a_call_that_takes_too_long_says_what_to_do(measured):
    """More time, or none of it."""
    found = measured(file_of("numpy", BAD.format(what="time.sleep(600)")), "small", budget=0.5)
    assert "--budget 1 gives it more time, --no-memory leaves this out" in found["numpy"]["reason"]
