"""What is timed has been held, element by element, against the reference, and is a pure function."""

import numpy as np
import pytest
from steelyard import agreement
from steelyard.agreement import Disagreement, differing
from steelyard.referee import Referee
from steelyard.workload import Tolerance

GOOD = "import numpy as np\n__all__ = ['f']\ndef f(x, s):\n    return s * x\n"


def check(registry, id="double/numpy/f/small", **options):
    return Referee(registry).check(registry.cell(id), **options)


def test_a_good_kernel_says_what_it_was_held_against(registry_of):
    """Reference, probes and the largest difference are kept with the cell."""
    checked = check(registry_of({"double_numpy.py": GOOD}))
    assert checked.agreement.reference == "double/python/loops/small"
    assert checked.agreement.probes == ("negative", "single")
    assert checked.agreement.largest_difference == 0.0


@pytest.mark.parametrize(
    ("body", "check_name", "message"),
    [
        (
            "y = s * x; y[5:6] += 1e-9; return y",
            "reference",
            r"y\[5\] is 10.000000001, .*reference double/python/loops has 10.0; tolerance 1e-12 relative; 1 of 8",
        ),
        ("y = s * x; y[-1] = np.nan; return y", "finite", r"y\[\d\] is nan"),
        ("return (s * x).astype(np.float32)", "dtype", "dtype float32"),
        ("return (s * x)[:-1]", "shape", "shape"),
        ("return s * x, 1", "shape", "no rectangular array"),
        ("return 1 // 0", "does not raise", r"ZeroDivisionError at .*double_numpy.py:4"),
        ("x[0] = 1.0; return s * x", "does not raise", "read-only"),
        ("x.setflags(write=True); x *= 1.5; return s * x / 1.5", "inputs unchanged", "changed its inputs"),
        ("x *= s; return x", "does not raise", "read-only"),
        ("return np.float64(s) * 2 * x / 2 + (s == 2.0)", "reference", r"\[0\] is 1.0"),
    ],
)
def test_a_wrong_kernel_is_told_apart(registry_of, body, check_name, message):
    """Each fault is found, and the message names cell, place, values and tolerance."""
    source = GOOD.replace("return s * x", body)
    with pytest.raises(Disagreement, match=message) as caught:
        check(registry_of({"double_numpy.py": source}))
    assert "double/numpy/f" in str(caught.value)
    assert caught.value.check.startswith(check_name)


@pytest.mark.parametrize(
    ("source", "check_name"),
    [
        (  # the same memory every time
            "import numpy as np\n__all__ = ['f']\nkept = {}\n"
            "def f(x, s):\n    y = kept.setdefault(x.size, np.empty_like(x))\n    np.multiply(x, s, out=y)\n    return y\n",
            "fresh outputs",
        ),
        (  # the answer to the last question of that shape
            "import numpy as np\n__all__ = ['f']\nkept = {}\n"
            "def f(x, s):\n    if x.size not in kept: kept[x.size] = s * x\n    return kept[x.size].copy()\n",
            "reference, probe same_shape",
        ),
        (  # a count of its calls in the last digits
            "__all__ = ['f']\ncalls = [0]\ndef f(x, s):\n    calls[0] += 1\n    return s * x * (1 + calls[0] * 1e-15)\n",
            "same again",
        ),
        ("__all__ = ['f']\ndef f(x, s):\n    return x.view()\n", "no aliasing"),
        (
            "__all__ = ['f']\ndef f(x: list, s):\n    for i, v in enumerate(x): x[i] = s * v\n    return x\n",
            "no aliasing",
        ),
        (
            "__all__ = ['f']\ndef f(x: list, s):\n    y = [s * v for v in x]\n    x[0] += 1\n    return y\n",
            "inputs unchanged",
        ),
    ],
    ids=["same memory", "stale answer", "drift", "view of input", "list of input", "list changed"],
)
def test_an_impure_kernel_is_told_apart(registry_of, source, check_name, write_project):
    """State between calls, shared memory and changed inputs are faults, however right the numbers are."""
    probes = (
        (write_project() / "kernels/double/__init__.py")
        .read_text()
        .replace('"single":', '"same_shape": {"x": np.array([4.0, 4.5]), "s": 5.0}, "single":')
    )
    with pytest.raises(Disagreement) as caught:
        check(registry_of({"double_numpy.py": source, "__init__.py": probes}))
    assert caught.value.check.startswith(check_name)


def test_laws_are_held(registry_of, write_project):
    """A law that does not hold is named by its words, with what is violated."""
    source = (
        (write_project() / "kernels/double/__init__.py")
        .read_text()
        .replace("work=", "laws=(sums_to_zero,), work=")
    )
    law = "def sums_to_zero(inputs, outputs):\n    return f'the sum is {outputs[\"y\"].sum()}' if outputs['y'].sum() else None\n"
    with pytest.raises(Disagreement, match=r"the sum is 56.0 \[check: law: sums to zero\]"):
        check(registry_of({"double_numpy.py": GOOD, "__init__.py": law + source}))


def test_several_outputs_are_a_tuple(registry_of, write_project):
    """Two outputs declared, one returned: the message says what was expected."""
    source = (
        (write_project() / "kernels/double/__init__.py")
        .read_text()
        .replace("outputs={", 'outputs={"z": Tolerance(), ')
    )
    with pytest.raises(Disagreement, match="returns list, not the 2 outputs z, y as a tuple"):
        check(registry_of({"__init__.py": source}), "double/python/loops/small")


def test_a_law_says_what_is_violated(registry_of, write_project):
    """One that returns True would be taken for a violation: the message says what to return."""
    source = (
        (write_project() / "kernels/double/__init__.py").read_text().replace("work=", "laws=(law,), work=")
    )
    with pytest.raises(Disagreement, match="the law returned True; return None where it holds"):
        check(
            registry_of({"__init__.py": "def law(inputs, outputs): return True\n" + source}),
            "double/python/loops/small",
        )


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.0 + 1e-11])
def test_nothing_slips_through_a_tolerance(value):
    """NaN, infinities and a last digit too many all differ."""
    assert differing(np.array([1.0]), np.array([value]), Tolerance(relative=1e-12)).all()


def test_subnormals_are_counted():
    """Zeros and normal numbers are not among them."""
    assert agreement.count_subnormals(np.array([0.0, 1.0, 5e-324, -1e-310, 2.3e-308])) == 2
