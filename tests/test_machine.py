"""A machine's key is made of what lasts."""

import importlib.metadata
import json
from dataclasses import replace

import pytest
from steelyard import cython_build
from steelyard.machine import Machine, state


@pytest.fixture(scope="module")
def machine():
    return Machine.here()


def test_the_same_machine_has_the_same_key(machine):
    """Two looks give one key, though load and clock rate have changed between them."""
    assert machine.key == Machine.here().key


@pytest.mark.parametrize(
    "change", [{"cpu": "other"}, {"cores": 1024}, {"libraries": {"numpy": "0.1"}}, {"python": "CPython 2.7"}]
)
def test_another_machine_has_another(machine, change):
    """What decides speed decides the key."""
    assert machine.key != replace(machine, **change).key


def test_nothing_that_drifts_is_in_it(machine):
    """No clock rate, load, host name or boot time."""
    text = json.dumps(machine.as_dict()).lower()
    assert "mhz" not in text
    assert not set(state()) & set(machine.as_dict())


def test_no_backend_is_needed(monkeypatch):
    """A machine without Cython, setuptools or a compiler is a machine."""
    cython_build.compiler_version.cache_clear()
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr("importlib.metadata.version", absent)
    try:
        bare = Machine.here()
    finally:
        cython_build.compiler_version.cache_clear()
    assert bare.compiler == "none"
    assert bare.libraries == {}


def absent(name):
    raise importlib.metadata.PackageNotFoundError(name)


def test_it_knows_this_machine(machine):
    """Cores, memory and library versions are there."""
    assert machine.cores >= 1
    assert machine.memory > 0
    assert "numpy" in machine.libraries
