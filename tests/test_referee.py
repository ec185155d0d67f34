"""Cells are held against the reference, or what stands in for it, and never called for longer than they may be."""

import re

import pytest
from steelyard import referee
from steelyard.agreement import Disagreement
from steelyard.referee import Referee, TooSlow

GOOD = "import numpy as np\n__all__ = ['f']\ndef f(x, s):\n    return s * x\n"


def check(registry, id="double/numpy/f/small", **options):
    return Referee(registry).check(registry.cell(id), **options)


def test_a_stand_in_where_the_reference_is_slow(registry_of, monkeypatch):
    """Another backend's variant, itself held to the reference at the smallest size, takes its place."""
    monkeypatch.setattr(referee, "PATIENCE", 1e-12)
    registry = registry_of({"double_numba.py": GOOD})
    assert check(registry, "double/numpy/arrays/small").agreement.reference == "double/python/loops/small"
    monkeypatch.setattr(Referee, "_expect_within", slow_reference)
    assert check(registry, "double/numpy/arrays/medium").agreement.reference == "double/numba/f/medium"
    assert check(registry, "double/numba/f/medium").agreement.reference == "double/numpy/arrays/medium"


def slow_reference(self, kernel, size, limit):
    """As if the python backend took an hour at medium."""
    if kernel.variant.backend == "python" and size == "medium":
        raise TooSlow(3600.0)


def test_a_cell_that_would_take_too_long_is_not_called(registry_of):
    """What a smaller size takes, times the work, is enough to know; that it is reckoned is said."""
    source = "import time\n__all__ = ['f']\ndef f(x, s):\n    assert x.size < 64, 'called'\n    time.sleep(x.size * 1e-4)\n    return s * x\n"
    with pytest.raises(TooSlow) as caught:
        check(registry_of({"double_numpy.py": source}), "double/numpy/f/medium", limit=64 * 5e-5)
    assert caught.value.seconds >= 64 * 1e-4
    assert re.search(" s, reckoned from size (tiny|small) by its work$", str(caught.value))


def test_a_machine_that_stood_still_once_does_not_decide(registry_of, monkeypatch):
    """A call that seems too slow to go on is timed once more before that is believed."""
    stalls = iter([7.0])
    timed_call = referee.timed_call

    def stalled_once(kernel, arguments, where):
        result, seconds = timed_call(kernel, arguments, where)
        return result, seconds + next(stalls, 0.0)

    monkeypatch.setattr(referee, "timed_call", stalled_once)
    check(registry_of({"double_numpy.py": GOOD}), "double/numpy/f/medium", limit=5.0)
    assert next(stalls, None) is None


def test_buffers_used_in_turn_are_found(registry_of):
    """Two results kept between calls are fresh at the second call, and stale at the third."""
    source = (
        "import itertools\nimport numpy as np\n__all__ = ['f']\nkept = {}\n"
        "def f(x, s):\n"
        "    ring = kept.setdefault(x.size, itertools.cycle([np.empty_like(x), np.empty_like(x)]))\n"
        "    return np.multiply(x, s, out=next(ring))\n"
    )
    with pytest.raises(Disagreement, match="two calls returned the same memory"):
        check(registry_of({"double_numpy.py": source}))


def test_a_size_of_another_shape_does_not_mislead(registry_of, write_project):
    """A size whose work is cheap per unit stands between two that are not: the estimate is not its alone."""
    source = (write_project() / "kernels/double/__init__.py").read_text()
    source = source.replace('"medium": {"n": 64}', '"wide": {"n": 16}, "medium": {"n": 640}')
    sleeping = (
        "import time\n__all__ = ['f']\ndef f(x, s):\n    assert x.size < 640, 'called'\n"
        "    if x.size != 16: time.sleep(x.size * 1e-3)\n    return s * x\n"
    )
    registry = registry_of({"__init__.py": source, "double_numpy.py": sleeping})
    with pytest.raises(TooSlow) as caught:
        check(registry, "double/numpy/f/medium", limit=0.3)
    assert caught.value.seconds >= 0.6
