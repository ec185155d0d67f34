"""A saved run is read back as it was, or refused with its name and the cure."""

import json
import os

import pytest
from runs_made import header, write_run
from steelyard import runs
from steelyard.errors import CannotWrite, NoRun, UnreadableRun
from steelyard.runs import Missing, Run


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
    assert "or move this one out of the way" in str(caught.value)


def test_the_latest_that_can_be_read(tmp_path):
    """A truncated last.json does not hide the saved run before it."""
    saved = write_run(tmp_path / "runs" / "machine" / "0001_x.json")
    (tmp_path / "runs" / "last.json").write_text("{")
    assert runs.latest(tmp_path).path == saved
    saved.unlink()
    with pytest.raises(UnreadableRun, match=r"last\.json"):
        runs.latest(tmp_path)


NOT_RUN = [{"cell": "double/numba/loops/small", "status": "not run", "reason": "its turn did not come"}]


@pytest.mark.parametrize(
    ("ids", "last", "previous"),
    [
        (["whole a", "whole b"], "whole b", None),
        (["whole a", "cut b"], "cut b", "whole a"),
        (["whole a", "cut b", "cut c"], "cut c", "whole a"),
        (["whole a", "died b", "cut c"], "cut c", "whole a"),
        (["cut a", "whole b"], "whole b", None),
    ],
)
def test_a_run_cut_short_does_not_cost_the_whole_one_before(tmp_path, ids, last, previous):
    """What it replaces as the last one is kept beside it."""
    kinds = {"whole": {}, "cut": {"missing": NOT_RUN}, "died": {"died": "timing"}}
    for id in ids:
        runs.write_last(tmp_path, {**header(id, **kinds[id.split()[0]]), "benchmarks": []})
    kept = tmp_path / "runs" / "previous.json"
    assert runs.latest(tmp_path).id == last
    assert (Run.load(kept).id if kept.exists() else None) == previous


def test_a_last_run_that_cannot_be_read_is_replaced(tmp_path):
    """By one cut short, too."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "last.json").write_text("{")
    runs.write_last(tmp_path, {**header(missing=NOT_RUN), "benchmarks": []})
    assert runs.latest(tmp_path).missing


def test_no_run_says_how_to_make_one(tmp_path):
    """The cure is a command."""
    with pytest.raises(NoRun, match="pytest bench"):
        runs.latest(tmp_path)


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
    assert (tmp_path / ".gitignore").read_text() == "*\n!README.md\n"
    (tmp_path / ".gitignore").write_text("mine")
    runs.prepare_reports(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"
