"""Two revisions of a repository, each laid out in a folder of its own.

The files are written through an index of our own, and what the working tree adds goes to an object store of
our own: git is told of nothing, so that there is no worktree for it to remember when a gate is killed. All lies
in one temporary folder, which is removed at the end, or by the next gate if this process was killed.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from steelyard.errors import NotConfigured, SteelyardError
from steelyard.project import Project

PREFIX = "steelyard-gate-"
"""How the temporary folders' names begin; the number of the process that made it follows."""

WORKING_TREE = "working tree"

HARMLESS = (
    *("-c", f"core.hooksPath={os.devnull}"),  # a hook may run when an index is written, also one of our own
    *("-c", "core.fsmonitor=false"),  # it would start a daemon, or ask one about another index
    *("-c", "core.splitIndex=false"),  # it would write into the repository
    *("-c", "core.safecrlf=false"),  # it would refuse files, but nothing is committed here
)
"""How git is told to leave the repository alone, and to take every file."""

KEPT = ("GIT_CONFIG", "GIT_SSH", "GIT_ASKPASS", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY")
"""How the variables of git begin that do not speak of one repository."""


class CannotSetUp(SteelyardError):
    """The two revisions cannot be put side by side; nothing was measured."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision whose files are laid out in a folder."""

    side: str
    """``base`` or ``head``."""
    name: str
    """What the user calls it: ``origin/main``, or the working tree."""
    commit: str
    """The commit's full hash; of the working tree, the commit that it stands on."""
    worktree: Path
    """The repository's root as of this revision."""
    project: Project
    changed: bool = False
    """Whether it is a working tree that differs from its commit."""

    def __str__(self) -> str:
        changes = " with uncommitted changes" if self.changed else ""
        return f"{self.name} ({self.commit[:10]}{changes})"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for the record of a gate."""
        return {
            "name": self.name,
            "commit": self.commit,
            "changed": self.changed,
            "dependencies": dependencies(self.project.root),
        }


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository with a project in it."""

    root: Path
    project: Project
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project) -> Repository:
        """The repository that the project lies in.

        Raises:
            CannotSetUp: it lies in none, or there is no git.
        """
        if shutil.which("git") is None:
            raise CannotSetUp("git is not installed, and revisions are its business (apt install git)")
        # Variables that a hook sets speak of the repository at the hook's own place.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or name.startswith(KEPT)
        }
        repository = cls(project.root, project, {**inherited, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"})
        try:
            return cls(Path(repository.git("rev-parse", "--show-toplevel")), project, repository.variables)
        except CannotSetUp as error:
            raise CannotSetUp(
                f"{project.root} is in no git repository that can be used, so it has no revisions to compare: {error}\n"
                f"Two saved runs can be compared without one: steelyard gate --runs A.json B.json"
            ) from None

    def git(self, *arguments: str, **variables: str) -> str:
        """What a git command prints.

        Raises:
            CannotSetUp: it fails; with git's own words.
        """
        done = subprocess.run(
            ["git", *HARMLESS, *arguments],
            cwd=self.root,
            env={**self.variables, **variables},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
            raise CannotSetUp(f"git {arguments[0]}: {said.removeprefix('fatal: ')}")
        return os.fsdecode(done.stdout).removesuffix("\n")

    def resolve(self, name: str) -> str:
        """The full hash of the commit that ``name`` means.

        Raises:
            CannotSetUp: there is none here; in a shallow clone with the depth that is lacking.
        """
        try:
            found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", name)
            if not found.startswith("^"):  # which means all but this one
                return self.git("rev-parse", "--verify", "--quiet", f"{found}^{{commit}}")
        except CannotSetUp:
            pass
        if not re.fullmatch(r"\S+", name):
            raise CannotSetUp(f"{name!r} is no revision; name a branch, a tag or a commit")
        raise CannotSetUp(f"no revision {name!r} in {self.root}.{self._cure(name)}")

    def merge_base(self, base: str, head: str) -> str:
        """The last commit that both have in common.

        Raises:
            CannotSetUp: there is none, as far as this clone knows.
        """
        try:
            return self.git("merge-base", base, head)
        except CannotSetUp:
            cure = self._deeper() or " Compare with the revision itself, without --merge-base"
            raise CannotSetUp(f"{base[:10]} and {head[:10]} have no commit in common here.{cure}") from None

    def _cure(self, name: str) -> str:
        """What to type so that a revision is there."""
        if shallow := self._deeper():
            return shallow
        if ".." in name:
            return " A range is two revisions: steelyard gate BASE HEAD"
        remotes = self.git("remote").split()
        remote, _, branch = name.partition("/")
        if remote in remotes and branch:
            return f" Fetch it first: git fetch {remote} {branch}:refs/remotes/{name}"
        names = self.git(
            "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags"
        )
        if not names:
            return " Nothing is committed yet: git add, and git commit"
        return f" There are: {', '.join(names.split()[:12])}"

    def _deeper(self) -> str:
        """How to fetch what a shallow clone lacks; nothing if it is none."""
        if self.git("rev-parse", "--is-shallow-repository") != "true":
            return ""
        depth = self.git("rev-list", "--count", "HEAD")
        return (
            f" This clone is shallow and goes back {depth} commit{'s' * (depth != '1')}: fetch the rest by "
            f"`git fetch --unshallow origin`, or check out with all history (actions/checkout: fetch-depth: 0; "
            f"GitLab: GIT_DEPTH: 0)"
        )

    @contextmanager
    def laid_out(
        self, base: str, head: str | None, *, merge_base: bool = False
    ) -> Iterator[tuple[Revision, Revision]]:
        """Both revisions, in folders of their own while the block lasts.

        Args:
            base: its name.
            head: its name; None means the working tree.
            merge_base: whether the last commit that both have in common is meant instead of ``base``.

        Raises:
            CannotSetUp: a revision is not there, has no project that can be used, or has no room.
        """
        sweep()
        commits = self.resolve(base), self.resolve(head or "HEAD")
        if merge_base:
            base, commits = f"merge base with {base}", (self.merge_base(*commits), commits[1])
        with ExitStack() as stack:
            try:
                folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")).resolve()
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                revisions = (
                    self._lay_out(folder, "base", base, commits[0], working_tree=False),
                    self._lay_out(
                        folder, "head", head or WORKING_TREE, commits[1], working_tree=head is None
                    ),
                )
            except OSError as error:
                raise CannotSetUp(no_room(error.strerror or str(error))) from error
            yield revisions

    def _lay_out(self, folder: Path, side: str, name: str, commit: str, *, working_tree: bool) -> Revision:
        worktree, objects = folder / side, folder / f"{side}-objects"
        worktree.mkdir()
        objects.mkdir()
        own = {
            "GIT_INDEX_FILE": str(folder / f"{side}-index"),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(self._path("objects")),
        }
        changed = False
        if working_tree:
            index = Path(self._path("index"))
            if index.exists():  # what git knows of unchanged files spares it to read them again
                shutil.copy2(
                    index, own["GIT_INDEX_FILE"]
                )  # a file as new as its index is read again: keep the time
            self.git("add", "--all", "--", ".", *self._left_out(folder), **own)
            changed = self.git("write-tree", **own) != self.git("rev-parse", f"{commit}^{{tree}}")
        else:
            self.git("read-tree", commit, **own)
        try:
            self.git("checkout-index", "--all", f"--prefix={worktree}/", **own)
        except CannotSetUp as error:
            if "unable to write file" not in str(error):  # but, say, a filter that is not installed
                raise
            raise CannotSetUp(no_room(str(error).partition("\n")[0])) from None
        inside = worktree / self.project.root.resolve().relative_to(self.root.resolve())
        try:
            project = Project.find(inside) if inside.is_dir() else None
        except NotConfigured:
            project = None
        except SteelyardError as error:
            message = str(error).replace(f"{worktree}/", "")
            raise CannotSetUp(f"{name} has a configuration that cannot be used: {message}") from None
        if project is None or project.root != inside:
            where = inside.relative_to(worktree) / "pyproject.toml"
            raise CannotSetUp(
                f"{name} ({commit[:10]}) has no [tool.steelyard] in its {where}: it is older than the harness "
                f"here, or the project has moved. Name a revision that has it"
            )
        return Revision(side, name, commit, worktree, project, changed)

    def _left_out(self, folder: Path) -> list[str]:
        """What lies in the working tree but is not of it, though not ignored: environments, and our own folders."""
        root = self.root.resolve()
        configured = {path for place in (root, self.project.root) for path in place.glob("*/pyvenv.cfg")}
        places = {
            *(Path(os.path.realpath(prefix)) for prefix in (sys.prefix, sys.base_prefix)),
            *(path.parent.resolve() for path in configured),
            *folder.parent.glob(f"{PREFIX}*"),
        }
        inside = [place.relative_to(root) for place in sorted(places - {root}) if place.is_relative_to(root)]
        # Git refuses to leave out by name what it ignores anyway.
        return [f":(exclude,literal){place}" for place in inside if not self._ignores(place)]

    def _ignores(self, path: Path) -> bool:
        try:
            self.git("check-ignore", "--quiet", "--", str(path))
        except CannotSetUp:
            return False
        return True

    def _path(self, name: str) -> str:
        """Where git keeps something; absolute, also in a linked worktree."""
        return str((self.root / self.git("rev-parse", "--git-path", name)).resolve())


def quoted(path: str) -> str:
    """A path as it must stand in a list that git reads: a colon would end it."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def no_room(why: str) -> str:
    """What to say where something cannot be written to the temporary folder."""
    return (
        f"the revisions, and what they compute, cannot be written to {tempfile.gettempdir()}: {why}. "
        f"Free some space, or set TMPDIR to a folder that has it"
    )


def differing_files(one: Path, other: Path) -> list[Path]:
    """The files, relative, that are in one of two folders only or have another content there."""
    files = {path.relative_to(root) for root in (one, other) for path in root.rglob("*") if path.is_file()}
    return sorted(path for path in files if not same_file(one / path, other / path))


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths are files of the same content."""
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def dependencies(root: Path) -> dict[str, Any]:
    """What a project says it needs: the tables of its pyproject.toml, and its requirements files."""
    table = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    project = table.get("project", {})
    declared = {name: project[name] for name in ("dependencies", "optional-dependencies") if name in project}
    if "dependency-groups" in table:
        declared["dependency-groups"] = table["dependency-groups"]
    for path in sorted(path for path in root.glob("*requirements*.txt") if path.is_file()):
        declared[path.name] = path.read_text("utf-8", errors="replace").split("\n")
    return declared


def sweep() -> None:
    """Remove what gates have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        maker = folder.name.removeprefix(PREFIX).partition("-")[0]
        if maker.isdigit() and not psutil.pid_exists(int(maker)):
            shutil.rmtree(folder, ignore_errors=True)
