"""Memory is laid out the same in both processes of a pair, otherwise in each setup, and nothing computes otherwise for it."""

import ctypes
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from steelyard.cell import Variant
from steelyard.kernel import Kernel, frozen
from steelyard.layout import READ_ONLY, fresh_code, laid_out, same_addresses, spacers

INPUTS = frozen({"x": np.arange(12.0).reshape(3, 4), "s": 2.0})


def kernel(function):
    return Kernel(Variant("double", "numpy", "arrays", Path("double_numpy.py")), function)


MANY = frozen(
    {
        "x": np.arange(12.0).reshape(3, 4),
        "complex": np.array([1 + 2j, 3]),
        "small": np.array([1, 2, 3], dtype=np.int8),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 3)),
        "point": np.array(2.5),
        "words": np.array(["a", "bcd"]),
        "records": np.array([(1, 2.0)], dtype=[("i", "i4"), ("f", "f8")]),
        "objects": np.array([None, "x"], dtype=object),
        "days": np.array(["2026-01-01"], dtype="datetime64[D]"),
        "s": 2.0,
        "name": "n",
    }
)


def test_inputs_are_laid_out_afresh():
    """Each array is a read-only, contiguous, aligned copy, equal in values, shape and dtype; scalars are themselves."""
    taking = kernel(
        lambda x, complex, small, flags, empty, point, words, records, objects, days, s, name: None
    )
    arguments, _ = laid_out(taking, MANY, 7)
    for name, given, got in zip(MANY, MANY.values(), arguments, strict=True):
        if not isinstance(given, np.ndarray):
            assert got is given
            continue
        np.testing.assert_array_equal(got, given, strict=True)
        assert not np.shares_memory(got, given), name
        assert (got.flags.writeable, got.flags.c_contiguous, got.flags.aligned) == (False, True, True), name


def test_lists_where_asked_for():
    """A kernel that takes lists has lists of Python numbers."""

    def takes_lists(x: list, s: float) -> None: ...

    (x, s), _ = laid_out(kernel(takes_lists), INPUTS, 7)
    assert (x, s) == (INPUTS["x"].tolist(), 2.0)
    assert type(x[0][0]) is float


def offsets(seed):
    """Where in their memory the arrays begin, and the sizes of what was allocated before them."""
    arguments, padding = laid_out(
        kernel(lambda x, y: None), frozen({"x": np.zeros(5), "y": np.zeros((2, 300))}), seed
    )
    places = [array.ctypes.data - array.base.ctypes.data for array in arguments]
    *blocks, lists, pages = padding
    return places, [block.nbytes for block in (*blocks, pages)], [len(block) for block in lists]


def test_the_seed_decides_the_layout():
    """The same seed gives the same offsets in a page and the same allocations before them, in either process; another, others."""
    assert offsets(1) == offsets(1)
    many = [offsets(seed) for seed in range(40)]
    assert len({tuple(sizes) for _, sizes, _ in many}) == 40
    for array in (0, 1):
        places = {found[0][array] for found in many}
        assert len(places) > 20
        assert all(0 <= place < 4096 and place % 16 == 0 for place in places)


WHERE = "import ctypes; x = ctypes.create_string_buffer(64); print(id(x), id(print), ctypes.addressof(x))"
"""Addresses of the heap and of the interpreter."""


def addresses():
    """Where a new process has its things."""
    return subprocess.run([sys.executable, "-I", "-c", WHERE], check=True, capture_output=True).stdout


personality = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "personality") or ctypes.CDLL(None).personality(READ_ONLY) == -1,
    reason="the system cannot switch off the randomisation of addresses",
)


@personality
def test_same_addresses():
    """Processes that are started meanwhile have them; those before and after it have others."""
    before = ctypes.CDLL(None).personality(READ_ONLY)
    with same_addresses() as are_same:
        alike = {addresses() for _ in range(4)}
    assert (are_same, len(alike)) == (True, 1)
    assert ctypes.CDLL(None).personality(READ_ONLY) == before
    assert len({addresses() for _ in range(4)}) > 1


@personality
def test_addresses_are_random_again_after_an_error():
    """Whatever ends the block."""
    before = ctypes.CDLL(None).personality(READ_ONLY)
    with pytest.raises(OSError, match="no process"), same_addresses():
        raise OSError("no process")
    assert ctypes.CDLL(None).personality(READ_ONLY) == before


def test_same_addresses_where_the_system_has_none(monkeypatch):
    """Then the block is just run, and told so."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: types.SimpleNamespace())
    with same_addresses() as are_same:
        assert not are_same


@pytest.mark.parametrize(
    "forbidden", [lambda wanted: -1, lambda wanted: 0 if wanted in (0, READ_ONLY) else -1]
)
def test_same_addresses_where_they_are_forbidden(monkeypatch, forbidden):
    """By the rules of a container: all of the call, or but for what changes nothing."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: types.SimpleNamespace(personality=forbidden))
    with same_addresses() as are_same:
        assert not are_same


def test_spacers_take_physical_pages():
    """The last is touched on every page: else it would move addresses, but not what lies behind them."""
    pages = spacers(3)[-1]
    assert pages[::4096].all()
    assert pages.nbytes % 4096 == 0


def module_of(source):
    """A namespace as a kernel's module has it."""
    namespace = {"__name__": "made_up"}
    exec(compile(source, "made_up.py", "exec"), namespace)
    return namespace


SOURCE = """
from textwrap import dedent

def helper(x, factor=3):
    return [factor * value for value in x]

def kernel(x, *, shift=1):
    return [value + shift for value in helper(x)]

names = ["no function"]
"""


def test_fresh_code_of_a_kernel_and_of_its_helpers():
    """Both have other bytecode than before, and compute the same; what was imported is left alone."""
    module = module_of(SOURCE)
    names = "kernel", "helper", "dedent"
    before = {name: module[name].__code__ for name in names}
    fresh_code(module["kernel"])
    after = {name: module[name].__code__ for name in names}
    assert {name: before[name] is after[name] for name in names} == {
        "kernel": False,
        "helper": False,
        "dedent": True,
    }
    assert before == after  # equal, elsewhere
    assert module["kernel"]([1, 2], shift=5) == [8, 11]


def test_a_closure_keeps_what_it_closes_over():
    """Its cells are no part of its code."""
    held = [1.0]

    def function(x):
        return held[0] * x

    fresh_code(function)
    held[0] = 3.0
    assert function(2) == 6.0


@pytest.mark.parametrize("function", [len, np.add, str.upper, types.SimpleNamespace(py_func=len)])
def test_what_is_compiled_has_no_code_to_move(function):
    """It is left as it is."""
    fresh_code(function)
