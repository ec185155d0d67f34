"""A run is on disk the moment each cell ends, and survives what ends the process."""

import json
import os
import subprocess
import sys

import pytest
from steelyard import runs
from steelyard.errors import CannotWrite, NoRun, UnreadableRun
from steelyard.runs import Journal, Missing, Run


def benchmark(cell="double/numpy/arrays/small", data=(1e-6, 2e-6)):
    workload, backend, variant, size = cell.split("/")
    names = {
        "cell": cell,
        "workload": workload,
        "backend": backend,
        "variant": variant,
        "size": size,
        "work": 8,
    }
    return {"extra_info": names, "stats": {"data": list(data), "iterations": 10}}


def header(id="20260101T000000-1", **ours):
    return {
        "machine_info": {},
        "commit_info": {"id": "abc"},
        "datetime": "2026-01-01T00:00:00+00:00",
        "steelyard": {
            "format": 1,
            "id": id,
            "started": "2026-01-01T00:00:00+00:00",
            "machine": {"cpu": "made up"},
            "state": {},
            "titles": {"double": "Doubling"},
            "missing": [],
            "warnings": [],
            **ours,
        },
    }


def write_run(path, **ours):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**header(**ours), "benchmarks": [benchmark()]}))
    return path


def test_a_run_is_read_back(tmp_path):
    """Measurements, missing cells and where it was measured come back as they were saved."""
    missing = {"cell": "double/numba/loops/small", "status": "failed", "reason": "it is wrong"}
    run = Run.load(write_run(tmp_path / "run.json", missing=[missing]))
    assert run.measurements[0].samples == (1e-6, 2e-6)
    assert run.missing == (Missing(**missing),)
    assert run.machine["cpu"] == "made up"


def test_benchmarks_of_other_tests_are_passed_over(tmp_path):
    """pytest-benchmark's file also holds the benchmarks that are no cells."""
    path = write_run(tmp_path / "run.json")
    data = json.loads(path.read_text())
    data["benchmarks"].append({"extra_info": {}, "stats": {}})
    path.write_text(json.dumps(data))
    assert len(Run.load(path).measurements) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"benchmarks": [', "cut short"),
        (b"", "cut short"),
        (b"\xff\xfe\x00", "no text"),
        (b"[]", "steelyard did not write it"),
        (b'{"benchmarks": []}', "lacks 'steelyard'"),
        (b'{"steelyard": {"format": 99}}', "format 99 is newer"),
        (b'{"steelyard": 3, "benchmarks": 4}', "steelyard did not write it"),
    ],
)
def test_a_file_that_is_no_run_is_named(tmp_path, content, message):
    """Truncated, foreign, or from the future: the message names the file and the cure."""
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableRun, match=message) as caught:
        Run.load(path)
    assert str(path) in str(caught.value)
    assert "Move it out of the way" in str(caught.value)


def test_the_latest_that_can_be_read(tmp_path):
    """A truncated last.json does not hide the saved run before it."""
    saved = write_run(tmp_path / "runs" / "machine" / "0001_x.json")
    (tmp_path / "runs" / "last.json").write_text("{")
    assert runs.latest(tmp_path).path == saved
    saved.unlink()
    with pytest.raises(UnreadableRun, match=r"last\.json"):
        runs.latest(tmp_path)


def test_no_run_says_how_to_make_one(tmp_path):
    """The cure is a command."""
    with pytest.raises(NoRun, match="pytest bench"):
        runs.latest(tmp_path)


def test_a_finished_journal_leaves_nothing(tmp_path):
    """Once the run is saved elsewhere, its journal goes."""
    journal = Journal(tmp_path, header())
    journal.measured(benchmark())
    journal.close()
    assert list((tmp_path / "runs" / "journal").iterdir()) == []
    assert list(runs.recover(tmp_path)) == []


def test_a_journal_that_goes_on_is_left_alone(tmp_path):
    """Another process's recovery does not touch a run that is alive."""
    journal = Journal(tmp_path, header())
    code = f"from pathlib import Path; from steelyard.runs import recover; print(list(recover(Path({str(tmp_path)!r}))))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
    assert journal.path.exists()
    journal.close()


DYING = """
import os, sys, json
from pathlib import Path
from steelyard.runs import Journal, Missing
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
    (recovered,) = runs.recover(tmp_path)
    assert recovered.cells == 1
    assert "died while timing double/numpy/arrays/medium" in str(recovered)
    run = Run.load(recovered.path)
    assert [m.cell for m in run.measurements] == ["double/numpy/arrays/small"]
    assert [row.cell for row in run.missing] == ["double/numba/loops/tiny", "double/numpy/arrays/medium"]
    assert runs.latest(tmp_path).id == run.id
    assert list(runs.recover(tmp_path)) == []


def test_a_line_cut_short_loses_only_itself(tmp_path):
    """The crash may come while the journal is written."""
    folder = tmp_path / "runs" / "journal"
    folder.mkdir(parents=True)
    lines = [{"event": "begin", "run": header()}, {"event": "measured", "benchmark": benchmark()}]
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"event": "measured", "bench')
    (recovered,) = runs.recover(tmp_path)
    assert recovered.cells == 1


def test_a_journal_without_beginning_is_put_aside(tmp_path):
    """It is kept under another name, and does not come up again."""
    folder = tmp_path / "runs" / "journal"
    folder.mkdir(parents=True)
    (folder / "x.jsonl").write_text("{")
    assert list(runs.recover(tmp_path)) == []
    assert [path.name for path in folder.iterdir()] == ["x.unreadable"]


def test_files_are_whole_or_not_there(tmp_path, monkeypatch):
    """A full disk leaves the old file as it was, and no part of the new one."""
    path = tmp_path / "run.json"
    runs.write_atomically(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match=r"(?s)run.json: No space left on device.*--reports DIR"):
        runs.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """It is known before anything is measured."""
    (tmp_path / "reports").write_text("a file where the folder should be")
    with pytest.raises(CannotWrite, match="reports"):
        runs.prepare_reports(tmp_path / "reports")


def test_reports_ignore_themselves(tmp_path):
    """Output never lands in a commit, and a user's own .gitignore stays."""
    runs.prepare_reports(tmp_path)
    assert (tmp_path / ".gitignore").read_text().startswith("*\n")
    (tmp_path / ".gitignore").write_text("mine")
    runs.prepare_reports(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"
