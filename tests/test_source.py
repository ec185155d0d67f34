"""What is kept of a variant's source."""

from dataclasses import replace

import pytest
from steelyard.cell import Variant
from steelyard.source import LONGEST, Source, code_lines, definition

TEXT = '''\
"""A file."""

import numba
import numpy as np

__all__ = ["loops", "loops_twice"]


def loops_helper(x):
    return x


@numba.njit(
    cache=False)
def loops(x,
          y):
    """Add.

    In a docstring of three lines.
    """
    # a comment

    total = (x +
             y)  # and another
    return total


# of nobody
OTHER = 1


cpdef double[:, ::1] loops_twice(
    double[:, ::1] x,
) noexcept:
    return x
'''


@pytest.fixture
def variant(tmp_path):
    path = tmp_path / "kernels" / "add" / "add_numba.py"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    return Variant("add", "numba", "loops", path)


def test_the_source_of_a_variant(variant, tmp_path):
    """Its file, whole, and which lines are its own."""
    source = Source.of(variant, tmp_path)
    assert source.file == "kernels/add/add_numba.py"
    assert source.text == TEXT
    assert TEXT.splitlines()[source.line - 1] == "@numba.njit("
    assert TEXT.splitlines()[source.end - 1] == "    return total"
    assert source.as_dict()["lines"] == source.code_lines == 7


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("loops_twice", "cpdef double[:, ::1] loops_twice(", "    return x"),
        ("loops_helper", "def loops_helper(x):", "    return x"),
    ],
)
def test_definitions_of_python_and_cython_are_found(name, first, last):
    """By name, not by the beginning of one; a signature may span lines."""
    lines = TEXT.splitlines()
    start, end = definition(lines, name)
    assert (lines[start - 1], lines[end - 1]) == (first, last)


def test_one_that_is_not_there_has_no_lines(variant, tmp_path):
    """A variant that is assigned, not defined, has a file and no place in it."""
    source = Source.of(replace(variant, name="OTHER"), tmp_path)
    assert (source.line, source.end, source.code_lines) == (None, None, None)
    assert source.text


def test_a_file_that_is_too_long_is_not_kept(variant, tmp_path):
    """A run file is not the place for it; its lines are counted all the same."""
    variant.path.write_text(TEXT + "#" * LONGEST)
    source = Source.of(variant, tmp_path)
    assert source.text is None
    assert source.code_lines == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f():\n    pass\n", 2),
        ('def f():\n    """Doc."""\n    return """a\nb"""\n', 3),
        ("def f(:\n", None),
        ("", 0),
    ],
)
def test_lines_of_code(text, expected):
    """Comments, blank lines and docstrings are none; a string that is used counts for every line of it."""
    assert code_lines(text) == expected
