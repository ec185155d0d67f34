"""What Numba and LLVM said, read back."""

from __future__ import annotations

import profiles_made as made
import pytest
from steelyard.report.numba_words import MEANINGS, NumbaWords, reason


def test_vectorised_loops_are_counted() -> None:
    """Of the innermost ones; loops over prange are shared out instead."""
    words = NumbaWords.from_json(made.numba("x"), None)
    assert words.outcome == (
        "Compiled by Numba, 1 of 3 innermost loops is vectorised, up to 8 elements at a time; "
        "1 loop over prange is shared out."
    )
    assert [loop.outcome for loop in words.loops] == [
        *("holds other loops", "vectorised, 8 at a time", "not vectorised", "nothing said"),
        "shared out among threads",
    ]


@pytest.mark.parametrize("start", MEANINGS)
def test_reasons_are_explained(start: str) -> None:
    """Each in words of Python; what LLVM advises to authors of C is left out."""
    found = reason(f"{start}. Use #pragma clang loop distribute(enable) to allow")
    assert found.words == start
    assert found.meaning == MEANINGS[start]
    assert reason("quite new").meaning == ""
