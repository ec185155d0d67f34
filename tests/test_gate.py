"""A gate tells what two revisions of a repository differ in, times what it must, and leaves nothing behind."""

import json
import os
import random
import threading
import time
from contextlib import nullcontext

import psutil
import pytest
from repositories import (
    ARRAYS,
    CONFIGURATION,
    LOOPS,
    NUMPY_FILE,
    PROJECT,
    PYTHON_FILE,
    WORKLOAD_FILE,
    commit,
    compare,
    git,
    make,
    row,
    verdicts,
    write,
)
from steelyard import gate, pair, verdict
from steelyard.gate import Gate, keep
from steelyard.judgement import Judgement
from steelyard.pair import Pair
from steelyard.revision import CannotSetUp
from steelyard.sides import Options, Sides
from steelyard.survey import Survey
from steelyard.timed import FEWEST, Timed
from steelyard.verdict import LOOKS, Verdict

pytestmark = pytest.mark.usefixtures("temporary")

WORKLOAD, PYTHON, NUMPY = (PROJECT[name] for name in (WORKLOAD_FILE, PYTHON_FILE, NUMPY_FILE))

NOT_TIMED = {LOOPS: "unchanged", ARRAYS: "unchanged"}


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
    assert row(found, LOOPS).pairs >= FEWEST


def test_a_worker_that_is_killed(tmp_path, monkeypatch):
    """The cell that was measured then is failed; the others go on."""
    measure, killed = Pair.measure, []

    def measure_once_killed(self, cell, plan, patience):
        if cell == ARRAYS and not killed:
            killed.append(cell)
            threading.Timer(0.05, self.workers["base"].process.kill).start()
            plan = pair.Plan(plan.calls, 10**5, 1)
        return measure(self, cell, plan, patience)

    monkeypatch.setattr(Pair, "measure", measure_once_killed)
    root = make(tmp_path / "repository")
    found = compare(root, budget=60.0, tolerance=0.5, all=True)
    assert verdicts(found)[ARRAYS] == "failed"
    assert row(found, ARRAYS).reason.startswith("in base: died of SIGKILL")
    assert row(found, LOOPS).pairs >= FEWEST


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


def test_verdicts_of_a_whole_gate(tmp_path, made_up):
    """Cells are judged on their own, and one that fails takes no other with it."""
    made_up[LOOPS] = lambda number: 0.1 + 1e-3 * (-1) ** number
    root = make(tmp_path / "repository")
    found = compare(root, all=True, budget=60.0)
    assert verdicts(found) == {LOOPS: "slower", ARRAYS: "same"}
    assert row(found, LOOPS).pairs == LOOKS[0] + verdict.fresh_pairs(LOOKS[0])
    assert row(found, ARRAYS).pairs == LOOKS[0]
    assert found.exit_code == 1
    assert Judgement.load(keep(found, tmp_path / "reports")) == found
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
    sides = Sides(None, None, None, Options(budget=budget), None)
    made = Clocked(sides, Survey(sides, timed={cell.cell: cell for cell in cells}), rng=random.Random(1))
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
    noise = [0.09, -0.08, 0.1, -0.05, 0.12, -0.06]
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
    assert {cell.reason for cell in found.cells} == {"the gate was interrupted before its answer was clear"}


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
        if "reading the code of both revisions, 1" in line:
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


def test_different_addresses_are_noted(tmp_path, made_up, monkeypatch):
    """Where the system does not give both sides the same: it explains why more is left undecided."""
    root = make(tmp_path / "repository")
    assert not any("addresses" in note for note in compare(root, all=True).notes)
    monkeypatch.setattr(gate, "same_addresses", lambda: nullcontext(False))
    assert any("the same addresses" in note for note in compare(root, all=True).notes)


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
