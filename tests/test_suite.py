"""Cells are made ready; those that cannot be timed come with status and reason."""

import pytest
from doubling import WORKLOAD
from steelyard import first_call
from steelyard.referee import Checked, TooSlow
from steelyard.runs import Missing
from steelyard.suite import Suite


def silent(*_):
    """Progress that nobody watches."""


def outcomes_of(registry, **options):
    suite = Suite(registry, registry.select(sizes=["small"]), **options)
    suite.start(silent)
    return suite, {cell.variant.id: outcome for cell, outcome in suite.check(silent, silent)}


def test_ready_cells_know_their_first_call(registry_of):
    """Loading and calling for the first time took some time each, in a process of its own."""
    suite, outcomes = outcomes_of(registry_of())
    assert all(isinstance(outcome, Checked) for outcome in outcomes.values())
    assert all(start.first_call.call_s > 0 and start.first_call.load_s > 0 for start in suite.starts.values())


@pytest.mark.parametrize(
    ("files", "configuration", "status", "reason"),
    [
        ({"double_numba.py": "__all__ = ['f']\ndef f(x, s): return x\n"}, "", "failed", "no aliasing"),
        (
            {"double_numba.py": "__all__ = ['f']\nimport os\ndef f(x, s): os.abort()\n"},
            "",
            "failed",
            "died of SIGABRT",
        ),
        (
            {"double_numba.py": "__all__ = ['f']\nimport sys\ndef f(x, s): sys.exit(3)\n"},
            "",
            "failed",
            "raises SystemExit at",
        ),
        (
            {"double_numba.py": "__all__ = ['f']\n1 / 0\n"},
            "",
            "failed",
            "cannot be imported: ZeroDivisionError",
        ),
        (
            {"double_cython.pyx": "__all__ = ['f']\ndef f(x, s) return x\n"},
            "",
            "failed",
            "double_cython.pyx:2",
        ),
        (
            {"double_jax.py": "__all__ = ['f']\n"},
            "backends = {jax = 'no_such_jax'}\n",
            "unavailable",
            "pip install no_such_jax",
        ),
    ],
    ids=["wrong", "crashes", "exits", "import", "compile", "absent"],
)
def test_one_bad_variant_does_not_spoil_the_others(registry_of, files, configuration, status, reason):
    """It is a row with its reason; everything else is ready."""
    _, outcomes = outcomes_of(registry_of(files, f"[tool.steelyard]\n{configuration}"))
    (bad,) = (outcome for outcome in outcomes.values() if isinstance(outcome, Missing))
    assert bad.status == status
    assert reason in bad.reason
    assert sum(isinstance(outcome, Checked) for outcome in outcomes.values()) == 2


def test_a_hanging_first_call_is_ended(registry_of, monkeypatch):
    """It fails with the time that it was given."""
    monkeypatch.setattr(first_call, "TIMEOUT", 1.0)
    registry = registry_of({"double_numpy.py": "__all__ = ['f']\nimport time\ndef f(x, s): time.sleep(60)\n"})
    _, outcomes = outcomes_of(registry)
    assert "did not end within 1 s" in outcomes["double/numpy/f"].reason


def test_no_compiler_is_a_row(registry_of, monkeypatch):
    """Only the backend that needs it is unavailable."""
    monkeypatch.setenv("CC", "no-such-compiler")
    _, outcomes = outcomes_of(
        registry_of({"double_cython.pyx": "__all__ = ['f']\ndef f(x, s): return s * x\n"})
    )
    assert outcomes["double/cython/f"].status == "unavailable"
    assert "CC=no-such-compiler is not a program" in outcomes["double/cython/f"].reason
    assert isinstance(outcomes["double/numpy/arrays"], Checked)


def test_over_budget_says_what_would_do(registry_of, monkeypatch):
    """The reason has the estimate and the option that gives it the time."""

    def slow(self, cell, limit):
        assert limit == 3.0 / 6
        raise TooSlow(2.0)

    monkeypatch.setattr("steelyard.suite.Referee.check", slow)
    _, outcomes = outcomes_of(registry_of(), rounds=6, budget=3.0)
    row = outcomes["double/python/loops"]
    assert row.status == "over budget"
    assert (
        "one call takes about 2 s, so 6 rounds need 12 s, more than the budget of 3 s; --budget 18"
        in row.reason
    )


def test_numba_starts_with_an_empty_cache(registry_of):
    """A kernel that asks for Numba's own disk cache gets a fresh one: no stale code, an honest first call."""
    source = "import os\n__all__ = ['f']\ndef f(x, s):\n    assert os.listdir(os.environ['NUMBA_CACHE_DIR']) == []\n    return s * x\n"
    registry = registry_of({"double_numba.py": source})
    variant = registry.variant("double/numba/f")
    assert first_call.measure(registry.project, variant).call_s > 0


PICTURE = """
    picture=lambda inputs, outputs: {"data": [{"type": "scatter", "y": outputs["y"]}], "caption": "Doubled."},
"""


def pictures(registry):
    suite = Suite(registry, registry.select())
    suite.start(silent, first_calls=False)
    return suite.pictures(dict(suite.check(silent, silent)))


def with_picture(text):
    return {"__init__.py": WORKLOAD.replace("    unit=", f"{text.strip()}\n    unit=")}


def test_a_picture_shows_a_real_output(registry_of):
    """Of the largest size that was checked, whichever variant computed it."""
    (drawn,) = pictures(registry_of(with_picture(PICTURE))).values()
    assert drawn["cell"].endswith("/medium")
    assert drawn["figure"]["data"][0]["y"][:3] == [0.0, 2.0, 4.0]
    assert drawn["caption"] == "Doubled."


def test_a_picture_that_fails_has_a_reason(registry_of):
    """It costs no measurement, and the reason names the file."""
    (drawn,) = pictures(registry_of(with_picture("picture=lambda inputs, outputs: 1 / 0,"))).values()
    assert "__init__.py: picture: raises ZeroDivisionError" in drawn["reason"]


def test_nothing_is_drawn_of_what_disagrees(registry_of):
    """A wrong output is nothing to look at."""
    wrong = {
        **with_picture(PICTURE),
        **{
            f"double_{backend}.py": "__all__ = ['f']\ndef f(x, s): return x\n"
            for backend in ("python", "numpy")
        },
    }
    assert pictures(registry_of(wrong)) == {"double": {"reason": "no cell agrees with its reference"}}


def test_without_a_picture_there_is_none(registry_of):
    """Nor is a reason given for what nobody asked for."""
    assert pictures(registry_of()) == {}
