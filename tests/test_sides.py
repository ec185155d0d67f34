"""What is asked of a gate, and what its two sides are."""

import pytest
from repositories import (
    ARRAYS,
    CONFIGURATION,
    LOOPS,
    compare,
    make,
)
from steelyard.project import GateSettings
from steelyard.sides import Options

pytestmark = pytest.mark.usefixtures("temporary")


def test_the_tolerance_is_that_of_the_command_line_or_the_configuration(tmp_path, made_up):
    """The configuration's, by cell; the command line's takes its place for all."""
    configuration = (
        CONFIGURATION + '[tool.steelyard.gate]\ntolerance = "5%"\ntolerances = {"*/numpy/*" = 0.1}\n'
    )
    root = make(tmp_path / "repository", {"pyproject.toml": configuration})
    found = compare(root)
    assert {cell.cell: cell.tolerance for cell in found.cells} == {LOOPS: 0.05, ARRAYS: 0.1}
    settings = Options(tolerance=0.03).tolerances(None)
    assert settings == GateSettings(tolerance=0.03)
