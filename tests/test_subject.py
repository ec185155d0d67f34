"""Cells, callables and scripts can be profiled, each as it would run by itself."""

import sys

import pytest
from steelyard import profilers
from steelyard.errors import SteelyardError
from steelyard.subject import Subject


def test_a_callable(tmp_path, monkeypatch):
    """``module:function`` is imported from the current folder, and its helpers' lines are followed."""
    (tmp_path / "my_module.py").write_text(
        "def helper(x):\n    return x + 1\n\ndef work():\n    return helper(1)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_module", raising=False)
    subject = Subject.of_callable("my_module:work")
    assert (subject.file.name, subject.line) == ("my_module.py", 4)
    assert subject.call() == 2
    text = profilers.profile_lines(subject, tmp_path)["lines"].read_text()
    assert "return helper(1)" in text
    assert "return x + 1" in text


@pytest.mark.parametrize("target", ["no_such_module:f", "json:no_such_function", "json", ":f"])
def test_a_callable_that_is_not_there(target):
    """The message says how to write one."""
    with pytest.raises(SteelyardError, match="module:function"):
        Subject.of_callable(target)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("json:dumps", "json:dumps needs arguments (missing a required argument: 'obj')"),
        ("json:__name__", "cannot be called"),
    ],
)
def test_a_callable_that_needs_arguments(target, why):
    """It is not called at all; the message says what can be."""
    with pytest.raises(SteelyardError, match="name a callable without arguments") as caught:
        Subject.of_callable(target)
    assert why in str(caught.value)


SCRIPT = """
import sys, beside
def double(x):
    return 2 * x
if __name__ == "__main__":
    with open(sys.argv[1], "a") as out:
        out.write(str(double(beside.NUMBER)))
    sys.exit()
"""


def test_a_script(tmp_path):
    """It finds its arguments, its neighbours and ``__main__``; its exit is not ours, and nothing is left behind."""
    (tmp_path / "beside.py").write_text("NUMBER = 21\n")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    before = list(sys.argv), list(sys.path)
    subject = Subject.of_script(script, [str(tmp_path / "out")])
    for profiler in profilers.PROFILERS.values():
        profiler(subject, tmp_path)
    assert (sys.argv, sys.path) == before
    # cProfile runs it once to see how long it takes, and once or more under the profiler.
    assert set((tmp_path / "out").read_text().split("42")) == {""}
    assert "return 2 * x" in (tmp_path / "lines" / "script.py.txt").read_text()


def test_a_script_that_is_not_there(tmp_path):
    """It is named."""
    with pytest.raises(SteelyardError, match=r"gone\.py: no such script"):
        Subject.of_script(tmp_path / "gone.py", [])
