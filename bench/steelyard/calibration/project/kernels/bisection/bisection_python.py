"""Bisection, element by element."""

__all__ = ["loops"]

ROUNDS = 200


def loops(x: list):
    """One element after the other, as plain Python has it."""
    y = []
    for value in x:
        low, high = 1.0, 2.0
        for _ in range(ROUNDS):
            middle = 0.5 * (low + high)
            if middle * middle < value:
                low = middle
            else:
                high = middle
        y.append(high)
    return y
