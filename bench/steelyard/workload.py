"""What is computed: a workload, the equation that every backend of it implements.

A workload is content, not machinery: it says what goes in, what counts as equal,
and how much work one call is. A kernel is a pure function of the inputs, called
positionally in the order in which :attr:`Workload.inputs` names them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Inputs = Mapping[str, Any]
"""Inputs of one call by name, in call order: NumPy arrays and Python scalars."""

Outputs = Mapping[str, Any]
"""Outputs of one call by name: NumPy arrays (0-dimensional for a scalar)."""

Draw = Callable[[Inputs, Outputs], Mapping[str, Any]]
"""Draws an output as a figure in Plotly's terms: ``{"data": [traces], "layout": {...}, "caption": "what is seen"}``."""

Law = Callable[[Inputs, Outputs], str | None]
"""A fact that must hold of any right answer: None where it does, else what is violated."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""What a workload, backend, variant or size may be called: ids and file names are made of them."""


def names_in(text: str) -> list[str]:
    """The names in an option's value, which commas separate."""
    return [name.strip() for name in text.split(",") if name.strip()]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far one element may be from the reference: ``absolute + relative * |reference|``.

    The default is equality. Units are the output's own.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def __post_init__(self) -> None:
        if not (self.absolute >= 0 and self.relative >= 0):
            raise ValueError(f"a tolerance is not negative: {self}")

    def __str__(self) -> str:
        parts = [f"{self.absolute:g}"] * bool(self.absolute)
        parts += [f"{self.relative:g} relative"] * bool(self.relative)
        return " + ".join(parts) or "exact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One equation, and everything that is the same for all its implementations.

    Raises:
        ValueError: a field contradicts another; the message names the field.
    """

    title: str
    """What a person calls it: "Laplace's equation, Jacobi update"."""

    equation: str
    """The definition in LaTeX, without the dollar signs."""

    sizes: Mapping[str, Mapping[str, int]]
    """Parameters of each named size, smallest first: ``{"small": {"n": 1_000}, ...}``."""

    inputs: Callable[..., Inputs]
    """``inputs(**parameters)`` makes a size's inputs, the same at every call (seed what is random)."""

    outputs: Mapping[str, Tolerance]
    """Each output's name and tolerance, in the order in which a kernel returns them."""

    work: Callable[..., float]
    """``work(**parameters)``: natural units done by one call."""

    unit: str
    """The natural unit, in the plural: "points", "pairs", "neuron-steps"."""

    operations: Callable[..., float]
    """``operations(**parameters)``: floating-point operations of one call."""

    bytes: Callable[..., float]
    """``bytes(**parameters)``: bytes that one call must move to and from memory."""

    probes: Callable[[], Mapping[str, Inputs]] = dict
    """``probes()``: small inputs by name that together vary everything a kernel receives."""

    laws: tuple[Law, ...] = ()
    """Checks of the answer that need no reference, for the inputs of the named sizes."""

    files: tuple[str, ...] = ()
    """Data files that inputs or kernels read, as patterns relative to the workload's folder: ``("*.npy",)``."""

    default_sizes: tuple[str, ...] = ("small", "medium")
    """The sizes that a suite measures unless told otherwise."""

    reference: str | None = None
    """``"backend/variant"`` that the others are held against; the python backend's first if None."""

    picture: Draw | None = None
    """``picture(inputs, outputs)`` shows what was computed: lists, numbers and NumPy arrays, and no colours of fonts or
    background, which are the page's."""

    version: int = 1
    """Raise it when what is computed changes, so that older runs are not compared with newer ones."""

    description: str = field(default="", kw_only=True)
    """A paragraph of background, in plain text."""

    def __post_init__(self) -> None:
        self._check_kinds()
        for name in (*self.sizes, *self.outputs):
            if not NAME.fullmatch(name) or name == "all":
                raise ValueError(
                    f"{name!r} cannot name a size or an output: use letters, digits and _, a letter first, not all"
                )
        for name in self.default_sizes:
            if name not in self.sizes:
                raise ValueError(f"default_sizes: {name!r} is not among the sizes {', '.join(self.sizes)}")
        for size in self.sizes:
            self._check_costs(size)

    def _check_kinds(self) -> None:
        for name, kind in {
            "sizes": Mapping,
            "outputs": Mapping,
            "laws": tuple,
            "files": tuple,
            "default_sizes": tuple,
        }.items():
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name}: should be a {kind.__name__.lower()}, not {getattr(self, name)!r}")
        for name, example in {
            "sizes": "{'small': {'n': 1000}}",
            "outputs": "{'y': Tolerance(relative=1e-12)}",
        }.items():
            if not getattr(self, name):
                raise ValueError(f"{name}: at least one is needed, such as {name}={example}")
        for name, tolerance in self.outputs.items():
            if not isinstance(tolerance, Tolerance):
                raise ValueError(f"outputs: {name!r} needs a Tolerance, not {tolerance!r}")
        for pattern in self.files:
            if not isinstance(pattern, str) or not pattern or pattern.startswith("/"):
                raise ValueError(
                    f"files: should be patterns relative to the workload's folder, not {pattern!r}"
                )
        functions = {
            name: getattr(self, name) for name in ("inputs", "work", "operations", "bytes", "probes")
        }
        if self.picture is not None:
            functions["picture"] = self.picture
        for name, value in (*functions.items(), *(("laws", law) for law in self.laws)):
            if not callable(value):
                raise ValueError(f"{name}: should be a function, not {value!r}")

    def _check_costs(self, size: str) -> None:
        least_of = {"work": "more than 0", "operations": "0 or more", "bytes": "0 or more"}
        for name, least in least_of.items():
            try:
                cost = float(getattr(self, name)(**self.sizes[size]))
            except Exception as error:
                raise ValueError(
                    f"{name}: for size {size!r} it raises {type(error).__name__}: {error}"
                ) from None
            if not (0 <= cost < float("inf")) or (name == "work" and cost == 0):
                raise ValueError(f"{name}: for size {size!r} it is {cost:g}, but should be {least}")

    @property
    def smallest(self) -> str:
        """The size that does the least work: the one to check and to warm up with."""
        return min(self.sizes, key=lambda size: self.work(**self.sizes[size]))
