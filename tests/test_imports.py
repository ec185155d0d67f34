"""Imports run one way, and the doors open quickly: nothing heavy is imported before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import steelyard

PACKAGE = Path(steelyard.__file__).parent

ROOMS = [
    # What is to be measured,
    {
        "workload",
        "errors",
        "versions",
        "project",
        "cell",
        "source",
        "threads",
        "environment",
        "cython_build",
        "backends",
        "kernel",
        "registry",
        "referee",
        "agreement",
        "picture",
    },
    # what was measured,
    {"machine", "measurement", "runs", "journal", "child", "ceilings", "first_call", "suite"},
    # why it is so,
    {"call_graph", "cython_annotation", "numba_diagnostics", "subject", "profilers", "memory", "roofline"},
    # what it means,
    {
        "verdict",
        "judgement",
        "revision",
        "isolation",
        "reach",
        "inspection",
        "layout",
        "alternation",
        "worker",
        "sides",
        "pair",
        "timed",
        "survey",
        "gate",
        "calibration",
        "saved_runs",
    },
    # how it is shown,
    {"report"},
    # and the doors.
    {"scaffold", "command", "gate_command", "driver", "progress", "terminal", "session", "plugin", "cli"},
]


def imports_of(path: Path) -> set[str]:
    """The modules of the harness that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "steelyard":
                found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found & {module for room in ROOMS for module in room}


GRAPH: dict[str, set[str]] = {}
for _path in PACKAGE.rglob("*.py"):
    _module = _path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    GRAPH.setdefault(_module, set()).update(imports_of(_path) - {_module})


def test_every_module_has_a_room():
    """A new module is put into one, on purpose."""
    assert set(GRAPH) - {"__init__"} == {module for room in ROOMS for module in room}


@pytest.mark.parametrize("module", sorted(GRAPH))
def test_no_module_imports_from_a_later_room(module):
    """Doors know the report, the report the record, the record the registry; never the other way."""
    if module == "__init__":
        return
    place = next(i for i, room in enumerate(ROOMS) if module in room)
    later = {other for room in ROOMS[place + 1 :] for other in room}
    assert not GRAPH[module] & later


def test_no_cycles():
    """Not within a room either."""
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for other in GRAPH[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in GRAPH:
        visit(module, ())


def test_no_reference_workload_is_known():
    """The harness is a product of its own: it names none of the workloads of this repository."""
    kernels = {folder.name for folder in (PACKAGE.parents[1] / "kernels").iterdir() if folder.is_dir()}
    code = "".join(
        ast.unparse(strip_docstrings(ast.parse(path.read_text("utf-8")))) for path in PACKAGE.rglob("*.py")
    )
    assert not [name for name in kernels if f'"{name}"' in code or f"'{name}'" in code]


def strip_docstrings(tree: ast.Module) -> ast.Module:
    """Examples in docstrings may name what they like."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            node.value.value = ""
    return tree


@pytest.mark.parametrize(
    ("code", "light"),
    [
        (
            "import steelyard.plugin",
            {"numpy", "numba", "numexpr", "jinja2", "scipy", "psutil", "steelyard.session"},
        ),
        ("import steelyard.cli", {"numpy", "numba", "numexpr", "jinja2", "pytest"}),
        (
            "import steelyard.cli, os; os.chdir(ROOT); steelyard.cli.main(['list'], standalone_mode=False)",
            {"numba", "numexpr", "Cython", "scipy", "jinja2", "pytest"},
        ),
    ],
    ids=["plugin", "help", "list"],
)
def test_nothing_heavy_is_imported_early(code, light):
    """Help and lists answer at once, and an unrelated test run pays nothing for the plugin."""
    root = repr(str(PACKAGE.parents[1]))
    script = (
        f"import sys\ntry:\n    {code.replace('ROOT', root)}\nexcept SystemExit: pass\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not light & set(done.stdout.split())
