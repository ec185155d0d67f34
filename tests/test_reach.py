"""No file that a kernel could load escapes; where that cannot be told, it is said."""

import sys

import pytest
from steelyard.reach import Reach, Unforeseeable, names_in


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Make files in a folder that is imported from; the reach of one of them, by name."""
    root = tmp_path.resolve() / "tree"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))

    def reached(start, **files):
        for name, text in files.items():
            path = root / name.replace("__in__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return {path.relative_to(root).as_posix() for path in Reach(root).of([root / start])}

    reached.root = root
    return reached


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a", {"a"}),
        ("import a.b as c, d", {"a.b", "d"}),
        ("import a  # not b, c", {"a"}),
        ("from a import b, c as d", {"a", "a.b", "a.c"}),
        ("from a.b import *", {"a.b"}),
        ("from . import b", {".", ".b"}),
        ("from .a import b", {".a", ".a.b"}),
        ("from ..a.b import c", {"..a.b", "..a.b.c"}),
        ("from.a import b", {".a", ".a.b"}),
        ("from a import (\n    b,  # first\n    c as d,\n)", {"a", "a.b", "a.c"}),
        ("def f():\n    import a; import b\n", {"a", "b"}),
        ("try: import a\nexcept ImportError: import b", {"a", "b"}),
        ("cimport a\nfrom b cimport c", {"a", "b", "b.c"}),
        ("important = 1\nreimport = 2", set()),
        ("x = 1", set()),
    ],
)
def test_names_in(text, names):
    """Every name that a statement can load, whatever its form."""
    assert set(names_in(text)) == names


def test_imports_are_followed(tree):
    """From file to file, in functions too; what nobody imports is not reached."""
    found = tree(
        "kernel.py",
        kernel_dot_py="def f():\n    from helpers import one\n",
        helpers__in____init___dot_py="",
        helpers__in__one_dot_py="from .two import x\n",
        helpers__in__two_dot_py="import other\n",
        helpers__in__three_dot_py="",
        other_dot_py="import numpy\nimport kernel\n",
        unrelated_dot_py="",
    )
    assert found == {"kernel.py", "helpers/__init__.py", "helpers/one.py", "helpers/two.py", "other.py"}


def test_packages_on_the_way_are_loaded_too(tree):
    """Each one's ``__init__`` is, and namespace packages have none."""
    found = tree(
        "kernel.py",
        kernel_dot_py="import a.b.c\nfrom space import inner\n",
        a__in____init___dot_py="",
        a__in__b__in____init___dot_py="from ... import x",
        a__in__b__in__c_dot_py="",
        space__in__inner_dot_py="",
    )
    assert found == {"kernel.py", "a/__init__.py", "a/b/__init__.py", "a/b/c.py", "space/inner.py"}


def test_relative_imports_reach_the_package(tree):
    """Of the package that they are in, and of those above it."""
    found = tree(
        "a/b/kernel.py",
        a__in____init___dot_py="import top",
        a__in__b__in____init___dot_py="",
        a__in__b__in__kernel_dot_py="from . import near\nfrom ..far import x\n",
        a__in__b__in__near_dot_py="",
        a__in__far_dot_py="",
        top_dot_py="",
    )
    assert found == {
        "a/b/kernel.py",
        "a/b/__init__.py",
        "a/b/near.py",
        "a/__init__.py",
        "a/far.py",
        "top.py",
    }


def test_cython(tree):
    """What it imports, cimports, and all that lies beside it to be included."""
    found = tree(
        "kernel.pyx",
        kernel_dot_pyx='import helper\nfrom shared cimport f\nfrom libc.math cimport exp\ninclude "part.pxi"\n',
        kernel_dot_pxd="",
        part_dot_pxi="import from_part\n",
        fast_dot_h="",
        helper_dot_py="",
        from_part_dot_py="",
        shared_dot_pxd="",
        other_dot_pyx="",
    )
    assert found == {
        *("kernel.pyx", "kernel.pxd", "part.pxi", "fast.h"),
        *("helper.py", "from_part.py", "shared.pxd"),
    }


def test_a_module_of_the_folder_that_hides_another(tree, monkeypatch):
    """A name is looked for as an import would find it."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)  # another test may have loaded what needs it
    found = tree("kernel.py", kernel_dot_py="import colorsys\n", colorsys_dot_py="")
    assert found == {"kernel.py", "colorsys.py"}


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\n",
        "__import__('a')\n",
        "exec(open('a').read())\n",
        "import sys\nsys.path.append('lib')\n",
        "import pkgutil\n",
    ],
)
def test_what_cannot_be_told(tree, text):
    """It is said, also of what is imported only."""
    with pytest.raises(Unforeseeable):
        tree("kernel.py", kernel_dot_py="import helper\n", helper_dot_py=text)


def test_a_name_of_the_tree_that_is_found_elsewhere(tree):
    """As an installed copy of the project's own package would be: which of them is loaded is not ours to guess."""
    with pytest.raises(Unforeseeable, match="numpy may be the worktree's"):
        tree("kernel.py", kernel_dot_py="import numpy\n", src__in__numpy__in__mine_dot_py="")


def test_the_harness_is_nobodys_code(tree):
    """A tree that has its sources, this project's own, is not measured by them."""
    found = tree(
        "kernel.py", kernel_dot_py="import steelyard\n", bench__in__steelyard__in____init___dot_py=""
    )
    assert found == {"kernel.py"}


def test_no_module_is_run(tree):
    """Reading is enough."""
    found = tree("kernel.py", kernel_dot_py="import helper.part\nboom\n", helper__in____init___dot_py="1 / 0")
    assert found == {"kernel.py", "helper/__init__.py"}
