"""A gate tells what two revisions of a repository differ in, times what it must, and leaves nothing behind."""

import json
import math
import os
import random
import tempfile
import threading
import time

import psutil
import pytest
from repositories import (
    ARRAYS,
    CONFIGURATION,
    LOOPS,
    PROJECT,
    commit,
    compare,
    git,
    make,
    row,
    verdicts,
    without_git_configuration,
    write,
)
from steelyard import gate, verdict
from steelyard.errors import UnknownName
from steelyard.gate import Gate, Options, Timed
from steelyard.judgement import Judgement
from steelyard.pair import Pair, SideFailed
from steelyard.project import GateSettings
from steelyard.revision import CannotSetUp
from steelyard.verdict import LOOKS, Verdict

WORKLOAD_FILE, PYTHON_FILE, NUMPY_FILE = (
    "kernels/double/__init__.py",
    "kernels/double/double_python.py",
    "kernels/double/double_numpy.py",
)
WORKLOAD, PYTHON, NUMPY = (PROJECT[name] for name in (WORKLOAD_FILE, PYTHON_FILE, NUMPY_FILE))

NOT_TIMED = {LOOPS: "unchanged", ARRAYS: "unchanged"}


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files is empty, at the beginning and at the end, and no process is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    without_git_configuration(monkeypatch)
    yield folder
    assert [path.name for path in folder.iterdir()] == []
    assert [child for child in psutil.Process().children(recursive=True) if is_worker(child)] == []


def is_worker(process):
    try:
        return "steelyard.worker" in process.cmdline()
    except psutil.Error:
        return False


@pytest.fixture
def made_up(monkeypatch):
    """Pairs are not measured: each gives log ratios that the test makes up, ``made_up[cell](number of the pair)``."""
    ratios, lanes = {}, []

    def measure_pair(self, cells, seconds, share):
        lanes.append([cell.cell for cell in cells])
        for cell in cells:
            found = ratios.get(cell.cell, lambda number: 1e-4 * (-1) ** number)(len(cell.logs))
            if isinstance(found, BaseException):
                raise found
            if isinstance(found, SideFailed):
                cell.problem = found
            else:
                cell.add(found, {"base": 1e-3, "head": 1e-3 * math.exp(found)}, 0.1)
        return 0.0

    monkeypatch.setattr(Gate, "measure_pair", measure_pair)
    ratios["lanes"] = lanes
    return ratios


# What needs no timing.


def test_the_same_code_is_unchanged(tmp_path):
    """Nothing is timed where nothing that a cell loads has changed, though other files have."""
    root = make(tmp_path / "repository", head={"notes.txt": "more", "other.py": "x = 1\n"})
    found = compare(root)
    assert verdicts(found) == NOT_TIMED
    assert (found.exit_code, row(found, LOOPS).pairs, row(found, LOOPS).ratio) == (0, 0, None)
    assert [note for note in found.notes if "--all" in note]
    assert (found.base["name"], found.head["name"], found.head["changed"]) == ("base", "working tree", True)


def test_a_changed_kernel_is_timed_and_the_others_are_not(tmp_path, made_up):
    """A change in one kernel's file leaves the cells of the other file unchanged; both texts are kept."""
    root = make(tmp_path / "repository", head={NUMPY_FILE: NUMPY + "# changed\n"})
    found = compare(root)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "same"}
    assert row(found, ARRAYS).sources == {"base": NUMPY, "head": NUMPY + "# changed\n"}
    assert row(found, ARRAYS).files == {"base": NUMPY_FILE, "head": NUMPY_FILE}
    assert row(found, LOOPS).sources == {}


def test_all_times_unchanged_cells_too(tmp_path, made_up):
    """``--all`` times what is the same in code."""
    found = compare(make(tmp_path / "repository"), all=True)
    assert verdicts(found) == {LOOPS: "same", ARRAYS: "same"}
    assert found.notes == ()


def test_what_a_kernel_imports_from_the_repository_counts_as_its_code(tmp_path, made_up):
    """A helper beside the kernel, one that this imports in turn, and a data file that the workload names."""
    uses_helper = "from ._scale import scale\n" + NUMPY.replace("s * x", "scale(s) * x")
    helper = {"kernels/double/_scale.py": "from ._deep import same\n\ndef scale(s):\n    return same(s)\n"}
    deep = {"kernels/double/_deep.py": "def same(s):\n    return s\n"}
    root = make(tmp_path / "repository", {NUMPY_FILE: uses_helper, **helper, **deep})
    write(root, {"kernels/double/_deep.py": "def same(s):\n    return 1.0 * s\n"})
    assert verdicts(compare(root)) == {LOOPS: "unchanged", ARRAYS: "same"}


def test_data_files_that_the_workload_names_count(tmp_path, made_up):
    """A changed data file has every cell of the workload timed, though its name alone says that it is read."""
    workload = WORKLOAD.replace('unit="points",', 'unit="points",\n    files=("*.txt",),')
    root = make(tmp_path / "repository", {WORKLOAD_FILE: workload, "kernels/double/table.txt": "1"})
    write(root, {"kernels/double/table.txt": "2"})
    assert verdicts(compare(root)) == {LOOPS: "same", ARRAYS: "same"}


# A process sees its own revision alone.


def uses_helper(package="helpers"):
    return f"from {package}.scale import scale\n" + NUMPY.replace("s * x", "scale(s) * x")


@pytest.fixture(params=["PYTHONPATH", "pth"])
def installed(request, tmp_path, monkeypatch):
    """Have the repository's ``src`` on every process's path, as an environment variable or an editable install does."""

    def install(source):
        if request.param == "PYTHONPATH":
            monkeypatch.setenv("PYTHONPATH", str(source))
        else:
            site = tmp_path / "site"
            write(
                site,
                {
                    "editable.pth": f"{source}\n",
                    "sitecustomize.py": "import os, site\nsite.addsitedir(os.path.dirname(__file__))\n",
                },
            )
            monkeypatch.setenv("PYTHONPATH", str(site))

    return install


def test_base_runs_bases_helpers(tmp_path, made_up, installed):
    """Of a package of the repository that is installed as editable, each revision imports its own files.

    The reference is what imports it, and head's gives another answer: were base to run head's helper, the two
    would agree.
    """
    kernel = "from helpers.scale import scale\n" + PYTHON.replace("s * value", "scale(s) * value")
    helper = "def scale(s):\n    return {} * s\n"
    files = {
        PYTHON_FILE: kernel,
        NUMPY_FILE: uses_helper(),
        "src/helpers/__init__.py": "",
        "src/helpers/scale.py": helper.format("1.0"),
    }
    root = make(tmp_path / "repository", files, {"src/helpers/scale.py": helper.format("3.0")})
    installed(root / "src")
    found = compare(root)
    assert verdicts(found) == {LOOPS: "changed", ARRAYS: "changed"}
    assert "the references differ: y" in row(found, ARRAYS).reason
    write(root, {"src/helpers/scale.py": "def scale(s):\n    return s * 1.0\n"})
    assert verdicts(compare(root)) == {LOOPS: "same", ARRAYS: "same"}


# Cells that cannot be compared.


def test_vanished_and_new(tmp_path):
    """A benchmark cannot pass by disappearing: exit code 2."""
    other = NUMPY.replace("arrays", "columns").replace("s * x", "x + x if s == 2.0 else s * x")
    root = make(
        tmp_path / "repository", head={NUMPY_FILE: other.replace("return", "z = [s, s, s]\n    return")}
    )
    found = compare(root)
    assert verdicts(found) == {
        LOOPS: "unchanged",
        ARRAYS: "vanished",
        "double/numpy/columns/small": "new",
    }
    assert found.exit_code == 2


def test_renamed(tmp_path):
    """A function with another name and the same code is told of as what it has become."""
    root = make(tmp_path / "repository", head={NUMPY_FILE: NUMPY.replace("arrays", "vectors")})
    found = compare(root)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "renamed"}
    assert "double/numpy/vectors/small" in row(found, ARRAYS).reason
    assert found.exit_code == 2
    assert compare(root, accepted=("renamed",)).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"s": 2.0}', '"s": 2.5}', "the inputs of size small are others"),
        ('"small": {"n": 8}', '"small": {"n": 9}', "size small: {'n': 8} in base, {'n': 9} in head"),
        ("relative=1e-12", "relative=1e-11", "tolerances of double"),
        ("default_sizes", "version=2,\n    default_sizes", "version of double: 1 in base, 2 in head"),
    ],
    ids=["inputs", "size", "tolerance", "version"],
)
def test_another_definition_is_changed(tmp_path, old, new, reason):
    """What computes something else is not compared."""
    assert old in WORKLOAD
    root = make(tmp_path / "repository", head={WORKLOAD_FILE: WORKLOAD.replace(old, new)})
    found = compare(root, patterns=(ARRAYS,))
    assert verdicts(found) == {ARRAYS: "changed"}
    assert reason in row(found, ARRAYS).reason
    assert found.exit_code == 2


def test_another_result_is_changed(tmp_path):
    """Where both revisions agree with their own reference, but the references differ; the place is told."""
    head = {
        PYTHON_FILE: PYTHON.replace("s * value", "s * value + 1"),
        NUMPY_FILE: NUMPY.replace("s * x", "s * x + 1"),
    }
    found = compare(make(tmp_path / "repository", head=head))
    assert verdicts(found) == {LOOPS: "changed", ARRAYS: "changed"}
    assert (
        "the references differ: y[0] at size small is 0.0 in base, 1.0 in head" in row(found, ARRAYS).reason
    )


def test_a_wrong_head_disagrees(tmp_path):
    """A kernel that head has made wrong is not timed; the reason names the revision and no temporary folder."""
    root = make(tmp_path / "repository", head={NUMPY_FILE: NUMPY.replace("s * x", "s * x + 1e-3")})
    found = compare(root)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "disagrees"}
    assert row(found, ARRAYS).reason.startswith("in head: ")
    assert tempfile.gettempdir() not in row(found, ARRAYS).reason
    assert found.exit_code == 2


def test_a_cell_that_its_reference_no_longer_bears_out_disagrees_though_its_code_is_the_same(tmp_path):
    """The reference alone has changed: the other cells are held against it again."""
    root = make(tmp_path / "repository", head={PYTHON_FILE: PYTHON.replace("s * value", "s * value + 1")})
    assert verdicts(compare(root, patterns=(ARRAYS,))) == {ARRAYS: "disagrees"}


def test_unavailable(tmp_path):
    """A backend whose module head lacks makes its cells unavailable, and says where."""
    root = make(
        tmp_path / "repository",
        {
            "pyproject.toml": f'{CONFIGURATION}[tool.steelyard.backends]\nmine = "json"\n',
            "kernels/double/double_mine.py": NUMPY,
        },
        {"pyproject.toml": f'{CONFIGURATION}[tool.steelyard.backends]\nmine = "no_such_module"\n'},
    )
    found = compare(root)
    assert verdicts(found) == {**NOT_TIMED, "double/mine/arrays/small": "unavailable"}
    assert row(found, "double/mine/arrays/small").reason.startswith("in head: ")


def test_kernels_that_fail(tmp_path, made_up):
    """One that raises when it is imported, and one that crashes, fail alone; the others are judged."""
    names = ["raising", "crashing", "changed"]
    configuration = (
        CONFIGURATION + "[tool.steelyard.backends]\n" + "".join(f'{name} = "json"\n' for name in names)
    )
    crash = "import os, signal\n" + NUMPY.replace(
        "return", "os.kill(os.getpid(), signal.SIGSEGV)\n    return"
    )
    heads = {
        "raising": 'raise RuntimeError("no luck")\n' + NUMPY,
        "crashing": crash,
        "changed": NUMPY + "#\n",
    }
    root = make(
        tmp_path / "repository",
        {"pyproject.toml": configuration, **{f"kernels/double/double_{name}.py": NUMPY for name in names}},
        {f"kernels/double/double_{name}.py": text for name, text in heads.items()},
    )
    found = compare(root)
    cells = {name: f"double/{name}/arrays/small" for name in names}
    assert verdicts(found) == {
        **NOT_TIMED,
        cells["raising"]: "failed",
        cells["crashing"]: "failed",
        cells["changed"]: "same",
    }
    assert "no luck" in row(found, cells["raising"]).reason
    assert "in head: its process died of SIGSEGV" in row(found, cells["crashing"]).reason


def test_a_kernel_that_hangs_fails(tmp_path, made_up, monkeypatch):
    """What does not end within the patience for first calls."""
    site = tmp_path / "site"
    write(site, {"sitecustomize.py": "import steelyard.survey\nsteelyard.survey.PATIENCE = 0.5\n"})
    monkeypatch.setenv("PYTHONPATH", str(site))
    hanging = "import time\n" + NUMPY.replace("return", "time.sleep(600)\n    return")
    found = compare(make(tmp_path / "repository", head={NUMPY_FILE: hanging}))
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "failed"}
    assert row(found, ARRAYS).reason.startswith("in head: did not end within ")


def test_too_slow(tmp_path):
    """A call that takes more than a fortieth of the budget is not timed."""
    slow = "import time\n" + NUMPY.replace("return", "time.sleep(0.03)\n    return")
    found = compare(make(tmp_path / "repository", head={NUMPY_FILE: slow}), budget=0.4)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "too slow"}
    assert "that the budget allows" in row(found, ARRAYS).reason


# Real pairs.

IN_PAIR = "import gc, os, signal, time\n"
"""What a kernel needs to know whether it is timed: the collector is off meanwhile."""


def misbehaving(action):
    return IN_PAIR + NUMPY.replace("return", f"if not gc.isenabled():\n        {action}\n    return")


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "in head: died of SIGSEGV"),
        ('raise RuntimeError("no luck")', "in head: RuntimeError: no luck"),
        ("while True: pass", "in head: did not answer within"),
    ],
    ids=["crash", "exception", "hang"],
)
def test_a_kernel_that_fails_only_when_timed_fails_alone(tmp_path, monkeypatch, action, reason):
    """Its cell is failed with the reason and the revision, at once; the other is measured."""
    measure = Pair.measure
    monkeypatch.setattr(
        Pair,
        "measure",
        lambda self, cell, plan, patience: measure(
            self, cell, plan, 2.0 if "hang" in reason or "answer" in reason else patience
        ),
    )
    root = make(tmp_path / "repository", head={NUMPY_FILE: misbehaving(action), PYTHON_FILE: PYTHON + "#\n"})
    found = compare(root, budget=60.0, tolerance=0.5)
    assert verdicts(found)[ARRAYS] == "failed"
    assert row(found, ARRAYS).reason.startswith(reason)
    assert row(found, LOOPS).pairs >= gate.FEWEST


def test_a_worker_that_is_killed(tmp_path, monkeypatch):
    """The cell that was measured then is failed; the others go on."""
    measure, killed = Pair.measure, []

    def measure_once_killed(self, cell, plan, patience):
        if cell == ARRAYS and not killed:
            killed.append(cell)
            threading.Timer(0.05, self.workers["base"].process.kill).start()
            plan = gate.Plan(plan.calls, 10**5, 1)
        return measure(self, cell, plan, patience)

    monkeypatch.setattr(Pair, "measure", measure_once_killed)
    root = make(tmp_path / "repository")
    found = compare(root, budget=60.0, tolerance=0.5, all=True)
    assert verdicts(found)[ARRAYS] == "failed"
    assert row(found, ARRAYS).reason.startswith("in base: died of SIGKILL")
    assert row(found, LOOPS).pairs >= gate.FEWEST


def test_a_slowed_kernel_is_slower_and_the_same_code_is_not(tmp_path):
    """Twice the loop is found, and a cell that is the same in code is not accused."""
    loops = PYTHON.replace("return", "for _ in range({}):\n        [s * value for value in x]\n    return")
    root = make(tmp_path / "repository", {PYTHON_FILE: loops.format(40)}, {PYTHON_FILE: loops.format(80)})
    found = compare(root, budget=60.0, tolerance=0.3, all=True)
    assert verdicts(found)[LOOPS] == "slower"
    assert verdicts(found)[ARRAYS] in {"same", "undecided"}
    slower = row(found, LOOPS)
    assert 1 < slower.low < slower.ratio < slower.high
    assert len(slower.fresh) >= verdict.FRESH
    assert found.exit_code == 1
    assert {"cell", "verdict", "ratio", "low", "high", "pairs", "seconds"} <= set(found.as_list()[0])


def test_parallel_cells_have_pairs_of_their_own_with_all_cores(tmp_path, monkeypatch):
    """Serial ones take turns on one core; a variant that uses several is not bound to it."""
    bound = {}
    load, bind = Pair.load, Pair.bind

    def noted_load(self, cells, *, timed):
        self.cells = tuple(cells)
        return load(self, cells, timed=timed)

    def noted_bind(self, core):
        bind(self, core)
        bound[self.cells] = [
            psutil.Process(worker.process.pid).cpu_affinity() for worker in self.workers.values()
        ]

    monkeypatch.setattr(Pair, "load", noted_load)
    monkeypatch.setattr(Pair, "bind", noted_bind)
    text = NUMPY + '\n__parallel__ = ["arrays"]\n'
    compare(make(tmp_path / "repository", {NUMPY_FILE: text}), all=True, budget=4.0)
    cores = sorted(os.sched_getaffinity(0))
    assert set(bound) == {(LOOPS,), (ARRAYS,)}
    assert bound[ARRAYS,] == [cores, cores]
    assert len(bound[LOOPS,][0]) == 1
    assert bound[LOOPS,][0] == bound[LOOPS,][1]


def test_a_machine_with_one_core(tmp_path):
    """Nothing needs a second one."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        found = compare(make(tmp_path / "repository"), all=True, budget=4.0)
    finally:
        os.sched_setaffinity(0, cores)
    assert all(cell.pairs for cell in found.cells)


# Pairs that are made up.


def timed(*logs):
    cell = Timed(LOOPS, 0.02, parallel=False)
    add(cell, *logs)
    return cell


def add(cell, *logs):
    for log in logs:
        cell.add(log, {"base": 1e-3, "head": 1e-3 * math.exp(log)}, 0.5)


def noisy(center, count, spread=1e-3):
    return [center + spread * (-1) ** i for i in range(count)]


def test_nothing_is_said_before_the_first_look():
    """A cell is not judged while fewer pairs are measured than a look is due after."""
    cell = timed(*noisy(0.1, LOOKS[0] - 1))
    cell.look(1)
    assert (cell.looks, cell.suspicion, cell.final) == (0, None, None)
    add(cell, 0.1)
    cell.look(1)
    assert (cell.looks, cell.suspicion) == (1, Verdict.SLOWER)


@pytest.mark.parametrize(("center", "word"), [(0.1, Verdict.SLOWER), (-0.1, Verdict.FASTER)])
def test_only_fresh_pairs_convict(center, word):
    """A suspect is measured again, as often as was fixed when the suspicion arose, and then convicted."""
    cell = timed(*noisy(center, LOOKS[0]))
    cell.look(12)
    assert cell.wanted == verdict.fresh_pairs(LOOKS[0])
    add(cell, *noisy(center, cell.wanted - 1))
    cell.look(12)
    assert cell.final is None
    assert cell.judged(10.0).verdict == "undecided"
    assert "no time for fresh pairs" in cell.judged(10.0).reason
    add(cell, center)
    cell.look(12)
    assert (cell.final, cell.is_open) == (word, False)
    found = cell.judged(10.0)
    assert (found.verdict, found.reason) == (str(word), "")
    assert found.fresh == found.log_ratios[-cell.wanted :]


def test_an_acquitted_suspect_is_not_accused_again():
    """It goes on being measured, and ends undecided however far from 1 it lies; or the same."""
    cell = timed(*noisy(0.1, LOOKS[0]))
    cell.look(12)
    add(cell, *[0.3 * (-1) ** i for i in range(cell.wanted)])
    cell.look(12)
    assert (cell.final, cell.suspicion, cell.accused, cell.is_open) == (None, None, True, True)
    add(cell, *noisy(0.5, LOOKS[4] - len(cell.logs)))
    while cell.looks < 5:
        cell.look(12)
    assert (cell.final, cell.suspicion) == (None, None)
    found = cell.judged(10.0)
    assert found.verdict == "undecided"
    assert "fresh pairs did not confirm it" in found.reason or "±" in found.reason
    innocent = timed(*noisy(0.1, LOOKS[0]))
    innocent.look(12)
    innocent.logs[:] = noisy(0.0, 40)
    innocent.suspicion, innocent.accused = None, True
    innocent.look(12)
    assert innocent.final is Verdict.SAME


def test_a_suspicion_at_the_last_look_is_followed_up():
    """Also then the fresh pairs are measured that convict or acquit it."""
    cell = timed(*noisy(0.0, LOOKS[-1], 0.5))
    cell.looks = len(LOOKS) - 1
    cell.logs[:] = noisy(0.1, LOOKS[-1])
    cell.look(12)
    assert (cell.suspicion, cell.is_open) == (Verdict.SLOWER, True)
    add(cell, *noisy(0.1, cell.wanted))
    cell.look(12)
    assert cell.final is Verdict.SLOWER


def test_each_look_spends_its_share_once():
    """Looks are taken one after the other, one for each number of pairs that is due."""
    cell = timed()
    for pairs in range(1, LOOKS[-1] + 1):
        add(cell, 0.5 * (-1) ** pairs)
        cell.look(12)
        assert cell.looks == sum(due <= pairs for due in LOOKS)
    assert not cell.is_open


def test_a_cell_that_cannot_be_decided_says_what_it_would_take():
    """The interval so far, and the budget for one as narrow as the tolerance."""
    found = timed(*noisy(0.0, 9, 0.05)).judged(60.0)
    assert found.verdict == "undecided"
    assert "after 60 s; about " in found.reason
    assert "--budget" in found.reason
    assert found.smallest_change > 0.02


def test_too_few_pairs_say_nothing():
    """Fewer than three have no interval worth the name; none at all means that the cell was not run."""
    assert "only 2 pairs" in timed(0.5, 0.5).judged(9.0).reason
    assert timed(0.5, 0.5).judged(9.0).ratio is None
    assert timed().judged(9.0).verdict == "not run"


def test_a_problem_is_told_with_its_side():
    """Of a cell with a problem nothing else counts."""
    cell = timed(*noisy(0.1, 20))
    cell.problem = SideFailed(LOOPS, "both", "the clock did not go forward")
    found = cell.judged(9.0)
    assert (found.verdict, found.reason) == ("failed", "in either revision: the clock did not go forward")
    assert not cell.is_open


def test_verdicts_of_a_whole_gate(tmp_path, made_up):
    """Cells are judged on their own, and one that fails takes no other with it."""
    made_up[LOOPS] = lambda number: 0.1 + 1e-3 * (-1) ** number
    root = make(tmp_path / "repository")
    found = compare(root, all=True, budget=60.0)
    assert verdicts(found) == {LOOPS: "slower", ARRAYS: "same"}
    assert row(found, LOOPS).pairs == LOOKS[0] + verdict.fresh_pairs(LOOKS[0])
    assert row(found, ARRAYS).pairs == LOOKS[0]
    assert found.exit_code == 1
    assert Judgement.load(gate.keep(found, tmp_path / "reports")) == found
    assert Judgement.load(tmp_path / "reports" / "gate" / "last.json") == found


class Clocked(Gate):
    """A gate whose time only pairs move on."""

    now = 0.0

    @property
    def elapsed(self):
        return Clocked.now


def clocked(monkeypatch, cells, ratio, *, budget, start_up=1.0):
    """A gate of made-up pairs, each of which takes a second."""
    monkeypatch.setattr(Clocked, "now", 0.0)
    lanes = []

    def measure_pair(self, cells, seconds, share):
        lanes.append([cell.cell for cell in cells])
        Clocked.now += 1.0
        for cell in cells:
            cell.add(ratio(cell.cell, len(cell.logs)), {"base": 1.0, "head": 1.0}, 0.1)
        return start_up

    monkeypatch.setattr(Clocked, "measure_pair", measure_pair)
    made = object.__new__(Clocked)
    made.options, made.rng = Options(budget=budget), random.Random(1)
    made.timed = {cell.cell: cell for cell in cells}
    made.sample()
    return made, lanes


def test_the_budget_ends_it(monkeypatch):
    """No pair is started that could not be measured within the budget."""
    cell = Timed("a", 0.02, parallel=False)
    made, lanes = clocked(monkeypatch, [cell], lambda name, i: 0.5 * (-1) ** i, budget=20.0)
    assert 17 <= made.elapsed <= 20
    assert len(lanes) == len(cell.logs)
    assert cell.judged(made.elapsed).verdict == "undecided"


def test_the_last_call_leaves_time_for_fresh_pairs(monkeypatch):
    """After seven tenths of the budget every cell is looked at, though its next look is not due."""
    cell = Timed("a", 0.02, parallel=False)
    noise = [0.05, -0.04, 0.06, 0.13, 0.02, 0.02]
    made, _ = clocked(
        monkeypatch,
        [cell],
        lambda name, i: noise[i] if i < len(noise) else 0.05 + 1e-3 * (-1) ** i,
        budget=26.0,
    )
    assert cell.looks >= 3
    assert cell.final is Verdict.SLOWER, (cell.looks, len(cell.logs))
    assert made.elapsed <= 26


def test_parallel_cells_are_measured_apart(monkeypatch):
    """A round has a pair for the serial cells and one for the parallel."""
    cells = [
        Timed("a", 0.02, parallel=False),
        Timed("b", 0.02, parallel=True),
        Timed("c", 0.02, parallel=False),
    ]
    _, lanes = clocked(monkeypatch, cells, lambda name, i: 1e-4 * (-1) ** i, budget=100.0)
    assert lanes == [["a", "c"], ["b"]] * LOOKS[0]


def test_the_tolerance_is_that_of_the_command_line_or_the_configuration(tmp_path, made_up):
    """The configuration's, by cell; the command line's takes its place for all."""
    configuration = (
        CONFIGURATION + '[tool.steelyard.gate]\ntolerance = "5%"\ntolerances = {"*/numpy/*" = 0.1}\n'
    )
    root = make(tmp_path / "repository", {"pyproject.toml": configuration})
    found = compare(root)
    assert {cell.cell: cell.tolerance for cell in found.cells} == {LOOPS: 0.05, ARRAYS: 0.1}
    settings = Options(tolerance=0.03).tolerances(None)
    assert settings == GateSettings(tolerance=0.03)


# What cannot be set up.


def test_no_git_repository(tmp_path):
    """It says that saved runs can be compared without one."""
    write(tmp_path / "project", PROJECT)
    with pytest.raises(CannotSetUp, match=r"is in no git repository(.|\n)*--runs"):
        compare(tmp_path / "project")


def test_an_unknown_revision(tmp_path):
    """It names those that there are."""
    with pytest.raises(CannotSetUp, match=r"no revision 'nonesuch'(.|\n)*base"):
        compare(make(tmp_path / "repository"), base="nonesuch")


def test_a_base_without_the_configuration(tmp_path):
    """A revision that is older than the harness in this repository."""
    root = make(tmp_path / "repository", {"pyproject.toml": '[project]\nname = "x"\n'})
    write(root, {"pyproject.toml": CONFIGURATION})
    with pytest.raises(CannotSetUp, match=r"base .* has no \[tool.steelyard\]"):
        compare(root)


def test_a_workload_that_does_not_import(tmp_path):
    """Base's workload raises; its file is named as it stands in the repository."""
    root = make(tmp_path / "repository", {WORKLOAD_FILE: "import nonesuch\n" + WORKLOAD})
    write(root, {WORKLOAD_FILE: WORKLOAD})
    with pytest.raises(CannotSetUp, match=r"the kernels of base cannot be used: kernels/double/__init__\.py"):
        compare(root)


def test_a_stray_module(tmp_path):
    """A kernel that loads a file by its absolute path would run the same code in both revisions."""
    root = make(tmp_path / "repository", {"helper.py": "x = 1\n"})
    stray = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('helper', {str(root / 'helper.py')!r})\n"
        "sys.modules['helper'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(sys.modules['helper'])\n"
    )
    write(root, {NUMPY_FILE: stray + NUMPY})
    with pytest.raises(
        CannotSetUp, match=r"module helper was loaded from .*helper.py, not from this revision"
    ):
        compare(root)


def test_an_installed_copy(tmp_path, monkeypatch):
    """A copy of the repository's own package is what both revisions would run."""
    site = tmp_path / "site"
    write(
        site,
        {
            "mine/__init__.py": "def scale(s):\n    return s\n",
            "mine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n",
            "mine-1.0.dist-info/RECORD": "mine/__init__.py,,\nmine-1.0.dist-info/METADATA,,\n",
        },
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    kernel = "from mine import scale\n" + NUMPY.replace("s * x", "scale(s) * x")
    files = {"pyproject.toml": f'{CONFIGURATION}[project]\nname = "mine"\n', NUMPY_FILE: kernel}
    with pytest.raises(CannotSetUp, match="an installed copy of this repository's own package"):
        compare(make(tmp_path / "repository", files), all=True)


def test_a_pattern_that_fits_nothing(tmp_path):
    """It says what there is."""
    with pytest.raises(CannotSetUp, match="no cell fits 'double/numpi'"):
        compare(make(tmp_path / "repository"), patterns=("double/numpi",))
    assert not issubclass(gate.UnknownPattern, UnknownName)


# Ctrl-C.


def test_interrupted_while_sampling(tmp_path, monkeypatch):
    """What was measured is in the judgement; workers and folders are gone."""
    measure, measured, workers = Pair.measure, [], []

    def measure_and_stop(self, cell, plan, patience):
        workers.extend(worker.process.pid for worker in self.workers.values())
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append(cell)
        return measure(self, cell, plan, patience)

    monkeypatch.setattr(Pair, "measure", measure_and_stop)
    found = compare(make(tmp_path / "repository"), all=True, budget=20.0)
    assert (found.interrupted, found.exit_code) == (True, 130)
    assert sum(cell.pairs for cell in found.cells) == 3
    assert not any(psutil.pid_exists(pid) for pid in workers)


def test_interrupted_before_a_cell_was_measured(tmp_path, made_up):
    """Its reason is not the budget."""
    made_up[LOOPS] = lambda number: KeyboardInterrupt()
    found = compare(make(tmp_path / "repository"), all=True)
    assert verdicts(found)[LOOPS] == "not run"
    assert row(found, LOOPS).reason == "the gate was interrupted before"


def test_interrupted_while_a_revision_is_read(tmp_path):
    """It does not wait for a process that is busy with a kernel."""
    slow = "import time\n" + NUMPY.replace("return", "time.sleep(20)\n    return")
    root = make(tmp_path / "repository", head={NUMPY_FILE: slow})

    def progress(line):
        if "reading the code of both revisions, 2" in line:
            threading.Timer(0.3, lambda: os.kill(os.getpid(), 2)).start()

    start = time.monotonic()
    found = compare(root, progress=progress)
    assert found.interrupted
    assert time.monotonic() - start < 15


# Where it runs, and what it leaves behind.


def test_the_working_tree_as_it_stands(tmp_path, made_up):
    """Changes that are not committed and files that git does not know are head's; the repository is untouched."""
    mine = f'{CONFIGURATION}[tool.steelyard.backends]\nmine = "json"\n'
    root = make(tmp_path / "repository", {"pyproject.toml": mine})
    write(root, {PYTHON_FILE: PYTHON + "#\n", "kernels/double/double_mine.py": NUMPY})
    git(root, "add", PYTHON_FILE)
    write(root, {PYTHON_FILE: PYTHON + "# more\n"})
    before = state(root)
    found = compare(root)
    assert verdicts(found) == {LOOPS: "same", ARRAYS: "unchanged", "double/mine/arrays/small": "new"}
    assert state(root) == before


def state(root):
    """All that a gate could change: files, index, branches, worktrees, stashes."""
    files = {
        path.relative_to(root): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git/objects" not in path.as_posix()
    }
    commands = (["status", "--porcelain"], ["worktree", "list"], ["stash", "list"], ["count-objects"])
    return files, [git(root, *command) for command in commands]


def test_two_commits_of_a_project_in_a_subfolder(tmp_path, made_up, monkeypatch):
    """A repository with its project further down, called from within a folder of that; head is a commit."""
    project = {f"deep/down/{name}": text for name, text in PROJECT.items()}
    root = make(tmp_path / "repository", project=project)
    commit(root, {f"deep/down/{NUMPY_FILE}": NUMPY + "#\n"}, "head")
    write(root, {f"deep/down/{PYTHON_FILE}": PYTHON + "#\n"})
    inside = root / "deep" / "down" / "kernels" / "double"
    monkeypatch.chdir(inside)
    found = compare(inside, "head")
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "same"}
    assert row(found, ARRAYS).files["base"] == f"deep/down/{NUMPY_FILE}"


def test_other_dependencies_are_noted(tmp_path):
    """Both revisions ran with what is installed today."""
    needs = '[project]\nname = "x"\ndependencies = ["numpy{}"]\n'
    root = make(tmp_path / "repository", {"pyproject.toml": CONFIGURATION + needs.format("<3")})
    assert not [note for note in compare(root).notes if "dependencies" in note]
    write(root, {"pyproject.toml": CONFIGURATION + needs.format(">=2")})
    assert [note for note in compare(root).notes if "declare different dependencies" in note]


def test_the_judgement_is_plain_data(tmp_path):
    """It says which machine, which budget and which options it was made with."""
    found = compare(make(tmp_path / "repository"), budget=7.5, strict=True, patterns=(LOOPS,))
    assert (found.budget, found.strict, found.options) == (
        7.5,
        True,
        {"patterns": [LOOPS], "all": False},
    )
    assert json.dumps(found.as_list())
    assert set(verdicts(found)) == {LOOPS}
