"""Laplace's equation by Jacobi updates: a stencil, whose price is the traffic of the grid."""

import numpy as np
from steelyard import Tolerance, Workload

from .picture import picture


def _read_only(array):
    array.flags.writeable = False
    return array


def inputs(n, n_iter):
    """A square grid at 0 with its first row at 1, and n_iter updates to do."""
    u = np.zeros((n, n))
    u[0] = 1.0
    return {"u": _read_only(u), "dx": 0.1, "dy": 0.1, "n_iter": n_iter}


def probes():
    """Random grids, also in the boundary, of every shape and with dx ≠ dy.

    On the named sizes dx = dy hides a swap of the two, symmetry one of left and right, and a boundary of
    zeros a second buffer whose boundary was never set. After n_iter = 0 the result is the grid, but a copy.
    """
    random = np.random.default_rng(20_240_501)

    def probe(rows, columns, n_iter, dx=0.1, dy=0.1):
        u = _read_only(random.uniform(-1.0, 1.0, (rows, columns)))
        return {"u": u, "dx": dx, "dy": dy, "n_iter": n_iter}

    return {
        "dx_differs_from_dy": probe(9, 9, 4, dx=0.1, dy=0.25),
        "dy_smaller_than_dx": probe(9, 9, 4, dx=0.3, dy=0.05),
        "wide_grid": probe(7, 41, 6),
        "tall_grid": probe(37, 6, 6, dx=0.2, dy=0.1),
        "no_update": probe(8, 11, 0),
        "one_update": probe(8, 11, 1),
        "two_updates": probe(8, 11, 2),
        "many_updates": probe(6, 5, 151),  # all are done, though the grid has long ceased to change
        "odd_number_of_updates": probe(13, 10, 7, dx=0.5, dy=0.4),
        "same_shape_other_grid": probe(13, 10, 7, dx=0.5, dy=0.4),
        "one_interior_point": probe(3, 3, 3),
        "one_interior_row": probe(3, 12, 5, dx=1.0, dy=2.0),
        "one_interior_column": probe(12, 3, 5, dx=1.0, dy=2.0),
        "no_interior_point": probe(2, 5, 3),
        "several_blocks": probe(210, 331, 3, dx=0.1, dy=0.15),
    }


def maximum_principle(inputs, outputs):
    """Means of the grid never leave the range of the grid: here 0 ≤ u ≤ 1, within rounding."""
    low, high = inputs["u"].min() - 1e-12, inputs["u"].max() + 1e-12
    smallest, largest = outputs["grid"].min(), outputs["grid"].max()
    if not (smallest >= low and largest <= high):
        return f"u runs from {smallest!r} to {largest!r}, outside [{low:g}, {high:g}]"
    return None


def boundary_stays_as_it_was(inputs, outputs):
    """The updates reach the interior only: the four edges are the input's, to the bit."""
    for edge, index in {"first row": 0, "last row": -1}.items():
        if not np.array_equal(outputs["grid"][index], inputs["u"][index]):
            return f"the {edge} changed"
    for edge, index in {"first column": 0, "last column": -1}.items():
        if not np.array_equal(outputs["grid"][:, index], inputs["u"][:, index]):
            return f"the {edge} changed"
    return None


def left_right_symmetry(inputs, outputs):
    """A grid that is its own mirror image stays so to the bit, because addition commutes."""
    u = inputs["u"]
    if not np.array_equal(u, u[:, ::-1]):
        return None
    mirrored = outputs["grid"][:, ::-1]
    if not np.array_equal(outputs["grid"], mirrored):
        i, j = np.unravel_index(np.argmax(np.abs(outputs["grid"] - mirrored)), u.shape)
        return f"u[{i}, {j}] = {outputs['grid'][i, j]!r}, its mirror image {mirrored[i, j]!r}"
    return None


def exact_discrete_solution(inputs, outputs):
    """For dx = dy and a zero interior, each sine mode decays by its own factor λ per update.

    The updates converge to U, which solves U = mean of the four neighbours. In the sine transform
    Û = b̂ / (1 − λ), where b holds what the boundary adds in one update, and u_n = U − IDST[λⁿ Û].
    """
    from scipy.fft import dstn, idstn

    u, n_iter = inputs["u"], inputs["n_iter"]
    rows, columns = u.shape[0] - 2, u.shape[1] - 2
    if inputs["dx"] != inputs["dy"] or min(rows, columns) < 1 or u[1:-1, 1:-1].any():
        return None
    added = np.zeros((rows, columns))
    added[0] += u[0, 1:-1] / 4.0
    added[-1] += u[-1, 1:-1] / 4.0
    added[:, 0] += u[1:-1, 0] / 4.0
    added[:, -1] += u[1:-1, -1] / 4.0
    k, j = np.arange(1, rows + 1), np.arange(1, columns + 1)
    decay = (np.cos(k * np.pi / (rows + 1))[:, None] + np.cos(j * np.pi / (columns + 1))) / 2.0
    # 1 − cos x as 2 sin²(x/2): near the slowest mode the difference would lose its digits.
    remaining = np.sin(k * np.pi / (2 * rows + 2))[:, None] ** 2 + np.sin(j * np.pi / (2 * columns + 2)) ** 2
    modes = dstn(added, type=1)
    modes *= 1.0 - decay**n_iter
    modes /= remaining
    exact = idstn(modes, type=1, overwrite_x=True)
    error = np.abs(outputs["grid"][1:-1, 1:-1] - exact)
    if not error.max() <= 1e-12:
        i, j = np.unravel_index(np.argmax(error), error.shape)
        got, want = outputs["grid"][i + 1, j + 1], exact[i, j]
        return f"u[{i + 1}, {j + 1}] = {got!r}, exactly {want!r} after {n_iter} updates"
    return None


WORKLOAD = Workload(
    title="Laplace's equation, Jacobi update",
    equation=(
        r"u'_{i,j} = \frac{(u_{i+1,j} + u_{i-1,j})\,\Delta y^2 + (u_{i,j+1} + u_{i,j-1})\,\Delta x^2}"
        r"{2\,(\Delta x^2 + \Delta y^2)}"
    ),
    sizes={
        "tiny": {"n": 12, "n_iter": 10},
        "small": {"n": 50, "n_iter": 20},
        "medium": {"n": 300, "n_iter": 20},
        "large": {"n": 2_000, "n_iter": 20},
        "converged": {"n": 100, "n_iter": 8_000},
    },
    inputs=inputs,
    outputs={"grid": Tolerance(absolute=1e-12)},
    probes=probes,
    picture=picture,
    laws=(maximum_principle, boundary_stays_as_it_was, left_right_symmetry, exact_discrete_solution),
    # One unit is one interior point in one update.
    work=lambda n, n_iter: (n - 2) ** 2 * n_iter,
    unit="point updates",
    # Three additions and two multiplications: the division is folded into the two weights, once per call.
    operations=lambda n, n_iter: 5 * (n - 2) ** 2 * n_iter,
    # Each update reads one grid and writes another, 8 bytes a point each, and so does the copy at the start.
    # A row is read once, not thrice: the two rows beside it are still in the cache.
    bytes=lambda n, n_iter: 16 * n * n * (n_iter + 1),
    description=(
        "The steady temperature of a plate with one warm edge. Every update reads the old grid and writes a"
        " new one (Jacobi); updating in place would be another algorithm (Gauss-Seidel) with another answer"
        " after the first update. There is little arithmetic per number, so memory traffic decides."
    ),
)
