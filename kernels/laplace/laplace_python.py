"""Jacobi updates of Laplace's equation in plain Python."""

__all__ = ["loops"]


def loops(u: list[list[float]], dx: float, dy: float, n_iter: int) -> list[list[float]]:
    """The definition over lists of rows; naming the three rows once saves half of the indexing."""
    u = [row[:] for row in u]
    new = [row[:] for row in u]
    dx2, dy2 = dx * dx, dy * dy
    denominator = 2.0 * (dx2 + dy2)
    for _ in range(n_iter):
        for i in range(1, len(u) - 1):
            above, row, below, new_row = u[i - 1], u[i], u[i + 1], new[i]
            for j in range(1, len(row) - 1):
                new_row[j] = ((below[j] + above[j]) * dy2 + (row[j + 1] + row[j - 1]) * dx2) / denominator
        # Two buffers: written back into u, the update would read its own results (Gauss-Seidel).
        u, new = new, u
    return u
