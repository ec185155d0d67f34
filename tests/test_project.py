"""A project is found from anywhere inside it, and a wrong configuration is named."""

import pytest
from steelyard.errors import BadConfiguration, NotConfigured
from steelyard.project import Project


def test_found_from_a_folder_inside(write_project):
    """The nearest pyproject.toml with the table counts, not the nearest of all."""
    root = write_project()
    inner = root / "kernels" / "double"
    (root / "kernels" / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert Project.find(inner).root == root


def test_one_line_of_configuration_is_enough(write_project):
    """Kernels and reports have the places that their names say."""
    project = Project.find(write_project(configuration="[tool.steelyard]\n"))
    assert (project.root / "kernels", project.root / "reports") == (project.kernels, project.reports)


def test_nothing_configured_says_what_to_add(tmp_path):
    """The message has the line to write."""
    with pytest.raises(NotConfigured, match=r"no \[tool.steelyard\].*\nAdd that line"):
        Project.find(tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("kernel = 'x'", "unknown key 'kernel'; known: kernels"),
        ("kernels = 3", "'kernels' should be a str"),
        ("kernels = 'nowhere'", "nowhere, which does not exist"),
        ("backends = {jax = 1}", "map names to strings"),
        ("backends = {'a b' = 'jax'}", "'a b'"),
    ],
)
def test_wrong_configuration_is_named(registry_of, table, message):
    """Each mistake names the file, the key and what would be right."""
    with pytest.raises(BadConfiguration, match=message):
        registry_of(configuration=f"[tool.steelyard]\n{table}\n")


def test_broken_toml_is_named(write_project):
    """The place of the error is in the message."""
    with pytest.raises(BadConfiguration, match=r"pyproject.toml.*line 1"):
        Project.find(write_project(configuration="[tool.steelyard\n"))


def test_loads_from_the_root(write_project):
    """What the configuration names is sought in the project first, and the path is put back."""
    root = write_project(configuration="[tool.steelyard]\npages = {x = 'my_page:render'}\n")
    (root / "my_page.py").write_text("def render(run, project): return 'hello'\n")
    project = Project.find(root)
    assert project.load("my_page:render")(None, None) == "hello"
    with pytest.raises(BadConfiguration, match="my_page:nothing"):
        project.load("my_page:nothing")
