"""A .pyx is compiled on first use, into a cache that never serves a stale build."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from steelyard import cython_build
from steelyard.errors import CompileFailed

SOURCE = """# cython: language_level=3
__all__ = ["f"]

def f(double x):
    return FACTOR * x
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "double_cython.pyx"
    path.write_text(SOURCE.replace("FACTOR", "2"))
    return path


def test_compiled_once(source):
    """The second build is the first one, annotation included, and it loads."""
    built = cython_build.build(source)
    again = cython_build.build(source)
    assert built.fresh
    assert not again.fresh
    assert again.library == built.library
    assert "double_cython" in built.annotation.read_text()
    assert built.seconds > 0
    assert cython_build.load(source, "first.double_cython").f(2.0) == 4.0


@pytest.mark.parametrize("beside", [None, "double.pxd", "constants.pxi", "double.h"])
def test_what_decides_the_code_decides_the_key(source, beside):
    """The source and what it may include: a change of either is another build."""
    before = cython_build.build_key(source, traced=False)
    if beside:
        (source.parent / beside).write_text("# new")
    else:
        source.write_text(SOURCE.replace("FACTOR", "3"))
    assert before != cython_build.build_key(source, traced=False)


def test_flags_and_tracing_decide_too(source, monkeypatch):
    """A flag from the environment, or line tracing, is another build."""
    before = cython_build.build_key(source, traced=False)
    assert before != cython_build.build_key(source, traced=True)
    monkeypatch.setenv("CFLAGS", "-O1")
    cython_build.toolchain.cache_clear()
    try:
        assert before != cython_build.build_key(source, traced=False)
    finally:
        monkeypatch.undo()
        cython_build.toolchain.cache_clear()


def test_two_processes_at_once(source, monkeypatch, tmp_path):
    """Both succeed, and one build is left."""
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    code = f"from pathlib import Path; from steelyard.cython_build import *; print(build(Path({str(source)!r})).library)"

    def run(_):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, range(2))
    assert first == second
    assert len(list((tmp_path / "cache" / "cython").iterdir())) == 1


def test_an_error_has_its_file_and_line(source):
    """Cython's own message, with the place in the .pyx."""
    source.write_text(SOURCE.replace("FACTOR * x", "undefined_name + "))
    with pytest.raises(
        CompileFailed, match=r"double_cython\.pyx:5:\d+: does not compile: Expected an identifier"
    ):
        cython_build.build(source)
    assert "Traceback" not in failure(source)


def test_an_error_of_the_c_compiler(source):
    """What gcc says is shown as well, and nothing of where Python raised it."""
    source.write_text(
        SOURCE.replace("__all__", "# distutils: extra_compile_args = -fno-such-flag\n__all__", 1)
    )
    source.write_text("# distutils: extra_compile_args = -fno-such-flag\n" + SOURCE.replace("FACTOR", "2"))
    assert "no-such-flag" in failure(source)
    assert "Traceback" not in failure(source)


def failure(source):
    with pytest.raises(CompileFailed) as caught:
        cython_build.build(source)
    return str(caught.value)


def test_no_compiler_says_what_to_install(monkeypatch):
    """The reason is a sentence with the cure: to install one or, where CC names none, to set that right."""
    monkeypatch.setenv("CC", "no-such-compiler")
    assert cython_build.lacking().startswith(
        "CC=no-such-compiler is not a program that can be found; unset CC"
    )
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    assert cython_build.lacking().startswith("no C compiler found (install gcc")


def test_fast_math_does_not_reach_the_linker(source):
    """A file compiled with -ffast-math leaves the process's subnormals alone."""
    source.write_text("# distutils: extra_compile_args = -O3 -ffast-math\n" + SOURCE.replace("FACTOR", "2"))
    library = cython_build.build(source).library
    code = (
        "import importlib.util as u, sys; "
        f"s = u.spec_from_file_location('double_cython', {str(library)!r}); m = u.module_from_spec(s); "
        "s.loader.exec_module(m); print(sys.float_info.min / 2 > 0)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "True\n"
    )


def test_fast_math_at_link_time_is_caught(source, registry_of):
    """Where the toolchain lets it flush subnormals, the module is named and refused."""
    flags = "# distutils: extra_compile_args = -ffast-math\n# distutils: extra_link_args = -ffast-math\n"
    kernel = flags + "__all__ = ['f']\ndef f(x, s):\n    return s * x\n"
    root = registry_of({"double_cython.pyx": kernel}).project.root
    code = (
        "import sys; from pathlib import Path; from steelyard.project import Project; from steelyard.registry import Registry\n"
        f"registry = Registry(Project.find(Path({str(root)!r})))\n"
        "try: registry.load(registry.variant('double/cython/f'))\n"
        "except Exception as error: print(error)\n"
        "print(sys.float_info.min / 2 > 0)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    # gcc 13 no longer adds the start-up code to shared libraries: then all is well, and nothing is said.
    assert said == "True\n" or ("double_cython.pyx: loading it makes the whole process flush" in said)


def test_the_compiler_leaves_nothing_elsewhere(source, tmp_path, monkeypatch):
    """Its temporary files lie in a folder that is removed whatever becomes of it: one that is killed removes none."""
    places = []

    def run(command, run=subprocess.run, **options):
        if "steelyard.cython_build" in command:
            places.append(Path(options["env"]["TMPDIR"]))
        return run(command, **options)

    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(subprocess, "run", run)
    cython_build.build(source)
    assert [place.parent for place in places] == [cython_build.cache_folder()]
    assert not places[0].exists()
