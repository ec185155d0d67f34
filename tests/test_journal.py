"""A run is on disk the moment each cell ends, and survives what ends the process."""

import json
import subprocess
import sys

from runs_made import benchmark, header
from steelyard import journal, runs
from steelyard.journal import Journal
from steelyard.runs import Run


def test_a_finished_journal_leaves_nothing(tmp_path):
    """Once the run is saved elsewhere, its journal goes."""
    ours = Journal(tmp_path, header())
    ours.measured(benchmark())
    ours.close()
    assert list((tmp_path / "runs" / "journal").iterdir()) == []
    assert list(journal.recover(tmp_path)) == []


def test_a_journal_that_goes_on_is_left_alone(tmp_path):
    """Another process's recovery does not touch a run that is alive."""
    ours = Journal(tmp_path, header())
    code = f"from pathlib import Path; from steelyard.journal import recover; print(list(recover(Path({str(tmp_path)!r}))))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
    assert ours.path.exists()
    ours.close()


DYING = """
import os, sys, json
from pathlib import Path
from steelyard.journal import Journal
from steelyard.runs import Missing
header, benchmark = json.loads(sys.argv[2]), json.loads(sys.argv[3])
journal = Journal(Path(sys.argv[1]), header)
journal.missing(Missing("double/numba/loops/tiny", "failed", "wrong"))
journal.doing("timing", "double/numpy/arrays/small")
journal.measured(benchmark)
journal.doing("timing", "double/numpy/arrays/medium")
os.abort()
"""


def test_a_run_that_died_is_recovered(tmp_path):
    """Its finished cells become a run file, and the cell that it died in is named."""
    arguments = [str(tmp_path), json.dumps(header()), json.dumps(benchmark())]
    subprocess.run([sys.executable, "-c", DYING, *arguments], capture_output=True, check=False)
    (recovered,) = journal.recover(tmp_path)
    assert recovered.cells == 1
    assert "died while timing double/numpy/arrays/medium" in str(recovered)
    run = Run.load(recovered.path)
    assert [m.cell for m in run.measurements] == ["double/numpy/arrays/small"]
    assert [row.cell for row in run.missing] == ["double/numba/loops/tiny", "double/numpy/arrays/medium"]
    assert runs.latest(tmp_path).id == run.id
    assert list(journal.recover(tmp_path)) == []


def test_what_is_learned_on_the_way_is_kept(tmp_path):
    """What a run file holds beside its cells and was not known at the beginning, such as the machine's ceilings."""
    ours = Journal(tmp_path, header(ceilings={}))
    ours.learned({"ceilings": {"seconds": 4.2}, "warnings": ["beware"]})
    ours.measured(benchmark())
    run, died = journal.read_journal(ours.path)
    assert run["steelyard"]["ceilings"] == {"seconds": 4.2}
    assert run["steelyard"]["warnings"] == ["beware"]
    assert died is None
    ours.close()


def test_what_was_measured_afterwards_is_recovered_too(tmp_path):
    """A cell that has its time and dies later is not taken for failed."""
    folder = tmp_path / "runs" / "journal"
    folder.mkdir(parents=True)
    cell = "double/numpy/arrays/small"
    lines = [
        {"event": "begin", "run": header()},
        {"event": "measured", "benchmark": benchmark(cell)},
        {"event": "measured", "benchmark": benchmark("double/numpy/arrays/medium")},
        {"event": "memory", "cell": cell, "memory": {"peak": 64, "tool": "memray"}},
        {"event": "doing", "what": "measuring the memory of", "cell": "double/numpy/arrays/medium"},
    ]
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (recovered,) = journal.recover(tmp_path)
    assert "died while measuring the memory of double/numpy/arrays/medium" in str(recovered)
    run = Run.load(recovered.path)
    assert [m.info.get("memory") for m in run.measurements] == [{"peak": 64, "tool": "memray"}, None]
    assert run.missing == ()


def test_a_line_cut_short_loses_only_itself(tmp_path):
    """The crash may come while the journal is written."""
    folder = tmp_path / "runs" / "journal"
    folder.mkdir(parents=True)
    lines = [{"event": "begin", "run": header()}, {"event": "measured", "benchmark": benchmark()}]
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"event": "measured", "bench')
    (recovered,) = journal.recover(tmp_path)
    assert recovered.cells == 1


def test_a_journal_without_beginning_is_put_aside(tmp_path):
    """It is kept under another name, and does not come up again."""
    folder = tmp_path / "runs" / "journal"
    folder.mkdir(parents=True)
    (folder / "x.jsonl").write_text("{")
    (aside,) = journal.recover(tmp_path)
    assert "put aside as x.unreadable" in str(aside)
    assert [path.name for path in folder.iterdir()] == ["x.unreadable"]
