"""Jacobi updates of Laplace's equation in Numba."""

from numba import njit

__all__ = ["loops"]


# fastmath={"contract"} allows a multiplication and an addition to be one instruction, and no more: nothing
# here is summed up, so the loop is vectorised without reordering, and left-right symmetry stays exact.
@njit(error_model="numpy", fastmath={"contract"})
def loops(u, dx, dy, n_iter):
    """The loops of the definition, compiled; the division is folded into two weights ahead of them."""
    u = u.copy()
    new = u.copy()
    dx2, dy2 = dx * dx, dy * dy
    weight_y, weight_x = 0.5 * dy2 / (dx2 + dy2), 0.5 * dx2 / (dx2 + dy2)
    for _ in range(n_iter):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                new[i, j] = (u[i + 1, j] + u[i - 1, j]) * weight_y + (u[i, j + 1] + u[i, j - 1]) * weight_x
        u, new = new, u
    return u
