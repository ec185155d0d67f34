"""What two revisions differ in is told from their code and from what they compute, and only that is timed."""

import tempfile
import time

import pytest
from repositories import (
    ARRAYS,
    CONFIGURATION,
    LOOPS,
    NUMPY_FILE,
    PROJECT,
    PYTHON_FILE,
    WORKLOAD_FILE,
    compare,
    make,
    row,
    verdicts,
    write,
)
from steelyard import survey
from steelyard.errors import UnknownName
from steelyard.revision import CannotSetUp
from steelyard.worker import Worker

pytestmark = pytest.mark.usefixtures("temporary")

WORKLOAD, PYTHON, NUMPY = (PROJECT[name] for name in (WORKLOAD_FILE, PYTHON_FILE, NUMPY_FILE))

NOT_TIMED = {LOOPS: "unchanged", ARRAYS: "unchanged"}


# What needs no timing.


def test_the_same_code_is_unchanged(tmp_path):
    """Nothing is timed where nothing that a cell loads has changed, though other files have."""
    root = make(tmp_path / "repository", head={"notes.txt": "more", "other.py": "x = 1\n"})
    found = compare(root)
    assert verdicts(found) == NOT_TIMED
    assert (found.exit_code, row(found, LOOPS).pairs, row(found, LOOPS).ratio) == (0, 0, None)
    assert [note for note in found.notes if "--all" in note]
    assert (found.base["name"], found.head["name"], found.head["changed"]) == ("base", "working tree", True)


def test_a_changed_kernel_is_timed_and_the_others_are_not(tmp_path, made_up):
    """A change in one kernel's file leaves the cells of the other file unchanged; both texts are kept."""
    root = make(tmp_path / "repository", head={NUMPY_FILE: NUMPY + "# changed\n"})
    found = compare(root)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "same"}
    assert row(found, ARRAYS).sources == {"base": NUMPY, "head": NUMPY + "# changed\n"}
    assert row(found, ARRAYS).files == {"base": NUMPY_FILE, "head": NUMPY_FILE}
    assert row(found, LOOPS).sources == {}


def test_all_times_unchanged_cells_too(tmp_path, made_up):
    """``--all`` times what is the same in code."""
    found = compare(make(tmp_path / "repository"), all=True)
    assert verdicts(found) == {LOOPS: "same", ARRAYS: "same"}
    assert found.notes == ()


def test_what_a_kernel_imports_from_the_repository_counts_as_its_code(tmp_path, made_up):
    """A helper beside the kernel, one that this imports in turn, and a data file that the workload names."""
    uses_helper = "from ._scale import scale\n" + NUMPY.replace("s * x", "scale(s) * x")
    helper = {"kernels/double/_scale.py": "from ._deep import same\n\ndef scale(s):\n    return same(s)\n"}
    deep = {"kernels/double/_deep.py": "def same(s):\n    return s\n"}
    root = make(tmp_path / "repository", {NUMPY_FILE: uses_helper, **helper, **deep})
    write(root, {"kernels/double/_deep.py": "def same(s):\n    return 1.0 * s\n"})
    assert verdicts(compare(root)) == {LOOPS: "unchanged", ARRAYS: "same"}


def test_data_files_that_the_workload_names_count(tmp_path, made_up):
    """A changed data file has every cell of the workload timed, though its name alone says that it is read."""
    workload = WORKLOAD.replace('unit="points",', 'unit="points",\n    files=("*.txt",),')
    root = make(tmp_path / "repository", {WORKLOAD_FILE: workload, "kernels/double/table.txt": "1"})
    write(root, {"kernels/double/table.txt": "2"})
    assert verdicts(compare(root)) == {LOOPS: "same", ARRAYS: "same"}


def lines_of(root, **options):
    """What a gate finds, and what it says while it goes on."""
    lines = []
    return compare(root, progress=lines.append, **options), lines


@pytest.mark.parametrize(
    "head",
    [
        {"README.md": "News\n"},
        {"pyproject.toml": CONFIGURATION + "# news\n"},
        {"kernels/double/notes.txt": "News\n"},
        {"tools/release.py": "import double_numpy\n"},
    ],
    ids=["README", "configuration", "beside a kernel", "a script"],
)
def test_what_no_kernel_can_load_is_not_read(tmp_path, head):
    """A file that differs and that no import reaches: no kernel is run to find out."""
    found, lines = lines_of(make(tmp_path / "repository", head=head))
    assert verdicts(found) == NOT_TIMED
    assert not any("reading the code" in line for line in lines)


def test_only_kernels_that_can_load_a_changed_file_are_read(tmp_path, made_up):
    """The others' code is not run."""
    files = {
        "kernels/helpers.py": "FACTOR = 1\n",
        NUMPY_FILE: "from ..helpers import FACTOR\n" + NUMPY.replace("return", "return FACTOR *"),
    }
    root = make(tmp_path / "repository", files, {"kernels/helpers.py": "FACTOR = 1.0\n"})
    found, lines = lines_of(root)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "same"}
    assert [line for line in lines if "reading the code" in line] == [
        "reading the code of both revisions, 1 of 1 kernels"
    ]


def test_where_imports_cannot_be_foreseen_the_kernel_is_run(tmp_path, made_up):
    """It loads a changed file by a name that it makes up: that is seen once it has been called."""
    source = "import importlib\n" + NUMPY.replace(
        "return",
        "part = importlib.import_module('.'.join([*__name__.split('.')[:-1], 'hid' + 'den']))\n    return part.ONE *",
    )
    files = {NUMPY_FILE: source, "kernels/double/hidden.py": "ONE = 1\n"}
    root = make(tmp_path / "repository", files, {"kernels/double/hidden.py": "ONE = 1.0\n"})
    assert verdicts(compare(root)) == {LOOPS: "unchanged", ARRAYS: "same"}


def test_a_budget_that_reading_uses_up(tmp_path):
    """Reading ends, and what it has not come to was not run, for that reason."""
    found = compare(make(tmp_path / "repository"), all=True, budget=0.01)
    assert verdicts(found) == {LOOPS: "not run", ARRAYS: "not run"}
    assert (
        row(found, ARRAYS).reason == "0.01 s went by while the revisions were read; give it a larger --budget"
    )
    assert found.exit_code == 2


# A process sees its own revision alone.


def uses_helper(package="helpers"):
    return f"from {package}.scale import scale\n" + NUMPY.replace("s * x", "scale(s) * x")


@pytest.fixture(params=["PYTHONPATH", "pth"])
def installed(request, tmp_path, monkeypatch):
    """Have the repository's ``src`` on every process's path, as an environment variable or an editable install does."""

    def install(source):
        if request.param == "PYTHONPATH":
            monkeypatch.setenv("PYTHONPATH", str(source))
        else:
            site = tmp_path / "site"
            write(
                site,
                {
                    "editable.pth": f"{source}\n",
                    "sitecustomize.py": "import os, site\nsite.addsitedir(os.path.dirname(__file__))\n",
                },
            )
            monkeypatch.setenv("PYTHONPATH", str(site))

    return install


def test_base_runs_bases_helpers(tmp_path, made_up, installed):
    """Of a package of the repository that is installed as editable, each revision imports its own files.

    The reference is what imports it, and head's gives another answer: were base to run head's helper, the two
    would agree.
    """
    kernel = "from helpers.scale import scale\n" + PYTHON.replace("s * value", "scale(s) * value")
    helper = "def scale(s):\n    return {} * s\n"
    files = {
        PYTHON_FILE: kernel,
        NUMPY_FILE: uses_helper(),
        "src/helpers/__init__.py": "",
        "src/helpers/scale.py": helper.format("1.0"),
    }
    root = make(tmp_path / "repository", files, {"src/helpers/scale.py": helper.format("3.0")})
    installed(root / "src")
    found = compare(root)
    assert verdicts(found) == {LOOPS: "changed", ARRAYS: "changed"}
    assert "the references differ: y" in row(found, ARRAYS).reason
    write(root, {"src/helpers/scale.py": "def scale(s):\n    return s * 1.0\n"})
    assert verdicts(compare(root)) == {LOOPS: "same", ARRAYS: "same"}


# Cells that cannot be compared.


def test_vanished_and_new(tmp_path):
    """A benchmark cannot pass by disappearing: exit code 2."""
    other = NUMPY.replace("arrays", "columns").replace("s * x", "x + x if s == 2.0 else s * x")
    root = make(
        tmp_path / "repository", head={NUMPY_FILE: other.replace("return", "z = [s, s, s]\n    return")}
    )
    found = compare(root)
    assert verdicts(found) == {
        LOOPS: "unchanged",
        ARRAYS: "vanished",
        "double/numpy/columns/small": "new",
    }
    assert found.exit_code == 2


def test_renamed(tmp_path):
    """A function with another name and the same code is told of as what it has become."""
    root = make(tmp_path / "repository", head={NUMPY_FILE: NUMPY.replace("arrays", "vectors")})
    found = compare(root)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "renamed"}
    assert "double/numpy/vectors/small" in row(found, ARRAYS).reason
    assert found.exit_code == 2
    assert compare(root, accepted=("renamed",)).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"s": 2.0}', '"s": 2.5}', "the inputs of size small are others"),
        ('"small": {"n": 8}', '"small": {"n": 9}', "size small: {'n': 8} in base, {'n': 9} in head"),
        ("relative=1e-12", "relative=1e-11", "tolerances of double"),
        ("default_sizes", "version=2,\n    default_sizes", "version of double: 1 in base, 2 in head"),
    ],
    ids=["inputs", "size", "tolerance", "version"],
)
def test_another_definition_is_changed(tmp_path, old, new, reason):
    """What computes something else is not compared."""
    assert old in WORKLOAD
    root = make(tmp_path / "repository", head={WORKLOAD_FILE: WORKLOAD.replace(old, new)})
    found = compare(root, patterns=(ARRAYS,))
    assert verdicts(found) == {ARRAYS: "changed"}
    assert reason in row(found, ARRAYS).reason
    assert found.exit_code == 2


def test_another_result_is_changed(tmp_path):
    """Where both revisions agree with their own reference, but the references differ; the place is told."""
    head = {
        PYTHON_FILE: PYTHON.replace("s * value", "s * value + 1"),
        NUMPY_FILE: NUMPY.replace("s * x", "s * x + 1"),
    }
    found = compare(make(tmp_path / "repository", head=head))
    assert verdicts(found) == {LOOPS: "changed", ARRAYS: "changed"}
    assert (
        "the references differ: y[0] at size small is 0.0 in base, 1.0 in head" in row(found, ARRAYS).reason
    )


def test_a_wrong_head_disagrees(tmp_path):
    """A kernel that head has made wrong is not timed; the reason names the revision and no temporary folder."""
    root = make(tmp_path / "repository", head={NUMPY_FILE: NUMPY.replace("s * x", "s * x + 1e-3")})
    found = compare(root)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "disagrees"}
    assert row(found, ARRAYS).reason.startswith("in head: ")
    assert tempfile.gettempdir() not in row(found, ARRAYS).reason
    assert found.exit_code == 2


def test_a_cell_that_its_reference_no_longer_bears_out_disagrees_though_its_code_is_the_same(tmp_path):
    """The reference alone has changed: the other cells are held against it again."""
    root = make(tmp_path / "repository", head={PYTHON_FILE: PYTHON.replace("s * value", "s * value + 1")})
    assert verdicts(compare(root, patterns=(ARRAYS,))) == {ARRAYS: "disagrees"}


def test_unavailable(tmp_path):
    """A backend whose module head lacks makes its cells unavailable, and says where."""
    root = make(
        tmp_path / "repository",
        {
            "pyproject.toml": f'{CONFIGURATION}[tool.steelyard.backends]\nmine = "json"\n',
            "kernels/double/double_mine.py": NUMPY,
        },
        {"pyproject.toml": f'{CONFIGURATION}[tool.steelyard.backends]\nmine = "no_such_module"\n'},
    )
    found = compare(root)
    assert verdicts(found) == {**NOT_TIMED, "double/mine/arrays/small": "unavailable"}
    assert row(found, "double/mine/arrays/small").reason.startswith("in head: ")


def test_kernels_that_fail(tmp_path, made_up):
    """One that raises when it is imported, and one that crashes, fail alone; the others are judged."""
    names = ["raising", "crashing", "changed"]
    configuration = (
        CONFIGURATION + "[tool.steelyard.backends]\n" + "".join(f'{name} = "json"\n' for name in names)
    )
    crash = "import os, signal\n" + NUMPY.replace(
        "return", "os.kill(os.getpid(), signal.SIGSEGV)\n    return"
    )
    heads = {
        "raising": 'raise RuntimeError("no luck")\n' + NUMPY,
        "crashing": crash,
        "changed": NUMPY + "#\n",
    }
    root = make(
        tmp_path / "repository",
        {"pyproject.toml": configuration, **{f"kernels/double/double_{name}.py": NUMPY for name in names}},
        {f"kernels/double/double_{name}.py": text for name, text in heads.items()},
    )
    found = compare(root)
    cells = {name: f"double/{name}/arrays/small" for name in names}
    assert verdicts(found) == {
        **NOT_TIMED,
        cells["raising"]: "failed",
        cells["crashing"]: "failed",
        cells["changed"]: "same",
    }
    assert "no luck" in row(found, cells["raising"]).reason
    assert "in head: its process died of SIGSEGV" in row(found, cells["crashing"]).reason


def test_a_kernel_that_hangs_fails(tmp_path, made_up, monkeypatch):
    """What does not end within the patience for first calls is called once, not once for each size; the others go on."""
    monkeypatch.setattr("steelyard.sides.PATIENCE", 2.0)
    hanging = "import time\n" + NUMPY.replace("return", "time.sleep(600)\n    return")
    root = make(tmp_path / "repository", head={NUMPY_FILE: hanging, PYTHON_FILE: PYTHON + "#\n"})
    began = time.monotonic()
    found = compare(root, patterns=("double",))
    assert {row.verdict for row in found.cells if "/numpy/" in row.cell} == {"failed"}
    assert {row.verdict for row in found.cells if "/python/" in row.cell} == {"same"}
    assert row(found, ARRAYS).reason == "in head: did not end within 2 s"
    assert time.monotonic() - began < 20


def test_a_reference_that_hangs_fails_what_is_held_against_it(tmp_path, monkeypatch):
    """At once, and the reason says which kernel it was."""
    monkeypatch.setattr("steelyard.sides.PATIENCE", 2.0)
    hanging = "import time\n" + PYTHON.replace("return", "time.sleep(600)\n    return")
    found = compare(make(tmp_path / "repository", head={PYTHON_FILE: hanging}))
    assert verdicts(found) == {LOOPS: "failed", ARRAYS: "failed"}
    assert row(found, ARRAYS).reason == "its reference double/python/loops: in head: did not end within 2 s"


@pytest.mark.parametrize("what", ["digest", "check"])
def test_a_process_that_is_killed_while_it_reads_is_started_anew(tmp_path, made_up, monkeypatch, what):
    """As the system does when memory is short: what it was asked for is asked again, and every cell is judged."""
    send, killed = Worker.send, []

    def send_and_kill_once(self, **request):
        if request["do"] == what and not killed:
            killed.append(self)
            self.process.kill()
            self.process.wait()
        send(self, **request)

    monkeypatch.setattr(Worker, "send", send_and_kill_once)
    found = compare(make(tmp_path / "repository", head={NUMPY_FILE: NUMPY + "#\n"}))
    assert killed
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "same"}


def test_too_slow(tmp_path):
    """A call that takes more than a fortieth of the budget is not timed."""
    slow = "import time\n" + NUMPY.replace("return", "time.sleep(0.6)\n    return")
    found = compare(make(tmp_path / "repository", head={NUMPY_FILE: slow}), budget=20.0)
    assert verdicts(found) == {LOOPS: "unchanged", ARRAYS: "too slow"}
    assert "that the budget allows" in row(found, ARRAYS).reason


# What cannot be compared at all.


def test_a_workload_that_does_not_import(tmp_path):
    """Base's workload raises; its file is named as it stands in the repository."""
    root = make(tmp_path / "repository", {WORKLOAD_FILE: "import nonesuch\n" + WORKLOAD})
    write(root, {WORKLOAD_FILE: WORKLOAD})
    with pytest.raises(CannotSetUp, match=r"the kernels of base cannot be used: kernels/double/__init__\.py"):
        compare(root)


def test_a_stray_module(tmp_path):
    """A kernel that loads a file by its absolute path would run the same code in both revisions."""
    root = make(tmp_path / "repository", {"helper.py": "x = 1\n"})
    stray = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('helper', {str(root / 'helper.py')!r})\n"
        "sys.modules['helper'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(sys.modules['helper'])\n"
    )
    write(root, {NUMPY_FILE: stray + NUMPY})
    with pytest.raises(
        CannotSetUp, match=r"module helper was loaded from .*helper.py, not from this revision"
    ):
        compare(root)


def test_an_installed_copy(tmp_path, monkeypatch):
    """A copy of the repository's own package is what both revisions would run."""
    site = tmp_path / "site"
    write(
        site,
        {
            "mine/__init__.py": "def scale(s):\n    return s\n",
            "mine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n",
            "mine-1.0.dist-info/RECORD": "mine/__init__.py,,\nmine-1.0.dist-info/METADATA,,\n",
        },
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    kernel = "from mine import scale\n" + NUMPY.replace("s * x", "scale(s) * x")
    files = {"pyproject.toml": f'{CONFIGURATION}[project]\nname = "mine"\n', NUMPY_FILE: kernel}
    with pytest.raises(CannotSetUp, match="an installed copy of this repository's own package"):
        compare(make(tmp_path / "repository", files), all=True)


def test_a_pattern_that_fits_nothing(tmp_path):
    """It says what there is."""
    with pytest.raises(CannotSetUp, match="no cell fits 'double/numpi'"):
        compare(make(tmp_path / "repository"), patterns=("double/numpi",))
    assert not issubclass(survey.UnknownPattern, UnknownName)


def test_no_room_for_what_the_references_compute(tmp_path, monkeypatch):
    """It is not laid at the kernels' door, and the message says what to do."""
    site = tmp_path / "site"
    write(
        site,
        {
            "sitecustomize.py": "import numpy\ndef savez(*_, **__): raise OSError(28, 'No space left')\nnumpy.savez = savez\n"
        },
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    root = make(tmp_path / "repository", head={NUMPY_FILE: NUMPY + "#\n"})
    with pytest.raises(CannotSetUp, match=r"cannot be written to .*No space left\. .*set TMPDIR"):
        compare(root)
