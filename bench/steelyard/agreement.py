"""Agreement before speed: is this the same function as the reference, and a pure one?

On one set of inputs a kernel is held, element by element, against what the reference returned. It must also
leave its inputs alone, return fresh memory, and give the same again.
"""

from __future__ import annotations

import hashlib
import pickle
import time
import traceback
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from steelyard.errors import SteelyardError
from steelyard.kernel import Kernel
from steelyard.workload import Inputs, Outputs, Tolerance, Workload


class Disagreement(SteelyardError):
    """A kernel does not do what its workload says; ``check`` names the check that found it."""

    exit_code = 1

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
class Held:
    """A kernel's call that was held against what was expected of it."""

    arguments: tuple[Any, ...]
    result: Any
    """What the first call returned, as it was returned."""
    outputs: Outputs
    """The same as named arrays, copied at once."""
    difference: float
    """The largest absolute difference of any element from what was expected."""
    seconds: float
    """What the second call took."""


def hold(
    kernel: Kernel, workload: Workload, where: str, inputs: Inputs, reference: str, expected: Outputs
) -> Held:
    """Call a kernel twice on ``inputs`` and hold it against ``expected``, which ``reference`` returned.

    Raises:
        Disagreement: it differs from what is expected, or is not a pure function.
    """

    def expect(holds: bool, check: str, what: str) -> None:
        if not holds:
            raise Disagreement(kernel, where, check, what)

    arguments = kernel.arguments(inputs)
    before = fingerprint(arguments)
    first = call(kernel, arguments, where)
    aliases = share_memory(first, arguments)
    expect(not aliases, "no aliasing", "the result shares memory with an input; copy the input first")
    outputs = collect(kernel, workload, where, first)
    expect(fingerprint(arguments) == before, "inputs unchanged", "the call changed its inputs")
    difference = max(
        compare(kernel, where, reference, name, expected[name], outputs[name], tolerance)
        for name, tolerance in workload.outputs.items()
    )
    second, seconds = timed_call(kernel, arguments, where)
    expect_fresh(kernel, where, second, (first,))
    again, kept = collect(kernel, workload, where, second), collect(kernel, workload, where, first)
    for name, tolerance in workload.outputs.items():
        unchanged = same(kept[name], outputs[name])
        expect(unchanged, "fresh outputs", f"the second call changed the {name} that the first had returned")
        # Threads may add up in another order each time; one thread has no such excuse.
        slack = tolerance if kernel.variant.parallel else Tolerance()
        equal = (
            again[name].shape == outputs[name].shape
            and not differing(outputs[name], again[name], slack).any()
        )
        expect(equal, "same again", f"a second call on the same inputs returned another {name}")
    return Held(arguments, first, outputs, difference, seconds)


def expect_fresh(kernel: Kernel, where: str, result: Any, earlier: tuple[Any, ...]) -> None:
    """See that a result shares no memory with earlier ones.

    Raises:
        Disagreement: it does, so that one of them is no longer what it was.
    """
    if share_memory(result, earlier):
        what = "two calls returned the same memory; allocate the outputs inside the call"
        raise Disagreement(kernel, where, "fresh outputs", what)


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
        if isinstance(item, tuple | list) and not (item and isinstance(item[0], float)):  # a row of numbers
            stack.extend(item)
    return arrays, lists
