"""Who decides whether a cell may be timed.

A cell is held against its workload's reference on every probe and on its own size. Where the reference would
take too long, a variant that agreed with it at a smaller size stands in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.agreement import (
    Agreement,
    Disagreement,
    call,
    collect,
    count_subnormals,
    expect_fresh,
    hold,
    timed_call,
)
from steelyard.cell import Cell, Variant
from steelyard.errors import SteelyardError, described
from steelyard.kernel import Kernel
from steelyard.registry import Registry
from steelyard.workload import Inputs, Law, Outputs

PATIENCE = 2.0
"""Seconds beyond which a call of the reference is left to a stand-in."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A cell that agrees: ready to be timed."""

    kernel: Kernel
    arguments: tuple[Any, ...]
    agreement: Agreement
    seconds: float
    """What one warm call took while it was checked: a rough figure, to plan with."""
    footprint: int
    """Bytes of the call's inputs and outputs, as arrays."""

    @property
    def function(self) -> Callable[..., Any]:
        """What to time, called with :attr:`arguments`."""
        return self.kernel.function


class TooSlow(SteelyardError):
    """One call of the cell takes, or would take, longer than it may."""

    def __init__(self, seconds: float, reckoned_from: str | None = None) -> None:
        """``reckoned_from`` is the smaller size that was called; None where it is the cell itself."""
        self.seconds = seconds
        reckoned = f", reckoned from size {reckoned_from} by its work" if reckoned_from else ""
        super().__init__(f"one call takes about {seconds:.3g} s{reckoned}")


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

    def expected(self, variant: Variant, size: str | None = None, probe: str | None = None) -> Outputs:
        """What a variant is held against at a size or on a probe: the outputs of the reference, or of its stand-in."""
        if probe is not None:
            reference = self.registry.load(self.registry.reference(variant.workload))
            return self._reference_outputs(
                reference, f"probe {probe}", self.registry.probes(variant.workload)[probe]
            )
        assert size is not None
        inputs = self.registry.inputs(variant.workload, size)
        return self._reference_outputs(self._reference_for(variant, size), f"size {size}", inputs)

    def _hold_to_probes(self, kernel: Kernel) -> None:
        """Compare on each probe, and again on the first: what a kernel keeps between calls shows there."""
        if kernel.variant in self._probed:
            return
        probes = self.registry.probes(kernel.variant.workload)
        reference = self.registry.load(self.registry.reference(kernel.variant.workload))
        workload = self.registry.workload(kernel.variant.workload)
        results: list[Any] = []
        for name in (*probes, *list(probes)[:1]):
            where = f"probe {name}"
            expected = self._reference_outputs(reference, where, probes[name])
            held = hold(kernel, workload, where, probes[name], reference.variant.id, expected)
            # Against all of them: there may be several buffers, used in turn.
            expect_fresh(kernel, where, held.result, tuple(results))
            results.append(held.result)
        self._probed[kernel.variant] = tuple(probes)

    def _hold_to_size(self, kernel: Kernel, size: str) -> Checked:
        workload = self.registry.workload(kernel.variant.workload)
        inputs = self.registry.inputs(kernel.variant.workload, size)
        reference = self._reference_for(kernel.variant, size)
        expected = self._reference_outputs(reference, f"size {size}", inputs)
        where = f"size {size}"
        held = hold(kernel, workload, where, inputs, reference.variant.id, expected)
        self._seconds[kernel.variant, size] = held.seconds
        for law in workload.laws:
            try:
                violation = law(inputs, held.outputs)
            except Exception as error:
                violation = f"the law itself raises {described(error)}"
            if violation is not None and not isinstance(violation, str):
                violation = (
                    f"the law returned {violation!r}; return None where it holds, else what is violated"
                )
            if violation is not None:
                raise Disagreement(kernel, where, f"law: {law_name(law)}", violation)
        agreement = Agreement(
            reference=f"{reference.variant.id}/{size}",
            largest_difference=held.difference,
            probes=self._probed[kernel.variant],
            laws=tuple(law_name(law) for law in workload.laws),
            subnormals=sum(count_subnormals(value) for value in held.outputs.values()),
        )
        footprint = sum(np.asarray(value).nbytes for value in (*inputs.values(), *held.outputs.values()))
        return Checked(kernel, held.arguments, agreement, held.seconds, footprint)

    def _expect_within(self, kernel: Kernel, size: str, limit: float) -> None:
        """Raise TooSlow if a call is expected to take longer than ``limit``.

        Told by climbing the smaller sizes, each expected to take its share of work longer than the slower,
        per unit of work, of the two before: sizes differ in shape too, and one long vector costs a vectorised
        kernel far less than as many short ones.
        """
        workload = self.registry.workload(kernel.variant.workload)
        work = {name: workload.work(**parameters) for name, parameters in workload.sizes.items()}
        below = sorted((name for name in work if work[name] < work[size]), key=work.__getitem__)
        seconds_per_work: list[tuple[float, str]] = []
        for rung, next_rung in itertools.pairwise([*below, size]):
            if (kernel.variant, rung) not in self._seconds:
                arguments = kernel.arguments(self.registry.inputs(kernel.variant.workload, rung))
                call(kernel, arguments, f"size {rung}")
                _, seconds = timed_call(kernel, arguments, f"size {rung}")
                if (
                    seconds / work[rung] * work[next_rung] > limit
                ):  # once more: the machine may have stood still
                    seconds = min(seconds, timed_call(kernel, arguments, f"size {rung}")[1])
                self._seconds[kernel.variant, rung] = seconds
            seconds_per_work.append((self._seconds[kernel.variant, rung] / work[rung], rung))
            slower, called = max(seconds_per_work[-2:])
            if slower * work[next_rung] > limit:
                raise TooSlow(slower * work[size], reckoned_from=called)

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


def law_name(law: Law) -> str:
    """A law's name as words."""
    return str(getattr(law, "__name__", law)).replace("_", " ")
