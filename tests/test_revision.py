"""Two revisions are laid out as git knows them, and the repository is left as it was."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from steelyard.project import Project
from steelyard.revision import PREFIX, CannotSetUp, Repository, dependencies, sweep

CONFIGURATION = "[tool.steelyard]\n"

ODD_NAMES = [
    "two words",
    'a "quote"',
    "it's",
    "ünï",
    "new\nline",
    "tab\there",
    "back\\slash",
    "-rf",
    "--all",
    ":(top)x",
]


def git(folder, *arguments, **variables):
    done = subprocess.run(
        ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commit(root, files=None, message="a commit"):
    write(root, files or {})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files is empty, and git has no configuration but the repository's."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return folder


@pytest.fixture
def root(tmp_path):
    """A repository with one commit of a project."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, {"pyproject.toml": CONFIGURATION, "kernels/a.py": "old", "kernels/b.py": "b"})
    return root


def repository_of(folder):
    return Repository.of(Project.find(folder))


def contents(folder):
    """The files below a folder, with their text or, of a link, its target."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path) if path.is_symlink() else path.read_text()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def traces(root):
    """All that a change to a repository and its working tree would show in.

    Not the times of objects and shared indices: git renews them when it meets one again, so as not to clear it away.
    """

    def trace(path):
        renewed = path.is_file() and (
            ".git/objects/" in path.as_posix() or path.name.startswith("sharedindex.")
        )
        return (None if renewed else path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)

    return {path: trace(path) for path in (root, *root.rglob("*"))}


def test_base_is_the_commit_and_head_the_working_tree(root):
    """Modified, deleted and new files are in head as they lie there; base has what was committed; neither has what is ignored."""
    commit(root, {".gitignore": "*.o\n", "kernels/gone.py": "gone", "staged.py": "1"})
    write(root, {"kernels/a.py": "new", "kernels/more/c.py": "c", "junk.o": "junk", "staged.py": "2"})
    git(root, "add", "staged.py")
    write(root, {"staged.py": "3"})
    (root / "kernels" / "gone.py").unlink()
    same = {"pyproject.toml": CONFIGURATION, ".gitignore": "*.o\n", "kernels/b.py": "b"}
    with repository_of(root).laid_out("HEAD", None) as (base, head):
        assert contents(base.worktree) == {
            **same,
            "kernels/a.py": "old",
            "kernels/gone.py": "gone",
            "staged.py": "1",
        }
        assert contents(head.worktree) == {
            **same,
            "kernels/a.py": "new",
            "kernels/more/c.py": "c",
            "staged.py": "3",
        }
        assert (base.side, head.side) == ("base", "head")
        assert (base.project.root, head.project.kernels) == (base.worktree, head.worktree / "kernels")


def test_two_commits(root):
    """A named head is that commit, whatever lies in the working tree, and its name is what the user calls it."""
    first = git(root, "rev-parse", "HEAD")
    second = commit(root, {"kernels/a.py": "new"})
    write(root, {"kernels/a.py": "newest"})
    with repository_of(root).laid_out("main~1", "main") as (base, head):
        assert (base.worktree / "kernels/a.py").read_text() == "old"
        assert (head.worktree / "kernels/a.py").read_text() == "new"
        assert (base.commit, head.commit) == (first, second)
        assert str(head) == f"main ({second[:10]})"


def test_a_working_tree_says_whether_it_differs(root):
    """Changes, and new files, are told; a working tree that is its commit is not called changed."""
    repository = repository_of(root)
    with repository.laid_out("HEAD", None) as (base, head):
        assert (base.changed, head.changed) == (False, False)
    write(root, {"new.py": ""})
    with repository.laid_out("HEAD", None) as (_, head):
        assert head.changed
        assert "with uncommitted changes" in str(head)
        assert head.as_dict() == {
            "name": "working tree",
            "commit": git(root, "rev-parse", "HEAD"),
            "changed": True,
            "dependencies": {},
        }


def test_a_change_as_old_as_the_index_is_seen(root):
    """Git reads a file again that is no older than its index: the copy of the index is as old as the index."""
    git(root, "config", "core.trustctime", "false")
    path, index = root / "kernels" / "a.py", root / ".git" / "index"
    os.utime(path, (1e9, 1e9))
    git(root, "add", "--all")
    path.write_text("new")  # as long as what it was
    os.utime(path, (1e9, 1e9))
    os.utime(index, (1e9, 1e9))
    with repository_of(root).laid_out("HEAD", None) as (_, head):
        assert (head.worktree / "kernels/a.py").read_text() == "new"


def test_executable_bits_and_links(root):
    """What can be run can be run there, and a link is a link."""
    write(root, {"run.sh": "#!/bin/sh\n"})
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("kernels/a.py")
    commit(root)
    with repository_of(root).laid_out("HEAD", None) as revisions:
        for revision in revisions:
            assert os.access(revision.worktree / "run.sh", os.X_OK)
            assert not os.access(revision.worktree / "pyproject.toml", os.X_OK)
            assert os.readlink(revision.worktree / "link") == "kernels/a.py"


def test_odd_names(root):
    """Spaces, quotes, line breaks, other alphabets and names like options are names like others."""
    commit(root, {f"kernels/{name}": name for name in ODD_NAMES} | {name: name for name in ODD_NAMES})
    write(root, {f"kernels/{name} too": name for name in ODD_NAMES})
    with repository_of(root).laid_out("HEAD", None) as (base, head):
        for name in ODD_NAMES:
            assert (base.worktree / name).read_text() == name
            assert (base.worktree / "kernels" / name).read_text() == name
            assert (head.worktree / "kernels" / f"{name} too").read_text() == name


@pytest.mark.parametrize(
    "name", ["a:b", 'a "quote"', "two words", "ünï", "back\\slash", "new\nline", "-x", "end "]
)
def test_odd_places(tmp_path, root, name):
    """A repository, and a folder for temporary files, may be called what the system allows."""
    root = root.rename(tmp_path / name)
    tempfile.tempdir = str(tmp_path / f"{name} temporary")
    Path(tempfile.tempdir).mkdir()
    write(root, {"kernels/a.py": "new"})
    with repository_of(root).laid_out("main", None) as (base, head):
        assert (base.worktree / "kernels/a.py").read_text() == "old"
        assert (head.worktree / "kernels/a.py").read_text() == "new"
    assert not os.listdir(tempfile.tempdir)


def test_a_project_in_a_subfolder(root, monkeypatch):
    """The whole repository is laid out, the project is its subfolder, and where the command is run does not matter."""
    commit(
        root, {"tools/bench/pyproject.toml": CONFIGURATION, "tools/bench/kernels/k.py": "k", "lib/x.py": "x"}
    )
    write(root, {"lib/x.py": "y"})
    monkeypatch.chdir(root / "tools" / "bench" / "kernels")
    repository = repository_of(Path.cwd())
    assert repository.root == root
    with repository.laid_out("HEAD", None) as (base, head):
        assert base.project.root == base.worktree / "tools" / "bench"
        assert (base.worktree / "lib/x.py").read_text() == "x"
        assert (head.worktree / "lib/x.py").read_text() == "y"


def test_a_linked_worktree(root, tmp_path):
    """What lies in the linked worktree is head, not what lies in the main one."""
    linked = tmp_path / "linked"
    git(root, "worktree", "add", "--quiet", "-b", "side", str(linked))
    commit(linked, {"kernels/a.py": "side"})
    write(linked, {"kernels/b.py": "changed"})
    write(root, {"kernels/a.py": "main's"})
    with repository_of(linked).laid_out("main", None) as (base, head):
        assert (base.worktree / "kernels/a.py").read_text() == "old"
        assert (head.worktree / "kernels/a.py").read_text() == "side"
        assert (head.worktree / "kernels/b.py").read_text() == "changed"
        assert head.changed


def test_a_repository_reached_through_a_link(root, tmp_path):
    """Its root is the real one, which is what modules' files are held against."""
    (tmp_path / "link").symlink_to(root)
    repository = repository_of(tmp_path / "link")
    assert repository.root == root
    with repository.laid_out("HEAD", None) as (base, _):
        assert base.project.root == base.worktree == base.worktree.resolve()


def test_the_variables_of_a_hook_do_not_mislead(root, tmp_path, monkeypatch):
    """A hook's GIT_DIR and GIT_INDEX_FILE speak of its own place; git's configuration still counts."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other-index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "quarantine"))
    monkeypatch.setenv("GIT_PREFIX", "kernels/")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.excludesFile")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(tmp_path / "excludes"))
    (tmp_path / "excludes").write_text("*.junk\n")
    write(root, {"new.py": "", "new.junk": ""})
    with repository_of(root).laid_out("HEAD", None) as (base, head):
        assert set(contents(head.worktree)) - set(contents(base.worktree)) == {"new.py"}
    assert not (tmp_path / "other-index").exists()


@pytest.mark.parametrize("setting", ["plain", "split index", "hooks", "untracked cache", "partial commit"])
def test_the_repository_is_left_as_it_was(root, temporary, setting):
    """No file in it is written, not even for a moment; no object, stash, worktree or reference is added, and no hook runs."""
    commit(root, {"kernels/a.py": "x"})
    if setting == "split index":
        git(root, "config", "core.splitIndex", "true")
        git(root, "update-index", "--split-index")
    if setting == "hooks":
        for hook in ("post-index-change", "post-checkout", "pre-commit", "reference-transaction"):
            path = root / ".git" / "hooks" / hook
            path.write_text("#!/bin/sh\ntouch ran-a-hook\n")
            path.chmod(0o755)
    if setting == "untracked cache":
        git(root, "config", "core.untrackedCache", "true")
    write(root, {"kernels/a.py": "changed", "untracked.py": "u"})
    if setting == "partial commit":
        write(root, {"kernels/b.py": "staged"})
        git(root, "add", "kernels/b.py")
    asked = [("stash", "list"), ("worktree", "list"), ("count-objects", "-v"), ("fsck", "--dangling")]
    asked += [("for-each-ref",), ("--no-optional-locks", "status", "--porcelain")]
    answers = [git(root, *question) for question in asked]
    before = traces(root)
    with repository_of(root).laid_out("HEAD~1", None) as (_, head):
        assert (head.worktree / "untracked.py").read_text() == "u"
    assert traces(root) == before
    assert [git(root, *question) for question in asked] == answers
    assert not list(temporary.iterdir())


def test_nothing_is_left_after_an_error(root, temporary):
    """The temporary folder is gone however the block ends."""
    write(root, {"kernels/a.py": "changed"})

    def end(error):
        with repository_of(root).laid_out("HEAD", None):
            assert len(list(temporary.iterdir())) == 1
            raise error

    for error in (KeyboardInterrupt, ValueError, SystemExit):
        with pytest.raises(error):
            end(error)
        assert not list(temporary.iterdir())


def test_what_a_killed_gate_has_left_is_swept(root, temporary):
    """The folder of a process that has ended goes when the next one starts; that of a living one stays, as does what is no gate's."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = temporary / f"{PREFIX}{ended.pid}-abc"
    living = temporary / f"{PREFIX}{os.getpid()}-abc"
    others = [temporary / f"{PREFIX}notes", temporary / f"other-{PREFIX}{ended.pid}-abc"]
    for folder in (dead, living, *others):
        write(folder, {"base/file": "x"})
    sweep()
    assert {path.name for path in temporary.iterdir()} == {living.name, *(path.name for path in others)}
    write(dead, {"base/file": "x"})
    with repository_of(root).laid_out("HEAD", None):
        assert not dead.exists()


def test_the_folder_for_temporary_files_may_lie_in_the_repository(root):
    """What a gate lays out is not laid out again, nor what another gate has."""
    tempfile.tempdir = str(root / "tmp")
    write(root / "tmp" / f"{PREFIX}{os.getpid()}-other", {"base/kernels/a.py": "x"})
    write(root / "tmp", {"mine.py": "mine"})
    with repository_of(root).laid_out("HEAD", None) as (base, head):
        assert set(contents(head.worktree)) - set(contents(base.worktree)) == {"tmp/mine.py"}


@pytest.mark.parametrize("ignored", ["", "an \\[*/\n", "other*/\n", "an \\[*\nother*\n.hidden*\n"])
def test_an_environment_in_the_repository_is_not_copied(root, monkeypatch, ignored):
    """Neither this process's nor another one, whether git ignores them or not; folders that only look alike are."""
    commit(root, {".gitignore": ignored})
    for name in ("an [o]dd env", "other-env", ".hidden-env"):
        write(root / name, {"pyvenv.cfg": "", "lib/site-packages/x.py": "x"})
    write(root, {"an o": "", "an odd env": "x", "lib/y.py": "y"})
    monkeypatch.setattr(sys, "prefix", str(root / "an [o]dd env"))
    (root / "an [o]dd env" / "pyvenv.cfg").unlink()  # as one of conda has none
    with repository_of(root).laid_out("HEAD", None) as (base, head):
        new = set(contents(head.worktree)) - set(contents(base.worktree))
        assert new == {"an o", "an odd env", "lib/y.py"}


def test_an_environment_that_is_the_repository_hides_nothing(root, monkeypatch):
    """``python -m venv .`` makes the two one folder."""
    monkeypatch.setattr(sys, "prefix", str(root))
    write(root, {"kernels/new.py": ""})
    with repository_of(root).laid_out("HEAD", None) as (_, head):
        assert (head.worktree / "kernels/new.py").exists()


def test_line_ends_that_git_would_refuse(root):
    """Nothing is committed here, so that the rule against mixed line ends is none of it."""
    git(root, "config", "core.autocrlf", "true")
    git(root, "config", "core.safecrlf", "true")
    (root / "kernels" / "new.py").write_bytes(b"x\ny\r\n")
    with repository_of(root).laid_out("HEAD", None) as (_, head):
        assert (head.worktree / "kernels/new.py").exists()


def test_amid_a_merge(root):
    """A working tree with conflicts is measured as it lies there."""
    git(root, "switch", "--quiet", "-c", "side")
    commit(root, {"kernels/a.py": "side"})
    git(root, "switch", "--quiet", "main")
    commit(root, {"kernels/a.py": "main"})
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "side")
    with repository_of(root).laid_out("side", None) as (base, head):
        assert (base.worktree / "kernels/a.py").read_text() == "side"
        assert "<<<<" in (head.worktree / "kernels/a.py").read_text()


def test_no_repository(tmp_path, temporary):
    """The message says that there is none, and what can be done without one."""
    write(tmp_path / "plain", {"pyproject.toml": CONFIGURATION, "kernels/a.py": ""})
    with pytest.raises(
        CannotSetUp, match=r"plain is in no git repository(?s:.*)gate --runs A\.json B\.json"
    ) as caught:
        repository_of(tmp_path / "plain")
    assert caught.value.exit_code == 3


def test_a_bare_repository(root, tmp_path):
    """It has no working tree, so that a project that lies in it has no revisions."""
    git(tmp_path, "clone", "--quiet", "--bare", str(root), "bare")
    write(tmp_path / "bare", {"pyproject.toml": CONFIGURATION, "kernels/a.py": ""})
    with pytest.raises(CannotSetUp, match="must be run in a work tree"):
        repository_of(tmp_path / "bare")


def test_an_empty_repository(tmp_path, temporary):
    """Without a commit there is nothing to compare with."""
    write(tmp_path / "empty", {"pyproject.toml": CONFIGURATION, "kernels/a.py": ""})
    git(tmp_path / "empty", "init", "--quiet")
    with (
        pytest.raises(CannotSetUp, match=r"no revision 'HEAD' in .*Nothing is committed yet"),
        repository_of(tmp_path / "empty").laid_out("HEAD", None),
    ):
        pass
    assert not list(temporary.iterdir())


def test_git_is_not_installed(root, monkeypatch):
    """The message says what to install."""
    project = Project.find(root)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotSetUp, match="apt install git"):
        Repository.of(project)


def test_how_a_revision_may_be_named(root):
    """By branch, tag, annotated tag, hash, or any of git's expressions, also with spaces."""
    first = git(root, "rev-parse", "HEAD")
    git(root, "tag", "v1")
    git(root, "tag", "-a", "v2", "-m", "annotated")
    second = commit(root, message="Make it fast")
    repository = repository_of(root)
    assert {repository.resolve(name) for name in ("main~1", "v1", "v2", first[:8], first)} == {first}
    assert {repository.resolve(name) for name in ("main", "HEAD", "@", ":/Make it", "HEAD^{/fast}")} == {
        second
    }


def test_an_unknown_revision_lists_those_that_are_known(root):
    """Branches and tags are named."""
    git(root, "tag", "v1")
    with pytest.raises(CannotSetUp, match=r"no revision 'mian' in .*There are: main, v1"):
        repository_of(root).resolve("mian")


@pytest.mark.parametrize(
    "name",
    [
        "--all",
        "-x",
        "--upload-pack=touch x",
        "",
        " ",
        "^HEAD",
        "HEAD..HEAD",
        "HEAD:kernels",
        "a\nb",
        "f" * 40,
    ],
)
def test_what_is_no_revision_is_refused(root, name):
    """An option, a range, a file or nothing is not taken for one, and nothing is done with it."""
    before = traces(root)
    with pytest.raises(CannotSetUp, match="no revision"):
        repository_of(root).resolve(name)
    assert traces(root) == before


def test_a_remote_branch_that_was_not_fetched(root, tmp_path):
    """The message says how to fetch it, in words that work also in a clone of one branch."""
    git(tmp_path, "clone", "--quiet", "--single-branch", f"file://{root}", "clone")
    git(root, "branch", "feature/x")
    repository = repository_of(tmp_path / "clone")
    with pytest.raises(CannotSetUp, match="Fetch it first: git fetch") as caught:
        repository.resolve("origin/feature/x")
    command = str(caught.value).split("first: git ")[1].split()
    git(tmp_path / "clone", *command)
    assert repository.resolve("origin/feature/x") == repository.resolve("HEAD")


def test_a_shallow_clone(root, tmp_path):
    """The message says how deep it is, and how to deepen it: by hand, in Actions, in GitLab."""
    first = git(root, "rev-parse", "HEAD")
    commit(root, {"kernels/a.py": "new"})
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{root}", "clone")
    repository = repository_of(tmp_path / "clone")
    for name in ("HEAD~1", first, "origin/other"):
        with pytest.raises(
            CannotSetUp,
            match=r"goes back 1 commit: .*git fetch --unshallow origin.*fetch-depth: 0.*GIT_DEPTH: 0",
        ):
            repository.resolve(name)
    git(tmp_path / "clone", "fetch", "--quiet", "--unshallow", "origin")
    assert repository.resolve("HEAD~1") == first


def test_the_common_ancestor(root):
    """The last commit that both have; none, if their histories never met."""
    start = git(root, "rev-parse", "HEAD")
    git(root, "switch", "--quiet", "-c", "side")
    side = commit(root)
    git(root, "switch", "--quiet", "main")
    main = commit(root, {"kernels/a.py": "x"})
    git(root, "switch", "--quiet", "--orphan", "stranger")
    stranger = commit(root)
    repository = Repository(root, Project(root, root / "kernels", root / "reports"), dict(os.environ))
    assert repository.merge_base(main, side) == start
    with pytest.raises(
        CannotSetUp, match=rf"{main[:10]} and {stranger[:10]} have no commit in common here\. Compare with"
    ):
        repository.merge_base(main, stranger)


def test_a_common_ancestor_beyond_a_shallow_clone(root, tmp_path):
    """What looks like none may only lie deeper."""
    git(root, "switch", "--quiet", "-c", "side")
    commit(root)
    git(root, "switch", "--quiet", "main")
    commit(root, {"kernels/a.py": "x"})
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--no-single-branch", f"file://{root}", "clone")
    repository = repository_of(tmp_path / "clone")
    with pytest.raises(CannotSetUp, match=r"no commit in common here\. This clone is shallow"):
        repository.merge_base(repository.resolve("main"), repository.resolve("origin/side"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pyproject.toml": ""}, r"HEAD~1 \(\w{10}\) has no \[tool.steelyard\] in its pyproject.toml"),
        (
            {"pyproject.toml": "[tool"},
            r"HEAD~1 has a configuration that cannot be used: pyproject.toml: .*cannot be read",
        ),
        (
            {"pyproject.toml": "[tool.steelyard]\ncolour = 3\n"},
            "HEAD~1 has a .*: pyproject.toml: .*unknown key 'colour'",
        ),
        (
            {"pyproject.toml": "[tool.steelyard]\nkernels = 'old'\n"},
            "HEAD~1 has a .* names the kernels folder old, which",
        ),
    ],
)
def test_a_base_whose_configuration_cannot_be_used(root, temporary, files, message):
    """The message names the revision and the file in it, not where it was laid out."""
    commit(root, files)
    commit(root, {"pyproject.toml": CONFIGURATION})
    with pytest.raises(CannotSetUp, match=message) as caught, repository_of(root).laid_out("HEAD~1", None):
        pass
    assert str(temporary) not in str(caught.value)
    assert not list(temporary.iterdir())


def test_a_base_without_the_project(root):
    """A project that has come since, in a subfolder below another project, is not that other one."""
    commit(root, {"sub/pyproject.toml": CONFIGURATION, "sub/kernels/a.py": ""})
    with (
        pytest.raises(
            CannotSetUp, match=r"HEAD~1 \(\w+\) has no \[tool.steelyard\] in its sub/pyproject.toml"
        ),
        repository_of(root / "sub").laid_out("HEAD~1", None),
    ):
        pass


def test_a_range_is_no_revision(root):
    """Both of its ends are named apart."""
    with pytest.raises(CannotSetUp, match=r"no revision 'HEAD~1\.\.HEAD' .*steelyard gate BASE HEAD"):
        repository_of(root).resolve("HEAD~1..HEAD")


def test_no_room_for_the_files_of_a_revision(root, temporary, monkeypatch):
    """Git names many files, the message the first and the cure."""
    git_as_it_is = Repository.git

    def git(self, *arguments, **variables):
        if arguments[0] == "checkout-index":
            raise CannotSetUp(
                "git checkout-index: error: unable to write file a\nerror: unable to write file b"
            )
        return git_as_it_is(self, *arguments, **variables)

    monkeypatch.setattr(Repository, "git", git)
    with (
        pytest.raises(CannotSetUp, match=r"written to .*temporary: .*write file a\. .*set TMPDIR") as caught,
        repository_of(root).laid_out("HEAD", None),
    ):
        pass
    assert "file b" not in str(caught.value)
    assert not list(temporary.iterdir())


def test_a_filter_that_is_not_installed(root, temporary):
    """As that of git-lfs may be: git's own words, and not that the disk is full."""
    commit(root, {".gitattributes": "*.py filter=absent\n"})
    git(root, "config", "filter.absent.required", "true")
    git(root, "config", "filter.absent.smudge", "no-such-program")
    with (
        pytest.raises(CannotSetUp, match=r"git checkout-index: .*no-such-program") as caught,
        repository_of(root).laid_out("HEAD", "HEAD"),
    ):
        pass
    assert "TMPDIR" not in str(caught.value)
    assert not list(temporary.iterdir())


def test_no_room_for_temporary_files(root, monkeypatch):
    """The message says where room is lacking, and how to name another place."""

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    repository = repository_of(root)
    for module, name in ((tempfile, "mkdtemp"), (shutil, "copy2")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, full)
            with (
                pytest.raises(CannotSetUp, match=r"temporary: No space left on device.*set TMPDIR"),
                repository.laid_out("HEAD", None),
            ):
                pass
        assert not os.listdir(tempfile.tempdir)


def test_dependencies(tmp_path):
    """What a project declares in pyproject.toml and in requirements files, and nothing else of them."""
    write(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "x"\ndependencies = ["numpy>=2"]\n'
            '[project.optional-dependencies]\nfast = ["numba"]\n[dependency-groups]\ntests = ["pytest"]\n',
            "requirements.txt": "numpy==2.1\nscipy",
            "dev-requirements.txt": "ruff",
            "notes.txt": "no",
        },
    )
    (tmp_path / "requirements-folder.txt").mkdir()
    assert dependencies(tmp_path) == {
        "dependencies": ["numpy>=2"],
        "optional-dependencies": {"fast": ["numba"]},
        "dependency-groups": {"tests": ["pytest"]},
        "requirements.txt": ["numpy==2.1", "scipy"],
        "dev-requirements.txt": ["ruff"],
    }
