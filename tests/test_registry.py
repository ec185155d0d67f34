"""Workloads are found by convention, without importing a kernel; what cannot be used is named."""

import sys

import pytest
from steelyard.errors import BadWorkload, SteelyardError, UnknownName


def test_variants_are_read_without_importing(registry_of):
    """A kernel file that would raise when imported still shows its variants."""
    registry = registry_of(
        {"double_numba.py": '__all__ = [\n    "loops",\n]\nraise RuntimeError("imported")\n'}
    )
    assert [variant.id for variant in registry.variants["double"]] == [
        "double/python/loops",
        "double/numpy/arrays",
        "double/numba/loops",
    ]


def test_parallel_variants_are_declared(registry_of):
    """Which variants use several cores is read from the file too."""
    registry = registry_of({"double_numba.py": '__all__ = ["one", "many"]\n__parallel__ = ["many"]\n'})
    assert {
        variant.name: variant.parallel
        for variant in registry.variants["double"]
        if variant.backend == "numba"
    } == {"one": False, "many": True}


def test_select_by_names(registry_of):
    """Sizes default to the workload's own; "all" means every one."""
    registry = registry_of()
    assert {"small", "medium"} == {cell.size for cell in registry.select()}
    assert {"tiny", "small", "medium"} == {cell.size for cell in registry.select(sizes=["all"])}
    assert [cell.id for cell in registry.select((), ["numpy"], ["tiny"])] == ["double/numpy/arrays/tiny"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"workloads": ["dubble"]}, "no workload is named 'dubble'. Did you mean 'double'"),
        ({"backends": ["nunpy"]}, "no backend is named 'nunpy'. Did you mean 'numpy'"),
        ({"sizes": ["smal"]}, "no size is named 'smal'. Did you mean 'small'"),
    ],
)
def test_unknown_names_are_told(registry_of, choice, message):
    """The message has the name, the nearest one and all that there are."""
    with pytest.raises(UnknownName, match=message):
        registry_of().select(**choice)


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        ("double/numpy/arrays", "no cell"),
        ("triple/numpy/arrays/small", "no workload"),
        ("double/numba/loops/small", "no backend of double"),
        ("double/numpy/loops/small", "no variant of double/numpy"),
        ("double/numpy/arrays/huge", "no size of double"),
    ],
)
def test_unknown_cell_says_which_part(registry_of, id, kind):
    """An id is wrong in one part; the message says which."""
    with pytest.raises(UnknownName, match=kind):
        registry_of().cell(id)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("double_numba.py", "def loops(x, s): return x\n", "has no __all__"),
        ("double_numba.py", "__all__ = [name]\n", "should be one literal list"),
        ("double_numba.py", "__all__ = sorted(['f'])\n", "should be one literal list"),
        ("double_numba.py", "__all__ = ['f']\n__all__ += ['g']\n", "should be one literal list"),
        ("duble_numpy.py", "__all__ = ['f']\n", "rename it double_numpy.py, or start its name with _"),
        ("double_numba.py", '__all__ = ["a b"]\n', "'a b', which cannot be a variant's name"),
        ("double_numba.py", '__all__ = ["f", "f"]\n', "__all__ has two variants named 'f'"),
        (
            "double_numba.py",
            '__all__ = ["f"]\ndef f(x): 1\ndef f(x): 2\n',
            "the file has two variants named 'f'",
        ),
        ("double_numba.py", '__all__ = ["f"]\n__parallel__ = ["g"]\n', "'g', which __all__ has not"),
        ("double_fortran.py", '__all__ = ["f"]\n', "'fortran' is no backend; known: python"),
        ("double_cython.py", '__all__ = ["f"]\n', "is written in double_cython.pyx"),
        ("__init__.py", "x = 1\n", "has no WORKLOAD"),
    ],
)
def test_unusable_files_are_named(registry_of, name, text, message):
    """The message names the file and what to write instead."""
    with pytest.raises(SteelyardError, match=message) as caught:
        registry_of({name: text})
    assert name in str(caught.value)


def test_every_problem_is_named_at_once(write_project, registry_of):
    """Two broken workloads are two lines, not two attempts."""
    root = write_project()
    for name in ("no workload", "empty"):
        (root / "kernels" / name).mkdir()
    with pytest.raises(SteelyardError, match=r"(?s)has no WORKLOAD.*cannot name a workload"):
        registry_of()


def test_hidden_and_private_folders_are_passed_over(write_project, registry_of):
    """Caches and shared helpers may stand beside the workloads."""
    root = write_project()
    for name in ("__pycache__", "_shared", ".git"):
        (root / "kernels" / name).mkdir()
    assert list(registry_of().variants) == ["double"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("WORKLOAD = 3\n", "should be a steelyard.Workload"),
        ("import nothing_like_it\nWORKLOAD = None\n", "No module named 'nothing_like_it'"),
    ],
)
def test_a_workload_that_is_none(registry_of, text, message):
    """The workload's module is to blame, and is named."""
    with pytest.raises(BadWorkload, match=message):
        registry_of({"__init__.py": text}).workload("double")


def test_inputs_that_raise_are_named(registry_of, write_project):
    """The parameters for which they raise are in the message."""
    text = (write_project() / "kernels/double/__init__.py").read_text()
    text = text.replace('"x": np.arange(n, dtype=float)', '"x": 1 // 0')
    with pytest.raises(BadWorkload, match=r"inputs\(\*\*\{'n': 3\}\) raises ZeroDivisionError"):
        registry_of({"__init__.py": text}).inputs("double", "tiny")


def test_inputs_that_are_not_seeded(registry_of, write_project):
    """Two runs would not measure the same: it is noticed at the smallest size."""
    text = (write_project() / "kernels/double/__init__.py").read_text()
    text = text.replace("np.arange(n, dtype=float)", "np.random.default_rng().random(n)")
    with pytest.raises(BadWorkload, match="seed what is random"):
        registry_of({"__init__.py": text}).inputs("double", "tiny")


def test_modules_get_private_names(registry_of):
    """A ``kernels`` package of the repository's own is neither used nor replaced."""
    registry = registry_of()
    registry.load(registry.variant("double/python/loops"))
    assert "kernels" not in sys.modules
    assert f"{registry.package}.double.double_python" in sys.modules


def test_relative_imports_work(registry_of):
    """A kernel may have helpers beside it."""
    registry = registry_of(
        {
            "helper.py": "FACTOR = 1.0\n",
            "double_numpy.py": "from .helper import FACTOR\n__all__ = ['f']\ndef f(x, s): return FACTOR * s * x\n",
        }
    )
    assert registry.load(registry.variant("double/numpy/f")).function(2.0, 3.0) == 6.0
