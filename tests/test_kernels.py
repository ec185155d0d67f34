"""The truths about the reference workloads: what they are known to compute, held against other sources.

That the variants agree with one another is the referee's business. Here they meet primitives, quadrature,
SciPy, closed forms and properties. Cython files, which take seconds to compile, are read but not run.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import fft, integrate, stats
from scipy.spatial.distance import cdist
from steelyard.agreement import call, collect
from steelyard.kernel import asks_for_list
from steelyard.picture import LARGEST, Picture
from steelyard.project import Project
from steelyard.registry import Registry

ROOT = Path(__file__).parents[1]
REGISTRY = Registry(Project.find(ROOT))
BACKENDS = ("python", "numpy", "numexpr", "numba", "cython")
SIZES = {
    "lif": {
        "tiny": {"neurons": 10, "steps": 200},
        "small": {"neurons": 100, "steps": 100},
        "medium": {"neurons": 1_000, "steps": 200},
        "large": {"neurons": 1_000, "steps": 10_000},
        "plain": {"neurons": 1_000, "steps": 200, "plain": 1},
    },
    "trapezoid": {
        "tiny": {"n": 100},
        "small": {"n": 1_000},
        "medium": {"n": 100_000},
        "large": {"n": 10_000_000},
    },
    "laplace": {
        "tiny": {"n": 12, "n_iter": 10},
        "small": {"n": 50, "n_iter": 20},
        "medium": {"n": 300, "n_iter": 20},
        "large": {"n": 2_000, "n_iter": 20},
        "converged": {"n": 100, "n_iter": 8_000},
    },
    "pairwise": {
        "tiny": {"m": 20, "k": 3},
        "small": {"m": 100, "k": 3},
        "medium": {"m": 500, "k": 3},
        "large": {"m": 1_000, "k": 3},
        "wide": {"m": 200, "k": 64},
    },
    "gibbs": {
        "tiny": {"chains": 2, "samples": 20, "sweeps": 3},
        "small": {"chains": 1, "samples": 100, "sweeps": 10},
        "medium": {"chains": 1, "samples": 1_000, "sweeps": 10},
        "large": {"chains": 1, "samples": 20_000, "sweeps": 200},
        "chains": {"chains": 1_000, "samples": 10, "sweeps": 2},
    },
}
UNITS_OF_WORK = {
    "lif": lambda neurons, steps, plain=0: neurons * steps,
    "trapezoid": lambda n: n + 1,
    "laplace": lambda n, n_iter: (n - 2) ** 2 * n_iter,
    "pairwise": lambda m, k: m * m,
    "gibbs": lambda chains, samples, sweeps: chains * samples * sweeps,
}
MAY_IMPORT = {
    "python": {"numpy"},  # for arrays walked through element by element, and for draws
    "numpy": {"numpy"},
    "numexpr": {"numexpr", "numpy"},
    "numba": {"numba", "numpy"},
    "cython": {"cython", "cpython", "libc", "openmp", "numpy"},
}
FILES = sorted({variant.path for variants in REGISTRY.variants.values() for variant in variants})

properties = settings(max_examples=25, deadline=None, database=None)


def variants(workload, *, parallel=False):
    """The workload's variants that need no C compiler."""
    return [
        variant.id
        for variant in REGISTRY.variants[workload]
        if variant.backend != "cython" and variant.parallel <= parallel
    ]


def run(id, *inputs):
    """Call a variant with the inputs in the form that it asks for; its outputs as arrays."""
    variant = REGISTRY.variant(id)
    kernel = REGISTRY.load(variant)
    outputs = REGISTRY.workload(variant.workload).outputs
    result = kernel.function(*kernel.arguments(dict(enumerate(inputs))))
    return np.array(result) if len(outputs) == 1 else tuple(np.array(value) for value in result)


def imports(path):
    """The top-level names of the modules that a kernel file imports, in Python or in Cython."""
    found = re.findall(
        r"^\s*(?:from\s+(\S+)\s+c?import|c?import\s+(\S+))", path.read_text("utf-8"), re.MULTILINE
    )
    if path.suffix == ".py":
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        found = [(alias.name,) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        found += [
            ("." * node.level + (node.module or ""),) for node in nodes if isinstance(node, ast.ImportFrom)
        ]
    return {"".join(names).split(".")[0] for names in found}


# --- all workloads ---


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("workload", SIZES)
def test_every_workload_is_written_in_every_backend(workload, backend):
    """Five workloads, five backends, no gap."""
    assert set(REGISTRY.variants) == set(SIZES)
    assert backend in {variant.backend for variant in REGISTRY.variants[workload]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_kernel_file_imports_its_backend_and_no_other(path):
    """What is measured is one backend: nothing of another, nor of the harness, nor of a neighbour."""
    backend = path.stem.rpartition("_")[2]
    foreign = imports(path) - MAY_IMPORT[backend] - sys.stdlib_module_names
    assert not foreign
    assert backend in imports(path) or backend in {"python", "cython"}  # which are languages


@pytest.mark.parametrize("workload", SIZES)
def test_the_reference_is_the_definition_in_plain_loops(workload):
    """What the others are held against is the loops that one can read the equation in."""
    assert REGISTRY.reference(workload).id == f"{workload}/python/loops"


@pytest.mark.parametrize("workload", SIZES)
def test_the_loops_take_lists_and_leave_numpy_out(workload):
    """The plain loops compute with Python's own objects: arrays come as lists, and no loop calls NumPy."""
    loops = REGISTRY.load(REGISTRY.variant(f"{workload}/python/loops")).function
    inputs = REGISTRY.inputs(workload, "tiny")
    for parameter in inspect.signature(loops).parameters.values():
        assert asks_for_list(parameter.annotation) == isinstance(inputs[parameter.name], np.ndarray)
    loop = next(node for node in ast.walk(ast.parse(inspect.getsource(loops))) if isinstance(node, ast.For))
    assert "np" not in {node.id for node in ast.walk(loop) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("workload", SIZES)
def test_parameters_are_named_as_the_inputs_are(workload):
    """Inputs are passed by position: a variant with two parameters exchanged would show by their names."""
    names = list(REGISTRY.inputs(workload, "tiny"))
    for variant in REGISTRY.variants[workload]:
        if variant.backend != "cython":
            kernel = REGISTRY.load(variant)
            assert list(inspect.signature(kernel.python_function).parameters) == names, variant.id
    source = (ROOT / "kernels" / workload / f"{workload}_cython.pyx").read_text("utf-8")
    for variant in REGISTRY.variants[workload]:
        if variant.backend == "cython":
            signature = re.search(rf"^def {variant.name}\(([^)]*)\)", source, re.MULTILINE)
            parameters = re.sub(r"\[[^]]*\]|:\s*\w+", "", signature[1]).split(",")
            assert [words.split()[-1] for words in parameters if words.strip()] == names, variant.id


@pytest.mark.parametrize("workload", SIZES)
def test_the_sizes_are_those_agreed(workload):
    """Reports of two machines compare only if a size means the same everywhere; tiny is the least work."""
    definition = REGISTRY.workload(workload)
    assert definition.sizes == SIZES[workload]
    assert definition.default_sizes == ("small", "medium")
    assert definition.smallest == "tiny"


@pytest.mark.parametrize("workload", SIZES)
def test_the_cost_models_are_positive_and_grow(workload):
    """Work is counted in the definition's own units; nothing costs less at a larger size."""
    definition = REGISTRY.workload(workload)
    for parameters in definition.sizes.values():
        assert definition.work(**parameters) == UNITS_OF_WORK[workload](**parameters)
        assert definition.operations(**parameters) > 0
        assert definition.bytes(**parameters) > 0
    ladder = [definition.sizes[size] for size in ("tiny", "small", "medium", "large")]
    for cost in (definition.work, definition.operations):
        costs = [cost(**parameters) for parameters in ladder]
        assert costs == sorted(set(costs))
    traffic = [definition.bytes(**parameters) for parameters in ladder]
    assert traffic == sorted(traffic)


@pytest.mark.parametrize("workload", SIZES)
def test_there_are_laws_and_probes(workload):
    """At least two of each, and a law is documented, since its name is what a failure says."""
    definition = REGISTRY.workload(workload)
    assert len(definition.laws) >= 2
    assert all(law.__doc__ for law in definition.laws)
    assert len(definition.probes()) >= 2


@pytest.mark.parametrize("workload", SIZES)
def test_inputs_and_probes_are_the_same_at_every_call(workload):
    """Two runs measure and check the same numbers, to the bit, in the order of the parameters."""
    definition = REGISTRY.workload(workload)
    tiny = definition.sizes["tiny"]
    for made, again in (
        (definition.inputs(**tiny), definition.inputs(**tiny)),
        *zip(definition.probes().values(), definition.probes().values(), strict=True),
    ):
        assert list(made) == list(again) == list(definition.inputs(**tiny))
        for one, other in zip(made.values(), again.values(), strict=True):
            assert type(one) is type(other)
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


@pytest.mark.parametrize("workload", SIZES)
def test_all_numbers_are_float64(workload):
    """No input is of single precision; counts are integers."""
    for inputs in (REGISTRY.inputs(workload, "tiny"), *REGISTRY.workload(workload).probes().values()):
        for value in inputs.values():
            assert np.asarray(value).dtype in (np.float64, np.int64)


# --- trapezoid ---


def parabola(x):
    return 2.0 * x**2 + 3.0 * x + 1.0


@pytest.mark.parametrize("id", variants("trapezoid"))
def test_the_trapezoid_rule_is_off_by_its_error_term(id):
    """Above 368/3 by 2.13e-5 at n = 1,000 and 2.13e-7 at 10,000: (b - a) h^2 f'' / 12 = 16 h^2 / 12."""
    for n, error in ((1_000, 2.13e-5), (10_000, 2.13e-7)):
        off = run(id, 1.0, 5.0, n) - 368.0 / 3.0
        assert off == pytest.approx(error, rel=5e-3)
        assert off == pytest.approx(16.0 / 12.0 * (4.0 / n) ** 2, rel=1e-5)


@pytest.mark.parametrize("id", variants("trapezoid"))
def test_the_trapezoid_rule_is_of_second_order(id):
    """Twice the intervals, a quarter of the error."""
    coarse, fine = (run(id, 1.0, 5.0, n) - 368.0 / 3.0 for n in (200, 400))
    assert math.log2(coarse / fine) == pytest.approx(2.0, abs=1e-6)


def test_adding_the_end_twice_is_another_order():
    """The tutorial's loop adds f(b) in full: off by h f(b) = 0.264 at n = 1,000, and of first order."""
    wrong = [run("trapezoid/python/loops", 1.0, 5.0, n) + 4.0 / n * parabola(5.0) for n in (1_000, 2_000)]
    coarse, fine = (value - 368.0 / 3.0 for value in wrong)
    assert coarse == pytest.approx(0.264, abs=1e-4)
    assert math.log2(coarse / fine) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    "id", ["trapezoid/numba/loops", "trapezoid/numpy/blocked", "trapezoid/numexpr/blocked"]
)
def test_ten_million_terms_are_within_the_tolerance(id):
    """What is measured at the largest size still has the error term's value to 1e-12."""
    exact = 368.0 / 3.0 + 16.0 / 12.0 * 4e-7**2
    assert run(id, 1.0, 5.0, 10_000_000) == pytest.approx(exact, rel=1e-12)


def test_adding_h_up_drifts_beyond_the_tolerance():
    """x += h is within 1e-12 at small n, so no probe can object to it, but 1e-10 off at ten million."""
    for n, drifts in ((101, False), (10_000_000, True)):
        h = 4.0 / n
        x = np.cumsum(np.concatenate([[1.0], np.full(n - 1, h)]))[1:]
        drifted = h * (0.5 * (parabola(1.0) + parabola(5.0)) + parabola(x).sum())
        exact = 368.0 / 3.0 + 16.0 / 12.0 * h**2
        assert (abs(drifted / exact - 1.0) > 1e-12) == drifts


ends = st.floats(-50.0, 50.0)


@properties
@given(a=ends, b=ends, n=st.integers(1, 300))
@pytest.mark.parametrize("id", ["trapezoid/numpy/vectorized", "trapezoid/numpy/blocked"])
def test_the_error_term_is_exact_on_any_interval(id, a, b, n):
    """The fourth derivative being 0, T = F(b) - F(a) + (b - a)^3 / (3 n^2), for a > b as well."""
    scale = 1.0 + abs(b - a) * max(parabola(abs(a)), parabola(abs(b)))
    # F(b) - F(a) of the primitive F, (b - a) taken out: the difference itself loses its digits where the ends are near.
    integral = (b - a) * (2.0 * (a * a + a * b + b * b) / 3.0 + 1.5 * (a + b) + 1.0)
    exact = integral + (b - a) ** 3 / (3.0 * n**2)
    assert run(id, a, b, n) == pytest.approx(exact, abs=1e-12 * scale)


@properties
@given(a=ends, width=st.floats(0.5, 20.0), n=st.integers(1, 200))
@pytest.mark.parametrize("id", ["trapezoid/numpy/vectorized", "trapezoid/numpy/blocked"])
def test_integrals_add_up_and_change_sign(id, a, width, n):
    """Two adjoining intervals of n add up to one of 2n; from b to a is minus from a to b."""
    middle, b = a + width, a + 2.0 * width
    scale = 1.0 + 2.0 * width * max(parabola(abs(a)), parabola(abs(b)))
    whole = run(id, a, b, 2 * n)
    assert run(id, a, middle, n) + run(id, middle, b, n) == pytest.approx(whole, abs=1e-12 * scale)
    assert run(id, b, a, 2 * n) == pytest.approx(-whole, abs=1e-12 * scale)


# --- laplace ---


def warm_edge(n):
    u = np.zeros((n, n))
    u[0] = 1.0
    return u


def discrete_limit(n):
    """What the updates converge to on the interior: the warm edge's part in each sine mode over its decay."""
    edge = np.zeros((n - 2, n - 2))
    edge[0] = 0.25
    cosine = np.cos(np.arange(1, n - 1) * np.pi / (n - 1))
    return fft.idstn(fft.dstn(edge, type=1) / (1.0 - (cosine[:, None] + cosine) / 2.0), type=1)


@pytest.mark.parametrize("id", ["laplace/numba/loops", "laplace/numpy/flat"])
def test_eight_thousand_updates_are_not_convergence(id):
    """The tutorial's "converged" grid is 7e-3 off at its centre, and below the limit everywhere."""
    missing = discrete_limit(100) - run(id, warm_edge(100), 0.1, 0.1, 8_000)[1:-1, 1:-1]
    assert missing[49, 49] == pytest.approx(7.2e-3, rel=0.01)
    assert missing.min() > 0.0


def test_forty_thousand_updates_are_convergence():
    """The slowest mode is down to 7e-10 at the centre, where the continuum's value is 1/4."""
    grid = run("laplace/numba/loops", warm_edge(101), 0.1, 0.1, 40_000)
    assert grid[50, 50] == pytest.approx(0.25, abs=2e-9)
    missing = discrete_limit(100) - run("laplace/numba/loops", warm_edge(100), 0.1, 0.1, 40_000)[1:-1, 1:-1]
    assert missing[49, 49] == pytest.approx(7.2e-10, rel=0.01)


@pytest.mark.parametrize("id", variants("laplace"))
def test_one_update_tells_jacobi_from_gauss_seidel(id):
    """In place, the second point of a row reads the first one's new value: 0.3125 in place of 0.25."""
    u = warm_edge(6)
    jacobi = run(id, u, 0.1, 0.1, 1)
    in_place = u.copy()
    for i in range(1, 5):
        for j in range(1, 5):
            neighbours = in_place[i + 1, j] + in_place[i - 1, j] + in_place[i, j + 1] + in_place[i, j - 1]
            in_place[i, j] = neighbours / 4.0
    assert np.allclose(jacobi[1, 1:-1], 0.25, rtol=0.0, atol=1e-15)
    assert not jacobi[2:, :].any()
    assert in_place[1, 2] == pytest.approx(0.3125)
    assert in_place[2, 1] == pytest.approx(0.0625)


grids = arrays(
    np.float64, st.tuples(st.integers(2, 9), st.integers(2, 9)), elements=st.floats(-1e3, 1e3, width=16)
)
spacings = st.sampled_from([0.1, 0.25, 1.0, 3.0])
numpy_laplace = pytest.mark.parametrize("id", ["laplace/numpy/slices", "laplace/numpy/flat"])


@properties
@given(u=grids, dx=spacings, dy=spacings, n_iter=st.integers(0, 6))
@numpy_laplace
def test_a_mean_lies_within_its_range(id, u, dx, dy, n_iter):
    """The maximum principle on any grid, and a boundary that stays as it was."""
    updated = run(id, u, dx, dy, n_iter)
    slack = 1e-12 * (1.0 + np.abs(u).max())
    assert updated.min() >= u.min() - slack
    assert updated.max() <= u.max() + slack
    updated[1:-1, 1:-1] = u[1:-1, 1:-1]
    assert np.array_equal(updated, u)


@properties
@given(u=grids, dx=spacings, dy=spacings, first=st.integers(0, 4), then=st.integers(0, 4))
@numpy_laplace
def test_updates_follow_one_another(id, u, dx, dy, first, then):
    """Some updates and then some more are all of them at once; none is merged or left out."""
    half_way = run(id, u, dx, dy, first)
    expected = run(id, u, dx, dy, first + then)
    assert np.allclose(
        run(id, half_way, dx, dy, then), expected, rtol=0.0, atol=1e-12 * (1.0 + np.abs(u).max())
    )


@properties
@given(u=grids, dx=spacings, dy=spacings, n_iter=st.integers(0, 4))
@numpy_laplace
def test_rows_and_columns_are_alike(id, u, dx, dy, n_iter):
    """The transposed grid with dx and dy exchanged is the transposed result."""
    expected = run(id, u, dx, dy, n_iter).T
    got = run(id, u.T, dy, dx, n_iter)
    assert np.allclose(got, expected, rtol=0.0, atol=1e-12 * (1.0 + np.abs(u).max()))


# --- pairwise ---


@pytest.mark.parametrize("id", variants("pairwise"))
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 2), (33, 5), (64, 9)])
def test_distances_are_those_of_scipy(id, shape):
    """cdist shares no line with any of ours; points far from zero and on both sides of it, too."""
    points = 10.0 * np.random.default_rng(shape).standard_normal(shape)
    assert np.allclose(run(id, points), cdist(points, points), rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("id", variants("pairwise"))
def test_points_close_together_keep_their_digits(id):
    """A distance of 1e-9 is right to 1e-12; by |x|^2 + |y|^2 - 2 x.y not one digit of it would be."""
    points = np.array([[0.5, 0.25, 0.75], [0.5, 0.25, 0.75]])
    points[1, 0] += 1e-9
    exact = points[1, 0] - points[0, 0]
    assert run(id, points)[0, 1] == pytest.approx(exact, rel=1e-12)
    square = points[0] @ points[0] + points[1] @ points[1] - 2.0 * points[0] @ points[1]
    assert abs(math.sqrt(max(square, 0.0)) / exact - 1.0) > 0.1


# Thousandths of a power of two, so that shifting and scaling are exact and so must be what follows from them.
point_sets = arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 6)),
    elements=st.integers(-4_096, 4_096).map(lambda i: i / 1_024),
)
numpy_pairwise = pytest.mark.parametrize("id", ["pairwise/numpy/broadcast", "pairwise/numpy/blocked"])


@properties
@given(points=point_sets)
@numpy_pairwise
def test_distances_are_a_metric(id, points):
    """Zero to itself, the same both ways, and no detour shorter (4 ulp)."""
    distances = run(id, points)
    assert not np.diagonal(distances).any()
    assert np.array_equal(distances, distances.T)
    detours = distances[:, :, None] + distances[None, :, :]
    assert (distances[:, None, :] <= detours * (1.0 + 4.0 * np.finfo(float).eps)).all()


@properties
@given(points=point_sets, shift=st.integers(-1_000, 1_000), power=st.integers(-20, 20))
@numpy_pairwise
def test_distances_move_and_grow_with_the_points(id, points, shift, power):
    """Shifted points have the same distances, scaled ones scaled distances, to the bit."""
    distances = run(id, points)
    assert np.array_equal(run(id, points + shift), distances)
    assert np.array_equal(run(id, points * 2.0**power), distances * 2.0**power)


# --- gibbs ---


def expectation_over(density, low, high):
    """E[g] of a density known up to its constant, by quadrature."""
    total, _ = integrate.quad(density, low, high, epsabs=0.0, epsrel=1e-11)
    return lambda g: integrate.quad(
        lambda z: g(z) * density(z) / total, low, high, epsabs=1e-12, epsrel=1e-11
    )[0]


def quadrature():
    """E[x], Var[x], E[y], Var[y] and corr(x, y), from the marginals and from E[y | x] = 1 / (1 + x)."""
    over_x = expectation_over(
        lambda x: x**2 * math.exp(-4.0 * x + 1.0 / (1.0 + x)) / math.sqrt(1.0 + x), 0.0, 20.0
    )
    over_y = expectation_over(lambda y: math.exp(-(y**2) + 2.0 * y) / (y**2 + 4.0) ** 3, -8.0, 10.0)
    mean_x, mean_y = over_x(lambda x: x), over_y(lambda y: y)
    var_x, var_y = over_x(lambda x: (x - mean_x) ** 2), over_y(lambda y: (y - mean_y) ** 2)
    covariance = over_x(lambda x: (x - mean_x) / (1.0 + x))
    return mean_x, var_x, mean_y, var_y, covariance / math.sqrt(var_x * var_y)


QUOTED = (0.651059, 0.153732, 0.635971, 0.335748, -0.220191)


def test_the_moments_quoted_are_those_of_the_density():
    """Quadrature gives E[x], Var[x], E[y], Var[y] and corr(x, y) to the six digits that are quoted."""
    assert quadrature() == pytest.approx(QUOTED, rel=0.0, abs=6e-7)


def test_the_conditionals_are_those_of_the_density():
    """x | y is Gamma(3) of rate y^2 + 4 and y | x is N(1/(1+x), 1/(2(1+x))): f over them is a constant."""
    x, y = np.linspace(0.05, 6.0, 40), np.linspace(-2.5, 3.5, 40)
    density = x[:, None] ** 2 * np.exp(-x[:, None] * y**2 - y**2 + 2.0 * y - 4.0 * x[:, None])
    over_gamma = density / stats.gamma.pdf(x[:, None], 3.0, scale=1.0 / (y**2 + 4.0))
    assert np.allclose(over_gamma, over_gamma[:1], rtol=1e-10)
    mean = 1.0 / (1.0 + x[:, None])
    over_normal = density / stats.norm.pdf(y, mean, np.sqrt(mean / 2.0))
    assert np.allclose(over_normal, over_normal[:, :1], rtol=1e-10)


def test_one_draw_at_a_time_is_the_same_stream():
    """NumPy gives the same numbers singly and in arrays: all backends can follow one path."""
    one, many = (np.random.Generator(np.random.PCG64(20)) for _ in range(2))
    for size in (1, 7, 500):
        assert [one.standard_gamma(3.0) for _ in range(size)] == many.standard_gamma(3.0, size).tolist()
        assert [one.standard_normal() for _ in range(size)] == many.standard_normal(size).tolist()


def test_a_long_run_samples_the_density():
    """200,000 compiled samples, 5 sweeps apart, have the quadrature's moments within 4.9 standard errors.

    A value depends on the one kept before it by less than 0.27^9 < 1e-5: the samples are as good as
    independent. Beyond 4.9 lies one in a million; the seed is fixed, so that this never flakes.
    """
    x, y = run("gibbs/numba/loops", 1, 200_000, 5, 3)[10:, 0].T
    mean_x, var_x, mean_y, var_y, correlation = quadrature()
    zx, zy = (x - mean_x) / math.sqrt(var_x), (y - mean_y) / math.sqrt(var_y)
    for name, deviation in {
        "E[x]": zx,
        "Var[x]": zx**2 - 1.0,
        "E[y]": zy,
        "Var[y]": zy**2 - 1.0,
        # what each sample does to the estimate of the correlation
        "corr": zx * zy - correlation - correlation / 2.0 * (zx**2 + zy**2 - 2.0),
    }.items():
        assert abs(deviation.mean()) < 4.9 * deviation.std() / math.sqrt(len(x)), name
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(correlation, abs=0.02)


def test_the_rate_taken_for_a_scale_is_far_off():
    """NumPy's gamma takes a scale: with y^2 + 4 in its place E[x] would be at least 12, not 0.65."""
    samples = run("gibbs/python/loops", 1, 2_000, 2, 1)
    assert samples[:, 0, 0].mean() == pytest.approx(QUOTED[0], abs=0.1)
    rng = np.random.Generator(np.random.PCG64(1))
    assert rng.gamma(3.0, samples[:, 0, 1] ** 2 + 4.0).mean() > 12.0


@properties
@given(
    chains=st.integers(1, 9),
    samples=st.integers(1, 5),
    sweeps=st.integers(1, 4),
    seed=st.integers(0, 2**63 - 1),
)
@pytest.mark.parametrize("id", ["gibbs/numpy/chainwise", "gibbs/numpy/inplace"])
def test_the_path_depends_on_the_seed_alone(id, chains, samples, sweeps, seed):
    """Whether a sweep is kept does not change the path: every sweeps-th of a run that keeps them all."""
    kept = run(id, chains, samples, sweeps, seed)
    everything = run(id, chains, samples * sweeps, 1, seed)
    assert kept.shape == (samples, chains, 2)
    assert np.array_equal(kept, everything[sweeps - 1 :: sweeps])


# --- lif ---

EXPONENTIAL = (0.1, 10.0, 2.0, 0.0, -75.0, -75.0, 10.0, 10.0, -55.0)  # the parameters in call order
PLAIN = (0.1, 10.0, 2.0, -55.0, -75.0, -75.0, 10.0, 0.0, -55.0)


def start(currents, v=-65.0):
    neurons = currents.shape[1]
    return currents, np.full(neurons, v), np.zeros(neurons, dtype=np.int64)


def test_the_two_parameter_sets_are_those_agreed():
    """The exponential neuron and the plain one, which differ in the threshold and in the exponential term."""
    inputs = REGISTRY.workload("lif").inputs
    for parameters, plain in ((EXPONENTIAL, 0), (PLAIN, 1)):
        made = inputs(4, 5_000, plain)
        assert tuple(made.values())[3:] == parameters
        assert made["current"].shape == (5_000, 4)
        assert made["current"].mean() == pytest.approx(300.0, abs=4.9 * 300.0 / math.sqrt(20_000))
        assert made["current"].std() == pytest.approx(300.0, rel=0.03)
        assert (made["v_init"] == -65.0).all()
        assert not made["refractory_init"].any()


@pytest.mark.parametrize("id", variants("lif"))
def test_both_models_spike(id):
    """If nobody fired, no branch would be measured: each neuron does, in the mean every 200 steps."""
    for plain in (0, 1):
        inputs = REGISTRY.workload("lif").inputs(neurons=12, steps=600, plain=plain)
        voltages, spikes = run(id, *inputs.values())
        assert spikes.dtype == bool
        assert spikes.any(axis=0).all()
        assert 1 / 400 < spikes.mean() < 1 / 100
        assert (voltages[spikes] == -75.0).all()


@pytest.mark.parametrize("id", variants("lif"))
def test_a_constant_current_has_a_closed_form(id):
    """v relaxes to V_L + I / g_L by (1 - dt/tau_m)^n; it spikes, and comes back, in the steps foretold."""
    target = -75.0 + 300.0 / 10.0
    voltages, spikes = run(id, *start(np.full((300, 3), 300.0)), *PLAIN)
    crossed = math.floor(math.log((-55.0 - target) / (-65.0 - target)) / math.log1p(-0.01)) + 1
    steps = np.arange(1, crossed + 1)
    expected = target + (-65.0 - target) * 0.99**steps
    assert np.allclose(voltages[:crossed], expected[:, None], rtol=0.0, atol=1e-9)
    again = math.floor(math.log((-55.0 - target) / (-75.0 - target)) / math.log1p(-0.01)) + 1
    period = 1 + 20 + again  # the spike, the refractory steps, and the way up from V_reset
    assert (np.flatnonzero(spikes[:, 0]) == np.arange(crossed, 300, period)).all()
    assert (voltages[crossed : crossed + 21] == -75.0).all()
    assert (voltages[crossed + 21] > -75.0).all()


@pytest.mark.parametrize("id", variants("lif"))
def test_at_the_threshold_is_not_above_it(id):
    """v = V_th integrates on, the next number above it spikes, and a refractory neuron does neither."""
    v_init = np.array([-55.0, np.nextafter(-55.0, 0.0), -20.0, -20.0])
    refractory = np.array([0, 0, 0, 2])
    voltages, spikes = run(id, np.full((4, 4), -100.0), v_init, refractory, *PLAIN)
    assert spikes.tolist() == [[False, True, True, False], *[[False] * 4] * 3]
    assert voltages[0].tolist() == pytest.approx([-55.3, -75.0, -75.0, -75.0])
    assert voltages[:, 3].tolist() == pytest.approx([-75.0, -75.0, -75.1, -75.199])


@pytest.mark.parametrize("id", variants("lif"))
def test_the_exponential_term_is_the_upswing(id):
    """At V_T it adds dt/tau_m times delta_t, 0.1 mV a step; the plain neuron lacks it."""
    (exponential, _), (plain, _) = (
        run(id, *start(np.zeros((1, 2)), v=-55.0), *parameters) for parameters in (EXPONENTIAL, PLAIN)
    )
    assert exponential == pytest.approx(plain + 0.1, abs=1e-12)
    assert plain == pytest.approx(np.full((1, 2), -55.2), abs=1e-12)


@properties
@given(
    seed=st.integers(0, 2**32 - 1), neurons=st.integers(1, 12), steps=st.integers(1, 60), plain=st.booleans()
)
@pytest.mark.parametrize("id", ["lif/numpy/where", "lif/numpy/inplace"])
def test_neurons_do_not_interact(id, seed, neurons, steps, plain):
    """Some neurons in another order do as they do among all; a shorter run is a run's beginning."""
    rng = np.random.default_rng(seed)
    current, v_init = rng.normal(500.0, 400.0, (steps, neurons)), rng.uniform(-80.0, 5.0, neurons)
    refractory = rng.integers(0, 30, neurons)
    parameters = PLAIN if plain else EXPONENTIAL
    voltages, spikes = run(id, current, v_init, refractory, *parameters)
    order = rng.permutation(neurons)[: max(1, neurons // 2)]
    shorter = max(1, steps // 2)
    some_voltages, some_spikes = run(
        id, current[:shorter, order], v_init[order], refractory[order], *parameters
    )
    assert np.array_equal(some_spikes, spikes[:shorter, order])
    assert np.allclose(some_voltages, voltages[:shorter, order], rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("size", ["tiny", "small", "medium"])
@pytest.mark.parametrize("name", REGISTRY.variants)
def test_every_workload_draws_what_it_computes(name, size):
    """From its smallest size to its largest by default, within a share of what a run file takes."""
    workload, inputs = REGISTRY.workload(name), REGISTRY.inputs(name, size)
    kernel = REGISTRY.load(next(variant for variant in REGISTRY.variants[name] if variant.backend == "numpy"))
    outputs = collect(kernel, workload, size, call(kernel, kernel.arguments(inputs), size))
    picture = Picture.draw(workload, REGISTRY.init_of(name), inputs, outputs)
    assert picture.caption
    assert len(json.dumps(picture.figure)) < 0.6 * LARGEST
