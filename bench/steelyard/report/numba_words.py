"""What Numba and LLVM said of a variant, read back: which loops are vectorised, why others are not, what is parallel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.call_graph import text, whole
from steelyard.report.functions import place
from steelyard.report.outcome import enumeration

ADVICE = re.compile(r"\.? (?:Use|Enable vectorization of this loop with) '?#pragma.*")
"""What LLVM advises to authors of C."""

MEANINGS: Mapping[str, str] = {
    "call instruction cannot be vectorized": "it calls a function of which there is no vector form",
    "instruction cannot be vectorized": "it does something of which there is no vector form",
    "Cannot vectorize early exit loop": "it may end early: an error that it can raise, such as a division by zero "
    "(error_model='numpy' raises none), a break or a return",
    "Cannot vectorize uncountable loop": "how often it runs is known only when it has",
    "could not determine number of loop iterations": "how often it runs is known only when it has",
    "loop induction variable could not be identified": "it does not count in even steps",
    "cannot identify array bounds": "LLVM cannot tell which elements it reads and writes",
    "unsafe dependent memory operations": "an iteration may need what another one writes, as far as LLVM can tell",
    "cannot prove it is safe to reorder": "the order of a sum must be kept; fastmath={'reassoc'} gives it up",
    "value that could not be identified as reduction": "something computed in it is used after it, and is no plain sum",
    "runtime pointer checks needed": "of a copy made for size: arrays would have to be checked for overlap",
    "the cost-model indicates that vectorization is not beneficial": "LLVM reckons that vectors would not be faster",
}
"""What the beginnings of LLVM's reasons mean to an author of Python."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a loop is not vectorised."""

    words: str
    """LLVM's own."""
    meaning: str
    """What they mean to an author of Python; empty if that is not known."""


@dataclass(frozen=True, slots=True)
class LoopWords:
    """What LLVM said of a loop."""

    function: str
    place: str
    line: int
    text: str
    innermost: bool
    parallel: bool
    widths: tuple[tuple[int, int], ...]
    reasons: tuple[Reason, ...]

    @property
    def outcome(self) -> str:
        """What became of it, in a word or two."""
        if self.widths:
            return (
                f"vectorised, {' or '.join(dict.fromkeys(str(width) for width, _ in self.widths))} at a time"
            )
        if self.parallel:
            return "shared out among threads"
        if not self.innermost:
            return "holds other loops"
        return "not vectorised" if self.reasons else "nothing said"

    @property
    def told(self) -> Sequence[Reason]:
        """The reasons that say something: of a loop around others there is no question."""
        return self.reasons if self.innermost or self.widths else ()

    @property
    def kind(self) -> str:
        """The class of its colour."""
        if self.widths or self.parallel:
            return "done"
        return "undone" if self.innermost and self.reasons else ""


@dataclass(frozen=True, slots=True)
class ParallelWords:
    """What Numba said of a function's parallel loops."""

    function: str
    outcome: str
    text: str


@dataclass(frozen=True, slots=True)
class NumbaWords:
    """What Numba and LLVM said of a variant."""

    version: str
    loops: tuple[LoopWords, ...]
    parallel: tuple[ParallelWords, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def outcome(self) -> str:
        """How many of the loops that LLVM speaks of are vectorised, and of which it says nothing, in a sentence."""
        innermost = [loop for loop in self.loops if loop.innermost and not loop.parallel]
        known = [loop for loop in innermost if loop.widths or loop.reasons]
        unknown = [loop for loop in innermost if loop not in known]
        shared = sum(loop.parallel for loop in self.loops)
        words = []
        if known:
            done = [loop for loop in known if loop.widths]
            widest = max((width for loop in done for width, _ in loop.widths), default=0)
            words.append(
                f"{len(done)} of {len(known)} innermost loop{'s' * (len(known) > 1)} "
                f"{'is' if len(done) == 1 else 'are'} vectorised"
                + (f", up to {widest} elements at a time" if widest else "")
            )
        if unknown:
            lines = [str(line) for line in dict.fromkeys(loop.line for loop in unknown)]
            words.append(
                f"LLVM says nothing of the innermost loop{'s' * (len(unknown) > 1)} "
                f"in line{'s' * (len(lines) > 1)} {enumeration(lines)}"
            )
        if shared:
            words.append(
                f"{shared} loop{'s' * (shared > 1)} over prange {'are' if shared > 1 else 'is'} shared out"
            )
        return f"Compiled by Numba, {'; '.join(words)}." if words else ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any], own: str | None) -> NumbaWords:
        """The words in a file's content: what :func:`steelyard.numba_diagnostics.diagnosed` recorded.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is something else.
        """
        loops = [
            LoopWords(
                function=text(loop["function"]),
                place=place(text(loop["file"]), whole(loop["line"]), own),
                line=whole(loop["line"]),
                text=text(loop["text"]),
                innermost=loop["innermost"] is True,
                parallel=loop["parallel"] is True,
                widths=tuple((whole(width), whole(interleaved)) for width, interleaved in loop["widths"]),
                reasons=tuple(reason(text(words)) for words in loop["reasons"]),
            )
            for loop in data["loops"]
        ]
        unplaced = whole(data["unplaced"])
        notes = [text(data["note"])]
        if unplaced:
            notes.append(
                f"Beside them, LLVM vectorised {unplaced} loop{'s' * (unplaced > 1)} of what Numba itself brings along."
            )
        return cls(
            version=text(data["version"]),
            loops=tuple(sorted(loops, key=lambda loop: (loop.place.rpartition(":")[0], loop.line))),
            parallel=tuple(parallel_words(entry) for entry in data["parallel"]),
            notes=tuple(note for note in notes if note),
        )


def reason(words: str) -> Reason:
    """A reason of LLVM's, without its advice to authors of C."""
    plain = ADVICE.sub("", words)
    meaning = next((meaning for start, meaning in MEANINGS.items() if plain.startswith(start)), "")
    return Reason(plain, meaning)


def parallel_words(entry: Mapping[str, Any]) -> ParallelWords:
    """What Numba said of one function."""
    name = text(entry["function"])
    if "loops" not in entry:
        return ParallelWords(
            name, f"could not be asked: {text(entry['reason'])}", text(entry.get("text", ""))
        )
    loops = whole(entry["loops"])
    return ParallelWords(name, f"{loops} parallel loop{'s' * (loops != 1)} after fusion", text(entry["text"]))
