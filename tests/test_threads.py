"""Threads are what was asked for, read back from the libraries."""

import json
import os
import subprocess
import sys

import pytest
from steelyard import threads
from steelyard.environment import variables

CODE = """
import json
from steelyard import threads
from steelyard.environment import measuring
stack = measuring()
stack.__enter__()
import numpy, numexpr, numba
pinned = threads.in_force()
with threads.limited_to(threads.cores()):
    raised = threads.in_force()
print(json.dumps([pinned, raised, threads.in_force()]))
"""


@pytest.fixture(scope="module")
def pools():
    """What each library says in a fresh process: pinned, with all cores, and after that."""
    environment = {name: value for name, value in os.environ.items() if name not in variables("")}
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(done.stdout)


def test_everything_starts_with_one_thread(pools):
    """Each library that is loaded says one."""
    assert pools[0]
    assert {1} == set(pools[0].values())


def test_a_parallel_variant_gets_its_cores(pools):
    """numexpr and Numba can be given all cores, though they started with one."""
    assert {threads.cores()} == {pools[1][name] for name in ("numexpr", "numba")}


def test_one_thread_again_afterwards(pools):
    """The next cell does not inherit them."""
    assert {1} == set(pools[2].values())
