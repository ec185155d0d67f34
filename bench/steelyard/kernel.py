"""A variant's function, loaded, and its arguments in the form that it asks for."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.backends import Backend
from steelyard.cell import Variant
from steelyard.errors import LoadFailed, SteelyardError, Unavailable, described
from steelyard.workload import Inputs


@dataclass(frozen=True, slots=True)
class Kernel:
    """A variant's function, loaded."""

    variant: Variant
    function: Callable[..., Any]

    @property
    def python_function(self) -> Callable[..., Any]:
        """The function as written: what Numba compiles, where it does."""
        return getattr(self.function, "py_func", self.function)

    def arguments(self, inputs: Inputs) -> tuple[Any, ...]:
        """``inputs`` in the form that this kernel asks for: lists where annotated so, else read-only arrays.

        Arrays are shared, not copied, if they are read-only already.
        """
        try:
            parameters: Sequence[inspect.Parameter] = list(
                inspect.signature(self.python_function).parameters.values()
            )
        except ValueError:  # a compiled function that tells nothing of itself takes arrays
            parameters = []
        if parameters and len(parameters) != len(inputs):
            names = ", ".join(parameter.name for parameter in parameters)
            raise LoadFailed(
                self.variant.path,
                f"{self.variant.name}({names}) takes {len(parameters)} arguments, "
                f"but the workload's inputs are {len(inputs)}: {', '.join(inputs)}",
            )
        order = [parameter.name for parameter in parameters]
        if order != list(inputs) and sorted(order) == sorted(inputs):
            raise LoadFailed(
                self.variant.path,
                f"{self.variant.name}({', '.join(order)}) has its parameters in another order than the inputs, "
                f"which are passed by position: {', '.join(inputs)}",
            )
        as_list = [asks_for_list(parameter.annotation) for parameter in parameters] or [False] * len(inputs)
        return tuple(
            value.tolist() if wanted and hasattr(value, "tolist") else value
            for value, wanted in zip(inputs.values(), as_list, strict=True)
        )


def asks_for_list(annotation: Any) -> bool:
    """Whether a parameter is annotated ``list`` or ``list[...]``, also where annotations are strings."""
    if isinstance(annotation, str):
        return annotation.split("[")[0].strip() == "list"
    return annotation is list or getattr(annotation, "__origin__", None) is list


def frozen(inputs: Inputs) -> Inputs:
    """The inputs with every array C-contiguous and read-only; arrays that are both already are shared."""
    import numpy as np

    def freeze(value: Any) -> Any:
        if not isinstance(value, np.ndarray) or (not value.flags.writeable and value.flags.c_contiguous):
            return value
        copy = np.array(value, order="C")  # the workload may hold on to its own
        copy.setflags(write=False)
        return copy

    return {name: freeze(value) for name, value in inputs.items()}


def flushes_subnormals() -> bool:
    """Whether this thread's arithmetic rounds subnormal numbers to zero."""
    smallest_normal = sys.float_info.min
    return smallest_normal / 2 == 0.0


def load(variant: Variant, backend: Backend, module_name: str) -> Kernel:
    """Import a variant's function from its file, compiled first if it is Cython.

    Raises:
        Unavailable: its backend cannot run here.
        CompileFailed: it does not compile.
        LoadFailed: it cannot be imported, lacks the function, or makes the process flush subnormal numbers.
    """
    if reason := backend.unavailable():
        raise Unavailable(reason)
    try:
        module = sys.modules.get(module_name) or backend.load(variant.path, module_name)
    except SteelyardError:
        raise
    except (Exception, SystemExit) as error:
        raise LoadFailed(variant.path, f"cannot be imported: {described(error)}") from error
    if flushes_subnormals():
        raise LoadFailed(
            variant.path,
            "loading it makes the whole process flush subnormal numbers to zero, which changes the results "
            "and times of every other kernel; take -ffast-math or -Ofast out of its extra_link_args",
        )
    function = getattr(module, variant.name, None)
    if not callable(function):
        raise LoadFailed(variant.path, f"__all__ names {variant.name!r}, but it has no such function")
    return Kernel(variant, function)
