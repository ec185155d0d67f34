"""Composite trapezoid rule: what one call of a small function costs, times a hundred thousand."""

import math

from steelyard import Tolerance, Workload

from .picture import picture


def inputs(n):
    """The interval [1, 5] in n equal parts."""
    return {"a": 1.0, "b": 5.0, "n": n}


def probes():
    """Other intervals, in both directions, and every way in which n can fall on a kernel's blocks.

    A constant passes a kernel that is asked one question only, so no two answers here are alike.
    Blocks and vectors start at i = 1: n − 1 is the number that divides, or does not.
    """
    return {
        "one_interval": {"a": 1.0, "b": 5.0, "n": 1},
        "two_intervals": {"a": 1.0, "b": 5.0, "n": 2},
        "three_intervals": {"a": 1.0, "b": 5.0, "n": 3},
        "odd_n": {"a": -0.5, "b": 2.25, "n": 15},
        "prime_n": {"a": 0.1, "b": 0.7, "n": 101},
        "a_greater_than_b": {"a": 5.0, "b": 1.0, "n": 64},
        "same_n_other_interval": {"a": 2.0, "b": 3.5, "n": 64},
        "negative_interval": {"a": -7.0, "b": -3.0, "n": 33},
        "far_from_zero": {"a": 1000.1, "b": 1000.9, "n": 250},
        "whole_blocks": {"a": 1.0, "b": 3.0, "n": 2 * 16_384 + 1},
        "partial_block": {"a": 1.0, "b": 4.0, "n": 40_009},
    }


def _exact(a, b):
    """∫ₐᵇ (2x² + 3x + 1) dx by its primitive."""
    primitive_a, primitive_b = (((2.0 / 3.0 * x + 1.5) * x + 1.0) * x for x in (a, b))
    return primitive_b - primitive_a


def error_is_second_order(inputs, outputs):
    """T − ∫f = (b − a)·h²/12·f″ with f″ = 4: for a parabola the error term is exact, at every n.

    Adding f(b) in full, or one point too few, leaves an error of first order.
    """
    a, b, n = inputs["a"], inputs["b"], inputs["n"]
    h = (b - a) / n
    expected = (b - a) * h**2 / 12.0 * 4.0
    error = float(outputs["integral"]) - _exact(a, b)
    rounding = 2e-12 * abs(_exact(a, b))
    if not math.isclose(error, expected, rel_tol=0.0, abs_tol=rounding):
        return f"error {error:.6e}, but (b - a) h^2 f''/12 = {expected:.6e} within {rounding:.0e} (n = {n})"
    return None


def trapezoids_of_a_convex_function_lie_above_it(inputs, outputs):
    """f″ > 0, so the rule overestimates for a < b, within rounding."""
    exact, integral = _exact(inputs["a"], inputs["b"]), float(outputs["integral"])
    if inputs["a"] < inputs["b"] and not integral >= exact * (1.0 - 1e-12):
        return f"{integral!r} is below the integral, {exact!r}"
    return None


WORKLOAD = Workload(
    title="Composite trapezoid rule",
    equation=(
        r"T = h \left( \frac{f(a) + f(b)}{2} + \sum_{i=1}^{n-1} f(a + i h) \right), \quad"
        r" h = \frac{b - a}{n}, \quad f(x) = 2x^2 + 3x + 1"
    ),
    sizes={
        "tiny": {"n": 100},
        "small": {"n": 1_000},
        "medium": {"n": 100_000},
        "large": {"n": 10_000_000},
    },
    inputs=inputs,
    # Plain summation of ten million terms is 1.2e-13 off.
    outputs={"integral": Tolerance(relative=1e-12)},
    probes=probes,
    picture=picture,
    laws=(error_is_second_order, trapezoids_of_a_convex_function_lie_above_it),
    # One unit is one evaluation of f, both ends included.
    work=lambda n: n + 1,
    unit="points",
    reference="python/loops",
    # i·h, a +; three multiplications and two additions in f; one addition to the sum.
    operations=lambda n: 8 * (n + 1),
    # Three numbers in, one out: the loop itself lives in registers.
    bytes=lambda n: 4 * 8,
    description=(
        "The integral of a parabola over [1, 5], 368/3. f stays a function of its own wherever the backend"
        " has functions, because the price of calling it is what the backends differ in: Python pays it n + 1"
        " times, NumPy once per array, and a compiler not at all."
    ),
)
