"""Relaxation by list comprehensions."""

__all__ = ["passes"]

ROUNDS = 200


def passes(x: list):
    """A new list for every pass."""
    y = [1.0] * len(x)
    for _ in range(ROUNDS):
        y = [old + 0.5 * (target - old) for old, target in zip(y, x, strict=True)]
    return y
