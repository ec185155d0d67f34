"""Runs are saved whole, each under a number of its own, where pytest-benchmark's commands find them."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_benchmark.logger import Logger
from steelyard.driver import RunStorage


@pytest.fixture
def storage(tmp_path):
    return RunStorage(tmp_path, Logger(Logger.QUIET), "machine", [])


def test_two_runs_at_once_both_survive(storage):
    """Every number is given once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: storage.save({"i": i}, "same_name"), range(16)))
    names = sorted(path.name for path in (storage.path / "machine").iterdir())
    assert [f"{number:04}_same_name.json" for number in range(1, 17)] == names


def test_a_full_disk_is_kept_for_later(storage, monkeypatch):
    """The table of what was measured must still be printed: the failure is told at the end."""

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    storage.save({}, "x")
    (problem,) = storage.problems
    assert "No space left" in problem
    assert not list(storage.path.rglob("*.json"))
