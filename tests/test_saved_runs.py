"""Two saved runs are compared as far as they bear it, and what they cannot tell is said."""

import json

import pytest
from runs_made import benchmark, header
from steelyard.project import GateSettings
from steelyard.revision import CannotSetUp
from steelyard.runs import Run
from steelyard.saved_runs import FEWEST, compare

CELLS = [f"double/numpy/arrays/size{number}" for number in range(12)]


def run(path, seconds, **ours):
    """A saved run in which each cell takes so many seconds, with a spread of one in a thousand."""
    path.write_text(
        json.dumps(
            {
                **header(**ours),
                "benchmarks": [
                    benchmark(cell, [time * (1 + 1e-3 * (i % 3 - 1)) for i in range(30)])
                    for cell, time in seconds.items()
                ],
            }
        )
    )
    return Run.load(path)


def judged(tmp_path, before, after, **head):
    base, head = run(tmp_path / "base.json", before), run(tmp_path / "head.json", after, **head)
    return compare(base, head, GateSettings(), strict=False, accepted=())


def verdicts(judgement):
    return {cell.cell: cell.verdict for cell in judgement.cells}


def test_one_cell_that_takes_twice_as_long_is_slower(tmp_path):
    """It stands out from the others, whose spread is what two hours differ by; the result says that it is weaker."""
    usual = dict.fromkeys(CELLS, 1e-3)
    found = judged(tmp_path, usual, {**usual, CELLS[3]: 2e-3})
    assert verdicts(found) == {**dict.fromkeys(CELLS, "same"), CELLS[3]: "slower"}
    assert found.exit_code == 1
    assert not found.paired
    assert "one process a cell" in found.notes[0]


def test_what_all_cells_do_is_not_laid_to_the_commit(tmp_path):
    """In a busy hour every cell takes longer: none of them is called slower."""
    found = judged(tmp_path, dict.fromkeys(CELLS, 1e-3), dict.fromkeys(CELLS, 1.3e-3))
    assert set(verdicts(found).values()) == {"undecided"}
    assert found.exit_code == 0


def test_few_cells_tell_nothing(tmp_path):
    """Their spread would say nothing of the hours, so that each is undecided, with that reason."""
    few = CELLS[: FEWEST - 1]
    found = judged(tmp_path, dict.fromkeys(few, 1e-3), dict.fromkeys(few, 2e-3))
    assert set(verdicts(found).values()) == {"undecided"}
    assert f"fewer than {FEWEST} cells" in found.cells[0].reason


def test_a_cell_cannot_pass_by_disappearing(tmp_path):
    """A cell of one run only has vanished or is new, which is not exit code 0."""
    usual = dict.fromkeys(CELLS, 1e-3)
    fewer = {cell: time for cell, time in usual.items() if cell != CELLS[0]}
    gone, new = judged(tmp_path, usual, fewer), judged(tmp_path, fewer, usual)
    assert (verdicts(gone)[CELLS[0]], gone.exit_code) == ("vanished", 2)
    assert (verdicts(new)[CELLS[0]], new.exit_code) == ("new", 2)


def test_runs_of_two_machines_are_not_compared(tmp_path):
    """It names in what they differ."""
    usual = dict.fromkeys(CELLS, 1e-3)
    with pytest.raises(CannotSetUp, match=r"differ in cpu \(made up and another\)"):
        judged(tmp_path, usual, usual, machine={"cpu": "another"})
