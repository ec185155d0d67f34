"""What there is to measure: the workloads of a project, found by convention, and their cells.

``kernels/<workload>/__init__.py`` holds ``WORKLOAD``; ``<workload>_<backend>.py`` (``.pyx`` for Cython) beside
it holds that backend's variants. Their names are read from the literal ``__all__`` without importing or
compiling anything; ``__parallel__``, a literal as well, names those that use more than one core.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import ModuleType

from steelyard.backends import Backend, backends_of
from steelyard.cell import Cell, Variant
from steelyard.errors import BadWorkload, SteelyardError, UnknownName, described
from steelyard.kernel import Kernel, frozen, load
from steelyard.project import Project
from steelyard.workload import NAME, Inputs, Workload


def read_source(path: Path) -> str:
    """The text of a source file.

    Raises:
        BadWorkload: it is not UTF-8, or cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BadWorkload(path, f"is not UTF-8 (byte {error.start}); save it in that encoding") from None
    except OSError as error:
        raise BadWorkload(path, f"cannot be read: {error.strerror}") from None


def literal(path: Path, name: str) -> list[str] | None:
    """The list of strings that ``path``, Python or Cython, assigns to ``name`` at the start of a line.

    None if there is no such assignment.

    Raises:
        BadWorkload: the list is not a literal, is assigned or added to twice, or names what cannot be a name.
    """
    source = read_source(path)
    assigned = re.findall(rf"^{name}\b(.*)$", source, re.MULTILINE)
    if not assigned:
        return None
    found = re.search(rf"^{name}\s*(?::[^=\n]*)?=\s*([\[(][^\])]*[\])])\s*(?:#.*)?$", source, re.MULTILINE)
    try:
        if not found or len(assigned) > 1:
            raise ValueError
        value = list(ast.literal_eval(found[1]))
    except (ValueError, SyntaxError):
        why = f"{name} should be one literal list of names, such as {name} = ['loops'], not computed or added to"
        raise BadWorkload(path, why) from None
    for item in value:
        if not (isinstance(item, str) and NAME.fullmatch(item)):
            raise BadWorkload(
                path, f"{name} has {item!r}, which cannot be a variant's name: use letters, digits and _"
            )
    return value


def variants_of(path: Path, workload: str, backend: str) -> list[Variant]:
    """The variants that a kernel file says it has.

    Raises:
        BadWorkload: there is no literal ``__all__``, or a name stands twice.
    """
    names = literal(path, "__all__")
    if not names:
        raise BadWorkload(path, "has no __all__; name its variants in it, such as __all__ = ['loops']")
    parallel = literal(path, "__parallel__") or []
    source = read_source(path)
    for name in names:
        definitions = len(re.findall(rf"^(?:def|cpdef)\b[^(\n]*\b{name}\s*\(", source, re.MULTILINE))
        if names.count(name) > 1 or definitions > 1:
            where = "__all__" if names.count(name) > 1 else "the file"
            raise BadWorkload(path, f"{where} has two variants named {name!r}; rename one")
    for name in parallel:
        if name not in names:
            raise BadWorkload(path, f"__parallel__ has {name!r}, which __all__ has not")
    return [Variant(workload, backend, name, path, parallel=name in parallel) for name in names]


def equal(one: Inputs, other: Inputs) -> bool:
    """Whether two sets of inputs are the same."""
    import numpy as np

    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)


@contextmanager
def blaming(init: Path, call: str) -> Iterator[None]:
    """Turn whatever a workload's own function raises into a BadWorkload that names it."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise BadWorkload(init, f"{call} raises {described(error, init)}") from error


class Registry:
    """The workloads and variants of a project. Making one imports nothing; see :meth:`workload`."""

    def __init__(self, project: Project) -> None:
        """Find the project's workloads and variants.

        Raises:
            SteelyardError: something found cannot be used; the message names every such place.
        """
        self.project = project
        self.backends: Mapping[str, Backend] = backends_of(project)
        self.variants: dict[str, list[Variant]] = {}
        self._workloads: dict[str, Workload] = {}
        self._inputs: dict[tuple[str, str], Inputs] = {}
        self._probes: dict[str, Mapping[str, Inputs]] = {}
        problems = []
        for folder in sorted(project.kernels.iterdir()):
            if folder.is_dir() and not folder.name.startswith((".", "_")):
                try:
                    self.variants[folder.name] = self._discover(folder)
                except SteelyardError as problem:
                    problems.append(str(problem))
        if problems:
            raise SteelyardError("\n".join(problems))
        if not self.variants:
            raise BadWorkload(project.kernels, "holds no workload; write a first one: steelyard new NAME")

    def _discover(self, folder: Path) -> list[Variant]:
        if not NAME.fullmatch(folder.name):
            raise BadWorkload(
                folder, "cannot name a workload: rename the folder with letters, digits and _, a letter first"
            )
        init = folder / "__init__.py"
        if not init.is_file() or not re.search(r"^WORKLOAD\b", read_source(init), re.MULTILINE):
            raise BadWorkload(
                init, "has no WORKLOAD = Workload(...); a name that starts with _ is passed over"
            )
        variants = []
        for path in sorted(path for path in folder.iterdir() if path.suffix in {".py", ".pyx"}):
            if not path.stem.startswith(f"{folder.name}_"):
                self._expect_helper(path)
                continue
            name = path.stem.removeprefix(f"{folder.name}_")
            backend = self.backends.get(name)
            if backend is None:
                raise BadWorkload(
                    path,
                    f"{name!r} is no backend; known: {', '.join(self.backends)}. "
                    f"Add it, [tool.steelyard.backends] {name} = 'module it needs', or rename the file",
                )
            if path.suffix != backend.suffix:
                raise BadWorkload(path, f"a {name} kernel is written in {folder.name}_{name}{backend.suffix}")
            variants += variants_of(path, folder.name, name)
        if not variants:
            raise BadWorkload(
                folder, f"has no kernel; write {folder.name}_python.py with __all__ = ['loops']"
            )
        order = list(self.backends)
        return sorted(variants, key=lambda variant: order.index(variant.backend))

    def _expect_helper(self, path: Path) -> None:
        """Raise BadWorkload if a file that is passed over looks like a kernel with a slip in its name."""
        backend = path.stem.rpartition("_")[2]
        if backend in self.backends and not path.stem.startswith("_"):
            right = f"{path.parent.name}_{backend}{path.suffix}"
            raise BadWorkload(
                path, f"is no kernel of this workload: rename it {right}, or start its name with _"
            )

    @cached_property
    def package(self) -> str:
        """The private package that the kernels folder is imported as: no other ``kernels`` can collide."""
        name = "steelyard_kernels_" + hashlib.sha256(str(self.project.kernels).encode()).hexdigest()[:8]
        if name not in sys.modules:
            package = ModuleType(name)
            package.__path__ = [str(self.project.kernels)]
            sys.modules[name] = package
        return name

    def workload(self, name: str) -> Workload:
        """The named workload; its module is imported at the first call.

        Raises:
            UnknownName: there is none of that name.
            BadWorkload: its module raises, or its WORKLOAD is not a Workload.
        """
        if name not in self.variants:
            raise UnknownName("workload", name, self.variants)
        if name not in self._workloads:
            init = self.init_of(name)
            try:
                workload = getattr(importlib.import_module(f"{self.package}.{name}"), "WORKLOAD", None)
            except (Exception, SystemExit) as error:
                raise BadWorkload(init, f"cannot be imported: {described(error, init)}") from error
            if not isinstance(workload, Workload):
                raise BadWorkload(init, f"WORKLOAD should be a steelyard.Workload, not {workload!r}")
            self._workloads[name] = workload
        return self._workloads[name]

    def reference(self, workload: str) -> Variant:
        """The variant that the workload's others are held against.

        Raises:
            BadWorkload: the workload names one that is not there.
        """
        named = self.workload(workload).reference
        if named is not None:
            try:
                return self.variant(f"{workload}/{named}")
            except UnknownName as error:
                raise BadWorkload(self.init_of(workload), f"reference={named!r}: {error}") from None
        variants = self.variants[workload]
        return next((variant for variant in variants if variant.backend == "python"), variants[0])

    def init_of(self, workload: str) -> Path:
        """The file that holds the workload's definition."""
        return self.project.kernels / workload / "__init__.py"

    def data_files(self, workload: str, pattern: str) -> list[Path]:
        """The files that one of the workload's ``files`` means.

        Raises:
            BadWorkload: there are none.
        """
        found = sorted(path for path in (self.project.kernels / workload).glob(pattern) if path.is_file())
        if not found:
            raise BadWorkload(self.init_of(workload), f"files: nothing here is named {pattern!r}")
        return found

    def inputs(self, workload: str, size: str) -> Inputs:
        """The frozen inputs of a size, made once.

        Raises:
            BadWorkload: the workload's ``inputs`` raises for these parameters.
        """
        if (workload, size) not in self._inputs:
            definition = self.workload(workload)
            parameters = dict(definition.sizes[size])
            with blaming(self.init_of(workload), f"inputs(**{parameters})"):
                made = frozen(definition.inputs(**parameters))
                if size == definition.smallest and not equal(made, definition.inputs(**parameters)):
                    raise ValueError("it made other inputs the second time; seed what is random")
            self._inputs[workload, size] = made
        return self._inputs[workload, size]

    def probes(self, workload: str) -> Mapping[str, Inputs]:
        """The frozen inputs of each probe, made once.

        Raises:
            BadWorkload: ``probes`` raises, or returns what are no inputs.
        """
        if workload not in self._probes:
            definition = self.workload(workload)
            names = list(self.inputs(workload, definition.smallest))
            with blaming(self.init_of(workload), "probes()"):
                made = {name: frozen(inputs) for name, inputs in definition.probes().items()}
                for name, inputs in made.items():
                    if list(inputs) != names:
                        raise ValueError(
                            f"{name!r} has the inputs {', '.join(inputs)}, not {', '.join(names)}"
                        )
            self._probes[workload] = made
        return self._probes[workload]

    def load(self, variant: Variant) -> Kernel:
        """Import a variant's function; see :func:`steelyard.kernel.load` for what it raises."""
        self.workload(variant.workload)  # the package that the kernel's module belongs to
        return load(
            variant,
            self.backends[variant.backend],
            f"{self.package}.{variant.workload}.{variant.path.stem}",
        )

    def variant(self, id: str) -> Variant:
        """The variant of that id, ``workload/backend/variant``.

        Raises:
            UnknownName: which part of the id is unknown, and what is known.
        """
        workload, backend, name = [*id.split("/"), "", ""][:3]
        if workload not in self.variants:
            raise UnknownName("workload", workload, self.variants)
        here = self.variants[workload]
        if backend not in {variant.backend for variant in here}:
            raise UnknownName(f"backend of {workload}", backend, dict.fromkeys(v.backend for v in here))
        for variant in here:
            if (variant.backend, variant.name) == (backend, name):
                return variant
        names = [variant.name for variant in here if variant.backend == backend]
        raise UnknownName(f"variant of {workload}/{backend}", name, names)

    def cell(self, id: str) -> Cell:
        """The cell of that id, ``workload/backend/variant/size``.

        Raises:
            UnknownName: which part of the id is unknown, and what is known.
        """
        variant, _, size = id.rpartition("/")
        if id.count("/") != 3:
            raise UnknownName("cell", id, [cell.id for cell in self.select()])
        found = self.variant(variant)
        if size not in self.workload(found.workload).sizes:
            raise UnknownName(f"size of {found.workload}", size, self.workload(found.workload).sizes)
        return Cell(found, size)

    def select(
        self,
        workloads: Iterable[str] = (),
        backends: Iterable[str] = (),
        sizes: Iterable[str] = (),
    ) -> list[Cell]:
        """The cells of these workloads, backends and sizes; all, or the default sizes, where none is named.

        ``sizes`` may have "all". A workload without one of the sizes has no cells of it, so long as another has.

        Raises:
            UnknownName: a name that no workload knows.
        """
        workloads, backends, sizes = list(workloads), list(backends), list(sizes)
        for name in workloads:
            if name not in self.variants:
                raise UnknownName("workload", name, self.variants)
        for name in backends:
            if name not in self.backends:
                raise UnknownName("backend", name, self.backends)
        chosen = workloads or list(self.variants)
        known = dict.fromkeys(size for name in chosen for size in self.workload(name).sizes)
        for name in sizes:
            if name not in known and name != "all":
                raise UnknownName("size", name, [*known, "all"])
        cells = []
        for name in chosen:
            workload = self.workload(name)
            wanted = workload.sizes if "all" in sizes else sizes or workload.default_sizes
            cells += [
                Cell(variant, size)
                for size in workload.sizes
                if size in wanted
                for variant in self.variants[name]
                if not backends or variant.backend in backends
            ]
        return cells
