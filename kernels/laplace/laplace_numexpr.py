"""Jacobi updates of Laplace's equation in numexpr."""

import numexpr
import numpy as np

__all__ = ["flat", "slices"]

# Compiled here once; numexpr.evaluate looks it up by its text at each call, which costs several microseconds.
update = numexpr.NumExpr(
    "(below + above) * weight_y + (right + left) * weight_x",
    [(name, np.float64) for name in ("below", "above", "right", "left", "weight_y", "weight_x")],
)


def slices(u, dx, dy, n_iter):
    """The formula in one pass over shifted slices, without temporaries of the grid's size."""
    u = u.copy()
    new = u.copy()
    dx2, dy2 = dx * dx, dy * dy
    for _ in range(n_iter):
        names = {
            "below": u[2:, 1:-1],
            "above": u[:-2, 1:-1],
            "right": u[1:-1, 2:],
            "left": u[1:-1, :-2],
            "dx2": dx2,
            "dy2": dy2,
        }
        numexpr.evaluate(
            "((below + above) * dy2 + (right + left) * dx2) / (2.0 * (dx2 + dy2))", names, out=new[1:-1, 1:-1]
        )
        u, new = new, u
    return u


def seam(u):
    """View of the last point of each row and the first of the next: neighbours in the flat grid."""
    rows, columns = u.shape
    return u.ravel()[columns - 1 : -1].reshape(rows - 1, columns)[:, :2]


def flat(u, dx, dy, n_iter):
    """The grid as one long row and the expression compiled ahead.

    numexpr evaluates contiguous operands in blocks of its own choice, but a 2-D slice row by row.
    The update runs over the first and last columns too and then puts them back. The division is folded into
    two weights, because numexpr would do it at every point.
    """
    u = u.copy()
    new = u.copy()
    dx2, dy2 = dx * dx, dy * dy
    weight_y, weight_x = 0.5 * dy2 / (dx2 + dy2), 0.5 * dx2 / (dx2 + dy2)
    columns = u.shape[1]
    edges = seam(u).copy()
    first, last = columns + 1, max(columns + 1, u.size - columns - 1)
    for _ in range(n_iter):
        old = u.ravel()
        # A compiled expression asks for ex_uses_vml whenever it is given out.
        update(
            old[first + columns : last + columns],
            old[first - columns : last - columns],
            old[first + 1 : last + 1],
            old[first - 1 : last - 1],
            weight_y,
            weight_x,
            out=new.ravel()[first:last],
            ex_uses_vml=False,
        )
        seam(new)[...] = edges
        u, new = new, u
    return u
