"""Heron's rule, element by element."""

__all__ = ["loops"]

ROUNDS = 200


def loops(x: list):
    """One element after the other, as plain Python has it."""
    y = []
    for value in x:
        root = value
        for _ in range(ROUNDS):
            root = 0.5 * (root + value / root)
        y.append(root)
    return y
