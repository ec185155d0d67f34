"""What a gate has found is read back as it was, and its exit code says what a script must know."""

import itertools
import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from steelyard.errors import CannotWrite
from steelyard.judgement import (
    TIMED,
    UNJUDGED,
    VERDICTS,
    Judged,
    Judgement,
    UnreadableJudgement,
    by_urgency,
)
from steelyard.verdict import Verdict


def cell(verdict, id="double/numpy/arrays/small", **ours):
    return Judged(cell=id, verdict=verdict, **ours)


def judgement(*verdicts, **ours):
    settings = {
        "id": "20260101T000000-1",
        "started": datetime(2026, 1, 1, tzinfo=UTC),
        "base": {
            "name": "main",
            "commit": "abc",
            "changed": False,
            "dependencies": {"dependencies": ["numpy"]},
        },
        "head": {"name": "working tree", "commit": "abc", "changed": True, "dependencies": {}},
        "cells": tuple(
            cell(verdict, f"double/numpy/v{number}/small") for number, verdict in enumerate(verdicts)
        ),
        "machine": {"cpu": "made up"},
        "budget": None,
        "seconds": 12.5,
    }
    return Judgement(**{**settings, **ours})


FULL = cell(
    "slower",
    reason="it is",
    ratio=1.1,
    low=1.05,
    high=1.15,
    pairs=12,
    seconds=3.0,
    tolerance=0.02,
    smallest_change=0.03,
    base_s=1e-6,
    head_s=1.1e-6,
    log_ratios=(0.1, 0.09),
    fresh=(0.09,),
    sources={"base": "x = 'ü'\n", "head": "x = 2\n"},
    files={"base": "kernels/double/double_numpy.py", "head": "kernels/double/double_numpy.py"},
    profiles={"base": {"profile": "gate/base/x.prof"}},
)


# The file


@pytest.mark.parametrize(
    "found",
    [
        judgement(*VERDICTS),
        judgement(cells=(FULL, cell("unchanged"))),
        judgement(
            budget=60.0,
            strict=True,
            accepted=("new", "changed"),
            notes=("dependencies differ",),
            interrupted=True,
            paired=False,
            options={"seed": 3},
        ),
    ],
)
def test_it_is_read_back(found, tmp_path):
    """Every field, of every kind of cell, in new folders if need be."""
    path = tmp_path / "gate" / "last.json"
    found.save(path)
    assert Judgement.load(path) == found
    assert [entry.name for entry in path.parent.iterdir()] == ["last.json"]


def test_a_verdict_is_its_word(tmp_path):
    """What the statistics call it is what is saved and counted."""
    found = judgement(*Verdict)
    assert found.counts == dict.fromkeys(TIMED, 1)
    found.save(tmp_path / "x.json")
    assert [row["verdict"] for row in json.loads((tmp_path / "x.json").read_text())["cells"]] == [*TIMED]


SAVED = {"format": 1, "started": "2026-01-01T00:00:00", "accepted": [], "notes": [], "cells": []}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b'{"format": 1, "cells": [', "Expecting"),
        (b"\xff\xfe\x00", "decode"),
        (b"[]", ""),
        (b"null", ""),
        (b"3", ""),
        (b"{}", "it lacks 'format'"),
        (b'{"format": 2}', "another version of steelyard wrote it"),
        (b'{"format": 1}', "it lacks 'started'"),
        (json.dumps(SAVED | {"started": "yesterday"}).encode(), "yesterday"),
        (json.dumps(SAVED | {"started": 3}).encode(), "must be str"),
        (json.dumps(SAVED).encode(), "missing 6 required"),
        (json.dumps(SAVED | {"surprise": 1}).encode(), "surprise"),
        (json.dumps(SAVED | {"cells": [3]}).encode(), "mapping"),
        (json.dumps(SAVED | {"cells": [{"cell": "a/b/c/d"}]}).encode(), "it lacks 'log_ratios'"),
        (json.dumps(SAVED | {"notes": None}).encode(), "not iterable"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path, content, why):
    """Cut short, foreign or of another version: one message that says which file, and why."""
    path = tmp_path / "last.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableJudgement) as caught:
        Judgement.load(path)
    assert str(caught.value).startswith(f"{path} does not hold what a gate found: ")
    assert why in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_file_that_is_absent_is_named(tmp_path):
    """So is a folder in its place."""
    with pytest.raises(UnreadableJudgement, match=r"last\.json.*No such file"):
        Judgement.load(tmp_path / "last.json")
    with pytest.raises(UnreadableJudgement, match="Is a directory"):
        Judgement.load(tmp_path)


def test_a_full_disk_leaves_the_last_one(tmp_path, monkeypatch):
    """The file is whole or not there."""
    path = tmp_path / "last.json"
    judgement("same").save(path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match="No space left"):
        judgement("slower").save(path)
    assert Judgement.load(path) == judgement("same")


# What a script needs


@pytest.mark.parametrize(
    ("verdicts", "settings", "code"),
    [
        ([], {}, 0),
        (["same", "faster", "unchanged"], {}, 0),
        (["undecided"], {}, 0),
        (["undecided"], {"strict": True}, 2),
        (["same"], {"strict": True}, 0),
        (["slower"], {}, 1),
        (["slower", "failed", "undecided"], {"strict": True}, 1),
        (["slower"], {"accepted": ("slower",)}, 1),
        (["new"], {}, 2),
        (["new"], {"accepted": ("new",)}, 0),
        (["new", "vanished"], {"accepted": ("new",)}, 2),
        (["new", "slower"], {"accepted": ("new",)}, 1),
        (["new", "undecided"], {"accepted": ("new",), "strict": True}, 2),
        (["undecided"], {"accepted": ("undecided",), "strict": True}, 2),
        (["not run", "slower"], {"interrupted": True}, 130),
        ([], {"interrupted": True}, 130),
        (["same"], {"interrupted": True, "accepted": ("not run",)}, 130),
        *(([verdict], {}, 2) for verdict in UNJUDGED),
        *(([verdict, "slower"], {}, 1) for verdict in UNJUDGED),
        *(([verdict], {"accepted": (verdict,)}, 0) for verdict in UNJUDGED),
    ],
)
def test_exit_codes(verdicts, settings, code):
    """Interrupted comes before slower, slower before what could not be judged; what is accepted does not count, and undecided only if strict."""
    assert judgement(*verdicts, **settings).exit_code == code


def test_counts_are_in_order():
    """Of the verdicts that occur, the measured ones first."""
    found = judgement("not run", "new", "same", "unchanged", "slower", "same").counts
    assert list(found.items()) == [("slower", 1), ("same", 2), ("unchanged", 1), ("new", 1), ("not run", 1)]
    assert judgement().counts == {}


def test_a_list_for_other_programs():
    """One plain object a cell, with the same keys for all, and none of what is long."""
    rows = judgement(cells=(FULL, cell("new"))).as_list()
    assert rows[0] == {
        "cell": "double/numpy/arrays/small",
        "verdict": "slower",
        "reason": "it is",
        "ratio": 1.1,
        "low": 1.05,
        "high": 1.15,
        "pairs": 12,
        "seconds": 3.0,
        "tolerance": 0.02,
        "smallest_change": 0.03,
        "base_s": 1e-6,
        "head_s": 1.1e-6,
    }
    assert rows[1].keys() == rows[0].keys()
    assert (rows[1]["ratio"], rows[1]["pairs"]) == (None, 0)
    assert json.loads(json.dumps(rows)) == rows


# What a reader needs


def test_by_urgency():
    """What is slower first, and of that the worst; then what could not be judged; the unchanged last; equals by name."""
    rows = [
        cell("slower", "d", ratio=1.5),
        cell("slower", "c", ratio=1.1),
        *(cell(verdict, "x") for verdict in UNJUDGED),
        cell("undecided", "x", ratio=1.01),
        cell("undecided", "a"),
        cell("faster", "x", ratio=0.5),
        cell("same", "a", ratio=1.0),
        cell("same", "b", ratio=1.0),
        cell("unchanged", "a"),
        cell("unchanged", "b"),
    ]
    for shuffled in ([*reversed(rows)], sorted(rows, key=lambda row: row.cell)):
        assert by_urgency(shuffled) == rows


def test_every_verdict_has_its_place():
    """None is unknown to the order, whatever there is beside it."""
    for one, other in itertools.permutations(VERDICTS, 2):
        assert len(by_urgency([cell(one), replace(cell(other), ratio=1.0)])) == 2
