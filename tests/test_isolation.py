"""A process of one revision sees that revision's files, by whatever way it comes to them."""

import json
import subprocess
import sys
import textwrap
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

PREPARED = """
import importlib, importlib.util, json, os, sys
from pathlib import Path
from steelyard import isolation
from steelyard.isolation import Isolation
REPOSITORY, WORKTREE, OUTSIDE = map(Path, sys.argv[1:4])
ISOLATION = Isolation(REPOSITORY, WORKTREE, WORKTREE)
found = {}
"""


class Sides:
    """A repository, the worktree of one of its revisions, and a folder that is of neither."""

    def __init__(self, folder):
        self.repository, self.worktree, self.outside = (
            folder / "repository",
            folder / "worktree",
            folder / "outside",
        )
        for place in (self.repository, self.worktree, self.outside):
            place.mkdir()

    def write(self, *names, only=None, text=None):
        """Write files that say which side they are of."""
        for side in (self.repository, self.worktree) if only is None else (getattr(self, only),):
            for name in names:
                path = side / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"SIDE = {side.name!r}\n" if text is None else text)

    def run(self, code, **variables):
        """What a process that runs ``code`` leaves in ``found``."""
        script = PREPARED + textwrap.dedent(code) + "\nprint(json.dumps(found, default=str))"
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, *map(str, (self.repository, self.worktree, self.outside))],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.worktree,
            env={"PATH": "", **variables},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def sides(tmp_path):
    return Sides(tmp_path.resolve())


EDITABLE = """
class Editable:
    '''As setuptools writes it: a class whose class method finds what a table names.'''
    MAPPING = {}
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        parent, _, child = name.rpartition(".")
        place = cls.MAPPING.get(name)
        if place is None:
            return None
        if (place / "__init__.py").exists():
            return importlib.util.spec_from_file_location(
                name, place / "__init__.py", submodule_search_locations=[str(place)]
            )
        if place.is_dir():
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        return importlib.util.spec_from_file_location(name, place.with_suffix(".py"))
sys.meta_path.append(Editable)
"""


@pytest.mark.parametrize("way", ["PYTHONPATH", "sys.path", ".pth", "link"])
def test_paths_lead_to_the_worktree(sides, way):
    """An entry of ``sys.path`` in the repository becomes its counterpart, in its place, whoever put it there."""
    sides.write("src/package/__init__.py", "src/package/part.py", "src/single.py")
    sides.write("site/paths.pth", only="outside", text=f"{sides.repository / 'src'}\n")
    (sides.outside / "link").symlink_to(sides.repository)
    prepare = {
        "PYTHONPATH": "",
        "sys.path": "sys.path.insert(0, str(REPOSITORY / 'src'))",
        ".pth": "import site; site.addsitedir(str(OUTSIDE / 'site'))",
        "link": "sys.path.append(str(OUTSIDE / 'link' / 'src'))",
    }[way]
    found = sides.run(
        f"""
        {prepare}
        before = list(sys.path)
        ISOLATION.enter()
        found["changed"] = [(a, b) for a, b in zip(before, sys.path, strict=True) if a != b]
        import package.part, single
        found["sides"] = [package.SIDE, package.part.SIDE, single.SIDE]
        found["strays"] = ISOLATION.strays()
        found["modules"] = sorted(ISOLATION.modules())
        """,
        **({"PYTHONPATH": str(sides.repository / "src")} if way == "PYTHONPATH" else {}),
    )
    entry = sides.outside / "link" / "src" if way == "link" else sides.repository / "src"
    assert found["changed"] == [[str(entry), str(sides.worktree / "src")]]
    assert found["sides"] == ["worktree"] * 3
    assert found["strays"] == []
    assert found["modules"] == ["package", "package.part", "single"]


def test_what_was_imported_before(sides):
    """It is told; its neighbours that come after are this revision's."""
    sides.write("src/early.py", "src/late.py")
    found = sides.run("""
        sys.path.insert(0, str(REPOSITORY / "src"))
        import early
        ISOLATION.enter()
        import late
        found["sides"] = [early.SIDE, late.SIDE]
        found["strays"] = ISOLATION.strays()
    """)
    assert found["sides"] == ["repository", "worktree"]
    assert found["strays"] == [
        f"module early was loaded from {sides.repository}/src/early.py, not from this revision"
    ]


def test_editable_installs_are_mapped(sides):
    """What a finder of an editable install finds in the repository is loaded from the worktree: packages, their parts, modules."""
    sides.write(
        "src/package/__init__.py", "src/package/part.py", "src/single.py", "src/space/inner/__init__.py"
    )
    sides.write("other/__init__.py", only="outside")
    found = sides.run(
        EDITABLE
        + textwrap.dedent("""
        src = REPOSITORY / "src"
        Editable.MAPPING = {
            "package": src / "package", "single": src / "single", "space": src / "space", "other": OUTSIDE / "other"
        }
        ISOLATION.enter()
        import package.part, single, space.inner, other
        found["sides"] = [package.SIDE, package.part.SIDE, single.SIDE, space.inner.SIDE, other.SIDE]
        found["paths"] = [list(package.__path__), list(space.__path__)]
        found["files"] = [package.__file__, package.__spec__.origin, single.__file__]
        found["cached"] = package.__spec__.cached
        found["strays"] = ISOLATION.strays()
        """)
    )
    assert found["sides"] == [*["worktree"] * 4, "outside"]
    worktree = f"{sides.worktree}/src"
    assert found["paths"] == [[f"{worktree}/package"], [f"{worktree}/space"]]
    assert found["files"] == [*[f"{worktree}/package/__init__.py"] * 2, f"{worktree}/single.py"]
    assert found["cached"].startswith(f"{worktree}/package/__pycache__")
    assert found["strays"] == []


def test_a_module_that_this_revision_lacks(sides):
    """It is not there, as one that is missing, and the message names it and says why."""
    sides.write("src/package/__init__.py")
    sides.write("src/package/later.py", "src/single.py", only="repository")
    found = sides.run(
        EDITABLE
        + textwrap.dedent("""
        src = REPOSITORY / "src"
        Editable.MAPPING = {"package": src / "package", "single": src / "single"}
        ISOLATION.enter()
        for name in ("package.later", "single"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                found[name] = [error.name, str(error)]
        """)
    )
    assert found["package.later"] == ["package.later", "No module named 'package.later'"]
    assert found["single"][0] == "single"
    assert f"single is {sides.repository}/src/single.py in the repository" in found["single"][1]
    assert "this revision has no such file (git does not track it, or it came later)" in found["single"][1]


def test_namespace_packages(sides):
    """A namespace that is in the repository and elsewhere has this revision's part and the other one."""
    sides.write("src/space/ours.py")
    sides.write("space/theirs.py", only="outside")
    found = sides.run("""
        sys.path += [str(REPOSITORY / "src"), str(OUTSIDE)]
        ISOLATION.enter()
        import space.ours, space.theirs
        found["sides"] = [space.ours.SIDE, space.theirs.SIDE]
        found["path"] = list(space.__path__)
    """)
    assert found["sides"] == ["worktree", "outside"]
    assert found["path"] == [f"{sides.worktree}/src/space", f"{sides.outside}/space"]


def test_compiled_extensions_are_this_revisions(sides):
    """One that lies beside its source is found in the worktree; one that was built in the repository alone is not there."""
    suffix = EXTENSION_SUFFIXES[0]
    sides.write(f"src/tracked{suffix}")
    sides.write(f"src/built{suffix}", only="repository")
    found = sides.run(
        EDITABLE
        + textwrap.dedent(f"""
        sys.path.insert(0, str(REPOSITORY / "src"))
        ISOLATION.enter()
        spec = importlib.util.find_spec("tracked")
        found["tracked"] = [spec.origin, type(spec.loader).__name__]
        found["built"] = importlib.util.find_spec("built")

        class Built:
            @classmethod
            def find_spec(cls, name, path=None, target=None):
                return importlib.util.spec_from_file_location(name, REPOSITORY / f"src/{{name}}{suffix}")
        sys.meta_path[1:] = [Built]
        found["moved"] = [importlib.util.find_spec("tracked").origin]
        try:
            importlib.util.find_spec("built")
        except ModuleNotFoundError as error:
            found["error"] = str(error)
        """)
    )
    origin = f"{sides.worktree}/src/tracked{suffix}"
    assert found["tracked"] == [origin, "ExtensionFileLoader"]
    assert found["built"] is None
    assert found["moved"] == [origin]
    assert "this revision has no such file" in found["error"]


def test_what_only_its_own_finder_can_load(sides):
    """A file of a kind that Python does not know cannot be moved, and is refused rather than taken from the repository."""
    sides.write("notes.odd")
    found = sides.run("""
        class OddLoader:
            def create_module(self, spec): ...
            def exec_module(self, module): ...

        class Odd:
            @classmethod
            def find_spec(cls, name, path=None, target=None):
                if name == "notes":
                    return importlib.util.spec_from_file_location(name, REPOSITORY / "notes.odd", loader=OddLoader())
        sys.meta_path.append(Odd)
        ISOLATION.enter()
        try:
            import notes
        except ImportError as error:
            found["error"] = str(error)
    """)
    assert f"notes is {sides.repository}/notes.odd in the repository, which OddLoader loads" in found["error"]


def test_strays_are_named(sides):
    """A module that was loaded by its absolute path is not of this revision, and does not go unseen."""
    sides.write("src/single.py", "src/fine.py")
    found = sides.run("""
        ISOLATION.enter()
        sys.path.insert(0, str(WORKTREE / "src"))
        import fine, json
        for name, place in {"stray": REPOSITORY, "placed": WORKTREE}.items():
            spec = importlib.util.spec_from_file_location(name, place / "src" / "single.py")
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        found["strays"] = ISOLATION.strays()
        found["modules"] = sorted(ISOLATION.modules())
    """)
    assert found["strays"] == [
        f"module stray was loaded from {sides.repository}/src/single.py, not from this revision"
    ]
    assert found["modules"] == ["fine", "placed"]


@pytest.mark.parametrize(
    ("prefix", "module"),
    [
        ("repository/.venv", ".venv/lib/python3/site-packages/installed.py"),
        ("repository/.venv", ".venv/lib/installed.py"),
        ("outside", "another/lib/python3/site-packages/installed.py"),
        ("outside", "debian/lib/python3/dist-packages/installed.py"),
    ],
)
def test_an_environment_in_the_repository_stays(sides, prefix, module):
    """What is installed is the same for both revisions, also where it lies in the repository."""
    sides.write(module, only="repository")
    folder = str(Path(module).parent)
    found = sides.run(f"""
        sys.prefix = str(REPOSITORY.parent / {prefix!r})
        sys.path.insert(0, str(REPOSITORY / {folder!r}))
        ISOLATION.enter()
        import installed
        found["side"], found["strays"] = installed.SIDE, ISOLATION.strays()
    """)
    assert found == {"side": "repository", "strays": []}


@pytest.mark.parametrize("prefix", ["", "repository"])
def test_a_repository_in_an_environment_is_mapped(sides, prefix):
    """Python's own prefix may hold the repository, as /usr does /usr/src/app, or be it; it is a repository all the same."""
    sides.write("src/single.py")
    found = sides.run(f"""
        sys.prefix = sys.base_prefix = str(REPOSITORY.parent / {prefix!r})
        sys.path.insert(0, str(REPOSITORY / "src"))
        ISOLATION.enter()
        import single
        found["side"] = single.SIDE
        found["belongs"] = ISOLATION.belongs(REPOSITORY / "src" / "single.py")
    """)
    assert found == {"side": "worktree", "belongs": True}


def test_a_worktree_in_the_repository_is_not_mapped_into_itself(sides):
    """The folder for temporary files may lie there."""
    sides.write("single.py")
    found = sides.run("""
        inner = REPOSITORY / "tmp" / "worktree"
        inner.parent.mkdir()
        WORKTREE.rename(inner)
        os.chdir(inner)
        ISOLATION = Isolation(REPOSITORY, inner, inner)
        sys.path.insert(0, str(REPOSITORY))
        ISOLATION.enter()
        import single
        found["side"], found["strays"], found["file"] = single.SIDE, ISOLATION.strays(), single.__file__
    """)
    assert found["side"] == "worktree"
    assert found["strays"] == []
    assert found["file"] == f"{sides.repository}/tmp/worktree/single.py"


def test_the_harness_is_not_mapped(sides):
    """Both revisions are measured by the harness that was called, also where its source is in the repository."""
    found = sides.run("""
        harness = Path(isolation.__file__).parent
        ISOLATION = Isolation(harness.parents[1], WORKTREE, WORKTREE)
        ISOLATION.enter()
        import steelyard.versions
        found["file"] = steelyard.versions.__file__
        found["expected"] = str(harness / "versions.py")
        found["mapped"] = ISOLATION.mapped(harness / "versions.py")
        found["beside"] = ISOLATION.mapped(harness.parent / "test_cells.py")
        found["strays"] = [stray for stray in ISOLATION.strays() if "steelyard" in stray.split()[1]]
    """)
    assert found["file"] == found["expected"]
    assert found["mapped"] is None
    assert found["beside"].startswith(str(sides.worktree))
    assert found["strays"] == []


def test_an_installed_copy_is_named(sides):
    """A package of this repository that is installed as a copy would be measured instead of either revision."""
    sides.write("pyproject.toml", text='[project]\nname = "own"\n')
    sides.write("own/__init__.py", "own-1.dist-info/METADATA", only="outside", text="Name: own\n")
    sides.write("own/__init__.py", "other.py", only="outside")
    record = "own/__init__.py,,\nown-1.dist-info/METADATA,,\n"
    sides.write("own-1.dist-info/RECORD", only="outside", text=record)
    found = sides.run("""
        sys.path.insert(0, str(OUTSIDE))
        ISOLATION.enter()
        import other
        found["before"] = ISOLATION.strays()
        import own
        found["after"] = ISOLATION.strays()
    """)
    assert found["before"] == []
    assert len(found["after"]) == 1
    assert (
        f"module own was loaded from {sides.outside}/own/__init__.py, an installed copy" in found["after"][0]
    )
    assert "pip install -e ." in found["after"][0]


def test_an_editable_install_is_no_copy(sides):
    """Its own files, a path or a finder, are not the package."""
    sides.write("pyproject.toml", text='[project]\nname = "own"\n')
    sides.write("src/own/__init__.py")
    sides.write("own-1.dist-info/METADATA", only="outside", text="Name: own\n")
    sides.write("__editable___own_finder.py", only="outside")
    record = "__editable___own_finder.py,,\nown-1.dist-info/METADATA,,\n__editable__.own.pth,,\n"
    sides.write("own-1.dist-info/RECORD", only="outside", text=record)
    found = sides.run("""
        sys.path[:0] = [str(OUTSIDE), str(REPOSITORY / "src")]
        import __editable___own_finder
        ISOLATION.enter()
        import own
        found["side"], found["strays"] = own.SIDE, ISOLATION.strays()
    """)
    assert found == {"side": "worktree", "strays": []}


@pytest.mark.parametrize(
    "text", ["", "[project]\nversion = '1'\n", "[project]\nname = 'absent'\n", "[broken", "project = 3\n"]
)
def test_a_project_that_is_not_installed_has_no_copy(sides, text):
    """Nor one without a name, or whose configuration tells nothing."""
    sides.write("pyproject.toml", text=text)
    assert sides.run("found['strays'] = ISOLATION.strays()") == {"strays": []}


def test_what_nobody_finds_is_missing(sides):
    """Other modules are found, or not, as ever."""
    found = sides.run("""
        ISOLATION.enter()
        found["absent"] = importlib.util.find_spec("absent_module")
        found["builtin"] = importlib.util.find_spec("math").name
        found["library"] = importlib.util.find_spec("colorsys").origin
    """)
    assert found["absent"] is None
    assert found["builtin"] == "math"
    assert found["library"].endswith("colorsys.py")
