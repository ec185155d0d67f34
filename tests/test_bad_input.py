"""What users get wrong ends in one message that names the place and the cure, and costs nothing that was measured."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from steelyard.runs import Run

QUICK = ("--budget=1", "--benchmark-max-time=0.02", "--no-ceilings", "--no-profile", "-p", "no:cacheprovider")
SUMMARY = "= steelyard ="


def kernel(body, before=""):
    """A NumPy file whose one variant has this body; it can count its calls, and has a larger size, in mind."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return {
        "double_numpy.py": f"import numpy as np\n{before}\n__all__ = ['arrays']\ncalls = 0\n\n"
        f"def arrays(x, s):\n    global calls\n    calls += 1\n{lines}\n"
    }


def workload(field, value, before=""):
    """What gives a project's workload another value of one field."""

    def change(root):
        with (root / "kernels" / "double" / "__init__.py").open("a") as file:
            file.write(f"\nfrom dataclasses import replace\n{before}\n")
            file.write(f"WORKLOAD = replace(WORKLOAD, {field}={value})\n")

    return change


@pytest.fixture
def run(write_project):
    """Run ``list``, ``check``, ``report`` or ``bench`` in a made-up project; return exit code, text and root."""

    def run(command, *arguments, files=None, configuration="[tool.steelyard]\n", prepare=None, **environment):
        root = write_project(files, configuration)
        if prepare:
            prepare(root)
        module = ["pytest", "bench", *QUICK] if command == "bench" else ["steelyard.cli", command]
        done = subprocess.run(
            [sys.executable, "-m", *module, *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, **environment},
        )
        return done.returncode, done.stdout + done.stderr, root

    return run


def told_plainly(text):
    """No traceback of the interpreter's, of pytest's or of a process that was started on the way."""
    return "Traceback" not in text and "INTERNALERROR" not in text


@pytest.mark.parametrize(
    ("files", "place", "cure"),
    [
        ({"__init__.py": "x = 1"}, "__init__.py", "WORKLOAD = Workload(...)"),
        ({"__init__.py": "WORKLOAD = 3"}, "__init__.py", "should be a steelyard.Workload, not 3"),
        ({"__init__.py": "WORKLOAD = ("}, "__init__.py", "SyntaxError"),
        ({"__init__.py": "import absent\nWORKLOAD = 1"}, "__init__.py", "No module named 'absent'"),
        ({"double_julia.py": "__all__ = ['loops']"}, "double_julia.py", "[tool.steelyard.backends] julia"),
        ({"double_cython.py": "__all__ = ['loops']"}, "double_cython.py", "double_cython.pyx"),
        ({"double_numpy.py": "def arrays(x, s): ..."}, "double_numpy.py", "__all__ = ['loops']"),
        ({"double_numpy.py": "__all__ = ['a', 'a']"}, "double_numpy.py", "rename one"),
        ({"__init__.py": "WORKLOAD = exit(0)"}, "__init__.py", "SystemExit"),
    ],
)
def test_a_workload_folder_that_cannot_be_used(run, files, place, cure):
    """Every command stops at once, with exit code 2, the file, and what should stand in it."""
    code, text, root = run("list", files=files)
    assert (code, told_plainly(text)) == (2, True), text
    assert str(root / "kernels" / "double" / place) in text
    assert cure in text


@pytest.mark.parametrize("name", ["__init__.py", "double_numpy.py"])
def test_a_source_in_another_encoding(run, name):
    """It is named, with the encoding that it should have."""

    def in_latin_1(root):
        (root / "kernels" / "double" / name).write_bytes(b"WORKLOAD = 1; __all__ = ['a']  # \xe9\n")

    code, text, _ = run("list", prepare=in_latin_1)
    assert (code, told_plainly(text)) == (2, True), text
    assert name in text
    assert "utf-8" in text.lower()


@pytest.mark.parametrize(
    "prepare",
    [
        workload("inputs", "lambda n: 1 / 0"),
        workload("outputs", '{"y": Tolerance(), "z": Tolerance()}'),
        workload("laws", "(law,)", "def law(inputs, outputs): return 'never'"),
        workload("probes", "lambda: 1 / 0"),
        workload("probes", "lambda: None"),
        workload("laws", "(law,)", "def law(inputs, outputs): return 1 / 0"),
        workload("outputs", '{"y": 1e-12}'),
        workload("sizes", '{"small": 3, "medium": 4}'),
        workload("work", "lambda n: 1 / 0"),
        workload("work", "lambda n: n - 3"),
        workload("work", "lambda n: -n"),
        workload("work", "lambda n: 'many'"),
        workload("operations", "lambda n: 1 / 0"),
    ],
)
def test_a_workload_whose_functions_are_nonsense(run, prepare):
    """Its cells fail, or the workload is refused, with the reason; never with a traceback, never in silence."""
    code, text, _ = run("check", prepare=prepare)
    assert told_plainly(text), text
    assert code in {1, 2}
    assert "kernels/double" in text or "double/python/loops" in text


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('too bad')", "raises ValueError at "),
        ("return (s * x)[:-1]", "has shape (1,)"),
        ("return (s * x).astype('f4')", "has dtype float32"),
        ("return x * np.nan", "is nan"),
        ("x.setflags(write=True)\nx += 1\nreturn s * x", "changed its inputs"),
        ("return x", "copy the input first"),
        ("return None", "has dtype object"),
        ("exit(0)", "SystemExit"),
    ],
)
def test_a_kernel_that_misbehaves(run, body, reason):
    """``steelyard check`` fails, says why, and says of the others that they agree."""
    code, text, _ = run("check", files=kernel(body))
    assert (code, told_plainly(text)) == (1, True), text
    assert reason in text
    assert "2 agree, 2 failed" in text


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        ("no-such-compiler", "CC=no-such-compiler is not a program that can be found"),
        (" ", "CC=' ' is not a program that can be found"),
    ],
)
def test_without_a_compiler(run, compiler, reason):
    """Cython cells are unavailable, with the cure; the others are checked and the exit code is 0."""
    files = {"double_cython.pyx": "__all__ = ['typed']\ndef typed(x, s): return s * x\n"}
    code, text, _ = run("check", files=files, CC=compiler)
    assert (code, told_plainly(text)) == (0, True), text
    assert reason in text
    assert "4 agree, 2 unavailable" in text


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"steelyard": {"for', b"\xff\x00"])
def test_a_last_run_that_cannot_be_read(run, content):
    """The report is refused with exit code 2, the file's name and what to do about it."""

    def spoil(root):
        (root / "reports" / "runs").mkdir(parents=True)
        (root / "reports" / "runs" / "last.json").write_bytes(content)

    code, text, _ = run("report", prepare=spoil)
    assert (code, told_plainly(text)) == (2, True), text
    assert "last.json is not a run that can be read" in text
    assert "or move this one out of the way" in text


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{cut",
        "[]\n",
        '{"event": "begin"}\n',
        '{"event": "begin", "run": {}}\n',
    ],
)
def test_a_journal_that_cannot_be_read(run, content):
    """It is put aside; the next command does what it was asked to."""

    def spoil(root):
        (root / "reports" / "runs" / "journal").mkdir(parents=True)
        (root / "reports" / "runs" / "journal" / "1.jsonl").write_text(content)

    code, text, root = run("report", prepare=spoil)
    assert (code, told_plainly(text)) == (2, True), text
    assert "no run is saved" in text
    assert (root / "reports" / "runs" / "journal" / "1.unreadable").exists()


def test_a_first_call_that_crashes_costs_its_own_cells_alone(run):
    """It happens in a process of its own; the rest is timed, and text from anywhere stays text in the report."""
    titled = workload("title", "'<script>alert(1)</script>'")
    code, text, root = run("bench", files=kernel("import ctypes\nctypes.string_at(0)"), prepare=titled)
    assert (code, told_plainly(text)) == (1, True), text
    assert "double/numpy/arrays: the process of its first call died of SIGSEGV" in text
    saved = Run.load(root / "reports" / "runs" / "last.json")
    assert {measurement.backend for measurement in saved.measurements} == {"python"}
    html = (root / "reports" / "html" / "index.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_first_call_that_raises_says_what_and_where(run):
    """The line in the summary is enough to mend it: what was raised, in which file and line."""
    code, text, _ = run("bench", files=kernel("raise ValueError('too bad')"))
    assert (code, told_plainly(text)) == (1, True), text
    summary = text.partition(SUMMARY)[2]
    assert "ValueError" in summary
    assert "too bad" in summary
    assert "double_numpy.py:" in summary


def test_a_first_call_that_prints_and_leaves(run):
    """Its cells fail with a reason; the others are timed."""
    code, text, _ = run("bench", files=kernel("print('hello', flush=True)\nimport os\nos._exit(0)"))
    assert (code, told_plainly(text)) == (1, True), text
    assert "2 failed, 2 passed" in text


def test_a_crash_at_a_larger_size_is_told_by_the_next_command(run):
    """It takes the process with it, but the cell that did it is on disk."""
    files = kernel("import ctypes\nif len(x) > 10: ctypes.string_at(0)\nreturn s * x")
    code, _, root = run("bench", files=files)
    assert code == -signal.SIGSEGV
    code, text, _ = run("report", files=files)
    assert (code, told_plainly(text)) == (0, True), text
    assert "died while checking double/numpy/arrays/medium" in text
    assert Run.load(root / "reports" / "runs" / "last.json").missing[0].cell == "double/numpy/arrays/medium"


def test_a_kernel_that_exits_while_it_is_timed(run):
    """It is a failed cell like any other: nothing is absent in silence."""
    code, text, root = run("bench", files=kernel("if calls > 300: raise SystemExit(0)\nreturn s * x"))
    assert code == 1, text
    missing = Run.load(root / "reports" / "runs" / "last.json").missing
    assert {row.cell for row in missing} == {"double/numpy/arrays/small", "double/numpy/arrays/medium"}


def test_a_file_in_place_of_the_reports(run):
    """Nothing is measured that could not be kept; the way out is named."""
    code, text, _ = run("bench", prepare=lambda root: (root / "reports").touch())
    assert (code, told_plainly(text)) == (pytest.ExitCode.USAGE_ERROR, True), text
    assert "cannot write" in text
    assert "--reports DIR" in text


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on the size of files stands in for a full disk")
def test_a_disk_that_fills_up_while_cells_are_timed(run):
    """The run ends with one message, and what was timed before is in the next command's hands."""
    limit = "import resource, sys\nif calls > 3000: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, -1))"
    files = kernel(f"{limit}\nreturn s * x")
    code, text, _ = run("bench", "--shuffle-seed=1", files=files)
    assert told_plainly(text), text
    assert code not in {0, pytest.ExitCode.TESTS_FAILED} or "error: cannot write" in text
    code, text, root = run("report", files=files)
    assert (code, told_plainly(text)) == (0, True), text
    assert Run.load(root / "reports" / "runs" / "last.json").id


@pytest.mark.parametrize(
    "arguments",
    [
        ["--backends", "numba"],
        ["--setup-only"],
    ],
)
def test_a_run_without_times_leaves_the_last_one_alone(run, arguments):
    """The last run may be the only copy of what it measured."""

    def measured_before(root):
        (root / "reports" / "runs").mkdir(parents=True)
        (root / "reports" / "runs" / "last.json").write_text('"an hour of measuring"')

    _, text, root = run("bench", *arguments, prepare=measured_before)
    assert json.loads((root / "reports" / "runs" / "last.json").read_text()) == "an hour of measuring", text


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--budget", "much"], "--budget"),
        (["--budget", "-1"], "--budget"),
        (["--benchmark-json", "absent/x.json"], "absent/x.json"),
        (["--sizes", "huge"], "Known: tiny, small, medium, all"),
    ],
)
def test_options_that_cannot_be_followed(run, arguments, word):
    """A usage error, or an error of collection, that names what was wrong."""
    code, text, _ = run("bench", *arguments)
    assert told_plainly(text), text
    assert code in {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED}
    assert word in text


def test_without_pytest_benchmark(write_project):
    """``-p no:benchmark`` leaves nothing to time with; that is what the message says."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "-p", "no:benchmark", "-p", "no:cacheprovider"],
        cwd=write_project(),
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout + done.stderr
    assert told_plainly(text), text
    assert done.returncode != 0
    assert "pytest-benchmark" in text


def test_a_broken_workload_that_was_not_asked_for(run):
    """``--workloads double`` measures just that, whatever state the others are in."""

    def break_another(root):
        (root / "kernels" / "other").mkdir()
        (root / "kernels" / "other" / "__init__.py").write_text("import absent\nWORKLOAD = 1\n")
        (root / "kernels" / "other" / "other_numpy.py").write_text("__all__ = ['arrays']\n")

    code, text, _ = run("bench", "--workloads", "double", prepare=break_another)
    assert code == 0, text


def test_a_failed_cell_fails_once(run):
    """Where warnings are errors, a cell that disagrees is one failure, not an error at its teardown as well."""
    strict = '[tool.steelyard]\n[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n'
    code, text, _ = run("bench", files=kernel("return x"), configuration=strict)
    assert code == 1
    assert "2 failed, 2 passed in" in text, text


def test_options_of_a_project_of_its_own(tmp_path):
    """Where steelyard is merely installed, a conftest.py that declares ``--sizes`` works as before."""
    (tmp_path / "conftest.py").write_text("def pytest_addoption(parser):\n    parser.addoption('--sizes')\n")
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_profiler_that_cannot_be_imported(write_project):
    """The table is printed, the report is written, and the error is told after them."""
    root = write_project(configuration="[tool.steelyard]\nprofilers = {mine = 'mine:run'}\n")
    (root / "mine.py").write_text("1 / 0\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "--benchmark-max-time=0.02", "-p", "no:cacheprovider"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout + done.stderr
    assert (done.returncode, told_plainly(text)) == (1, True), text
    assert "Name (time in" in text
    assert (root / "reports" / "html" / "index.html").exists()
    assert "mine" in text.partition(SUMMARY)[2]


INTERRUPTIBLE = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals a process group")
def test_an_interrupt_during_the_first_calls(write_project):
    """Ctrl-C ends the run at once, not when every other variant has had its first call."""
    names = "abcdefgh"
    slow = [f"def {name}(x, s):\n    time.sleep(1.5)\n    return s * x\n" for name in names]
    files = {"double_numpy.py": f"import time\n__all__ = {list(names)}\n" + "\n".join(slow)}
    root = write_project(files)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "bench", *QUICK],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        for _ in range(1000):
            if list(root.glob("reports/runs/journal/*.jsonl")):
                break
            time.sleep(0.02)
        time.sleep(0.8)
        os.killpg(process.pid, signal.SIGINT)
        try:
            text, _ = process.communicate(timeout=3)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert told_plainly(text), text


@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_with_xdist(run):
    """Nothing can be timed by several processes at once, but the cells are checked."""
    code, text, _ = run("bench", "-n", "2")
    assert code == 0, text
