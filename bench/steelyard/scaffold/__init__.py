"""Start a workload: a folder with a file for each backend, and what the harness needs around it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from string import Template

from steelyard.errors import BadWorkload, CannotWrite, NoKernels, NotConfigured
from steelyard.project import Project
from steelyard.workload import NAME

CONFIGURATION = '[tool.steelyard]\nkernels = "kernels"\n'


def write_workload(name: str, folder: Path) -> Iterator[Path]:
    """Write ``kernels/NAME``, and the configuration and ``bench/test_cells.py`` where there are none.

    Yields each file once it is written; nothing that exists is overwritten.

    Raises:
        BadWorkload: the name cannot be used, or is taken.
        CannotWrite: the folder cannot be written to.
    """
    if not NAME.fullmatch(name):
        raise BadWorkload(
            folder, f"{name!r} cannot name a workload: use letters, digits and _, a letter first"
        )
    try:
        try:
            project = Project.find(folder)
        except NotConfigured:
            (folder / "kernels").mkdir(exist_ok=True)
            configuration = folder / "pyproject.toml"
            before = configuration.read_text("utf-8").rstrip() + "\n\n" if configuration.exists() else ""
            configuration.write_text(before + CONFIGURATION, "utf-8")
            yield configuration
            project = Project.find(folder)
        except NoKernels as missing:  # git keeps no empty folders
            missing.folder.mkdir(parents=True)
            project = Project.find(folder)
        workload = project.kernels / name
        if workload.exists():
            raise BadWorkload(workload, "exists already; choose another name")
        for template in sorted(
            files(__package__).joinpath("templates").iterdir(), key=lambda file: file.name
        ):
            target = workload / template.name.removesuffix(".txt").replace("NAME", name)
            target.parent.mkdir(exist_ok=True)
            if template.name.startswith("test_"):
                target = project.root / "bench" / target.name
                if target.exists():
                    continue
                target.parent.mkdir(exist_ok=True)
            target.write_text(Template(template.read_text("utf-8")).substitute(name=name), "utf-8")
            yield target
    except OSError as error:
        raise CannotWrite(Path(error.filename or folder), error) from error
