"""Inputs reach a kernel in the form that it asks for; a file that cannot be loaded is named."""

import numpy as np
import pytest
from steelyard import kernel as kernel_module
from steelyard.errors import LoadFailed, Unavailable
from steelyard.kernel import frozen


def test_frozen_inputs_cannot_be_written_to():
    """Arrays become read-only, contiguous copies; what the workload holds stays writable."""
    original = np.zeros((4, 4))[:, ::2]
    inputs = frozen({"x": original, "s": 2.0})
    assert not inputs["x"].flags.writeable
    assert inputs["x"].flags.c_contiguous
    assert original.flags.writeable
    assert inputs["s"] == 2.0


def test_frozen_twice_is_the_same():
    """Freezing costs nothing the second time."""
    once = frozen({"x": np.zeros(3)})
    assert frozen(once)["x"] is once["x"]


@pytest.mark.parametrize("annotation", ["list", "list[float]", "'list[list[float]]'"])
def test_lists_where_asked_for(registry_of, annotation):
    """A parameter annotated ``list``, in any of its spellings, receives one."""
    source = f"__all__ = ['f']\ndef f(x: {annotation}, s): return [s * v for v in x]\n"
    registry = registry_of({"double_python.py": source})
    kernel = registry.load(registry.variant("double/python/f"))
    x, s = kernel.arguments(registry.inputs("double", "tiny"))
    assert x == [0.0, 1.0, 2.0]
    assert isinstance(x, list)
    assert s == 2.0


def test_arrays_otherwise(registry_of):
    """Without that annotation the array itself arrives, not a copy."""
    registry = registry_of()
    inputs = registry.inputs("double", "tiny")
    x, _ = registry.load(registry.variant("double/numpy/arrays")).arguments(inputs)
    assert x is inputs["x"]


def test_wrong_number_of_parameters(registry_of):
    """The message has both lists of names."""
    registry = registry_of({"double_numpy.py": "__all__ = ['f']\ndef f(x): return x\n"})
    kernel = registry.load(registry.variant("double/numpy/f"))
    with pytest.raises(LoadFailed, match=r"f\(x\) takes 1 arguments, but the workload's inputs are 2: x, s"):
        kernel.arguments(registry.inputs("double", "tiny"))


def test_parameters_in_another_order(registry_of):
    """They are passed by position: the message has both orders."""
    registry = registry_of({"double_numpy.py": "__all__ = ['f']\ndef f(s, x): return s * x\n"})
    kernel = registry.load(registry.variant("double/numpy/f"))
    with pytest.raises(
        LoadFailed, match=r"f\(s, x\) has its parameters in another order .* by position: x, s"
    ):
        kernel.arguments(registry.inputs("double", "tiny"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("__all__ = ['f']\nimport nothing_like_it\n", r"ModuleNotFoundError.*double_numpy.py:2"),
        ("__all__ = ['f']\n", "names 'f', but it has no such function"),
    ],
)
def test_a_file_that_cannot_be_loaded(registry_of, source, message):
    """The file and the line are in the message."""
    registry = registry_of({"double_numpy.py": source})
    with pytest.raises(LoadFailed, match=message):
        registry.load(registry.variant("double/numpy/f"))


def test_a_backend_that_is_not_installed(registry_of):
    """What to install is in the message."""
    registry = registry_of(
        {"double_jax.py": "__all__ = ['f']\n"}, "[tool.steelyard]\nbackends = {jax = 'no_such_jax'}\n"
    )
    with pytest.raises(Unavailable, match=r"no_such_jax is not installed \(pip install no_such_jax\)"):
        registry.load(registry.variant("double/jax/f"))


def test_a_module_that_flushes_subnormals_is_named(registry_of, monkeypatch):
    """Loading it would change every other kernel's results: it is refused, with the flag to take out."""
    monkeypatch.setattr(kernel_module, "flushes_subnormals", lambda: True)
    registry = registry_of()
    with pytest.raises(LoadFailed, match=r"double_numpy.py: .*flush subnormal.*extra_link_args"):
        registry.load(registry.variant("double/numpy/arrays"))


def test_this_process_keeps_subnormals():
    """The check itself does not cry wolf."""
    assert not kernel_module.flushes_subnormals()
