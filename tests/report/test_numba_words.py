"""What Numba and LLVM said, read back."""

from __future__ import annotations

import profiles_made as made
import pytest
from steelyard.report.numba_words import MEANINGS, NumbaWords, reason


def test_vectorised_loops_are_counted() -> None:
    """Of the innermost ones of which LLVM says anything; loops over prange are shared out instead."""
    words = NumbaWords.from_json(made.numba("x"), None)
    assert words.outcome == (
        "Compiled by Numba, 1 of 2 innermost loops is vectorised, up to 8 elements at a time; "
        "LLVM says nothing of the innermost loop in line 9; "
        "1 loop over prange is shared out."
    )
    assert [loop.outcome for loop in words.loops] == [
        *("holds other loops", "vectorised, 8 at a time", "not vectorised", "nothing said"),
        "shared out among threads",
    ]


def test_silence_is_no_verdict() -> None:
    """A loop of which LLVM says nothing is not counted as one that is not vectorised."""
    said = made.numba("x")
    said["loops"] = [loop for loop in said["loops"] if loop["line"] == 9]
    words = NumbaWords.from_json(said, None)
    assert words.outcome == "Compiled by Numba, LLVM says nothing of the innermost loop in line 9."


@pytest.mark.parametrize("start", MEANINGS)
def test_reasons_are_explained(start: str) -> None:
    """Each in words of Python; what LLVM advises to authors of C is left out."""
    found = reason(f"{start}. Use #pragma clang loop distribute(enable) to allow")
    assert found.words == start
    assert found.meaning == MEANINGS[start]
    assert reason("quite new").meaning == ""
