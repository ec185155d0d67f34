"""Gibbs sampler of a bivariate density in numexpr: two expressions over all chains, and NumPy's draws."""

import numexpr
import numpy as np

__all__ = ["compiled", "expressions"]


def expressions(chains, samples, sweeps, seed):
    """The definition as two expressions a sweep. To find them by their text takes the time."""
    rng = np.random.Generator(np.random.PCG64(seed))
    kept = np.empty((samples, chains, 2))
    names = {"x": np.zeros(chains), "y": np.zeros(chains)}
    for n in range(samples):
        for _ in range(sweeps):
            names["gamma"] = rng.standard_gamma(3.0, chains)
            names["x"] = numexpr.evaluate("gamma / (y**2 + 4)", names)
            names["normal"] = rng.standard_normal(chains)
            names["y"] = numexpr.evaluate("1 / (1 + x) + normal / sqrt(2 * (1 + x))", names)
        kept[n, :, 0] = names["x"]
        kept[n, :, 1] = names["y"]
    return kept


def program(expression, operands):
    """An expression over float64 operands, compiled once: a call of it costs a tenth of ``evaluate``'s."""
    run = numexpr.NumExpr(expression, [(name, np.float64) for name in operands.split()])
    return lambda *values, out: run(*values, out=out, ex_uses_vml=False)


next_x = program("gamma / (y * y + 4)", "gamma y")
next_y = program("1 / (1 + x) + normal * sqrt(0.5 / (1 + x))", "x normal")


def compiled(chains, samples, sweeps, seed):
    """Expressions compiled in advance and outputs allocated once: what is left is the draws and the calls."""
    rng = np.random.Generator(np.random.PCG64(seed))
    kept = np.empty((samples, chains, 2))
    x, y, gamma, normal = np.zeros((4, chains))
    for n in range(samples):
        for _ in range(sweeps):
            rng.standard_gamma(3.0, out=gamma)
            next_x(gamma, y, out=x)
            rng.standard_normal(out=normal)
            next_y(x, normal, out=y)
        kept[n, :, 0] = x
        kept[n, :, 1] = y
    return kept
