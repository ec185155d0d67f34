"""`steelyard …` says what it did, or what is wrong and how to mend it, and exits accordingly."""

import json

import pytest
from click.testing import CliRunner
from repositories import make, without_git_configuration, write
from runs_made import write_run
from steelyard import ceilings
from steelyard.ceilings import Ceiling, Ceilings
from steelyard.cli import main


@pytest.fixture
def steelyard(monkeypatch):
    """Run a command in a folder; return its exit code and what it printed."""

    def run(folder, *arguments):
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        return result.exit_code, result.output

    return run


def test_list(steelyard, write_project):
    """Every workload with its sizes and variants, and why a backend cannot run."""
    root = write_project(
        {"double_jax.py": "__all__ = ['f']\n"}, "[tool.steelyard]\nbackends = {jax = 'no_such_jax'}\n"
    )
    code, output = steelyard(root / "kernels", "list")
    assert code == 0
    assert "double: Doubling" in output
    assert "size small      n 8: 8 points (by default)" in output
    assert "double/jax/f  (unavailable: no_such_jax is not installed" in output
    assert "9 cells" in output


def test_check(steelyard, write_project):
    """What agrees is listed with what it was held against."""
    code, output = steelyard(write_project(), "check", "--sizes", "tiny")
    assert code == 0
    assert "agrees      double/numpy/arrays/tiny" in output
    assert "2 agree" in output


def test_check_fails_where_one_disagrees(steelyard, write_project):
    """The exit code says so, and the line has place, values and tolerance."""
    root = write_project({"double_numpy.py": "__all__ = ['f']\ndef f(x, s): return s * x + 1\n"})
    code, output = steelyard(root, "check")
    assert code == 1
    assert "y[0] is -2.0, the reference double/python/loops has -3.0; tolerance 1e-12 relative" in output
    assert "2 failed" in output


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("ctypes.string_at(0)", "its process died of SIGSEGV"),
        ("os._exit(3)", "its process ended with exit code 3"),
        ("time.sleep(60)", "did not end within 2 s"),
    ],
)
def test_check_goes_on_after_a_crash(steelyard, write_project, monkeypatch, body, problem):
    """Or a hang: that cell fails with what came of it, and the others have their line."""
    monkeypatch.setattr("steelyard.suite.PATIENCE", 2.0)
    root = write_project(
        {"double_numpy.py": f"import ctypes, os, time\n__all__ = ['f']\ndef f(x, s): {body}\n"}
    )
    code, output = steelyard(root, "check", "--budget", "0.2", "--sizes", "tiny,small")
    assert code == 1
    for size in ("tiny", "small"):
        assert f"while it was checked, {problem}" in line_of(output, f"failed      double/numpy/f/{size}")
        assert line_of(output, f"agrees      double/python/loops/{size}")
    assert "2 agree, 2 failed" in output


def line_of(output, beginning):
    return next(line for line in output.splitlines() if line.startswith(beginning))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--sizes", "huge"], "no size is named 'huge'"),
        (["list", "--backends", "fortran"], "no backend is named 'fortran'"),
        (["report"], "no run is saved"),
        (["report", "gone.json"], "No such file"),
        (["profile", "double/numpy/arrays/huge"], "no size of double is named 'huge'"),
        (["profile", "--with", "perf", "double/numpy/arrays/small"], "no profiler is named 'perf'"),
        (["profile", "nothing:here"], "module:function"),
        (["new", "a b"], "cannot name a workload"),
        (["new", "double"], "exists already"),
    ],
)
def test_a_mistake_is_told_plainly(steelyard, write_project, arguments, message):
    """One message with the cure, exit code 2, and no traceback."""
    code, output = steelyard(write_project(), *arguments)
    assert code == 2
    assert message in output
    assert "Traceback" not in output


def test_outside_a_project(steelyard, tmp_path):
    """The message says how to become one."""
    code, output = steelyard(tmp_path, "list")
    assert code == 2
    assert "[tool.steelyard]" in output
    assert "steelyard new" in output


def test_a_run_from_elsewhere(steelyard, tmp_path):
    """One that a CI job has left is shown and reported on without a project; the last run is that of one."""
    write_run(tmp_path / "downloads" / "last.json")
    code, output = steelyard(tmp_path, "show", "downloads/last.json")
    assert (code, "double" in output) == (0, True), output
    code, output = steelyard(tmp_path, "report", "downloads/last.json", "--single-file", "--to", "out")
    assert (code, (tmp_path / "out" / "report.html").is_file()) == (0, True), output
    code, output = steelyard(tmp_path, "report", "downloads/last.json", "--to", "out")
    assert (code, (tmp_path / "out" / "index.html").is_file()) == (0, True), output
    code, output = steelyard(tmp_path, "report", "downloads/last.json")
    assert (code, (tmp_path / "reports" / "html" / "index.html").is_file()) == (0, True), output
    assert steelyard(tmp_path, "show")[0] == 2


def test_profile_a_cell(steelyard, write_project):
    """All three profilers leave their files, and each is told with what opens it; what has the time stands above."""
    root = write_project()
    code, output = steelyard(root, "profile", "double/python/loops/small")
    assert code == 0
    for name in ("profiles/double-python-loops-small.prof", "lines/double-python-loops-small.txt"):
        assert (root / "reports" / name).is_file()
    assert (root / "reports/profiles/double-python-loops-small.callgrind").is_file()
    assert "snakeviz " in output
    _, _, after = output.partition("Functions with the most time of their own:\n")
    assert any("double_python.py:" in line and " %  " in line for line in after.splitlines()[:5])
    _, _, after = output.partition("Lines with the most time, as a share of their function's:\n")
    assert " %  " in after.splitlines()[0]
    assert "double/double_python.py:" in after.splitlines()[0]
    assert "profile_data" not in output


def test_profile_a_script_anywhere(steelyard, tmp_path):
    """No project is needed; its arguments are its own."""
    (tmp_path / "script.py").write_text("import sys\nprint(sys.argv[1:])\n")
    code, output = steelyard(tmp_path, "profile", "--with", "cprofile", "script.py", "--sizes", "x")
    assert code == 0
    assert "['--sizes', 'x']" in output
    assert (tmp_path / "reports" / "profiles" / "script.py.prof").is_file()


def test_profiling_what_disagrees(steelyard, write_project):
    """Exit code 1, as everywhere where a kernel is at fault."""
    root = write_project({"double_numpy.py": "__all__ = ['f']\ndef f(x, s): return s * x + 1\n"})
    code, output = steelyard(root, "profile", "double/numpy/f/small")
    assert code == 1
    assert "tolerance" in output


def test_a_cell_has_no_arguments(steelyard, write_project):
    """An option behind the target would be passed over in silence."""
    code, output = steelyard(write_project(), "profile", "double/numpy/arrays/small", "--with", "lines")
    assert code == 2
    assert "options stand before TARGET" in output


def test_a_subject_that_raises(steelyard, tmp_path):
    """Its error is told, with exit code 1."""
    (tmp_path / "script.py").write_text("1 / 0\n")
    code, output = steelyard(tmp_path, "profile", "--with", "cprofile", "script.py")
    assert code == 1
    assert "script.py: cprofile: ZeroDivisionError" in output


# The gate's exit codes: 2 says that something could not be judged, so that what cannot be followed is 3.


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ((), "name the revision to compare with"),
        (("nonesuch",), "no revision 'nonesuch'"),
        (("base", "--budget", "-1"), "is not in the range"),
        (("base", "--tolerance", "300%"), "less than 1, not '300%'"),
        (("base", "--accept", "slower"), "'slower' is none of vanished"),
        (("base", "--cells", "nope/*"), "Known: double/python, double/numpy"),
        (("--runs", "a.json", "b.json"), "a.json is not a run that can be read"),
        (("base", "--nonesuch"), "No such option"),
        (("base", "--calibrate", "1"), "name no BASE"),
    ],
    ids=["nothing", "revision", "budget", "tolerance", "accept", "cells", "runs", "option", "calibrate"],
)
def test_a_gate_that_cannot_be_followed(steelyard, tmp_path, monkeypatch, arguments, hint):
    """It says what is wrong, and exits with 3."""
    without_git_configuration(monkeypatch)
    code, output = steelyard(make(tmp_path / "repository"), "gate", *arguments)
    assert (code, hint in output) == (3, True), output


def test_a_gate_without_a_repository(steelyard, write_project):
    """Two saved runs can be compared without one, and it says so."""
    code, output = steelyard(write_project(), "gate", "base")
    assert code == 3
    assert "--runs A.json B.json" in output


def test_a_calibration_that_is_interrupted_before_its_first_suite_has_ended(steelyard, tmp_path, monkeypatch):
    """It says so, and the code is that of an interruption."""

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("steelyard.calibration.calibrate", interrupted)
    code, output = steelyard(make(tmp_path / "repository"), "gate", "--calibrate", "1")
    assert (code, "no suite has ended yet" in output) == (130, True), output


def test_a_gate_that_cannot_save_its_page_writes_what_else_was_asked_for(steelyard, tmp_path, monkeypatch):
    """The list and the summary may lie on another disk; the code is 3 where it would be 0."""
    without_git_configuration(monkeypatch)
    root = make(tmp_path / "repository")
    write(root, {"reports": "a file where the folder should be"})
    code, output = steelyard(root, "gate", "base", "--json", "gate.json", "--markdown", "gate.md")
    assert (code, "cannot write" in output) == (3, True), output
    assert len(json.loads((root / "gate.json").read_text())) == 2
    assert "2 are unchanged in code" in (root / "gate.md").read_text()


def test_a_gate_that_finds_nothing_changed(steelyard, tmp_path, monkeypatch):
    """The table, the page, the list and the summary are there, and the code is 0; a new cell makes it 2 unless accepted."""
    without_git_configuration(monkeypatch)
    root = make(tmp_path / "repository")
    code, output = steelyard(root, "gate", "base", "--json", "gate.json", "--markdown", "gate.md")
    assert (code, "2 are unchanged in code" in output) == (0, True), output
    assert (root / "reports" / "html" / "gate.html").is_file()
    assert {row["verdict"] for row in json.loads((root / "gate.json").read_text())} == {"unchanged"}
    assert "2 are unchanged in code" in (root / "gate.md").read_text()
    write(
        root,
        {"kernels/double/double_numexpr.py": "__all__ = ['arrays']\n\ndef arrays(x, s):\n    return s * x\n"},
    )
    assert steelyard(root, "gate", "base")[0] == 2
    code, output = steelyard(root, "gate", "base", "--accept", "new", "--budget", "30")
    assert (code, "not judged, as accepted (new)" in output) == (0, True), output


def test_roofline(steelyard, monkeypatch, tmp_path):
    """It needs no project; as a table, or as JSON that is read back."""
    limit = Ceiling("bandwidth", "L1", 2**15, 1, 250e9, "triad, 256 bits", 0.004)
    found = Ceilings((limit,), 4.2)
    monkeypatch.setattr(ceilings, "measure", lambda: found)
    code, output = steelyard(tmp_path, "roofline")
    assert code == 0
    assert "L1 bandwidth, 32.0 KiB  250 GB/s  triad, 256 bits; ±0.4 %" in output
    _, output = steelyard(tmp_path, "roofline", "--format", "json")
    assert Ceilings.from_dict(json.loads(output)) == found


def test_roofline_without_a_compiler(steelyard, monkeypatch, tmp_path):
    """One line, and exit code 1."""
    monkeypatch.setenv("CC", "no-such-compiler")
    code, output = steelyard(tmp_path, "roofline")
    assert (code, output.count("\n")) == (1, 1)
    assert "CC=no-such-compiler is not a program that can be found; unset CC" in output
