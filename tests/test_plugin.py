"""`pytest bench` times what agrees, keeps every sample, and leaves other test runs alone."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress

import pytest
from runs_made import write_run
from screens import Screen
from steelyard.runs import Missing, Run

QUICK = ("--benchmark-max-time=0.02", "-p", "no:cacheprovider")


@pytest.fixture
def bench(write_project):
    """Run `pytest bench` in a made-up project, in a process of its own; return it and the project's root."""

    def run(*arguments, files=None, configuration="[tool.steelyard]\n", **environment):
        root = write_project(files, configuration)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "bench", "--no-ceilings", *QUICK, *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        return done, root

    return run


@pytest.fixture(scope="module")
def one_run(tmp_path_factory):
    """A whole run with everything on, looked at by several tests."""
    from steelyard.scaffold import write_workload

    root = tmp_path_factory.mktemp("one_run")
    list(write_workload("saxpy", root))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "--benchmark-autosave", *QUICK],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "STEELYARD_CACHE": str(root / "cache")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done, root


def test_every_saved_entry_says_what_it_is(one_run):
    """Later pages and verdicts are made from these alone."""
    _, root = one_run
    (path,) = root.glob("reports/runs/*/0001_*.json")
    entries = json.loads(path.read_text())["benchmarks"]
    assert len(entries) == 12
    for entry in entries:
        info = entry["extra_info"]
        assert {
            *("cell", "workload", "backend", "variant", "size", "parameters", "work", "unit"),
            *("operations", "bytes", "threads", "first_call_s", "agreement", "reference", "parallel"),
        } <= set(info)
        assert info["cell"] == "/".join(info[part] for part in ("workload", "backend", "variant", "size"))
        assert info["threads"] == 1
        assert info["first_call_s"] > 0
        assert entry["stats"]["data"]
        assert entry["group"] == f"saxpy {info['size']}"
        assert entry["params"] == {"steelyard_cell": info["cell"]}


def test_the_saved_run_is_the_last_run(one_run):
    """Both can be read, and hold the same samples."""
    _, root = one_run
    (saved,) = root.glob("reports/runs/*/0001_*.json")
    one, other = Run.load(saved), Run.load(root / "reports/runs/last.json")
    assert one.id == other.id
    assert one.measurements == other.measurements


def test_the_memory_of_every_cell_is_in_every_saved_run(one_run):
    """It is measured after all timing and before pytest-benchmark saves; its inputs, as large as the output, are not in it."""
    done, root = one_run
    assert "steelyard: measured the memory of a call in " in done.stdout
    (saved,) = root.glob("reports/runs/*/0001_*.json")
    for path in (saved, root / "reports/runs/last.json"):
        for measurement in Run.load(path).measurements:
            found = measurement.info["memory"]
            size = 8 * measurement.info["work"]
            if measurement.backend == "numpy":
                assert size <= found["peak"] < 2 * size + 4096, measurement.cell


def test_profiles_and_report_are_written(one_run):
    """The one profile at the top has a row for each cell; the report leads to each cell's own."""
    done, root = one_run
    assert [path.name for path in (root / "reports").glob("*.prof")] == ["suite.prof"]
    assert len(list(root.glob("reports/profiles/*.prof"))) == 12
    assert (root / "reports/lines/saxpy-numpy-arrays-small.txt").is_file()
    (page,) = root.glob("reports/html/profile-saxpy-numba-loops-*.html")
    assert page.name in (root / "reports/html/workload-saxpy.html").read_text()
    html = page.read_text()
    assert "../profiles/saxpy-numba-loops-medium.prof" in html
    assert "innermost loop" in html
    assert "snakeviz reports/suite.prof" in done.stdout
    assert "reports/html/index.html" in done.stdout


def test_the_journal_is_gone(one_run):
    """What it held is saved."""
    _, root = one_run
    assert list((root / "reports/runs/journal").iterdir()) == []


def test_the_table_has_the_backends_of_a_workload_together(one_run):
    """A group for each workload and size."""
    done, _ = one_run
    assert "benchmark 'saxpy small': 6 tests" in done.stdout
    assert "benchmark 'saxpy medium': 6 tests" in done.stdout


def test_the_overview_stands_at_the_end(one_run):
    """Workload by backend, in lines of no more than 100 columns, as ``steelyard show`` prints it."""
    done, _ = one_run
    text = done.stdout.partition(" steelyard ")[2]
    assert "speed-up over the python reference" in text
    found = [line for line in text.splitlines() if line.startswith("saxpy ")]
    assert len(found) == 2
    assert all("1×" in line and len(line) <= 100 for line in found)


def test_it_compares_with_the_saved_run(one_run):
    """`--benchmark-compare` finds the run where this harness saved it, and no machine differs from itself."""
    _, root = one_run
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "bench",
            "--benchmark-compare",
            "-k",
            "numpy",
            "--no-profile",
            *QUICK,
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "STEELYARD_CACHE": str(root / "cache")},
    )
    assert done.returncode == 0, done.stdout
    assert "Comparing against benchmarks from" in done.stdout + done.stderr
    assert "(0001_" in done.stdout
    assert "machine_info is different" not in done.stdout + done.stderr


def test_cells_are_shuffled_from_a_printed_seed(bench):
    """The same seed gives the same order, another a different one."""

    def order(seed):
        done, _ = bench(
            "--sizes=all", "--collect-only", "-q", f"--shuffle-seed={seed}", files={"double_numba.py": NUMBA}
        )
        return [line for line in done.stdout.splitlines() if "::" in line]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))
    done, _ = bench("--no-profile")
    assert "--shuffle-seed=" in done.stdout


NUMBA = "__all__ = ['f', 'g', 'h']\ndef f(x, s): return s * x\ng = h = f\n"


def test_options_choose(bench):
    """Sizes, backends and workloads, and what pytest itself selects by."""
    done, root = bench(
        "--sizes=tiny,small", "--backends=numpy", "--workloads=double", "-k", "tiny", "--no-profile"
    )
    assert done.returncode == 0, done.stdout
    assert [m.cell for m in Run.load(root / "reports/runs/last.json").measurements] == [
        "double/numpy/arrays/tiny"
    ]


def test_pytest_benchmarks_own_options_stand(bench):
    """What the user gives is not replaced by what kernels usually want."""
    done, root = bench(
        "--benchmark-min-rounds=9", "--benchmark-min-time=0.000001", "--no-profile", "-k", "small"
    )
    assert "rounds of 1e-06 s or more for 0.02 s, at least 9 of them" in done.stdout
    assert all(len(m.samples) >= 9 for m in Run.load(root / "reports/runs/last.json").measurements)


def test_a_histogram(bench):
    """`--benchmark-histogram` has what it needs."""
    done, root = bench("--benchmark-histogram=drawn/all", "--no-profile", "-k", "small")
    assert done.returncode == 0, done.stdout
    assert [path.name for path in (root / "drawn").iterdir()] == ["all-double_small.svg"]


def test_json_is_complete(bench):
    """`--benchmark-json` writes a run file like any other."""
    done, root = bench("--benchmark-json=out.json", "--no-profile", "-k", "small")
    assert done.returncode == 0, done.stdout
    assert len(Run.load(root / "out.json").measurements) == 2


def test_without_timing_cells_are_only_checked(bench):
    """`--benchmark-disable` leaves the agreement, and no run."""
    done, root = bench("--benchmark-disable", files={"double_numba.py": WRONG})
    assert done.returncode == 1
    assert "4 passed" in done.stdout
    assert "2 failed" in done.stdout
    assert not (root / "reports/runs/last.json").exists()


WRONG = "__all__ = ['wrong']\ndef wrong(x, s): return s * x + 1\n"


def test_a_cell_that_disagrees_fails_and_has_no_time(bench):
    """The failure names cell, place, both values and the tolerance; the others are measured and saved."""
    done, root = bench("--no-profile", files={"double_numba.py": WRONG})
    assert done.returncode == 1
    assert "y[0] is -2.0, the reference double/python/loops has -3.0; tolerance 1e-12 relative" in done.stdout
    run = Run.load(root / "reports/runs/last.json")
    assert {"double/numba/wrong/small", "double/numba/wrong/medium"} == {row.cell for row in run.missing}
    assert len(run.measurements) == 4
    assert "double/numba/wrong" not in {m.cell.rpartition("/")[0] for m in run.measurements}


def test_what_cannot_run_is_skipped_with_its_reason(bench):
    """A backend that is absent fails nothing, and is not absent in silence."""
    done, root = bench(
        "--no-profile",
        files={"double_jax.py": "__all__ = ['f']\n"},
        configuration="[tool.steelyard]\nbackends = {jax = 'no_such_jax'}\n",
    )
    assert done.returncode == 0
    assert "unavailable: double/jax/f/" in done.stdout
    assert "pip install no_such_jax" in (root / "reports/html/index.html").read_text()


def test_a_cell_over_budget_says_so(bench):
    """A cell that the budget does not allow is a row with an estimate."""
    slow = "import time\n__all__ = ['f']\ndef f(x, s):\n    time.sleep(0.01)\n    return s * x\n"
    done, root = bench("--budget=0.05", "--no-profile", files={"double_numba.py": slow})
    assert done.returncode == 0
    assert "over budget: double/numba/f/" in done.stdout
    assert {"over budget"} == {row.status for row in Run.load(root / "reports/runs/last.json").missing}


def test_a_kernel_that_uses_more_threads_is_reported(bench, write_project):
    """More CPU time than wall time is not one thread, whatever the libraries say."""
    busy = "import time\ntime.process_time = lambda: 2 * time.perf_counter()\n"
    (write_project() / "conftest.py").write_text(busy)
    done, _ = bench("--no-profile", "-k", "numpy and small")
    assert "double/numpy/arrays/small (2.00 s of CPU time a second)" in done.stdout


def test_a_kernel_that_raises_while_it_is_timed(bench):
    """It fails; the others' samples are kept."""
    later = (
        "__all__ = ['f']\ncalls = [0]\ndef f(x, s):\n    calls[0] += 1\n"
        "    if calls[0] > 20: raise RuntimeError('tired')\n    return s * x\n"
    )
    done, root = bench("--no-profile", files={"double_numba.py": later})
    assert done.returncode == 1
    run = Run.load(root / "reports/runs/last.json")
    assert len(run.measurements) == 4
    assert "RuntimeError: tired" in run.missing[0].reason


def test_a_crash_after_the_timing_keeps_every_time(bench, write_project):
    """What was timed is recovered with the memory that was measured until then; no cell is taken for failed."""
    crash = "import steelyard.memory\ndef stop(*_):\n    import os\n    os.abort()\nsteelyard.memory.use_in_parallel = stop\n"
    (write_project() / "conftest.py").write_text(crash)
    parallel = "__all__ = ['f']\n__parallel__ = ['f']\ndef f(x, s): return s * x\n"
    done, root = bench("--no-profile", "-k", "small", files={"double_numpy.py": parallel})
    assert done.returncode < 0
    (root / "conftest.py").unlink()
    done, _ = bench("--no-profile", "-k", "small")
    assert "an earlier run died while measuring the memory of double/numpy/f/small" in done.stdout
    (recovered,) = (root / "reports/runs/recovered").glob("*.json")
    run = Run.load(recovered)
    assert run.missing == ()
    memory = {measurement.cell: measurement.info.get("memory") for measurement in run.measurements}
    assert memory["double/python/loops/small"]["peak"] > 0
    assert memory["double/numpy/f/small"] is None


def test_memory_can_be_left_out(bench):
    """By an option."""
    done, root = bench("--no-memory", "--no-profile", "-k", "small")
    assert "memory of a call" not in done.stdout
    assert all("memory" not in m.info for m in Run.load(root / "reports/runs/last.json").measurements)


@pytest.mark.parametrize(
    ("error", "said"), [("KeyboardInterrupt", "interrupted"), ("OSError('no room')", "OSError: no room")]
)
def test_what_stops_the_measuring_of_memory(error, said, bench, write_project):
    """The times are saved, and the run says what is lacking."""
    stop = f"import steelyard.memory\ndef told(*_):\n    raise {error}\nsteelyard.memory.told = told\n"
    (write_project() / "conftest.py").write_text(stop)
    done, root = bench("--no-profile", "-k", "small", "--benchmark-autosave")
    assert done.returncode == 1
    assert f"the memory of some cells was not measured: {said}" in done.stdout
    assert len(Run.load(root / "reports/runs/last.json").measurements) == 2
    assert list(root.glob("reports/runs/*/0001_*.json"))


def test_a_run_that_is_stopped_by_a_failure_has_its_memory(bench):
    """With -x what was timed until then is a run like any other."""
    done, root = bench("-x", "--no-profile", "--shuffle-seed=2", files={"double_numba.py": WRONG})
    assert done.returncode == 1
    run = Run.load(root / "reports/runs/last.json")
    assert run.measurements
    assert all(m.info["memory"]["peak"] > 0 for m in run.measurements)


CRASH = "import os\n__all__ = ['f']\ncalls = [0]\ndef f(x, s):\n    calls[0] += 1\n    if calls[0] > 20: os.abort()\n    return s * x\n"


def test_a_crash_keeps_what_was_finished(bench):
    """The next command names the cell that the run died in, and where the finished ones are."""
    done, root = bench("--shuffle-seed=3", "--no-profile", files={"double_numba.py": CRASH})
    assert done.returncode < 0
    done, root = bench(
        "--no-profile", files={"double_numba.py": "__all__ = ['f']\ndef f(x, s): return s * x\n"}
    )
    assert "an earlier run died while timing double/numba/f/" in done.stdout
    (recovered,) = (root / "reports/runs/recovered").glob("*.json")
    run = Run.load(recovered)
    assert any("died while timing" in row.reason for row in run.missing)


def test_an_interrupted_run_is_saved(write_project):
    """After Ctrl-C the finished cells are in the report and, with autosave, under a number.

    The others are not run, and have not failed; the complete run before is kept.
    """
    sleepy = (
        "import time\n__all__ = ['f']\ndef f(x, s):\n    if x.size == 8: time.sleep(0.02)\n    return s * x\n"
    )
    root = write_project({"double_numba.py": sleepy})
    write_run(root / "reports/runs/last.json", id="the one before")
    command = [
        "bench",
        "--benchmark-autosave",
        "--benchmark-min-rounds=200",
        "--shuffle-seed=4",
        "-k",
        "small",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *command, *QUICK], cwd=root, stdout=subprocess.PIPE, text=True
    )
    with process:
        wait_for(lambda: any('"timing", "cell": "double/numba' in text for text in journals(root)))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    run = Run.load(root / "reports/runs/last.json")
    assert run.measurements
    assert {row.status for row in run.missing} == {"not run"}
    assert Missing("double/numba/f/small", "not run", "interrupted while it was timed") in run.missing
    assert list(root.glob("reports/runs/*/0001_*.json"))
    assert "Stopped before the end: " in (root / "reports/html/index.html").read_text()
    assert "not run: double/numba/f/small: interrupted while it was timed" in output
    assert Run.load(root / "reports/runs/previous.json").id == "the one before"


INTERRUPTIBLE = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
sys.exit(pytest.main(sys.argv[1:]))
"""


def journals(root):
    return [path.read_text() for path in root.glob("reports/runs/journal/*.jsonl")]


def wait_for(condition, seconds=60.0):
    """Wait until something holds; a test that never gets there fails, one that does takes no longer."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not come about")


def on_a_screen(root, *arguments, columns=70):
    """Run `pytest bench` on a terminal; return what it wrote, and the screen on which that was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "bench", *QUICK, *arguments],
        cwd=root,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "PYTHONUTF8": "1"},
    )
    os.close(theirs)
    written = b""
    with suppress(OSError):  # as Linux ends a terminal
        while part := os.read(ours, 1 << 16):
            written += part
    os.close(ours)
    process.wait(timeout=60)
    screen = Screen(columns, lines=30)
    screen.write(written.decode())
    return written.decode(), screen


@pytest.mark.parametrize("arguments", [(), ("-v", "-x")])
def test_the_progress_on_a_terminal(arguments, write_project):
    """It is there in every phase, below pytest's own line, and leaves no trace among what is printed."""
    root = write_project({"double_numba.py": WRONG} if "-x" in arguments else None)
    written, screen = on_a_screen(root, "--shuffle-seed=2", *arguments)
    for phase in ("building", "checking", "timing", "measuring memory", "profiling"):
        assert f"steelyard: {phase} " in written
        assert f"steelyard: {phase} " not in screen.text
    assert " left" not in screen.text
    if not arguments:
        assert "bench/test_cells.py ....  " in screen.text
    # While a cell is timed nothing is written: upon the line that says so follows its removal.
    drawn = re.findall(r"timing \d/\d[^\x1b]*\x1b8", written)
    assert drawn
    assert len(drawn) == len(
        re.findall(r"timing \d/\d[^\x1b]*\x1b8\x1bD\x1b\[A\x1b7\x1b\[B\r\x1b\[2K", written)
    )


def test_no_progress_where_nobody_sees_it(one_run):
    """A log has pytest's dots and no command to a terminal."""
    done, _ = one_run
    assert "\x1b" not in done.stdout
    assert " left" not in done.stdout
    assert "bench/test_cells.py ............  " in done.stdout


UNRELATED = """
import os, sys

def test_nothing_is_set_or_imported():
    assert "OMP_NUM_THREADS" not in os.environ
    assert not {"numpy", "steelyard.session", "steelyard.registry"} & set(sys.modules)

def test_with_a_fixture_of_its_own(cell, benchmark):
    assert benchmark(lambda: cell) == 3
"""


def test_an_unrelated_run_is_untouched(tmp_path):
    """No environment, nothing heavy imported, no files, and pytest-benchmark's own defaults."""
    (tmp_path / "test_unrelated.py").write_text(UNRELATED)
    (tmp_path / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef cell(): return 3\n")
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--benchmark-autosave",
            "--benchmark-max-time=0.01",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout
    assert "steelyard:" not in done.stdout
    assert not (tmp_path / "reports").exists()
    assert list((tmp_path / ".benchmarks").glob("*/0001_*.json"))


def test_without_pytest_benchmark_other_tests_run(tmp_path):
    """Its hooks are optional."""
    (tmp_path / "test_plain.py").write_text("def test_plain(): pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
