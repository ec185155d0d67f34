"""Small git repositories with a project in them, for tests to compare revisions of."""

import os
import subprocess

from doubling import NUMPY, PYTHON, WORKLOAD
from steelyard import gate, sides
from steelyard.project import Project

CONFIGURATION = "[tool.steelyard]\n"

WORKLOAD_FILE, PYTHON_FILE, NUMPY_FILE = (
    "kernels/double/__init__.py",
    "kernels/double/double_python.py",
    "kernels/double/double_numpy.py",
)

PROJECT = {
    "pyproject.toml": CONFIGURATION,
    WORKLOAD_FILE: WORKLOAD.replace('unit="points",', 'unit="points",\n    default_sizes=("small",),'),
    PYTHON_FILE: PYTHON,
    NUMPY_FILE: NUMPY,
}
"""Two cells, double/python/loops/small and double/numpy/arrays/small."""

LOOPS, ARRAYS = "double/python/loops/small", "double/numpy/arrays/small"


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def write(root, files):
    """Write files; those whose text is None are removed."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def commit(root, files, tag):
    write(root, files)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", tag)
    git(root, "tag", tag)


def make(root, base=None, head=None, *, project=PROJECT):
    """A repository whose tag ``base`` is the project with these files; its working tree has those of ``head``, too."""
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(
        root, {name: text for name, text in {**project, **(base or {})}.items() if text is not None}, "base"
    )
    write(root, head or {})
    return root


def compare(root, head=None, *, base="base", progress=lambda line: None, **options):
    """What a gate finds, with a small budget and no profiles unless told otherwise."""
    chosen = sides.Options(**{"budget": 20.0, "profiles": False, "seed": 1, **options})
    return gate.compare(Project.find(root), base, head, chosen, progress)


def verdicts(judgement):
    """The cells' verdicts by cell."""
    return {cell.cell: cell.verdict for cell in judgement.cells}


def row(judgement, cell):
    """The cell's row."""
    return next(each for each in judgement.cells if each.cell == cell)


def without_git_configuration(monkeypatch):
    """Git has no configuration but the repository's."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
