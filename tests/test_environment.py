"""Measuring has an environment of its own, which is gone afterwards."""

import os
import sys

import pytest
from steelyard.environment import keep_freed_memory, measuring, variables


def test_the_environment_is_put_back(monkeypatch):
    """What was set is set again, what was not is gone."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    with measuring():
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert os.listdir(os.environ["NUMBA_CACHE_DIR"]) == []
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_every_library_starts_with_one_thread():
    """All cores are what can be asked for later, not what a kernel gets."""
    chosen = variables("x")
    assert {"1"} == {
        value for name, value in chosen.items() if name.endswith("_NUM_THREADS") and "NUMBA" not in name
    }


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_memory_is_kept():
    """Glibc takes both settings."""
    assert keep_freed_memory()
