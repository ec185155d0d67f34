"""What a compiler said of a variant, read back: lines that call Python, by Cython; loops that are vectorised, by Numba."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log2
from typing import Any

from steelyard.call_graph import text, whole
from steelyard.report.functions import place
from steelyard.report.lines import FollowedFunction, Line
from steelyard.source import definition

DARKEST = 6
"""Steps of the shading of lines that call Python."""

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
class AnnotatedLine:
    """A line of a .pyx, with what its C code calls of Python."""

    number: int
    text: str
    score: int
    """Cython's measure of how much that is; 0 is none."""
    is_code: bool
    calls: tuple[str, ...]
    in_loop: bool
    followed: Line | None
    """What it took, if lines were followed."""

    @property
    def step(self) -> int:
        """The score in steps of its shade: a doubling each."""
        return min(DARKEST, 1 + int(log2(self.score))) if self.score else 0


@dataclass(frozen=True, slots=True)
class AnnotatedFunction:
    """A function of a .pyx."""

    name: str
    place: str
    lines: tuple[AnnotatedLine, ...]

    @property
    def code(self) -> Sequence[AnnotatedLine]:
        """The lines of which C was made, but for the head, which unpacks the arguments once a call."""
        head = next((line for line in self.lines if line.is_code), None)
        return [line for line in self.lines if line.is_code and line is not head]

    @property
    def calling(self) -> Sequence[AnnotatedLine]:
        """Those of them that call Python."""
        return [line for line in self.code if line.score]

    @property
    def outcome(self) -> str:
        """How much of it still calls Python, in words."""
        calling = self.calling
        if not calling:
            return f"no line of {len(self.code)} calls Python"
        inside = sum(line.in_loop for line in calling)
        loops = f", {inside} of them in a loop" if inside else ", none of them in a loop"
        return f"{len(calling)} of {len(self.code)} lines still call Python{loops}"

    @property
    def has_times(self) -> bool:
        """Whether lines were followed."""
        return any(line.followed for line in self.lines)


@dataclass(frozen=True, slots=True)
class CythonWords:
    """What Cython said of a variant: of its function, and of those in its file that it mentions."""

    functions: tuple[AnnotatedFunction, ...]

    @property
    def outcome(self) -> str:
        """The share of the variant's own lines that call Python, in a sentence."""
        return (
            f"Of {self.functions[0].name}, compiled by Cython, {self.functions[0].outcome}."
            if self.functions
            else ""
        )

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], name: str, own: str | None, followed: Sequence[FollowedFunction]
    ) -> CythonWords:
        """The words in a file's content.

        Args:
            data: what :func:`steelyard.cython_annotation.annotated` recorded.
            name: the variant's function.
            own: its file, relative to the project's root.
            followed: functions whose lines were followed, of which those in the file give their times.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        file = text(data["file"])
        times = {
            line.number: line for function in followed if function.file == file for line in function.lines
        }
        rows = [
            (whole(number), text(line), whole(score), is_code is True, tuple(text(call) for call in calls))
            for number, line, score, is_code, calls in data["lines"]
        ]
        source = [line for _, line, *_ in rows]
        found = []
        for function, first, last in reached(source, name):
            inside = loops_by_indentation(source[first - 1 : last])
            found.append(
                AnnotatedFunction(
                    name=function,
                    place=place(file, rows[first - 1][0], own),
                    lines=tuple(
                        AnnotatedLine(*row, in_loop=in_loop, followed=times.get(row[0]))
                        for row, in_loop in zip(rows[first - 1 : last], inside, strict=True)
                    ),
                )
            )
        return cls(tuple(found))


def reached(source: Sequence[str], name: str) -> Sequence[tuple[str, int, int]]:
    """A function at the top of a file and those that it mentions, each with its first and last line."""
    waiting, found = [name], {}
    while waiting:
        function = waiting.pop(0)
        lines = definition(source, function)
        if function in found or not lines:
            continue
        found[function] = lines
        words = re.findall(r"[^\W\d]\w*(?=\s*\()", "\n".join(source[lines[0] : lines[1]]))
        waiting += dict.fromkeys(words)
    return [(function, first, last) for function, (first, last) in found.items()]


def loops_by_indentation(lines: Sequence[str]) -> Sequence[bool]:
    """Of each line of a function, whether it is in a loop: below a ``for`` or ``while`` that it is indented against."""
    heads: list[int] = []
    inside = []
    for line in lines:
        body = line.lstrip()
        depth = len(line) - len(body)
        if body:
            heads = [head for head in heads if head < depth]
        inside.append(bool(heads and body))
        if body.startswith(("for ", "while ")):
            heads.append(depth)
    return inside


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
        """How many loops are vectorised, in a sentence."""
        innermost = [loop for loop in self.loops if loop.innermost and not loop.parallel]
        shared = sum(loop.parallel for loop in self.loops)
        words = []
        if innermost:
            done = [loop for loop in innermost if loop.widths]
            widest = max((width for loop in done for width, _ in loop.widths), default=0)
            words.append(
                f"{len(done)} of {len(innermost)} innermost loops {'is' if len(done) == 1 else 'are'} vectorised"
                + (f", up to {widest} elements at a time" if widest else "")
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
