"""Agreement before speed: is this the same function as the reference, and a pure one?

A kernel is held, element by element, against the reference on every probe and on the size to be timed. There
it must also leave its inputs alone, return fresh memory, give the same again, and obey the workload's laws.
Where the reference would take too long, a variant that agreed with it at a smaller size stands in.
"""

from __future__ import annotations

import hashlib
import itertools
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from steelyard.cell import Cell, Variant
from steelyard.errors import SteelyardError
from steelyard.kernel import Kernel
from steelyard.registry import Registry
from steelyard.workload import Inputs, Outputs, Tolerance, Workload

PATIENCE = 2.0
"""Seconds beyond which a call of the reference is left to a stand-in."""


class Disagreement(SteelyardError):
    """A kernel does not do what its workload says; ``check`` names the check that found it."""

    def __init__(self, kernel: Kernel, where: str, check: str, what: str) -> None:
        self.check = f"{check}, {where}"
        super().__init__(f"{kernel.variant.id}, {where}: {what} [check: {check}]")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a cell was held against before it was timed."""

    reference: str
    """The cell whose output it equals: the reference, or a stand-in that agreed with the reference."""
    largest_difference: float
    """The largest absolute difference of any element, in the output's unit."""
    probes: tuple[str, ...]
    laws: tuple[str, ...]
    subnormals: int
    """How many elements of the output are subnormal: they make some machines slow."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for a run file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Checked:
    """A cell that agrees: ready to be timed."""

    kernel: Kernel
    arguments: tuple[Any, ...]
    agreement: Agreement
    seconds: float
    """What one warm call took while it was checked: a rough figure, to plan with."""

    @property
    def function(self) -> Callable[..., Any]:
        """What to time, called with :attr:`arguments`."""
        return self.kernel.function


class TooSlow(SteelyardError):
    """One call of the cell takes, or would take, longer than it may."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"one call takes about {seconds:.3g} s")


class Referee:
    """Holds the kernels of one registry against their references; remembers what it has seen."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._probed: dict[Variant, tuple[str, ...]] = {}
        self._seconds: dict[tuple[Variant, str], float] = {}
        self._references: dict[tuple[str, str, Variant], Outputs] = {}

    def check(self, cell: Cell, *, limit: float = float("inf")) -> Checked:
        """Hold a cell against its reference, its probes and its laws.

        Args:
            limit: seconds that one call may take; a cell expected to take longer is not called at all.

        Raises:
            Disagreement: it differs, or is not pure; the message names place, values and tolerance.
            TooSlow: one call takes longer than ``limit``.
            SteelyardError: it cannot be loaded.
        """
        kernel = self.registry.load(cell.variant)
        self._hold_to_probes(kernel)
        self._expect_within(kernel, cell.size, limit)
        checked = self._hold_to_size(kernel, cell.size)
        if checked.seconds > limit:
            raise TooSlow(checked.seconds)
        return checked

    def _hold_to_probes(self, kernel: Kernel) -> None:
        """Compare on each probe, and again on the first: what a kernel keeps between calls shows there."""
        if kernel.variant in self._probed:
            return
        probes = self.registry.probes(kernel.variant.workload)
        reference = self.registry.load(self.registry.reference(kernel.variant.workload))
        for name in (*probes, *list(probes)[:1]):
            expected = self._reference_outputs(reference, f"probe {name}", probes[name])
            self._hold(kernel, f"probe {name}", probes[name], reference.variant.id, expected)
        self._probed[kernel.variant] = tuple(probes)

    def _hold_to_size(self, kernel: Kernel, size: str) -> Checked:
        workload = self.registry.workload(kernel.variant.workload)
        inputs = self.registry.inputs(kernel.variant.workload, size)
        reference = self._reference_for(kernel.variant, size)
        expected = self._reference_outputs(reference, f"size {size}", inputs)
        where = f"size {size}"
        arguments, outputs, difference = self._hold(kernel, where, inputs, reference.variant.id, expected)
        for law in workload.laws:
            name = law.__name__.replace("_", " ")
            try:
                violation = law(inputs, outputs)
            except Exception as error:
                violation = f"the law itself raises {type(error).__name__}: {error}"
            if violation:
                raise Disagreement(kernel, where, f"law: {name}", violation)
        agreement = Agreement(
            reference=f"{reference.variant.id}/{size}",
            largest_difference=difference,
            probes=self._probed[kernel.variant],
            laws=tuple(law.__name__.replace("_", " ") for law in workload.laws),
            subnormals=sum(count_subnormals(value) for value in outputs.values()),
        )
        return Checked(kernel, arguments, agreement, self._seconds[kernel.variant, size])

    def _expect_within(self, kernel: Kernel, size: str, limit: float) -> None:
        """Raise TooSlow if a call is expected to take longer than ``limit``.

        Told by climbing the smaller sizes, each expected to take its share of work longer than the last.
        """
        workload = self.registry.workload(kernel.variant.workload)
        work = {name: workload.work(**parameters) for name, parameters in workload.sizes.items()}
        below = sorted((name for name in work if work[name] < work[size]), key=work.__getitem__)
        for rung, next_rung in itertools.pairwise([*below, size]):
            if (kernel.variant, rung) not in self._seconds:
                arguments = kernel.arguments(self.registry.inputs(kernel.variant.workload, rung))
                call(kernel, arguments, f"size {rung}")
                _, self._seconds[kernel.variant, rung] = timed_call(kernel, arguments, f"size {rung}")
            seconds_per_work = self._seconds[kernel.variant, rung] / work[rung]
            if seconds_per_work * work[next_rung] > limit:
                raise TooSlow(seconds_per_work * work[size])

    def _reference_for(self, variant: Variant, size: str) -> Kernel:
        """The reference, or what stands in for it where it would take longer than :data:`PATIENCE`."""
        reference = self.registry.load(self.registry.reference(variant.workload))
        try:
            self._expect_within(reference, size, PATIENCE)
        except TooSlow:
            return next(self._stand_ins(variant, reference, size), reference)
        return reference

    def _stand_ins(self, variant: Variant, reference: Kernel, size: str) -> Iterator[Kernel]:
        """Variants of other backends that are fast enough and agree where the reference can be called."""
        smallest = self.registry.workload(variant.workload).smallest
        for other in self.registry.variants[variant.workload]:
            if other == variant or other.backend == reference.variant.backend:
                continue
            try:
                kernel = self.registry.load(other)
                self._hold_to_probes(kernel)
                self._hold_to_size(kernel, smallest)
                self._expect_within(kernel, size, PATIENCE)
            except SteelyardError:
                continue  # it has a row of its own that says why
            yield kernel

    def _reference_outputs(self, reference: Kernel, where: str, inputs: Inputs) -> Outputs:
        workload = reference.variant.workload
        key = (workload, where, reference.variant)
        if key not in self._references:
            result = call(reference, reference.arguments(inputs), where)
            outputs = collect(reference, self.registry.workload(workload), where, result)
            if where.startswith("size"):  # sizes can be large: keep those of one size only
                self._references = {
                    kept: value
                    for kept, value in self._references.items()
                    if kept[1].startswith("probe") or kept[:2] == (workload, where)
                }
            self._references[key] = outputs
        return self._references[key]

    def _hold(
        self, kernel: Kernel, where: str, inputs: Inputs, reference: str, expected: Outputs
    ) -> tuple[tuple[Any, ...], Outputs, float]:
        """Call twice on ``inputs``; return arguments, outputs and the largest difference from ``expected``."""
        workload = self.registry.workload(kernel.variant.workload)
        arguments = kernel.arguments(inputs)
        before = fingerprint(arguments)

        def expect(holds: bool, check: str, what: str) -> None:
            if not holds:
                raise Disagreement(kernel, where, check, what)

        first = call(kernel, arguments, where)
        expect(
            not share_memory(first, arguments),
            "no aliasing",
            "the result shares memory with an input; copy the input first",
        )
        outputs = collect(kernel, workload, where, first)
        expect(fingerprint(arguments) == before, "inputs unchanged", "the call changed its inputs")
        difference = max(
            compare(kernel, where, reference, name, expected[name], outputs[name], tolerance)
            for name, tolerance in workload.outputs.items()
        )
        second, seconds = timed_call(kernel, arguments, where)
        expect(
            not share_memory(first, second),
            "fresh outputs",
            "two calls returned the same memory; allocate the outputs inside the call",
        )
        again = collect(kernel, workload, where, second)
        kept = collect(kernel, workload, where, first)
        for name, tolerance in workload.outputs.items():
            expect(
                same(kept[name], outputs[name]),
                "fresh outputs",
                f"the second call changed the {name} that the first had returned",
            )
            # Threads may add up in another order each time; one thread has no such excuse.
            slack = tolerance if kernel.variant.parallel else Tolerance()
            expect(
                same(again[name], outputs[name])
                or (
                    again[name].shape == outputs[name].shape
                    and not differing(outputs[name], again[name], slack).any()
                ),
                "same again",
                f"a second call on the same inputs returned another {name}",
            )
        if where.startswith("size"):
            self._seconds[kernel.variant, where.removeprefix("size ")] = seconds
        return arguments, outputs, difference


def call(kernel: Kernel, arguments: tuple[Any, ...], where: str) -> Any:
    """The result of one call; whatever it raises becomes a Disagreement that names the line."""
    try:
        return kernel.function(*arguments)
    except (Exception, SystemExit) as error:  # a kernel that exits would take the whole run with it
        frames = traceback.extract_tb(error.__traceback__)[1:]
        inside = [frame for frame in frames if frame.filename == str(kernel.variant.path)]
        place = f" at {inside[-1].filename}:{inside[-1].lineno}" if inside else ""
        reason = str(error).strip() or "no message"
        raise Disagreement(
            kernel, where, "does not raise", f"raises {type(error).__name__}{place}: {reason}"
        ) from error


def timed_call(kernel: Kernel, arguments: tuple[Any, ...], where: str) -> tuple[Any, float]:
    """The result of one call and the seconds that it took."""
    start = time.perf_counter()
    result = call(kernel, arguments, where)
    return result, time.perf_counter() - start


def collect(kernel: Kernel, workload: Workload, where: str, result: Any) -> Outputs:
    """A call's result as named arrays, copied, so that a later call cannot change them."""
    names = list(workload.outputs)
    values = (result,) if len(names) == 1 else result
    if not isinstance(values, tuple) or len(values) != len(names):
        raise Disagreement(
            kernel,
            where,
            "shape",
            f"returns {type(result).__name__}, not the {len(names)} outputs {', '.join(names)} as a tuple",
        )
    try:
        return {name: np.array(value) for name, value in zip(names, values, strict=True)}
    except ValueError as error:  # lists of unequal length
        raise Disagreement(kernel, where, "shape", f"returns no rectangular array: {error}") from None


def compare(
    kernel: Kernel,
    where: str,
    reference: str,
    name: str,
    expected: np.ndarray,
    got: np.ndarray,
    tolerance: Tolerance,
) -> float:
    """The largest absolute difference between two outputs that agree.

    Raises:
        Disagreement: in dtype, shape, finiteness, or an element beyond the tolerance.
    """
    if got.dtype != expected.dtype:
        what = f"{name} has dtype {got.dtype}, the reference {reference} has {expected.dtype}"
        raise Disagreement(kernel, where, "dtype", what)
    if got.shape != expected.shape:
        what = f"{name} has shape {got.shape}, the reference {reference} has {expected.shape}"
        raise Disagreement(kernel, where, "shape", what)
    if got.dtype.kind in "fc" and not np.isfinite(got).all():
        index = first_index(~np.isfinite(got))
        what = f"{name}{show(index)} is {got[index]}, the reference {reference} has {expected[index]}"
        raise Disagreement(kernel, where, "finite", what)
    wrong = differing(expected, got, tolerance)
    if wrong.any():
        index = first_index(wrong)
        raise Disagreement(
            kernel,
            where,
            "reference",
            f"{name}{show(index)} is {got[index]!s}, the reference {reference} has {expected[index]!s}; "
            f"tolerance {tolerance}; {np.count_nonzero(wrong):,} of {wrong.size:,} elements differ",
        )
    if got.dtype == bool or not got.size:
        return 0.0
    return float(np.abs(got - expected).max())


def differing(expected: np.ndarray, got: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    """Where two arrays of one shape differ by more than the tolerance; NaN differs from everything."""
    if expected.dtype.kind not in "fc":
        return np.asarray(expected != got)
    allowed = tolerance.absolute + tolerance.relative * np.abs(expected)
    return np.asarray(~(np.abs(got - expected) <= allowed))


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays are equal to the bit."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def first_index(mask: np.ndarray) -> tuple[int, ...]:
    """The index of the first true element, in C order."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def show(index: tuple[int, ...]) -> str:
    """An index as it is written after a name: ``[3, 0]``, nothing for a scalar."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def count_subnormals(array: np.ndarray) -> int:
    """How many elements lie between zero and the smallest normal number."""
    if array.dtype.kind != "f":
        return 0
    magnitude = np.abs(array)
    return int(np.count_nonzero((magnitude > 0) & (magnitude < np.finfo(array.dtype).tiny)))


def fingerprint(arguments: tuple[Any, ...]) -> bytes:
    """A digest of everything that the arguments hold."""
    return hashlib.blake2b(pickle.dumps(arguments, protocol=5)).digest()


def share_memory(one: Any, other: Any) -> bool:
    """Whether anything mutable in ``one`` is, or overlaps, something in ``other``."""
    arrays, lists = parts(one)
    other_arrays, other_lists = parts(other)
    if lists & other_lists:
        return True
    return any(np.may_share_memory(a, b) for a in arrays for b in other_arrays)


def parts(value: Any) -> tuple[list[np.ndarray], set[int]]:
    """The arrays in a nest of tuples and lists, and the identities of its lists."""
    arrays: list[np.ndarray] = []
    lists: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, np.ndarray):
            arrays.append(item)
        elif isinstance(item, list):
            lists.add(id(item))
        if isinstance(item, tuple) or (isinstance(item, list) and item and isinstance(item[0], list)):
            stack.extend(item)
    return arrays, lists
