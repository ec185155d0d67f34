"""`steelyard new` writes a workload that runs and agrees in every backend, and overwrites nothing."""

import tomllib

import pytest
from steelyard.backends import BACKENDS
from steelyard.errors import BadWorkload, CannotWrite
from steelyard.project import Project
from steelyard.referee import Referee
from steelyard.registry import Registry
from steelyard.scaffold import write_workload


def test_every_backend_agrees(tmp_path):
    """In an empty folder: a file for each backend, the configuration, and the suite."""
    list(write_workload("saxpy", tmp_path))
    registry = Registry(Project.find(tmp_path))
    referee = Referee(registry)
    cells = registry.select()
    for cell in cells:
        referee.check(cell)
    assert set(BACKENDS) == {cell.variant.backend for cell in cells}
    assert (tmp_path / "bench" / "test_cells.py").is_file()


def test_what_is_there_stays(tmp_path):
    """A pyproject.toml keeps its content, and a suite of the user's own its text."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"')
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "test_cells.py").write_text("# mine\n")
    list(write_workload("saxpy", tmp_path))
    table = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert table == {"project": {"name": "mine"}, "tool": {"steelyard": {"kernels": "kernels"}}}
    assert (tmp_path / "bench" / "test_cells.py").read_text() == "# mine\n"


def test_the_folder_of_the_kernels_is_made(tmp_path):
    """A clone has none while it is empty, whatever it is called."""
    (tmp_path / "pyproject.toml").write_text("[tool.steelyard]\nkernels = 'src/kernels'\n")
    list(write_workload("one", tmp_path))
    assert (tmp_path / "src" / "kernels" / "one" / "one_numpy.py").is_file()


def test_a_second_workload_from_a_folder_inside(tmp_path):
    """It lands beside the first, not in the folder where the command was typed."""
    list(write_workload("one", tmp_path))
    list(write_workload("two", tmp_path / "kernels" / "one"))
    assert {"one", "two"} == {path.name for path in (tmp_path / "kernels").iterdir()}


@pytest.mark.parametrize("name", ["", "a b", "../up", "9lives", "<b>"])
def test_a_name_that_cannot_be(tmp_path, name):
    """It is refused before anything is written."""
    with pytest.raises(BadWorkload, match="cannot name a workload"):
        list(write_workload(name, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken(tmp_path):
    """Nothing of the first is touched."""
    list(write_workload("one", tmp_path))
    with pytest.raises(BadWorkload, match="exists already"):
        list(write_workload("one", tmp_path))


def test_a_folder_that_cannot_be_written_to(tmp_path):
    """It is named."""
    (tmp_path / "kernels").write_text("a file where the folder should be")
    with pytest.raises(CannotWrite, match="kernels"):
        list(write_workload("one", tmp_path))
