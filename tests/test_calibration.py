"""The calibration slows what it says it slows, keeps what it found, and counts it right."""

import ast
import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from steelyard import calibration
from steelyard.calibration import record, slowed
from steelyard.calibration.record import Outcome, Suite
from steelyard.calibration.slowed import CELLS, EFFECTS
from steelyard.errors import CannotWrite, SteelyardError
from steelyard.registry import Registry

KERNELS = sorted({slowed.kernel_file(Path(), cell) for cell in CELLS})


def outcome(effect=0.0, verdict="same", low=0.99, high=1.01, cell=CELLS[0]):
    return Outcome(cell, effect, verdict, 1.0 + effect, low, high, 6, "", (0.0, 0.01))


def suite(*cells, kind="same", neighbour=False, load=0.0, seconds=30.0, budget=60.0):
    return Suite(kind, neighbour, load, seconds, budget, 0.02, "2026-11-24T12:00:00+00:00", "machine", cells)


# What is compared.


def test_the_cells_are_those_of_the_project(tmp_path):
    """Every one is there, in a file of its own, and of the four backends that take part."""
    registry = Registry(slowed.make_repository(tmp_path, {}))
    assert {registry.cell(cell).id for cell in CELLS} == set(CELLS)
    assert len(KERNELS) == len(CELLS) == 12
    assert Counter(cell.split("/")[1] for cell in CELLS) == dict.fromkeys(
        ("python", "numpy", "numba", "cython"), 3
    )


def test_a_repository_of_the_same_code(tmp_path):
    """Base and head are one commit."""
    root = slowed.make_repository(tmp_path, {}).root
    assert revision(root, "base") == revision(root, "head")


def revision(root, name):
    return subprocess.run(
        ["git", "rev-parse", f"{name}^{{tree}}"], cwd=root, capture_output=True, text=True, check=True
    ).stdout


def test_a_repository_with_slowed_cells(tmp_path):
    """All kernels differ, the drawn ones in their rounds too; nothing else does, so that nobody can tell which."""
    effects = {CELLS[0]: 0.02, CELLS[5]: 0.10, CELLS[9]: 0.03}
    root = slowed.make_repository(tmp_path, effects).root
    names = subprocess.run(
        ["git", "diff", "--name-only", "base", "head"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    assert sorted(names) == [path.as_posix() for path in KERNELS]
    rounds = {}
    for cell in CELLS:
        path = slowed.kernel_file(root, cell)
        (line,) = [line for line in path.read_text().splitlines() if line.startswith("ROUNDS = ")]
        rounds[cell] = int(line.split()[2])
        if path.suffix == ".py":
            ast.parse(path.read_text())
    assert rounds == {cell: round(200 * (1 + effects.get(cell, 0.0))) for cell in CELLS}


def test_the_slowed_repository_still_has_its_variants(tmp_path):
    """The function that every file has more is no kernel."""
    registry = Registry(slowed.make_repository(tmp_path, {CELLS[0]: 0.05}))
    assert {name.rpartition("/")[2] for name in (v.id for v in variants(registry))} == {
        "loops",
        "arrays",
        "passes",
    }


def variants(registry):
    return [variant for found in registry.variants.values() for variant in found]


@pytest.mark.parametrize("effect", [0.001, 0.0333])
def test_a_share_that_is_no_whole_number_of_rounds(effect):
    """It is refused, not rounded."""
    with pytest.raises(SteelyardError, match="no whole number"):
        slowed.with_rounds("ROUNDS = 200\n", effect, "")


def test_a_kernel_without_its_rounds():
    """A file in which nothing would be slowed is not passed over."""
    with pytest.raises(SteelyardError):
        slowed.with_rounds("ROUNDS = 300\n", 0.02, "")


def test_lots():
    """Two cells of each effect, or eight of one; another draw, other cells."""
    drawn = slowed.lots(EFFECTS, random.Random(1))
    assert Counter(drawn.values()) == dict.fromkeys(EFFECTS, 2)
    assert Counter(slowed.lots((0.01,), random.Random(1)).values()) == {0.01: 8}
    assert len({frozenset(slowed.lots(EFFECTS, random.Random(seed))) for seed in range(20)}) > 10


@pytest.mark.parametrize(("same", "slowed"), [(3, 1), (1, 3), (4, 0), (0, 2), (7, 5), (0, 0)])
def test_kinds_are_mixed(same, slowed):
    """As many of each as were asked for, and never all of one kind first."""
    kinds = calibration.mixed(same, slowed)
    assert Counter(kinds) == Counter({"same": same, "slowed": slowed})
    if same == 3:
        assert kinds == ["same", "same", "same", "slowed"]


# What is kept.


def test_suites_are_appended_and_read(tmp_path):
    """Each as it was; a line that was cut short when the machine went down is passed over."""
    path = tmp_path / "folder" / "calibration.jsonl"
    suites = [suite(outcome()), suite(outcome(0.05, "slower"), kind="slowed", neighbour=True)]
    for each in suites:
        record.append(path, each)
    with path.open("a") as file:
        file.write('{"kind": "same", "neigh')
    assert record.read(path) == suites


def test_no_file(tmp_path):
    """Before the first suite has ended there is none, as when that is interrupted; what cannot be read is an error."""
    assert record.read(tmp_path / "nowhere.jsonl") == []
    with pytest.raises(SteelyardError, match="Is a directory"):
        record.read(tmp_path)


def test_a_file_that_cannot_be_written(tmp_path):
    """A clear error, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        record.append(tmp_path / "file" / "calibration.jsonl", suite())


# What it says.


def test_summary_counts():
    """Alarms by suite and by cell, what was found of each effect, and how often the interval held the truth."""
    text = record.summary(
        [
            suite(outcome(), outcome(verdict="slower", low=1.01, high=1.03)),
            suite(outcome(), outcome(verdict="undecided")),
            suite(
                outcome(0.03, "slower", 1.02, 1.04),
                outcome(0.03, "same", 0.99, 1.01),
                outcome(),
                kind="slowed",
                seconds=60.0,
            ),
        ]
    )
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "on a quiet machine, budget 60 s, tolerance 2 %"
    assert lines[1] == "suites of the same code: 2; with slowed cells: 1; 40 s each on average, 60 s at most"
    assert lines[2].startswith("suites of the same code with a false alarm: 1 of 2 (50.0 %")
    same, slowed = lines.index("same code:"), lines.index("+3 %:")
    assert lines[same + 1].startswith("slower 1 of 5 (20.0 %, 0.5 to 71.6 %)")
    assert lines[same + 4].startswith("undecided 1 of 5")
    assert lines[same + 5].startswith("interval holds the nominal ratio: 4 of 5")
    assert lines[slowed + 1].startswith("slower 1 of 2")
    assert lines[slowed + 3].startswith("same 1 of 2")
    assert lines[slowed + 5].startswith("interval holds the nominal ratio: 1 of 2")


def test_summary_keeps_conditions_apart():
    """A busy machine, a neighbour, another budget: each has its own figures."""
    text = record.summary(
        [
            suite(outcome()),
            suite(outcome(), load=0.5),
            suite(outcome(), neighbour=True, load=0.5),
            suite(outcome(), budget=180.0),
        ]
    )
    assert [line for line in text.splitlines() if line and not line.startswith(" ")] == [
        "on a quiet machine, budget 60 s, tolerance 2 %",
        "on a quiet machine, budget 180 s, tolerance 2 %",
        "with another process burning a core in bursts, budget 60 s, tolerance 2 %",
        "while other work went on, budget 60 s, tolerance 2 %",
    ]


def test_summary_of_nothing():
    """It says so."""
    assert record.summary([]) == "no suite has ended yet"


@pytest.mark.parametrize(
    ("count", "whole", "text"),
    [
        (0, 60, "0 of 60 (0.0 %, 0.0 to 6.0 %)"),
        (3, 720, "3 of 720 (0.4 %, 0.1 to 1.2 %)"),
        (40, 40, "40 of 40 (100.0 %, 91.2 to 100.0 %)"),
        (0, 0, "0 of 0"),
    ],
)
def test_exact_binomial_intervals(count, whole, text):
    """Clopper and Pearson's, as tables have them."""
    assert record.share_of(count, whole) == text


def test_what_others_used():
    """The machine's CPU seconds but for our own, as a share of its cores."""
    cores = os.cpu_count()
    assert calibration.others_share((1.0, 10.0), (6.0, 15.0), 10.0) == 0.0
    assert calibration.others_share((0.0, 0.0), (0.0, 5.0), 10.0) == pytest.approx(0.5 / cores)
    assert calibration.others_share((0.0, 0.0), (6.0, 5.0), 10.0) == 0.0
